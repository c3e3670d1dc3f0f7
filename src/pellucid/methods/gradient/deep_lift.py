"""DeepLIFT, by the rescale rule."""

from __future__ import annotations

from typing import ClassVar

from pellucid.core.field import Field
from pellucid.core.rules import Rescale
from pellucid.core.types import Array
from pellucid.methods.params import param

from .family import GradientMethod
from .integrated_gradients import gap


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

    Shapes: ``x, baseline, values: (n, *features)``.
    Cost: two forward passes and one backward pass per row.
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

    strict: bool = param(
        default=True, doc="refuse an operation that changes values and has no rule, instead of naming it"
    )

    def attribute(self, f: Field) -> Array:
        rule = Rescale(strict=self.strict)
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


def check_rules(f: Field, rule: Rescale) -> None:
    """Name the operations whose plain gradient was taken for want of a rule."""
    missing = list(rule.seen.missing)
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
