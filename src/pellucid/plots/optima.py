"""optima: the pictures that units want to see, beside the best example in the data, with their numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features, Pixels
from pellucid.results import Optima

from . import captions, labels, mosaic, theme, units
from .mosaic import Sheet
from .optima_labels import say
from .registry import draws

PAGE = 8
"""Objectives on a page."""
SIDE = 84
"""Screen pixels of a picture's longer side, at least."""
APART = 24
"""Screen pixels between pictures, which their numbers need where these are wider."""


def lacks_images(e: Optima) -> str:
    """Why a result cannot be drawn as pictures."""
    return "" if isinstance(e.features, Pixels) else "its rows are no images"


def page_of(e: Optima, page: int) -> list[int]:
    """The objectives on a page."""
    return list(mosaic.paged(len(e.objectives), page, PAGE)[1])


def pages_of(e: Optima, how: Mapping[str, Any]) -> int:
    """How many pages there are."""
    return math.ceil(len(e.objectives) / PAGE)


def _sheet(e: Optima, count: int) -> Sheet:
    size = e.features.size(e.examples.shape[1:]) if isinstance(e.features, Pixels) else (1, 1)
    height, width = mosaic.enlarged(*size, SIDE)
    if max(height, width) < SIDE:  # no whole enlargement gives that much
        zoom = math.ceil(SIDE / max(size))
        height, width = size[0] * zoom, size[1] * zoom
    across = e.pictures + 1
    return Sheet(count * across, height, width, across, 2 * mosaic.LABEL, APART)


def _size(e: Optima, how: Mapping[str, Any]) -> tuple[float, float]:
    return _sheet(e, len(page_of(e, how["page"]))).inches


@draws(Optima, Features, size=_size, lacks=lacks_images, pages=pages_of)
def optima(e: Optima, *, ax: Axes, lang: str = "en", page: int = 1) -> Axes:
    """A line per objective: the best example in the data, then each picture found, with its numbers above it.

    Args:
        e: inputs found by activation maximisation, of images.
        ax: where to draw.
        lang: language of the labels.
        page: which page of objectives, from 1.
    """
    words, shown = labels.words(lang), page_of(e, page)
    sheet, features = _sheet(e, len(shown)), e.features
    pictures, told = list[Any](), list[str]()
    for k in shown:
        tiles = [e.examples[k], *e.values[k]]
        pictures += [features.image(t) if isinstance(features, Pixels) else np.ones((1, 1, 3)) for t in tiles]
        told.append(f"{say(lang, 'row', row=int(e.best_row[k]))}\n{captions.number(float(e.best[k]))}")
        told += [numbers(e, k, r) for r in range(e.pictures)]
    mosaic.put(ax, sheet, np.stack(pictures), told, [j % sheet.across == 0 for j in range(len(told))])
    for line, k in enumerate(shown):
        middle = sheet.corner(line * sheet.across)[0] + sheet.height / 2
        ax.text(-8, middle, about(e, k, lang), ha="right", va="center", fontsize=theme.SMALL, clip_on=False)
    captions.head(ax, units.method(e, lang), summary(e, lang), say(lang, "left"))
    captions.foot(ax, e, words, which_page(e, page, shown, lang), key(e, lang), started(e, shown, lang))
    return ax


def numbers(e: Optima, k: int, r: int) -> str:
    """The numbers of one input: reached, under small moves, spectrum, neighbours."""
    steady, near = captions.number(float(e.steady[k, r])), f"{100 * e.neighbours[k, r]:.0f} %"
    spectrum = f"{e.spectrum[k, r]:.1f} σ · " if np.isfinite(e.spectrum[k, r]) else ""
    return f"{captions.number(float(e.reached[k, r]))} → {steady}\n{spectrum}{near}"


def about(e: Optima, k: int, lang: str) -> str:
    """The objective, and how far its restarts agree."""
    name = captions.fold(captions.shortened(e.objectives[k], 48), 1.6, theme.SMALL)
    if not np.isfinite(e.agreement[k]):
        return name
    signed = f"{e.agreement[k]:.2f}".replace("-", "\N{MINUS SIGN}")
    return f"{name}\n{say(lang, 'agreement', value=signed)}"


def summary(e: Optima, lang: str) -> str:
    """The layer, how many objectives and pictures, and how much data they are held against."""
    place = e.at or say(lang, "output")
    counts = "counts" if len(e.objectives) > 1 else "counted"
    return " · ".join(
        (place, say(lang, counts, n=len(e.objectives), m=e.pictures), say(lang, "data", n=e.rows))
    )


def key(e: Optima, lang: str) -> str:
    """What the numbers above a picture are."""
    if np.isfinite(e.usual_spectrum):
        return say(lang, "key_image", usual=f"{e.usual_spectrum:.1f}")
    return say(lang, "key")


def started(e: Optima, shown: list[int], lang: str) -> str:
    """Which climbs did not begin at noise."""
    found = list[str]()
    for how in ("example", "before"):
        mine = [captions.shortened(e.objectives[k], 16) for k in shown if e.started[k] == how]
        if mine and len(mine) == len(shown):
            found.append(say(lang, f"{how}_all"))
        elif mine:
            found.append(say(lang, how, names=", ".join(mine)))
    return " · ".join(found)


def which_page(e: Optima, page: int, shown: list[int], lang: str) -> str:
    """The page, where there are several."""
    pages = math.ceil(len(e.objectives) / PAGE)
    if pages == 1:
        return ""
    from .inside_labels import say as inside

    return inside(
        lang, "page", page=page, pages=pages, first=shown[0] + 1, last=shown[-1] + 1, n=len(e.objectives)
    )
