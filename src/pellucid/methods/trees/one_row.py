"""Path-dependent Shapley values of a single row: the walk of `quadrature` without blocks, whose loops would be empty.

The sums are the same. A row alone knows at each split where it goes, so that factors are numbers and not arrays.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid.core.types import NpArray

from .compiled import kernel, part
from .layout import Laid, goes_left
from .walk import BOTTOM, ENTER, LEAVE, Walk


class Levels(NamedTuple):
    """What is known at each depth.

    Attributes:
        outside: (levels, order) factors outside a split.
        inside: (levels, 2, width, order) what is inside the left and the right child of the split above.
        left: (levels,) whether the row goes left.
        passed: (levels,) whether it passes all splits on a split's feature down to there, on the side taken.
    """

    outside: NpArray
    inside: NpArray
    left: NpArray
    passed: NpArray


def shapley(laid: Laid, plan: Walk, x: NpArray, out: NpArray) -> None:
    """Add the values of the rows `x`, (n, columns), to `out`, (outputs, n, columns or more)."""
    _run(laid, plan, x, out)


@part
def _factor(  # noqa: PLR0913
    s: Any, side: int, went: int, ratio: NpArray, i: int, held: float, t: float, q: int
) -> Any:
    """The factor of a side at a node, and its derivative.

    Args:
        s: the split.
        side: 0 for left.
        went: 1 where the row goes to that side.
        ratio: coefficients of features that came before, see `Walk`.
        i: the row of these, negative where the feature did not come before.
        held: 1 where the row passes all splits above on the same feature.
        t: the node.
        q: its number.
    """
    share = s.share_left if side == 0 else s.share_right
    if i < 0:
        return share * (1 - t) + went * t, went - share
    both = held * went
    factor = share + held * ratio[i, side, 0, q] + both * ratio[i, side, 1, q]
    return factor, held * ratio[i, side, 2, q] + both * ratio[i, side, 3, q]


@part
def _down(s: Any, side: int, ratio: NpArray, i: int, held: float, nodes: NpArray, k: Levels) -> None:
    """Go down on one side: whether the row passes so far, and the factors outside the child."""
    d = s.depth
    went = k.left[d] if side == 0 else 1 - k.left[d]
    k.passed[d] = held * went
    if s.leaf_left if side == 0 else s.leaf_right:
        return
    for q in range(len(nodes)):
        k.outside[d + 1, q] = k.outside[d, q] * _factor(s, side, went, ratio, i, held, nodes[q], q)[0]


@part
def _up(  # noqa: PLR0913
    s: Any, value: NpArray, ratio: NpArray, i: int, held: float, nodes: NpArray, k: Levels, out: NpArray
) -> None:
    """Come back to a split: what is inside it, and its feature's values, (outputs fed, columns)."""
    d, width = s.depth, value.shape[1]
    for side in range(2):
        if s.leaf_left if side == 0 else s.leaf_right:
            for j in range(width):
                for q in range(len(nodes)):
                    k.inside[d + 1, side, j, q] = value[side, j]
    for j in range(width):
        amount = 0.0
        for q in range(len(nodes)):
            on, rise = _factor(s, 0, k.left[d], ratio, i, held, nodes[q], q)
            off, fall = _factor(s, 1, 1 - k.left[d], ratio, i, held, nodes[q], q)
            a, b = k.inside[d + 1, 0, j, q], k.inside[d + 1, 1, j, q]
            k.inside[d, s.side, j, q] = on * a + off * b
            amount += k.outside[d, q] * (rise * a + fall * b)
        out[j, s.feature] += amount


@kernel
def _tree(t: Laid, w: Walk, tree: int, x: NpArray, k: Levels, out: NpArray) -> None:
    """Walk one tree."""
    order, first = w.order[tree], t.output[tree]
    nodes = w.nodes[order, :order]
    k.outside[0, :order] = w.weights[order, :order]
    for e in range(w.start[tree], w.start[tree + 1]):
        v, what = w.event[e] >> 2, w.event[e] & 3
        s, i = t.splits[v], w.again[v]
        held = 1.0 if i < 0 else k.passed[s.above]
        if what in (ENTER, BOTTOM):
            k.left[s.depth] = goes_left(s, t.sets, x[s.feature])
        if what in (LEAVE, BOTTOM):
            _up(s, t.value[v], w.ratio, i, held, nodes, k, out[first:])
        else:
            _down(s, what, w.ratio, i, held, nodes, k)


@kernel
def _run(t: Laid, w: Walk, x: NpArray, out: NpArray) -> None:
    """Row after row."""
    levels, most = t.depth + 2, w.nodes.shape[1]
    inside = np.empty((levels, 2, t.value.shape[2], most))
    k = Levels(np.empty((levels, most)), inside, np.empty(levels, np.int64), np.empty(levels))
    values = np.empty((len(out), t.columns))
    for row in range(len(x)):
        values[:] = 0.0
        for tree in range(len(t.output)):
            _tree(t, w, tree, x[row], k, values)
        out[:, row, : t.columns] += values
