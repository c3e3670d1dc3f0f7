"""Path-dependent Shapley values of a single row: the walk of `quadrature` without blocks, whose loops would be empty.

The sums are the same. A row alone knows at each split where it goes, so that factors are numbers and not arrays. The
factors of the two sides of a split on a feature that did not come before add up to one, and their derivatives to zero:
with a and b inside the two children, what is inside the split is :math:`b + u (a - b)`, u the factor of the left side.
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
def _down(s: Any, side: int, ratio: NpArray, i: int, held: float, nodes: NpArray, k: Levels) -> None:
    """Go down on one side: whether the row passes so far, and the factors outside the child.

    Args:
        s: the split.
        side: 0 for left.
        ratio: coefficients of features that came before, see `Walk`.
        i: the row of these, negative where the feature did not come before.
        held: 1 where the row passes all splits above on the same feature.
        nodes: of the quadrature.
        k: what is known.
    """
    d = s.depth
    went = k.left[d] if side == 0 else 1 - k.left[d]
    k.passed[d] = held * went
    if s.leaf_left if side == 0 else s.leaf_right:
        return
    share = s.share_left if side == 0 else s.share_right
    if i < 0:
        rise = went - share
        for q in range(len(nodes)):
            k.outside[d + 1, q] = k.outside[d, q] * (share + rise * nodes[q])
    elif held == 0.0:
        for q in range(len(nodes)):
            k.outside[d + 1, q] = k.outside[d, q] * share
    else:
        for q in range(len(nodes)):
            factor = share + ratio[i, side, 0, q] + went * ratio[i, side, 1, q]
            k.outside[d + 1, q] = k.outside[d, q] * factor


@part
def _fill(s: Any, v: int, value: NpArray, order: int, k: Levels) -> None:
    """Write what leaves below a split give to where what is inside its children is read."""
    for side in range(2):
        if s.leaf_left if side == 0 else s.leaf_right:
            for j in range(value.shape[2]):
                for q in range(order):
                    k.inside[s.depth + 1, side, j, q] = value[v, side, j]


@part
def _bottom(s: Any, v: int, value: NpArray, nodes: NpArray, k: Levels, out: NpArray) -> None:
    """A split whose children are leaves, on a feature that did not come before."""
    d, share = s.depth, s.share_left
    rise = k.left[d] - share
    total = 0.0
    for q in range(len(nodes)):
        total += k.outside[d, q]
    for j in range(value.shape[2]):
        b = value[v, 1, j]
        apart = value[v, 0, j] - b
        start, slope = b + share * apart, rise * apart
        for q in range(len(nodes)):
            k.inside[d, s.side, j, q] = start + slope * nodes[q]
        out[j, s.feature] += slope * total


@part
def _up(s: Any, v: int, value: NpArray, nodes: NpArray, k: Levels, out: NpArray) -> None:
    """Come back to a split on a feature that did not come before."""
    d, share = s.depth, s.share_left
    rise = k.left[d] - share
    _fill(s, v, value, len(nodes), k)
    for j in range(value.shape[2]):
        amount = 0.0
        for q in range(len(nodes)):
            b = k.inside[d + 1, 1, j, q]
            apart = k.inside[d + 1, 0, j, q] - b
            k.inside[d, s.side, j, q] = b + (share + rise * nodes[q]) * apart
            amount += k.outside[d, q] * apart
        out[j, s.feature] += rise * amount


@part
def _up_again(  # noqa: PLR0913
    s: Any, v: int, value: NpArray, ratio: NpArray, i: int, held: float, order: int, k: Levels, out: NpArray
) -> None:
    """Come back to a split on a feature that came before; the arguments are those of `_down`."""
    d, left = s.depth, k.left[s.depth]
    _fill(s, v, value, order, k)
    for j in range(value.shape[2]):
        if held == 0.0:
            for q in range(order):
                a, b = k.inside[d + 1, 0, j, q], k.inside[d + 1, 1, j, q]
                k.inside[d, s.side, j, q] = s.share_left * a + s.share_right * b
            continue
        amount = 0.0
        for q in range(order):
            a, b = k.inside[d + 1, 0, j, q], k.inside[d + 1, 1, j, q]
            on = s.share_left + ratio[i, 0, 0, q] + left * ratio[i, 0, 1, q]
            off = s.share_right + ratio[i, 1, 0, q] + (1 - left) * ratio[i, 1, 1, q]
            rise = ratio[i, 0, 2, q] + left * ratio[i, 0, 3, q]
            fall = ratio[i, 1, 2, q] + (1 - left) * ratio[i, 1, 3, q]
            k.inside[d, s.side, j, q] = on * a + off * b
            amount += k.outside[d, q] * (rise * a + fall * b)
        out[j, s.feature] += amount


@kernel
def _tree(t: Laid, w: Walk, tree: int, x: NpArray, k: Levels, out: NpArray) -> None:
    """Walk one tree."""
    order, first = w.order[tree], t.output[tree]
    nodes, fed, splits, sets, value = w.nodes[order, :order], out[first:], t.splits, t.sets, t.value
    event, again, ratio, left, passed, outside = w.event, w.again, w.ratio, k.left, k.passed, k.outside
    for q in range(order):
        outside[0, q] = w.weights[order, q]
    for e in range(w.start[tree], w.start[tree + 1]):
        v, what = event[e] >> 2, event[e] & 3
        s, i = splits[v], again[v]
        held = 1.0 if i < 0 else passed[s.above]
        if what in (ENTER, BOTTOM):
            left[s.depth] = goes_left(s, sets, x[s.feature])
        if what not in (LEAVE, BOTTOM):
            _down(s, what, ratio, i, held, nodes, k)
        elif i >= 0:
            _up_again(s, v, value, ratio, i, held, order, k, fed)
        elif what == BOTTOM:
            _bottom(s, v, value, nodes, k, fed)
        else:
            _up(s, v, value, nodes, k, fed)


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
