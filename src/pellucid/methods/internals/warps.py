"""Small moves of pictures and series, each a sparse matrix whose transpose is its adjoint."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from pellucid.core.types import NpArray


@dataclass(frozen=True)
class Moves:
    """How far inputs are moved at random.

    Attributes:
        jitter: shifts, as a share of each side.
        turn: degrees, of pictures alone.
        scale: by how much larger or smaller.
        crop: by how much a window is smaller than the whole, which is cut out and enlarged to it.
    """

    jitter: float = 0.08
    turn: float = 10.0
    scale: float = 0.1
    crop: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.jitter or self.turn or self.scale or self.crop)

    def draw(self, size: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Warp:
        """One move of inputs with places of this size."""
        sides = np.array(size, float)
        angle = np.deg2rad(rng.uniform(-self.turn, self.turn))
        zoom = 1 / rng.uniform(1 - self.scale, 1 + self.scale)
        shift = rng.uniform(-self.jitter, self.jitter, len(size)) * sides
        window = 1 - rng.uniform(0, self.crop)
        shift = shift + rng.uniform(-0.5, 0.5, len(size)) * (1 - window) * sides
        turned = np.eye(len(size))
        if len(size) == 2:
            turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return Warp(size, zoom * window * turned, shift, dtype)


class Warp:
    """What stands at p afterwards stood at centre + matrix (p - centre) + shift before: linear between places.

    The edges are mirrors.
    """

    def __init__(self, size: tuple[int, ...], matrix: NpArray, shift: NpArray, dtype: Any = float) -> None:
        from scipy import sparse

        self.size, count = size, int(np.prod(size))
        centre = (np.array(size, float) - 1) / 2
        grid = np.stack(
            np.meshgrid(*(np.arange(s) - c for s, c in zip(size, centre, strict=True)), indexing="ij")
        )
        from_ = np.tensordot(matrix, grid, 1).reshape(len(size), -1) + (centre + shift)[:, None]
        ends = [_between(line, s) for line, s in zip(from_, size, strict=True)]
        corners = list(product((0, 1), repeat=len(size)))
        source = np.zeros((count, len(corners)), np.int32)
        share = np.ones((count, len(corners)), dtype)
        for k, corner in enumerate(corners):
            for (first, second, part), side, s in zip(ends, corner, size, strict=True):
                source[:, k] = source[:, k] * s + (second if side else first)
                share[:, k] *= part if side else 1 - part
        rows = np.arange(0, count * len(corners) + 1, len(corners), dtype=np.int32)
        self.matrix = sparse.csr_matrix((share.ravel(), source.ravel(), rows), (count, count))

    def __call__(self, x: NpArray) -> NpArray:
        """Inputs (rows, channels, *places) as they are moved."""
        return self._applied(self.matrix, x)

    def pull(self, gradient: NpArray) -> NpArray:
        """The gradient with respect to the inputs, from that with respect to what became of them."""
        return self._applied(self.matrix.T, gradient)

    def _applied(self, matrix: Any, x: NpArray) -> NpArray:
        flat = x.reshape(-1, int(np.prod(self.size)))
        return np.ascontiguousarray((matrix @ flat.T).T).reshape(x.shape)


def _between(at: NpArray, count: int) -> tuple[NpArray, NpArray, NpArray]:
    """The two places that a point lies between, and how far it is from the first; mirrored at the ends."""
    if count == 1:
        none = np.zeros(at.shape, int)
        return none, none, np.zeros(at.shape)
    period = 2 * (count - 1)
    at = count - 1 - np.abs((at % period) - (count - 1))
    first = np.minimum(at.astype(int), count - 2)
    return first, first + 1, at - first
