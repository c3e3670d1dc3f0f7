r"""Path-dependent Shapley values by quadrature of the multilinear extension, many rows at once.

On the path to a leaf with value :math:`v` a feature contributes the factor :math:`F = W (1 - t) + S t`: W the share of
training weight that its splits let through, S whether the row passes them. A Shapley value is the integral over t of
the derivative of the product, a polynomial, so that Gauss and Legendre's rule with :math:`\lceil d / 2 \rceil` nodes is
exact for d distinct features. Going down a tree multiplies the factors outside a split (`outside`), coming back adds
the leaves inside it (`inside`):

.. math::
    C_l = C_v F_l, \quad G_v = F_l G_l + F_r G_r, \quad
    \phi_f \mathrel{+}= \sum_q C_v \bigl((S - w_l) G_l + (1 - S - w_r) G_r\bigr)

Where a feature comes again on its path, F is replaced by the ratio of its new factor to its old one, which is linear in
the two bits (passed so far, passes here); its coefficients are tables, so that nothing is divided while rows run.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid.core.types import NpArray

from .compiled import kernel, part
from .layout import Laid, add_rows, decide, read_rows
from .walk import BOTTOM, ENTER, LEAVE, Walk

BLOCK = 64
"""Rows that walk the trees together, where there are so many."""
SHORT = 2
"""Rows of the shortest block; blocks of fewer rows than `BLOCK` are multiples of it."""


class Desk(NamedTuple):
    """Where on the desk of a block, (rows, BLOCK), what it works on begins; with the tree's own numbers.

    Attributes:
        phi: (outputs, columns) values.
        outside: (depth + 1, order) factors outside a split.
        inside: (2 depth + 2, width, order) what is inside the left and the right child.
        left: (depth + 1) whether rows go left at the split of that depth.
        passed: (depth + 1) whether rows pass all splits on its feature down to there, on the side taken.
        sums: (2) room for sums.
        width, columns, block: sizes.
        order: quadrature nodes of the tree.
        first: the first output that it feeds.
    """

    phi: int
    outside: int
    inside: int
    left: int
    passed: int
    sums: int
    width: int
    columns: int
    block: int
    order: int
    first: int


def shapley(laid: Laid, plan: Walk, x: NpArray, out: NpArray) -> None:
    """Add the values of the rows `x`, (n, columns), to `out`, (outputs, n, columns or more)."""
    _run(laid, plan, x, out)


@part
def _bottom(s: Any, v: int, value: NpArray, nodes: NpArray, k: NpArray, d: Desk) -> None:
    """A split whose children are both leaves, its feature for the first time on the path."""
    left, total, outside = d.left + s.depth, d.sums, d.outside + s.depth * d.order
    for r in range(d.block):
        k[total, r] = 0.0
    for q in range(d.order):
        for r in range(d.block):
            k[total, r] += k[outside + q, r]
    up = d.inside + (max(0, 2 * (s.depth - 1) + s.side)) * d.width * d.order
    for j in range(d.width):
        a, b = value[v, 0, j], value[v, 1, j]
        mean = s.share_left * a + s.share_right * b
        for q in range(d.order):
            t = nodes[q]
            off, on = (1 - t) * mean + t * b, t * (a - b)
            for r in range(d.block):
                k[up, r] = off + k[left, r] * on
            up += 1
        off, on = b - mean, a - b
        phi = d.phi + (d.first + j) * d.columns + s.feature
        for r in range(d.block):
            k[phi, r] += k[total, r] * (off + k[left, r] * on)


@part
def _bottom_again(s: Any, v: int, i: int, value: NpArray, ratio: NpArray, k: NpArray, d: Desk) -> None:
    """The same where the feature came before: both bits matter."""
    left, passed, total, outside = d.left + s.depth, d.passed + s.above, d.sums, d.outside + s.depth * d.order
    up = d.inside + (max(0, 2 * (s.depth - 1) + s.side)) * d.width * d.order
    for j in range(d.width):
        a, b = value[v, 0, j], value[v, 1, j]
        mean = s.share_left * a + s.share_right * b
        for r in range(d.block):
            k[total, r] = 0.0
        for q in range(d.order):
            old = ratio[i, 0, 0, q] * a + (ratio[i, 1, 0, q] + ratio[i, 1, 1, q]) * b
            new = ratio[i, 0, 1, q] * a - ratio[i, 1, 1, q] * b
            slope_old = ratio[i, 0, 2, q] * a + (ratio[i, 1, 2, q] + ratio[i, 1, 3, q]) * b
            slope_new = ratio[i, 0, 3, q] * a - ratio[i, 1, 3, q] * b
            for r in range(d.block):
                held = k[passed, r]
                here = held * k[left, r]
                k[up, r] = mean + held * old + here * new
                k[total, r] += k[outside + q, r] * (held * slope_old + here * slope_new)
            up += 1
        phi = d.phi + (d.first + j) * d.columns + s.feature
        for r in range(d.block):
            k[phi, r] += k[total, r]


@part
def _down(s: Any, nodes: NpArray, k: NpArray, d: Desk, side: int) -> None:
    """Go down on one side: whether rows pass so far, and the factors outside the child."""
    left, passed, outside = d.left + s.depth, d.passed + s.depth, d.outside + s.depth * d.order
    for r in range(d.block):
        k[passed, r] = k[left, r] if side == 0 else 1.0 - k[left, r]
    if s.leaf_left if side == 0 else s.leaf_right:
        return
    below, share = outside + d.order, s.share_left if side == 0 else s.share_right
    for q in range(d.order):
        t = nodes[q]
        off = (1 - t) * share
        for r in range(d.block):
            k[below + q, r] = k[outside + q, r] * (off + t * k[passed, r])


@part
def _down_again(s: Any, i: int, ratio: NpArray, k: NpArray, d: Desk, side: int) -> None:
    """The same where the feature came before."""
    left, passed, outside = d.left + s.depth, d.passed + s.depth, d.outside + s.depth * d.order
    before = d.passed + s.above
    for r in range(d.block):
        here = k[before, r] * k[left, r]
        k[passed, r] = here if side == 0 else k[before, r] - here
    if s.leaf_left if side == 0 else s.leaf_right:
        return
    below, share = outside + d.order, s.share_left if side == 0 else s.share_right
    for q in range(d.order):
        old, new = ratio[i, side, 0, q], ratio[i, side, 1, q]
        for r in range(d.block):
            k[below + q, r] = k[outside + q, r] * (share + old * k[before, r] + new * k[passed, r])


@part
def leaf_inside(s: Any, v: int, value: NpArray, k: NpArray, d: Desk, side: int) -> None:
    """What is inside a child that is a leaf: its value."""
    place = d.inside + (2 * s.depth + side) * d.width * d.order
    for j in range(d.width):
        for _ in range(d.order):
            for r in range(d.block):
                k[place, r] = value[v, side, j]
            place += 1


@part
def _up(s: Any, nodes: NpArray, k: NpArray, d: Desk) -> None:
    """Come back to a split: its feature's values, and what is inside it."""
    a, b, left, outside = s.share_left, s.share_right, d.left + s.depth, d.outside + s.depth * d.order
    ours, theirs = d.sums, d.sums + 1
    size = d.width * d.order
    here = d.inside + 2 * s.depth * size
    there, up = here + size, d.inside + (max(0, 2 * (s.depth - 1) + s.side)) * size
    for j in range(d.width):
        for r in range(d.block):
            k[ours, r] = 0.0
            k[theirs, r] = 0.0
        for q in range(d.order):
            t = nodes[q]
            off_left, off_right = (1 - t) * a, (1 - t) * b + t
            for r in range(d.block):
                on_left, on_right, c = k[here, r], k[there, r], k[outside + q, r]
                k[ours, r] += c * on_left
                k[theirs, r] += c * on_right
                passes = t * k[left, r]
                k[up, r] = on_left * (off_left + passes) + on_right * (off_right - passes)
            here, there, up = here + 1, there + 1, up + 1
        phi = d.phi + (d.first + j) * d.columns + s.feature
        for r in range(d.block):
            k[phi, r] += k[ours, r] * (k[left, r] - a) + k[theirs, r] * (1.0 - b - k[left, r])


@part
def _up_again(s: Any, i: int, ratio: NpArray, k: NpArray, d: Desk) -> None:
    """The same where the feature came before."""
    a, b, left, outside = s.share_left, s.share_right, d.left + s.depth, d.outside + s.depth * d.order
    passed, total, size = d.passed + s.above, d.sums, d.width * d.order
    here = d.inside + 2 * s.depth * size
    there, up = here + size, d.inside + (max(0, 2 * (s.depth - 1) + s.side)) * size
    for j in range(d.width):
        for r in range(d.block):
            k[total, r] = 0.0
        for q in range(d.order):
            la, lb, lc, ld = ratio[i, 0, 0, q], ratio[i, 0, 1, q], ratio[i, 0, 2, q], ratio[i, 0, 3, q]
            ra, rb, rc, rd = ratio[i, 1, 0, q], ratio[i, 1, 1, q], ratio[i, 1, 2, q], ratio[i, 1, 3, q]
            for r in range(d.block):
                held = k[passed, r]
                went = held * k[left, r]
                other = held - went
                on_left, on_right = k[here, r], k[there, r]
                slope = on_left * (held * lc + went * ld) + on_right * (held * rc + other * rd)
                k[total, r] += k[outside + q, r] * slope
                k[up, r] = on_left * (a + held * la + went * lb) + on_right * (b + held * ra + other * rb)
            here, there, up = here + 1, there + 1, up + 1
        phi = d.phi + (d.first + j) * d.columns + s.feature
        for r in range(d.block):
            k[phi, r] += k[total, r]


@part
def bottom_split(  # noqa: PLR0913
    s: Any, v: int, i: int, value: NpArray, ratio: NpArray, nodes: NpArray, k: NpArray, d: Desk
) -> None:
    """A split above two leaves, whether or not its feature came before."""
    if i < 0:
        _bottom(s, v, value, nodes, k, d)
    else:
        _bottom_again(s, v, i, value, ratio, k, d)


@part
def leave_split(  # noqa: PLR0913
    s: Any, v: int, i: int, value: NpArray, ratio: NpArray, nodes: NpArray, k: NpArray, d: Desk
) -> None:
    """Come back to a split, whether or not its feature came before."""
    if s.leaf_right:
        leaf_inside(s, v, value, k, d, 1)
    if i < 0:
        _up(s, nodes, k, d)
    else:
        _up_again(s, i, ratio, k, d)


@part
def go_down(  # noqa: PLR0913
    s: Any,
    v: int,
    i: int,
    value: NpArray,
    ratio: NpArray,
    nodes: NpArray,
    k: NpArray,
    d: Desk,
    side: int,
) -> None:
    """Go down on one side, whether or not the feature came before; a leaf on the left is read on the way."""
    if i < 0:
        _down(s, nodes, k, d, side)
    else:
        _down_again(s, i, ratio, k, d, side)
    if side == 0 and s.leaf_left:
        leaf_inside(s, v, value, k, d, 0)


@part
def opened(t: Laid, w: Walk, outputs: int, n: int) -> tuple[Desk, NpArray, NpArray]:
    """A desk for blocks of n rows: where everything on it begins, its room, and room for a block's columns."""
    most, width = w.nodes.shape[1], t.value.shape[2]
    block = max(SHORT, min(BLOCK, (n + SHORT - 1) // SHORT * SHORT))
    outside = outputs * t.columns
    inside = outside + (t.depth + 1) * most
    left = inside + (2 * t.depth + 2) * width * most
    passed = left + t.depth + 1
    sums = passed + t.depth + 1
    desk = Desk(0, outside, inside, left, passed, sums, width, t.columns, block, 0, 0)
    return desk, np.empty((sums + 2, block)), np.empty((t.columns, block))


@part
def placed(w: Walk, output: int, tree: int, k: NpArray, d: Desk) -> Desk:
    """The desk at the root of a tree, whose weights stand outside."""
    order = w.order[tree]
    for q in range(order):
        k[d.outside + q] = w.weights[order, q]
    return Desk(0, d.outside, d.inside, d.left, d.passed, d.sums, d.width, d.columns, d.block, order, output)


@part
def handed_over(k: NpArray, d: Desk, start: int, out: NpArray) -> None:
    """Add the values of the block that begins at row `start` to `out`."""
    for j in range(len(out)):
        add_rows(k[j * d.columns : (j + 1) * d.columns], start, out[j])


@kernel
def _tree(t: Laid, w: Walk, x: NpArray, k: NpArray, d: Desk, tree: int) -> None:
    """Walk one tree with a block of rows."""
    p, value, sets, ratio, nodes = t.splits, t.value, t.sets, w.ratio, w.nodes[d.order]
    for e in range(w.start[tree], w.start[tree + 1]):
        v, what = w.event[e] >> 2, w.event[e] & 3
        s, i = p[v], w.again[v]
        if what in (ENTER, BOTTOM):
            decide(s, sets, x[s.feature], k[d.left + s.depth])
        if what == LEAVE:
            leave_split(s, v, i, value, ratio, nodes, k, d)
        elif what == BOTTOM:
            bottom_split(s, v, i, value, ratio, nodes, k, d)
        else:
            go_down(s, v, i, value, ratio, nodes, k, d, what)


@kernel
def _run(t: Laid, w: Walk, x: NpArray, out: NpArray) -> None:
    """Block after block of rows."""
    d, k, rows = opened(t, w, len(out), len(x))
    for start in range(0, len(x), d.block):
        read_rows(x, start, rows)
        k[: d.outside] = 0.0
        for tree in range(len(t.output)):
            _tree(t, w, rows, k, placed(w, t.output[tree], tree, k, d), tree)
        handed_over(k, d, start, out)
