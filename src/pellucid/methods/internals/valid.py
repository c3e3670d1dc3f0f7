"""Rows of a table as they may be: categories, whole numbers and one-hot groups stay such while a row is climbed."""

from __future__ import annotations

import numpy as np

from pellucid.core.features import Columns
from pellucid.core.types import NpArray

from .priors import Prior

FEWEST = 8
"""Rows from which on it is believed that a column which holds two values can hold no others."""


class Valid:
    """Another prior whose rows are moved to the nearest that a table allows; gradients pass as if they were not moved.

    Columns of categories and columns with two values take values of the data, columns of whole numbers whole numbers,
    and of a group of columns of which one is 1 and the others 0, one is 1.
    """

    def __init__(self, inner: Prior, data: NpArray, columns: Columns) -> None:
        self.inner, self.known, self.whole = inner, dict[int, NpArray](), list[int]()
        self.groups = [
            np.array([columns.position(c) for c in group])
            for group in columns.groups.values()
            if _one_hot(data[:, [columns.position(c) for c in group]])
        ]
        grouped = {int(j) for group in self.groups for j in group}
        for j in range(data.shape[1]):
            values = np.unique(data[:, j])
            if j in grouped:
                continue
            if columns.names[j] in columns.categories or (len(values) == 2 and len(data) >= FEWEST):
                self.known[j] = values
            elif len(data) >= FEWEST and (values == np.round(values)).all():
                self.whole.append(j)

    def start(self, count: int, rng: np.random.Generator) -> NpArray:
        return self.inner.start(count, rng)

    def at(self, x: NpArray) -> NpArray:
        return self.inner.at(x)

    def picture(self, z: NpArray) -> NpArray:
        return self.nearest(self.inner.picture(z))

    def inside(self, z: NpArray) -> NpArray:
        return self.inner.inside(z)

    def pull(self, z: NpArray, x: NpArray, gradient: NpArray) -> NpArray:
        return self.inner.pull(z, self.inner.picture(z), gradient)

    def nearest(self, x: NpArray) -> NpArray:
        """(count, columns) the nearest rows that may be."""
        out = x.copy()
        out[:, self.whole] = np.round(x[:, self.whole])
        for j, values in self.known.items():
            out[:, j] = values[np.abs(x[:, j, None] - values).argmin(1)]
        for group in self.groups:
            out[:, group] = np.eye(len(group), dtype=x.dtype)[x[:, group].argmax(1)]
        return out


def _one_hot(columns: NpArray) -> bool:
    """Whether one of these columns is 1 in each row, and the others 0."""
    return bool(np.isin(columns, (0, 1)).all() and (columns.sum(1) == 1).all())
