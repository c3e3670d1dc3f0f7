"""The leaves of a tree that a row can reach, as marks of a mixed-integer programme held to the splits on their way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from pellucid.core.forest import Forest
from pellucid.core.types import NpArray

from .programme import Affine, Programme

Side = tuple[float, float]
"""Between which thresholds a column is where a leaf is reached: over the first, at most the second."""


@dataclass(frozen=True, eq=False)
class Split:
    """A column as the programme knows it.

    Attributes:
        ends: the least and the most that it can be.
        marks: for numbers, threshold -> whether the column is at most that, as an expression.
        options: for columns of a choice, the values and their marks.
        price: what a step of 1 away from the row costs; of each option for a choice.
        x: the row's own value.
    """

    ends: Side
    x: float
    marks: Mapping[float, Affine] = field(default_factory=dict[float, Affine])
    options: tuple[tuple[float, Affine], ...] = ()
    price: NpArray = field(default_factory=lambda: np.zeros(1))


@dataclass(frozen=True, eq=False)
class Leaf:
    """A leaf and what leads to it: thresholds of numbers, and sets of options, by column."""

    node: int
    sides: Mapping[int, Side]
    sets: Mapping[int, frozenset[int]]


def reachable(
    forest: Forest, root: int, columns: Mapping[int, Split], x: NpArray, limit: float
) -> list[Leaf]:
    """The leaves that a row cheaper than `limit` can reach.

    Args:
        forest: the trees.
        root: of one of them.
        columns: those that can move.
        x: the row.
        limit: nothing dearer is looked for.
    """
    found, stack = list[Leaf](), [Leaf(root, {}, {})]
    while stack:
        at = stack.pop()
        j = int(forest.feature[at.node])
        if j < 0:
            found.append(at)
            continue
        children = (int(forest.left[at.node]), int(forest.right[at.node]))
        if j not in columns:
            left = bool(forest.goes_left(np.array([at.node]), x[[j]])[0])
            stack.append(Leaf(children[0 if left else 1], at.sides, at.sets))
            continue
        split = columns[j]
        below = _by_set(forest, at, j, split) if split.options else _by_number(forest, at, j, split)
        for child, (sides, sets) in zip(children, below, strict=True):
            leaf = Leaf(child, {**at.sides, **sides}, {**at.sets, **sets})
            if _is_open(leaf, columns, j) and _price(leaf, columns) <= limit:
                stack.append(leaf)
    return found


Ways = tuple[
    tuple[dict[int, Side], dict[int, frozenset[int]]], tuple[dict[int, Side], dict[int, frozenset[int]]]
]


def _by_number(forest: Forest, at: Leaf, j: int, split: Split) -> Ways:
    """What is left of a column of numbers on either side of a split."""
    t, (low, high) = float(forest.threshold[at.node]), at.sides.get(j, (-np.inf, np.inf))
    return ({j: (low, min(high, t))}, {}), ({j: (max(low, t), high)}, {})


def _by_set(forest: Forest, at: Leaf, j: int, split: Split) -> Ways:
    """What is left of the options of a choice on either side of a split."""
    known = at.sets.get(j, frozenset(range(len(split.options))))
    values = np.array([value for value, _ in split.options])
    left = forest.goes_left(np.full(len(values), at.node), values)
    goes = frozenset(np.flatnonzero(left).tolist())
    return ({}, {j: known & goes}), ({}, {j: known - goes})


def _is_open(leaf: Leaf, columns: Mapping[int, Split], j: int) -> bool:
    """Whether column j can be where the leaf asks."""
    if j in leaf.sets:
        return bool(leaf.sets[j])
    (over, at_most), (low, high) = leaf.sides[j], columns[j].ends
    return over < at_most and low <= at_most and high > over


def _price(leaf: Leaf, columns: Mapping[int, Split]) -> float:
    """What the way to a leaf costs at least."""
    total = 0.0
    for j, (over, at_most) in leaf.sides.items():
        split = columns[j]
        total += float(split.price[0]) * max(over - split.x, split.x - at_most, 0.0)
    for j, options in leaf.sets.items():
        total += float(min(columns[j].price[k] for k in options))
    return total


def marked(programme: Programme, leaves: list[Leaf], columns: Mapping[int, Split]) -> list[Affine]:
    """A mark for every leaf of a tree: one of them is reached, and only where the columns are as it asks.

    Leaves that ask the same of a column exclude each other, so that their marks are held to it together: the programme
    without whole numbers is then nearer to the one with them than if each leaf were held to it alone.
    """
    marks = [programme.variable(0, 1) for _ in leaves]
    programme.condition(sum(marks, Affine()), 1, 1)
    for j in sorted({j for leaf in leaves for j in leaf.sides}):
        split = columns[j]
        for t in sorted({t for leaf in leaves for t in leaf.sides.get(j, ()) if np.isfinite(t)}):
            under = [
                m for m, leaf in zip(marks, leaves, strict=True) if leaf.sides.get(j, (0, np.inf))[1] <= t
            ]
            over = [
                m for m, leaf in zip(marks, leaves, strict=True) if leaf.sides.get(j, (-np.inf, 0))[0] >= t
            ]
            below = split.marks.get(t)
            if below is not None:
                _held(programme, under, below * -1.0, 0.0)
                _held(programme, over, below, 1.0)
    for j in sorted({j for leaf in leaves for j in leaf.sets}):
        for chosen in {leaf.sets[j] for leaf in leaves if j in leaf.sets}:
            within = [
                m for m, leaf in zip(marks, leaves, strict=True) if j in leaf.sets and leaf.sets[j] <= chosen
            ]
            options = sum((columns[j].options[k][1] for k in sorted(chosen)), Affine())
            _held(programme, within, options * -1.0, 0.0)
    return marks


def _held(programme: Programme, marks: list[Affine], to: Affine, most: float) -> None:
    if marks:
        programme.condition(sum(marks, Affine()) + to, most=most)
