"""regions: the regions an image was hidden in, coloured by their whole values, the strongest outlined and numbered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from pellucid.core.features import Pixels
from pellucid.core.types import NpArray
from pellucid.results import Attribution

from . import captions, labels, planes, theme
from .canvas import bare, chosen, colour_bar, positive
from .parts_labels import say
from .registry import draws
from .scale import CLIP, blank, scale

LEAST = 0.02
"""A region below this share of the strongest is not numbered."""


def _lacks(e: Attribution) -> str:
    if e.regions is None or e.player_values is None:
        return "its image was not hidden region by region"
    return planes.lacks_image(e)


def _size(e: Attribution, how: Mapping[str, Any]) -> tuple[float, float]:
    return planes.inches_for(planes.shape_of(e))


@draws(Attribution, Pixels, size=_size, lacks=_lacks)
def regions(
    e: Attribution, *, ax: Axes, lang: str = "en", row: int = 0, top: int = 5, clip: float = CLIP
) -> Axes:
    """One row's regions over its image: orange for the target, blue against it, transparent at zero.

    A region has the colour of its whole value, so that a large one is no paler than a small one of the same worth. The
    strongest are outlined and numbered, and their values stand below. Limits, clip and units are those of `heatmap`.

    Args:
        e: attributions of images that were hidden region by region.
        ax: where to draw.
        lang: language of the labels.
        row: which row.
        top: how many regions are numbered.
        clip: share of the total attribution beyond the colour limits; 0 clips nothing.
    """
    words, row = labels.words(lang), chosen(e, row)
    places, values = _of(e, row)
    limits, shape = scale([values], clip), planes.shape_of(e)
    nothing, drop = blank(values, limits.peak, words), 0.0
    planes.show_image(ax, planes.picture(e, row), pale=True)
    strongest = _strongest(values, positive("top", top))
    if nothing:
        planes.say(ax, nothing)
    else:
        planes.show(ax, values[places], shape, limits, over=True)
        _outline(ax, places, theme.PALE, 0.6)
        for rank, region in reversed(list(enumerate(strongest, 1))):
            colour = theme.FOR if values[region] > 0 else theme.AGAINST
            _outline(ax, places == region, colour, 2.0)
            _number(ax, places == region, rank)
        drop = colour_bar(
            ax, limits.mappable, captions.axis(e, words, row), limits.ticks, extend=limits.clipped
        )
    bare(ax)
    told = ", ".join(f"{rank}: {captions.signed(float(values[k]))}" for rank, k in enumerate(strongest, 1))
    counted = say(lang, "regions", n=len(values))
    captions.head(ax, captions.method(e, words), captions.about(e, row, words), counted)
    captions.foot(ax, e, words, told, "" if nothing else limits.told(words), drop=drop)
    return ax


def _of(e: Attribution, row: int) -> tuple[NpArray, NpArray]:
    """(H, W) the region of each pixel, and the value of each region."""
    if e.regions is None or e.player_values is None:
        return np.zeros(planes.shape_of(e), int), np.zeros(1)
    places = e.regions[row]
    return places, np.nan_to_num(e.player_values[row][: int(places.max()) + 1])


def _strongest(values: NpArray, top: int) -> list[int]:
    order = np.argsort(-np.abs(values), kind="stable")[:top]
    return [int(k) for k in order if abs(values[k]) > LEAST * np.abs(values).max()]


def _outline(ax: Axes, places: NpArray, colour: str, width: float) -> None:
    """Lines along the edges between pixels of different regions."""
    down = np.argwhere(places[1:] != places[:-1])
    across = np.argwhere(places[:, 1:] != places[:, :-1])
    level = [[(x - 0.5, y + 0.5), (x + 0.5, y + 0.5)] for y, x in down]
    upright = [[(x + 0.5, y - 0.5), (x + 0.5, y + 0.5)] for y, x in across]
    ax.add_collection(LineCollection(level + upright, colors=colour, linewidths=width, capstyle="round"))


def _number(ax: Axes, here: NpArray, rank: int) -> None:
    """Write a rank at the pixel of a region that is furthest from its edge."""
    from scipy.ndimage import distance_transform_edt

    depth = np.asarray(distance_transform_edt(np.pad(here, 1)))[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    ax.text(
        float(x), float(y), str(rank), ha="center", va="center", fontsize=theme.SMALL, fontweight="bold",
        color=theme.ink(theme.LABEL_BACK), clip_on=True,
        bbox={"facecolor": theme.LABEL_BACK, "edgecolor": "none", "pad": 1.2, "alpha": 0.85},
    )  # fmt: skip
