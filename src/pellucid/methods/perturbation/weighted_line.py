"""A weighted ridge line through a model's answers, from Gram matrices of blocks of the sample.

Blocks add up: the same sums give the fit, the choice of features, and both again on resamples of the blocks, from
which the error of each coefficient and the stability of the choice are read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.core.types import NpArray

BLOCKS, RESAMPLES = 16, 24
FORWARD = 6
"""Up to so many features are chosen one by one; more, by the size of what they do."""


@dataclass(frozen=True)
class Sums:
    """Weighted sums of blocks, (blocks, ...) each: of 1, the weight itself, z, y, z z', z y, y y."""

    weight: NpArray
    square: NpArray
    z: NpArray
    y: NpArray
    zz: NpArray
    zy: NpArray
    yy: NpArray

    @classmethod
    def of(cls, z: NpArray, y: NpArray, weight: NpArray) -> Sums:
        """The sums of a sample, (m, p), (m,) and (m,), cut into blocks."""
        blocks = min(BLOCKS, len(z))
        size = len(z) // blocks
        y = y - y[0]  # a constant model is then nothing but zeros
        z, y, weight = (a[: size * blocks].reshape(blocks, size, *a.shape[1:]) for a in (z, y, weight))
        weighed, weighed_y = z * weight[..., None], weight * y
        return cls(
            weight.sum(1),
            (weight**2).sum(1),
            weighed.sum(1),
            weighed_y.sum(1),
            np.matmul(weighed.transpose(0, 2, 1), z),
            np.matmul(weighed.transpose(0, 2, 1), y[..., None])[..., 0],
            (weighed_y * y).sum(1),
        )

    def drawn(self, times: NpArray) -> Centred:
        """The sums of resamples that hold block b `times[r, b]` times, about their means."""
        weight, z, y, yy = times @ self.weight, times @ self.z, times @ self.y, times @ self.yy
        zz = np.tensordot(times, self.zz, axes=1)
        means, mean = z / weight[:, None], y / weight
        gram = zz - z[:, :, None] * means[:, None, :]
        return Centred(gram, times @ self.zy - z * mean[:, None], yy - y * mean)


@dataclass(frozen=True)
class Centred:
    """Sums of r resamples about their means.

    Attributes:
        gram: (r, p, p) of z z'.
        moment: (r, p) of z y.
        power: (r,) of y y.
    """

    gram: NpArray
    moment: NpArray
    power: NpArray

    def chosen(self, count: int, z: NpArray) -> NpArray:
        """(r, p) of bool: the features of each resample's best line with `count` of them.

        Few are chosen one by one, each time the one that explains most of what is left; many by the size of their
        part, coefficient times `z` (p,), in the line through all.
        """
        resamples, p = self.moment.shape
        if count >= p:
            return np.ones((resamples, p), bool)
        if count > FORWARD:
            part = np.abs(self.solved(np.ones((resamples, p), bool), 0.01) * z)
            picked = np.zeros((resamples, p), bool)
            np.put_along_axis(picked, np.argsort(-part, axis=1, kind="stable")[:, :count], True, axis=1)
            return picked
        return self._one_by_one(count)

    def _one_by_one(self, count: int) -> NpArray:
        gram, moment = self.gram.copy(), self.moment.copy()
        every = np.arange(len(moment))
        floor = 1e-10 * np.maximum(np.diagonal(gram, axis1=1, axis2=2), 1e-300)
        picked = np.zeros(moment.shape, bool)
        for _ in range(count):
            own = np.diagonal(gram, axis1=1, axis2=2)
            gain = np.where((own > floor) & ~picked, moment**2 / np.maximum(own, floor), -1.0)
            best = gain.argmax(1)
            picked[every, best] = True
            column = gram[every, :, best]
            slope = column / np.maximum(column[every, best], floor[every, best])[:, None]
            moment = moment - slope * moment[every, best][:, None]
            gram = gram - slope[:, :, None] * gram[every, best][:, None, :]
        return picked

    def solved(self, picked: NpArray, ridge: float) -> NpArray:
        """(r, p) coefficients of the ridge line through the picked features, 0 for the others."""
        keep = picked[:, :, None] & picked[:, None, :]
        gram = np.where(keep, self.gram, 0.0)
        p = picked.shape[1]
        gram[:, np.arange(p), np.arange(p)] += np.where(picked, ridge, 1.0)
        return np.linalg.solve(gram, np.where(picked, self.moment, 0.0)[..., None])[..., 0]

    def explained(self, coefficients: NpArray) -> NpArray:
        """(r,) R² of lines."""
        fitted = 2 * (coefficients * self.moment).sum(1) - np.einsum(
            "rp,rpq,rq->r", coefficients, self.gram, coefficients
        )
        return np.where(self.power > 0, fitted / np.maximum(self.power, 1e-300), 1.0)


@dataclass(frozen=True)
class Line:
    """What a fit came to.

    Attributes:
        coefficients: (p,) 0 where a feature was not chosen.
        error: (p,) their standard errors.
        r2: the share of the model's variation that the line follows.
        agreement: mean Jaccard index of the features that two resamples choose.
        size: how many samples of equal weight would say as much.
    """

    coefficients: NpArray
    error: NpArray
    r2: float
    agreement: float
    size: float


def fit(sums: Sums, here: NpArray, top: int, ridge: float, rng: np.random.Generator) -> Line:
    """The line, and how it changes from resample to resample.

    Args:
        sums: of the sample.
        here: (p,) the features of the row explained, which weigh the coefficients in the choice.
        top: how many features are chosen.
        ridge: penalty on squared coefficients.
        rng: draws the resamples.
    """
    blocks = len(sums.weight)
    times = np.ones((1, blocks))
    if blocks > 1:
        times = np.concatenate([times, rng.multinomial(blocks, np.full(blocks, 1 / blocks), RESAMPLES)])
    drawn = sums.drawn(times)
    picked = drawn.chosen(top, here)
    same = np.broadcast_to(picked[:1], picked.shape)
    coefficients = drawn.solved(same, ridge)
    pairs = picked[1:].reshape(-1, 2, picked.shape[1])
    both, either = (pairs[:, 0] & pairs[:, 1]).sum(1), (pairs[:, 0] | pairs[:, 1]).sum(1)
    return Line(
        coefficients=coefficients[0],
        error=coefficients[1:].std(0, ddof=1) if blocks > 1 else np.full(picked.shape[1], np.inf),
        r2=float(drawn.explained(coefficients)[0]),
        agreement=float((both / np.maximum(either, 1)).mean()) if blocks > 1 else 1.0,
        size=float(sums.weight.sum() ** 2 / sums.square.sum()),
    )
