"""Clusters and Projected: how a layer groups the data, and the data drawn on a plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.types import NpArray

from .base import Explanation


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Clusters(Explanation):
    """How a layer's activations group the rows.

    Attributes:
        values: (clusters, units) the mean activation of each cluster, the largest cluster first.
        labels: (n,) the cluster of each row; -1 for rows that belong to none.
        silhouette: (n,) how well each row fits: 1 well inside, 0 between two, below 0 nearer to another; NaN for none.
        tried: numbers of clusters that were tried.
        scores: the mean silhouette of each.
        nearest: (clusters, examples) the rows nearest to each cluster's mean, nearest first; -1 where there are fewer.
        nearest_x: (clusters, examples, *features) their inputs.
        telling: (clusters, units told) the units that set each cluster apart, most telling first.
        apart: (clusters, units told) by how many standard deviations.
        majority: the commonest true class of each cluster; () without true classes.
        purity: (clusters,) the share of it.
        truth: (n,) true classes as text; () without.
        agreement: the adjusted Rand index of clusters and true classes; NaN without.
        at: the layer.
        index: the rows' own labels in the frame they came from.
    """

    labels: NpArray
    silhouette: NpArray
    tried: tuple[int, ...]
    scores: NpArray
    nearest: NpArray
    nearest_x: NpArray
    telling: NpArray
    apart: NpArray
    purity: NpArray
    majority: tuple[str, ...] = ()
    truth: tuple[str, ...] = ()
    agreement: float = float("nan")
    at: str = ""
    index: tuple[Any, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def sizes(self) -> NpArray:
        """(clusters,) rows in each."""
        return np.bincount(self.labels[self.labels >= 0], minlength=len(self.values))

    def to_frame(self) -> Any:
        """One row per row: its cluster, how well it fits, and its true class."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        data: dict[str, Any] = {"cluster": self.labels, "silhouette": self.silhouette}
        if self.truth:
            data["truth"] = list(self.truth)
        return pandas.DataFrame(data, index=list(self.index) if self.index else None)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Projected(Explanation):
    """Rows as points of a plane (or of a few dimensions).

    Attributes:
        values: (n, components) where each row lies.
        explained: (components,) the share of the variance along each axis; () where axes have none.
        axes: (components, dimensions) the directions of the axes; (0, 0) where they have none.
        centre: (dimensions,) what was subtracted first.
        predicted: (n,) the class predicted, as text; () where the outputs are no classes.
        truth: (n,) true classes as text; () without.
        at: the layer; "input" for the input itself.
        index: the rows' own labels in the frame they came from.
    """

    explained: NpArray
    axes: NpArray
    centre: NpArray
    predicted: tuple[str, ...] = ()
    truth: tuple[str, ...] = ()
    at: str = ""
    index: tuple[Any, ...] = ()

    @property
    def wrong(self) -> NpArray:
        """(n,) whether the class predicted is not the true one."""
        return np.array([p != t for p, t in zip(self.predicted, self.truth, strict=True)], bool)

    def to_frame(self) -> Any:
        """One row per row: where it lies, its predicted and its true class."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        data: dict[str, Any] = {f"component {k + 1}": self.values[:, k] for k in range(self.values.shape[1])}
        if self.predicted:
            data["predicted"] = list(self.predicted)
        if self.truth:
            data["truth"] = list(self.truth)
        return pandas.DataFrame(data, index=list(self.index) if self.index else None)
