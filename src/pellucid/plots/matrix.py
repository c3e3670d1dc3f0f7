"""matrix: the weights of a layer as a signed map, a row per unit and a column per input."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.core.types import NpArray
from pellucid.results import WeightUnits

from . import captions, labels, theme, units
from .canvas import colour_bar
from .inside_labels import say
from .planes import DPI
from .registry import draws

ROWS, COLUMNS = 560, 720
"""Cells that are drawn at most; larger matrices show the largest weight of several."""
CELL = 18
"""Screen pixels of a cell at most."""


def _cells(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Weights per cell down and across, and screen pixels of a cell down and across."""
    down, across = math.ceil(shape[0] / ROWS), math.ceil(shape[1] / COLUMNS)
    rows, columns = math.ceil(shape[0] / down), math.ceil(shape[1] / across)
    tall = max(1, min(CELL, ROWS // rows))
    return down, across, tall, max(1, min(CELL, COLUMNS // columns, 2 * tall))


def _size(e: WeightUnits, how: Mapping[str, Any]) -> tuple[float, float]:
    shape = e.shapes[e.number(how["layer"])]
    down, across, tall, wide = _cells(shape)
    return (
        max(1.0, math.ceil(shape[1] / across) * wide / DPI),
        max(0.5, math.ceil(shape[0] / down) * tall / DPI),
    )


@draws(WeightUnits, Features, size=_size, pages=lambda e, how: 1)
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
    down, across, tall, wide = _cells(values.shape)
    limit = units.limit_of(values)
    colours = units.signed_colours(limit)
    shown = _strongest(values, down, across)
    ax.imshow(
        shown,
        cmap=theme.DIVERGING,
        vmin=-(limit or 1.0),
        vmax=limit or 1.0,
        interpolation="nearest",
        aspect=tall / wide,
        extent=(-0.5, shown.shape[1] - 0.5, shown.shape[0] - 0.5, -0.5),
    )
    dead = set(e.dead[i]) if e.dead else set[int]()
    outputs = e.outputs[i] if e.outputs else ()
    inputs = e.inputs[i] if e.inputs else ()
    _ticks(ax, (len(values), down), tall, "y", [captions.shortened(n, 24) for n in outputs], dead)
    _ticks(ax, (values.shape[1], across), wide, "x", [captions.shortened(n, 24) for n in inputs], set())
    ax.set_ylabel(say(lang, "unit"), fontsize=theme.SMALL)
    ax.set_xlabel(say(lang, "input"), fontsize=theme.SMALL, loc="left")
    drop = colour_bar(ax, colours, say(lang, "weight"), units.signed_ticks(limit or 1.0), below=False)
    counted = say(lang, "weights", n=values.shape[0], m=values.shape[1])
    captions.head(ax, units.method(e, lang), units.layer_line(e, i, counted))
    several = say(lang, "pooled", h=down, w=across) if down * across > 1 else ""
    ends = say(lang, "ends", limit=captions.number(limit)) if limit else say(lang, "nothing")
    mark = say(lang, "dead_mark") if dead else ""
    captions.foot(ax, e, words, several, ends, mark, units.another(e, i, lang), drop=drop)
    return ax


def _strongest(values: NpArray, down: int, across: int) -> NpArray:
    """Of each `down` x `across` weights the one that is largest in size."""
    if down * across == 1:
        return values
    rows, columns = (math.ceil(s / k) for s, k in zip(values.shape, (down, across), strict=True))
    full = np.zeros((rows * down, columns * across), values.dtype)
    full[: values.shape[0], : values.shape[1]] = values
    blocks = full.reshape(rows, down, columns, across).swapaxes(1, 2).reshape(rows, columns, -1)
    return np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)[..., 0]


def _ticks(
    ax: Axes,
    count: tuple[int, int],
    pixels: int,
    axis: Literal["x", "y"],
    names: Sequence[str],
    dead: set[int],
) -> None:
    """Numbers or names along an axis, as many as can be read, and every dead row."""
    n, each = count
    room = 12 if axis == "y" or names else 8 * len(str(n)) + 8
    every = max(1, math.ceil(room * each / pixels))
    every = every if names else _round(every)
    near = 11 * each / pixels
    numbers = [k for k in range(0, n, every) if not any(0 < abs(k - d) < near for d in dead)]
    numbers = sorted({*numbers, *sorted(dead)[:40]})
    written = [f"{names[k] if names else k}{' ×' if k in dead else ''}" for k in numbers]
    (ax.set_yticks if axis == "y" else ax.set_xticks)(
        [k / each for k in numbers], written, fontsize=theme.SMALL
    )
    ax.tick_params(axis=axis, length=2, pad=2, rotation=90 if axis == "x" and names else 0)


def _round(step: float) -> int:
    """The next of 1, 2, 5, 10, 20, ..."""
    power = 10 ** math.floor(math.log10(max(step, 1)))
    return int(next(k * power for k in (1, 2, 5, 10) if k * power >= step))
