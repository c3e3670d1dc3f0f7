"""Where the search begins: real rows with the wanted answer, as far as the constraints let a row become them."""

from __future__ import annotations

import numpy as np

from .search import CELLS, Pool, Search

SEEDS = 8
"""Real rows per row of the caller's."""
LOOKED_AT = 4
"""Times as many are asked about, since the constraints may have changed them."""


def neighbours(s: Search, rows: np.ndarray, count: int = SEEDS) -> Pool:
    """The nearest real rows with the wanted answer, changed to keep to the constraints of each row.

    Args:
        s: the search.
        rows: numbers of the rows.
        count: real rows for each.
    """
    q = s.q
    found = s.ask(np.zeros((0, q.X.shape[1])), np.zeros(0, int))
    for goal, real in enumerate(s.real):
        mine = rows[q.goal[rows] == goal]
        step = max(1, CELLS // max(1, real.size))
        for start in range(0, len(mine) if len(real) else 0, step):
            some = mine[start : start + step]
            own = np.repeat(some, len(real))
            Z = q.limits.nearest(np.tile(real, (len(some), 1)), own)
            keep = _nearest(s.cost(Z, own).reshape(len(some), -1), count * LOOKED_AT)
            found = found + s.ask(Z[keep], own[keep])
    found = found[found.lead >= 0]
    order = np.lexsort((s.cost(found.Z, found.own), found.own))
    found = found[order]
    return found[np.arange(len(found)) - np.searchsorted(found.own, found.own) < count]


def _nearest(cost: np.ndarray, count: int) -> np.ndarray:
    """Numbers, in the flattened table, of the cheapest of each line."""
    count = min(count, cost.shape[1])
    near = np.argpartition(cost, count - 1, axis=1)[:, :count]
    return (np.arange(len(cost))[:, None] * cost.shape[1] + near).ravel()
