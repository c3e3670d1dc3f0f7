"""A neighbourhood of a table's row: rows drawn around what is usual, column by column, for lines to be fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pellucid.core.errors import ShapeError
from pellucid.core.features import Columns, Features
from pellucid.core.masker import Background, Hidden
from pellucid.core.types import NpArray

from .even_samples import low_discrepancy

QUARTERS = (0.25, 0.5, 0.75)


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Draws rows whose columns are independent and distributed like the background's.

    Attributes:
        data: (b, columns) what is usual.
        discretize: compare columns by quarters, and not by distance.
    """

    data: NpArray
    discretize: bool = False

    def bind(self, x: NpArray, features: Features) -> Near:
        if not isinstance(features, Columns):
            raise ShapeError(
                "A neighbourhood is drawn around rows of a table.", got=f"{features.kind} features"
            )
        plain = Background(self.data).bind(x, features)
        same = np.isnan(x.astype(float))
        for name in features.categories:
            same[features.position(name)] = True
        return Near(plain.players, plain.fill, plain.label, x=x.astype(float), table=self, categorical=same)

    def describe(self) -> str:
        return f"neighbours like {Background(self.data).describe()}" + (
            ", in quarters" if self.discretize else ""
        )

    def sample(self, count: int, rng: np.random.Generator) -> NpArray:
        """(count, columns): each column takes its background values, spread evenly over all columns together."""
        u = low_discrepancy(count, self.data.shape[1], rng)
        out = np.empty(u.shape)
        for column, values in enumerate(self._ordered):
            out[:, column] = values[(u[:, column] * len(values)).astype(int)]
        return out

    @cached_property
    def scale(self) -> tuple[NpArray, NpArray]:
        """Mean and standard deviation of each column; 1 where it is constant."""
        mean = np.array([v.mean() for v in self._ordered])
        spread = np.array([v.std() for v in self._ordered])
        return mean, np.where(spread > 1e-12 * (1 + np.abs(mean)), spread, 1.0)

    @cached_property
    def _ordered(self) -> list[NpArray]:
        columns = [np.sort(column[~np.isnan(column)]) for column in self.data.T.astype(float)]
        return [column if len(column) else np.zeros(1) for column in columns]

    @cached_property
    def _edges(self) -> list[NpArray]:
        return [np.unique(np.quantile(values, QUARTERS)) for values in self._ordered]

    def quarters(self, rows: NpArray) -> NpArray:
        """(m, columns) which quarter of its column each value lies in."""
        return np.stack([np.searchsorted(e, rows[:, j]) for j, e in enumerate(self._edges)], axis=1)


@dataclass(frozen=True, kw_only=True)
class Near(Hidden):
    """A row in its neighbourhood.

    Attributes:
        x: (columns,) the row.
        table: where its neighbours come from.
        categorical: (columns,) of bool, columns that are the row's own or not, without a distance.
    """

    x: NpArray
    table: Neighbours
    categorical: NpArray

    def coordinates(self, points: Points) -> tuple[NpArray, NpArray, NpArray]:
        """What the line is fitted to: (m, columns) features, (m,) squared distances, and the row's own features."""
        if self.table.discretize:
            quarters = self.table.quarters(self.x[None])[0]
            same = np.where(self.categorical, points.rows == self.x, points.quarters == quarters)
            return same.astype(float), (~same).sum(1).astype(float), np.ones(len(self.x))
        mean, spread = self.table.scale
        here = np.where(self.categorical, 0.0, (self.x - mean) / spread)
        z = points.scaled
        if not self.categorical.any():
            return z, np.maximum(points.norm - 2 * (z @ here) + here @ here, 0.0), here
        same = points.rows[:, self.categorical] == self.x[self.categorical]
        z = z.copy()
        z[:, self.categorical] = 0.0
        distance = ((z - here) ** 2).sum(1) + (~same).sum(1)
        z[:, self.categorical] = same
        here = here.copy()
        here[self.categorical] = 1.0
        return z, distance, here


class Points:
    """A sample of neighbours, in every form that rows compare themselves with."""

    def __init__(self, table: Neighbours, rows: NpArray) -> None:
        self.table, self.rows = table, rows

    @cached_property
    def scaled(self) -> NpArray:
        """In standard deviations from the mean."""
        mean, spread = self.table.scale
        return (self.rows - mean) / spread

    @cached_property
    def norm(self) -> NpArray:
        """(m,) squared length of each."""
        return (self.scaled**2).sum(1)

    @cached_property
    def quarters(self) -> NpArray:
        """By quarters of the columns."""
        return self.table.quarters(self.rows)
