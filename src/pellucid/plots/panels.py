"""Small axes within axes, line by line."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from . import captions

ACROSS = 3
WIDE, HIGH = 1.9, 1.35
"""Inches of one panel."""
APART = 0.22
"""Inches between panels beside each other."""


def size_of(count: int, under: float) -> tuple[float, float]:
    """Width and height in inches of so many panels with room `under` each."""
    across, down = min(count, ACROSS), math.ceil(count / ACROSS)
    return across * (WIDE + APART) - APART, down * (HIGH + under) - under


def panels(ax: Axes, count: int, under: float) -> list[Axes]:
    """Axes within the axes, line by line."""
    wide, high = captions.inches(ax)
    across, down = min(count, ACROSS), math.ceil(count / ACROSS)
    w = (wide - APART * (across - 1)) / across
    h = max((high - under * (down - 1)) / down, 0.2)
    boxes = [((k % across) * (w + APART), high - (k // across) * (h + under) - h) for k in range(count)]
    return [ax.inset_axes((x / wide, y / high, w / wide, h / high)) for x, y in boxes]
