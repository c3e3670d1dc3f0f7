"""Rows followed through one tree of a forest: the splits they meet, and what lies on the sides not taken."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core.features import Columns, Features
from pellucid.core.forest import WORD, ZERO, Forest
from pellucid.core.intake import Data
from pellucid.core.types import NpArray


def followed(f: Forest, tree: int, x: NpArray) -> tuple[NpArray, NpArray, NpArray]:
    """The splits on the way of every row: their rows and their nodes, row after row from the root on; the leaves."""
    at = np.full(len(x), f.roots[tree])
    rows, nodes = [np.zeros(0, int)], [np.zeros(0, at.dtype)]
    while (inner := np.flatnonzero(f.feature[at] >= 0)).size:
        here = at[inner]
        rows.append(inner)
        nodes.append(here)
        left = f.goes_left(here, x[inner, f.feature[here]])
        at[inner] = np.where(left, f.left[here], f.right[here])
    row, node = np.concatenate(rows), np.concatenate(nodes)
    order = np.argsort(row, kind="stable")
    return row[order], node[order], at


def leaves_below(f: Forest, tree: int) -> NpArray:
    """(nodes,) how many leaves are below each node of a tree, a leaf below itself."""
    levels = [f.roots[[tree]]]
    while (inner := levels[-1][f.feature[levels[-1]] >= 0]).size:
        levels.append(np.concatenate([f.left[inner], f.right[inner]]))
    count = np.zeros(len(f.feature), int)
    for nodes in reversed(levels):
        inner = f.feature[nodes] >= 0
        count[nodes] = np.where(inner, count[f.left[nodes]] + count[f.right[nodes]], 1)
    return count


def steps(f: Forest, tree: int, x: NpArray, data: Data) -> dict[str, Any]:
    """The arrays of a `TreePaths` that speak of splits and leaves.

    Args:
        f: the forest.
        tree: the tree's number.
        x: (n, columns) as the trees compare them.
        data: the caller's rows and model.
    """
    row, node, leaf = followed(f, tree, x)
    column, root = f.feature[node], int(f.roots[tree])
    value = x[row, column]
    left = f.goes_left(node, value)
    other = np.where(left, f.right[node], f.left[node])
    by_set = f.words[node] > 0
    sets, inside = _conditions(f, node, left, by_set, data, row)
    share = np.full(len(f.feature), np.nan) if f.cover is None else f.cover / (f.cover[root] or np.nan)
    return {
        "starts": np.searchsorted(row, np.arange(len(x) + 1)),
        "node": node - root,
        "column": column.astype(int),
        "threshold": np.where(by_set, np.nan, f.threshold[node]),
        "left": left,
        "missing": np.isnan(value) | (f.zero_missing[node] & (np.abs(value) <= ZERO)),
        "inside": inside,
        "sets": sets,
        "share": share[node],
        "other_share": share[other],
        "other_leaves": leaves_below(f, tree)[other],
        "leaf": leaf - root,
        "leaf_share": share[leaf],
        "values": np.ascontiguousarray(f.value[leaf]),
    }


def _conditions(
    f: Forest, node: NpArray, left: NpArray, by_set: NpArray, data: Data, row: NpArray
) -> tuple[tuple[tuple[str, ...], ...], NpArray]:
    """Per step the categories that its condition names, the shorter list of two, and whether the row is among them."""
    inside = np.zeros(len(node), bool)
    sets: list[tuple[str, ...]] = [()] * len(node)
    codes = _codes(data, sorted(set(f.feature[node[by_set]].tolist())))
    sides = {n: _sides(f, n, data.features, codes) for n in set(node[by_set].tolist())}
    for k in np.flatnonzero(by_set):
        column = int(f.feature[node[k]])
        lefts, rights = sides[int(node[k])]
        own, other = (lefts, rights) if left[k] else (rights, lefts)
        named = _name(data.features, column, data.x[row[k], column]) in own or np.isnan(
            data.x[row[k], column]
        )
        inside[k] = bool(own) and (not other or (named and len(own) <= len(other)))
        sets[k] = own if inside[k] else other
    return tuple(sets), inside


def _sides(
    f: Forest, node: int, features: Features, codes: dict[int, NpArray]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The categories that a split sends left, and right: those that have names, or the codes in its set."""
    column = int(f.feature[node])
    if column in codes:
        known = codes[column]
        left = f.goes_left(np.full(len(known), node), known)
        names = [_name(features, column, k) for k in range(len(known))]
        return tuple(n for n, s in zip(names, left, strict=True) if s), tuple(
            n for n, s in zip(names, left, strict=True) if not s
        )
    every = np.arange(f.words[node] * WORD, dtype=float)
    return tuple(f"{int(c)}" for c in every[f.goes_left(np.full(len(every), node), every)]), ()


def _name(features: Features, column: int, value: float) -> str:
    return features.show(column, float(value)) if isinstance(features, Columns) else f"{value:g}"


def _codes(data: Data, columns: list[int]) -> dict[int, NpArray]:
    """Column -> what the trees compare for each of its named categories: the model is asked for rows made of them."""
    if not isinstance(data.features, Columns) or not len(data.x):
        return {}
    named = {c: len(data.features.categories.get(data.features.names[c], ())) for c in columns}
    named = {c: count for c, count in named.items() if count}
    if not named:
        return {}
    rows = np.repeat(data.x[:1], max(named.values()), axis=0)
    for c, count in named.items():
        rows[:, c] = np.minimum(np.arange(len(rows)), count - 1)
    model: Any = data.model
    seen = np.asarray(model.tree_inputs(model.native(rows)), np.float64)
    return {c: seen[:count, c] for c, count in named.items()}
