"""overlay: a row's values on its image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from pellucid.core.features import Pixels
from pellucid.results import Attribution

from . import captions, labels, planes
from .canvas import bare, chosen, colour_bar
from .labels import Words
from .registry import draws
from .scale import CLIP, Scale, blank, scale


def _size(e: Attribution, how: Mapping[str, Any]) -> tuple[float, float]:
    return planes.inches_for(planes.shape_of(e))


@draws(Attribution, Pixels, size=_size, lacks=planes.lacks_image)
def overlay(e: Attribution, *, ax: Axes, lang: str = "en", row: int = 0, clip: float = CLIP) -> Axes:
    """One row's values over its image: orange for the target, blue against it, transparent at zero.

    The image is drawn in light greys. Values on a coarser grid than the pixels (a CAM's) are drawn as the cells they
    are, cell edges on pixel edges, and the title counts them. Limits, clip and units are those of `heatmap`.

    Args:
        e: attributions of images, at the input or at a layer that keeps height and width.
        ax: where to draw.
        lang: language of the labels.
        row: which row.
        clip: share of the total attribution beyond the colour limits; 0 clips nothing.
    """
    words, row = labels.words(lang), chosen(e, row)
    limits, shape = scale([planes.plane(e, row)], clip), planes.shape_of(e)
    empty = on_image(ax, e, row, limits, planes.siblings(e), words)
    drop = 0.0
    if not empty:
        drop = colour_bar(
            ax, limits.mappable, captions.axis(e, words, row), limits.ticks, extend=limits.clipped
        )
    captions.head(ax, captions.method(e, words), captions.about(e, row, words), planes.notes(e, row, words))
    told = "" if empty else limits.told(words)
    captions.foot(ax, e, words, told, planes.stretched(shape, words), drop=drop)
    return ax


def on_image(ax: Axes, e: Attribution, row: int, limits: Scale, largest: float, words: Words) -> bool:
    """Draw a row's image and, unless it is blank beside the `largest` value, its map; whether it is blank."""
    values, shape = planes.plane(e, row), planes.shape_of(e)
    planes.show_image(ax, planes.picture(e, row), pale=True)
    nothing = blank(values, largest, words)
    if nothing:
        planes.say(ax, nothing)
    else:
        planes.show(ax, values, shape, limits, over=True)
    bare(ax)
    return bool(nothing)
