"""Expected gradients: integrated gradients, averaged over a background."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.field import Field
from pellucid.core.run import batches, tracking
from pellucid.core.types import Array, NpArray
from pellucid.methods.params import param

from .family import GradientMethod
from .integrated_gradients import gap
from .noise_tunnel import Moments


class ExpectedGradients(GradientMethod):
    r"""Integrated gradients with rows of a background as baselines, averaged over them.

    .. math:: \phi_i(x) = \mathop{\mathbb{E}}_{x' \sim D,\; \alpha \sim U(0, 1)} \Bigl[(x_i - x'_i) \,
              \partial_i f\bigl(x' + \alpha (x - x')\bigr)\Bigr]

    No single baseline need be chosen: the background says what is usual, and the values add up to f(x) less the mean
    output over it. Each sample draws a background row and a point on the way from it; the half-width is 1.96
    standard errors. A point between two rows may look like nothing the model has seen. Without a background it is
    integrated gradients from the baseline, by chance instead of by rule.

    Shapes: ``x, values: (n, *features)``, ``background: (b, *features)``; half-widths as the values.
    Cost: ``samples`` gradients and as many forward passes per row.
    Raises: `CapabilityError` when the model has no gradients; `ParameterError` for a baseline beside a background.

    >>> ExpectedGradients(samples=20)(net, images[:2], target=3, background=images).values.shape
    (2, 1, 32, 32)
    """

    paper = (
        "Erion, Janizek, Sturmfels, Lundberg, Lee (2021). Improving Performance of Deep Learning Models with "
        "Axiomatic Attribution Priors and Expected Gradients. arXiv:1906.10670"
    )
    title: ClassVar[str] = "Expected gradients"

    samples: int = param(default=200, doc="draws of a background row and a point on the way from it", min=2)

    @property
    def compares(self) -> bool:
        return True

    @property
    def averages(self) -> bool:
        return True

    def attribute(self, f: Field) -> Array:
        chosen, alphas = self._draws(f)
        sums, starts = Moments(), list[NpArray]()
        with tracking(f.run, "samples", self.samples * f.n) as advance:
            for block in batches(self.samples, max(1, f.rows_per_batch(self.samples) // f.n)):
                start = f.references(chosen[block])
                alpha = f.like(alphas[block]).reshape((-1, f.n, *(1,) * (f.x.ndim - 1)))
                values = (f.x - start) * f.grad(start + alpha * (f.x - start))
                sums.add(values)
                starts.append(f.numbers(f(start)))
                advance(len(chosen[block]) * f.n)
        mean, _, spread = sums.results(square=False)
        f.notes.certify(half_width=1.96 * spread / self.samples**0.5, kind="sampling")
        self._judge(f, mean, np.concatenate(starts).mean(0))
        return mean

    def _draws(self, f: Field) -> tuple[NpArray, NpArray]:
        """(samples, n) numbers of background rows, and places on the way: from each row's own stream."""
        rows = 1 if f.background is None else int(f.background.shape[0])
        streams = [f.run.generator(int(row)) for row in f.rows]
        chosen = [r.integers(rows, size=self.samples) for r in streams]
        return np.stack(chosen, axis=1), np.stack([r.random(self.samples) for r in streams], axis=1)

    def _judge(self, f: Field, values: Array, base: NpArray) -> None:
        f.notes.check(
            "completeness",
            gap(f.numbers(values), f.numbers(f.output) - base),
            warn=0.10,
            fail=0.50,
            meaning="The values do not add up to the change of the output.",
            advice="Raise samples.",
        )
