"""Counterfactuals: rows near the caller's that a model answers otherwise, and what is different in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.features import Columns
from pellucid.core.types import NpArray

from .base import Explanation

STATUSES = ("found", "already", "infeasible", "not_found")
"""A row has a counterfactual; has the wanted answer already; can have none; none was found in the budget."""


@dataclass(frozen=True)
class Change:
    """One column that is different.

    Attributes:
        column: its name.
        before, after: its values as a person writes them.
        amount: by how much it rises; NaN for categories.
        is_fragile: whether it changes by less than the column's noise or unit.
        cost: its part of the distance, as a share of all.
    """

    column: str
    before: str
    after: str
    amount: float
    is_fragile: bool
    cost: float


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Counterfactuals(Explanation):
    """Rows near the caller's that a model answers otherwise; none, one or more for each row.

    Attributes:
        values: (found, columns) the changed rows.
        of: (found,) the number of the row that each is a change of.
        x: (n, columns) the rows as they are.
        status: per row, one of `STATUSES`.
        reason: per row, where it can have none: the column that no value fits, "*" where no column may change, the
            kind of constraint without which one was found, or "proven" where it is known that there is none.
        said: per row, what the model says of it; "" for numbers.
        before: (n,) the model's number for that.
        wanted: per row, the answer asked for.
        label: per changed row, what the model says of it; "" for numbers.
        after: (found,) the model's number for that.
        distance: (found,) from the row.
        metric: how it is measured.
        bound: (found,) what no row that keeps to the constraints can be below; NaN where that is not known.
        inside: (found, columns) the row just before the answer turns round; NaN where it was not sought.
        plausibility: (found,) the percentage of real rows with the wanted answer that lie further from the others.
        evaluations: (n,) questions about each row.
        noise: (columns,) changes below it mean nothing.
        weight: (columns,) what a change of 1 counts in the distance.
        plane: (slices, 2) the two columns of each slice through a changed row.
        slice_of: (slices,) the changed row that each goes through.
        slice_at: (slices, 2, points) where the two columns are set.
        slice_lead: (slices, points, points) how far the answer is beyond the wanted one there, first column first.
        path_lead: (found, points) the same along the straight way from the row to the changed row, categories changed
            half way; NaN where it was not asked.
        index: the frame's row labels.
    """

    of: NpArray
    x: NpArray
    status: tuple[str, ...]
    reason: tuple[str, ...]
    said: tuple[str, ...]
    before: NpArray
    wanted: tuple[str, ...]
    label: tuple[str, ...]
    after: NpArray
    distance: NpArray
    metric: str
    bound: NpArray
    inside: NpArray
    plausibility: NpArray
    evaluations: NpArray
    noise: NpArray
    weight: NpArray
    plane: NpArray
    slice_of: NpArray
    slice_at: NpArray
    slice_lead: NpArray
    path_lead: NpArray
    index: tuple[Any, ...] = ()

    def of_row(self, row: int) -> tuple[int, ...]:
        """Numbers of the changed rows that belong to one of the caller's rows.

        Raises:
            ParameterError: there is no such row.
        """
        if not 0 <= row < len(self.x):
            raise ParameterError(f"There is no row {row}.", fix=f"Choose 0..{len(self.x) - 1}.")
        return tuple(np.flatnonzero(self.of == row).tolist())

    @property
    def changed(self) -> NpArray:
        """(found, columns) which columns are different."""
        x = self.x[self.of]
        return (self.values != x) & ~np.isnan(x)

    @property
    def counts(self) -> NpArray:
        """(found,) how many columns are different."""
        return self.changed.sum(1)

    def changes(self, number: int) -> tuple[Change, ...]:
        """What is different in one changed row, the largest part of the distance first."""
        z, x = self.values[number], self.x[self.of[number]]
        words = self._words
        parts = np.where(words, z != x, np.abs(z - x)) * self.weight
        parts = np.where(self.changed[number], parts, 0.0)
        total = float(parts.sum()) or 1.0
        places = np.flatnonzero(self.changed[number])
        return tuple(
            Change(
                column=self.features.name((int(j),)),
                before=self.shown(int(j), float(x[j]), float(z[j])),
                after=self.shown(int(j), float(z[j]), float(x[j])),
                amount=float("nan") if words[j] else float(z[j] - x[j]),
                is_fragile=bool(not words[j] and abs(z[j] - x[j]) < self.noise[j] * (1 - 1e-9)),
                cost=float(parts[j]) / total,
            )
            for j in places[np.argsort(-parts[places], kind="stable")]
        )

    @property
    def _words(self) -> NpArray:
        known = self.features.categories if isinstance(self.features, Columns) else {}
        return np.array([self.features.name((j,)) in known for j in range(self.x.shape[1])])

    def shown(self, column: int, value: float, other: float) -> str:
        """A value as a person writes it, with as many digits as tell it from the other."""
        plain = Columns(tuple(self.features.name((j,)) for j in range(self.x.shape[1])))
        columns = self.features if isinstance(self.features, Columns) else plain
        if self._words[column] or not np.isfinite(value):
            return columns.show(column, float(value))
        unit = columns.units.get(columns.names[column], "")
        digits = max(4, _digits(value, other))
        text = f"{value:,.{digits}g}" if abs(value) < 10**digits else f"{value:,.0f}"
        return text + (f" {unit}" if unit else "")

    def to_frame(self) -> Any:
        """One line per changed row: which row, what the model says, distance, and the new values of what changed."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        names = [self.features.name((j,)) for j in range(self.x.shape[1])]
        data: dict[str, Any] = {
            "row": [self.index[r] if self.index else int(r) for r in self.of],
            "answer": list(self.label),
            "value": self.after,
            "distance": self.distance,
            "changes": self.counts,
            "plausibility": self.plausibility,
        }
        changed = self.changed
        for j, name in enumerate(names):
            if changed[:, j].any():
                data[f"{name} ="] = [
                    self.shown(j, self.values[m, j], self.x[r, j]) if changed[m, j] else ""
                    for m, r in enumerate(self.of)
                ]
        return pandas.DataFrame(data)


def _digits(value: float, other: float) -> int:
    """Digits that tell two numbers apart."""
    if not np.isfinite(other) or value == other:
        return 4
    size = np.floor(np.log10(max(abs(value), abs(other)))) if value or other else 0.0
    return int(min(9, size - np.floor(np.log10(abs(value - other))) + 2))
