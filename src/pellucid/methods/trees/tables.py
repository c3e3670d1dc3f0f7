r"""Shapley values looked up: for each group of leaves a table of its contributions, by the index of its bits.

Where rows are many, looking up is cheaper than walking. A leaf of value v with d distinct features contributes, for a
row that passes the features in S,

- with path-dependent values, :math:`v (S_j - W_j) \int \prod_{i \ne j} (W_i (1 - t) + S_i t)\,dt`, by quadrature for
  all :math:`2^d` sets at once;
- with interventional values, the derivative of :math:`F(S; t) = \sum_B h(B) \prod_i (t S_i + (1 - t) B_i)`, where h
  counts the background rows that pass the features in B: a butterfly over the bits gives F for all S at once, and the
  derivative for every feature is read off F. The background is counted once, so its size hardly matters.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid.core.types import NpArray

from .compiled import kernel, part
from .groups import BLOCK, DESCEND, Groups, index
from .layout import Laid, add_rows, read_rows
from .quadrature import rules

BLOCKS = 16
"""Blocks of rows that are looked up in one tree before the next tree: its tables stay in the cache."""


class Leaves(NamedTuple):
    """The leaves of one group.

    Attributes:
        value: (leaves,) what each adds.
        size: (leaves,) distinct features of its path.
        share: (leaves, 64) training weight that each feature's splits let through.
        mask, want: (leaves, 64) the bits of the index that say whether a feature passes, and what they must be.
        slot: (leaves, 64) the feature's number in the group.
    """

    value: NpArray
    size: NpArray
    share: NpArray
    mask: NpArray
    want: NpArray
    slot: NpArray


class Rules(NamedTuple):
    """Quadrature rules by order."""

    nodes: NpArray
    weights: NpArray


def quadrature_rules(groups: Groups) -> Rules:
    """The rules that the largest group needs."""
    return Rules(*rules(max(1, (int(groups.group["bits"].max(initial=1)) + 1) // 2)))


def histograms(laid: Laid, groups: Groups, background: NpArray) -> NpArray:
    """How often each index of each group comes in the background, as shares."""
    counts = np.zeros(int((np.int64(1) << groups.group["bits"]).sum()))
    _count(laid, groups, background, counts)
    counts /= len(background)
    return counts


def tables(
    laid: Laid, groups: Groups, rule: Rules, counts: NpArray | None, output: int, first: int, last: int
) -> NpArray:
    """The tables of the groups from `first` to `last`, one after another.

    Args:
        laid: the forest.
        groups: its groups.
        rule: quadrature rules.
        counts: see `histograms`; None for path-dependent values.
        output: which of the values that a leaf holds.
        first: the first group.
        last: the group after the last.
    """
    if first == last:
        return np.zeros(0)
    ends = groups.group[last - 1]
    total = int(ends["table"] + ((ends["slots"] + 1) << ends["bits"]) - groups.group[first]["table"])
    out = np.zeros(total)
    known = np.zeros(0) if counts is None else counts
    _build(laid, groups, rule, known, output, first, out)
    return out


def look_up(
    laid: Laid, groups: Groups, table: NpArray, trees: tuple[int, int], j: int, x: NpArray, out: NpArray
) -> None:
    """Add the contributions of the trees from `trees[0]` to `trees[1]` to `out`, (outputs, n, columns + 1).

    The last column gets the leaves that the rows reach.
    """
    _apply(laid, groups, table, trees[0], trees[1], j, x, out)


@kernel
def _count(t: Laid, g: Groups, x: NpArray, counts: NpArray) -> None:
    columns = x.shape[1]
    k, block = np.empty((2 * t.depth + 3, BLOCK), np.int32), np.empty((columns, BLOCK))
    for start in range(0, len(x), BLOCK):
        rows = min(BLOCK, len(x) - start)
        read_rows(x, start, block)
        for m in range(len(g.step)):
            if g.step[m, 1] == DESCEND:
                index(t.splits, t.sets, block, k, g.step[m], 0, 0)
                continue
            w = g.group[g.step[m, 2]]
            index(t.splits, t.sets, block, k, g.step[m], w.prefix, w.splits)
            for r in range(rows):
                counts[w.histogram + k[2 * t.depth + 2, r]] += 1.0


@kernel
def _apply(  # noqa: PLR0913
    t: Laid,
    g: Groups,
    table: NpArray,
    first: int,
    last: int,
    j: int,
    x: NpArray,
    out: NpArray,
) -> None:
    n, columns = x.shape
    blocks = np.empty((BLOCKS, columns, BLOCK))
    phi = np.empty((BLOCKS, out.shape[0], columns + 1, BLOCK))
    k = np.empty((2 * t.depth + 3, BLOCK), np.int32)
    for start in range(0, n, BLOCK * BLOCKS):
        count = min(BLOCKS, (n - start + BLOCK - 1) // BLOCK)
        phi[:] = 0.0
        for b in range(count):
            read_rows(x, start + b * BLOCK, blocks[b])
        for tree in range(first, last):
            origin = g.group[g.group_start[first]].table
            for b in range(count):
                _look(t, g, table, origin, tree, blocks[b], k, phi[b, t.output[tree] + j])
        for b in range(count):
            for o in range(out.shape[0]):
                add_rows(phi[b, o], start + b * BLOCK, out[o])


@kernel
def _look(  # noqa: PLR0913
    t: Laid,
    g: Groups,
    table: NpArray,
    origin: int,
    tree: int,
    x: NpArray,
    k: NpArray,
    phi: NpArray,
) -> None:
    """Add one tree's contributions for a block of rows."""
    p, sets, step, group, feature = t.splits, t.sets, g.step, g.group, g.feature
    last = len(phi) - 1
    for m in range(g.step_start[tree], g.step_start[tree + 1]):
        if step[m, 1] == DESCEND:
            index(p, sets, x, k, step[m], 0, 0)
            continue
        w = group[step[m, 2]]
        index(p, sets, x, k, step[m], w.prefix, w.splits)
        at, size, here = w.table - origin, 1 << w.bits, k[len(k) - 1]
        for i in range(w.slots + 1):
            f = feature[w.slot + i] if i < w.slots else last
            for r in range(BLOCK):
                phi[f, r] += table[at + here[r]]
            at += size


@kernel
def _build(
    t: Laid,
    g: Groups,
    rule: Rules,
    counts: NpArray,
    output: int,
    first: int,
    out: NpArray,
) -> None:
    most = 0
    for i in range(len(g.group)):
        most = max(most, g.group[i].bits)
    some = most + 2
    leaves = Leaves(
        np.empty(some),
        np.empty(some, np.int64),
        np.empty((some, 64)),
        np.empty((some, 64), np.int64),
        np.empty((some, 64), np.int64),
        np.empty((some, 64), np.int64),
    )
    pattern = np.empty(1 << most, np.int64)
    desk = np.empty((most + 2, 1 << most))
    at, i = 0, first
    while at < len(out):
        w = g.group[i]
        count = leaves_of(t, g.feature, w, output, leaves)
        size = 1 << w.bits
        for leaf in range(count):
            _patterns(leaves, leaf, size, pattern)
            d = leaves.size[leaf]
            if len(counts):
                _met(counts, w.histogram, size, pattern, desk[0], 1 << d)
                _interventional(d, leaves.value[leaf], rule, desk)
            else:
                _path_dependent(d, leaves.value[leaf], leaves.share[leaf], rule, desk)
            _enter(leaves, leaf, pattern, desk, at, size, w.slots, out)
        at += (w.slots + 1) * size
        i += 1


@part
def _enter(  # noqa: PLR0913
    leaves: Leaves, leaf: int, pattern: NpArray, desk: NpArray, at: int, size: int, slots: int, out: NpArray
) -> None:
    """Add one leaf's contributions, and the leaf where it is reached, to its group's table."""
    d = leaves.size[leaf]
    for j in range(d):
        to = at + leaves.slot[leaf, j] * size
        for s in range(size):
            out[to + s] += desk[2 + j, pattern[s]]
    to, full = at + slots * size, (1 << d) - 1
    for s in range(size):
        if pattern[s] == full:
            out[to + s] += leaves.value[leaf]


@kernel
def _met(counts: NpArray, at: int, size: int, pattern: NpArray, out: NpArray, sets: int) -> None:
    """How much of the background passes each set of a leaf's features."""
    out[:sets] = 0.0
    for s in range(size):
        out[pattern[s]] += counts[at + s]


@kernel
def _patterns(leaves: Leaves, leaf: int, size: int, out: NpArray) -> None:
    """For each index of the group, the set of the leaf's features that pass."""
    for s in range(size):
        passed = 0
        for j in range(leaves.size[leaf]):
            if (s & leaves.mask[leaf, j]) == leaves.want[leaf, j]:
                passed |= 1 << j
        out[s] = passed


@kernel
def leaves_of(t: Laid, feature: NpArray, w: Any, output: int, out: Leaves) -> int:
    """List the leaves of a group; how many there are."""
    if w.side >= 0:
        _one_leaf(t, feature, w, w.split, w.side, output, out, 0)
        return 1
    count = 0
    for v in range(w.split, w.split + w.splits):
        for side in range(2):
            if t.splits[v].leaf_left if side == 0 else t.splits[v].leaf_right:
                _one_leaf(t, feature, w, v, side, output, out, count)
                count += 1
    return count


@kernel
def _one_leaf(  # noqa: PLR0913
    t: Laid,
    feature: NpArray,
    w: Any,
    split: int,
    last: int,
    output: int,
    out: Leaves,
    i: int,
) -> None:
    """Write one leaf: for each feature of its path the share let through, and the bits that tell whether it passes."""
    p = t.splits
    out.value[i] = t.value[split, last, output]
    d = w.prefix
    for j in range(d):
        out.share[i, j], out.slot[i, j] = 1.0, j
        out.mask[i, j], out.want[i, j] = 1 << j, 1 << j
    v, side = np.int64(split), np.int64(last)
    while v >= 0:
        inside = w.side < 0 and v >= w.split
        slot = np.int64(p[v].place)
        if inside:
            slot = 0
            while feature[w.slot + slot] != p[v].feature:
                slot += 1
        j = 0
        while j < d and out.slot[i, j] != slot:
            j += 1
        if j == d:
            out.share[i, d], out.slot[i, d] = 1.0, slot
            out.mask[i, d], out.want[i, d] = 0, 0
            d += 1
        out.share[i, j] *= p[v].share_left if side == 0 else p[v].share_right
        if inside:
            bit = 1 << (w.prefix + v - w.split)
            out.mask[i, j] |= bit
            out.want[i, j] |= bit if side == 0 else 0
        v, side = np.int64(p[v].parent), np.int64(p[v].side)
    out.size[i] = d


@kernel
def _path_dependent(d: int, value: float, share: NpArray, rule: Rules, desk: NpArray) -> None:
    """One leaf's contributions to each of its d features (rows 2, 3, ... of the desk) for all sets that pass."""
    order, n = max(1, (d + 1) // 2), 1 << d
    product = desk[1]
    for j in range(d):
        desk[2 + j, :n] = 0.0
    for q in range(order):
        t = rule.nodes[order, q]
        product[0] = rule.weights[order, q] * value
        m = 1
        for j in range(d):
            off = share[j] * (1 - t)
            for s in range(m):
                product[m + s] = product[s] * (off + t)
                product[s] = product[s] * off
            m *= 2
        for j in range(d):
            off, on = -1 / (1 - t), (1 - share[j]) / (share[j] * (1 - t) + t)
            bit = 1 << j
            for start in range(0, n, 2 * bit):
                for s in range(start, start + bit):
                    desk[2 + j, s] += product[s] * off
                    desk[2 + j, s + bit] += product[s + bit] * on


@kernel
def _butterfly(d: int, t: float, f: NpArray) -> None:
    """From how the background passes to F(S; t), in place: (b0, b1) -> ((1 - t) b1, t b0 + b1) for each feature."""
    m = 1
    for _ in range(d):
        for start in range(0, 1 << d, 2 * m):
            for s in range(start, start + m):
                off, on = f[s], f[s + m]
                f[s] = (1 - t) * on
                f[s + m] = t * off + on
        m *= 2


@kernel
def _interventional(d: int, value: float, rule: Rules, desk: NpArray) -> None:
    """The same against a background, whose passing sets are in row 0."""
    order, n = max(1, (d + 1) // 2), 1 << d
    met, f = desk[0], desk[1]
    for j in range(d):
        desk[2 + j, :n] = 0.0
    for q in range(order):
        t = rule.nodes[order, q]
        f[:n] = met[:n]
        _butterfly(d, t, f)
        weight = rule.weights[order, q] * value
        off, on = weight / (1 - t), weight / t
        bit = 1
        for j in range(d):
            for start in range(0, n, 2 * bit):
                for s in range(start, start + bit):
                    desk[2 + j, s] -= f[s] * off
                    desk[2 + j, s + bit] += (f[s + bit] - f[s] / (1 - t)) * on
            bit *= 2
