"""patches: what each head of a layer reads of an image, from one position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from pellucid.core.features import Pixels
from pellucid.core.types import NpArray
from pellucid.results import AttentionMaps

from . import captions, labels, mosaic, theme, units
from .attention import about, colours, counted, number_of, squares, ticks
from .attention_labels import say
from .canvas import colour_bar
from .mosaic import Sheet
from .registry import draws

SIDE = 112
"""Screen pixels that an image's longer side is drawn with, about."""


def _lacks(e: AttentionMaps) -> str:
    return "" if e.x is not None and e.grid else "its positions are no patches of an image"


def _sheet(e: AttentionMaps, i: int) -> Sheet:
    image = planes_shape(e)
    return mosaic.sheet(1 + e.heads(i), image, to=SIDE, least=78)


def planes_shape(e: AttentionMaps) -> tuple[int, int]:
    """Height and width of the images."""
    if e.x is None or not isinstance(e.features, Pixels):
        return 1, 1
    return e.features.size(e.x.shape[1:])


def _size(e: AttentionMaps, how: Mapping[str, Any]) -> tuple[float, float]:
    return _sheet(e, e.number(how["layer"])).inches


@draws(AttentionMaps, Pixels, size=_size, lacks=_lacks)
def patches(
    e: AttentionMaps, *, ax: Axes, lang: str = "en", layer: str | int = -1, query: int = 0, row: int = 0
) -> Axes:
    """What each head of a layer reads of the image, from one position; the class token's where there is one.

    The image is lightened, and a patch is the darker the more is read there, on one square-root scale for all heads.
    What goes to tokens in front of the patches is written beside the head's number. The patch that reads is framed.

    Args:
        e: attention of one or more layers over the patches of an image.
        ax: where to draw.
        lang: language of the labels.
        layer: which layer, by name or number; the last without.
        query: the position that reads, tokens in front of the patches counted first.
        row: which row.
    """
    i, row, words = e.number(layer), number_of(e, "row", row, e.rows), labels.words(lang)
    found = squares(e, i, row)
    query = number_of(e, "query", query, found.shape[1])
    extra = e.extra(found.shape[2])
    cells = found[:, query, extra:].reshape(-1, *e.grid)
    limit, sheet = units.limit_of(cells), _sheet(e, i)
    heads = [say(lang, "head_n", k=k) if e.view == "heads" else "" for k in range(len(cells))]
    aside = [f" · {captions.number(float(w))}" if extra else "" for w in found[:, query, :extra].sum(1)]
    texts = [say(lang, "image"), *(h + a for h, a in zip(heads, aside, strict=True))]
    mosaic.put(ax, sheet, _tiles(e, row, cells, limit, sheet), texts)
    if query >= extra:
        _framed(ax, e, query - extra, sheet, len(cells))
    drop = colour_bar(ax, colours(limit), say(lang, counted(e)), ticks(limit), below=True)
    place = str(divmod(query - extra, e.grid[1])) if query >= extra else str(query)
    reading = say(lang, "from_patch" if query >= extra else "from_token", place=place)
    size = say(lang, "patches", h=e.grid[0], w=e.grid[1])
    captions.head(ax, units.method(e, lang), units.layer_line(e, i, size), about(e, lang, row))
    captions.foot(ax, e, words, reading, say(lang, "aside", n=extra) if extra else "", drop=drop)
    return ax


def _tiles(e: AttentionMaps, row: int, cells: NpArray, limit: float, sheet: Sheet) -> NpArray:
    """(1 + heads, height, width, 3): the image, and on it, lightened, what each head reads."""
    picture = (
        e.features.image(e.x[row])
        if isinstance(e.features, Pixels) and e.x is not None
        else np.ones((1, 1, 3))
    )
    picture = mosaic.resized(picture[None], sheet.height, sheet.width)[0]
    pale = theme.lightened(picture)[..., None]
    share = mosaic.resized(np.asarray(colours(limit).norm(cells))[..., None], sheet.height, sheet.width)
    opacity = theme.OVERLAY_OPACITY * share
    return np.concatenate(
        [picture[None], (1 - opacity) * pale + opacity * np.array(to_rgb(theme.SEQUENTIAL(1.0)))]
    )


def _framed(ax: Axes, e: AttentionMaps, patch: int, sheet: Sheet, count: int) -> None:
    """Mark the patch that reads on every tile."""
    down, right = divmod(patch, e.grid[1])
    high, wide = sheet.height / e.grid[0], sheet.width / e.grid[1]
    for k in range(count + 1):
        top, left = sheet.corner(k)
        ax.add_patch(
            Rectangle((left + right * wide, top + down * high), wide, high, fill=False, ec=theme.FOR, lw=1.4)
        )
