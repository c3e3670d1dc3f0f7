"""Forest: a tree ensemble as flat arrays, whoever grew it; what adapters read and tree methods walk.

The conventions that every reader keeps:

- **One comparison.** A number x goes left where ``x <= threshold``, both in float64. A library that compares otherwise
  is translated by `at_most` (x <= t) and `below` (x < t), with ``single=True`` where it casts x to float32 first: the
  threshold stored is then the largest float64 that still goes left. No method ever asks how a library compares.
- **Missing values.** NaN goes where `missing_left` says. Where `zero_missing` is set, so does every
  ``|x| <= ZERO`` (a convention of LightGBM).
- **Categories.** A node with a set of codes sends x left where its whole part is in the set. Codes below zero, or
  beyond the set's last word, go where `unseen_left` says; NaN where `missing_left` says.
- **Leaves** hold what they add to the output, the tree's weight, learning rate and averaging already multiplied in.
- **The output** is the raw prediction (the margin): ``base`` plus the leaves reached. `link` names the function from
  there to the model's own output.

A reader makes one `Tree` per tree, hands them to `Forest.of` and lets `pellucid.core.forest_check.verified` hold the
result against the model itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .errors import CapabilityError, ShapeError
from .types import NpArray

ZERO = float(np.float32(1e-35))
"""What counts as zero where zero counts as missing."""
ROWS = 1 << 18
"""Positions (rows times trees) that the NumPy prediction holds at once."""
WORD = 64
"""Category codes in one word of a set."""


@dataclass(frozen=True)
class Tree:
    """One tree as a reader finds it, nodes numbered within the tree, the root first.

    Attributes:
        feature: (nodes,) column split on, -1 at a leaf.
        threshold: (nodes,) x <= threshold goes left; anything at leaves and at splits by category.
        left, right: (nodes,) children; anything at leaves.
        value: (nodes,) or (nodes, outputs) what a leaf adds; anything at splits.
        cover: (nodes,) training weight that reached each node; None where it is not known.
        missing_left: (nodes,) where NaN goes.
        zero_missing: (nodes,) whether zero is missing.
        categories: node -> (codes that go left, whether codes outside the set go left).
        feeds: the output that a value of one column is added to; -1 where there is a value for each output.
        weight: what the values are multiplied with.
    """

    feature: NpArray
    threshold: NpArray
    left: NpArray
    right: NpArray
    value: NpArray
    cover: NpArray | None = None
    missing_left: NpArray | None = None
    zero_missing: NpArray | None = None
    categories: Mapping[int, tuple[NpArray, bool]] = field(default_factory=dict[int, "tuple[NpArray, bool]"])
    feeds: int = 0
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Forest:
    """A tree ensemble, all nodes of all trees one after another.

    Attributes:
        feature: (nodes,) int32, the column split on, -1 at a leaf.
        threshold: (nodes,) x <= threshold goes left.
        left, right: (nodes,) int32, node numbers; -1 at leaves.
        missing_left, zero_missing, unseen_left: (nodes,) bool.
        value: (nodes, width) what leaves add, 0 at splits; width 1 where each tree feeds one output.
        cover: (nodes,) training weight, or None.
        roots: (trees,) int32, the first node of each tree.
        feeds: (trees,) int32, the output a tree feeds; -1 where its leaves hold a value for every output.
        first_word, words: (nodes,) the node's set of categories in `sets`; 0 words where it splits by threshold.
        sets: (all words,) uint64.
        base: (outputs,) what is added to the leaves.
        columns: how many columns a row has.
        link: from the raw prediction to the model's output, a key of `pellucid.core.links.LINKS`; "" for none.
        space: what the raw prediction counts in: "log-odds", "probability", "raw", ...
        classes: names of the model's classes.
        missing: whether the model takes NaN.
        notes: what a reader of the result must know.
    """

    feature: NpArray
    threshold: NpArray
    left: NpArray
    right: NpArray
    missing_left: NpArray
    zero_missing: NpArray
    unseen_left: NpArray
    value: NpArray
    cover: NpArray | None
    roots: NpArray
    feeds: NpArray
    first_word: NpArray
    words: NpArray
    sets: NpArray
    base: NpArray
    columns: int
    link: str = "identity"
    space: str = "raw"
    classes: tuple[str, ...] = ()
    missing: bool = True
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check(self)

    @classmethod
    def of(cls, trees: Sequence[Tree], *, base: Any, columns: int, **facts: Any) -> Forest:
        """The forest of these trees; `facts` are the remaining attributes, link to notes.

        Args:
            trees: at least one.
            base: (outputs,) or a number.
            columns: how many columns a row has.
            facts: link, space, classes, missing, notes.

        Raises:
            CapabilityError: there are no trees, or they are no trees.
        """
        if not trees:
            raise CapabilityError("The model has no trees.", fix="Fit it first.")
        base = np.atleast_1d(np.asarray(base, np.float64))
        starts = np.concatenate([[0], np.cumsum([len(t.feature) for t in trees])])
        parts = [_placed(tree, int(start), len(base)) for tree, start in zip(trees, starts, strict=False)]
        whole: dict[str, Any] = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
        known = [t.cover for t in trees]
        cover = None if any(c is None for c in known) else np.concatenate(known).astype(np.float64)  # type: ignore[arg-type]  # none is None
        return cls(
            **whole,
            cover=cover,
            roots=starts[:-1].astype(np.int32),
            feeds=np.array([t.feeds for t in trees], np.int32),
            **_sets(trees, starts),
            base=base,
            columns=columns,
            **facts,
        )

    @property
    def trees(self) -> int:
        """How many trees."""
        return len(self.roots)

    @property
    def outputs(self) -> int:
        """How many raw outputs."""
        return len(self.base)

    @cached_property
    def used(self) -> NpArray:
        """(columns,) whether any tree splits on the column."""
        used = np.zeros(self.columns, bool)
        used[self.feature[self.feature >= 0]] = True
        return used

    @cached_property
    def scale(self) -> float:
        """How large a prediction could be: the largest leaf of every tree, and the base, without their signs."""
        largest, reached = np.zeros(self.trees), self.owner >= 0
        np.maximum.at(largest, self.owner[reached], np.abs(self.value[reached]).max(1))
        return float(largest.sum() + np.abs(self.base).max() + 1e-12)

    @cached_property
    def depth(self) -> int:
        """Splits on the longest path."""
        return self._levels[0]

    @cached_property
    def owner(self) -> NpArray:
        """(nodes,) the tree each node belongs to; -1 for nodes that no tree reaches."""
        return self._levels[1]

    @cached_property
    def _levels(self) -> tuple[int, NpArray]:
        """The depth and the owners, level by level."""
        owner = np.full(len(self.feature), -1, np.int32)
        nodes, tree, depth = self.roots, np.arange(self.trees, dtype=np.int32), 0
        while len(nodes):
            owner[nodes] = tree
            inner = self.feature[nodes] >= 0
            nodes, tree = nodes[inner], tree[inner]
            if not len(nodes):
                break
            nodes = np.concatenate([self.left[nodes], self.right[nodes]])
            tree, depth = np.concatenate([tree, tree]), depth + 1
        return depth, owner

    def goes_left(self, nodes: NpArray, x: NpArray) -> NpArray:
        """Whether values `x` go left at splits `nodes`, arrays of one shape."""
        missing = np.isnan(x) | (self.zero_missing[nodes] & (np.abs(x) <= ZERO))
        left = x <= self.threshold[nodes]
        by_set = self.words[nodes] > 0
        if by_set.any():
            left[by_set] = self._in_set(nodes[by_set], x[by_set])
        return np.where(missing, self.missing_left[nodes], left)

    def _in_set(self, nodes: NpArray, x: NpArray) -> NpArray:
        outside = ~((x >= 0) & (x < self.words[nodes] * WORD))
        code = np.where(outside, 0, x).astype(np.int64)
        word = self.sets[self.first_word[nodes] + code // WORD]
        inside = (word >> (code % WORD).astype(np.uint64)) & np.uint64(1)
        return np.where(outside, self.unseen_left[nodes], inside == 1)

    def leaves(self, x: NpArray) -> NpArray:
        """(rows, trees) the leaf that each row reaches in each tree."""
        at = np.broadcast_to(self.roots, (len(x), self.trees)).astype(np.int32)
        row = np.broadcast_to(np.arange(len(x))[:, None], at.shape)
        for _ in range(self.depth):
            feature = self.feature[at]
            inner = feature >= 0
            if not inner.any():
                break
            nodes = at[inner]
            left = self.goes_left(nodes, x[row[inner], feature[inner]])
            at[inner] = np.where(left, self.left[nodes], self.right[nodes])
        return at

    def predict(self, x: NpArray) -> NpArray:
        """The raw prediction: (n, columns) -> (n, outputs)."""
        x = np.asarray(x, np.float64)
        if x.ndim != 2 or x.shape[1] != self.columns:
            raise ShapeError(f"The trees take {self.columns} columns.", got=f"shape {x.shape}")
        out = np.tile(self.base, (len(x), 1))
        step = max(1, ROWS // self.trees)
        for start in range(0, len(x), step):
            part = slice(start, start + step)
            values = self.value[self.leaves(x[part])]  # (rows, trees, width)
            if (self.feeds < 0).all():
                out[part] += values.sum(1)
            else:
                for k in range(self.outputs):
                    out[part, k] += values[:, self.feeds == k, 0].sum(1)
        return out


def at_most(threshold: Any, *, single: bool) -> NpArray:
    """The float64 threshold that sends left what ``x <= threshold`` does, x cast to float32 first if `single`.

    >>> float(at_most(0.5, single=False))
    0.5
    >>> np.float32(0.5 + 2**-26) <= 0.5, 0.5 + 2**-26 <= at_most(0.5, single=True)
    (np.True_, np.True_)
    """
    t = np.asarray(threshold, np.float64)
    return np.where(np.isinf(t), t, _last_rounding_to(_float32_at_most(t))) if single else t


def below(threshold: Any, *, single: bool) -> NpArray:
    """The same for ``x < threshold``.

    >>> 0.5 <= below(0.5, single=False), 0.4999 <= below(0.5, single=False)
    (np.False_, np.True_)
    """
    t = np.asarray(threshold, np.float64)
    if not single:
        return np.nextafter(t, -np.inf)
    rounded = _float32_at_most(t)
    with np.errstate(over="ignore"):
        before = np.nextafter(rounded, np.float32(-np.inf))
    return _last_rounding_to(np.where(rounded < t, rounded, before))


def _float32_at_most(t: NpArray) -> NpArray:
    """The largest float32 that is at most t."""
    with np.errstate(over="ignore"):
        rounded = t.astype(np.float32)
        before = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded > t, before, rounded).astype(np.float32)


def _last_rounding_to(t: NpArray) -> NpArray:
    """The largest float64 that is rounded to the float32 `t` or less: half-way to the next, where ties go to even."""
    t = np.asarray(t, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        here, after = t.astype(np.float64), np.nextafter(t, np.float32(np.inf)).astype(np.float64)
        ends = (
            np.clip(here, -(2.0**128), 2.0**128),
            np.clip(after, -(2.0**128), 2.0**128),
        )  # infinity is the next one
        middle = ends[0] + (ends[1] - ends[0]) / 2
    even = t.view(np.int32) & 1 == 0
    last = np.where(even, middle, np.nextafter(middle, -np.inf))
    return np.where(t == np.inf, here, last)


def check(f: Forest) -> None:
    """Raise `CapabilityError` unless the arrays make trees: what a reader got wrong, before anything walks them."""
    nodes = len(f.feature)
    inner = f.feature >= 0
    children = np.concatenate([f.left[inner], f.right[inner]])
    parents = np.bincount(children[(children >= 0) & (children < nodes)], minlength=nodes)
    leaves = f.value[~inner]
    outputs, width = len(f.base), f.value.shape[1]
    faults = {
        "a split on a column that is not there": bool((f.feature >= f.columns).any()),
        "a child that is not there": bool(((children < 0) | (children >= nodes)).any()),
        "a node with two parents": bool((parents > 1).any() or parents[f.roots].any()),
        "a threshold that is no number": bool(np.isnan(f.threshold[inner & (f.words == 0)]).any()),
        "a leaf value that is not finite": not np.isfinite(leaves).all(),
        "an output that is not there": bool((f.feeds >= outputs).any()),
        "leaf values of a wrong width": width != (outputs if (f.feeds < 0).all() else 1),
        "trees of which some feed one output and some all": outputs > 1 and len(set(f.feeds < 0)) > 1,
    }
    found = [fault for fault, is_so in faults.items() if is_so]
    if found:
        raise CapabilityError(f"These arrays are no trees: there is {found[0]}.")


def _placed(tree: Tree, start: int, outputs: int) -> dict[str, NpArray]:
    """A tree's arrays with node numbers that begin at `start`."""
    inner = np.asarray(tree.feature) >= 0
    nodes = len(inner)
    value = np.asarray(tree.value, np.float64).reshape(nodes, -1) * tree.weight

    def flags(given: NpArray | None) -> NpArray:
        return np.zeros(nodes, bool) if given is None else np.asarray(given, bool) & inner

    unseen = np.zeros(nodes, bool)
    for node, (_, left) in tree.categories.items():
        unseen[node] = left
    return {
        "feature": np.where(inner, tree.feature, -1).astype(np.int32),
        "threshold": np.where(inner, tree.threshold, 0.0).astype(np.float64),
        "left": np.where(inner, np.asarray(tree.left) + start, -1).astype(np.int32),
        "right": np.where(inner, np.asarray(tree.right) + start, -1).astype(np.int32),
        "missing_left": flags(tree.missing_left),
        "zero_missing": flags(tree.zero_missing),
        "unseen_left": unseen,
        "value": np.where(inner[:, None], 0.0, value),
    }


def _sets(trees: Sequence[Tree], starts: NpArray) -> dict[str, NpArray]:
    """All sets of categories as words, and where each node's begins."""
    total = int(starts[-1])
    first, words = np.zeros(total, np.int64), np.zeros(total, np.int32)
    packed: list[NpArray] = []
    length = 0
    for tree, start in zip(trees, starts, strict=False):
        for node, (codes, _) in tree.categories.items():
            bits = _bits(np.asarray(codes, np.int64))
            first[start + node], words[start + node] = length, len(bits)
            packed.append(bits)
            length += len(bits)
    sets = np.concatenate(packed) if packed else np.zeros(0, np.uint64)
    return {"first_word": first, "words": words, "sets": sets}


def _bits(codes: NpArray) -> NpArray:
    """Codes as words of bits, at least one word."""
    words = np.zeros(int(codes.max(initial=0)) // WORD + 1, np.uint64)
    np.bitwise_or.at(words, codes // WORD, np.uint64(1) << (codes % WORD).astype(np.uint64))
    return words
