"""attention: every head of every layer as a small square."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm

from pellucid.core.errors import ParameterError
from pellucid.core.features import Features
from pellucid.core.types import NpArray
from pellucid.results import AttentionMaps

from . import captions, labels, mosaic, theme, units
from .attention_labels import say
from .canvas import colour_bar
from .mosaic import Sheet
from .planes import DPI
from .registry import draws

DOWN, ACROSS = 16, 24
"""Layers and heads on a page."""
LARGE, MIDDLE, LEAST = 190, 132, 44
"""Screen pixels of a square, where there are few of them, where each layer has one, and where there are many."""


def number_of(e: AttentionMaps, what: str, asked: int, count: int) -> int:
    """A row, a head, a query or a window that exists.

    Raises:
        ParameterError: there is none of that number.
    """
    if not -count <= asked < count:
        raise ParameterError(f"There is no {what} {asked}.", fix=f"Choose 0..{count - 1}.")
    return asked % count


def squares(e: AttentionMaps, i: int, row: int, window: int = 0) -> NpArray:
    """(heads, queries, keys) one layer's weights for a row, without padding."""
    heads = e.heads(i)
    window = number_of(e, "window", window, e.windows[i])
    found = np.asarray(e.layer(i)[row, window * heads : (window + 1) * heads], float)
    for axis in (1, 2):
        if words := e.words(row, found.shape[axis]):
            found = found.compress([w != "" for w in words], axis)
    return found


def colours(limit: float) -> ScalarMappable:
    """Weights from 0 to the limit on a square-root scale: small ones are seen beside large ones."""
    return ScalarMappable(PowerNorm(0.5, 0.0, limit or 1.0), theme.SEQUENTIAL)


def ticks(limit: float) -> dict[float, str]:
    """What their bar writes."""
    return {s * (limit or 1.0): f"{s * limit:.2g}" for s in (0.0, 0.05, 0.25, 0.5, 1.0)}


def counted(e: AttentionMaps) -> str:
    """The key of what the numbers are."""
    return {"rollout": "carried", "gradient": "relevance"}.get(e.view, "weight")


def about(e: AttentionMaps, lang: str, row: int) -> str:
    """The view, the target where there is one, and the row where there are several."""
    view = "" if e.view == "heads" else say(lang, f"view_{e.view}")
    named = "of_number" if e.target.isdigit() else "of"
    target = say(lang, named, target=e.target) if e.target else ""
    return " · ".join(p for p in (view, target, say(lang, "row", row=row) if e.rows > 1 else "") if p)


def brief(names: tuple[str, ...]) -> tuple[list[str], str]:
    """Layer names without what they share, and what they share with a star in its place.

    >>> brief(("encoder.0.attn", "encoder.1.attn"))
    (['0', '1'], 'encoder.*.attn')
    """
    parts = [n.split(".") for n in names]
    shortest = min(map(len, parts))
    front = next((k for k in range(shortest) if len({p[k] for p in parts}) > 1), shortest - 1)
    back = next((k for k in range(shortest - front) if len({p[-1 - k] for p in parts}) > 1), 0)
    kept = [".".join(p[front : len(p) - back]) for p in parts]
    first = parts[0]
    return kept, ".".join([*first[:front], "*", *first[len(first) - back :]])


def _pages(e: AttentionMaps, how: Mapping[str, Any]) -> int:
    most = max(e.heads(i) for i in range(len(e.layers)))
    return math.ceil(len(e.layers) / DOWN) * math.ceil(most / ACROSS)


def _shown(e: AttentionMaps, page: int) -> tuple[range, range]:
    """Layers and heads of a page."""
    most = max(e.heads(i) for i in range(len(e.layers)))
    mosaic.paged(_pages(e, {}), page, 1)
    down, right = divmod(page - 1, math.ceil(most / ACROSS))
    return (
        range(down * DOWN, min((down + 1) * DOWN, len(e.layers))),
        range(right * ACROSS, min((right + 1) * ACROSS, most)),
    )


def _sheet(e: AttentionMaps, page: int) -> Sheet:
    layers, heads = _shown(e, page)
    if len(heads) == 1:  # layers side by side, each under its name
        return Sheet(len(layers), MIDDLE, MIDDLE, min(5, len(layers)))
    side = max(LEAST, min(LARGE, 760 // max(len(layers), len(heads))))
    return Sheet(len(layers) * len(heads), side, side, len(heads), 0, 8 if side > 80 else 4)


def _size(e: AttentionMaps, how: Mapping[str, Any]) -> tuple[float, float]:
    return _sheet(e, how["page"]).inches


@draws(AttentionMaps, Features, size=_size, pages=_pages)
def attention(
    e: AttentionMaps, *, ax: Axes, lang: str = "en", row: int = 0, page: int = 1, window: int = 0
) -> Axes:
    """Every head of every layer as a square: queries downwards, keys to the right, darker where more is read.

    All squares share one square-root scale. A vertical stripe is a place that everything reads, a diagonal one that
    each position reads itself or a neighbour.

    Args:
        e: attention of one or more layers.
        ax: where to draw.
        lang: language of the labels.
        row: which row.
        page: which page, from 1.
        window: which window, where a layer attends within windows.
    """
    row, words = number_of(e, "row", row, e.rows), labels.words(lang)
    layers, heads = _shown(e, page)
    sheet = _sheet(e, page)
    window = number_of(e, "window", window, max(e.windows[i] for i in layers))
    found = [
        squares(e, i, row, min(window, e.windows[i] - 1))[heads.start : heads.stop] for i in layers
    ]  # later layers of a network may have fewer windows
    limit = max((units.limit_of(f) for f in found if f.size), default=0.0)
    tiles = np.ones((sheet.count, sheet.height, sheet.width, 4))
    for k, part in enumerate(found):
        fitted = [_fitted(square, sheet.height) for square in part]
        at = k * len(heads)
        tiles[at : at + len(fitted)] = units.coloured(colours(limit), np.stack(fitted))
    names, shared = (
        brief(tuple(e.layers[i] for i in layers)) if len(layers) > 1 else ([""], e.layers[layers[0]])
    )
    mosaic.put(ax, sheet, tiles, [captions.shortened(n, 20) for n in names] if len(heads) == 1 else ())
    if len(heads) > 1:
        _numbered(ax, sheet, names, heads, lang)
    colour_bar(ax, colours(limit), say(lang, counted(e)), ticks(limit), below=False)
    sizes = {f.shape[1:] for f in found}
    size = say(lang, "sizes", q=found[0].shape[1], k=found[0].shape[2]) if len(sizes) == 1 else ""
    total = say(lang, "heads", layers=len(e.layers), heads=len(e))
    captions.head(ax, units.method(e, lang), f"{shared} · {total}", about(e, lang, row))
    pooled = say(lang, "pooled") if max(max(s) for s in sizes) > sheet.height else ""
    pages = _pages(e, {})
    cut = max(e.windows[i] for i in layers)
    captions.foot(
        ax,
        e,
        words,
        " · ".join(p for p in (say(lang, "lines"), size, pooled) if p),
        say(lang, "window", k=window, n=cut) if cut > 1 else "",
        say(lang, "page", page=page, pages=pages) if pages > 1 else "",
    )
    return ax


def _fitted(square: NpArray, side: int) -> NpArray:
    """(side, side): cells repeated, or the largest of each group where there are more cells than pixels."""
    for axis in (0, 1):
        count = square.shape[axis]
        if count > side:
            square = np.maximum.reduceat(square, np.arange(side) * count // side, axis)
        else:
            square = square.take((np.arange(side) * count) // side, axis)
    return square


def _numbered(ax: Axes, sheet: Sheet, names: list[str], heads: range, lang: str) -> None:
    """Layers beside their squares, heads under them."""
    look: dict[str, Any] = {"fontsize": theme.SMALL, "clip_on": False}
    for k, name in enumerate(names):
        y = sheet.corner(k * sheet.across)[0] + sheet.height / 2
        ax.text(-5, y, captions.shortened(name), ha="right", va="center", **look)
    for k, head in enumerate(heads):
        x = sheet.corner(k)[1] + sheet.width / 2
        ax.text(x, sheet.pixels[0] + 4, str(head), ha="center", va="top", **look)
    ax.set_xlabel(say(lang, "head"), fontsize=theme.SMALL, loc="left", labelpad=72 / DPI * 15)
    if len(names) > 1:
        longest = max(captions.width(captions.shortened(n), theme.SMALL) for n in names)
        ax.set_ylabel(say(lang, "layer"), fontsize=theme.SMALL, labelpad=72 * longest + 7)
