"""A figure of our own: axes of the size the data asks for, and a figure that grows around their labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from pellucid.core.errors import ParameterError
from pellucid.results import Explanation

from . import theme
from .captions import fold, inches


def own(size: tuple[float, float]) -> Axes:
    """Axes of `size` inches that fill a new figure, which pyplot knows nothing of."""
    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    return figure.add_axes((0, 0, 1, 1))


def wrap(ax: Axes) -> None:
    """Grow the figure of `own` around everything drawn, whole pixels only, so that nothing is cut off."""
    figure = cast(Figure, ax.figure)
    old, dpi = figure.get_size_inches(), figure.dpi
    tight = figure.get_tightbbox(FigureCanvasAgg(figure).get_renderer())
    left, bottom = (math.ceil((theme.PAD - low) * dpi) / dpi for low in (tight.x0, tight.y0))
    new = [
        math.ceil((high + gap + theme.PAD) * dpi) / dpi
        for high, gap in ((tight.x1, left), (tight.y1, bottom))
    ]
    figure.set_size_inches(new[0], new[1])
    corner = (left / new[0], bottom / new[1])
    ax.set_position(Bbox.from_bounds(*corner, old[0] / new[0], old[1] / new[1]))


def colour_bar(
    ax: Axes,
    mappable: ScalarMappable,
    label: str,
    ticks: Mapping[float, str],
    *,
    extend: bool = False,
    below: bool | None = None,
) -> float:
    """Hang a colour bar on the axes; how many inches it takes below them.

    It hangs outside, on the drawn box: our own figures grow around it, layout engines see it. Only among subplots
    without an engine does it need a part of the axes' place.

    Args:
        ax: what it belongs to.
        mappable: the colours.
        label: what they count in.
        ticks: value -> text.
        extend: whether values lie beyond its ends.
        below: under the axes and not beside them; None decides by their shape.
    """
    width, height = inches(ax)
    below = height < theme.LOW_AXES or width > 2 * height if below is None else below
    _make_room(ax, below=below)
    width, height = inches(ax)
    thick = theme.COLOUR_BAR
    if below:
        gap = theme.BAR_GAP + (theme.TICK_ROOM if len(ax.get_xticks()) else 0.0)
        box = (0, -(gap + thick) / height, 1, thick / height)
    else:
        gap = theme.BAR_GAP
        box = (1 + gap / width, 0, thick / width, 1)
    where = "horizontal" if below else "vertical"
    bar = ax.figure.colorbar(
        mappable,
        cax=ax.inset_axes(box),
        orientation=where,
        extend="both" if extend else "neither",
        extendfrac=0.02,
    )
    bar.outline.set_visible(False)  # type: ignore[operator]  # the stubs take the outline for a list
    bar.set_label(fold(label, max(width if below else height, 1.0), theme.SMALL), fontsize=theme.SMALL)
    bar.set_ticks(list(ticks), labels=list(ticks.values()))
    bar.ax.tick_params(labelsize=theme.SMALL, labelfontfamily=theme.families())
    return gap + thick + theme.BAR_LABELS if below else 0.0


def _make_room(ax: Axes, *, below: bool) -> None:
    place = ax.get_subplotspec()
    if place is None or ax.figure.get_layout_engine() is not None:
        return
    width, height = inches(ax)
    if below:
        taken = min(0.5, theme.BELOW_ROOM / height)
        ax.set_subplotspec(place.subgridspec(2, 1, height_ratios=[1 - taken, taken], hspace=0)[0])
    else:
        taken = min(0.5, theme.BESIDE_ROOM / width)
        ax.set_subplotspec(place.subgridspec(1, 2, width_ratios=[1 - taken, taken], wspace=0)[0])


def bare(ax: Axes) -> None:
    """No ticks and no frame, as pictures want it; labels stay."""
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)


def chosen(e: Explanation, row: int) -> int:
    """The number of a row that exists.

    Raises:
        ParameterError: there is no such row.
    """
    if not -len(e) <= row < len(e):
        raise ParameterError(f"There is no row {row}.", fix=f"Choose 0..{len(e) - 1}.")
    return row % len(e)


def positive(name: str, value: int) -> int:
    """An option that counts something.

    Raises:
        ParameterError: it is below one.
    """
    if value < 1:
        raise ParameterError(f"{name} must be 1 or more.", got=value)
    return value
