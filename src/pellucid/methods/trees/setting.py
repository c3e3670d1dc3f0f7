r"""Exact partial dependence of a forest's raw prediction, for all columns and any grid, from one walk of the rows.

A row reaches a leaf with column j set to v where it passes all other splits of the leaf's path, and v those on j. So
each row goes down each tree along every way on which at most one column fails, and leaves one count at each leaf: of
rows that pass everything, and of rows that only this column keeps away. For leaf :math:`\ell` with N and
:math:`C_{\ell j}` such rows,

.. math:: \mathrm{PD}_j(v) = \frac{1}{n} \sum_\ell a_\ell
          \begin{cases} N_\ell & \text{where } j \text{ is not on the path} \\
          (N_\ell + C_{\ell j})\,[v \text{ passes}] & \text{else.} \end{cases}

The grid costs nothing to the rows, however fine it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.forest import Forest
from pellucid.core.types import NpArray

from .compiled import kernel, part
from .layout import Laid, goes_left
from .plan import plan


def partial_dependence(forest: Forest, x: NpArray, grids: Mapping[int, NpArray]) -> dict[int, NpArray]:
    """The mean raw prediction over rows with one column set to each point of a grid, all else left as it is.

    Args:
        forest: the ensemble.
        x: (n, columns) rows, as the trees compare them.
        grids: column -> (points,) values to set it to; NaN is a missing value.

    Returns:
        For each of these columns (points, outputs).

    Raises:
        CapabilityError: the forest has no rows to average over.
    """
    if len(x) == 0:
        raise CapabilityError("There are no rows to average over.", fix="Pass at least one.")
    p = plan(forest)
    rows = np.ascontiguousarray(x, np.float64)
    whole = np.zeros((len(p.laid.splits), 2))
    lacking = np.zeros((int(p.laid.splits["distinct"].sum()) * 2,))
    start = np.concatenate([[0], np.cumsum(2 * p.laid.splits["distinct"].astype(np.int64))[:-1]])
    _count(p.laid, rows, start, whole, lacking)
    out: dict[int, NpArray] = {}
    for column, grid in grids.items():
        points = np.ascontiguousarray(grid, np.float64)
        sums = np.zeros((len(points), p.fewer))
        _add_up(p.laid, int(column), points, start, whole, lacking, sums)
        out[column] = p.offset + sums / len(rows) @ p.spread.T
    return out


@kernel
def _count(t: Laid, x: NpArray, start: NpArray, whole: NpArray, lacking: NpArray) -> None:
    """Count, at each leaf, the rows that pass everything, and those that one feature alone keeps away.

    Args:
        t: the forest.
        x: (n, columns).
        start: (splits,) where the counts of a split's leaves begin: side after side, place after place.
        whole: (splits, 2) rows that pass everything.
        lacking: rows that the feature at each place keeps away.
    """
    stack = np.empty((2 * t.depth + 4, 2), np.int64)
    for tree in range(len(t.output)):
        for r in range(len(x)):
            stack[0, 0], stack[0, 1] = t.start[tree], -1
            top = 1
            while top > 0:
                v, failed = stack[top - 1, 0], stack[top - 1, 1]
                passes = 0 if goes_left(t.splits[v], t.sets, x[r, t.splits[v].feature]) else 1
                top = _go_on(t.splits[v], v, failed, passes, stack, top - 1, start, whole, lacking)


@part
def _go_on(  # noqa: PLR0913
    s: Any,
    v: int,
    failed: int,
    passes: int,
    stack: NpArray,
    top: int,
    start: NpArray,
    whole: NpArray,
    lacking: NpArray,
) -> int:
    """Go on from a split to both sides, where no second feature fails; the new height of the stack."""
    for side in range(2):
        if side != passes and failed >= 0 and failed != s.place:
            continue
        now = failed if side == passes else np.int64(s.place)
        if not (s.leaf_left if side == 0 else s.leaf_right):
            stack[top, 0] = v + 1 if side == 0 else np.int64(s.right)
            stack[top, 1] = now
            top += 1
        elif now < 0:
            whole[v, side] += 1
        else:
            lacking[start[v] + side * s.distinct + now] += 1
    return top


@kernel
def _add_up(
    t: Laid, column: int, grid: NpArray, start: NpArray, whole: NpArray, lacking: NpArray, out: NpArray
) -> None:
    """Add the leaves that rows reach with the column set to each point to `out`, (points, outputs)."""
    p = t.splits
    path, sides = np.empty(t.depth + 1, np.int64), np.empty(t.depth + 1, np.int64)
    for tree in range(len(t.output)):
        for v in range(t.start[tree], t.start[tree + 1]):
            for side in range(2):
                if not (p[v].leaf_left if side == 0 else p[v].leaf_right):
                    continue
                n, place = _splits_on(p, column, v, side, path, sides)
                rows = whole[v, side]
                if n > 0:
                    rows += lacking[start[v] + side * p[v].distinct + place]
                if rows > 0:
                    _spread(t, path[:n], sides[:n], rows, t.value[v, side], grid, out[:, t.output[tree] :])


@part
def _spread(
    t: Laid, path: NpArray, sides: NpArray, rows: float, value: NpArray, grid: NpArray, out: NpArray
) -> None:
    """Add one leaf at the points that pass all its splits on the column."""
    for g in range(len(grid)):
        if _passes(t, path, sides, grid[g]):
            for j in range(len(value)):
                out[g, j] += rows * value[j]


@kernel
def _splits_on(p: NpArray, column: int, v: int, side: int, path: NpArray, sides: NpArray) -> tuple[int, int]:
    """List the splits on a column above a leaf and the sides taken; how many, and the column's place on the path."""
    n, place = 0, 0
    at, taken = np.int64(v), np.int64(side)
    while at >= 0:
        if p[at].feature == column:
            path[n], sides[n], place = at, taken, np.int64(p[at].place)
            n += 1
        taken, at = np.int64(p[at].side), np.int64(p[at].parent)
    return n, place  # type: ignore[return-value]  # numbers of the compiled code


@kernel
def _passes(t: Laid, path: NpArray, sides: NpArray, value: float) -> bool:
    """Whether a value goes to these sides at all these splits."""
    passed = True
    for i in range(len(path)):
        passed = (
            passed and goes_left(t.splits[path[i]], t.sets, value) != sides[i]
        )  # 1 is left, whose side is 0
    return passed
