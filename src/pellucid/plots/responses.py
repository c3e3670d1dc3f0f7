"""responses: what the units of a layer without height and width give, a line per row of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Columns, Features
from pellucid.core.types import NpArray
from pellucid.results import GradientMaps, Maps

from . import captions, cells, labels, theme, units
from .canvas import colour_bar
from .inside_labels import say
from .maps import colours, lacks_maps
from .registry import draws


def _lacks(e: Maps) -> str:
    return "" if any(len(s) <= 3 for s in e.shapes) else "its layers have height and width: draw their maps"


def _layer(e: Maps, layer: str | int | None) -> int:
    return e.number(layer) if layer is not None else next(i for i, s in enumerate(e.shapes) if len(s) <= 3)


def _table(e: Maps, i: int, row: int) -> NpArray:
    """Rows of the data by units; for gradients and tokens, units by what they stand over, of one row."""
    values = np.asarray(e.layer(i), float)
    return values if values.ndim == 2 else values[row].reshape(values.shape[1], -1)


def _size(e: Maps, how: Mapping[str, Any]) -> tuple[float, float]:
    return cells.inches(_table(e, _layer(e, how["layer"]), units.row_of(e, how["row"])).shape)


@draws(Maps, Features, size=_size, lacks=_lacks, leads=lambda e: bool(lacks_maps(e)))
def responses(e: Maps, *, ax: Axes, lang: str = "en", layer: str | int | None = None, row: int = 0) -> Axes:
    """A table of activations: a line per row of the data and a column per unit, or, for one row, a line per unit.

    Units without places (dense layers) are shown for all rows at once. Tokens, and gradients with respect to a
    table's columns, are shown for one row, a line per unit. Orange is above zero and blue below where there are both.

    Args:
        e: activations or gradients of one or more layers.
        ax: where to draw.
        lang: language of the labels.
        layer: which layer, by name or number; None takes the first without height and width.
        row: which row, where one is shown.
    """
    i, words, row = _layer(e, layer), labels.words(lang), units.row_of(e, row)
    found = _table(e, i, row)
    mappable, ticks, ends = colours(found[None])
    cells.show(ax, found, mappable)
    whole = len(e.shapes[i]) == 2
    silent = np.flatnonzero(~found.any(0 if whole else 1)).tolist()
    columns = e.features.names if isinstance(e.features, Columns) and not whole else ()
    named = columns if len(columns) == found.shape[1] and isinstance(e, GradientMaps) and not e.wrt else ()
    cells.ticks(ax, found.shape, "y", marked=() if whole else silent)
    cells.ticks(ax, found.shape, "x", [captions.shortened(n, 24) for n in named])
    ax.set_ylabel(say(lang, "row_axis" if whole else "unit"), fontsize=theme.SMALL)
    ax.set_xlabel(say(lang, "unit" if whole else "input"), fontsize=theme.SMALL, loc="left")
    limit = units.limit_of(found)
    drop = colour_bar(ax, mappable, say(lang, units.counts(e)), ticks, below=False)
    if whole:
        told = say(lang, "rows_of_units", n=found.shape[0], m=found.shape[1])
    else:
        told = say(lang, "row", row=e.index[row] if e.index else row)
    captions.head(ax, units.method(e, lang), units.layer_line(e, i, told))
    said = say(lang, ends, limit=captions.number(limit), low="0", high=captions.number(limit))
    quiet = say(lang, "silent", k=len(silent), n=e.counts[i]) if silent else ""
    several = cells.several(found.shape, lang)
    another = units.another(e, i, lang)
    captions.foot(ax, e, words, several, said if limit else say(lang, "nothing"), quiet, another, drop=drop)
    return ax
