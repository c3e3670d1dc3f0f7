"""matrix: the weights of a layer as a signed map, a row per unit and a column per input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.results import WeightUnits

from . import captions, cells, labels, theme, units
from .canvas import colour_bar
from .inside_labels import say
from .registry import draws


def _size(e: WeightUnits, how: Mapping[str, Any]) -> tuple[float, float]:
    return cells.inches(e.shapes[e.number(how["layer"])])


@draws(WeightUnits, Features, size=_size)
def matrix(e: WeightUnits, *, ax: Axes, lang: str = "en", layer: str | int = 0) -> Axes:
    """The weights of one layer: orange above zero, blue below, near-white at zero, on a symmetric scale.

    Rows are the layer's units, columns its inputs, in their own order, by name where names are known; a dead row is
    marked with ×. A matrix of more cells than a screen has pixels shows, in each cell, the weight of several that is
    largest in size, and says of how many.

    Args:
        e: weights of one or more layers.
        ax: where to draw.
        lang: language of the labels.
        layer: which layer, by name or number.
    """
    i, words = e.number(layer), labels.words(lang)
    values = e.layer(i)
    limit = units.limit_of(values)
    colours = units.signed_colours(limit)
    cells.show(ax, values, colours)
    dead = set(e.dead[i]) if e.dead else set[int]()
    outputs, inputs = (names[i] if names else () for names in (e.outputs, e.inputs))
    cells.ticks(ax, values.shape, "y", [captions.shortened(n, 24) for n in outputs], dead)
    cells.ticks(ax, values.shape, "x", [captions.shortened(n, 24) for n in inputs])
    ax.set_ylabel(say(lang, "unit"), fontsize=theme.SMALL)
    ax.set_xlabel(say(lang, "input"), fontsize=theme.SMALL, loc="left")
    drop = colour_bar(ax, colours, say(lang, "weight"), units.signed_ticks(limit or 1.0), below=False)
    counted = say(lang, "weights", n=values.shape[0], m=values.shape[1])
    captions.head(ax, units.method(e, lang), units.layer_line(e, i, counted))
    ends = say(lang, "ends", limit=captions.number(limit)) if limit else say(lang, "nothing")
    mark = say(lang, "dead_mark") if dead else ""
    several = cells.several(values.shape, lang)
    captions.foot(ax, e, words, several, ends, mark, units.another(e, i, lang), drop=drop)
    return ax
