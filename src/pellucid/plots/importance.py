"""importance: what a model relies on, with every repeat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.core.types import NpArray
from pellucid.results import Importance

from . import captions, labels, marks, theme
from .canvas import positive
from .labels import Words
from .registry import draws

EITHER = 0.3
"""A column whose correlation with its effect is smaller pushes both ways."""
BESIDE = 0.2
"""Dots lie this far below the whisker, in rows of the chart."""


def _names(e: Importance) -> list[str]:
    return [captions.fold(captions.shortened(n), theme.LABEL, theme.BODY) for n in e.names]


def _size(e: Importance, how: Mapping[str, Any]) -> tuple[float, float]:
    shown = [_names(e)[i] for i in e.order[: positive("top", how["top"])]]
    lines = max(1 + n.count("\n") for n in shown)
    return theme.CHART, max(0.8, len(shown) * (marks.row_height(lines) - 0.05))


@draws(Importance, Features, size=_size)
def importance(e: Importance, *, ax: Axes, lang: str = "en", top: int = 30) -> Axes:
    """How much the model relies on each column, in units of the score, most important first.

    Bars are means over the repeats, whiskers their 95 % half-widths, faint dots the single repeats. A bar whose
    interval includes zero is pale and says so: there may be nothing.

    Args:
        e: importance of the columns of a table.
        ax: where to draw.
        lang: language of the labels.
        top: how many columns are shown.
    """
    words = labels.words(lang)
    shown, names = e.order[: positive("top", top)], _names(e)
    values = np.nan_to_num(np.asarray(e.values[shown], float))
    half = _half(e, shown)
    known = np.isfinite(half)
    doubtful = known & (np.abs(values) <= np.where(known, half, 0.0))
    place = np.arange(len(shown))
    marks.rows(ax, [names[i] for i in shown])
    colours = [theme.DOUBTFUL if d else theme.RELIED for d in doubtful]
    ax.barh(place, values, theme.BAR_THICKNESS, color=colours)
    _repeats(ax, e, shown)
    marks.whiskers(ax, values[known], place[known], half[known])
    texts = [
        captions.number(v) + (f" ({words.crosses})" if d else "") + _arrow(e, int(k))
        for v, d, k in zip(values, doubtful, shown, strict=True)
    ]
    low, high = _reach(e, shown, half)
    marks.written(ax, (float(low.min()), float(high.max())), high, texts)
    ax.axvline(0, color=theme.PLAIN, lw=0.8)
    ax.set_xlabel(
        words.importance.format(score=e.score or words.space(e.space)), loc="left", fontsize=theme.BODY
    )
    captions.head(ax, captions.method(e, words), _measured(e, words))
    _small_print(ax, e, words, len(e.names) - len(shown), bool(known.any()), bool(doubtful.any()))
    return ax


def _arrow(e: Importance, player: int) -> str:
    """Which way the output goes as the column grows, where it is known."""
    if not len(e.direction) or not np.isfinite(e.direction[player]):
        return ""
    return " " + ("→" if abs(e.direction[player]) < EITHER else "↗" if e.direction[player] > 0 else "↘")


def _half(e: Importance, shown: NpArray) -> NpArray:
    half = e.quality.half_width
    return np.full(len(shown), np.nan) if half is None else np.asarray(half, float)[shown]


def _repeats(ax: Axes, e: Importance, shown: NpArray) -> None:
    if e.repeats.shape[1] < 2:
        return
    dots = e.repeats[shown]
    place = np.repeat(
        np.arange(len(shown)) + BESIDE, dots.shape[1]
    )  # not on the whisker, which would hide them
    ax.scatter(dots.ravel(), place, s=7, color=theme.DOT, alpha=0.55, linewidths=0, zorder=2.5)


def _reach(e: Importance, shown: NpArray, half: NpArray) -> tuple[NpArray, NpArray]:
    """From where to where bar, whisker and dots of each column go, so that the written value stands clear of them."""
    values, dots, half = e.values[shown], e.repeats[shown], np.nan_to_num(half)
    low, high = np.minimum(values - half, dots.min(1)), np.maximum(values + half, dots.max(1))
    return np.minimum(np.nan_to_num(low), 0), np.maximum(np.nan_to_num(high), 0)


def _measured(e: Importance, words: Words) -> str:
    intact = (
        words.intact.format(score=e.score, value=captions.number(e.intact)) if np.isfinite(e.intact) else ""
    )
    return " · ".join(p for p in (intact, words.rows.format(n=e.rows) if e.rows else "") if p)


def _small_print(ax: Axes, e: Importance, words: Words, left: int, whiskers: bool, doubtful: bool) -> None:
    repeats = e.repeats.shape[1]
    dots = words.row_dots if len(e.direction) else words.repeats
    arrows = words.arrows if np.isfinite(e.direction).any() else ""
    said = [dots.format(n=repeats) if repeats > 1 else "", words.whiskers if whiskers else ""]
    first = "; ".join(p for p in said if p)
    more = words.more_features.format(n=left) if left else ""
    captions.foot(ax, e, words, first, words.crosses_note if doubtful else "", arrows, more)
