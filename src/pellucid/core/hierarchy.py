"""Which players belong together: a binary tree over them, read off what hides them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from .masker import Hidden
from .types import Bools, NpArray

Tree: TypeAlias = int | tuple["Tree", "Tree"]
"""A player, or two branches."""


def hierarchy(hidden: Hidden) -> Tree:
    """The tree of a row's players.

    Columns behind several background rows are joined by how they correlate there, regions of a picture by where they
    lie, and everything else by its order.
    """
    players = len(hidden.players)
    if players == 1:
        return 0
    label = hidden.label
    if _correlates(hidden):
        return _by_correlation(hidden, 1)[0]
    if label is not None and label.ndim > 1:
        places = np.indices(label.shape).reshape(label.ndim, -1).T
        centre = np.stack([places[label.ravel() == k].mean(0) for k in range(players)])
        return _by_place(np.arange(players), centre)
    return _in_order(0, players)


def clusters(hidden: Hidden, count: int) -> NpArray:
    """(players,) the number of the group that each belongs to, of `count` groups of players that belong together."""
    players = len(hidden.players)
    if count >= players:
        return np.arange(players)
    if _correlates(hidden):
        groups = [_leaves(tree) for tree in _by_correlation(hidden, count)]
    else:
        trees: list[Tree] = [hierarchy(hidden)]
        while len(trees) < count:
            largest = max(range(len(trees)), key=lambda k: len(_leaves(trees[k])))
            trees[largest : largest + 1] = trees[largest]  # type: ignore[assignment]  # it has two branches
        groups = [_leaves(tree) for tree in trees]
    out = np.empty(players, int)
    for number, group in enumerate(sorted(groups, key=min)):
        out[group] = number
    return out


def orders_of(tree: Tree, coins: Bools) -> NpArray:
    """The orders (k, players) that coins (k, players - 1), one for each branching, make of a tree by turning it.

    >>> orders_of((0, (1, 2)), np.array([[False, False], [False, True], [True, False]]))
    array([[0, 1, 2],
           [0, 2, 1],
           [1, 2, 0]])
    """
    flips = iter(range(coins.shape[1]))
    return _turned(tree, coins, flips)


def _turned(tree: Tree, coins: Bools, flips: Iterator[int]) -> NpArray:
    if isinstance(tree, int):
        return np.full((len(coins), 1), tree)
    coin = coins[:, next(flips), None]
    left, right = _turned(tree[0], coins, flips), _turned(tree[1], coins, flips)
    return np.where(coin, np.concatenate([right, left], axis=1), np.concatenate([left, right], axis=1))


def _in_order(start: int, stop: int) -> Tree:
    if stop - start == 1:
        return start
    middle = (start + stop + 1) // 2
    return _in_order(start, middle), _in_order(middle, stop)


def _by_place(players: NpArray, centre: NpArray) -> Tree:
    """Halves along the axis on which the players lie furthest apart."""
    if len(players) == 1:
        return int(players[0])
    own = centre[players]
    order = players[np.argsort(own[:, np.ptp(own, axis=0).argmax()], kind="stable")]
    middle = (len(order) + 1) // 2
    return _by_place(order[:middle], centre), _by_place(order[middle:], centre)


def _leaves(tree: Tree) -> list[int]:
    return [tree] if isinstance(tree, int) else _leaves(tree[0]) + _leaves(tree[1])


def _correlates(hidden: Hidden) -> bool:
    """Whether several background rows show which columns go together."""
    return hidden.label is not None and hidden.label.ndim == 1 and hidden.fillings > 2


def _by_correlation(hidden: Hidden, count: int) -> list[Tree]:
    """Join the two branches whose columns correlate most, on average, whatever the sign, until `count` are left."""
    players, label = len(hidden.players), hidden.label
    rows = np.nan_to_num(hidden.fill(np.zeros((1, players), bool))[0].astype(float))
    spread = rows.std(0)
    scaled = (rows - rows.mean(0)) / np.where(spread > 0, spread, 1.0)
    near = np.abs(scaled.T @ scaled) / len(rows)
    member = (label == np.arange(players)[:, None]).astype(float)
    near = member @ near @ member.T / np.outer(member.sum(1), member.sum(1))
    trees: list[Tree] = list(range(players))
    size = np.ones(players)
    np.fill_diagonal(near, -1.0)
    while len(trees) > count:
        a, b = sorted(np.unravel_index(int(near.argmax()), near.shape))
        joined = (size[a] * near[a] + size[b] * near[b]) / (size[a] + size[b])
        near[a], near[:, a], near[a, a] = joined, joined, -1.0
        near = np.delete(np.delete(near, b, axis=0), b, axis=1)
        size[a] += size[b]
        size = np.delete(size, b)
        trees[a] = (trees[a], trees.pop(b))
    return trees
