"""The leaves of a group, each with the bits of the group's index that tell which of its features pass."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid.core.types import NpArray

from .compiled import kernel, part
from .layout import Laid


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


@part
def room(leaves: int) -> Leaves:
    """Room for so many leaves."""
    return Leaves(
        np.empty(leaves),
        np.empty(leaves, np.int64),
        np.empty((leaves, 64)),
        np.empty((leaves, 64), np.int64),
        np.empty((leaves, 64), np.int64),
        np.empty((leaves, 64), np.int64),
    )


@kernel
def patterns(leaves: Leaves, leaf: int, size: int, out: NpArray) -> None:
    """For each index of the group, the set of the leaf's features that pass."""
    out[:size] = 0
    for j in range(leaves.size[leaf]):
        mask, want = np.uint32(leaves.mask[leaf, j]), np.uint32(leaves.want[leaf, j])
        bit = np.uint32(1 << j)
        for s in range(size):
            out[s] |= bit if (np.uint32(s) & mask) == want else np.uint32(0)


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
