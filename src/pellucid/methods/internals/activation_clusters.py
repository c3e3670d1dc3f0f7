"""Activation clusters: how a layer groups the data."""

from __future__ import annotations

import numpy as np

from pellucid.core.errors import DataError, ParameterError
from pellucid.core.network import Network
from pellucid.core.types import NpArray
from pellucid.methods.params import param
from pellucid.results import Clusters

from .family import InternalsMethod
from .grouping import (
    by_size,
    dense_regions,
    held_against,
    k_means,
    nearest,
    silhouettes,
    telling,
    unit_length,
)
from .vectors import last_hidden, truth_of, vectors


class ActivationClusters(InternalsMethod):
    r"""How a layer groups the data: clusters of activations, the rows nearest to each, the units that set it apart.

    .. math:: \min_{c, \mu} \sum_i \lVert a(x_i) - \mu_{c(i)} \rVert^2, \qquad
              s_i = \frac{b_i - w_i}{\max(w_i, b_i)}

    k-means, with the number of clusters that gives the largest mean silhouette s (w is a row's mean distance within
    its cluster, b that to the nearest other one); or HDBSCAN, which leaves rows out that belong to none. Clusters are
    always found, also where there are none: a silhouette near zero says so. True classes, where given, take no part in
    the clustering; they tell how pure the clusters are. Rows are scaled to unit length first, so that it counts which
    units fire and not how strongly; units with large values still count for more.

    Shapes: ``values: (clusters, units)``, ``labels: (n,)``.
    Cost: one pass of the model, and one clustering for each number tried.
    Raises: `DataError` with fewer than three rows.

    >>> ActivationClusters(clusters=2)(net, images, at="conv3").labels.shape
    (4,)
    """

    paper = (
        "Rousseeuw (1987). Silhouettes. Journal of Computational and Applied Mathematics 20. "
        "doi:10.1016/0377-0427(87)90125-7; Campello, Moulavi, Sander (2013). doi:10.1007/978-3-642-37456-2_14"
    )
    takes = ("y",)

    by: str = param(default="kmeans", doc="how rows are grouped", choices=("kmeans", "hdbscan"))
    clusters: int | None = param(default=None, doc="how many; none chooses by silhouette", min=2)
    most: int = param(default=12, doc="clusters tried at most, where none are given", min=2)
    scale: str = param(
        default="unit",
        doc="unit compares which units fire and not how strongly; none keeps the layer's own lengths",
        choices=("unit", "none"),
    )
    smallest: int = param(default=5, doc="rows that make a cluster, for hdbscan", min=2)
    examples: int = param(default=8, doc="rows shown for each cluster", min=1)

    def places(self, n: Network) -> tuple[str, ...]:
        return last_hidden(n)

    def look(self, n: Network) -> Clusters:
        place = n.place
        a = vectors(n, place)
        if n.n < 3:
            raise DataError("Clusters need three rows or more.", got=f"{n.n} rows")
        if self.clusters is not None and self.clusters >= n.n:
            raise ParameterError(f"{n.n} rows make no {self.clusters} clusters.", fix="Ask for fewer.")
        b = unit_length(a) if self.scale == "unit" else a
        tried = (self.clusters,) if self.clusters else tuple(range(2, min(self.most, n.n - 1) + 1))
        if self.by == "kmeans":
            labels, scores = k_means(n, b, tried)
        else:
            labels, scores = dense_regions(n, b, self.smallest)
            tried = (int(labels.max()) + 1,)
        labels, count = by_size(labels)
        means = np.stack([a[labels == c].mean(0) for c in range(count)]) if count else a[:0]
        fit = silhouettes(n, b, labels)
        self._judge(n, fit, labels)
        near = nearest(b, labels, len(means), self.examples)
        units, apart = telling(a, labels, len(means))
        truth = truth_of(n)
        return self.result(
            n,
            Clusters,
            f"Clusters of the activations at {place}, {self.by}",
            values=means,
            labels=labels,
            silhouette=fit,
            tried=tried,
            scores=scores,
            nearest=near,
            nearest_x=n.x[np.maximum(near, 0)],
            telling=units,
            apart=apart,
            truth=truth,
            at=place,
            **held_against(truth, labels, len(means)),
        )

    def _judge(self, n: Network, fit: NpArray, labels: NpArray) -> None:
        score = float(np.nanmean(fit)) if np.isfinite(fit).any() else 0.0
        n.notes.check(
            "silhouette",
            -score,
            warn=-0.1,
            fail=np.inf,
            meaning=f"The mean silhouette is {score:.2f}: the clusters hardly stand apart.",
            advice="Look at another layer, or at more rows; there may be no groups.",
        )
        left = float((labels < 0).mean())
        n.notes.check(
            "left_out",
            left,
            warn=0.5,
            fail=np.inf,
            meaning=f"{100 * left:.0f} % of the rows belong to no cluster.",
            advice="Lower smallest=, or use by='kmeans'.",
        )
