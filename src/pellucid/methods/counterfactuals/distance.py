"""How far a changed row is from the row it was: sums over columns in units of their spread, or the caller's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pellucid.core.constraints import Limits
from pellucid.core.errors import ParameterError, ShapeError, nearest
from pellucid.core.types import NpArray

NAMES = ("mad_l1", "l1", "l2", "gower")
NEIGHBOURS = 5
"""Real rows whose mean distance says how plausible a row is."""
CELLS = 1 << 22
"""Numbers in one table of distances."""

Metric = Callable[[NpArray, NpArray], NpArray]
"""The caller's own distance: rows as they were and as they are, (m, columns) both -> (m,)."""


@dataclass(frozen=True, eq=False)
class Distance:
    r"""A distance of rows of numbers and categories.

    `mad_l1` adds up \|change\| over the median absolute deviation of each column, `l1` and `l2` take changes as they
    are, `gower` is the mean over columns of \|change\| over the column's range. A change of category counts 1.

    Attributes:
        name: its name; "" for the caller's own.
        unit: (columns,) what one change of 1 counts, costs included; for categories, what any change counts.
        word: (columns,) which columns are categories.
        own: the caller's function.
    """

    name: str
    unit: NpArray
    word: NpArray
    own: Metric | None = None

    @classmethod
    def of(cls, spec: str | Metric, background: NpArray, limits: Limits) -> Distance:
        """The distance that the caller named, measured on real rows.

        Raises:
            ParameterError: an unknown name.
        """
        word = limits.word
        if callable(spec):
            return cls("", np.ones(len(word)), word, spec)
        if spec not in NAMES:
            raise ParameterError(f"There is no distance {spec!r}.", fix=nearest(str(spec), NAMES))
        spread = np.ones(len(word))
        if spec == "mad_l1":
            middle = np.nanmedian(background, 0)
            spread = np.nanmedian(np.abs(background - middle), 0)
            spread = np.where(spread > 0, spread, np.nanstd(background, 0))
        elif spec == "gower":
            spread = np.nanmax(background, 0) - np.nanmin(background, 0)
        spread = np.where(word | ~(spread > 0), 1.0, spread)
        unit = limits.costs / spread / (len(word) if spec == "gower" else 1)
        return cls(spec, unit, word)

    @property
    def is_sum(self) -> bool:
        """Whether it adds up over columns, linear in the size of each change."""
        return self.name in ("mad_l1", "l1", "gower")

    def parts(self, x: NpArray, z: NpArray) -> NpArray:
        """What each column contributes: (m, columns)."""
        off = np.abs(np.where(np.isnan(x) & np.isnan(z), 0.0, z - x))
        return np.where(self.word, off != 0, off) * self.unit

    def __call__(self, x: NpArray, z: NpArray) -> NpArray:
        """(m, columns) rows as they were and as they are -> (m,)."""
        if self.own is not None:
            found = np.asarray(self.own(x, z), float)
            if found.shape != (len(x),):
                raise ShapeError(f"The distance must give one number per row, {len(x)}.", got=found.shape)
            return found
        if self.name == "l2":
            return np.sqrt((self.parts(x, z) ** 2).sum(1))
        return self.parts(x, z).sum(1)

    def across(self, z: NpArray, real: NpArray) -> NpArray:
        """Distances of all rows to all real rows: (m, columns), (r, columns) -> (m, r)."""
        out = np.empty((len(z), len(real)))
        step = max(1, CELLS // max(1, real.size))
        for start in range(0, len(z), step):
            part = z[start : start + step]
            both = np.repeat(part, len(real), 0), np.tile(real, (len(part), 1))
            out[start : start + step] = self(*both).reshape(len(part), len(real))
        return out

    def loneliness(self, z: NpArray, real: NpArray, itself: bool = False) -> NpArray:
        """(m,) the mean distance to the nearest real rows; with `itself`, the rows are among them."""
        if not len(real):
            return np.zeros(len(z))
        k = min(NEIGHBOURS, len(real) - itself)
        near = np.partition(self.across(z, real), min(k, len(real) - 1), axis=1)[:, : k + itself]
        return near.sum(1) / max(1, k)
