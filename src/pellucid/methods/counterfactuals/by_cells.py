"""The search in a forest's cells: from the row and from real rows down, by the compiled walk through its trees."""

from __future__ import annotations

import numpy as np

from pellucid.core.types import NpArray

from .board import Board
from .conditions import linear
from .search import Pool, Search

PATIENCE = 4, 400
"""Kicks in a row that bring nothing: so many, and so many over the number of trees."""
KEPT = 4
"""States of each row that are kept."""
SHAKEN = 2
"""Starts from the row itself besides the plain one, with chance in the choice of changes."""
REAL = 8
"""Real rows that the search begins at."""


def by_cells(s: Search, board: Board, rows: NpArray, real: Pool) -> Pool:
    """The nearest rows in cells with the wanted answer, each asked of the model itself.

    Args:
        s: the search.
        board: the forest's cells.
        rows: numbers of the rows.
        real: real rows with the wanted answer, changed to keep to the constraints, by row, the nearest first.
    """
    found = list[Pool]()
    for goal in np.unique(s.q.goal[rows]):
        mine = rows[s.q.goal[rows] == goal]
        value, cost = board.values(mine)
        for alternative in linear(s.q, board.forest, int(mine[0])) or ():
            states, costs = _states(s, board, alternative, (mine, value, cost), real)
            row, kept = np.nonzero(np.isfinite(costs))
            cells = states[row, kept]
            Z = np.take_along_axis(value[row], board.begin[:-1] + np.maximum(cells, 0), 1)
            Z = np.where(cells < 0, s.q.X[mine[row]], Z)
            found.append(s.ask(board.readable(Z, mine[row]), mine[row]))
    pool = found[0]
    for more in found[1:]:
        pool = pool + more
    return pool


def _states(
    s: Search,
    board: Board,
    alternative: list[tuple[NpArray, float]],
    given: tuple[NpArray, NpArray, NpArray],
    real: Pool,
) -> tuple[NpArray, NpArray]:
    """(rows, kept, columns) the cells of the best states, and what they cost."""
    from .exchanges import Task, search_rows
    from .scan import Desk

    rows, value, cost = given
    wood, columns = board.wood(alternative), len(board.edges)
    home = board.cells(s.q.X[rows])
    at = board.begin[:-1] + np.maximum(home, 0)
    own = np.take_along_axis(value, at, 1) == s.q.X[rows]
    own &= np.isfinite(np.take_along_axis(cost, at, 1))
    near = np.stack(
        [cost[:, a:b].argmin(1) for a, b in zip(board.begin[:-1], board.begin[1:], strict=True)], 1
    )
    is_missing = np.isnan(s.q.X[rows])
    home = np.where(is_missing, -1, np.where((home >= 0) & own, home, -2))
    near = np.where(home == -2, near, home)
    states, begin = list[NpArray](), [0]
    for k, row in enumerate(rows):
        some = board.cells(real.Z[real.own == row][:REAL])
        some = np.where((some < 0) & ~is_missing[k], near[k], some)
        states.append(np.concatenate([np.repeat(near[[k]], 1 + SHAKEN, 0), some]))
        begin.append(begin[-1] + len(states[-1]))
    nodes, conditions = len(wood.feature), len(wood.base)
    desk = Desk(
        np.zeros((cost.shape[1] + columns, conditions)), np.zeros(cost.shape[1]), np.zeros(nodes, np.int64),
        np.zeros((nodes, 3), np.int64), np.zeros(conditions), np.zeros((columns, 2), np.int64),
    )  # fmt: skip
    found = np.zeros((len(rows), KEPT, columns), np.int64), np.full((len(rows), KEPT), np.inf)
    task = Task(cost, home, near, int(s.q.limits.most_changes))
    search_rows(
        wood,
        desk,
        task,
        (np.concatenate(states), np.array(begin)),
        found,
        PATIENCE[0] + PATIENCE[1] // board.forest.trees,
    )
    return found
