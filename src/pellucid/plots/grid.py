"""grid: several images, each beside its overlay."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from pellucid.core.features import Pixels
from pellucid.results import Attribution

from . import captions, labels, planes, theme
from .canvas import bare, chosen, colour_bar
from .labels import Words
from .overlay import on_image
from .registry import draws
from .scale import CLIP, Scale, scale

FIRST = 8
"""Rows drawn when the caller names none."""
ACROSS = 4
"""Pairs side by side."""
THUMB = 130
"""Screen pixels of an image in the grid."""
HEAD = 0.36
"""Inches above each pair, for two lines of text."""
UNDER = 0.18
"""Inches below each pair, where each map has a scale of its own."""
APART = 0.16
"""Inches between pairs."""


def _rows(e: Attribution, rows: Sequence[int] | None) -> list[int]:
    return [chosen(e, row) for row in (range(min(FIRST, len(e))) if rows is None else rows)]


def _layout(count: int) -> tuple[int, int]:
    """Lines and pairs across."""
    across = min(count, ACROSS)
    return math.ceil(count / across), across


def _size(e: Attribution, how: Mapping[str, Any]) -> tuple[float, float]:
    lines, across = _layout(len(_rows(e, how["rows"])))
    width, height = planes.inches_for(planes.shape_of(e), THUMB)
    under = 0.0 if how["same"] else UNDER
    return across * (2 * width + theme.GUTTER + APART) - APART, lines * (height + HEAD + under)


@draws(Attribution, Pixels, size=_size, lacks=planes.lacks_image)
def grid(
    e: Attribution,
    *,
    ax: Axes,
    lang: str = "en",
    rows: Sequence[int] | None = None,
    same: bool = True,
    clip: float = CLIP,
) -> Axes:
    """Several images, each beside its values as `overlay` draws them, in the order of the rows.

    All maps share one scale, so that a weak map looks weak; one below a millionth of the strongest is left blank and
    says why. With `same=False` each map has its own limits, written beneath it.

    Args:
        e: attributions of images.
        ax: where to draw; the pairs are axes within these.
        lang: language of the labels.
        rows: which rows; None takes the first eight.
        same: whether all maps share one scale.
        clip: share of the total attribution beyond the colour limits; 0 clips nothing.
    """
    words, shown = labels.words(lang), _rows(e, rows)
    shared = scale([planes.plane(e, row) for row in shown], clip)
    bare(ax)
    ax.patch.set_visible(False)
    largest = planes.siblings(e)
    for (left, right), row in zip(_pairs(ax, len(shown), same), shown, strict=True):
        limits = shared if same else scale([planes.plane(e, row)], clip)
        _pair(left, right, e, row, (limits, largest), words, own=not same)
    told, drop = "", 0.0
    if same and shared.peak > 0:
        drop = colour_bar(ax, shared.mappable, captions.axis(e, words), shared.ticks, extend=shared.clipped)
        told = shared.told(words)
    about = captions.about_rows(e, words, len(shown))
    captions.head(ax, captions.method(e, words), about, planes.notes(e, shown[0], words))
    captions.foot(ax, e, words, told, planes.stretched(planes.shape_of(e), words), drop=drop)
    return ax


def _pairs(ax: Axes, count: int, same: bool) -> list[tuple[Axes, Axes]]:
    """Two axes per row of the result, line by line."""
    wide, high = captions.inches(ax)
    lines, across = _layout(count)
    one = (wide - APART * (across - 1)) / across
    thumb, tall = (one - theme.GUTTER) / 2, high / lines
    under = 0.0 if same else UNDER
    pairs: list[tuple[Axes, Axes]] = []
    for k in range(count):
        x, y = (k % across) * (one + APART), high - (k // across + 1) * tall + under
        boxes = [
            (x, y, thumb, tall - HEAD - under),
            (x + thumb + theme.GUTTER, y, thumb, tall - HEAD - under),
        ]
        left, right = (
            ax.inset_axes((a / wide, b / high, w / wide, max(h, 0.1) / high)) for a, b, w, h in boxes
        )
        pairs.append((left, right))
    return pairs


def _pair(
    left: Axes, right: Axes, e: Attribution, row: int, look: tuple[Scale, float], words: Words, *, own: bool
) -> None:
    limits, largest = look
    planes.show_image(left, planes.picture(e, row))
    bare(left)
    empty = on_image(right, e, row, limits, largest, words)
    room = 2 * captions.inches(left)[0] + theme.GUTTER
    lines = captions.fold(captions.about(e, row, words), room, theme.TINY).split("\n")
    left.set_title("\n".join(lines[:2]), loc="left", fontsize=theme.TINY, pad=2)
    if own and not empty:
        right.set_xlabel(
            words.own_scale.format(limit=captions.number(limits.limit)), fontsize=theme.TINY, labelpad=1
        )
