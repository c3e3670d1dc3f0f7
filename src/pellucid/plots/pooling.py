"""pooling: what went into a pooling layer beside what it gave, and which places it kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.core.types import NpArray
from pellucid.results import Maps

from . import captions, labels, mosaic, theme, units
from .canvas import colour_bar
from .inside_labels import say
from .maps import colours, order
from .mosaic import Sheet
from .registry import draws

PAGE = 24
"""Units on a page."""
SIDE = 96
"""Screen pixels that the longer side of a map is drawn with, at least."""
COARSE = 3
"""Screen pixels per cell from which on a dot leaves its neighbours to be seen."""
PAIR = 2
"""Screen pixels between the two of a pair."""


def _lacks(e: Maps) -> str:
    fits = any(s and len(s) == 4 for s in e.before_shapes)
    return "" if fits else "none of its layers pools maps"


def _layer(e: Maps, layer: str | int | None) -> int:
    if layer is not None:
        return e.number(layer)
    return next(i for i, s in enumerate(e.before_shapes) if s)


def _found(e: Maps, i: int, row: int) -> tuple[NpArray, NpArray, NpArray | None]:
    """(units, h, w) before and after, and which cells were kept, for one row."""
    found = e.pooled_from(i)
    after = np.asarray(e.layer(i)[row], float)
    if found is None:  # asked for by name: a layer that is no pooling
        return after, after, None
    before, kept = found
    return np.asarray(before[row], float), after, None if kept is None else kept[row]


def _sheet(shape: tuple[int, ...], page: int) -> Sheet:
    count = len(mosaic.paged(shape[0], page, PAGE)[1])
    height, width = mosaic.enlarged(shape[1], shape[2], SIDE)
    across = max(1, min(count, mosaic.WIDTH // (2 * width + PAIR + mosaic.GAP), 4))
    return Sheet(count, height, 2 * width + PAIR, across, gap=12)


def _size(e: Maps, how: Mapping[str, Any]) -> tuple[float, float]:
    row = units.row_of(e, how["row"])
    return _sheet(_found(e, _layer(e, how["layer"]), row)[0].shape, how["page"]).inches


def _pages(e: Maps, how: Mapping[str, Any]) -> int:
    return math.ceil(e.counts[_layer(e, how["layer"])] / PAGE)


@draws(Maps, Features, size=_size, lacks=_lacks, pages=_pages)
def pooling(
    e: Maps,
    *,
    ax: Axes,
    lang: str = "en",
    layer: str | int | None = None,
    row: int = 0,
    page: int = 1,
) -> Axes:
    """Each map before pooling and after it, on one scale, at one size; dots mark the places that were kept.

    Units follow the strength of their maps, the strongest first.

    Args:
        e: maps of one or more layers, some of them pooling.
        ax: where to draw.
        lang: language of the labels.
        layer: which pooling layer, by name or number; None takes the first.
        row: which row.
        page: which page of units, from 1.
    """
    i, words, row = _layer(e, layer), labels.words(lang), units.row_of(e, row)
    before, after, kept = _found(e, i, row)
    pages, shown = mosaic.paged(len(before), page, PAGE)
    at = order(before)[shown.start : shown.stop]
    mappable, ticks, ends = colours(np.concatenate([before.ravel(), after.ravel()])[None, None])
    sheet = _sheet(before.shape, page)
    width = (sheet.width - PAIR) // 2
    halves = [
        mosaic.resized(units.coloured(mappable, part[at]), sheet.height, width) for part in (before, after)
    ]
    gutter = np.ones((len(at), sheet.height, PAIR, 4))
    silent = np.asarray(~before[at].any((1, 2)))
    texts = [f"{k} ×" if s else str(k) for k, s in zip(at.tolist(), silent, strict=True)]
    mosaic.put(ax, sheet, np.concatenate([halves[0], gutter, halves[1]], 2), texts, list(silent))
    coarse = sheet.height >= COARSE * before.shape[1] and width >= COARSE * before.shape[2]
    if kept is not None and coarse:
        _dots(ax, sheet, [kept[k] for k in at[~silent]], np.flatnonzero(~silent), before.shape[1:], width)
    limit = units.limit_of(before)
    drop = colour_bar(ax, mappable, say(lang, "activation"), ticks) if limit else 0.0
    at_row = say(lang, "row", row=e.index[row] if e.index else row)
    shapes = " → ".join(f"{p.shape[1]}x{p.shape[2]}" for p in (before, after))
    captions.head(ax, units.method(e, lang), units.layer_line(e, i, shapes, at_row), say(lang, "pooling"))
    which = ""
    if pages > 1:
        which = say(
            lang, "page", page=page, pages=pages, first=shown.start + 1, last=shown.stop, n=len(before)
        )
    said = say(lang, ends, limit=captions.number(limit), low="0", high=captions.number(limit))
    quiet = say(lang, "silent", k=int((~before.any((1, 2))).sum()), n=len(before)) if silent.any() else ""
    chosen = say(lang, "not_kept" if kept is None else "kept" if coarse else "kept_fine")
    another = units.another(e, i, lang)
    captions.foot(
        ax, e, words, which, chosen, said if limit else say(lang, "nothing"), quiet, another, drop=drop
    )
    return ax


def _dots(
    ax: Axes, sheet: Sheet, kept: list[NpArray], tiles: NpArray, shape: tuple[int, ...], width: int
) -> None:
    """A dot at each place that was kept, in the left map of each pair."""
    if not kept:
        return
    down, right = sheet.height / shape[0], width / shape[1]
    xs, ys = list[NpArray](), list[NpArray]()
    for k, places in zip(tiles.tolist(), kept, strict=True):
        top, left = sheet.corner(k)
        row, column = np.divmod(places.ravel(), shape[1])
        ys.append(top + (row + 0.5) * down)
        xs.append(left + (column + 0.5) * right)
    size = max(1.0, min(down, right) * 0.3) ** 2
    ax.scatter(np.concatenate(xs), np.concatenate(ys), s=size, color=theme.LINE, linewidths=0, zorder=3)
