"""Many small pictures in one: where the tiles lie, how they are enlarged, what is written above them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.types import NpArray

from . import theme
from .canvas import bare
from .planes import DPI, NEAREST_BELOW

WIDTH = 760
"""Screen pixels that a page of tiles may be wide."""
TILE = 48
"""Screen pixels that the longer side of a tile is enlarged to, by whole numbers, where the tile is small."""
LARGEST_TILE = 120
"""Screen pixels that the longer side of a tile is reduced to, where the tile is large."""
LABEL = 13
"""Screen pixels of a line above a tile."""
GAP = 6
"""Screen pixels between tiles with labels."""
PAGE = 240
"""Tiles on a page."""


@dataclass(frozen=True)
class Sheet:
    """How the tiles of a page lie, in screen pixels.

    Attributes:
        count: how many.
        height, width: of a tile as it is drawn.
        across: tiles side by side.
        label: room above a tile.
        gap: room between tiles.
    """

    count: int
    height: int
    width: int
    across: int
    label: int = LABEL
    gap: int = GAP

    @property
    def lines(self) -> int:
        return math.ceil(self.count / self.across)

    @property
    def pixels(self) -> tuple[int, int]:
        """Height and width of the page."""
        high = self.lines * (self.height + self.label + self.gap) - self.gap
        return high, self.across * (self.width + self.gap) - self.gap

    @property
    def inches(self) -> tuple[float, float]:
        """Width and height of the page."""
        high, wide = self.pixels
        return wide / DPI, high / DPI

    def corner(self, k: int) -> tuple[int, int]:
        """Where the picture of tile k begins: pixels from the top, and from the left."""
        line, column = divmod(k, self.across)
        return (
            line * (self.height + self.label + self.gap) + self.label,
            column * (self.width + self.gap),
        )


def enlarged(height: int, width: int, to: int = TILE) -> tuple[int, int]:
    """Height and width that a tile is drawn with: enlarged by a whole number, or reduced."""
    longest = max(height, width)
    if longest > LARGEST_TILE:
        return max(1, round(height * LARGEST_TILE / longest)), max(1, round(width * LARGEST_TILE / longest))
    zoom = max(1, to // longest)
    return height * zoom, width * zoom


def sheet(
    count: int, shape: tuple[int, int], *, to: int = TILE, least: int = 0, lines: int = 1, wide: int = WIDTH
) -> Sheet:
    """The page for so many tiles of `shape` cells.

    Args:
        count: how many tiles.
        shape: height and width of a tile in cells.
        to: screen pixels of a tile's longer side.
        least: screen pixels that a tile's label needs.
        lines: of text above a tile.
        wide: screen pixels that the page may be wide.
    """
    height, width = enlarged(*shape, to=to)
    gap = GAP + max(0, least - width)
    fits = max(1, wide // (width + gap))
    square = max(1, math.ceil(math.sqrt(count * 1.6 * (height + LABEL) / (width + gap))))
    return Sheet(count, height, width, min(count, fits, square) or 1, LABEL * lines if lines else 0, gap)


def put(
    ax: Axes, page: Sheet, tiles: NpArray, labels: Sequence[str] = (), quiet: Sequence[bool] = ()
) -> None:
    """Draw tiles (count, h, w, 3 or 4), colours in 0..1, and what is written above them; quiet ones in grey."""
    high, wide = page.pixels
    pitch = (page.height + page.label + page.gap, page.width + page.gap)
    canvas = np.zeros((page.lines, page.across, *pitch, 4), np.float32)
    cells = canvas.reshape(-1, *pitch, 4)[: page.count]
    place = cells[:, page.label : page.label + page.height, : page.width]
    place[..., :3] = resized(tiles[..., :3], page.height, page.width)
    place[..., 3] = 1
    canvas = canvas.swapaxes(1, 2).reshape(page.lines * pitch[0], page.across * pitch[1], 4)[:high, :wide]
    ax.imshow(canvas, extent=(0, wide, high, 0), interpolation="nearest", aspect="equal")
    bare(ax)
    ax.patch.set_visible(False)
    for k, label in enumerate(labels):
        top, left = page.corner(k)
        ax.text(
            left,
            top - 2,
            label,
            fontsize=theme.SMALL,
            va="bottom",
            ha="left",
            linespacing=1.0,
            color=theme.QUIET if quiet and quiet[k] else theme.foreground(),
        )


def resized(tiles: NpArray, height: int, width: int) -> NpArray:
    """Tiles (count, h, w, c) at another size: cells repeated, or averaged where they are smaller."""
    h, w = tiles.shape[1:3]
    if height % h == 0 and width % w == 0:
        return tiles.repeat(height // h, 1).repeat(width // w, 2)
    if h > height and w > width and min(h, w) >= NEAREST_BELOW:
        rows, columns = (np.arange(n) * s // n for n, s in ((height, h), (width, w)))
        sums = np.add.reduceat(np.add.reduceat(tiles, rows, 1), columns, 2)
        cells = np.diff([*rows, h])[:, None, None] * np.diff([*columns, w])[None, :, None]
        return sums / cells
    rows = (np.arange(height) + 0.5) * h / height
    columns = (np.arange(width) + 0.5) * w / width
    return tiles[:, rows.astype(int)][:, :, columns.astype(int)]


def paged(count: int, page: int, size: int = PAGE) -> tuple[int, range]:
    """How many pages there are, and the tiles of one of them, counted from 1."""
    from pellucid.core.errors import ParameterError

    pages = max(1, math.ceil(count / size))
    if not 1 <= page <= pages:
        raise ParameterError(f"There is no page {page}.", fix=f"Choose 1..{pages}.")
    return pages, range((page - 1) * size, min(count, page * size))
