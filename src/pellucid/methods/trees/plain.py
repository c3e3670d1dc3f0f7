r"""The same values in NumPy, leaf after leaf: the fallback without numba, and what the kernels are held against.

For a leaf of value v, let S say which features of its path a row passes, and B which a background row passes, or, for
path-dependent values, the share of training weight that passes. Then with :math:`F_i = t S_i + (1 - t) B_i`

.. math::
    \phi_j = v \int_0^1 (S_j - B_j) \prod_{i \ne j} F_i\,dt, \quad
    I_{jk} = v \int_0^1 (S_j - B_j) (S_k - B_k) \prod_{i \ne j, k} F_i\,dt,

averaged over the background: polynomials in t, which Gauss and Legendre's rule sums exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pellucid.core.forest import Forest
from pellucid.core.run import Run, batches, stop_if_cancelled, tracking
from pellucid.core.types import NpArray

PLACES = 1 << 20
"""Numbers that the products of a leaf hold at once."""


class Leaf(NamedTuple):
    """A leaf, with the splits above it by feature.

    Attributes:
        node: the leaf.
        feature: (d,) the features of its path.
        splits: for each, its nodes and whether the way goes left there.
    """

    node: int
    feature: NpArray
    splits: tuple[tuple[NpArray, NpArray], ...]


def values(
    f: Forest, x: NpArray, background: NpArray | None, weights: NpArray, run: Run, *, label: str, pairs: bool
) -> NpArray:
    """(n, columns) values of a mix of the outputs, or (n, columns + pairs) with the interactions of all pairs.

    Args:
        f: the forest.
        x: (n, columns).
        background: (b, columns), or None for path-dependent values.
        weights: (n, outputs) how much each output counts.
        run: how to run.
        label: what the progress is called.
        pairs: whether interactions are wanted.
    """
    n, p = len(x), f.columns
    out = np.zeros((n, p + (p * (p - 1) // 2 if pairs else 0)))
    pair = np.zeros((p, p), int)
    pair[np.triu_indices(p, 1)] = p + np.arange(p * (p - 1) // 2)
    pair += pair.T
    with tracking(run, label, f.trees) as advance:
        for tree, root in enumerate(f.roots):
            stop_if_cancelled(run)
            for leaf in leaves(f, int(root)):
                amount = _amount(f, leaf.node, int(f.feeds[tree]), weights)
                theirs = _shares(f, leaf)[None] if background is None else _passed(f, leaf, background)
                size = max(1, PLACES // (len(theirs) * max(1, len(leaf.feature))))
                for rows in batches(n, size):
                    _add(leaf, _passed(f, leaf, x[rows]), theirs, amount[rows], pair, out[rows])
            advance(1)
    return out


def expected(f: Forest) -> NpArray:
    """(outputs,) the raw prediction with every column hidden, by training weights."""
    out = f.base.copy()
    for tree, root in enumerate(f.roots):
        for leaf in leaves(f, int(root)):
            out += _amount(f, leaf.node, int(f.feeds[tree]), np.eye(f.outputs)) * _shares(f, leaf).prod()
    return out


def leaves(f: Forest, root: int) -> Iterator[Leaf]:
    """The leaves of a tree."""
    waiting: list[tuple[int, tuple[tuple[int, bool], ...]]] = [(root, ())]
    while waiting:
        node, path = waiting.pop()
        if f.feature[node] >= 0:
            waiting += [
                (int(f.right[node]), (*path, (node, False))),
                (int(f.left[node]), (*path, (node, True))),
            ]
            continue
        nodes, left = np.array([v for v, _ in path], int), np.array([go for _, go in path], bool)
        feature = np.unique(f.feature[nodes])
        of = [f.feature[nodes] == k for k in feature]
        yield Leaf(node, feature, tuple((nodes[these], left[these]) for these in of))


def _amount(f: Forest, node: int, feeds: int, weights: NpArray) -> NpArray:
    """(n,) what a leaf adds to the mix."""
    return weights @ f.value[node] if feeds < 0 else weights[:, feeds] * f.value[node, 0]


def _passed(f: Forest, leaf: Leaf, x: NpArray) -> NpArray:
    """(n, d) 1 where a row passes all splits on a feature."""
    out = np.ones((len(x), len(leaf.feature)))
    for j, (nodes, left) in enumerate(leaf.splits):
        for node, go in zip(nodes, left, strict=True):
            out[:, j] *= f.goes_left(np.full(len(x), node), x[:, leaf.feature[j]]) == go
    return out


def _shares(f: Forest, leaf: Leaf) -> NpArray:
    """(d,) the share of training weight that passes all splits on a feature."""
    cover = np.ones(len(f.feature)) if f.cover is None else f.cover
    out = np.ones(len(leaf.feature))
    for j, (nodes, left) in enumerate(leaf.splits):
        mine = cover[np.where(left, f.left[nodes], f.right[nodes])]
        both = cover[f.left[nodes]] + cover[f.right[nodes]]
        out[j] = np.where(both > 0, mine / np.where(both > 0, both, 1.0), 0.5).prod()
    return out


def _add(leaf: Leaf, ours: NpArray, theirs: NpArray, amount: NpArray, pair: NpArray, out: NpArray) -> None:
    """Add what one leaf gives to some rows."""
    d = len(leaf.feature)
    nodes, weights = np.polynomial.legendre.leggauss(max(1, (d + 1) // 2))
    change = ours[:, None] - theirs  # (rows, background, d)
    for q, t in enumerate((nodes + 1) / 2):
        factor = t * ours[:, None] + (1 - t) * theirs
        scale = amount * weights[q] / 2
        for j in range(d):
            others = np.delete(factor, j, 2)
            out[:, leaf.feature[j]] += scale * (change[:, :, j] * others.prod(2)).mean(1)
            for k in range(j + 1, d if out.shape[1] > len(pair) else 0):
                both = change[:, :, j] * change[:, :, k] * np.delete(others, k - 1, 2).prod(2)
                out[:, pair[leaf.feature[j], leaf.feature[k]]] += scale * both.mean(1)
