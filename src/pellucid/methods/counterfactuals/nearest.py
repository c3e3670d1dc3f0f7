"""The order of the search's steps: seeds, fewer changes, smaller ones, and others in their place."""

from __future__ import annotations

import numpy as np

from pellucid.core.types import NpArray

from .board import Board
from .by_cells import by_cells
from .diverse import diverse
from .refine import refilled, walked
from .search import Pool, Search
from .seeds import neighbours

MORE = 6
"""Candidates of each row for each answer, where several are asked for."""
KEPT = 3
"""Candidates of each row that are brought near the boundary."""


def near(s: Search, rows: NpArray, count: int, board: Board | None = None) -> Pool:
    """The cheapest candidates of some rows that can be found; of several, those that differ.

    Args:
        s: the search.
        rows: numbers of the rows.
        count: answers for each row.
        board: the cells of a forest, where they say all.
    """
    from_real = neighbours(s, rows)
    if board is None:
        return searched(s, rows, count, from_real)
    found = s.best(by_cells(s, board, rows, from_real), MORE)
    if count > 1 or s.plausibility:
        return searched(s, rows, count, from_real + found)
    found = s.best(found)
    if s.q.limits.most_changes >= s.q.X.shape[1]:
        rows = np.setdiff1d(rows, found.own)
    if not len(rows):
        return found
    return s.best(found + searched(s, rows, count, from_real[np.isin(from_real.own, rows)]))


def searched(s: Search, rows: NpArray, count: int, from_real: Pool) -> Pool:
    """The same with nothing but questions.

    Args:
        s: the search.
        rows: numbers of the rows.
        count: answers for each row.
        from_real: rows with the wanted answer to begin at.
    """
    q, keep = s.q, KEPT if count == 1 else max(KEPT, MORE * count)
    begun = s.ask(q.limits.start[rows], rows)
    place = np.searchsorted(rows, from_real.own)
    pool = s.copied(begun[place], from_real.Z) + from_real + s.greedy(begun, 2 * q.X.shape[1])
    pool = s.best(s.snapped(s.nearer(s.best(s.reverted(pool), keep))), keep)
    if s.proposals.splits is None:
        pool = s.best(pool + walked(s, pool), keep)
    best = s.best(pool)
    found = refilled(s, best, keep=keep)
    if s.proposals.splits is None:
        best = s.best(found)
        found = found + s.nearer(walked(s, best))
    pool = pool + found
    return s.best(s.readable(diverse(s, pool, count) if count > 1 else s.best(pool)), count)
