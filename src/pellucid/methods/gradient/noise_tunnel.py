"""Noise tunnel: any gradient method, averaged over noisy copies of the input."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pellucid.core.field import Field
from pellucid.core.run import batches
from pellucid.core.types import Array
from pellucid.methods.params import param

from .family import GradientMethod
from .saliency import Saliency


class NoiseTunnel(GradientMethod):
    r"""Another method's values, averaged over noisy copies of the input: SmoothGrad, SmoothGrad² and VarGrad.

    .. math:: \bar\phi = \frac{1}{S} \sum_{s=1}^{S} \phi(x + \varepsilon_s),\quad
              \overline{\phi^2} = \frac{1}{S} \sum_s \phi(x + \varepsilon_s)^2,\quad
              \operatorname{var} = \frac{1}{S-1} \sum_s \bigl(\phi(x + \varepsilon_s) - \bar\phi\bigr)^2

    with normal noise whose standard deviation is `noise` times the range of the row's own values. More noise blurs,
    fewer samples leave it grainy; the half-width says how much of what is seen is grain.

    Shapes: ``x, values: (n, *features)``.
    Cost: ``samples`` times the cost of the method inside.
    Raises: `CapabilityError` when the model has no gradients.

    >>> NoiseTunnel(of=Saliency(), samples=8)(net, images, target=3).values.shape
    (4, 1, 32, 32)
    """

    paper = (
        "Smilkov, Thorat, Kim, Viegas, Wattenberg (2017). SmoothGrad. arXiv:1706.03825; "
        "Adebayo et al. (2018). Sanity Checks for Saliency Maps (VarGrad). arXiv:1810.03292"
    )
    title: ClassVar[str] = "Noise tunnel"

    of: GradientMethod = param(default=Saliency(absolute=False), doc="the method to smooth")
    samples: int = param(default=25, doc="noisy copies per row", min=2)
    noise: float = param(
        default=0.15,
        doc="standard deviation of the noise, as a share of the range of the row's values",
        min=0,
    )
    reduce: str = param(
        default="mean",
        doc="mean is SmoothGrad, square is SmoothGrad², variance is VarGrad",
        choices=("mean", "square", "variance"),
    )

    @property
    def called(self) -> str:
        name = {"mean": "SmoothGrad", "square": "SmoothGrad²", "variance": "VarGrad"}[self.reduce]
        return name if isinstance(self.of, Saliency) else f"{name} of {self.of.called.lower()}"

    @property
    def compares(self) -> bool:
        return self.of.compares

    @property
    def averages(self) -> bool:
        return self.of.averages

    def place(self, data: Any) -> str:
        return self.of.place(data)

    def attribute(self, f: Field) -> Array:
        sums = Moments()
        sigma = self.noise * f.extent
        for block in batches(self.samples, max(1, f.rows_per_batch(self.samples) // f.n)):
            copies = block.stop - block.start
            values = self.of.attribute(f.noisy(sigma, copies))
            sums.add(values.reshape((copies, f.n, *values.shape[1:])))
        mean, variance, spread = sums.results(square=self.reduce == "square")
        f.notes.certify(half_width=1.96 * spread / self.samples**0.5, kind="sampling")
        if self.reduce == "variance":
            f.notes.certify(kind="sampling")  # the error of a variance is not a normal one
            return variance
        _check_grain(f, mean)
        return mean


class Moments:
    """Running mean and sum of squared deviations of blocks of samples, (copies, n, ...), and of their squares."""

    def __init__(self) -> None:
        self.count, self.sums = 0, [0.0] * 4

    def add(self, values: Any) -> None:
        """Take in a block of samples."""
        self.count += int(values.shape[0])
        self.sums = [s + (values**p).sum(0) for s, p in zip(self.sums, (1, 2, 3, 4), strict=True)]

    def results(self, *, square: bool) -> tuple[Any, Any, Any]:
        """Mean (of values or of squares), variance of the values, and standard deviation of what is averaged."""
        s1, s2, _, s4 = (s / self.count for s in self.sums)
        scale = self.count / (self.count - 1)
        variance = (s2 - s1**2) * scale
        averaged = (s4 - s2**2) * scale if square else variance
        return (s2 if square else s1), _positive(variance), _positive(averaged) ** 0.5


def _positive(a: Any) -> Any:
    """Rounding can leave a variance just below zero."""
    return (a + abs(a)) / 2


def _check_grain(f: Field, mean: Array) -> None:
    to = f.model.numpy
    half, values = np.abs(to(f.notes.half_width)), np.abs(to(mean))
    axes = tuple(range(1, values.ndim))
    share = half.mean(axes) / np.maximum(values.max(axes), 1e-30)
    f.notes.check(
        "half_width",
        share,
        warn=0.10,
        fail=np.inf,
        meaning="The error of the average is more than a tenth of the largest value: much of the picture is grain.",
        advice="Raise samples.",
    )
