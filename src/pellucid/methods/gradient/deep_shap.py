"""Deep SHAP: DeepLIFT averaged over a background."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.field import Field
from pellucid.core.run import batches, tracking
from pellucid.core.types import Array, NpArray
from pellucid.methods.params import param

from .deep_lift import RULES, check_rules, check_sum
from .family import GradientMethod
from .noise_tunnel import Moments


class DeepShap(GradientMethod):
    r"""DeepLIFT against every row of a background in turn, averaged: an approximation of Shapley values.

    .. math:: \phi_i(x) = \frac{1}{B} \sum_{b=1}^{B} (x_i - x^{(b)}_i)\, m_i\bigl(x, x^{(b)}\bigr)

    with DeepLIFT's multipliers :math:`m`. The values add up to f(x) less the mean of f over the background. They are
    Shapley values for a linear model, close to them where features hardly interact, and biased elsewhere: the
    half-width is the error of the average over the background, not that of the approximation. Some dozens of real
    rows make a background.

    Shapes: ``x, values: (n, *features)``, ``background: (b, *features)``; half-widths like the values.
    Cost: two forward passes and one backward pass per row and background row.
    Raises: `ParameterError` without a background of at least two rows; `CapabilityError` as `DeepLift` does.

    >>> DeepShap()(net, images, target=3, background=images).values.shape
    (4, 1, 32, 32)
    """

    paper = "Lundberg, Lee (2017). A Unified Approach to Interpreting Model Predictions. arXiv:1705.07874"
    title: ClassVar[str] = "Deep SHAP"
    complete: ClassVar[bool] = True
    rule: str = param(
        default="rescale",
        doc="DeepLIFT's rule; reveal_cancel is nearer to Shapley values where inputs cancel",
        choices=("rescale", "reveal_cancel"),
    )
    samples: int = param(default=100, doc="at most so many background rows, drawn without replacement", min=2)
    strict: bool = param(
        default=True, doc="refuse an operation that changes values and has no rule, instead of naming it"
    )

    @property
    def averages(self) -> bool:
        return True

    def _check_reference(self, baseline: Any, background: Any) -> None:
        if baseline is not None:
            raise ParameterError(
                "DeepShap takes the rows of a background as baselines.",
                fix="Leave baseline out, or use DeepLift.",
            )

    def attribute(self, f: Field) -> Array:
        chosen = self._chosen(f)
        rule, sums, base = RULES[self.rule](strict=self.strict), Moments(), []
        with tracking(f.run, "background rows", len(chosen)) as advance:
            for block in batches(len(chosen), max(1, f.rows_per_batch(len(chosen)) // (2 * f.n))):
                rule.seen.references.clear()
                many = f.against(f.references(chosen[block]))
                values = (many.x - many.baseline) * many.multipliers(rule)
                sums.add(values.reshape((-1, f.n, *f.x.shape[1:])))
                base.append(many.base.reshape((-1, f.n)))
                advance(block.stop - block.start)
        mean, _, spread = sums.results(square=False)
        f.take(base=f.xp.concat(base).mean(0))
        f.notes.certify(half_width=_quantile(len(chosen)) * spread / len(chosen) ** 0.5, kind="sampling")
        check_rules(f, rule)
        check_sum(f, mean)
        return mean

    def _chosen(self, f: Field) -> NpArray:
        """(samples, n) numbers of background rows, the same for every row."""
        rows = 0 if f.background is None else int(f.background.shape[0])
        if rows < 2:
            raise ParameterError(
                "DeepShap averages over background rows, at least two.",
                got=f"background of {rows}" if rows else "no background",
                fix="Pass background=, or use DeepLift with one baseline.",
            )
        taken = np.arange(rows)
        if rows > self.samples:
            taken = np.sort(f.run.generator().choice(rows, self.samples, replace=False))
        return np.repeat(taken[:, None], f.n, axis=1)


def _quantile(count: int) -> float:
    """Of the t distribution, for a 95 % interval."""
    from scipy.stats import t

    return float(t.ppf(0.975, count - 1))
