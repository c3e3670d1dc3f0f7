r"""Shapley interaction values of pairs: the second derivatives of what `tables` takes the first of.

.. math:: I_{ij} = \int_0^1 \partial_i \partial_j F(t)\,dt

summed over leaves. Off the diagonal of a row's matrix stands half of it, so that both halves make the whole; on the
diagonal, what is left of the column's Shapley value.
"""

from __future__ import annotations

import numpy as np

from pellucid.core.types import NpArray

from .compiled import kernel, part
from .groups import Groups


def number(columns: int) -> int:
    """How many pairs there are."""
    return columns * (columns - 1) // 2


@part
def place(i: int, j: int, columns: int) -> int:
    """The number of a pair among all pairs."""
    a, b = min(i, j), max(i, j)
    return a * columns - a * (a + 1) // 2 + b - a - 1


def paired(groups: Groups, columns: int) -> Groups:
    """The same groups with tables for single features and for pairs of them."""
    group = groups.group.copy()
    slots = group["slots"].astype(np.int64)
    group["entries"] = slots + slots * (slots - 1) // 2
    group["entry"] = np.concatenate([[0], np.cumsum(group["entries"].astype(np.int64))[:-1]])
    ends = np.cumsum((group["entries"].astype(np.int64) + 1) << group["bits"])
    group["table"] = np.concatenate([[0], ends[:-1]])
    target = np.empty(int(group["entries"].sum()), np.int64)
    _targets(group, groups.feature, columns, target)
    return groups._replace(group=group, target=target)


@kernel
def _targets(group: NpArray, feature: NpArray, columns: int, out: NpArray) -> None:
    """Which value each entry of a group's table is for: features, then pairs."""
    at = 0
    for g in range(len(group)):
        first, slots = group[g].slot, group[g].slots
        for i in range(slots):
            out[at + i] = feature[first + i]
        at += slots
        for i in range(slots):
            for j in range(i + 1, slots):
                out[at] = columns + place(feature[first + i], feature[first + j], columns)
                at += 1


def squared(values: NpArray, columns: int) -> NpArray:
    """Values of columns and pairs, (n, columns + pairs), as a matrix for each row, (n, columns, columns)."""
    out = np.zeros((len(values), columns, columns))
    first, second = np.triu_indices(columns, 1)
    halves = values[:, columns:] / 2
    out[:, first, second] = halves
    out[:, second, first] = halves
    diagonal = np.arange(columns)
    out[:, diagonal, diagonal] = values[:, :columns] - out.sum(2)
    return out


@kernel
def path_dependent(
    d: int, value: float, share: NpArray, rule: tuple[NpArray, NpArray], desk: NpArray
) -> None:
    """One leaf's interactions, pair after pair, in rows 1, 2, ... of the desk, for all sets of its d features."""
    order, n = max(1, d // 2), 1 << d
    product = desk[0]
    desk[1 : 1 + d * (d - 1) // 2, :n] = 0.0
    for q in range(order):
        t = rule[0][order, q]
        product[0] = rule[1][order, q] * value
        for j in range(d):
            off, m = share[j] * (1 - t), 1 << j
            for s in range(m):
                product[m + s] = product[s] * (off + t)
                product[s] = product[s] * off
        k = 1
        for i in range(d):
            on_i = (1 - share[i]) / (share[i] * (1 - t) + t)
            for j in range(i + 1, d):
                on_j = (1 - share[j]) / (share[j] * (1 - t) + t)
                for s in range(n):
                    a = on_i if (s >> i) & 1 else -1 / (1 - t)
                    b = on_j if (s >> j) & 1 else -1 / (1 - t)
                    desk[k, s] += product[s] * a * b
                k += 1


@part
def _derived(d: int, bit: int, t: float, f: NpArray, out: NpArray) -> None:
    """The derivative of F for one feature, from F itself."""
    for start in range(0, 1 << d, 2 * bit):
        for s in range(start, start + bit):
            off = f[s] / (1 - t)
            out[s] = -off
            out[s + bit] = (f[s + bit] - off) / t


@kernel
def interventional(d: int, t: float, weight: float, f: NpArray, desk: NpArray) -> None:
    """Add one node's part of a leaf's interactions against a background to rows 1, 2, ... of the desk.

    Args:
        d: features of the leaf.
        t: the node.
        weight: the node's weight times the leaf's value.
        f: (2^d,) F at the node.
        desk: where the interactions are added; row 0 is room.
    """
    k, once = 1, desk[0]
    for i in range(d):
        _derived(d, 1 << i, t, f, once)
        for j in range(i + 1, d):
            bit = 1 << j
            for start in range(0, 1 << d, 2 * bit):
                for s in range(start, start + bit):
                    off = once[s] / (1 - t)
                    desk[k, s] -= off * weight
                    desk[k, s + bit] += (once[s + bit] - off) / t * weight
            k += 1
