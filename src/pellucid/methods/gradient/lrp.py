"""LRP: relevance handed down from the output, layer by layer."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from pellucid.core.errors import ParameterError, nearest
from pellucid.core.field import Field
from pellucid.core.lrp import NAMED, TINY, Composite, Ledger
from pellucid.core.types import Array
from pellucid.methods.params import param

from .family import GradientMethod


class LRP(GradientMethod):
    r"""Hand the output down layer by layer, each unit's share to its inputs in proportion to what they gave it.

    .. math:: R_j = \sum_k \frac{\rho(x_j w_{jk})}{\epsilon + \sum_{j'} \rho(x_{j'} w_{j'k})} R_k

    where the rule of the layer chooses :math:`\rho`: all contributions (epsilon), the positive ones (z-plus), those
    weighed by sign (alpha-beta, gamma), or the same for every input (flat). The sum is kept from layer to layer: the
    values and what biases received add up to f(x). Relevance tells how the network came to its output by these
    rules, not what a change of the input would do, and other rules tell it differently. Flat smooths over the first
    kernel's width; z-plus alone, in every layer, hardly depends on the class. For transformers (AttnLRP) softmax is
    expanded at its input, products share equally, and normalisation counts as a constant factor.

    Shapes: ``x, values: (n, *features)``.
    Cost: one forward pass and one gradient per row, in two to four times the time of a plain gradient.
    Raises: `CapabilityError` when an operation has no rule, unless `strict` is off; `ParameterError` for a composite
    that is not known.

    >>> LRP(composite="epsilon_plus_flat")(net, images, target=3).values.shape
    (4, 1, 32, 32)
    >>> LRP(composite=EpsilonGammaBox(low=-3, high=3))(net, images, target=3).values.shape
    (4, 1, 32, 32)
    """

    paper = (
        "Bach et al. (2015). On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance "
        "Propagation. doi:10.1371/journal.pone.0130140; "
        "Montavon et al. (2019). Layer-Wise Relevance Propagation: An Overview. doi:10.1007/978-3-030-28954-6_10; "
        "Achtibat et al. (2024). AttnLRP: Attention-Aware Layer-Wise Relevance Propagation. arXiv:2402.05602"
    )
    title: ClassVar[str] = "LRP"

    composite: str | Composite = param(
        default="epsilon_plus_flat",
        doc="rules by layer: epsilon_plus_flat, epsilon_plus, epsilon_alpha2_beta1, epsilon (for transformers), or a "
        "Composite, such as EpsilonGammaBox(low=-3, high=3)",
    )
    epsilon: float = param(
        default=TINY,
        doc="absorbs relevance where a dense layer's contributions cancel; for named composites",
        min=0,
    )
    strict: bool = param(
        default=True,
        doc="refuse an operation without a rule, instead of expanding it to first order and saying so",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.composite, Composite):
            if self.epsilon != TINY:
                raise ParameterError(
                    "LRP(epsilon=...) is for named composites.", fix="Give the composite its own."
                )
        elif self.composite == "epsilon_gamma_box":
            raise ParameterError(
                "The gamma-box composite needs the limits of the input.",
                fix="Pass composite=EpsilonGammaBox(low=..., high=...).",
            )
        elif self.composite not in NAMED:
            raise ParameterError(
                "LRP(composite=...) must be a Composite or its name.",
                got=repr(self.composite),
                fix=nearest(str(self.composite), NAMED),
            )

    def attribute(self, f: Field) -> Array:
        ledger, named = Ledger(), isinstance(self.composite, str)
        composite = NAMED[self.composite](self.epsilon) if isinstance(self.composite, str) else self.composite
        strict = self.strict and (named or composite.strict)
        values = f.ruled(replace(composite, strict=strict, ledger=ledger)).grad(f.x)
        f.notes.certify(kind="exact", exact=not ledger.unruled)
        _judge(f, ledger)
        return values


def _judge(f: Field, ledger: Ledger) -> None:
    start, received, constant, absolute = (
        np.array(v) for v in (ledger.start, ledger.received, ledger.constant, ledger.absolute)
    )
    missing, size = start - received - constant, np.maximum(np.abs(start), 0.01 * absolute)
    if not ledger.by_row:
        missing, size = np.abs(missing.sum()), size.sum()
    f.notes.check(
        "conservation",
        np.abs(missing) / np.maximum(size, 1e-30),
        warn=0.01,
        fail=0.10,
        meaning="What the input and the biases received does not add up to the output: relevance was lost or made.",
        advice="Lower epsilon, or choose a composite with the epsilon rule alone.",
    )
    f.notes.check(
        "outside_box",
        float(ledger.outside),
        warn=0,
        fail=np.inf,
        meaning="Some inputs of the first layer lie outside the low and high of the z-box rule.",
        advice="Give the limits of the first layer's input, after any normalisation.",
    )
    f.notes.check(
        "operations",
        float(bool(ledger.unruled)),
        warn=0,
        fail=np.inf,
        meaning=f"No rule is known for {', '.join(ledger.unruled)}: expanded to first order."
        if ledger.unruled
        else "Every operation has a rule.",
        advice="Read the values with care, or use integrated gradients." if ledger.unruled else "",
    )
