"""sensitivity: what the model says of a row as each feature is moved, side by side on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.results import Sensitivity

from . import captions, labels, lines, theme
from .canvas import bare, chosen, positive
from .labels import Words
from .panels import ACROSS, panels, size_of
from .parts_labels import say
from .registry import draws

UNDER, UNDER_NAMES = 0.55, 0.95
"""Inches below a panel for its ticks and its name; where ticks are the names of categories."""
NAME = 12
"""Characters of a category's name."""


def _shown(e: Sensitivity, row: int, top: int, feature: int | str | None) -> list[int]:
    if feature is not None:
        return [e.number(feature)]
    return [int(k) for k in e.order(row) if not np.isnan(e.values[row, k]).all()][: positive("top", top)]


def _under(e: Sensitivity, shown: list[int]) -> float:
    return UNDER_NAMES if any(e.is_category(k) for k in shown) else UNDER


def _size(e: Sensitivity, how: Mapping[str, Any]) -> tuple[float, float]:
    shown = _shown(e, chosen(e, how["row"]), how["top"], how["feature"])
    return (theme.CHART, 2.9) if len(shown) == 1 else size_of(len(shown), _under(e, shown))


@draws(Sensitivity, Features, size=_size)
def sensitivity(
    e: Sensitivity,
    *,
    ax: Axes,
    lang: str = "en",
    row: int = 0,
    top: int = 9,
    feature: int | str | None = None,
) -> Axes:
    """The sensitivity curves of one row: the output as one feature moves and all others stay, all on one scale.

    The disc is the row as it is; a dashed line stands where the model first decides otherwise, with what it then says.

    Args:
        e: a sensitivity analysis.
        ax: where to draw; the panels are axes within these.
        lang: language of the labels.
        row: which row.
        top: how many features are shown, those that move the output most.
        feature: one feature, by number or name; None shows several.
    """
    words, row = labels.words(lang), chosen(e, row)
    shown = _shown(e, row, top, feature)
    bare(ax)
    ax.patch.set_visible(False)
    under = _under(e, shown)
    each = panels(ax, len(shown), under)
    low, high = float(np.nanmin(e.values[row, shown])), float(np.nanmax(e.values[row, shown]))
    room = 0.08 * (high - low) or 0.5
    marked = [_curve(panel, e, row, k, lang) for panel, k in zip(each, shown, strict=True)]
    for number, panel in enumerate(each):
        panel.set_ylim(low - room, high + 2.4 * room if any(marked) else high + room)
        panel.locator_params(axis="y", nbins=5)
        if number % ACROSS:
            panel.tick_params(labelleft=False)
    captions.head(ax, captions.method(e, words), captions.about(e, row, words), _axis(e, row, words, lang))
    left = sum(not np.isnan(v).all() for v in e.values[row]) - len(shown)
    said = [say(lang, "moved_disc"), say(lang, "turns") if any(marked) else ""]
    captions.foot(
        ax,
        e,
        words,
        "; ".join(s for s in said if s),
        say(lang, "more_still", n=left) if left and feature is None else "",
        drop=under - 0.1,
    )
    return ax


def _axis(e: Sensitivity, row: int, words: Words, lang: str) -> str:
    return say(lang, "output_for", target=captions.target(e, row), space=words.space(e.space))


def _curve(ax: Axes, e: Sensitivity, row: int, feature: int, lang: str) -> bool:
    """One feature's curve; whether a flip is marked on it."""
    grid, y, own = e.grid[row, feature], e.values[row, feature], float(e.own[row, feature])
    kept = ~np.isnan(grid)
    grid, y = grid[kept], y[kept]
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=theme.SMALL)
    name = captions.shortened(e.names[feature], 30)
    unit = getattr(e.features, "units", {}).get(e.names[feature], "")
    label = name + (f" ({unit})" if unit else "") + (f", {say(lang, 'share_hidden')}" if e.players else "")
    wide = max(captions.inches(ax)[0], 1.0)
    ax.set_xlabel(captions.fold(label, wide, theme.SMALL), loc="left", fontsize=theme.SMALL)
    if e.is_category(feature):
        _words(ax, e, feature, grid, y)
        x = float(np.searchsorted(grid, own))
    else:
        ax.plot(grid, y, color=theme.EFFECT, lw=1.8, zorder=3)
        ax.locator_params(axis="x", nbins=4)
        x = own
    if np.isfinite(own):
        ax.plot([x], [float(e.output[row])], "o", ms=6, color=theme.FOR, zorder=4)
    return not e.is_category(feature) and _flips(ax, e, row, feature)


def _words(ax: Axes, e: Sensitivity, feature: int, grid: Any, y: Any) -> None:
    """Categories: a disc each."""
    names = [captions.shortened(e.shown(feature, float(v)), NAME) for v in grid]
    ax.plot(np.arange(len(grid)), y, "o", ms=4.5, color=theme.EFFECT, zorder=3)
    turned = lines.turned(names, captions.inches(ax)[0])
    how: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if turned else {}
    ax.set_xticks(np.arange(len(grid)), names, fontsize=theme.SMALL, **how)
    ax.set_xlim(-0.6, len(grid) - 0.4)


def _flips(ax: Axes, e: Sensitivity, row: int, feature: int) -> bool:
    """Dashed lines where the decision turns, with what it turns to."""
    found = False
    low, high = ax.get_xlim()
    for side in (0, 1):
        at, to = float(e.flips[row, feature, side]), int(e.becomes[row, feature, side])
        if not np.isfinite(at) or to < 0:
            continue
        ax.axvline(at, color=theme.PLAIN, ls="--", lw=1.0, zorder=2)
        place = (at - low) / (high - low)
        ax.annotate(
            captions.shortened(e.decisions[to], NAME),
            (at, 1.0),
            (-2 if place > 0.5 else 2, 0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right" if place > 0.5 else "left",
            va="top",
            fontsize=theme.TINY,
            color=theme.foreground(),
        )
        found = True
    return found
