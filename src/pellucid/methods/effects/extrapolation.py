"""How much of what an effect asks about lies outside the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Table

from .places import Place

ROWS = 1000
"""Rows that the check looks at, spread over the table."""
EXPECTED = 6.0
"""Rows that a cell would hold on average if the columns were independent: then it is empty once in 400."""
MOST_BINS = 10
SHARE = 0.05
"""From this share of cells outside the data on, partial dependence is doubtful."""


def check_extrapolation(t: Table, where: Sequence[Place], grids: Sequence[NpArray]) -> None:
    """Note the share of questions about rows that do not occur, for the worst column and its closest companion."""
    worst, pair = 0.0, ("", "")
    look = np.linspace(0, len(t.X) - 1, min(len(t.X), ROWS)).astype(int)
    X = t.X[look]
    bins = [_binned(X[:, j]) for j in range(X.shape[1])]
    for place, grid in zip(where, grids, strict=True):
        for axis, j in enumerate(place):
            others = [k for k in range(X.shape[1]) if k not in place]
            points = np.unique(grid[:, axis])
            asked = np.bincount(np.searchsorted(bins[j][0], points), minlength=len(bins[j][0]) + 1) / len(
                points
            )
            shares = [_outside(bins[j], bins[k], asked, len(X)) for k in others]
            if shares and max(shares) > worst:
                worst = max(shares)
                pair = t.columns.names[j], t.columns.names[others[int(np.argmax(shares))]]
    t.notes.check(
        "extrapolation",
        worst,
        warn=SHARE,
        fail=np.inf,
        meaning=f"{100 * worst:.0f} % of the cells asked about hold no data: {pair[0]} and {pair[1]} move together."
        if pair[0]
        else "No cell asked about lies outside the data.",
        advice="Use AccumulatedLocalEffects, which stays where the data are.",
    )


def _binned(column: NpArray) -> tuple[NpArray, NpArray]:
    """Edges between bins of about equally many rows, and each row's bin; a row without a value has bin -1."""
    known = np.sort(column[~np.isnan(column)])
    bins = int(np.clip(np.sqrt(len(known) / EXPECTED), 1, MOST_BINS))
    values = known[np.flatnonzero(np.diff(known, prepend=np.nan))]
    if len(values) <= bins:
        edges = (values[1:] + values[:-1]) / 2
    else:
        at = np.linspace(0, 1, bins + 1)[1:-1] * (len(known) - 1)
        edges = np.unique(np.interp(at, np.arange(len(known)), known))
    return edges, np.where(np.isnan(column), -1, np.searchsorted(edges, column, side="left"))


def _outside(
    mine: tuple[NpArray, NpArray], other: tuple[NpArray, NpArray], asked: NpArray, rows: int
) -> float:
    """The share of (point, row) whose cell is empty although independent columns would have filled it."""
    (edges, bins), (others, companions) = mine, other
    known = (bins >= 0) & (companions >= 0)
    shape = len(edges) + 1, len(others) + 1
    counts = np.bincount(bins[known] * shape[1] + companions[known], minlength=shape[0] * shape[1]).reshape(
        shape
    )
    expected = np.outer(counts.sum(1), counts.sum(0)) / max(counts.sum(), 1)
    empty = (counts == 0) & (expected >= 0.75 * EXPECTED)
    return float(asked @ empty @ (counts.sum(0) / max(rows, 1)))
