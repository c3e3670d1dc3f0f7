"""Several answers that differ: each next one is as far as can be from those chosen, of those near the row."""

from __future__ import annotations

import numpy as np

from .search import Pool, Search, firsts_of

FAR = 2.0
"""No answer costs more than so many times the cheapest of its row, unless there are too few that cost less."""


def diverse(s: Search, pool: Pool, count: int) -> Pool:
    """The cheapest answer of each row, then, again and again, the one farthest from those that are chosen.

    Args:
        s: the search.
        pool: candidates.
        count: answers for each row.
    """
    pool = s.best(pool, len(pool) or 1)
    cost = s.cost(pool.Z, pool.own)
    first = np.searchsorted(pool.own, pool.own)
    rank = np.arange(len(pool)) - first
    pool = pool[(cost <= FAR * cost[first] + 1e-12) | (rank < count)]
    rows, last = np.unique(pool.own, return_index=True)
    chosen, apart = [last], np.full(len(pool), np.inf)
    for _ in range(count - 1):
        apart = np.minimum(apart, s.distance(pool.Z[last[np.searchsorted(rows, pool.own)]], pool.Z))
        farthest = firsts_of(pool.own, apart)
        last = np.where(apart[farthest] > 0, farthest, last)
        chosen.append(farthest[apart[farthest] > 0])
    return pool[np.sort(np.concatenate(chosen))]
