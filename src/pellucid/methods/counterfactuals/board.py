"""A forest as a board of cells: between two neighbouring thresholds of a column the answer is one and the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.forest import Forest
from pellucid.core.types import NpArray
from pellucid.core.views import Query

from .conditions import linear
from .distance import Distance

CODES = 62
"""Categories of one column, at most: a set of them is one number."""
TIE = 1e-8
"""How far beyond the boundary a sum of leaves must be, as a share of what it could be."""


class Wood(NamedTuple):
    """The trees over cells, as the compiled walk takes them.

    Attributes:
        feature: (nodes,) column split on, -1 at leaves.
        cut: (nodes,) cells up to it go left; for categories the set of those that go left, as bits.
        left, right: (nodes,) children.
        missing: (nodes,) whether a missing value goes left.
        first, last: (nodes,) the cells of its column that reach a split; for categories the set, and 0.
        value: (nodes, conditions) what a leaf adds to each condition.
        roots: (trees,).
        base: (conditions,) what is added to the leaves, less what is needed.
        begin: (columns + 1,) where the cells of each column begin.
        word: (columns,) whether a column holds categories.
    """

    feature: NpArray
    cut: NpArray
    left: NpArray
    right: NpArray
    missing: NpArray
    first: NpArray
    last: NpArray
    value: NpArray
    roots: NpArray
    base: NpArray
    begin: NpArray
    word: NpArray


@dataclass(frozen=True, eq=False)
class Board:
    """The cells of all columns.

    Attributes:
        q: the view.
        distance: what is smallest.
        edges: per column, the thresholds in order, or the categories that it may take.
        begin: (columns + 1,) where the cells of each column begin.
    """

    q: Query
    distance: Distance
    forest: Forest
    edges: tuple[NpArray, ...]
    begin: NpArray

    @classmethod
    def of(cls, q: Query, distance: Distance) -> Board | None:
        """The board of the model, or None where cells do not say all: no trees, couplings, columns in groups.

        Nor is there one where nothing is compiled: the search with questions is faster then.
        """
        from pellucid.methods.trees.compiled import numba

        forest, limits = q.forest, q.limits
        if (
            numba is None
            or forest is None
            or not (distance.is_sum or distance.name == "l2")
            or forest.zero_missing.any()
        ):
            return None
        if (
            len(limits.weights)
            or limits.groups
            or max((len(c) for c in limits.allowed.values()), default=0) > CODES
        ):
            return None
        by_set = forest.feature[forest.words > 0]
        try:
            is_linear = linear(q, forest, 0) is not None
        except CapabilityError:
            return None
        if not is_linear or not limits.word[by_set].all():
            return None
        edges = list[NpArray]()
        for j in range(forest.columns):
            inner = (forest.feature == j) & (forest.words == 0)
            edges.append(np.sort(limits.allowed[j]) if limits.word[j] else np.unique(forest.threshold[inner]))
        sizes = [len(e) + (not limits.word[j]) for j, e in enumerate(edges)]
        return cls(q, distance, forest, tuple(edges), np.concatenate([[0], np.cumsum(sizes)]))

    def wood(self, alternative: list[tuple[NpArray, float]]) -> Wood:
        """The trees, their leaves weighed as the conditions of one way to the wanted answer ask."""
        f, word = self.forest, self.q.limits.word
        cut = np.zeros(len(f.feature), np.int64)
        for j, edges in enumerate(self.edges):
            here = np.flatnonzero(f.feature == j)
            if not word[j]:
                cut[here] = np.searchsorted(edges, f.threshold[here])
            for k, code in enumerate(edges.tolist() if word[j] else []):
                cut[here] |= f.goes_left(here, np.full(len(here), code)).astype(np.int64) << k
        first, last = self._reach(cut)
        factors = np.array([factor for factor, _ in alternative])  # (conditions, outputs)
        each = f.value if f.value.shape[1] == f.outputs > 1 else self._placed()
        base = factors @ f.base - np.array([least for _, least in alternative]) - TIE * min(f.scale, 1.0)
        return Wood(
            f.feature.astype(np.int32), cut, f.left.astype(np.int32), f.right.astype(np.int32), f.missing_left, first,
            last, np.ascontiguousarray(each @ factors.T), f.roots.astype(np.int32), base,
            self.begin.astype(np.int64), word,
        )  # fmt: skip

    def _placed(self) -> NpArray:
        """(nodes, outputs) leaves of trees that feed one output each."""
        f = self.forest
        out = np.zeros((len(f.feature), f.outputs))
        own = f.owner >= 0
        out[own, np.maximum(f.feeds[f.owner[own]], 0)] = f.value[own, 0]
        return out

    def _reach(self, cut: NpArray) -> tuple[NpArray, NpArray]:
        """The cells of its own column that reach each split."""
        f, word = self.forest, self.q.limits.word
        sizes = np.diff(self.begin)
        first, last = np.zeros(len(cut), np.int64), np.zeros(len(cut), np.int64)
        for root in f.roots.tolist():
            stack = [(int(root), {})]
            while stack:
                node, seen = stack.pop()
                j = int(f.feature[node])
                if j < 0:
                    continue
                whole = ((1 << int(sizes[j])) - 1, 0) if word[j] else (0, int(sizes[j]) - 1)
                a, b = seen.get(j, whole)
                first[node], last[node] = a, b
                c = int(cut[node])
                down = ((a & c, 0), (a & ~c, 0)) if word[j] else ((a, min(b, c)), (max(a, c + 1), b))
                stack += [
                    (int(f.left[node]), {**seen, j: down[0]}),
                    (int(f.right[node]), {**seen, j: down[1]}),
                ]
        return first, last

    def cells(self, Z: NpArray) -> NpArray:
        """(m, columns) the cell of every number; -1 where it is missing or in none."""
        out = np.empty(Z.shape, np.int64)
        for j, edges in enumerate(self.edges):
            out[:, j] = np.searchsorted(edges, Z[:, j])
            if self.q.limits.word[j]:
                at = np.minimum(out[:, j], len(edges) - 1)
                out[:, j] = np.where(edges[at] == Z[:, j], at, -1)
        out[np.isnan(Z)] = -1
        return out

    def values(self, rows: NpArray) -> tuple[NpArray, NpArray]:
        """(n, cells) the value in each cell that is nearest to the row's own, and what it costs; infinite for none."""
        limits, x, unit = self.q.limits, self.q.X[rows], self.distance.unit
        value, cost = (np.empty((len(rows), int(self.begin[-1]))) for _ in range(2))
        for j, edges in enumerate(self.edges):
            here, own = slice(self.begin[j], self.begin[j + 1]), x[:, [j]]
            low, high = limits.low[rows, j][:, None], limits.high[rows, j][:, None]
            if limits.word[j]:
                value[:, here] = edges
                cost[:, here] = np.where((edges < low) | (edges > high), np.inf, (edges != own) * unit[j])
                continue
            least, most = self._ends(j, low, high)
            v = np.clip(own, least, most)
            off = np.abs(v - own) * unit[j]
            value[:, here] = v
            cost[:, here] = np.where(least <= most, off**2 if self.distance.name == "l2" else off, np.inf)
        cost[np.isnan(cost)] = np.inf
        return value, cost

    def _ends(self, j: int, low: NpArray, high: NpArray) -> tuple[NpArray, NpArray]:
        """The least and the most value of every cell of a column of numbers."""
        edges = self.edges[j]
        whole = self.q.limits.whole[j]
        least = np.concatenate([[-np.inf], np.floor(edges) + 1 if whole else np.nextafter(edges, np.inf)])
        most = np.concatenate([np.floor(edges) if whole else edges, [np.inf]])
        if whole:
            low, high = np.ceil(low), np.floor(high)
        return np.maximum(least, low), np.minimum(most, high)

    def readable(self, Z: NpArray, own: NpArray) -> NpArray:
        """Changed numbers with as few digits as leave them in their cells and the distance as it is to a thousandth."""
        x, limits = self.q.X[own], self.q.limits
        with np.errstate(all="ignore"):
            off = Z - x
            unit = 10.0 ** (np.floor(np.log10(np.abs(off))) - 3)
            rounded = np.where(off > 0, np.ceil(Z / unit - 1e-9), np.floor(Z / unit + 1e-9)) * unit
            rounded = np.where(unit < 1, np.round(rounded, 12), rounded)
        fits = (
            (self.cells(rounded) == self.cells(Z))
            & (rounded >= limits.low[own])
            & (rounded <= limits.high[own])
        )
        fits &= (off != 0) & np.isfinite(rounded) & ~limits.word & ~limits.whole
        return np.where(fits, rounded, Z)
