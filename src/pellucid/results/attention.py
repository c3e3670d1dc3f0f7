"""Attention: which weights queries gave to keys, head by head."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from pellucid.core.features import Tokens
from pellucid.core.types import NpArray

from .units import Units


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class AttentionMaps(Units):
    """Attention weights: values (layers, rows, heads, queries, keys).

    Where the layers differ in shape (an encoder beside its decoder, windows that grow) the values are flat, one layer
    after another, and `layer` gives each as it is shaped.

    Attributes:
        view: "heads" as they are, their "mean", or what "rollout" or "gradient" make of all layers up to each.
        windows: per layer, how many windows a row is cut into; those of a head lie `heads` apart on the heads' axis.
        x: (rows, *features) what the network was fed, where that is an image; else None.
        grid: height and width of the patches that an image was cut into; () where there are none.
        target: what the gradients were taken of; "" where there are none.
    """

    axis: ClassVar[int] = 1
    per_layer: ClassVar[tuple[str, ...]] = ("windows",)

    view: str = "heads"
    windows: tuple[int, ...] = ()
    x: NpArray | None = None
    grid: tuple[int, ...] = ()
    target: str = ""

    @property
    def rows(self) -> int:
        """How many rows were looked at."""
        return self.shapes[0][0]

    def layer(self, name: str | int = 0) -> NpArray:
        """(rows, heads, queries, keys) the weights of one layer, by name or number."""
        return self.values[self.number(name)] if self.values.ndim == 5 else super().layer(name)

    def __getitem__(self, name: str | int) -> Self:
        one = super().__getitem__(name)
        return replace(one, values=one.values[None])

    def heads(self, name: str | int = 0) -> int:
        """How many heads a layer has in each window."""
        i = self.number(name)
        return self.counts[i] // self.windows[i]

    def words(self, row: int, count: int) -> tuple[str, ...]:
        """What stands at each of `count` positions of a row; () where that is not known."""
        known = (
            self.features.tokens[row] if isinstance(self.features, Tokens) and self.features.tokens else ()
        )
        return tuple(known) if len(known) == count else ()

    def extra(self, count: int) -> int:
        """How many of `count` positions stand before the patches of an image: class and register tokens."""
        return count - self.grid[0] * self.grid[1] if self.grid else 0

    def focus(self, name: str | int = 0) -> NpArray:
        """(heads,) the largest weight of a query, on average: 1 where a head looks at one place only."""
        values = self.layer(name)
        seeing = values.sum(-1) > 0
        return np.asarray((values.max(-1) * seeing).sum((0, 2)) / np.maximum(seeing.sum((0, 2)), 1))

    def columns(self, name: str | int = 0) -> dict[str, NpArray]:
        """What `to_frame` tells of each head: focus, entropy in bits, and how far it looks in positions."""
        values = self.layer(name).astype(float)
        share = values / np.maximum(values.sum(-1, keepdims=True), 1e-300)
        bits = -(share * np.log2(np.where(share > 0, share, 1))).sum(-1)
        apart = np.abs(np.arange(values.shape[2])[:, None] - np.arange(values.shape[3])[None])
        return {
            "focus": self.focus(name),
            "entropy": bits.mean((0, 2)),
            "distance": (share * apart).sum(-1).mean((0, 2)),
        }
