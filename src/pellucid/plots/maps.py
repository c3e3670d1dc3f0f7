"""maps: what each unit of a layer gives for one row, as a page of small maps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable

from pellucid.core.features import Features, Pixels
from pellucid.core.types import NpArray
from pellucid.results.maps import GradientMaps, Maps

from . import captions, labels, mosaic, units
from .canvas import colour_bar
from .inside_labels import say
from .mosaic import Sheet
from .registry import draws


def lacks_maps(e: Maps) -> str:
    """Why there are no maps; "" where some layer has them."""
    return "" if any(len(s) > 3 for s in e.shapes) else "none of its layers has height and width"


def planes_of(e: Maps, i: int, row: int) -> NpArray:
    """(units, height, width) one row of a layer; gradients with respect to an image are summed over its channels."""
    values = np.asarray(e.layer(i)[row], float)
    if isinstance(e, GradientMaps) and not e.wrt and isinstance(e.features, Pixels):
        axis = e.features.axis
        return values if axis is None else values.sum(axis + 1)
    if values.ndim == 2:
        return values[:, None]
    return values if values.ndim == 3 else values.reshape(len(values), -1, values.shape[-1])


def order(found: NpArray) -> NpArray:
    """Units by their largest |value| in this row, largest first."""
    return np.argsort(-np.abs(found).max((1, 2)), kind="stable")


def colours(found: NpArray) -> tuple[ScalarMappable, dict[float, str], str]:
    """One scale for all maps, the ticks of its bar, and where it ends: signed where any value is below zero."""
    limit = units.limit_of(found)
    if (found < 0).any():
        return units.signed_colours(limit), units.signed_ticks(limit or 1.0), "ends"
    return units.positive_colours(limit), units.positive_ticks(limit or 1.0), "ends_one"


def _sheet(found: NpArray, page: int, own: bool) -> Sheet:
    count = len(mosaic.paged(len(found), page)[1])
    shape = (found.shape[1], found.shape[2])
    return mosaic.sheet(count, shape, to=64, least=66 if own else 34, lines=1)


def _layer(e: Maps, layer: str | int | None) -> int:
    if layer is not None:
        return e.number(layer)
    return next(i for i, s in enumerate(e.shapes) if len(s) > 3)


def _size(e: Maps, how: Mapping[str, Any]) -> tuple[float, float]:
    found = planes_of(e, _layer(e, how["layer"]), units.row_of(e, how["row"]))
    return _sheet(found, how["page"], not how["same"]).inches


def _pages(e: Maps, how: Mapping[str, Any]) -> int:
    return math.ceil(e.counts[_layer(e, how["layer"])] / mosaic.PAGE)


@draws(Maps, Features, size=_size, lacks=lacks_maps, pages=_pages)
def maps(
    e: Maps,
    *,
    ax: Axes,
    lang: str = "en",
    layer: str | int | None = None,
    row: int = 0,
    page: int = 1,
    same: bool = True,
) -> Axes:
    """The maps of a layer for one row, the strongest first, all on one scale that is told by the colour bar.

    Orange is above zero and blue below where there are both; where nothing is below zero, darker is more. Units that
    give nothing but zeros come last and are marked. With `same=False` each map ends at its own largest |value|, which
    is written above it: shapes can then be seen, and strengths not compared.

    Args:
        e: maps of one or more layers.
        ax: where to draw.
        lang: language of the labels.
        layer: which layer, by name or number; None takes the first that has maps.
        row: which row.
        page: which page, from 1.
        same: whether all maps share one scale.
    """
    i, words, row = _layer(e, layer), labels.words(lang), units.row_of(e, row)
    found = planes_of(e, i, row)
    ranked = order(found)
    pages, shown = mosaic.paged(len(found), page)
    at = ranked[shown.start : shown.stop]
    mappable, ticks, ends = colours(found)
    peaks = np.abs(found).max((1, 2))
    tiles = found[at] if same else _stretched(found[at], peaks[at], units.limit_of(found))
    silent, sign = peaks[at] == 0, "±" if (found < 0).any() else ""
    names = e.unit_numbers if isinstance(e, GradientMaps) and e.unit_numbers else range(len(found))
    texts = [
        f"{names[k]}{' ×' if s else '' if same else f' {sign}{captions.number(float(peaks[k]))}'}"
        for k, s in zip(at.tolist(), silent, strict=True)
    ]
    mosaic.put(ax, _sheet(found, page, not same), units.coloured(mappable, tiles), texts, list(silent))
    limit, drop = units.limit_of(found), 0.0
    if same and limit:
        drop = colour_bar(ax, mappable, say(lang, units.counts(e)), ticks)
    said = say(lang, ends, limit=captions.number(limit), low="0", high=captions.number(limit))
    told = (said if limit else say(lang, "nothing")) if same else say(lang, "own_scales")
    which = ""
    if pages > 1:
        which = say(
            lang, "page", page=page, pages=pages, first=shown.start + 1, last=shown.stop, n=len(found)
        )
    quiet = say(lang, "silent", k=int((peaks == 0).sum()), n=len(found)) if (peaks == 0).any() else ""
    _titled(e, ax, i, row, found, lang)
    captions.foot(ax, e, words, which, told, quiet, units.another(e, i, lang), drop=drop)
    return ax


def _stretched(found: NpArray, peaks: NpArray, limit: float) -> NpArray:
    """Each map enlarged to the common limit."""
    return found / np.where(peaks > 0, peaks, 1)[:, None, None] * (limit or 1.0)


def _titled(e: Maps, ax: Axes, i: int, row: int, found: NpArray, lang: str) -> None:
    shape = f"{found.shape[1]}x{found.shape[2]}"
    of = say(lang, "maps", n=len(found), shape=shape)
    at = say(lang, "row", row=e.index[row] if e.index else row)
    summed = ""
    if isinstance(e, GradientMaps):
        wrt = e.wrt or say(lang, "the_input")
        summed = say(lang, "with_respect_to", wrt=wrt)
        if not e.wrt and isinstance(e.features, Pixels) and e.x.ndim == 4:
            channels = e.x.shape[1 + (e.features.axis or 0)]
            summed += f" · {labels.words(lang).summed.format(n=channels)}" if channels > 1 else ""
    captions.head(
        ax, units.method(e, lang), units.layer_line(e, i, of, at), summed or say(lang, "by_strength")
    )
