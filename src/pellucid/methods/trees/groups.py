"""Groups: bottom sub-trees whose splits together make one index, under which their contributions are looked up.

The leaves of a group share one index of bits: first one for each distinct feature above the group (does the row pass
all its splits there), then one for each split inside it (does the row go left). A row's contributions from all these
leaves are then one entry per feature of a table; see `tables`. After WOODELF (Nadel and Wettenstein, arXiv 2604.10569),
whose groups are single leaves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid.core.types import NpArray

from .compiled import kernel, part
from .layout import LEFT, RIGHT, Laid, Records, decide, rare

SUBTREE_BITS = 7
"""The longest index of a group with splits in it; longer ones are single leaves."""
DESCEND, WHOLE, LEFT_LEAF, RIGHT_LEAF = 0, 1, 2, 3
"""What a step does: read the split's bits, or come to a group, a sub-tree or a leaf on one side."""
BLOCK = 512
"""Rows that take a step together."""

GROUP = np.dtype(
    [
        ("table", np.int64),
        ("histogram", np.int64),
        ("slot", np.int64),
        ("entry", np.int64),
        ("split", np.int64),
        ("side", np.int32),
        ("splits", np.int32),
        ("prefix", np.int32),
        ("bits", np.int32),
        ("slots", np.int32),
        ("entries", np.int32),
        ("tree", np.int32),
    ],
    align=True,
)
"""One group: the ``split`` at its top (``side`` -1) or above its leaf (``side`` 0 or 1); how many ``splits`` it holds,
``prefix`` distinct features are above it, ``bits`` in all; where its ``table`` and ``histogram`` begin, and its
distinct features, ``slots`` from ``slot`` on. Its table has ``entries`` columns, for what `Groups.target` says from
``entry`` on, and one more for the leaf reached."""


class Groups(NamedTuple):
    """All groups, and the steps that lead every row to them.

    Attributes:
        group: (groups,) of `GROUP`, tree by tree.
        group_start: (trees + 1,) the first group of each tree.
        feature: (all slots,) the features of each group.
        target: (all entries,) what each column of its table is for: a feature, or beyond these a pair of them.
        step: (steps, 3) split, what to do, group.
        step_start: (trees + 1,) the first step of each tree.
    """

    group: Records
    group_start: NpArray
    feature: NpArray
    target: NpArray
    step: NpArray
    step_start: NpArray


def grouped(laid: Laid, bits: int = SUBTREE_BITS) -> Groups:
    """Divide each tree into groups.

    Args:
        laid: the forest.
        bits: the longest index of a group of several leaves.
    """
    below = _splits_below(laid.splits)
    group, group_start, step, step_start = _divided(laid.splits, laid.start, below, bits)
    feature = _slots(laid.splits, group)
    ends = np.cumsum((group["slots"].astype(np.int64) + 1) << group["bits"])
    group["table"] = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    ends = np.cumsum(np.int64(1) << group["bits"])
    group["histogram"] = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    group["entry"], group["entries"] = group["slot"], group["slots"]
    return Groups(group, group_start, feature, feature.astype(np.int64), step, step_start)


@kernel
def _splits_below(p: Records) -> NpArray:
    """(splits,) how many splits each sub-tree holds."""
    below = np.ones(len(p), np.int64)
    for v in range(len(p) - 1, 0, -1):
        if p[v].parent >= 0:
            below[p[v].parent] += below[v]
    return below


@kernel
def _add(group: Records, n: int, v: int, side: int, splits: int, prefix: int) -> None:
    group[n].split, group[n].side, group[n].splits = v, side, splits
    group[n].prefix, group[n].bits = prefix, prefix + splits


@kernel
def _divided(
    p: Records, start: NpArray, below: NpArray, bits: int
) -> tuple[NpArray, NpArray, NpArray, NpArray]:
    """The groups, the largest sub-trees whose index is short enough, and the steps in pre-order."""
    group = np.zeros(2 * len(p) + 1, GROUP)
    step = np.empty((3 * len(p) + 1, 3), np.int64)
    group_start, step_start = np.zeros(len(start), np.int64), np.zeros(len(start), np.int64)
    n, m = 0, 0
    for tree in range(len(start) - 1):
        v = start[tree]
        while v < start[tree + 1]:
            s = p[v]
            known = p[s.parent].distinct if s.parent >= 0 else 0
            if known + below[v] <= bits:
                _add(group, n, v, -1, below[v], known)
                step[m, 0], step[m, 1], step[m, 2] = v, WHOLE, n
                n, m, v = n + 1, m + 1, v + below[v]
                continue
            step[m, 0], step[m, 1], step[m, 2] = v, DESCEND, -1
            m += 1
            for side in range(2):
                if s.leaf_left if side == 0 else s.leaf_right:
                    _add(group, n, v, side, 0, s.distinct)
                    step[m, 0], step[m, 1], step[m, 2] = v, LEFT_LEAF + side, n
                    n, m = n + 1, m + 1
            v += 1
        for g in range(group_start[tree], n):
            group[g].tree = tree
        group_start[tree + 1], step_start[tree + 1] = n, m
    return group[:n].copy(), group_start, step[:m].copy(), step_start


@kernel
def _slots(p: Records, group: Records) -> NpArray:
    """The distinct features of each group: those above it by their place, then those inside."""
    total = 0
    for g in range(len(group)):
        total += group[g].bits
    feature = np.empty(total, np.int32)
    at = 0
    for g in range(len(group)):
        w = group[g]
        u = p[w.split].parent if w.side < 0 else np.int32(w.split)
        while u >= 0:
            if p[u].above < 0:
                feature[at + p[u].place] = p[u].feature
            u = p[u].parent
        end = at + w.prefix
        for v in range(w.split, w.split + w.splits):
            known = False
            for j in range(at, end):
                known = known or feature[j] == p[v].feature
            if not known:
                feature[end] = p[v].feature
                end += 1
        w.slot, w.slots = at, end - at
        at = end
    return feature[:at].copy()


@part
def _collect(s: Any, sets: NpArray, x: NpArray, out: NpArray, bit: int) -> None:
    """Set a bit where the values of a block go left."""
    t, b = s.threshold, np.int32(bit)
    if s.kind == LEFT:
        for r in range(BLOCK):
            out[r] |= np.int32(0) if x[r] > t else b
    elif s.kind == RIGHT:
        for r in range(BLOCK):
            out[r] |= b if x[r] <= t else np.int32(0)
    else:
        for r in range(BLOCK):
            out[r] |= b if rare(s, sets, x[r]) else np.int32(0)


@part
def _passed(before: NpArray, left: NpArray, out: NpArray, place: int, side: int, again: bool) -> None:
    """The index below a split on one side: a bit set, or kept only where a feature that came before passes again."""
    flip, bit = np.int32(side), np.int32(place)
    if again:
        for r in range(BLOCK):
            out[r] = before[r] & ~((np.int32(1) - (left[r] ^ flip)) << bit)
    else:
        for r in range(BLOCK):
            out[r] = before[r] | ((left[r] ^ flip) << bit)


@part
def index(p: Records, sets: NpArray, x: NpArray, k: NpArray, step: NpArray, prefix: int, splits: int) -> None:
    """Take a step with a block of rows; at a group, its index of each row is then in the last row of `k`.

    Args:
        p: the splits.
        sets: their sets of categories.
        x: (columns, BLOCK).
        k: (2 levels + 1, BLOCK) int32: indices so far and bits gone left, by depth; the index.
        step: split, what to do, group.
        prefix: distinct features above the group.
        splits: splits in it.
    """
    v, what, levels = step[0], step[1], (len(k) - 1) // 2
    s = p[v]
    d, u = s.depth, s.parent
    if what >= LEFT_LEAF:
        _passed(k[d], k[levels + d], k[2 * levels], s.place, what - LEFT_LEAF, s.above >= 0)
        return
    if u < 0:
        k[d] = 0
    else:
        _passed(k[d - 1], k[levels + d - 1], k[d], p[u].place, s.side, p[u].above >= 0)
    if what == DESCEND:
        decide(s, sets, x[s.feature], k[levels + d])
        return
    k[2 * levels] = k[d]
    for i in range(splits):
        q = p[v + i]
        _collect(q, sets, x[q.feature], k[2 * levels], 1 << (prefix + i))
