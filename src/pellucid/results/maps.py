"""Maps: what layers give for rows, unit by unit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any, ClassVar, Self

import numpy as np

from pellucid.core.types import NpArray

from .units import Units


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Maps(Units):
    """What layers give for rows: values (rows, units, *places) per layer.

    Attributes:
        x: (rows, *features) what the network was fed.
        before: for pooling, what went in, (rows, units, *places) per layer; the layers one after another.
        before_shapes: how each layer's `before` is shaped; () where there is none.
        kept: for max pooling, which place of its map each value was taken from, laid out as the values; -1 elsewhere.
        index: the rows' own labels in the frame they came from.
    """

    axis: ClassVar[int] = 1

    x: NpArray
    before: NpArray | None = None
    before_shapes: tuple[tuple[int, ...], ...] = ()
    kept: NpArray | None = None
    index: tuple[Any, ...] = ()

    def pooled_from(self, name: str | int = 0) -> tuple[NpArray, NpArray | None] | None:
        """(before, kept) of a pooling layer; None where the layer is none. `kept` is None where nothing was chosen."""
        i = self.number(name)
        if self.before is None or not self.before_shapes[i]:
            return None
        start = sum(prod(s) for s in self.before_shapes[:i] if s)
        before = self.before.ravel()[start : start + prod(self.before_shapes[i])].reshape(
            self.before_shapes[i]
        )
        if self.kept is None:
            return before, None
        start = sum(prod(s) for s in self.shapes[:i])
        kept = self.kept.ravel()[start : start + prod(self.shapes[i])].reshape(self.shapes[i])
        return before, (kept if (kept >= 0).all() else None)

    def silent(self, name: str | int = 0) -> NpArray:
        """(units,) whether a unit gives nothing but zeros for these rows."""
        return np.asarray(~self.per_unit(name).any(1))

    def __getitem__(self, name: str | int) -> Self:
        i = self.number(name)
        found = self.pooled_from(i)
        one = replace(self, before=None, before_shapes=(), kept=None)
        chosen = super(Maps, one).__getitem__(i)
        if found is None:
            return chosen
        before, kept = found
        return replace(chosen, before=before, before_shapes=(before.shape,), kept=kept)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GradientMaps(Maps):
    """Gradients of units: values (rows, units, *shape of what they are taken with respect to) per layer.

    Attributes:
        wrt: what the gradients are taken with respect to; "" is the input.
        unit_numbers: which units, by number.
    """

    wrt: str = ""
    unit_numbers: tuple[int, ...] = ()

    def columns(self, name: str | int = 0) -> dict[str, NpArray]:
        found = super().columns(name)
        return {"number": np.asarray(self.unit_numbers), **found} if self.unit_numbers else found
