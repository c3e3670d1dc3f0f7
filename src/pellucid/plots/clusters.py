"""clusters: the rows nearest to each cluster's mean, how pure it is, which units set it apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features, Pixels
from pellucid.core.types import NpArray
from pellucid.results import Clusters

from . import captions, cells, labels, mosaic, theme, units
from .canvas import colour_bar
from .inside_labels import say
from .mosaic import Sheet
from .registry import draws

PAGE = 16
"""Clusters on a page."""
SIDE = 56
"""Screen pixels of a picture's longer side, at least."""
TOLD = 3
"""Units written beside a cluster."""


def _lacks(e: Clusters) -> str:
    if not len(e.values):
        return "no row belongs to a cluster"
    return "" if isinstance(e.features, Pixels) and e.nearest_x.ndim >= 4 else "its rows are no images"


def _shown(e: Clusters, page: int) -> list[int]:
    return list(mosaic.paged(len(e.values), page, PAGE)[1])


def _sheet(e: Clusters, count: int) -> Sheet:
    features = e.features
    size = features.size(e.nearest_x.shape[2:]) if isinstance(features, Pixels) else (1, 1)
    height, width = mosaic.enlarged(*size, SIDE)
    across = e.nearest.shape[1]
    return Sheet(count * across, height, width, across, 0, 6)


def _size(e: Clusters, how: Mapping[str, Any]) -> tuple[float, float]:
    return _sheet(e, len(_shown(e, how["page"]))).inches


@draws(Clusters, Features, size=_size, lacks=_lacks, pages=lambda e, how: math.ceil(len(e.values) / PAGE))
def clusters(e: Clusters, *, ax: Axes, lang: str = "en", page: int = 1) -> Axes:
    """A line per cluster, the largest first: the rows nearest to its mean, its size and purity, its telling units.

    Args:
        e: clusters of a layer's activations over images.
        ax: where to draw.
        lang: language of the labels.
        page: which page of clusters, from 1.
    """
    words, shown = labels.words(lang), _shown(e, page)
    sheet, features = _sheet(e, len(shown)), e.features
    pictures = list[NpArray]()
    for c in shown:
        for k, row in enumerate(e.nearest[c].tolist()):
            image = features.image(e.nearest_x[c, k]) if isinstance(features, Pixels) else np.ones((1, 1, 3))
            pictures.append(image if row >= 0 else np.ones_like(image))
    mosaic.put(ax, sheet, np.stack(pictures))
    for line, c in enumerate(shown):
        middle = sheet.corner(line * sheet.across)[0] + sheet.height / 2
        look: dict[str, Any] = {"va": "center", "fontsize": theme.SMALL, "clip_on": False, "linespacing": 1.3}
        ax.text(-8, middle, _about(e, c, lang), ha="right", **look)
        ax.text(sheet.pixels[1] + 8, middle, _telling(e, c, lang), ha="left", **look)
    pages = math.ceil(len(e.values) / PAGE)
    which = ""
    if pages > 1:
        which = say(
            lang, "page", page=page, pages=pages, first=shown[0] + 1, last=shown[-1] + 1, n=len(e.values)
        )
    captions.head(ax, units.method(e, lang), summary(e, lang), say(lang, "nearest"))
    captions.foot(ax, e, words, which, say(lang, "apart"))
    return ax


def summary(e: Clusters, lang: str) -> str:
    """The layer, how many clusters, how well they stand apart, how they agree with the true classes."""
    score = float(np.nanmean(e.silhouette)) if np.isfinite(e.silhouette).any() else float("nan")
    told = [e.at, say(lang, "clusters_of", k=len(e.values), n=len(e.labels))]
    told.append(say(lang, "silhouette_is", score=captions.number(score)))
    if np.isfinite(e.agreement):
        told.append(say(lang, "agreement", value=captions.number(e.agreement)))
    return " · ".join(told)


def _about(e: Clusters, c: int, lang: str) -> str:
    lines = [say(lang, "cluster", c=c), say(lang, "over_rows", n=int(e.sizes[c]))]
    if e.majority:
        share = f"{100 * e.purity[c]:.0f}"
        lines.append(say(lang, "purity", share=share, name=captions.shortened(e.majority[c], 16)))
    return "\n".join(lines)


def _telling(e: Clusters, c: int, lang: str) -> str:
    pairs = zip(e.telling[c][:TOLD].tolist(), e.apart[c][:TOLD].tolist(), strict=True)
    return "\n".join(
        say(
            lang,
            "unit_apart",
            unit=unit,
            z=captions.signed(z if abs(z) < 100 else math.copysign(math.inf, z)),
        )
        for unit, z in pairs
    )


def _centres_size(e: Clusters, how: Mapping[str, Any]) -> tuple[float, float]:
    return cells.inches(e.values.shape)


def _lacks_any(e: Clusters) -> str:
    return "" if len(e.values) else "no row belongs to a cluster"


@draws(Clusters, Features, size=_centres_size, lacks=_lacks_any)
def centres(e: Clusters, *, ax: Axes, lang: str = "en") -> Axes:
    """The mean activation of every unit in every cluster, the largest cluster on top.

    Args:
        e: clusters of a layer's activations.
        ax: where to draw.
        lang: language of the labels.
    """
    words, limit = labels.words(lang), units.limit_of(e.values)
    signed = bool((e.values < 0).any())
    colours = units.signed_colours(limit) if signed else units.positive_colours(limit)
    ticks = units.signed_ticks(limit or 1.0) if signed else units.positive_ticks(limit or 1.0)
    cells.show(ax, e.values, colours)
    names = [_about(e, c, lang).replace("\n", ", ") for c in range(len(e.values))]
    cells.ticks(ax, e.values.shape, "y", names)
    cells.ticks(ax, e.values.shape, "x")
    ax.set_xlabel(say(lang, "unit"), fontsize=theme.SMALL, loc="left")
    drop = colour_bar(ax, colours, say(lang, "activation"), ticks, below=False)
    captions.head(ax, units.method(e, lang), summary(e, lang))
    captions.foot(ax, e, words, cells.several(e.values.shape, lang), drop=drop)
    return ax
