"""What any single change of a row would give, compiled: the lead in every cell of every column, in one walk."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pellucid.core.types import NpArray
from pellucid.methods.trees.compiled import kernel

from .board import Wood


class Desk(NamedTuple):
    """What the walk writes on.

    Attributes:
        step: (cells + columns, conditions) differences from cell to cell.
        lead: (cells,) the least of the conditions, were the column in that cell.
        path: (nodes,) splits on the way to the leaf.
        stack: (nodes, 3).
        total: (conditions,) the state's own.
        reach: (columns, 2) the first and the last cell worth looking at; all of a column of categories, or none.
    """

    step: NpArray
    lead: NpArray
    path: NpArray
    stack: NpArray
    total: NpArray
    reach: NpArray


@kernel
def _goes_left(w: Wood, node: int, cell: int) -> bool:
    if cell < 0:
        return w.missing[node]
    if w.word[w.feature[node]]:
        return (w.cut[node] >> cell) & 1 == 1
    return cell <= w.cut[node]


@kernel
def _add(w: Wood, desk: Desk, j: int, span: tuple[int, int], leaf: int, home: int) -> None:
    """What changes from the home leaf to another, for the cells of a column that reach the other."""
    a, b = span
    begin = w.begin[j] + j
    if w.word[j]:
        k = 0
        while a >> k:
            if (a >> k) & 1:
                for c in range(len(w.base)):
                    d = w.value[leaf, c] - w.value[home, c]
                    desk.step[begin + k, c] += d
                    desk.step[begin + k + 1, c] -= d
            k += 1
    else:
        a, b = max(a, desk.reach[j, 0]), min(b, desk.reach[j, 1])
        for c in range(len(w.base)):
            d = w.value[leaf, c] - w.value[home, c]
            desk.step[begin + a, c] += d
            desk.step[begin + b + 1, c] -= d


@kernel
def _sides(w: Wood, node: int, span: tuple[int, int]) -> tuple[int, int, int, int]:
    """The cells that go left and those that go right."""
    a, b = span
    cut = w.cut[node]
    if w.word[w.feature[node]]:
        return a & cut, 0, a & ~cut, 0
    return a, min(b, cut), max(a, cut + 1), b


@kernel
def _is_worth(w: Wood, desk: Desk, j: int, span: tuple[int, int]) -> bool:
    if w.word[j]:
        return span[0] != 0
    return max(span[0], desk.reach[j, 0]) <= min(span[1], desk.reach[j, 1])


@kernel
def _aside(w: Wood, desk: Desk, cells: NpArray, start: tuple[int, int, int], home: int) -> None:
    """The leaves that would be reached, had one column another cell: from a split's other side on."""
    j = w.feature[desk.path[start[0]]]
    node = desk.path[start[0]]
    left = _goes_left(w, node, cells[j])
    desk.stack[0, 0] = w.right[node] if left else w.left[node]
    desk.stack[0, 1], desk.stack[0, 2] = start[1], start[2]
    top = 1
    while top:
        top -= 1
        node, a, b = desk.stack[top, 0], desk.stack[top, 1], desk.stack[top, 2]
        while w.feature[node] >= 0:
            f = w.feature[node]
            if f != j:
                node = w.left[node] if _goes_left(w, node, cells[f]) else w.right[node]
                continue
            la, lb, ra, rb = _sides(w, node, (a, b))
            goes = _is_worth(w, desk, j, (ra, rb))
            if _is_worth(w, desk, j, (la, lb)):
                if goes:
                    desk.stack[top, 0], desk.stack[top, 1], desk.stack[top, 2] = w.right[node], ra, rb
                    top += 1
                node, a, b = w.left[node], la, lb
            else:
                node, a, b = w.right[node], ra, rb
        _add(w, desk, j, (a, b), node, home)


@kernel
def scan(w: Wood, desk: Desk, cells: NpArray) -> float:
    """The state's own lead; within `desk.reach`, `desk.lead` is that with one column in another cell."""
    _cleared(w, desk)
    for tree in range(len(w.roots)):
        node, count = w.roots[tree], 0
        while w.feature[node] >= 0:
            desk.path[count] = node
            count += 1
            node = w.left[node] if _goes_left(w, node, cells[w.feature[node]]) else w.right[node]
        for c in range(len(w.base)):
            desk.total[c] += w.value[node, c]
        for k in range(count):
            at = desk.path[k]
            j = w.feature[at]
            if cells[j] < 0 or desk.reach[j, 0] > desk.reach[j, 1]:
                continue
            la, lb, ra, rb = _sides(w, at, (w.first[at], w.last[at]))
            left = _goes_left(w, at, cells[j])
            a, b = (ra, rb) if left else (la, lb)
            if _is_worth(w, desk, j, (a, b)):
                _aside(w, desk, cells, (k, a, b), node)
    return _summed(w, desk)


@kernel
def _cleared(w: Wood, desk: Desk) -> None:
    desk.total[:] = w.base
    for j in range(len(w.word)):
        desk.step[w.begin[j] + j + desk.reach[j, 0] : w.begin[j] + j + desk.reach[j, 1] + 2] = 0.0


@kernel
def _summed(w: Wood, desk: Desk) -> float:
    """From differences to leads."""
    own = np.inf
    for c in range(len(w.base)):
        own = min(own, desk.total[c])
    for j in range(len(w.word)):
        first = w.begin[j] + desk.reach[j, 0]
        for cell in range(first, w.begin[j] + desk.reach[j, 1] + 1):
            least = np.inf
            for c in range(len(w.base)):
                if cell > first:
                    desk.step[cell + j, c] += desk.step[cell + j - 1, c]
                least = min(least, desk.total[c] + desk.step[cell + j, c])
            desk.lead[cell] = least
    return own
