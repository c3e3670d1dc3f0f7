r"""Interventional Shapley values of deep trees: rows and background go down each tree together.

For one row and one background row, a leaf counts where each feature of its path is passed by at least one of the two.
With A the features that only the row passes, a of them, and B those that only the background row passes, b of them,
a leaf of value v gives

.. math:: \phi_j = v \frac{(a - 1)!\, b!}{(a + b)!} \text{ for } j \in A, \quad
          \phi_j = -v \frac{a!\, (b - 1)!}{(a + b)!} \text{ for } j \in B.

Going down, rows that have failed the same features share one list of the background rows that are still there, each
with its A as 64 bits. Nothing grows with :math:`2^d`, so trees may be as deep as they like, with up to 64 different
features on a path.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core.types import NpArray

from .compiled import kernel, part
from .layout import Laid, Records, add_rows, decide, read_rows
from .settling import ALIVE, BUNCH, FRAME, MOST, Desk, Weights, settle, settle_pairs, weights

BLOCK = 512
"""Rows that go down together."""
WAYS = 1 << 23
"""Ways of rows at splits of a tree that are found out beforehand."""
ROOM = 1 << 16
"""Background rows listed at once, at first; more where a tree needs it."""


def shapley(laid: Laid, x: NpArray, background: NpArray, scale: NpArray, out: NpArray) -> None:
    """Add the values of the rows `x`, (n, columns), to `out`, (outputs, n, columns + 1).

    Where `out` is wider, it gets the interactions of all pairs after the columns; its last column is left alone.

    Args:
        laid: the forest.
        x: rows.
        background: (b, columns).
        scale: (b,) or (n, b) the weight of each background row, one for all rows or one each.
        out: where the values go.
    """
    block = max(1, min(len(x), BLOCK, WAYS // max(1, largest(laid)))) if scale.ndim == 1 else 1
    levels = laid.depth + 3
    desk = Desk(
        np.empty(block * levels, np.int64),
        np.empty(block * levels + 2, BUNCH),
        np.empty(levels, FRAME),
        np.empty(MOST, np.int64),
        np.zeros(MOST),
        np.empty((laid.columns, block)),
        np.empty((laid.value.shape[2], out.shape[2] - 1, block)),
        np.zeros((MOST, MOST)),
    )
    _trees(laid, weights(), x, background, np.atleast_2d(scale), desk, out)


@kernel
def largest(t: Laid) -> int:
    """Splits of the largest tree."""
    most = 0
    for tree in range(len(t.output)):
        most = max(most, t.start[tree + 1] - t.start[tree])
    return most


@kernel
def _trees(
    t: Laid,
    factors: Weights,
    x: NpArray,
    background: NpArray,
    scale: NpArray,
    k: Desk,
    out: NpArray,
) -> None:
    """Go down all trees, one block of rows after another; lists that are too short are made longer."""
    block = k.x.shape[1]
    alive = np.empty(max(ROOM, 4 * len(background)), ALIVE)
    columns = np.ascontiguousarray(background.T)
    most = largest(t)
    ours, theirs = np.empty((most, block), np.uint8), np.empty((most, len(background)), np.uint8)
    for tree in range(len(t.output)):
        first = t.output[tree]
        splits = t.start[tree + 1] - t.start[tree]
        go, went = ours[:splits], theirs[:splits]
        _went(t, tree, columns, went)
        for start in range(0, len(x), block):
            rows = min(block, len(x) - start)
            read_rows(x, start, k.x)
            _went(t, tree, k.x, go)
            given = scale[start if len(scale) > 1 else 0]
            k.phi[:] = 0.0
            while not _down(t, factors, go, went, given, tree, alive, k, rows):
                alive = np.empty(2 * len(alive), ALIVE)
                k.phi[:] = 0.0
                k.sums[:] = 0.0
                k.pairs[:] = 0.0
            for j in range(len(k.phi)):
                add_rows(k.phi[j], start, out[first + j])


@kernel
def _went(t: Laid, tree: int, rows: NpArray, out: NpArray) -> None:
    """Write 1 where a row goes left, for each split of the tree; the rows by columns."""
    first = t.start[tree]
    for v in range(len(out)):
        decide(t.splits[first + v], t.sets, rows[t.splits[first + v].feature], out[v])


@part
def _listed(
    s: Any,
    w: Any,
    alive: Records,
    went: NpArray,
    to: int,
    side: int,
    how: int,
) -> int:
    """Copy the background rows that go on to the end of the list; where it ends.

    Args:
        s: the split.
        w: the bunch.
        alive: the list.
        went: (b,) whether they go left.
        to: where the list ends now.
        side: where the way goes on.
        how: 0 where the rows failed the place before, 1 where they pass it, 2 where they fail it now.
    """
    bit = np.uint64(1) << np.uint64(s.place)
    for i in range(w.list, w.listed):
        mask, row = alive[i].mask, alive[i].row
        passes = went[row] != side
        alive[to].row = row
        if how == 1:
            alive[to].mask = mask if passes else mask | bit
            to += 1
        else:
            alive[to].mask = mask
            to += int(passes and (how == 0 or (mask & bit) == np.uint64(0)))
    return to


@part
def _going(go: NpArray, rows: NpArray, w: Any, to: int, side: int) -> int:
    """Copy the rows of a bunch that go to one side to the end of the rows; where they end."""
    for i in range(w.row, w.rows):
        row = rows[i]
        rows[to] = row
        to += int(go[row] != side)
    return to


@part
def _narrow(  # noqa: PLR0913
    s: Any,
    side: int,
    how: int,
    go: NpArray,
    went: NpArray,
    rows: NpArray,
    alive: Records,
    w: Any,
    to: Any,
) -> bool:
    """The part of bunch `w` that goes on to one side, written to `to`; whether there is any.

    Args:
        s: the split.
        side: where the way goes on.
        how: see `_listed`.
        go: (rows,) 1 where a row goes left.
        went: see `_listed`.
        rows: the stack of rows.
        alive: the stack of background rows.
        w: the bunch.
        to: a bunch whose `row` and `list` say where there is room.
    """
    to.failed = w.failed
    bit = np.uint64(1) << np.uint64(s.place)
    if how == 0:
        to.row, to.rows = w.row, w.rows
    else:
        to.rows = _going(go, rows, w, to.row, side if how == 1 else 1 - side)
        if to.rows == to.row:
            return False
        if how == 2:
            to.failed = w.failed | bit
    to.listed = _listed(s, w, alive, went, to.list, side, how)
    return to.listed > to.list


@kernel
def _down(  # noqa: PLR0913
    t: Laid,
    factors: Weights,
    go: NpArray,
    went: NpArray,
    scale: NpArray,
    tree: int,
    alive: Records,
    k: Desk,
    rows: int,
) -> bool:
    """One tree with a block of rows; False where the list of background rows is too short."""
    first, m, frame = t.start[tree], went.shape[1], k.frame
    for r in range(rows):
        k.rows[r] = r
    for b in range(m):
        alive[b].row, alive[b].mask = b, np.uint64(0)
    w = k.bunch[0]
    w.row, w.rows, w.list, w.listed, w.failed = 0, rows, 0, m, np.uint64(0)
    f = frame[0]
    f.split, f.bunch, f.bunches, f.rows, f.listed, f.side = first, 0, 1, rows, m, 0
    top = 1
    while top > 0:
        f = frame[top - 1]
        side, v = f.side, f.split
        if side == 2:
            top -= 1
            continue
        f.side = side + 1
        g = frame[top]
        g.bunch, g.bunches, g.rows, g.listed, g.side = f.bunches, f.bunches, f.rows, f.listed, 0
        if not _side(t, factors, v, side, go[v - first], went[v - first], scale, alive, k, f, g):
            return False
        if g.bunches > g.bunch:
            g.split = v + 1 if side == 0 else t.splits[v].right
            top += 1
    return True


@part
def _side(  # noqa: PLR0913
    t: Laid,
    factors: Weights,
    v: int,
    side: int,
    go: NpArray,
    went: NpArray,
    scale: NpArray,
    alive: Records,
    k: Desk,
    f: Any,
    g: Any,
) -> bool:
    """All bunches of a split on one side, those that go on written to frame `g`; False where there is no room."""
    s, value, rows, bunch = t.splits[v], t.value[v, side], k.rows, k.bunch
    k.path[s.place] = s.feature
    leaf = s.leaf_left if side == 0 else s.leaf_right
    bit = np.uint64(1) << np.uint64(s.place)
    for i in range(f.bunch, f.bunches):
        w = bunch[i]
        before = (w.failed & bit) != np.uint64(0)
        for how in range(0 if before else 1, 1 if before else 3):
            if g.listed + w.listed - w.list > len(alive):
                return False
            to = bunch[g.bunches]
            to.row, to.list = g.rows, g.listed
            if not _narrow(s, side, how, go, went, rows, alive, w, to):
                continue
            if leaf:
                settle(factors, to, alive, rows, k.path, k.sums, scale, value, k.phi)
                if k.phi.shape[1] > len(k.x):
                    settle_pairs(factors, to, alive, k, scale, value)
            else:
                g.bunches, g.listed = g.bunches + 1, to.listed
                g.rows = to.rows if how > 0 else g.rows
    return True
