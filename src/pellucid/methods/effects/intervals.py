"""The intervals that a column is cut into, and which of them a row lies in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Table

from .places import is_category
from .similarity import similar_order

FEW_VALUES = 10
"""A column of so many values or fewer steps from value to value."""
LEAST = 20
"""Rows that an interval should hold."""


@dataclass(frozen=True)
class Intervals:
    """A column's intervals, between points that have an order.

    Attributes:
        points: (count + 1,) their ends: numbers, or codes of categories in the order of similarity.
        levels: whether rows sit on the points, and step to the neighbouring ones.
        rows: (points,) rows on each point, for levels.
        named: whether the points are codes, whose order is not that of numbers.
    """

    points: NpArray
    levels: bool
    rows: NpArray
    named: bool = False

    @property
    def count(self) -> int:
        """How many intervals there are."""
        return len(self.points) - 1

    @property
    def scaled(self) -> NpArray:
        """The points between 0 and 1, categories evenly spaced."""
        at = np.arange(len(self.points), dtype=float) if self.named else self.points
        return (at - at[0]) / (at[-1] - at[0])

    def level(self, values: NpArray) -> NpArray:
        """(rows,) the number of the point each row sits on; -1 for none."""
        if not self.named:
            at = np.clip(np.searchsorted(self.points, values), 0, self.count)
            return np.where(self.points[at] == values, at, -1)
        table = np.full(int(self.points.max()) + 2, -1)
        table[self.points.astype(int)] = np.arange(len(self.points))
        known = np.nan_to_num(values, nan=len(table) - 1.0).astype(int)
        return table[np.minimum(known, len(table) - 1)]

    def index(self, values: NpArray) -> NpArray:
        """(rows,) for levels the number of the point, else of the interval, the first one closed; -1 for none."""
        if self.levels:
            return self.level(values)
        if self.named:
            at = self.level(values)
            return np.where(at < 0, -1, np.maximum(at - 1, 0))
        at = np.searchsorted(self.points, values, side="left") - 1
        inside = (values >= self.points[0]) & (values <= self.points[-1])
        return np.where(inside, np.maximum(at, 0), -1)

    def around(self, values: NpArray) -> NpArray:
        """(2 or 3, rows) what a row is set to: its interval's ends, or the point before, its own and the one after."""
        at = np.maximum(self.index(values), 0)
        if not self.levels:
            return np.stack([self.points[at], self.points[at + 1]])
        return np.stack([self.points[np.clip(at + step, 0, self.count)] for step in (-1, 0, 1)])


def intervals_of(t: Table, column: int, count: int, own: NpArray | None, *, pair: bool) -> Intervals:
    """The intervals of a column: between quantiles, or between all values where there are few.

    Args:
        t: the table.
        column: its number.
        count: how many intervals at most.
        own: the caller's own ends.
        pair: whether it is one of two columns: then each row belongs to one interval.
    """
    x = t.X[:, column]
    known = x[~np.isnan(x)] if x.dtype.kind == "f" else x
    values, counts = np.unique(known, return_counts=True)
    if is_category(t, column):
        ordered = bool(t.ordered) and t.ordered[column]
        codes = values if own is None else np.unique(own)
        order = np.arange(len(codes)) if ordered or len(codes) < 3 else similar_order(t, column, codes)
        held = dict(zip(values.tolist(), counts.tolist(), strict=True))
        rows = np.array([held.get(float(c), 0) for c in codes])[order]
        return Intervals(codes[order].astype(float), not pair, rows, named=True)
    if own is not None and len(own) > 1:
        return Intervals(own, False, np.zeros(0, int))
    if len(values) <= FEW_VALUES:
        return Intervals(values.astype(float), not pair, counts)
    cuts = max(2, min(count, len(known) // LEAST))
    return Intervals(quantiles(known, cuts), False, np.zeros(0, int))


def quantiles(known: NpArray, count: int) -> NpArray:
    """Ends of so many intervals of about equally many rows, each an actual value (the inverse of the ECDF)."""
    ordered = np.sort(known)
    at = (len(ordered) - 1) * np.linspace(0, 1, count + 1)
    below = at.astype(int)
    ends = np.where(at != below, ordered[below], ordered[np.maximum(below - 1, 0)])
    ends[0], ends[-1] = ordered[0], ordered[-1]
    return np.unique(ends).astype(float)
