"""A forest as kernels walk it: its splits in pre-order, with what every path needs to know, in one named tuple."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pellucid.core.forest import WORD, ZERO, Forest
from pellucid.core.types import NpArray

from .compiled import kernel, part

Records: TypeAlias = Any
"""An array of records, whose columns kernels read by name."""

RIGHT, LEFT, RARE = 0, 1, 2
"""Kinds of splits: NaN goes right, NaN goes left, or sets of categories and zeros that count as missing."""


SPLIT = np.dtype(
    [
        ("threshold", np.float64),
        ("share_left", np.float64),
        ("share_right", np.float64),
        ("held", np.float64),
        ("first", np.int64),
        ("feature", np.int32),
        ("depth", np.int32),
        ("parent", np.int32),
        ("right", np.int32),
        ("above", np.int32),
        ("place", np.int32),
        ("distinct", np.int32),
        ("words", np.int32),
        ("side", np.int8),
        ("kind", np.int8),
        ("leaf_left", np.int8),
        ("leaf_right", np.int8),
        ("missing", np.int8),
        ("unseen", np.int8),
        ("zero", np.int8),
        ("unused", np.int8),
    ],
    align=True,
)
"""One split.

- ``feature, threshold, kind``: what is compared, see `RIGHT`; ``missing, unseen, zero, first, words``: for rare splits,
  see `pellucid.core.forest`.
- ``depth``: splits above; ``parent``: -1 at roots; ``side``: 0 for a left child, 1 for a right one.
- ``leaf_left, leaf_right``: whether a child is a leaf. The left child that is none follows its parent; ``right`` is the
  number of the other.
- ``share_left, share_right``: of the training weight.
- ``above``: depth of the nearest split above on the same feature, -1 for none; ``held``: product of the shares of all
  splits above on the same feature.
- ``place``: number of the feature among the distinct ones of its path; ``distinct``: how many these are, with this one.
"""


class Laid(NamedTuple):
    """A forest's splits and what is left of it.

    Attributes:
        splits: (splits,) of `SPLIT`, those of a tree in pre-order.
        value: (splits, 2, width) what the left and the right child add, where they are leaves.
        sets: words of all sets of categories.
        start: (trees + 1,) the first split of each tree.
        output: (trees,) the first output that a tree's leaves feed.
        base: (outputs,) the forest's base with the trees that are a single leaf.
        columns, outputs, depth: sizes.
    """

    splits: Records
    value: NpArray
    sets: NpArray
    start: NpArray
    output: NpArray
    base: NpArray
    columns: int
    outputs: int
    depth: int


class Nodes(NamedTuple):
    """A forest's nodes, as `pellucid.core.forest.Forest` has them."""

    feature: NpArray
    threshold: NpArray
    left: NpArray
    right: NpArray
    value: NpArray
    first_word: NpArray
    words: NpArray
    missing_left: NpArray
    unseen_left: NpArray
    zero_missing: NpArray


def laid(f: Forest) -> Laid:
    """Lay out a forest."""
    inner = f.feature >= 0
    growing = inner[f.roots]
    base = f.base.copy()
    for root, feeds in zip(f.roots[~growing], f.feeds[~growing], strict=True):
        if feeds < 0:
            base += f.value[root]
        else:
            base[feeds] += f.value[root, 0]
    total = int((inner & (f.owner >= 0)).sum())
    splits = np.zeros(total, SPLIT)
    node, start = _pre_order(f.roots[growing].astype(np.int64), f.left, f.right, inner, splits)
    value = np.empty((total, 2, f.value.shape[1]))
    nodes = Nodes(
        f.feature, f.threshold, f.left, f.right, f.value, f.first_word, f.words, f.missing_left, f.unseen_left,
        f.zero_missing,
    )  # fmt: skip
    _fill(nodes, np.ones(len(inner)) if f.cover is None else f.cover, node, splits, value)
    _paths(splits)
    output = np.maximum(f.feeds[growing], 0).astype(np.int64)
    return Laid(splits, value, f.sets, start, output, base, f.columns, f.outputs, f.depth)


@kernel
def _fill(f: Nodes, cover: NpArray, node: NpArray, splits: Records, value: NpArray) -> None:
    """Copy what each split is from the forest, and the values of its children."""
    for v in range(len(splits)):
        u, s = node[v], splits[v]
        left, right = f.left[u], f.right[u]
        s.leaf_left, s.leaf_right = f.feature[left] < 0, f.feature[right] < 0
        total = cover[left] + cover[right]
        s.share_left = cover[left] / total if total > 0 else 0.5
        s.share_right = cover[right] / total if total > 0 else 0.5
        s.threshold, s.feature = f.threshold[u], f.feature[u]
        s.first, s.words = f.first_word[u], f.words[u]
        s.missing, s.unseen, s.zero = f.missing_left[u], f.unseen_left[u], f.zero_missing[u]
        s.kind = RARE if s.words > 0 or s.zero else (LEFT if s.missing else RIGHT)
        for j in range(value.shape[2]):
            value[v, 0, j] = f.value[left, j] if s.leaf_left else 0.0
            value[v, 1, j] = f.value[right, j] if s.leaf_right else 0.0


@kernel
def _pre_order(
    roots: NpArray, left: NpArray, right: NpArray, inner: NpArray, splits: Records
) -> tuple[NpArray, NpArray]:
    """Number the splits of each tree in pre-order: their nodes, and where trees start."""
    node = np.empty(len(splits), np.int32)
    start = np.zeros(len(roots) + 1, np.int64)
    stack = np.empty((len(splits) + 2, 3), np.int64)
    at = 0
    for tree in range(len(roots)):
        stack[0, 0], stack[0, 1], stack[0, 2] = roots[tree], -1, 0
        top = 1
        while top > 0:
            top -= 1
            v, above, side = stack[top, 0], stack[top, 1], stack[top, 2]
            node[at] = v
            splits[at].parent = above
            splits[at].side = side
            splits[at].depth = splits[above].depth + 1 if above >= 0 else 0
            if side == 1:
                splits[above].right = at
            for child, s in ((right[v], 1), (left[v], 0)):
                if inner[child]:
                    stack[top, 0], stack[top, 1], stack[top, 2] = child, at, s
                    top += 1
            at += 1
        start[tree + 1] = at
    return node, start


@kernel
def _paths(splits: Records) -> None:
    """What the path above each split holds: `above`, `held`, `place` and `distinct`."""
    for v in range(len(splits)):
        s = splits[v]
        u, side = s.parent, s.side
        known = splits[u].distinct if u >= 0 else 0
        while u >= 0 and splits[u].feature != s.feature:
            u, side = splits[u].parent, splits[u].side
        if u >= 0:
            s.above = splits[u].depth
            s.held = splits[u].held * (splits[u].share_left if side == 0 else splits[u].share_right)
            s.place = splits[u].place
            s.distinct = known
        else:
            s.above = -1
            s.held = 1.0
            s.place = known
            s.distinct = known + 1


@kernel
def rare(s: Any, sets: NpArray, x: float) -> Any:
    """1 where `x` goes left at a rare split."""
    if np.isnan(x) or (s.zero != 0 and abs(x) <= ZERO):
        return np.int64(s.missing)
    if s.words == 0:
        return np.int64(x <= s.threshold)
    if not (x >= 0 and x < s.words * WORD):
        return np.int64(s.unseen)
    code = np.int64(x)
    word = sets[s.first + code // WORD]
    return np.int64((word >> np.uint64(code % WORD)) & np.uint64(1))


@part
def goes_left(s: Any, sets: NpArray, x: float) -> Any:
    """1 where `x` goes left."""
    if s.kind == RARE:
        return rare(s, sets, x)
    if s.kind == LEFT:
        return np.int64(not x > s.threshold)
    return np.int64(x <= s.threshold)


@part
def decide(s: Any, sets: NpArray, x: NpArray, out: NpArray) -> None:
    """Write 1 where the values of a block of rows go left, else 0."""
    t = s.threshold
    if s.kind == LEFT:
        for r in range(len(out)):
            out[r] = 0 if x[r] > t else 1
    elif s.kind == RIGHT:
        for r in range(len(out)):
            out[r] = 1 if x[r] <= t else 0
    else:
        for r in range(len(out)):
            out[r] = rare(s, sets, x[r])


@part
def read_rows(x: NpArray, start: int, block: NpArray) -> None:
    """Copy rows (n, columns) from `start` on to a block, (columns, rows); beyond the last it is repeated."""
    for f in range(block.shape[0]):
        for r in range(block.shape[1]):
            block[f, r] = x[min(start + r, len(x) - 1), f]


@part
def add_rows(phi: NpArray, start: int, out: NpArray) -> None:
    """Add a block of values, (columns, rows), to rows of `out`, (n, columns), from `start` on."""
    for r in range(min(phi.shape[1], len(out) - start)):
        for f in range(phi.shape[0]):
            out[start + r, f] += phi[f, r]


@kernel
def leaf_sums(t: Laid, x: NpArray, out: NpArray) -> None:
    """Add the leaves that each row reaches: (n, columns) -> `out` (n, outputs)."""
    splits, value, sets = t.splits, t.value, t.sets
    for tree in range(len(t.output)):
        first = t.output[tree]
        for r in range(len(x)):
            v = t.start[tree]
            while True:
                s = splits[v]
                if goes_left(s, sets, x[r, s.feature]):
                    side, leaf, child = 0, s.leaf_left, v + 1
                else:
                    side, leaf, child = 1, s.leaf_right, np.int64(s.right)
                if leaf:
                    break
                v = child
            for j in range(value.shape[2]):
                out[r, first + j] += value[v, side, j]


@kernel
def expected(t: Laid) -> NpArray:
    """(outputs,) the leaves by the training weight that reaches them."""
    out, reach = np.zeros(t.outputs), np.ones(len(t.splits))
    width = t.value.shape[2]
    for tree in range(len(t.output)):
        for v in range(t.start[tree], t.start[tree + 1]):
            s = t.splits[v]
            if s.parent >= 0:
                above = t.splits[s.parent]
                reach[v] = reach[s.parent] * (above.share_left if s.side == 0 else above.share_right)
            for j in range(width):
                one = s.share_left * t.value[v, 0, j] + s.share_right * t.value[v, 1, j]
                out[t.output[tree] + j] += reach[v] * one
    return out
