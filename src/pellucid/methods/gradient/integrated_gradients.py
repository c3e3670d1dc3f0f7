"""Integrated gradients."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.field import Field
from pellucid.core.types import Array, NpArray
from pellucid.methods.params import param

from .family import GradientMethod
from .quadrature import FIRST, chebyshev, combine, with_companion


class IntegratedGradients(GradientMethod):
    r"""Average the gradient on the straight line from the baseline to the input.

    .. math:: \phi_i(x) = (x_i - x'_i) \int_0^1 \partial_i f\bigl(x' + \alpha (x - x')\bigr) \, d\alpha

    Complete: the values add up to :math:`f(x) - f(x')`. By default the path is refined, row by row, until what is
    missing to that sum and what the next refinement would still change are both small; `steps` fixes the number of
    points instead. The half-width is twice the change of the last refinement, plus a floor: completeness alone can
    be met by luck. The baseline decides what the answer means: choose one that stands for "nothing there".

    Shapes: ``x, baseline, values: (n, *features)``; half-widths alike.
    Cost: ``steps`` gradients per row; by default 9 to 17 on smooth networks, 17 to some hundreds on ReLU networks.
    Raises: `CapabilityError` when the model has no gradients.

    >>> IntegratedGradients(tolerance=0.01)(net, images, target=3, baseline="blur").values.shape
    (4, 1, 32, 32)
    """

    paper = "Sundararajan, Taly, Yan (2017). Axiomatic Attribution for Deep Networks. arXiv:1703.01365"
    title: ClassVar[str] = "Integrated gradients"
    complete: ClassVar[bool] = True

    tolerance: float = param(
        default=0.01,
        doc="refine until the sum misses less than this share, and a refinement would change less than twice it",
        min=0,
    )
    steps: int | None = param(
        default=None, doc="a fixed number of points on the path; None refines to the tolerance", min=1
    )
    max_steps: int = param(
        default=4097, doc="where refining stops, with a warning if the tolerance is not met", min=9
    )

    def attribute(self, f: Field) -> Array:
        step = f.numbers(f.x - f.baseline)
        if self.steps is None:
            values, change = Refined(f, step, self).values()
        else:
            fine, coarse = _sums(f, *with_companion(self.steps))
            values, change = step * fine, step * (fine - coarse)
        self._judge(f, step, values, change)
        return f.model.native(values)

    def _judge(self, f: Field, step: NpArray, values: NpArray, change: NpArray) -> None:
        if self.steps != 1:
            size = f.norm(change)
            per_row = (size / np.maximum(f.norm(step), 1e-30)).reshape(-1, *(1,) * (step.ndim - 1))
            half_width = 2 * np.abs(change) + np.abs(step) * per_row
            f.notes.certify(half_width=half_width.astype(values.dtype), kind="discretisation")
            f.notes.check(
                "discretisation",
                size / np.maximum(f.norm(values), 1e-30),
                warn=0.05,
                fail=0.20,
                meaning="The last refinement of the path still changed the values by more than a twentieth.",
                advice="Raise max_steps, or set steps higher.",
            )
        f.notes.check(
            "completeness",
            gap(values, f.numbers(f.output - f.base)),
            warn=1.0001 * (self.tolerance if self.steps is None else 0.02),
            fail=0.10,
            meaning="The values do not add up to the change of the output.",
            advice="Raise max_steps, or set steps higher.",
        )


class Refined:
    """Nested levels of 9, 17, 33, ... points; rows that are done drop out, and memory does not grow with points."""

    def __init__(self, f: Field, step: NpArray, method: IntegratedGradients) -> None:
        self.f, self.step, self.method = f, step, method
        self.done: list[tuple[NpArray, NpArray, NpArray]] = []

    def values(self) -> tuple[NpArray, NpArray]:
        """Attributions (n, *features), and how much the last refinement changed them."""
        rows, n, before = np.arange(self.f.n), FIRST, None
        inner, ends, coarse = self._start()
        difference = self.f.numbers(self.f.output - self.f.base)
        while True:
            scale, rest = combine(n)
            fine = self.step[rows] * (scale * inner + rest * ends)
            change = self.f.norm(fine - coarse)
            expected = (
                change if before is None else change * np.minimum(1, change / np.maximum(before, 1e-30)) ** 2
            )
            settled = expected <= 2 * self.method.tolerance * self.f.norm(fine)
            good = settled & (gap(fine, difference[rows]) <= self.method.tolerance)
            stop = good | (2 * n + 1 > self.method.max_steps)
            self.done.append((rows[stop], fine[stop], (fine - coarse)[stop]))
            if stop.all():
                return self._collected()
            rows, before, coarse = rows[~stop], change[~stop], fine[~stop]
            inner, ends, n = inner[~stop], ends[~stop], 2 * n
            left = self.f if len(rows) == self.f.n else self.f.only(rows)
            inner = inner + _sums(left, *chebyshev(n, new=True))[1]

    def _start(self) -> tuple[NpArray, NpArray, NpArray]:
        old, new, ends = _sums(self.f, *chebyshev(FIRST, new=False))
        scale, rest = combine(FIRST // 2)
        return old + new, ends, self.step * (scale * old + rest * ends)

    def _collected(self) -> tuple[NpArray, NpArray]:
        order = np.argsort(np.concatenate([rows for rows, _, _ in self.done]))
        values, change = (np.concatenate([d[i] for d in self.done])[order] for i in (1, 2))
        return values, change


def _sums(f: Field, nodes: NpArray, weights: NpArray) -> NpArray:
    """Weighted sums of the gradients on the straight path, (sums, n, *features)."""
    step = f.x - f.baseline
    return f.numbers(f.mean_grad(lambda a: f.baseline + a * step, nodes, weights))


def gap(values: NpArray, difference: NpArray) -> NpArray:
    """(n,) what is missing to completeness, as a share of f(x) - f(baseline).

    Where the two outputs all but agree, as a share of a hundredth of the values' own size.
    """
    flat = values.reshape(len(values), -1)
    size = np.maximum(np.abs(difference), 0.01 * np.abs(flat).sum(1))
    return np.abs(flat.sum(1) - difference) / np.maximum(size, 1e-30)
