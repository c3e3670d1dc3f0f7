"""Units: numbers of the units of one or more layers, as the methods that look inside a network give them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import prod
from typing import Any, ClassVar, Self

import numpy as np

from pellucid.core.errors import LayerError, nearest
from pellucid.core.types import NpArray

from .base import Explanation


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Units(Explanation):
    """Numbers of the units (neurons, channels, rows of weights) of one or more layers; the base of the kinds below.

    Attributes:
        values: of one layer as its numbers are shaped; of several layers one after another (see `layer`).
        layers: what each layer is called, as `at=` takes it.
        kinds: its class, or the function that gives it.
        shapes: how its numbers are shaped.
    """

    axis: ClassVar[int] = 0
    """Which axis of a layer's numbers counts its units."""
    per_layer: ClassVar[tuple[str, ...]] = ()
    """Names of other fields that hold one entry per layer."""
    flat: ClassVar[tuple[str, ...]] = ()
    """Names of other arrays that hold one entry per unit, layer after layer."""

    layers: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    shapes: tuple[tuple[int, ...], ...] = ()

    def layer(self, name: str | int = 0) -> NpArray:
        """The numbers of one layer, by name or number, as they are shaped.

        Raises:
            LayerError: it is not among those looked at.
        """
        i = self.number(name)
        if len(self.layers) == 1:
            return self.values
        start = sum(prod(s) for s in self.shapes[:i])
        return self.values[start : start + prod(self.shapes[i])].reshape(self.shapes[i])

    def number(self, name: str | int) -> int:
        """Which of the layers has this name."""
        if isinstance(name, str):
            if name not in self.layers:
                raise LayerError(f"{name!r} was not looked at.", fix=nearest(name, self.layers))
            return self.layers.index(name)
        if not -len(self.layers) <= name < len(self.layers):
            raise LayerError(f"There is no layer {name}.", fix=f"Choose 0..{len(self.layers) - 1}.")
        return name % len(self.layers)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many units each layer has."""
        return tuple(s[self.axis] if len(s) > self.axis else 1 for s in self.shapes)

    def __len__(self) -> int:
        return sum(self.counts)

    def __getitem__(self, name: str | int) -> Self:
        """One of the layers as a result of its own."""
        i = self.number(name)
        start, count = sum(self.counts[:i]), self.counts[i]
        kept: dict[str, Any] = {n: (getattr(self, n)[i],) if getattr(self, n) else () for n in self.per_layer}
        for f in fields(self):
            if f.name in self.flat and (array := getattr(self, f.name)) is not None:
                kept[f.name] = array[start : start + count]
        half = self.quality.half_width
        quality = replace(self.quality, half_width=half if len(self.layers) == 1 else None)
        return replace(
            self,
            values=self.layer(i),
            layers=(self.layers[i],),
            kinds=(self.kinds[i],),
            shapes=(self.shapes[i],),
            quality=quality,
            **kept,
        )

    def per_unit(self, name: str | int = 0) -> NpArray:
        """(units, everything else) the numbers of one layer, a line per unit."""
        values = self.layer(name)
        if values.ndim <= self.axis:
            return values.reshape(1, -1)
        return np.moveaxis(values, self.axis, 0).reshape(values.shape[self.axis], -1)

    def columns(self, name: str | int = 0) -> dict[str, NpArray]:
        """What `to_frame` tells of each unit of one layer."""
        flat = self.per_unit(name)
        return {
            "mean": flat.mean(1),
            "spread": flat.std(1),
            "min": flat.min(1),
            "max": flat.max(1),
            "norm": np.sqrt((flat**2).sum(1)),
        }

    def to_frame(self) -> Any:
        """One row per unit: its layer, its number, and what is known of it."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        parts = [
            pandas.DataFrame({"layer": name, "unit": np.arange(count), **self.columns(name)})
            for name, count in zip(self.layers, self.counts, strict=True)
        ]
        return pandas.concat(parts, ignore_index=True)


def joined(arrays: list[NpArray]) -> NpArray:
    """The numbers of layers as `Units.values` holds them."""
    return arrays[0] if len(arrays) == 1 else np.concatenate([a.ravel() for a in arrays])
