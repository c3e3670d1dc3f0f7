"""Values worth trying: for every column some of the data's, or where a forest splits; for categories all allowed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.core.forest import Forest
from pellucid.core.types import NpArray
from pellucid.core.views import Query

POINTS = 12
"""Values of a column, or of columns that change together."""


@dataclass(frozen=True, eq=False)
class Proposals:
    """Changes of one column, or of columns that change together, that can be made to any row.

    Attributes:
        value: (proposals, columns) the new values; NaN where a column is left as it is.
        unit: (proposals,) the unit that is changed.
        splits: per column, the least values beyond its splits: `up` past a threshold, `down` at it; None without trees.
    """

    value: NpArray
    unit: NpArray
    splits: tuple[NpArray, ...] | None = None

    @classmethod
    def of(cls, q: Query) -> Proposals:
        """What the data, the trees and the constraints propose."""
        splits = None if q.forest is None else _splits(q.forest)
        value, unit = list[NpArray](), list[int]()
        grouped = {int(j) for group in q.limits.groups for j in group}
        for j in range(q.X.shape[1]):
            if j not in grouped:
                for v in _values(q, j, splits):
                    value.append(np.where(np.arange(q.X.shape[1]) == j, v, np.nan))
                    unit.append(int(q.limits.units[j]))
        for group, known in zip(q.limits.groups, q.limits.known, strict=True):
            for row in known[np.linspace(0, len(known) - 1, min(len(known), 4 * POINTS)).astype(int)]:
                whole = np.full(q.X.shape[1], np.nan)
                whole[group] = row
                value.append(whole)
                unit.append(int(q.limits.units[group[0]]))
        return cls(np.array(value).reshape(-1, q.X.shape[1]), np.array(unit, int), splits)


def _values(q: Query, j: int, splits: tuple[NpArray, ...] | None) -> NpArray:
    """Values of one column: categories, split points, or quantiles with the ends of the box."""
    if j in q.limits.allowed:
        return q.limits.allowed[j]
    ends = np.array([q.limits.low[:, j].min(), q.limits.high[:, j].max()])
    if splits is not None:
        beyond = np.concatenate([splits[j], np.nextafter(splits[j], np.inf)])
        seen = np.sort(beyond)
        chosen = seen[np.unique(np.linspace(0, len(seen) - 1, 2 * POINTS).astype(int))] if len(seen) else seen
        return _rounded(q, j, chosen)
    seen = q.background[:, j]
    seen = np.unique(seen[np.isfinite(seen)])
    if len(seen) > POINTS:
        seen = np.quantile(q.background[:, j], np.linspace(0, 1, POINTS), method="nearest")
    return _rounded(q, j, np.unique(np.concatenate([seen, ends])))


def _rounded(q: Query, j: int, values: NpArray) -> NpArray:
    if not q.limits.whole[j]:
        return values
    return np.unique(np.concatenate([np.floor(values), np.ceil(values)]))


def _splits(forest: Forest) -> tuple[NpArray, ...]:
    """The thresholds of every column, in order."""
    inner = (forest.feature >= 0) & (forest.words == 0)
    feature, threshold = forest.feature[inner], forest.threshold[inner]
    return tuple(np.unique(threshold[feature == j]) for j in range(forest.columns))
