"""linearity and effective: how nearly linear each layer is, and the whole network as a linear map at one row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Columns, Features, Pixels
from pellucid.core.types import NpArray
from pellucid.results import LinearUnits

from . import captions, cells, labels, marks, mosaic, theme, units
from .canvas import colour_bar
from .inside_labels import say
from .mosaic import Sheet
from .registry import draws


def _size(e: LinearUnits, how: Mapping[str, Any]) -> tuple[float, float]:
    return theme.CHART, max(0.9, len(e.layers) * marks.row_height(1))


@draws(LinearUnits, Features, size=_size)
def linearity(e: LinearUnits, *, ax: Axes, lang: str = "en") -> Axes:
    """R² of the best single linear map of each layer, on rows it was not fitted to; 1 is a linear layer.

    Below zero the map is worse than the mean; such bars end at the edge and keep their number.

    Args:
        e: layers as linear maps.
        ax: where to draw.
        lang: language of the labels.
    """
    words = labels.words(lang)
    names = [
        f"{captions.shortened(n, 30)} · {captions.shortened(k, 16)}"
        for n, k in zip(e.layers, e.kinds, strict=True)
    ]
    marks.rows(ax, names)
    shown = np.clip(e.values, -0.25, 1)
    colours = [theme.RELIED if v >= 0 else theme.DOUBTFUL for v in e.values]
    ax.barh(np.arange(len(shown)), shown, theme.BAR_THICKNESS, color=colours)
    for k, value in enumerate(e.values):
        text = f"{captions.number(float(value))}{' *' if e.single[k] else ''}"
        tip = (max(float(shown[k]), 0), k)
        ax.annotate(text, tip, (4, 0), textcoords="offset points", va="center", fontsize=theme.SMALL)
    ax.set_xlim(min(0.0, float(shown.min())), 1.16)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
    ax.axvline(0, color=theme.PLAIN, lw=0.8)
    ax.set_xlabel(say(lang, "r2"), loc="left", fontsize=theme.BODY)
    captions.head(ax, units.method(e, lang), say(lang, "fitted", n=e.fitted, held=e.held))
    captions.foot(ax, e, words, say(lang, "entrywise") if any(e.single) else "")
    return ax


def _sheet(e: LinearUnits) -> Sheet:
    return mosaic.sheet(len(e.effective), _planes(e).shape[1:3], to=96, least=80)  # type: ignore[arg-type]


def _planes(e: LinearUnits) -> NpArray:
    """(outputs, height, width) the effective weights, summed over colours."""
    axis = e.features.axis if isinstance(e.features, Pixels) else None
    return e.effective if axis is None else e.effective.sum(axis + 1)


def _effective_size(e: LinearUnits, how: Mapping[str, Any]) -> tuple[float, float]:
    if isinstance(e.features, Pixels):
        return _sheet(e).inches
    return cells.inches((len(e.effective), int(np.prod(e.effective.shape[1:]))))


@draws(LinearUnits, Features, size=_effective_size, leads=lambda e: False)
def effective(e: LinearUnits, *, ax: Axes, lang: str = "en") -> Axes:
    """The whole network as a linear map at one row: the weights of every output, all on one scale.

    Args:
        e: layers as linear maps.
        ax: where to draw.
        lang: language of the labels.
    """
    words = labels.words(lang)
    names = [e.classes[k] if k < len(e.classes) else str(k) for k in range(len(e.effective))]
    values = [captions.number(float(v)) for v in e.outputs]
    summed = ""
    if isinstance(e.features, Pixels):
        found = _planes(e)
        limit = units.limit_of(found)
        colours, sheet = units.signed_colours(limit), _sheet(e)
        texts = [f"{captions.shortened(n, 10)} ({v})" for n, v in zip(names, values, strict=True)]
        mosaic.put(ax, sheet, units.coloured(colours, found), texts)
        channels = e.effective.size // max(1, found.size)
        summed = words.summed.format(n=channels) if channels > 1 else ""
    else:
        found = e.effective.reshape(len(e.effective), -1)
        limit = units.limit_of(found)
        colours = units.signed_colours(limit)
        cells.show(ax, found, colours)
        columns = e.features.names if isinstance(e.features, Columns) else ()
        cells.ticks(ax, found.shape, "y", [captions.shortened(n, 24) for n in names])
        cells.ticks(ax, found.shape, "x", [captions.shortened(n, 24) for n in columns])
    drop = colour_bar(ax, colours, say(lang, "weight"), units.signed_ticks(limit or 1.0), below=False)
    about = say(lang, "effective", row=e.row)
    captions.head(ax, units.method(e, lang), about, summed)
    ends = say(lang, "ends", limit=captions.number(limit)) if limit else say(lang, "nothing")
    captions.foot(ax, e, words, ends, drop=drop)
    return ax
