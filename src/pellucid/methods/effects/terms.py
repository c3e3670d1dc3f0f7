"""What a simple model looks at: the numbers of a table, and for each category whether it is there."""

from __future__ import annotations

import numpy as np

from pellucid.core.errors import DataError
from pellucid.core.types import NpArray
from pellucid.core.views import Table

from .places import is_category

LEAST = 4
"""Rows that a simple model needs at least."""


def terms_of(t: Table) -> tuple[NpArray, NpArray]:
    """The column of each term, and the category whose presence it is, NaN for a column's number."""
    found = list[tuple[int, float]]()
    for j in range(t.X.shape[1]):
        if is_category(t, j):
            found += [(j, float(code)) for code in np.unique(t.X[:, j]) if not np.isnan(code)]
        else:
            found.append((j, np.nan))
    return np.array([j for j, _ in found], int), np.array([c for _, c in found])


def decided(t: Table, y: NpArray, decides: bool) -> bool:
    """Whether there are decisions to imitate; notes classes that are never predicted.

    Raises:
        DataError: there are too few rows, or the model says the same of all.
    """
    if len(t.X) < LEAST:
        raise DataError(f"A simple model needs {LEAST} rows.", got=len(t.X), fix="Pass more rows.")
    if not np.ptp(y, axis=0).any():
        raise DataError(
            "The model says the same of every row, so there is nothing to imitate.",
            got=f"{y[0, 0]:.4g}",
            fix="Pass rows of which it says different things.",
        )
    if not decides:
        return False
    seen = np.bincount(y.argmax(1), minlength=y.shape[1]) > 0
    never = ", ".join(name for name, is_seen in zip(t.targets, seen, strict=True) if not is_seen)
    if seen.sum() == 1:
        t.notes.said.append(f"Never predicted on these rows: {never}; the numbers are imitated instead.")
        return False
    if never:
        t.notes.said.append(f"Never predicted on these rows, so unknown to the simple model: {never}.")
    return True
