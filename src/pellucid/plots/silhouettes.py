"""silhouettes: how well the rows fit their clusters, and how the number of clusters was chosen."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.results import Clusters

from . import captions, labels, theme, units
from .clusters import summary
from .inside_labels import say
from .registry import draws


def _lacks(e: Clusters) -> str:
    return "" if np.isfinite(e.silhouette).any() else "no silhouette is known"


@draws(Clusters, Features, size=lambda e, how: (theme.CHART, 3.0), lacks=_lacks, leads=lambda e: False)
def silhouettes(e: Clusters, *, ax: Axes, lang: str = "en") -> Axes:
    """Every row's silhouette, cluster by cluster, largest first; the line is the mean.

    A row above zero lies nearer to its own cluster than to any other; below zero it does not.

    Args:
        e: clusters of a layer's activations.
        ax: where to draw.
        lang: language of the labels.
    """
    words, start, middles = labels.words(lang), 0, list[float]()
    for c in range(len(e.values)):
        found = np.sort(e.silhouette[(e.labels == c) & np.isfinite(e.silhouette)])[::-1]
        edges = start + np.arange(len(found) + 1)
        ax.stairs(found, edges, orientation="horizontal", fill=True, color=theme.classes()[c % 2])
        middles.append(start + len(found) / 2)
        start += len(found) + max(1, len(e.labels) // 200)
    mean = float(np.nanmean(e.silhouette))
    ax.axvline(mean, color=theme.FOR, lw=1.2)
    ax.axvline(0, color=theme.PLAIN, lw=0.8)
    ax.set_ylim(start, 0)
    ax.set_yticks(middles, [str(c) for c in range(len(middles))], fontsize=theme.SMALL)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelsize=theme.SMALL)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.set_ylabel(say(lang, "cluster_axis"), fontsize=theme.SMALL)
    ax.set_xlabel(say(lang, "silhouette"), loc="left", fontsize=theme.BODY)
    captions.head(ax, units.method(e, lang), summary(e, lang))
    tried = ", ".join(
        f"{k}: {captions.number(float(s))}" for k, s in zip(e.tried, e.scores, strict=True) if np.isfinite(s)
    )
    captions.foot(ax, e, words, say(lang, "tried", tried=tried) if len(e.tried) > 1 else "")
    return ax
