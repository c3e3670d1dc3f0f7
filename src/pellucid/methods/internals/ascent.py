"""Walking up objectives with Adam, in lockstep: it needs only values and gradients with respect to the input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from pellucid.core.types import NpArray

from .priors import TINY, Prior
from .warps import Moves

Ask = Callable[[NpArray], tuple[NpArray, NpArray]]
"""Inputs (count, *features) -> the objective of each (count,), and its gradient with respect to them."""
FIRST, SECOND, LEAST = 0.9, 0.99, 1e-8
"""Adam's averages, and what keeps it from dividing by zero."""


@dataclass(frozen=True)
class Pull:
    """What a walk is held by besides its objective, in units of the data.

    Attributes:
        l2: weight of the squared distance from the data's mean, 1 where it is as large as in the data.
        tv: weight of squared differences between neighbours, 1 where they are as large as in the data.
        apart: weight of the cosine between the inputs of one objective, about the data's mean.
    """

    l2: float = 0.0
    tv: float = 0.0
    apart: float = 0.0


@dataclass(frozen=True, eq=False)
class Ascent:
    """How a walk goes.

    Attributes:
        steps: of Adam.
        rate: how far a step goes.
        moves: the small moves that the inputs of each step are seen under.
        noise: added to what the network sees, as a share of the data's spread.
        pull: what the walk is held by.
        data: (rows, channels, *places) or (rows, columns): mean, spread and roughness are measured on it.
        unit: (count,) the spread of each objective over the data.
    """

    steps: int
    rate: float
    moves: Moves
    noise: float
    pull: Pull
    data: NpArray
    unit: NpArray
    mean: NpArray = field(init=False)
    spread: NpArray = field(init=False)

    def __post_init__(self) -> None:
        across = (0,) if self.data.ndim == 2 else None
        object.__setattr__(self, "mean", self.data.mean(0))
        object.__setattr__(self, "spread", self.data.std(across).astype(self.data.dtype))

    def seen(
        self, x: NpArray, pictures: int, rng: np.random.Generator
    ) -> tuple[NpArray, Callable[[NpArray], NpArray]]:
        """Inputs under a small move and with noise, the same for each objective; and the way back for gradients."""
        moved, back = x, _as_it_is
        if x.ndim > 2 and self.moves:
            warp = self.moves.draw(x.shape[2:], rng, x.dtype)
            moved, back = warp(x), warp.pull
        if self.noise:
            drawn = rng.standard_normal((pictures, *x.shape[1:]), dtype=np.float32).astype(
                x.dtype, copy=False
            )
            drawn *= self.noise * self.spread
            moved = (moved.reshape(-1, *drawn.shape) + drawn).reshape(x.shape)
        return moved, back

    def walk(
        self,
        ask: Ask,
        prior: Prior,
        z: NpArray,
        pictures: int,
        rng: np.random.Generator,
        advance: Callable[[int], None],
    ) -> NpArray:
        """Parameters at the end of the walk.

        Args:
            ask: see `Ask`.
            prior: what the parameters are of.
            z: (count, ...) where it begins: so many pictures for each objective, one objective after another.
            pictures: how many for each.
            rng: where moves and noise come from.
            advance: told of each step.
        """
        first, second = np.zeros_like(z), np.zeros_like(z)
        for step in range(1, self.steps + 1):
            x = prior.picture(z)
            seen, back = self.seen(x, pictures, rng)
            _, slope = ask(seen)
            up = prior.pull(z, x, self.held(x, back(slope), pictures))
            first = FIRST * first + (1 - FIRST) * up
            second = SECOND * second + (1 - SECOND) * up * up
            size = np.sqrt(second / (1 - SECOND**step)) + LEAST * _size(up)
            z = prior.inside(z + (self.rate / (1 - FIRST**step) * first / size).astype(z.dtype, copy=False))
            advance(1)
        return z

    def held(self, x: NpArray, slope: NpArray, pictures: int) -> NpArray:
        """The gradient of an objective in units of the data, less that of what it is held by."""
        p = self.pull
        if not (p.l2 or p.tv or p.apart):
            return slope
        out = slope / self.unit.reshape(-1, *[1] * (x.ndim - 1))
        if p.l2:
            out = out - p.l2 * 2 * (x - self.mean) / max(
                ((self.data - self.mean) ** 2).sum() / len(self.data), TINY
            )
        if p.tv:
            out = out - p.tv * rough(x)[1] / max(float(rough(self.data)[0].mean()), TINY)
        if p.apart:
            out = out - p.apart * alike(x - self.mean, pictures)[1]
        return out.astype(x.dtype, copy=False)


def rough(x: NpArray) -> tuple[NpArray, NpArray]:
    """(count,) the sum of squared differences between neighbouring places, and its gradient."""
    value, out = np.zeros(len(x)), np.zeros_like(x)
    for axis in range(2, x.ndim):
        step = np.diff(x, axis=axis)
        value += (step**2).reshape(len(x), -1).sum(1)
        front, back = [slice(None)] * x.ndim, [slice(None)] * x.ndim
        front[axis], back[axis] = slice(1, None), slice(None, -1)
        out[tuple(front)] += 2 * step
        out[tuple(back)] -= 2 * step
    return value, out


def alike(away: NpArray, pictures: int) -> tuple[float, NpArray]:
    """The sum, over pairs of inputs of one objective, of the cosine between them, and its gradient.

    Args:
        away: (count, *features) inputs less the data's mean, `pictures` of each objective one after another.
        pictures: how many of each.
    """
    flat = away.reshape(-1, pictures, away[0].size)
    length = np.maximum(np.linalg.norm(flat, axis=2, keepdims=True), TINY)
    way = flat / length
    others = way.sum(1, keepdims=True) - way
    along = (way * others).sum(2, keepdims=True)
    return float(along.sum()) / 2, ((others - along * way) / length).reshape(away.shape)


def _as_it_is(gradient: NpArray) -> NpArray:
    return gradient


def _size(up: NpArray) -> NpArray:
    """The root mean square of each row's gradient, so that the least step counts in its units."""
    flat = up.reshape(len(up), -1)
    rms = np.sqrt((flat * flat).mean(1)) + 1e-30
    return rms.reshape(-1, *[1] * (up.ndim - 1))
