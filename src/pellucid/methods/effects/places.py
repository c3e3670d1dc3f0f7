"""Which columns an effect is traced along, and at which points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.core.errors import DataError, ParameterError
from pellucid.core.features import Columns
from pellucid.core.types import NpArray
from pellucid.core.views import Table

Place = tuple[int, ...]
"""One column, or two that change together, by number."""


def places(t: Table, asked: Any, own: Mapping[int, NpArray]) -> tuple[Place, ...]:
    """The places asked for; None is every column that varies.

    Raises:
        DataError: a column asked for, or every one, holds a single value.
        ParameterError: an unknown column, the same twice, or three together.
    """
    constant = {j for j in range(t.X.shape[1]) if j not in own and not varies(t.X[:, j])}
    if asked is None:
        found = tuple((j,) for j in range(t.X.shape[1]) if j not in constant)
        if not found:
            raise DataError("Every column holds a single value, so nothing has an effect to see.")
        if constant:
            left = ", ".join(t.columns.names[j] for j in sorted(constant))
            t.notes.said.append(f"Left out, since a single value has no effect to see: {left}.")
        return found
    listed = asked if isinstance(asked, list) else [asked]
    found = tuple(_place(t.columns, one) for one in listed)
    if not found:
        raise ParameterError("No column is named.", fix="Name one, or leave columns out for all.")
    for j in (j for place in found for j in place if j in constant):
        raise DataError(
            f"Column {t.columns.names[j]!r} holds a single value, so it has no effect to see.",
            got=t.columns.show(j, float(t.X[0, j])),
            fix="Pass rows in which it varies, or points of your own: grid={...}.",
        )
    return found


def varies(column: NpArray) -> bool:
    """Whether a column holds more than one value, missing ones aside."""
    known = column[~np.isnan(column)] if column.dtype.kind == "f" else column
    return bool(len(known)) and bool((known != known[0]).any())


def _place(columns: Columns, one: Any) -> Place:
    named = one if isinstance(one, tuple) else (one,)
    for c in named:
        if not isinstance(c, str | int | np.integer) or isinstance(c, bool):
            raise ParameterError("A column is a name or a number.", got=repr(c))
    place = tuple(columns.position(c if isinstance(c, str) else int(c)) for c in named)
    if len(place) not in (1, 2) or len(set(place)) < len(place):
        raise ParameterError("An effect is of one column, or of two different ones.", got=repr(one))
    return place


def grids_given(columns: Columns, grid: Mapping[str, Any]) -> dict[int, NpArray]:
    """The caller's own points by column number: numbers, or categories by name.

    Raises:
        ParameterError: an unknown column or category, no points, or points that are no numbers.
    """
    return {columns.position(name): _points(columns, name, points) for name, points in grid.items()}


def _points(columns: Columns, name: str, points: Any) -> NpArray:
    listed = list(np.atleast_1d(np.asarray(points, object)))
    codes = {str(c): k for k, c in enumerate(columns.categories.get(name, ()))}
    if codes:
        unknown = [p for p in listed if str(p) not in codes]
        if unknown:
            raise ParameterError(
                f"Column {name!r} has no category {unknown[0]!r}.", fix=f"It has {', '.join(codes)}."
            )
        return np.array([codes[str(p)] for p in listed], float)
    try:
        numbers = np.unique(np.array(listed, float))
    except (TypeError, ValueError) as error:
        raise ParameterError(f"The points of column {name!r} must be numbers.", got=repr(points)) from error
    if not len(numbers) or not np.isfinite(numbers).all():
        raise ParameterError(f"The points of column {name!r} must be finite numbers.", got=repr(points))
    return numbers


def is_category(t: Table, column: int) -> bool:
    """Whether a column's codes stand for words."""
    return t.columns.names[column] in t.columns.categories


def points_of(t: Table, column: int, count: int, trim: float) -> NpArray:
    """Points of a column: all its values where there are few, else evenly spaced between two quantiles.

    Args:
        t: the table.
        column: its number.
        count: how many points at most, where it has more values.
        trim: the share of rows left out beyond each end.
    """
    known = t.X[:, column]
    known = known[~np.isnan(known)] if known.dtype.kind == "f" else known
    values = np.unique(known)
    if is_category(t, column) or len(values) <= count:
        return values.astype(float)
    from scipy.stats.mstats import mquantiles

    low, high = mquantiles(known, prob=[trim, 1 - trim]).tolist()
    if low == high:  # most rows share one value
        low, high = float(values[0]), float(values[-1])
    return np.linspace(low, high, count)


def crossed(first: NpArray, second: NpArray) -> NpArray:
    """All pairs of points, (points, 2), the second column changing fastest."""
    return np.stack([np.repeat(first, len(second)), np.tile(second, len(first))], 1)
