"""Inputs that a generator of the caller's makes: the network that it is, seen as a prior."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError, ShapeError
from pellucid.core.model import Differentiable
from pellucid.core.run import Pace
from pellucid.core.types import NpArray

from .lying import Lying
from .priors import TINY, Balls

MOST = 256
"""Codes whose pictures are looked at where one like a given input is sought."""


class Generated:
    """What a generator gives for codes that lie as the caller's codes do: x = g(mean + spread * z), z in a ball."""

    def __init__(
        self,
        generator: Any,
        codes: NpArray,
        pace: Pace,
        lying: Lying,
    ) -> None:
        """Codes (n, *shape) and a differentiable model that takes them.

        Args:
            generator: the model.
            codes: typical codes.
            pace: rows per pass.
            lying: how inputs lie.
        """
        if not isinstance(generator, Differentiable):
            raise CapabilityError(
                "The generator needs gradients.", got=getattr(generator, "facts", generator)
            )
        self.model, self.codes, self.pace, self.lying = generator, codes, pace, lying
        self.mean, self.spread = codes.mean(0), np.maximum(codes.std(0), TINY)
        self.ball = Balls(np.zeros(codes[0].size, int))

    def start(self, count: int, rng: np.random.Generator) -> NpArray:
        return rng.standard_normal((count, self.codes[0].size))

    def at(self, x: NpArray) -> NpArray:
        """The caller's codes whose pictures are nearest."""
        codes = self.codes[:MOST]
        made = self._made(codes).reshape(len(codes), -1)
        flat = x.reshape(len(x), -1)
        near = [int(((made - row) ** 2).sum(1).argmin()) for row in flat]
        return ((codes[near] - self.mean) / self.spread).reshape(len(x), -1)

    def picture(self, z: NpArray) -> NpArray:
        return self._made(self._code(z))

    def inside(self, z: NpArray) -> NpArray:
        return self.ball.into(z)

    def pull(self, z: NpArray, x: NpArray, gradient: NpArray) -> NpArray:
        codes, found = self._code(z), list[NpArray]()

        def pull(rows: slice) -> None:
            def cotangent(y: Any) -> Any:
                mine = self.lying.back(gradient[rows])
                return self.model.native(mine.astype(self.model.numpy(y).dtype))

            with self.model.at_rest():
                _, (slope,) = self.model.vjp((self.model.native(codes[rows]),), cotangent)
            found.append(self.model.numpy(slope))

        self.pace.over(len(z), pull)
        return self.ball.pull(z, (np.concatenate(found) * self.spread).reshape(len(z), -1))

    def _code(self, z: NpArray) -> NpArray:
        inside = self.ball.into(z).reshape(len(z), *self.codes.shape[1:])
        return (self.mean + self.spread * inside).astype(self.codes.dtype)

    def _made(self, codes: NpArray) -> NpArray:
        parts = list[NpArray]()

        def make(rows: slice) -> None:
            with self.model.at_rest():
                parts.append(self.model.numpy(self.model.predict(self.model.native(codes[rows]))))

        self.pace.over(len(codes), make)
        return self.lying.first(np.concatenate(parts))


def checked(generated: NpArray, wanted: tuple[int, ...]) -> None:
    """Raise `ShapeError` where the generator gives something else than the network takes."""
    if generated.shape[1:] != wanted:
        raise ShapeError(
            f"The generator gives rows of shape {generated.shape[1:]}, the network takes {wanted}.",
            fix="Let it end in what the network takes.",
        )
