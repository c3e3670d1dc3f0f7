"""Rows in groups: how they are found, how well they fit, what sets them apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core.network import Network
from pellucid.core.run import stop_if_cancelled
from pellucid.core.types import NpArray

JUDGED = 2000
"""Rows that silhouettes are taken on; their cost grows with the square."""
TOLD = 6
"""Units that are told to set a cluster apart."""


def k_means(n: Network, a: NpArray, counts: tuple[int, ...]) -> tuple[NpArray, NpArray]:
    """The labels of the number of clusters with the largest mean silhouette, and that silhouette for each number."""
    from sklearn.cluster import KMeans

    best, scores = np.zeros(len(a), int), list[float]()
    for k in counts:
        stop_if_cancelled(n.run)
        state = int(n.run.generator(k).integers(2**31))
        labels = KMeans(k, n_init=4, random_state=state).fit_predict(a)  # type: ignore[arg-type]  # stubs want a word
        scores.append(float(np.nanmean(silhouettes(n, a, labels))))
        if scores[-1] >= max(scores):
            best = labels
    return best, np.array(scores)


def dense_regions(n: Network, a: NpArray, smallest: int) -> tuple[NpArray, NpArray]:
    """The labels that HDBSCAN gives, -1 for rows that belong to none, and their mean silhouette."""
    from sklearn.cluster import HDBSCAN

    labels = HDBSCAN(min_cluster_size=min(smallest, len(a) - 1), copy=True).fit_predict(a)  # type: ignore[arg-type]
    several = int(labels.max()) > 0
    return labels, np.array([np.nanmean(silhouettes(n, a, labels)) if several else np.nan])


def nearest(a: NpArray, labels: NpArray, count: int, examples: int) -> NpArray:
    """(clusters, examples) the rows of each cluster that are nearest to its mean; -1 where there are fewer."""
    out = np.full((count, examples), -1)
    for c in range(count):
        rows = np.flatnonzero(labels == c)
        away = ((a[rows] - a[rows].mean(0)) ** 2).sum(1)
        order = rows[np.argsort(away, kind="stable")][:examples]
        out[c, : len(order)] = order
    return out


def unit_length(a: NpArray) -> NpArray:
    """Rows of length one; rows of zeros stay."""
    length = np.sqrt((a**2).sum(1, keepdims=True))
    return a / np.where(length > 0, length, 1)


def by_size(labels: NpArray) -> tuple[NpArray, int]:
    """The clusters numbered by their size, the largest first, and how many there are."""
    order = (
        np.argsort(-np.bincount(labels[labels >= 0]), kind="stable") if (labels >= 0).any() else np.arange(0)
    )
    rank = np.empty(len(order) + 1, int)
    rank[order] = np.arange(len(order))
    rank[-1] = -1  # what belongs to none
    return rank[labels], len(order)


def silhouettes(n: Network, a: NpArray, labels: NpArray) -> NpArray:
    """(n,) how well each row fits its cluster; NaN for those that belong to none or were not judged."""
    from sklearn.metrics import silhouette_samples

    out = np.full(len(a), np.nan)
    rows = np.flatnonzero(labels >= 0)
    if len(rows) > JUDGED:
        rows = np.sort(n.run.generator(0).choice(rows, JUDGED, replace=False))
    kinds = len(np.unique(labels[rows]))
    if 1 < kinds < len(rows):
        out[rows] = silhouette_samples(a[rows], labels[rows])
    return out


def telling(a: NpArray, labels: NpArray, count: int) -> tuple[NpArray, NpArray]:
    """(clusters, units) the units whose mean in a cluster is furthest from that elsewhere, in standard deviations."""
    told = min(TOLD, a.shape[1])
    units, apart = np.zeros((count, told), int), np.zeros((count, told))
    for c in range(count):
        inside, outside = a[labels == c], a[labels != c]
        if not len(outside):
            continue
        spread = np.sqrt((inside.var(0) * len(inside) + outside.var(0) * len(outside)) / len(a))
        gap = inside.mean(0) - outside.mean(0)
        z = np.where(spread > 0, gap / np.where(spread > 0, spread, 1), np.sign(gap) * 1e3)
        units[c] = np.argsort(-np.abs(z), kind="stable")[:told]
        apart[c] = z[units[c]]
    return units, apart


def held_against(truth: tuple[str, ...], labels: NpArray, count: int) -> dict[str, Any]:
    """How clusters and true classes agree."""
    if not truth:
        return {"purity": np.full(count, np.nan)}
    from sklearn.metrics import adjusted_rand_score

    names, true = np.unique(np.array(truth), return_inverse=True)
    counts = [np.bincount(true[labels == c], minlength=len(names)) for c in range(count)]
    return {
        "majority": tuple(str(names[c.argmax()]) for c in counts),
        "purity": np.array([c.max() / c.sum() for c in counts]),
        "agreement": float(adjusted_rand_score(true, labels)),
    }
