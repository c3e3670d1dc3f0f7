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
from .leaves import Leaves, leaves_of, patterns, room
from .pairs import interventional as interventional_pairs
from .pairs import path_dependent as path_dependent_pairs
from .pairs import place
from .walk import rules

PLACES = 1 << 21
"""Values that the blocks looked up together may hold."""
BLOCKS = 8
"""Blocks of rows that are looked up in one tree before the next tree: its tables stay in the cache."""


class Rules(NamedTuple):
    """Quadrature rules by order."""

    nodes: NpArray
    weights: NpArray


def histograms(laid: Laid, groups: Groups, background: NpArray) -> NpArray:
    """How often each index of each group comes in the background, as shares."""
    counts = np.zeros(int((np.int64(1) << groups.group["bits"]).sum()))
    _count(laid, groups, background, counts)
    counts /= len(background)
    return counts


def tables(laid: Laid, groups: Groups, counts: NpArray | None, output: int, first: int, last: int) -> NpArray:
    """The tables of the groups from `first` to `last`, one after another.

    Args:
        laid: the forest.
        groups: its groups.
        counts: see `histograms`; None for path-dependent values.
        output: which of the values that a leaf holds.
        first: the first group.
        last: the group after the last.
    """
    if first == last:
        return np.zeros(0)
    ends = groups.group[last - 1]
    total = int(ends["table"] + ((ends["entries"] + 1) << ends["bits"]) - groups.group[first]["table"])
    out = np.zeros(total)
    known = np.zeros(0) if counts is None else counts
    rule = Rules(*rules(max(1, (int(groups.group["bits"].max()) + 1) // 2)))
    _build(laid, groups, rule, known, output, first, out)
    return out


def look_up(
    laid: Laid, groups: Groups, table: NpArray, trees: tuple[int, int], j: int, x: NpArray, out: NpArray
) -> None:
    """Add the contributions of the trees from `trees[0]` to `trees[1]` to `out`, (outputs, n, values + 1).

    The last column gets the leaves that the rows reach.
    """
    fit = max(1, min(BLOCKS, PLACES // (out.shape[0] * out.shape[2] * BLOCK)))
    desk = np.empty((fit, out.shape[0], out.shape[2], BLOCK))
    _apply(laid, groups, table, trees, j, x, desk, out)


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
            met, here = counts[w.histogram : w.histogram + (1 << w.bits)], k[2 * t.depth + 2]
            for r in range(rows):
                met[np.uint32(here[r])] += 1.0


@kernel
def _apply(  # noqa: PLR0913
    t: Laid,
    g: Groups,
    table: NpArray,
    trees: tuple[int, int],
    j: int,
    x: NpArray,
    phi: NpArray,
    out: NpArray,
) -> None:
    n, columns = x.shape
    blocks = np.empty((len(phi), columns, BLOCK))
    k = np.empty((2 * t.depth + 3, BLOCK), np.int32)
    for start in range(0, n, BLOCK * len(phi)):
        count = min(len(phi), (n - start + BLOCK - 1) // BLOCK)
        phi[:] = 0.0
        for b in range(count):
            read_rows(x, start + b * BLOCK, blocks[b])
        for tree in range(trees[0], trees[1]):
            origin = g.group[g.group_start[trees[0]]].table
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
    p, sets, step, group, target = t.splits, t.sets, g.step, g.group, g.target
    last = len(phi) - 1
    for m in range(g.step_start[tree], g.step_start[tree + 1]):
        if step[m, 1] == DESCEND:
            index(p, sets, x, k, step[m], 0, 0)
            continue
        w = group[step[m, 2]]
        index(p, sets, x, k, step[m], w.prefix, w.splits)
        at, size, here = w.table - origin, 1 << w.bits, k[len(k) - 1]
        for i in range(0, w.entries, 2):
            _add_two(
                table[at : at + 2 * size],
                here,
                phi[target[w.entry + i]],
                phi[target[w.entry + i + 1] if i + 1 < w.entries else last],
            )
            at += 2 * size
        if w.entries % 2 == 0:
            _add_one(table[at : at + size], here, phi[last])


@part
def _add_one(entry: NpArray, here: NpArray, phi: NpArray) -> None:
    """Look one entry up for each row. Indices are unsigned: of others numba asks whether they count from the end."""
    for r in range(len(phi)):
        phi[r] += entry[np.uint32(here[r])]


@part
def _add_two(entries: NpArray, here: NpArray, phi: NpArray, other: NpArray) -> None:
    """Look two entries up, which stand one after the other."""
    size = len(entries) // 2
    first, second = entries[:size], entries[size:]
    for r in range(BLOCK):
        i = np.uint32(here[r])
        a, b = phi[r] + first[i], other[r] + second[i]
        phi[r], other[r] = a, b


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
    most, pairs = 0, False
    for i in range(len(g.group)):
        most = max(most, g.group[i].bits)
        pairs = pairs or g.group[i].entries > g.group[i].slots
    leaves = room(most + 2)
    pattern, desk = np.empty(1 << most, np.uint32), np.empty((most + 2, 1 << most))
    double = np.empty((1 + (most * (most - 1) // 2 if pairs else 0), 1 << most))
    at, i = 0, first
    while at < len(out):
        w = g.group[i]
        size = 1 << w.bits
        for leaf in range(leaves_of(t, g.feature, w, output, leaves)):
            patterns(leaves, leaf, size, pattern)
            d, value = leaves.size[leaf], leaves.value[leaf]
            if len(counts):
                _met(counts, w.histogram, size, pattern, desk[0], 1 << d)
                _interventional(d, value, rule, desk, double)
            else:
                _path_dependent(d, value, leaves.share[leaf], rule, desk)
                if pairs:
                    path_dependent_pairs(d, value, leaves.share[leaf], rule, double)
            _enter(leaves, leaf, pattern, desk, at, size, w, out)
            if pairs:
                _enter_pairs(leaves, leaf, pattern, double, at, size, w, out)
        at += (w.entries + 1) * size
        i += 1


@part
def _enter(  # noqa: PLR0913
    leaves: Leaves, leaf: int, pattern: NpArray, desk: NpArray, at: int, size: int, w: Any, out: NpArray
) -> None:
    """Add one leaf's contributions, and the leaf where it is reached, to its group's table."""
    d = leaves.size[leaf]
    for j in range(d):
        to = at + leaves.slot[leaf, j] * size
        _add_one(desk[2 + j], pattern[:size], out[to : to + size])
    to, full = at + w.entries * size, np.uint32((1 << d) - 1)
    reached, value = out[to : to + size], leaves.value[leaf]
    for s in range(size):
        reached[s] += value if pattern[s] == full else 0.0


@part
def _enter_pairs(  # noqa: PLR0913
    leaves: Leaves, leaf: int, pattern: NpArray, double: NpArray, at: int, size: int, w: Any, out: NpArray
) -> None:
    """Add one leaf's interactions to its group's table."""
    d, k = leaves.size[leaf], 1
    for i in range(d):
        for j in range(i + 1, d):
            pair = place(leaves.slot[leaf, i], leaves.slot[leaf, j], w.slots)
            to = at + (w.slots + pair) * size
            _add_one(double[k], pattern[:size], out[to : to + size])
            k += 1


@kernel
def _met(counts: NpArray, at: int, size: int, pattern: NpArray, out: NpArray, sets: int) -> None:
    """How much of the background passes each set of a leaf's features."""
    out[:sets] = 0.0
    for s in range(size):
        out[pattern[s]] += counts[at + s]


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
            for s in range(n):
                desk[2 + j, s] += product[s] * (on if (s >> j) & 1 else off)


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
def _interventional(d: int, value: float, rule: Rules, desk: NpArray, double: NpArray) -> None:
    """The same against a background, whose passing sets are in row 0; interactions to `double`, where it has room."""
    order, n = max(1, (d + 1) // 2), 1 << d
    met, f = desk[0], desk[1]
    pairs = len(double) > 1
    double[1 : 1 + d * (d - 1) // 2, :n] = 0.0
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
        if pairs:
            interventional_pairs(d, t, weight, f, double)
