"""DeepLIFT, by the rescale rule or by RevealCancel."""

from __future__ import annotations

from typing import ClassVar

from pellucid.core.field import Field
from pellucid.core.rules import Rescale, RevealCancel, Rule
from pellucid.core.types import Array
from pellucid.methods.params import param

from .family import GradientMethod
from .integrated_gradients import gap

RULES: dict[str, type[Rule]] = {"rescale": Rescale, "reveal_cancel": RevealCancel}


class DeepLift(GradientMethod):
    r"""Share the change of the output since the baseline out, operation by operation, by changes instead of slopes.

    .. math:: \phi_i(x) = (x_i - x'_i)\, m_i, \qquad
              m = \prod_{\text{operations}} \frac{\Delta \text{out}}{\Delta \text{in}}

    where :math:`\Delta` is the difference between the pass at x and that at the baseline. Products split their change
    by the mean of the other factor, maxima by the cross-maximum rule; softmax and normalisations are taken apart into
    these. Complete: the values add up to :math:`f(x) - f(x')`, in one backward pass, where a gradient saturates too.
    It depends on how the network is written, not on the function alone: two networks that compute the same may be
    explained differently. The baseline decides what the answer means. Every operation is seen, in modules, functions
    and attention alike; one that changes values and has no rule is refused by name.

    ``rule="reveal_cancel"`` carries the positive and the negative part of each change apart, and gives each its own
    multiplier at a non-linearity: what it adds, averaged over which of the two comes first. Choose it where inputs
    cancel inside a network of dense layers or convolutions: of ``min(a, b)``, written as ``a - relu(a - b)``, rescale
    gives everything to ``a`` or to ``b``, RevealCancel half to each, as Shapley values do. Rescale is faster, changes
    less with small changes of the input, and is all there is for products, softmax, norms and maxima, which have one
    multiplier under either rule; the check ``rule`` names them.

    Shapes: ``x, baseline, values: (n, *features)``.
    Cost: two forward passes and one backward pass per row; with RevealCancel about twice that.
    Raises: `CapabilityError` when an operation has no rule (with ``strict=False`` its plain gradient is taken and a
    check names it), when the baseline takes another path through the model, or when the model has no gradients.

    >>> DeepLift()(net, images, target=3, baseline="blur").values.shape
    (4, 1, 32, 32)
    """

    paper = (
        "Shrikumar, Greenside, Kundaje (2017). Learning Important Features Through Propagating Activation "
        "Differences. arXiv:1704.02685"
    )
    title: ClassVar[str] = "DeepLIFT"
    complete: ClassVar[bool] = True

    rule: str = param(
        default="rescale",
        doc="how a non-linearity shares its change out",
        choices=("rescale", "reveal_cancel"),
    )
    strict: bool = param(
        default=True, doc="refuse an operation that changes values and has no rule, instead of naming it"
    )

    def attribute(self, f: Field) -> Array:
        rule = RULES[self.rule](strict=self.strict)
        values = (f.x - f.baseline) * f.multipliers(rule)
        check_rules(f, rule)
        check_sum(f, values)
        whole = all(check.status == "ok" for check in f.notes.checks)
        f.notes.certify(kind="exact" if whole else "unknown", exact=whole)
        return values


def check_sum(f: Field, values: Array) -> None:
    """Whether the values add up to f(x) - f(baseline)."""
    f.notes.check(
        "completeness",
        gap(f.numbers(values), f.numbers(f.output - f.base)),
        warn=1e-3,
        fail=1e-2,
        meaning="The values do not add up to the change of the output.",
        advice="A value may leave the gradient's path (detach, no_grad); try IntegratedGradients.",
    )


def check_rules(f: Field, rule: Rule) -> None:
    """Name the operations whose plain gradient was taken for want of a rule, and the rule that the others followed."""
    missing, rescaled = list(rule.seen.missing), list(rule.seen.rescaled)
    f.notes.check(
        "operations",
        float(len(missing)),
        warn=0,
        fail=1e9,
        meaning=f"No rule for {', '.join(missing)}: the plain gradient was taken."
        if missing
        else "Every operation has a rule.",
        advice="Trust the completeness check, or use IntegratedGradients." if missing else "",
    )
    followed = "Rescale" if isinstance(rule, Rescale) else "RevealCancel"
    f.notes.check(
        "rule",
        float(len(rescaled)),
        warn=1e9,
        fail=1e9,
        meaning=f"RevealCancel; Rescale for {', '.join(rescaled)}, which it does not cover."
        if rescaled
        else f"Every operation followed {followed}.",
    )
