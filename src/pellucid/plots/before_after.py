"""before_after: an image, the changed image that a model answers otherwise, and what is different between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.errors import ParameterError
from pellucid.core.features import Features, Pixels
from pellucid.core.types import NpArray
from pellucid.results import ChangedImages

from . import captions, labels, planes, theme
from .canvas import bare, colour_bar
from .image_change_labels import say
from .labels import Words
from .registry import draws
from .scale import CLIP, scale

THUMB = 210
"""Screen pixels of each picture."""
APART = 0.18
"""Inches between pictures."""
HEAD = 0.44
"""Inches above each, for two lines of text."""


def _number_of(e: ChangedImages, row: int | None, number: int) -> int:
    """The changed image that is drawn: that of an image, or the first there is."""
    if not len(e):
        raise ParameterError("Nothing was found, so there is nothing to draw.", fix="See e.status.")
    mine = e.of_row(int(e.of[0]) if row is None else row)
    if not mine:
        raise ParameterError(f"Nothing was found for row {row}.", got=e.status[row or 0])
    if not 0 <= number < len(mine):
        raise ParameterError(f"There is no answer {number}.", fix=f"Choose 0..{len(mine) - 1}.")
    return mine[number]


def _shape(e: ChangedImages) -> tuple[int, int]:
    if isinstance(e.features, Pixels):
        return e.features.size(e.x.shape[1:])
    return e.x.shape[-2], e.x.shape[-1]


def _size(e: ChangedImages, how: Mapping[str, Any]) -> tuple[float, float]:
    if not len(e):
        return theme.CHART, 0.8
    width, height = planes.inches_for(_shape(e), THUMB)
    return 3 * width + 2 * APART, height + HEAD


@draws(ChangedImages, Features, size=_size)
def before_after(
    e: ChangedImages, *, ax: Axes, lang: str = "en", row: int | None = None, number: int = 0
) -> Axes:
    """An image, the nearest changed image found, and the difference: orange where it is brighter, blue where darker.

    Args:
        e: changed images.
        ax: where to draw; the pictures are axes within these.
        lang: language of the labels.
        row: the caller's image; None takes the first that has an answer.
        number: which of its answers.
    """
    words = labels.words(lang)
    bare(ax)
    if not len(e):
        middle = {"ha": "center", "va": "center", "fontsize": theme.BODY, "transform": ax.transAxes}
        ax.text(0.5, 0.5, words.nothing_found, **middle)
        captions.head(ax, captions.method(e, words))
        captions.foot(ax, e, words)
        return ax
    m = _number_of(e, row, number)
    of, off = int(e.of[m]), e.plane(m)
    ax.patch.set_visible(False)
    boxes, limits = _boxes(ax), scale([off], CLIP)
    told = (
        (say(lang, "before"), _said(e.said[of], float(e.before[of]))),
        (say(lang, "after"), _said(e.label[m], float(e.after[m]))),
        (say(lang, "difference"), ""),
    )
    for box, image in zip(boxes, (e.x[of], e.values[m]), strict=False):
        planes.show_image(box, _picture(e, image, e.x[of]))
    planes.show(boxes[2], off, _shape(e), limits)
    for box, lines in zip(boxes, told, strict=True):
        bare(box)
        room = captions.inches(box)[0]
        box.set_title(
            "\n".join(captions.fold(line, room, theme.SMALL).split("\n")[0] for line in lines),
            loc="left", fontsize=theme.SMALL, pad=3,
        )  # fmt: skip
    for side in boxes[2].spines.values():
        side.set_visible(True)
        side.set_color(theme.ink(theme.LABEL_BACK))
        side.set_linewidth(0.4)
    drop = colour_bar(
        ax,
        limits.mappable,
        say(lang, "brighter" if off.size * len(e) == e.values.size else "summed"),
        limits.ticks,
        extend=limits.clipped,
        below=True,
    )
    captions.head(ax, captions.method(e, words), _about(e, of, words))
    captions.foot(ax, e, words, _small(e, m, lang), limits.told(words), drop=drop)
    return ax


def _picture(e: ChangedImages, image: NpArray, like: NpArray) -> NpArray:
    """An image to be shown, with the brightness of the image it is a change of."""
    if not isinstance(e.features, Pixels):
        low, high = float(like.min()), float(like.max())
        grey = np.clip((image - low) / (high - low or 1.0), 0, 1)
        return np.repeat(grey[..., None], 3, axis=-1)
    return e.features.image(image)


def _said(label: str, value: float) -> str:
    told = captions.number(value)
    return f"{captions.shortened(label, captions.TARGET)} ({told})" if label else told


def _about(e: ChangedImages, of: int, words: Words) -> str:
    return words.row.format(row=e.index[of] if e.index else of) if len(e.x) > 1 or e.index else ""


def _small(e: ChangedImages, m: int, lang: str) -> str:
    return say(
        lang, "code" if e.is_drawn else "regions", count=int(e.counts[m]), total=int(e.columns[m]),
        area=f"{100 * e.area(m):.0f}", metric=e.metric, distance=captions.number(float(e.distance[m])),
    )  # fmt: skip


def _boxes(ax: Axes) -> list[Axes]:
    """Three axes side by side."""
    wide, high = captions.inches(ax)
    one = (wide - 2 * APART) / 3
    return [
        ax.inset_axes((k * (one + APART) / wide, 0.0, one / wide, max(high - HEAD, 0.1) / high))
        for k in range(3)
    ]
