"""Categories in an order in which alike ones stand side by side."""

from __future__ import annotations

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Table

from .places import is_category

ROWS = 20_000
"""Rows looked at, spread over the table."""
QUANTILES = 100
FEW = 10
"""Whole numbers with so many values or fewer are compared value by value."""


def similar_order(t: Table, column: int, codes: NpArray) -> NpArray:
    """The order of the codes on the line that keeps their distances best (classical scaling).

    Two categories are as far apart as the other columns are distributed differently in them: Kolmogorov's distance for
    numbers, the total variation for categories, added over the columns.
    """
    look = np.linspace(0, len(t.X) - 1, min(len(t.X), ROWS)).astype(int)
    X = t.X[look]
    members = [X[:, column] == c for c in codes]
    far = np.zeros((len(codes), len(codes)))
    for j in range(X.shape[1]):
        if j == column:
            continue
        x = X[:, j]
        known = ~np.isnan(x)
        values = np.unique(x[known])
        whole = bool((values == np.round(values)).all())
        if is_category(t, j) or (len(values) <= FEW and whole):
            shares = np.array([_shares(x[m & known], values) for m in members])
            far += np.abs(shares[:, None] - shares[None]).sum(2) / 2
        elif len(values):
            at = np.quantile(x[known], np.arange(QUANTILES) / QUANTILES)
            below = np.array([_below(np.sort(x[m & known]), at) for m in members])
            far += np.abs(below[:, None] - below[None]).max(2)
    return np.argsort(_on_a_line(far), kind="stable")


def _shares(x: NpArray, values: NpArray) -> NpArray:
    counts = np.array([(x == v).sum() for v in values], float)
    return counts / max(counts.sum(), 1)


def _below(ordered: NpArray, at: NpArray) -> NpArray:
    return np.searchsorted(ordered, at, side="right") / max(len(ordered), 1)


def _on_a_line(far: NpArray) -> NpArray:
    """Coordinates along the first axis of classical scaling, its sign fixed."""
    middle = np.eye(len(far)) - 1 / len(far)
    _, vectors = np.linalg.eigh(-middle @ far**2 @ middle / 2)
    first = vectors[:, -1]
    return first if first[np.abs(first).argmax()] > 0 else -first
