"""The ways of rows down a forest with one column free: what partial dependence and its rows' own curves need.

A row goes down each tree once. At a split where it fails, it may go on along the side that it does not belong to, at
the price of its one free column: from there on, splits on that column let it through on both sides and every other
split must be passed. The leaves reached, counted by the column set free, give the partial dependence of all columns at
once, exactly, whatever the grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from pellucid.core.forest import Forest
from pellucid.core.run import Run, announced, stop_if_cancelled, tracking
from pellucid.core.types import NpArray

from .compiled import kernel, part, spread, threads

KERNELS = "compiling the kernels that walk trees, once after installation"
BLOCK = 512
"""Rows that go down a tree before the next tree is taken: they stay in the processor's cache."""


@dataclass(frozen=True)
class Ways:
    """A forest, made ready for walking with one column free.

    Attributes:
        forest: the ensemble.
        slot: (nodes,) the place of a split's column among the different columns on the path to it.
        offset: (nodes,) of leaves, where their columns begin in the arrays below; -1 elsewhere.
        column: (places,) the column.
        low: (places,) the leaf is reached by values above this, and
        high: (places,) up to this.
        leaf: (places,) the leaf.
    """

    forest: Forest
    slot: NpArray
    offset: NpArray
    column: NpArray
    low: NpArray
    high: NpArray
    leaf: NpArray


def walkable(forest: Forest) -> bool:
    """Whether every split compares a number with a threshold, missing values aside."""
    return not forest.words.any() and not forest.zero_missing.any()


def ways(f: Forest) -> Ways:
    """Where each leaf's path lets values through, column by column."""
    slot = np.zeros(len(f.feature), np.int32)
    offset = np.full(len(f.feature), -1, np.int64)
    size = int((f.feature < 0).sum()) * max(1, min(f.depth, int(f.used.sum()), f.columns))
    column, low, high = np.empty(size, np.int32), np.empty(size), np.empty(size)
    used = 0
    for root in f.roots:
        used = _paths(
            f.feature, f.threshold, f.left, f.right, int(root), slot, offset, column, low, high, used, f.depth
        )
    leaves = np.flatnonzero(offset >= 0)
    leaves = leaves[np.argsort(offset[leaves], kind="stable")]
    lengths = np.diff(np.append(offset[leaves], used))
    return Ways(f, slot, offset, column[:used], low[:used], high[:used], np.repeat(leaves, lengths))


@part
def _new(feature: Any, path: Any, step: int) -> bool:
    """Whether the column split on at a step of the path was not split on before."""
    found = True
    for before in range(step):
        found = found and feature[path[before]] != feature[path[step]]
    return found


@part
def _slot(feature: Any, path: Any, depth: int, column: int) -> int:
    """The place of a column among the different columns of a path, which it may end."""
    places = 0
    for step in range(depth):
        if feature[path[step]] == column:
            return places
        if _new(feature, path, step):
            places += 1
    return places


@part
def _narrowed(  # noqa: PLR0913
    feature: Any,
    threshold: Any,
    path: Any,
    side: Any,
    depth: int,
    column: Any,
    low: Any,
    high: Any,
    used: int,
) -> int:
    """Write what a path lets through, column by column; how many columns there are."""
    places = 0
    for step in range(depth):
        f, t = feature[path[step]], threshold[path[step]]
        at = used + _slot(feature, path, step, f)
        if at == used + places:
            places += 1
            column[at], low[at], high[at] = f, -np.inf, np.inf
        if side[step] == 0:
            high[at] = min(high[at], t)
        else:
            low[at] = max(low[at], t)
    return places


@kernel
def _paths(  # noqa: PLR0913
    feature: Any, threshold: Any, left: Any, right: Any, root: int, slot: Any, offset: Any, column: Any,
    low: Any, high: Any, used: int, depth: int,
) -> int:  # fmt: skip
    """Fill the tables of one tree, its leaves from left to right; the places used by then."""
    nodes, level, came = (
        np.empty(depth + 2, np.int64),
        np.empty(depth + 2, np.int64),
        np.empty(depth + 2, np.int64),
    )
    path, side = np.empty(depth + 2, np.int64), np.empty(depth + 2, np.int64)
    nodes[0], level[0], came[0] = root, 0, -1
    waiting = 1
    while waiting > 0:
        waiting -= 1
        node, d = nodes[waiting], level[waiting]
        if d > 0:
            side[d - 1] = came[waiting]
        if feature[node] < 0:
            offset[node] = used
            used += _narrowed(feature, threshold, path, side, d, column, low, high, used)
            continue
        slot[node] = _slot(feature, path, d, feature[node])
        path[d] = node
        nodes[waiting], level[waiting], came[waiting] = right[node], d + 1, 1
        nodes[waiting + 1], level[waiting + 1], came[waiting + 1] = left[node], d + 1, 0
        waiting += 2
    return used


@kernel
def _count(  # noqa: PLR0913
    x: Any, feature: Any, threshold: Any, left: Any, right: Any, missing_left: Any, slot: Any, offset: Any,
    root: int, depth: int, whole: Any, freed: Any,
) -> None:  # fmt: skip
    """Add the rows that reach each leaf of one tree: as they are, and with each column of its path set free."""
    nodes, free, place = (
        np.empty(depth + 2, np.int32),
        np.empty(depth + 2, np.int32),
        np.empty(depth + 2, np.int32),
    )
    for row in range(x.shape[0]):
        nodes[0], free[0], place[0] = root, -1, -1
        waiting = 1
        while waiting > 0:
            waiting -= 1
            node, f, s = nodes[waiting], free[waiting], place[waiting]
            while feature[node] >= 0:
                g = feature[node]
                value = x[row, g]
                goes = missing_left[node] if np.isnan(value) else value <= threshold[node]
                on, other = (left[node], right[node]) if goes else (right[node], left[node])
                if f == -1:
                    nodes[waiting], free[waiting], place[waiting] = other, g, slot[node]
                    waiting += 1
                elif f == g:
                    nodes[waiting], free[waiting], place[waiting] = other, f, s
                    waiting += 1
                node = on
            if f == -1:
                whole[node] += 1
            else:
                freed[offset[node] + s] += 1


def dependence(w: Ways, x: NpArray, grids: dict[int, NpArray], run: Run) -> dict[int, NpArray]:
    """The mean raw prediction with each column set to each of its points, (points, outputs) by column.

    Args:
        w: the forest.
        x: (n, columns) rows.
        grids: points of each column, in order.
        run: how to run.
    """
    f, n = w.forest, len(x)
    whole, freed = np.zeros(len(f.feature)), np.zeros(len(w.column))

    def count(roots: NpArray) -> None:
        for start in range(0, n, BLOCK):
            for root in roots:
                _count(
                    x[start : start + BLOCK], f.feature, f.threshold, f.left, f.right, f.missing_left, w.slot,
                    w.offset, int(root), f.depth, whole, freed,
                )  # fmt: skip

    parts = np.array_split(f.roots, min(len(f.roots), max(20, 4 * threads())))
    with announced(run, KERNELS), tracking(run, "trees", len(parts)) as advance:
        for _ in spread(count, parts):
            stop_if_cancelled(run)
            advance(1)
    values = _by_output(f)
    everywhere = f.base + whole @ values / n
    kept, out = whole[w.leaf], dict[int, NpArray]()
    order = np.argsort(w.column, kind="stable")
    bounds = np.searchsorted(w.column[order], np.arange(f.columns + 1))
    for column, grid in grids.items():
        these = order[bounds[column] : bounds[column + 1]]
        value, rows = values[w.leaf[these]], (kept[these] + freed[these])[:, None] / n
        start, end = (np.searchsorted(grid, edge[these], side="right") for edge in (w.low, w.high))
        end = np.maximum(start, end)  # a path may contradict itself: no value reaches its leaf
        steps = np.zeros((len(grid) + 1, f.outputs))
        for k in range(f.outputs):
            weight = value[:, k] * rows[:, 0]
            steps[:, k] = np.bincount(start, weight, len(grid) + 1) - np.bincount(end, weight, len(grid) + 1)
        fixed = everywhere - (value * kept[these][:, None]).sum(0) / n
        out[column] = fixed + steps.cumsum(0)[:-1]
    return out


def _by_output(f: Forest) -> NpArray:
    """(nodes, outputs) what a leaf adds to each output."""
    if (f.feeds < 0).all() or f.outputs == 1:
        return f.value
    spread_out = np.zeros((len(f.feature), f.outputs))
    leaves = np.flatnonzero((f.feature < 0) & (f.owner >= 0))
    spread_out[leaves, f.feeds[f.owner[leaves]]] = f.value[leaves, 0]
    return spread_out


@part
def _step(out: Any, row: int, start: int, end: int, value: Any, node: int, output: int) -> None:
    """Add a leaf to the steps where its points begin, and take it off where they end."""
    if output >= 0:
        out[row, start, output] += value[node, 0]
        out[row, end, output] -= value[node, 0]
        return
    for k in range(value.shape[1]):
        out[row, start, k] += value[node, k]
        out[row, end, k] -= value[node, k]


@kernel
def _own_curves(  # noqa: PLR0913
    x: Any, feature: Any, left: Any, right: Any, threshold: Any, missing_left: Any, value: Any, root: int,
    depth: int, output: int, column: int, cut: Any, points: int, out: Any,
) -> None:  # fmt: skip
    """Add one tree to the rows' curves, as the steps between neighbouring points: (rows, points + 1, outputs)."""
    nodes, low, high = (
        np.empty(depth + 2, np.int32),
        np.empty(depth + 2, np.int32),
        np.empty(depth + 2, np.int32),
    )
    for row in range(x.shape[0]):
        nodes[0], low[0], high[0] = root, 0, points
        waiting = 1
        while waiting > 0:
            waiting -= 1
            node, a, b = nodes[waiting], low[waiting], high[waiting]
            while feature[node] >= 0:
                g = feature[node]
                if g == column:
                    c = cut[node]
                    if c <= a:
                        node = right[node]
                    elif c >= b:
                        node = left[node]
                    else:
                        nodes[waiting], low[waiting], high[waiting] = right[node], c, b
                        waiting += 1
                        b = c
                        node = left[node]
                else:
                    number = x[row, g]
                    goes = missing_left[node] if np.isnan(number) else number <= threshold[node]
                    node = left[node] if goes else right[node]
            _step(out, row, a, b, value, node, output)


def own_curves(f: Forest, x: NpArray, column: int, grid: NpArray) -> NpArray:
    """(rows, points, outputs) the raw prediction of each row with a column set to each of its points, in order."""
    steps = np.zeros((len(x), len(grid) + 1, f.outputs))
    cut = np.zeros(len(f.feature), np.int32)
    here = f.feature == column
    cut[here] = np.searchsorted(grid, f.threshold[here], side="right")
    splits = np.zeros(f.trees, bool)
    splits[f.owner[here]] = True

    def walk(rows: slice) -> None:
        for start in range(rows.start, rows.stop, BLOCK):
            some = slice(start, min(start + BLOCK, rows.stop))
            for tree, root in enumerate(f.roots):
                _own_curves(
                    x[some], f.feature, f.left, f.right, f.threshold, f.missing_left, f.value, int(root),
                    f.depth, int(f.feeds[tree]), column, cut, len(grid), steps[some],
                )  # fmt: skip

    ends = np.linspace(0, len(x), min(threads(), max(1, len(x) // BLOCK)) + 1).astype(int)
    parts = [slice(a, b) for a, b in pairwise(ends.tolist())]
    for _ in spread(walk, parts):
        pass
    return f.base + steps.cumsum(1)[:, :-1]
