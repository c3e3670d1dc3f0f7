"""Rows of values as planes (H, W), and how planes and images are put on axes."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from pellucid.core.features import Pixels
from pellucid.core.types import NpArray
from pellucid.results import Attribution

from . import theme
from .captions import fold, inches
from .labels import Words
from .scale import Scale

ZOOM_TO = 380
"""Screen pixels that the longer side of an image is enlarged to, by whole numbers."""
DPI = 100
"""Screen pixels per inch that sizes are reckoned with."""
FLATTEST = 12
"""The longest sides of a drawn plane compared: a line of pixels is drawn thicker than it is."""
NEAREST_BELOW = 64
"""Planes with fewer cells than this a side are drawn cell by cell."""


def lacks_plane(e: Attribution) -> str:
    """Why the rows are no planes; "" where they are."""
    return "" if e.values.ndim >= 3 else "its rows have no height and width"


def lacks_image(e: Attribution) -> str:
    """Why the rows cannot lie on their images; "" where they can."""
    if why := lacks_plane(e):
        return why
    features = e.features
    if not isinstance(features, Pixels) or e.x.ndim != (3 if features.axis is None else 4):
        return "its input is no image"
    cells, pixels = plane(e, 0).shape, features.size(e.x.shape[1:])
    return "" if cells[0] <= pixels[0] and cells[1] <= pixels[1] else "its values are no cells of the image"


def plane(e: Attribution, row: int) -> NpArray:
    """One row's values as (H, W), channels summed."""
    values = np.nan_to_num(np.asarray(e.values[row], float))
    if values.ndim == 3 and isinstance(e.features, Pixels):
        return e.features.plane(values)
    return values.reshape(-1, *values.shape[-2:]).sum(0)


def siblings(e: Attribution) -> float:
    """The largest |value| among the planes of all rows."""
    return max((float(np.abs(plane(e, row)).max(initial=0.0)) for row in range(len(e))), default=0.0)


def picture(e: Attribution, row: int) -> NpArray:
    """One row's image, (H, W, 3) in 0..1."""
    if not isinstance(e.features, Pixels):
        return np.ones((*plane(e, row).shape, 3))
    return e.features.image(e.x[row])


def notes(e: Attribution, row: int, words: Words) -> str:
    """What a reader must know of a plane: its cells where they are not pixels, and what was summed."""
    shape, values = plane(e, row).shape, e.values[row]
    cells = words.cells.format(h=shape[0], w=shape[1])
    coarse = not isinstance(e.features, Pixels) or shape != e.features.size(e.x.shape[1:])
    count = values.size // (shape[0] * shape[1])
    summed = words.summed.format(n=count) if count > 1 else ""
    return ", ".join(p for p in (cells if coarse else "", summed) if p)


def shape_of(e: Attribution, row: int = 0) -> tuple[int, int]:
    """Height and width of what is drawn: the image's where there is one, the plane's elsewhere."""
    if isinstance(e.features, Pixels) and not lacks_image(e):
        return e.features.size(e.x.shape[1:])
    height, width = plane(e, row).shape
    return height, width


def stretch(shape: tuple[int, int]) -> float:
    """Height of a drawn pixel in its widths: 1 unless the plane is no more than a line."""
    height, width = shape
    if width > FLATTEST * height:
        return width / (FLATTEST * height)
    return FLATTEST * width / height if height > FLATTEST * width else 1.0


def stretched(shape: tuple[int, int], words: Words) -> str:
    """A sentence where pixels are not drawn square."""
    ratio = stretch(shape)
    if ratio == 1:
        return ""
    way = words.taller if ratio > 1 else words.wider
    return words.stretched.format(times=f"{max(ratio, 1 / ratio):.3g}", way=way)


def inches_for(shape: tuple[int, int], to: int = ZOOM_TO) -> tuple[float, float]:
    """Width and height in inches of a plane: a whole-number zoom where it is smaller than the screen space."""
    height, width = shape[0] * stretch(shape), shape[1]
    longest = max(height, width)
    zoom = max(1, round(to / longest)) if longest < 1.6 * to else to / longest
    if height * zoom > to * 1.6 or not math.isfinite(zoom):
        zoom = to / longest
    return width * zoom / DPI, height * zoom / DPI


def show(ax: Axes, values: NpArray, shape: tuple[int, int], scale: Scale, *, over: bool = False) -> AxesImage:
    """Put a plane on axes that span `shape` pixels, cell edges on pixel edges; `over` an image it is transparent."""
    height, width = shape
    return ax.imshow(
        values,
        cmap=theme.SIGNS if over else theme.DIVERGING,
        norm=scale.norm,
        alpha=scale.opacity(values) if over else None,
        interpolation="nearest"
        if max(values.shape) < NEAREST_BELOW or values.shape != shape
        else "antialiased",
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
        aspect=stretch(shape),
    )


def show_image(ax: Axes, image: NpArray, *, pale: bool = False) -> AxesImage:
    """Put an image on axes; `pale` in light greys, for a heat map to lie on."""
    shape = (image.shape[0], image.shape[1])
    return ax.imshow(
        theme.lightened(image) if pale else image,
        cmap=theme.GREYS,
        vmin=0,
        vmax=1,
        interpolation="nearest" if max(shape) < NEAREST_BELOW else "antialiased",
        aspect=stretch(shape),
    )


def say(ax: Axes, sentence: str) -> None:
    """Write a sentence across an empty picture, the smaller the smaller that is."""
    size = theme.SMALL if inches(ax)[0] > 2 else theme.TINY
    ax.text(
        0.5,
        0.5,
        fold(sentence, 0.9 * inches(ax)[0], size),
        transform=ax.transAxes,
        ha="center",
        va="center",
        fontsize=size,
        color=theme.ink(theme.LABEL_BACK),
        bbox={"facecolor": theme.LABEL_BACK, "edgecolor": "none", "pad": 3},
    )
