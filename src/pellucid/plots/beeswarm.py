"""beeswarm: the values of many rows, one strip of points per feature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from pellucid.core.features import Columns
from pellucid.core.types import NpArray
from pellucid.results import Attribution

from . import captions, labels, marks, theme
from .canvas import colour_bar, positive
from .labels import Words
from .registry import draws

RASTER_ABOVE = 2000
"""Points above which they are drawn as one picture within vector files."""
MANY = 8
"""Rows from which a table is drawn as a whole when the caller names no drawing."""
BINS = 120
"""Places along the axis where points pile up."""
THICK = 0.42
"""Half the thickness of a strip, in rows of the chart."""
ENDS = (5, 95)
"""Percentiles of a feature where its colours end, so that one outlier does not grey out the rest."""


def _lacks(e: Attribution) -> str:
    return "" if len(e) > 1 else "it has a single row"


def _names(e: Attribution) -> list[str]:
    names = e.features.names if isinstance(e.features, Columns) else ()
    return [captions.fold(captions.shortened(n), theme.LABEL, theme.BODY) for n in names]


def _size(e: Attribution, how: Mapping[str, Any]) -> tuple[float, float]:
    shown = [_names(e)[i] for i in _order(e)[: positive("top", how["top"])]]
    lines = max(1 + n.count("\n") for n in shown)
    return theme.CHART, max(1.6, len(shown) * max(0.38, marks.row_height(lines)))


def _order(e: Attribution) -> NpArray:
    """Features by mean |value|, largest first."""
    return np.argsort(-np.nan_to_num(np.abs(e.values)).mean(0), kind="stable")


@draws(Attribution, Columns, size=_size, lacks=_lacks, leads=lambda e: len(e) >= MANY)
def beeswarm(e: Attribution, *, ax: Axes, lang: str = "en", top: int = 10) -> Axes:
    """All rows of a table: a point per row and feature, at its value in the units of the explained output.

    Features are sorted by the mean size of their values. Colour is the feature's own value in that row, from its
    5th to its 95th percentile; missing values are grey. Where points crowd, they pile up to both sides of the strip:
    its thickness shows how many there are.

    Args:
        e: attributions of two or more rows of a table.
        ax: where to draw.
        lang: language of the labels.
        top: how many features are shown.
    """
    words, order = labels.words(lang), _order(e)
    shown, names = order[: positive("top", top)], _names(e)
    marks.rows(ax, [names[i] for i in shown])
    values = np.nan_to_num(np.asarray(e.values[:, shown], float))
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    margin = 0.03 * (high - low) or 1.0
    ax.set_xlim(low - margin, high + margin)
    raster = values.size > RASTER_ABOVE
    for y, column in enumerate(shown):
        _strip(ax, y, values[:, y], np.asarray(e.x[:, column], float), raster)
    ax.axvline(0, color=theme.PLAIN, lw=0.8, zorder=0)
    ax.set_xlabel(captions.axis(e, words), loc="left", fontsize=theme.BODY)
    _key(ax, words)
    captions.head(ax, captions.method(e, words), captions.about_rows(e, words, len(e)))
    left = len(order) - len(shown)
    missing = words.missing if np.isnan(np.asarray(e.x[:, shown], float)).any() else ""
    captions.foot(ax, e, words, words.more_features.format(n=left) if left else "", missing)
    return ax


def _strip(ax: Axes, y: int, values: NpArray, x: NpArray, raster: bool) -> None:
    known = np.isfinite(x)
    ends = np.percentile(x[known], ENDS) if known.any() else np.zeros(2)
    if ends[0] == ends[1] and known.any():
        ends = np.array([x[known].min(), x[known].max()])
    share = np.full(len(x), 0.5) if ends[0] == ends[1] else np.clip((x - ends[0]) / (ends[1] - ends[0]), 0, 1)
    colours = theme.LOW_HIGH(np.nan_to_num(share))
    colours[~known] = theme.missing()
    size = float(np.clip(2500 / len(values), 4, 16))
    places = y + piled(values, ax.get_xlim())
    ax.scatter(values, places, s=size, c=colours, linewidths=0, rasterized=raster, zorder=2)


def piled(values: NpArray, ends: tuple[float, float]) -> NpArray:
    """Offsets in -THICK..THICK: points of one bin lie above and below one another, in the order of the rows."""
    bins = np.floor((values - ends[0]) / (ends[1] - ends[0]) * BINS).astype(int)
    order = np.argsort(bins, kind="stable")
    first = np.searchsorted(bins[order], bins[order])
    rank = np.empty(len(values), int)
    rank[order] = np.arange(len(values)) - first
    side = np.where(rank % 2 == 1, 1, -1) * ((rank + 1) // 2)
    return side * min(0.09, THICK / max(1, int(np.abs(side).max(initial=0))))


def _key(ax: Axes, words: Words) -> None:
    """The colour bar of feature values: from low to high, since each feature has units of its own."""
    mappable = ScalarMappable(Normalize(0, 1), theme.LOW_HIGH)
    colour_bar(ax, mappable, words.feature_value, {0.0: words.low, 1.0: words.high}, below=False)
