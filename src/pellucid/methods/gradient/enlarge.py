"""Maps of a layer's places on the grid of the input, linear between the centres of their cells."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.field import Field
from pellucid.core.types import Array, NpArray


def hats(cells: int, size: int) -> NpArray:
    """(size, cells) weights of linear interpolation between half-pixel centres, flat beyond the outermost.

    >>> hats(2, 4)
    array([[1.  , 0.  ],
           [0.75, 0.25],
           [0.25, 0.75],
           [0.  , 1.  ]])
    """
    where = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
    return np.maximum(0.0, 1 - np.abs(where[:, None] - np.arange(cells)))


class Lens:
    """Lays maps (..., n, *places) over a field's input, (..., n, *features) but for its channels, of size one.

    Args:
        f: the field over the input.
        places: how many axes of places the maps have.
        first: whether a layer of series or tokens has its channels first; images have theirs where the model has.
    """

    def __init__(self, f: Field, places: int, *, first: bool) -> None:
        self.f, self.places, self.axis = f, places, None
        if f.x.ndim == places + 2:
            first = f.channels == "first" if f.x.ndim == 4 else first
            self.axis = 1 if first else f.x.ndim - 1
        elif f.x.ndim != places + 1:
            raise CapabilityError(
                f"A map with {places} axes cannot be laid over this input.", got=f"shape {tuple(f.x.shape)}"
            )
        self.sizes = tuple(int(s) for a, s in enumerate(f.x.shape) if a not in (0, self.axis))

    def __call__(self, maps: Array) -> Array:
        """The maps, enlarged."""
        xp: Any = self.f.xp
        for axis, size in zip(range(maps.ndim - self.places, maps.ndim), self.sizes, strict=True):
            weights = self.f.like(hats(int(maps.shape[axis]), size))
            maps = xp.moveaxis(xp.tensordot(weights, maps, axes=([1], [axis])), 0, axis)
        if self.axis is None:
            return maps
        return xp.expand_dims(maps, axis=maps.ndim - self.places if self.axis == 1 else maps.ndim)
