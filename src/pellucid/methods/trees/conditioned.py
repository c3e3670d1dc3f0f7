"""Path-dependent interactions of deep trees: the values of all others with a feature there, less those with it hidden.

Where a feature is known to be there, a split on it lets rows through as they go; where it is known to be hidden, by the
training weight. Neither depends on t, so that its factor is a plain number and the walk of `quadrature` goes on as
before around it.
"""

from __future__ import annotations

from typing import Any

from pellucid.core.types import NpArray

from .compiled import kernel, part
from .layout import Laid, decide, read_rows
from .quadrature import Desk, bottom_split, go_down, handed_over, leaf_inside, leave_split, opened, placed
from .walk import BOTTOM, ENTER, LEAVE, TURN, Walk


def shapley(laid: Laid, plan: Walk, x: NpArray, fixed: tuple[int, int], out: NpArray) -> None:
    """Add the values of the rows `x` to `out`, (outputs, n, columns), with one feature not taking part.

    Args:
        laid: the forest.
        plan: its walk.
        x: (n, columns).
        fixed: the feature, and 1 where it is there, 0 where it is hidden.
        out: where the values go.
    """
    _run(laid, plan, x, fixed, out)


@part
def _through(s: Any, k: NpArray, d: Desk, side: int, there: int) -> None:
    """Write how far each row goes to one side of a split on the fixed feature to the desk's first row of sums."""
    left, total = d.left + s.depth, d.sums
    share = s.share_left if side == 0 else s.share_right
    for r in range(d.block):
        passes = k[left, r] if side == 0 else 1.0 - k[left, r]
        k[total, r] = passes if there else share


@part
def _down(s: Any, k: NpArray, d: Desk, side: int, there: int) -> None:
    """Go down on one side of a split on the fixed feature."""
    if s.leaf_left if side == 0 else s.leaf_right:
        return
    _through(s, k, d, side, there)
    outside = d.outside + s.depth * d.order
    for q in range(d.order):
        for r in range(d.block):
            k[outside + d.order + q, r] = k[outside + q, r] * k[d.sums, r]


@part
def _up(s: Any, k: NpArray, d: Desk, there: int) -> None:
    """Come back to a split on the fixed feature."""
    size = d.width * d.order
    up = d.inside + (max(0, 2 * (s.depth - 1) + s.side)) * size
    left, total = d.left + s.depth, d.sums
    for i in range(size):
        here = d.inside + 2 * s.depth * size + i
        for r in range(d.block):
            passes = k[left, r] if there else s.share_left
            other = 1.0 - k[left, r] if there else s.share_right
            k[total, r] = k[here, r] * passes + k[here + size, r] * other
        for r in range(d.block):
            k[up + i, r] = k[total, r]


@part
def _at_fixed(s: Any, v: int, what: int, value: NpArray, k: NpArray, d: Desk, there: int) -> None:
    """What happens at a split on the fixed feature."""
    if what in (ENTER, TURN):
        _down(s, k, d, what, there)
    if what in (ENTER, BOTTOM) and s.leaf_left:
        leaf_inside(s, v, value, k, d, 0)
    if what in (LEAVE, BOTTOM):
        if s.leaf_right:
            leaf_inside(s, v, value, k, d, 1)
        _up(s, k, d, there)


@kernel
def _tree(t: Laid, w: Walk, x: NpArray, k: NpArray, d: Desk, tree: int, fixed: tuple[int, int]) -> None:
    p, value, sets, ratio, nodes = t.splits, t.value, t.sets, w.ratio, w.nodes[d.order]
    for e in range(w.start[tree], w.start[tree + 1]):
        v, what = w.event[e] >> 2, w.event[e] & 3
        s, i = p[v], w.again[v]
        if what in (ENTER, BOTTOM):
            decide(s, sets, x[s.feature], k[d.left + s.depth])
        if s.feature == fixed[0]:
            _at_fixed(s, v, what, value, k, d, fixed[1])
        elif what == LEAVE:
            leave_split(s, v, i, value, ratio, nodes, k, d)
        elif what == BOTTOM:
            bottom_split(s, v, i, value, ratio, nodes, k, d)
        else:
            go_down(s, v, i, value, ratio, nodes, k, d, what)


@kernel
def _run(t: Laid, w: Walk, x: NpArray, fixed: tuple[int, int], out: NpArray) -> None:
    d, k, rows = opened(t, w, len(out), len(x))
    for start in range(0, len(x), d.block):
        read_rows(x, start, rows)
        k[: d.outside] = 0.0
        for tree in range(len(t.output)):
            _tree(t, w, rows, k, placed(w, t.output[tree], tree, k, d), tree, fixed)
        handed_over(k, d, start, out)
