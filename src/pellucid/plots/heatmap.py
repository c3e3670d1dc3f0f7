"""heatmap: a row's values as a signed map of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from pellucid.core.features import Features, Pixels
from pellucid.results import Attribution

from . import captions, labels, planes, theme
from .canvas import bare, chosen, colour_bar
from .registry import draws
from .scale import CLIP, blank, scale


def _size(e: Attribution, how: Mapping[str, Any]) -> tuple[float, float]:
    height, width = planes.plane(e, 0).shape
    return planes.inches_for((height, width))


@draws(Attribution, Features, size=_size, lacks=planes.lacks_plane)
def heatmap(e: Attribution, *, ax: Axes, lang: str = "en", row: int = 0, clip: float = CLIP) -> Axes:
    """One row's values as a map: orange for the target, blue against it, near-white at zero.

    Channels (all axes but the last two, for arrays that are no images) are summed. The colour limits are
    symmetric; the largest values, which together hold the share `clip` of the total attribution, signs aside, take
    the end colours, and the picture says so. The colour bar counts in the units of the explained output.

    Args:
        e: attributions whose rows have a height and a width.
        ax: where to draw.
        lang: language of the labels.
        row: which row.
        clip: share of the total attribution beyond the colour limits; 0 clips nothing.
    """
    words, row = labels.words(lang), chosen(e, row)
    values = planes.plane(e, row)
    shape, limits = (values.shape[0], values.shape[1]), scale([values], clip)
    nothing = blank(values, planes.siblings(e), words)
    planes.show(ax, values * (not nothing), shape, limits)
    if isinstance(e.features, Pixels):
        bare(ax)
    else:
        ax.tick_params(labelsize=theme.SMALL)
        ax.locator_params(integer=True)
    drop = 0.0
    if nothing:
        planes.say(ax, nothing)
    else:
        drop = colour_bar(
            ax, limits.mappable, captions.axis(e, words, row), limits.ticks, extend=limits.clipped
        )
    captions.head(ax, captions.method(e, words), captions.about(e, row, words), planes.notes(e, row, words))
    told = "" if nothing else limits.told(words)
    captions.foot(ax, e, words, told, planes.stretched(shape, words), drop=drop)
    return ax
