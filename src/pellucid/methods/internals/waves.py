"""Waves whose sizes, mean and colours are those of the caller's own data: the prior for pictures and series."""

from __future__ import annotations

import numpy as np

from pellucid.core.types import NpArray

from .priors import TINY, Balls, Range, shared

FAINT = 1e-3
"""Share of the strongest wave that each is taken to have at least, where parameters of a given input are sought."""


class Waves:
    """Fourier coefficients, whitened by the data's: x = low + width * sigmoid(mean + colours irfft(scale * z)).

    Data are (rows, channels, *places), with one axis of places or two. The coefficients of each distance from the
    centre of the spectrum are kept inside the ball where those of the data lie, so that no waves grow stronger than
    they are in the data.
    """

    def __init__(self, data: NpArray) -> None:
        channels, self.places = data.shape[1], data.shape[2:]
        self.axes = tuple(range(2, data.ndim))
        self.range, self.dtype = Range(data, shared(data)), data.dtype
        inner = self.range.out(data)
        self.mean = inner.mean(0)
        self.colours = _colours(inner - self.mean) if channels > 1 else np.eye(1, dtype=data.dtype)
        self.apart = np.linalg.pinv(self.colours)
        found = _waves(self._mixed(inner - self.mean, self.apart), self.axes)
        self.scale = np.sqrt((np.abs(found) ** 2).mean(0) / 2).astype(data.dtype)
        # a wave and its conjugate are one coefficient here, all but the first and, of an even side, the last
        twice = np.full(self.places[-1] // 2 + 1, 2.0)
        twice[0] = 1.0
        twice[-1] = 1.0 if self.places[-1] % 2 == 0 else twice[-1]
        self.back = (self.scale * twice / np.prod(self.places)).astype(data.dtype)
        self.balls = Balls(np.broadcast_to(rings(self.places), (2, *self.scale.shape)).ravel())

    def start(self, count: int, rng: np.random.Generator) -> NpArray:
        return 0.1 * rng.standard_normal((count, 2, *self.scale.shape)).astype(self.dtype)

    def at(self, x: NpArray) -> NpArray:
        waves = self._mixed(self.range.out(x) - self.mean, self.apart)
        found = _waves(waves, self.axes) / np.maximum(self.scale, FAINT * self.scale.max())
        return np.stack([found.real, found.imag], 1).astype(self.dtype)

    def inside(self, z: NpArray) -> NpArray:
        return self.balls.into(z.reshape(len(z), -1)).reshape(z.shape)

    def picture(self, z: NpArray) -> NpArray:
        inside = self.inside(z)
        both = (inside[:, 0] + 1j * inside[:, 1]) * self.scale
        waves = np.fft.irfftn(both, s=self.places, axes=self.axes).astype(self.dtype, copy=False)
        return self.range.into(self._mixed(waves, self.colours) + self.mean)

    def pull(self, z: NpArray, x: NpArray, gradient: NpArray) -> NpArray:
        inner = self._mixed(gradient * self.range.slope(x), self.colours.T)
        found = _waves(inner, self.axes) * self.back
        both = np.stack([found.real, found.imag], 1).astype(self.dtype, copy=False)
        return self.balls.pull(z.reshape(len(z), -1), both.reshape(len(z), -1)).reshape(z.shape)

    def _mixed(self, x: NpArray, matrix: NpArray) -> NpArray:
        """(rows, channels, *places) with its channels mixed."""
        if len(matrix) == 1:
            return x * matrix[0, 0]
        flat = np.matmul(matrix.astype(x.dtype), x.reshape(*x.shape[:2], -1))
        return flat.reshape(len(x), len(matrix), *x.shape[2:])


def _waves(x: NpArray, axes: tuple[int, ...]) -> NpArray:
    """The Fourier coefficients of real numbers, by SciPy, which is several times faster than NumPy on pictures."""
    from scipy import fft

    return np.asarray(fft.rfftn(x, axes=axes))


def rings(places: tuple[int, ...]) -> NpArray:
    """The distance of each coefficient of `rfftn` from the centre of the spectrum, numbered from 0 without gaps."""
    lines = [np.fft.fftfreq(s) * s for s in places[:-1]] + [np.fft.rfftfreq(places[-1]) * places[-1]]
    radius = np.sqrt(sum(g**2 for g in np.meshgrid(*lines, indexing="ij")))
    outer = max(1, min(places) // 2)
    number = np.minimum(np.round(radius).astype(int), outer)
    return np.unique(number, return_inverse=True)[1].reshape(number.shape)


def _colours(centred: NpArray) -> NpArray:
    """(channels, channels) a square root of the covariance of the channels, its longest column of length 1."""
    channels = centred.shape[1]
    flat = np.moveaxis(centred, 1, -1).reshape(-1, channels).astype(float)
    power, axes = np.linalg.eigh(flat.T @ flat / len(flat))
    mixed = axes * np.sqrt(np.maximum(power, 1e-8 * max(power.max(), TINY)))
    return (mixed / np.linalg.norm(mixed, axis=0).max()).astype(centred.dtype)
