"""examples: the inputs that excite each unit of a layer most."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features, Pixels
from pellucid.results import ActivationUnits

from . import captions, labels, mosaic, theme, units
from .inside_labels import say
from .mosaic import Sheet
from .registry import draws

PAGE = 12
"""Units on a page."""
SIDE = 56
"""Screen pixels of a picture's longer side, at least."""


def _lacks(e: ActivationUnits) -> str:
    return "" if isinstance(e.features, Pixels) and e.x.ndim >= 3 else "its rows are no images"


def _chosen(e: ActivationUnits, how: Mapping[str, Any]) -> list[int]:
    """The units of a page."""
    i = e.number(how["layer"])
    asked = list(range(e.counts[i])) if how["of"] is None else list(how["of"])
    for unit in asked:
        e.unit(i, unit)
    shown = mosaic.paged(len(asked), how["page"], PAGE)[1]
    return asked[shown.start : shown.stop]


def _sheet(e: ActivationUnits, count: int) -> Sheet:
    features = e.features
    size = features.size(e.x.shape[1:]) if isinstance(features, Pixels) else (1, 1)
    height, width = mosaic.enlarged(*size, SIDE)
    across = e.top_rows.shape[1]
    return Sheet(count * across, height, width, across, gap=8)


def _size(e: ActivationUnits, how: Mapping[str, Any]) -> tuple[float, float]:
    return _sheet(e, len(_chosen(e, how))).inches


def _pages(e: ActivationUnits, how: Mapping[str, Any]) -> int:
    count = e.counts[e.number(how["layer"])] if how["of"] is None else len(how["of"])
    return math.ceil(count / PAGE)


@draws(ActivationUnits, Features, size=_size, lacks=_lacks, leads=lambda e: False, pages=_pages)
def examples(
    e: ActivationUnits,
    *,
    ax: Axes,
    lang: str = "en",
    layer: str | int = 0,
    of: Sequence[int] | None = None,
    page: int = 1,
) -> Axes:
    """A line per unit: the images with its largest values, the largest first, each with row and value above it.

    Args:
        e: statistics of one or more layers, of images.
        ax: where to draw.
        lang: language of the labels.
        layer: which layer, by name or number.
        of: which units; None takes all, page by page.
        page: which page, from 1.
    """
    i, words = e.number(layer), labels.words(lang)
    how = {"layer": layer, "of": of, "page": page}
    shown, one = _chosen(e, how), e[i]
    sheet = _sheet(e, len(shown))
    rows = one.top_rows[shown]
    pictures = np.stack([_picture(e, int(r)) for r in rows.ravel()])
    values = [captions.number(float(v)) for v in one.top_values[shown].ravel()]
    mosaic.put(ax, sheet, pictures, values)
    for k, unit in enumerate(shown):
        top = sheet.corner(k * sheet.across)[0] + sheet.height / 2
        mark = " ×" if one.dead[unit] else ""
        ax.text(-6, top, f"{unit}{mark}", ha="right", va="center", fontsize=theme.SMALL, clip_on=False)
    ax.set_ylabel(say(lang, "unit"), fontsize=theme.SMALL, labelpad=24)
    captions.head(
        ax,
        units.method(e, lang),
        units.layer_line(e, i, say(lang, "over_rows", n=e.rows)),
        say(lang, "examples"),
    )
    pages = _pages(e, how)
    count = e.counts[i] if of is None else len(of)
    first = (page - 1) * PAGE
    which = ""
    if pages > 1:
        which = say(lang, "page", page=page, pages=pages, first=first + 1, last=first + len(shown), n=count)
    dead = int(one.dead[shown].sum())
    marked = say(lang, "dead_units", k=dead) if dead else ""
    captions.foot(ax, e, words, which, marked, units.another(e, i, lang))
    return ax


def _picture(e: ActivationUnits, row: int) -> Any:
    """The image of a row; grey where it was not kept."""
    features = e.features
    if not isinstance(features, Pixels) or row not in e.shown:
        return np.full((*_size_of(e), 3), 0.8)
    return features.image(e.input_of(row))


def _size_of(e: ActivationUnits) -> tuple[int, int]:
    return e.features.size(e.x.shape[1:]) if isinstance(e.features, Pixels) else (1, 1)
