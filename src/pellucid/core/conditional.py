"""Absent columns as they are in real rows that are like the row explained: what is likely, not what is independent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .errors import DataError, ParameterError
from .features import Columns, Features
from .masker import Background, Hidden
from .types import Bools, NpArray


@dataclass(frozen=True, eq=False)
class Conditional:
    """Absent columns take the values of the background rows that are nearest in the columns that are present.

    The conditional game: the model is asked about rows as they occur, also where columns go together. A column that
    the model does not read then has a value too, where it tells of one that it reads. Distances are taken in standard
    deviations, and categories are equal or not; where nothing is present, rows are taken
    evenly from all of them. As many neighbours as there are rows are the plain background.

    Attributes:
        data: (b, columns), some hundreds of real rows or more.
        neighbours: how many of them stand in for one coalition.
    """

    data: NpArray
    neighbours: int = 10

    def __post_init__(self) -> None:
        if self.data.ndim != 2:
            raise ParameterError("Neighbours are found in tables.", got=f"shape {self.data.shape}")
        if self.neighbours < 1:
            raise ParameterError("neighbours must be at least 1.", got=self.neighbours)
        if len(self.data) == 0:
            raise DataError("The background has no rows.", fix="Pass at least one.")

    @property
    def count(self) -> int:
        """How many rows stand in for one coalition."""
        return min(self.neighbours, len(self.data))

    @cached_property
    def _scale(self) -> NpArray:
        spread = np.nanstd(self.data.astype(float), axis=0)
        return np.where(spread > 0, spread, 1.0)

    @cached_property
    def _spread_out(self) -> NpArray:
        """(count,) numbers of rows taken evenly along the direction in which all of them differ most."""
        scaled = np.nan_to_num((self.data - np.nanmean(self.data, axis=0)) / self._scale)
        along = scaled @ np.linalg.eigh(scaled.T @ scaled)[1][:, -1]
        places = ((np.arange(self.count) + 0.5) * len(self.data) / self.count).astype(int)
        return np.sort(np.argsort(along, kind="stable")[places])

    def bind(self, x: NpArray, features: Features) -> Hidden:
        plain = Background(self.data).bind(x, features)
        if plain.label is None:
            raise ParameterError("Neighbours are found in tables.", got=f"{features.kind} features")
        label, data = plain.label, self.data.astype(np.result_type(self.data, x), copy=False)
        near = np.zeros((len(plain.players), len(data)))
        np.add.at(near, label, self._apart(x, features).T)

        def fill(coalitions: Bools) -> NpArray:
            chosen = self._nearest(coalitions.astype(float) @ near)
            chosen[~coalitions.any(1)] = self._spread_out
            return np.where(coalitions[:, label][:, None], x, data[chosen])

        return Hidden(plain.players, fill, label)

    def _apart(self, x: NpArray, features: Features) -> NpArray:
        """(b, columns) squared distances from x, column by column; a missing value is one step from any other."""
        gap = ((self.data - x) / self._scale) ** 2
        if isinstance(features, Columns):
            words = [features.position(name) for name in features.categories]
            gap[:, words] = self.data[:, words] != x[words]
        there = np.isnan(self.data.astype(float)), np.isnan(x.astype(float))
        return np.where(there[0] & there[1], 0.0, np.where(there[0] | there[1], 1.0, gap))

    def _nearest(self, distance: NpArray) -> NpArray:
        """(m, count) numbers of the rows that are nearest, in their order; the first of those equally near."""
        if self.count == distance.shape[1]:
            return np.tile(np.arange(self.count), (len(distance), 1))
        return np.sort(np.argsort(distance, axis=1, kind="stable")[:, : self.count], axis=1)

    def describe(self) -> str:
        return f"the {self.count} nearest of {len(self.data)} background rows"
