"""The search over a forest's cells, compiled: single changes, and exchanges of one change for another.

A state is a cell for every column. One walk tells what any single change of it would give, so that changes are compared
over all thresholds that there are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pellucid.core.types import NpArray
from pellucid.methods.trees.compiled import kernel, part

from .board import Wood
from .scan import Desk, scan

TINY = 1e-12
"""Costs and leads that differ by less are the same."""
FRONT = 64
"""Cheaper cells of one column that are tried in exchanges."""
LOOSE = 1.4
"""How much dearer than the best a state may be on the way to a better one."""
MIXED = 0.5
"""How often two states are mixed, instead of changes undone."""
KICKED = 3
"""Changes that are undone at once, at most."""


class Task(NamedTuple):
    """One row.

    Attributes:
        cost: (cells,) of each cell, infinite where it is not allowed.
        home: (columns,) the row's own cell, -1 where it may not stay.
        near: (columns,) the cheapest cell.
        most: how many columns may change.
    """

    cost: NpArray
    home: NpArray
    near: NpArray
    most: int


@part
def _cost(w: Wood, task: Task, cells: NpArray) -> float:
    total = 0.0
    for j in range(len(cells)):
        if cells[j] >= 0:
            total += float(task.cost[w.begin[j] + cells[j]])
    return total


@part
def _count(task: Task, cells: NpArray) -> int:
    count = 0
    for j in range(len(cells)):
        count += cells[j] != task.home[j]
    return count


@kernel
def within(w: Wood, desk: Desk, task: Task, cells: NpArray, slack: float) -> None:
    """Only cells that cost less than the state's own and `slack` are worth looking at."""
    for j in range(len(cells)):
        desk.reach[j, 0], desk.reach[j, 1] = 1, 0
        if cells[j] < 0:
            continue
        limit = task.cost[w.begin[j] + cells[j]] + slack
        if task.cost[w.begin[j] + task.near[j]] >= limit:
            continue
        if w.word[j]:
            desk.reach[j, 0], desk.reach[j, 1] = 0, w.begin[j + 1] - w.begin[j] - 1
            continue
        desk.reach[j, 0], desk.reach[j, 1] = _edge(w, task, j, -1, limit), _edge(w, task, j, 1, limit)


@kernel
def _edge(w: Wood, task: Task, j: int, step: int, limit: float) -> int:
    """The last cell of a column, on one side of the cheapest, that costs less than `limit`."""
    last, cell = task.near[j], task.near[j] + step
    while 0 <= cell < w.begin[j + 1] - w.begin[j]:
        cost = task.cost[w.begin[j] + cell]
        if cost < limit:
            last = cell
        elif cost < np.inf:
            break
        cell += step
    return last


@part
def _fits(task: Task, cells: NpArray, count: int, j: int, cell: int) -> bool:
    """Whether the change keeps to the number of changes that is allowed."""
    more = (cell != task.home[j]) - (cells[j] != task.home[j])
    return count + more <= task.most


@kernel
def _cheapest(w: Wood, desk: Desk, task: Task, cells: NpArray, but: int) -> tuple[int, int, float]:
    """The single change to a wanted answer that costs least (or saves most), of columns other than `but`."""
    best, column, to = np.inf, -1, -1
    count = _count(task, cells)
    for j in range(len(cells)):
        if cells[j] < 0 or j == but:
            continue
        now = task.cost[w.begin[j] + cells[j]]
        for cell in range(desk.reach[j, 0], desk.reach[j, 1] + 1):
            at = w.begin[j] + cell
            more = task.cost[at] - now
            if (
                cell != cells[j]
                and more < best
                and desk.lead[at] >= 0.0
                and _fits(task, cells, count, j, cell)
            ):
                best, column, to = float(more), j, cell
    return column, to, best


@kernel
def sink(w: Wood, desk: Desk, task: Task, cells: NpArray) -> None:
    """Make the change that saves most and keeps the wanted answer, until there is none."""
    for _ in range(4 * len(cells)):
        within(w, desk, task, cells, 0.0)
        scan(w, desk, cells)
        j, to, more = _cheapest(w, desk, task, cells, -1)
        if j < 0 or more >= -TINY:
            return
        cells[j] = to


@kernel
def exchanged(w: Wood, desk: Desk, task: Task, cells: NpArray, fronts: tuple[NpArray, NpArray]) -> bool:
    """Take one change back, partly or wholly, and make up for it by another, if both together are cheaper."""
    front, counts = fronts
    within(w, desk, task, cells, 0.0)
    scan(w, desk, cells)
    for j in range(len(cells)):
        counts[j] = _front(w, desk, task, (j, cells[j]), front[j])
    for j in range(len(cells)):
        before = cells[j]
        for k in range(counts[j]):
            cells[j] = front[j, k]
            saved = task.cost[w.begin[j] + before] - task.cost[w.begin[j] + cells[j]]
            within(w, desk, task, cells, saved)
            scan(w, desk, cells)
            i, to, more = _cheapest(w, desk, task, cells, j)
            if i >= 0 and more < saved - TINY:
                cells[i] = to
                return True
        cells[j] = before
    return False


@kernel
def _front(w: Wood, desk: Desk, task: Task, at: tuple[int, int], front: NpArray) -> int:
    """The cheaper cells of a column that none beats in both cost and lead, the cheapest first."""
    j, own = at
    if own < 0:
        return 0
    count, top, last = 0, -np.inf, -1.0
    limit = task.cost[w.begin[j] + own]
    while count < len(front):
        cheapest, pick = limit - TINY, -1
        for cell in range(desk.reach[j, 0], desk.reach[j, 1] + 1):
            cost = task.cost[w.begin[j] + cell]
            if cost < cheapest and cost > last and desk.lead[w.begin[j] + cell] > top + TINY:
                cheapest, pick = cost, cell
        if pick < 0:
            break
        front[count], top, last = pick, desk.lead[w.begin[j] + pick], cheapest
        count += 1
    return count


@part
def _random(seed: NpArray) -> float:
    """A number in [0, 1), by a shift register."""
    s = seed[0]
    s ^= s << np.uint64(13)
    s ^= s >> np.uint64(7)
    s ^= s << np.uint64(17)
    seed[0] = s
    return (s >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@kernel
def refill(w: Wood, desk: Desk, task: Task, cells: NpArray, loose: tuple[float, float, NpArray]) -> bool:
    """Make the change with the best lead for its cost, again and again, until the wanted answer is reached."""
    shaken, dearest, seed = loose
    for _ in range(3 * len(cells)):
        slack = dearest - _cost(w, task, cells)
        if slack <= 0.0:
            return False
        within(w, desk, task, cells, slack)
        own = scan(w, desk, cells)
        if own >= 0.0:
            return True
        column, to = _worthiest(w, desk, task, cells, (own, shaken, seed))
        if column < 0:
            return False
        cells[column] = to
    return False


@kernel
def _worthiest(
    w: Wood, desk: Desk, task: Task, cells: NpArray, loose: tuple[float, float, NpArray]
) -> tuple[int, int]:
    """The single change with the best lead for its cost: the column and its cell."""
    own, shaken, seed = loose
    best, column, to = 0.0, -1, -1
    count = _count(task, cells)
    for j in range(len(cells)):
        now = task.cost[w.begin[j] + max(cells[j], 0)]
        noise = 1.0 + shaken * (_random(seed) - 0.5)
        for cell in range(desk.reach[j, 0], desk.reach[j, 1] + 1):
            at = w.begin[j] + cell
            gain = min(desk.lead[at], 0.0) - own
            worth = noise * gain / max(task.cost[at] - now, 1e-6)
            if gain > TINY and worth > best and _fits(task, cells, count, j, cell):
                best, column, to = worth, j, cell
    return column, to


@kernel
def settle(w: Wood, desk: Desk, task: Task, cells: NpArray, front: tuple[NpArray, NpArray]) -> float:
    """Down to where no single change and no exchange is cheaper: the cost there."""
    sink(w, desk, task, cells)
    while exchanged(w, desk, task, cells, front):
        sink(w, desk, task, cells)
    return _cost(w, task, cells)


@part
def _kick(task: Task, cells: NpArray, seed: NpArray) -> None:
    """Undo some changes at random."""
    changed = 0
    for j in range(len(cells)):
        changed += cells[j] != task.near[j]
    count = 1 + int(_random(seed) * min(KICKED, changed))
    for _ in range(count):
        pick = int(_random(seed) * changed)
        for j in range(len(cells)):
            if cells[j] != task.near[j]:
                pick -= 1
                if pick < 0:
                    cells[j] = task.near[j]
                    changed -= 1
                    break


@kernel
def searched(
    w: Wood,
    desk: Desk,
    task: Task,
    starts: NpArray,
    found: tuple[NpArray, NpArray],
    patience: int,
    seed: NpArray,
) -> None:
    """The cheapest states of one row: from each start down, then kicks from the best.

    Args:
        w: the trees.
        desk: to write on.
        task: the row.
        starts: (starts, columns) states; those that are short of the wanted answer are filled up.
        found: (kept, columns) states and their (kept,) costs, the best first; infinite where there is none yet.
        patience: kicks in a row that bring nothing.
        seed: (1,) of the random numbers.
    """
    states, costs = found
    front = np.empty((len(task.near), FRONT), np.int64), np.empty(len(task.near), np.int64)
    cells = np.empty_like(states[0])
    settled = 0
    for k in range(len(starts)):
        cells[:] = starts[k]
        if refill(w, desk, task, cells, (0.0 if k == 0 else 0.5, np.inf, seed)):
            _kept(states, costs, cells, settle(w, desk, task, cells, front))
            starts[settled] = cells
            settled += 1
    idle = 0
    while idle < patience and costs[0] < np.inf:
        idle += 1
        cells[:] = states[0]
        other = int(_random(seed) * settled)
        if _random(seed) < MIXED:
            _mix(cells, starts[other], seed)
        else:
            _kick(task, cells, seed)
        if refill(w, desk, task, cells, (1.0, LOOSE * costs[0], seed)):
            before, cost = costs[0], settle(w, desk, task, cells, front)
            _kept(states, costs, cells, cost)
            if cost < _cost(w, task, starts[other]) - TINY:
                starts[other] = cells
            if costs[0] < before - TINY:
                idle = 0


@part
def _mix(cells: NpArray, other: NpArray, seed: NpArray) -> None:
    """Every column from one of two states."""
    for j in range(len(cells)):
        if _random(seed) < 0.5:
            cells[j] = other[j]


@part
def _kept(states: NpArray, costs: NpArray, cells: NpArray, cost: float) -> None:
    """Put a state in its place among those found."""
    for k in range(len(costs)):
        if cost > costs[k] - TINY:
            same = abs(cost - costs[k]) <= TINY and np.all(states[k] == cells)
            if same:
                return
            continue
        for later in range(len(costs) - 1, k, -1):
            costs[later] = costs[later - 1]
            states[later] = states[later - 1]
        costs[k] = cost
        states[k] = cells
        return


@kernel
def search_rows(
    w: Wood,
    desk: Desk,
    tasks: Task,
    starts: tuple[NpArray, NpArray],
    found: tuple[NpArray, NpArray],
    patience: int,
) -> None:
    """The same for many rows, each with random numbers of its own.

    Args:
        w: the trees.
        desk: to write on.
        tasks: of all rows, a further axis first.
        starts: (all starts, columns) states, and (rows + 1,) where those of each row begin.
        found: (rows, kept, columns) states and their (rows, kept,) costs.
        patience: kicks in a row that bring nothing.
    """
    states, begin = starts
    seed = np.empty(1, np.uint64)
    for row in range(len(tasks.cost)):
        seed[0] = 88172645463325252
        task = Task(tasks.cost[row], tasks.home[row], tasks.near[row], tasks.most)
        searched(
            w, desk, task, states[begin[row] : begin[row + 1]], (found[0][row], found[1][row]), patience, seed
        )
