"""Signed bars with whiskers and written values, as `bar` and `waterfall` draw them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.types import NpArray

from . import theme
from .captions import inches, width


def signed_bars(ax: Axes, start: NpArray, values: NpArray, half: NpArray, pale: Sequence[bool]) -> None:
    """Bars from `start` to `start + values`, top to bottom, with whiskers at their ends where `half` is known."""
    place, ends = np.arange(len(values)), start + values
    bars = ax.barh(place, values, theme.BAR_THICKNESS, left=start, color=theme.sign_colours(values))
    for bar, is_pale in zip(bars, pale, strict=True):
        if is_pale:
            bar.set_alpha(theme.PALE_OPACITY)
    known = np.isfinite(half) & (half > 0)
    if known.any():
        whiskers(ax, ends[known], place[known], half[known])


def whiskers(ax: Axes, ends: NpArray, place: NpArray, half: NpArray) -> None:
    """Half-widths to both sides of the ends of bars."""
    ax.errorbar(ends, place, xerr=half, fmt="none", ecolor=theme.foreground(), lw=1, capsize=2.5)


def valued(ax: Axes, start: NpArray, values: NpArray, half: NpArray, texts: Sequence[str]) -> None:
    """Write each bar's text beyond its end and whisker: to the right of positive values, to the left of negative."""
    right = values >= 0
    tips = start + values + np.where(right, 1, -1) * np.nan_to_num(half)
    written(
        ax, (float(min(start.min(), tips.min())), float(max(start.max(), tips.max()))), tips, texts, right
    )


def written(
    ax: Axes, ends: tuple[float, float], tips: NpArray, texts: Sequence[str], right: NpArray | None = None
) -> None:
    """Write a text beside each tip, right of it unless told otherwise, in axes from end to end and room for it."""
    right = np.ones(len(tips), bool) if right is None else right
    low, high = ends if ends[0] < ends[1] else (ends[0] - 0.5, ends[1] + 0.5)
    span = high - low
    room, needs = inches(ax)[0], max(width(t, theme.SMALL) for t in texts) + 0.12
    sides = int(right.any()) + int((~right).any())
    pad = span * needs / max(room - sides * needs, room / 4)
    margin = 0.02 * span
    ax.set_xlim(low - (pad if (~right).any() else margin), high + (pad if right.any() else margin))
    for y, (tip, text, is_right) in enumerate(zip(tips, texts, right, strict=True)):
        ax.annotate(
            text,
            (tip, y),
            (4 if is_right else -4, 0),
            textcoords="offset points",
            ha="left" if is_right else "right",
            va="center",
            fontsize=theme.SMALL,
        )


def rows(ax: Axes, names: Sequence[str]) -> None:
    """One line of the chart per name, the first on top."""
    ax.set_yticks(np.arange(len(names)), names, fontsize=theme.BODY)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelsize=theme.SMALL)
    ax.locator_params(axis="x", nbins=6)
    ax.spines[["top", "right", "left"]].set_visible(False)


def row_height(lines: int) -> float:
    """Inches for a row of the chart whose name has so many lines."""
    return 0.16 + 0.15 * lines
