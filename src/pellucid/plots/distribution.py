"""distribution: how the numbers of each layer are spread."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.results import Units

from . import captions, labels, marks, mosaic, theme, units
from .inside_labels import say
from .registry import draws

BINS = 121
"""An odd number, so that zero has a bin of its own."""
LAYERS = 24
"""Layers on a page."""
ROW = 0.46
"""Inches of a layer's row."""


def _size(e: Units, how: Mapping[str, Any]) -> tuple[float, float]:
    return theme.CHART, max(0.9, len(mosaic.paged(len(e.layers), how["page"], LAYERS)[1]) * ROW)


@draws(
    Units, Features, size=_size, pages=lambda e, how: math.ceil(len(e.layers) / LAYERS), leads=lambda e: False
)
def distribution(e: Units, *, ax: Axes, lang: str = "en", page: int = 1) -> Axes:
    """The numbers of each layer as a histogram, one below the other on one axis that is symmetric about zero.

    Each histogram is as high as its row at its own peak, so its area says nothing next to others. Mean and standard
    deviation are written beside it.

    Args:
        e: numbers of one or more layers.
        ax: where to draw.
        lang: language of the labels.
        page: which page of layers, from 1.
    """
    words = labels.words(lang)
    pages, shown = mosaic.paged(len(e.layers), page, LAYERS)
    limit = max(units.limit_of(e.layer(i)) for i in range(len(e.layers))) or 1.0
    edges = np.linspace(-limit, limit, BINS + 1)
    names, told = list[str](), list[str]()
    for row, i in enumerate(shown):
        values = e.layer(i).ravel().astype(float)
        counts, _ = np.histogram(values, edges)
        height = 0.8 * counts / max(counts.max(), 1)
        ax.stairs(row + 0.4 - height, edges, baseline=row + 0.4, fill=True, color=theme.RELIED)
        names.append(captions.shortened(e.layers[i], 40))
        told.append(
            say(
                lang,
                "spread",
                n=len(values),
                mean=captions.number(float(values.mean())),
                spread=captions.number(float(values.std())),
            )
        )
    marks.rows(ax, names)
    ax.set_xlim(-1.02 * limit, 1.02 * limit)
    ax.axvline(0, color=theme.PLAIN, lw=0.6, zorder=0)
    for row, text in enumerate(told):
        ax.annotate(
            text,
            (1, row),
            (6, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontsize=theme.SMALL,
            color=theme.QUIET,
            annotation_clip=False,
        )
    ax.set_xlabel(say(lang, units.counts(e)), loc="left", fontsize=theme.BODY)
    captions.head(ax, units.method(e, lang))
    which = ""
    if pages > 1:
        which = say(
            lang, "page", page=page, pages=pages, first=shown.start + 1, last=shown.stop, n=len(e.layers)
        )
    captions.foot(ax, e, words, say(lang, "share"), which)
    return ax
