"""A table of numbers as coloured cells, with numbers or names along its sides."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable

from pellucid.core.types import NpArray

from . import theme
from .inside_labels import say
from .planes import DPI

ROWS, COLUMNS = 560, 720
"""Cells that are drawn at most; larger tables show, in each cell, the largest of several numbers."""
CELL = 18
"""Screen pixels of a cell at most."""


def cells(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Numbers per cell down and across, and screen pixels of a cell down and across."""
    down, across = math.ceil(shape[0] / ROWS), math.ceil(shape[1] / COLUMNS)
    rows, columns = math.ceil(shape[0] / down), math.ceil(shape[1] / across)
    tall = max(1, min(CELL, ROWS // rows))
    return down, across, tall, max(1, min(CELL, COLUMNS // columns, 2 * tall))


def inches(shape: tuple[int, ...]) -> tuple[float, float]:
    """Width and height that a table of so many rows and columns takes."""
    down, across, tall, wide = cells(shape)
    return (
        max(1.0, math.ceil(shape[1] / across) * wide / DPI),
        max(0.5, math.ceil(shape[0] / down) * tall / DPI),
    )


def show(ax: Axes, values: NpArray, colours: ScalarMappable) -> None:
    """Draw a table; a cell that stands for several numbers shows the one that is largest in size."""
    down, across, tall, wide = cells(values.shape)
    shown = _strongest(values, down, across)
    ax.imshow(
        shown,
        cmap=colours.get_cmap(),
        norm=colours.norm,  # type: ignore[arg-type]  # the stubs' Norm is a Normalize
        interpolation="nearest",
        aspect=tall / wide,
        extent=(-0.5, shown.shape[1] - 0.5, shown.shape[0] - 0.5, -0.5),
    )


def several(shape: tuple[int, ...], lang: str) -> str:
    """That a cell stands for several numbers; "" where it does not."""
    down, across, *_ = cells(shape)
    return say(lang, "pooled_cells", h=down, w=across) if down * across > 1 else ""


def _strongest(values: NpArray, down: int, across: int) -> NpArray:
    """Of each `down` x `across` weights the one that is largest in size."""
    if down * across == 1:
        return values
    rows, columns = (math.ceil(s / k) for s, k in zip(values.shape, (down, across), strict=True))
    full = np.zeros((rows * down, columns * across), values.dtype)
    full[: values.shape[0], : values.shape[1]] = values
    blocks = full.reshape(rows, down, columns, across).swapaxes(1, 2).reshape(rows, columns, -1)
    return np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)[..., 0]


def ticks(
    ax: Axes,
    shape: tuple[int, ...],
    axis: Literal["x", "y"],
    names: Sequence[str] = (),
    marked: Collection[int] = (),
) -> None:
    """Numbers or names along a side, as many as can be read, and every marked row."""
    down, across, tall, wide = cells(shape)
    n, each, pixels = (shape[0], down, tall) if axis == "y" else (shape[1], across, wide)
    room = 12 if axis == "y" or names else 8 * len(str(n)) + 8
    every = max(1, math.ceil(room * each / pixels))
    every = every if names else _round(every)
    near = 11 * each / pixels
    numbers = [k for k in range(0, n, every) if not any(0 < abs(k - d) < near for d in marked)]
    numbers = sorted({*numbers, *sorted(marked)[:40]})
    written = [f"{names[k] if names else k}{' ×' if k in marked else ''}" for k in numbers]
    (ax.set_yticks if axis == "y" else ax.set_xticks)(
        [k / each for k in numbers], written, fontsize=theme.SMALL
    )
    ax.tick_params(axis=axis, length=2, pad=2, rotation=90 if axis == "x" and names else 0)


def _round(step: float) -> int:
    """The next of 1, 2, 5, 10, 20, ..."""
    power = 10 ** math.floor(math.log10(max(step, 1)))
    return int(next(k * power for k in (1, 2, 5, 10) if k * power >= step))
