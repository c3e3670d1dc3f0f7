"""kernels: the kernels of a convolution, in colour or one input channel beside the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from pellucid.core.features import Features
from pellucid.core.types import NpArray
from pellucid.results import KernelUnits

from . import captions, labels, mosaic, theme, units
from .canvas import colour_bar
from .inside_labels import say
from .mosaic import Sheet
from .planes import DPI
from .registry import draws

DOWN, ACROSS = 128, 64
"""Output and input channels on a page of deeper kernels."""
LINE = 11
"""Screen pixels of a line of numbers."""
NARROW, ROOMY = 10, 28
"""Screen pixels that a deeper kernel takes at least, and at most."""


def _tiled(e: KernelUnits, i: int) -> bool:
    """Whether a kernel is one picture: it has one input channel, or three as colours."""
    _, into, height, width = e.planes(i).shape
    return into == 1 or (into == 3 and height * width > 1)


def _pages(e: KernelUnits, how: Mapping[str, Any]) -> int:
    i = e.number(how["layer"])
    out, into = e.planes(i).shape[:2]
    if _tiled(e, i):
        return math.ceil(out / mosaic.PAGE)
    return math.ceil(out / DOWN) * math.ceil(into / ACROSS)


def _sheet(e: KernelUnits, i: int, page: int) -> Sheet:
    out, _, height, width = e.planes(i).shape
    if _tiled(e, i):
        shown = mosaic.paged(out, page)[1]
        return mosaic.sheet(len(shown), (height, width), to=36, least=30)
    _, rows, columns = _block(e, i, page)
    zoom = max(math.ceil(NARROW / max(height, width)), min(ROOMY, 520 // len(columns)) // max(height, width))
    gap = 3 if zoom * max(height, width) >= 20 else 1
    return Sheet(len(rows) * len(columns), height * zoom, width * zoom, len(columns), 0, gap)


def _block(e: KernelUnits, i: int, page: int) -> tuple[int, NpArray, NpArray]:
    """How many pages there are, and the output and input channels of one of them."""
    order, inputs = e.order(i), e.inputs_order(i)
    across = math.ceil(len(inputs) / ACROSS)
    pages, _ = mosaic.paged(math.ceil(len(order) / DOWN) * across, page, 1)
    down, right = divmod(page - 1, across)
    return (
        pages,
        order[down * DOWN : (down + 1) * DOWN],
        inputs[right * ACROSS : (right + 1) * ACROSS],
    )


def _size(e: KernelUnits, how: Mapping[str, Any]) -> tuple[float, float]:
    return _sheet(e, e.number(how["layer"]), how["page"]).inches


@draws(KernelUnits, Features, size=_size, pages=_pages)
def kernels(e: KernelUnits, *, ax: Axes, lang: str = "en", layer: str | int = 0, page: int = 1) -> Axes:
    """The kernels of a layer, ordered by norm, all on one scale that is symmetric about zero.

    Kernels of three input channels are colour pictures around mid grey; kernels of one are signed maps. Deeper ones
    form a table: a row per output channel, a column per input channel. Beyond 240 kernels (128 x 64 channels in a
    table) they go on over the page, and the picture says which page it is.

    Args:
        e: kernels of one or more layers.
        ax: where to draw.
        lang: language of the labels.
        layer: which layer, by name or number.
        page: which page, from 1.
    """
    i, words = e.number(layer), labels.words(lang)
    limit, sheet = units.limit_of(e.layer(i)), _sheet(e, i, page)
    if _tiled(e, i):
        ordered, told = say(lang, "by_norm"), _pictures(ax, e, i, page, sheet, limit, lang)
    else:
        ordered, told = say(lang, "both_by_norm"), _table(ax, e, i, page, sheet, limit, lang)
    colour = e.planes(i).shape[1] == 3 and _tiled(e, i)
    drop = _bar(ax, limit, lang, colour=colour, pictures=_tiled(e, i))
    shape = "x".join(map(str, e.layer(i).shape[1:]))
    first = units.layer_line(e, i, say(lang, "kernels", n=len(e.layer(i)), shape=shape))
    captions.head(ax, units.method(e, lang), first, ordered)
    key = "grey_is_zero" if colour else "ends"
    ends = say(lang, key, limit=captions.number(limit)) if limit else say(lang, "nothing")
    dead = say(lang, "dead_mark") if e.dead and e.dead[i] else ""
    captions.foot(ax, e, words, told, ends, dead, units.another(e, i, lang), drop=drop)
    return ax


def _bar(ax: Axes, limit: float, lang: str, *, colour: bool, pictures: bool) -> float:
    mappable = units.signed_colours(limit)
    if colour:
        mappable = ScalarMappable(Normalize(-(limit or 1.0), limit or 1.0), theme.GREYS)
    below = False if not pictures else None
    return colour_bar(ax, mappable, say(lang, "weight"), units.signed_ticks(limit or 1.0), below=below)


def _pictures(ax: Axes, e: KernelUnits, i: int, page: int, sheet: Sheet, limit: float, lang: str) -> str:
    """Kernels that are one picture each; gives the sentence about the page."""
    planes, order = e.planes(i), e.order(i)
    pages, shown = mosaic.paged(len(order), page)
    chosen = order[shown.start : shown.stop]
    if planes.shape[1] == 3:
        tiles = np.clip(0.5 + 0.5 * np.moveaxis(planes[chosen], 1, -1) / (limit or 1.0), 0, 1)
    else:
        tiles = units.coloured(units.signed_colours(limit), planes[chosen, 0])
    dead = set(e.dead[i]) if e.dead else set[int]()
    mosaic.put(
        ax,
        sheet,
        tiles,
        [f"{k} ×" if k in dead else str(k) for k in chosen.tolist()],
        [k in dead for k in chosen.tolist()],
    )
    if pages == 1:
        return ""
    return say(lang, "page", page=page, pages=pages, first=shown.start + 1, last=shown.stop, n=len(order))


def _table(ax: Axes, e: KernelUnits, i: int, page: int, sheet: Sheet, limit: float, lang: str) -> str:
    """Kernels with many input channels as a table of small maps; gives the sentence about the page."""
    planes = e.planes(i)
    pages, rows, columns = _block(e, i, page)
    block = planes[rows][:, columns].reshape(-1, *planes.shape[2:])
    mosaic.put(ax, sheet, units.coloured(units.signed_colours(limit), block))
    dead = set(e.dead[i]) if e.dead else set[int]()
    names = [f"{k} ×" if k in dead else str(k) for k in rows.tolist()]
    _numbered(ax, sheet, names, [str(k) for k in columns.tolist()])
    ax.set_ylabel(say(lang, "output_channel"), fontsize=theme.SMALL)
    ax.set_xlabel(say(lang, "input_channel"), fontsize=theme.SMALL, loc="left")
    if pages == 1:
        return ""
    across = math.ceil(planes.shape[1] / ACROSS)
    down, right = divmod(page - 1, across)
    return say(
        lang,
        "block",
        page=page,
        pages=pages,
        rows=f"{down * DOWN + 1}-{down * DOWN + len(rows)}",
        n=planes.shape[0],
        columns=f"{right * ACROSS + 1}-{right * ACROSS + len(columns)}",
        m=planes.shape[1],
    )


def _numbered(ax: Axes, sheet: Sheet, rows: list[str], columns: list[str]) -> None:
    """Numbers beside rows and under columns, as many as can be read; plain text, since ticks are slow to draw."""
    down, right = sheet.height + sheet.gap, sheet.width + sheet.gap
    longest = 7 * max(map(len, columns))
    upright = longest > right * math.ceil(LINE / right)
    every, across = math.ceil(LINE / down), math.ceil((LINE if upright else longest + 4) / right)
    bottom = sheet.pixels[0]
    look: dict[str, Any] = {"fontsize": theme.SMALL, "clip_on": False}
    for k in range(0, len(rows), every):
        ax.text(
            -4, sheet.corner(k * sheet.across)[0] + sheet.height / 2, rows[k], ha="right", va="center", **look
        )
    for k in range(0, len(columns), across):
        x, turn = sheet.corner(k)[1] + sheet.width / 2, 90 if upright else 0
        ax.text(x, bottom + 4, columns[k], ha="center", va="top", rotation=turn, **look)
    points = 72 / DPI
    ax.xaxis.labelpad = points * (4 + (longest if upright else LINE))
    ax.yaxis.labelpad = points * (6 + 7 * max(map(len, rows)))
