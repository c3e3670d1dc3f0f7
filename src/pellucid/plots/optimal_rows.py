"""optimal_rows: the row that a unit wants to see, column by column, within the range of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.errors import ParameterError
from pellucid.core.features import Columns
from pellucid.core.types import NpArray
from pellucid.results import Optima

from . import captions, labels, theme, units
from .canvas import positive
from .optima import key, numbers, started, summary
from .optima_labels import say
from .registry import draws

LINE = 0.3
"""Inches of a column's line."""


def objective_of(e: Optima, of: int) -> int:
    """The number of an objective that exists.

    Raises:
        ParameterError: there is none.
    """
    if not -len(e.objectives) <= of < len(e.objectives):
        raise ParameterError(f"There is no objective {of}.", fix=f"Choose 0..{len(e.objectives) - 1}.")
    return of % len(e.objectives)


def _shares(e: Optima, x: NpArray) -> NpArray:
    """Values as shares of the range of the data."""
    width = e.high - e.low
    return (x - e.low) / np.where(width > 0, width, 1)


def _shown(e: Optima, of: int, top: int) -> NpArray:
    """The columns furthest from the mean, in the table's own order."""
    away = np.abs(_shares(e, e.values[of]) - _shares(e, e.middle)).mean(0)
    return np.sort(np.argsort(-away, kind="stable")[: positive("top", top)])


def _size(e: Optima, how: Mapping[str, Any]) -> tuple[float, float]:
    return theme.CHART, max(1.2, LINE * len(_shown(e, objective_of(e, how["of"]), how["top"])))


@draws(Optima, Columns, size=_size, lacks=lambda e: "" if e.values.ndim == 3 else "its rows are no table's")
def optimal_rows(e: Optima, *, ax: Axes, lang: str = "en", of: int = 0, top: int = 20) -> Axes:
    """A line per column: where the rows found for one objective lie in the range of the data, and its best example.

    Args:
        e: inputs found by activation maximisation, of a table.
        ax: where to draw.
        lang: language of the labels.
        of: which objective, by number.
        top: how many columns are shown, those furthest from the mean.
    """
    of, words = objective_of(e, of), labels.words(lang)
    shown = _shown(e, of, top)
    found, mean, best = (_shares(e, x)[..., shown] for x in (e.values[of], e.middle, e.examples[of]))
    y = np.arange(len(shown))
    ax.hlines(y, 0, 1, color=theme.PALE, lw=3, zorder=1)
    ax.plot(mean, y, "|", color=theme.PLAIN, ms=11, mew=1.5, zorder=2)
    for row in found:
        ax.plot(row, y, "o", color=theme.EFFECT, ms=6, alpha=0.75, mec="none", zorder=3)
    ax.plot(best, y, "o", mfc="none", mec=theme.FOR, ms=9, mew=1.3, zorder=4)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.set_xlim(-0.04, 1.04)
    ax.set_yticks(y, [_named(e, int(j)) for j in shown])
    side = ax.twinx()
    side.set_ylim(ax.get_ylim())
    side.set_yticks(y, [_told(e, of, int(j)) for j in shown])
    for each in (ax, side):
        each.tick_params(labelsize=theme.SMALL, length=0)
        for name in ("top", "left", "right"):
            each.spines[name].set_visible(False)
    side.tick_params(labelfontfamily=theme.families())
    ax.set_xlabel(say(lang, "column"), fontsize=theme.SMALL, loc="left")
    captions.head(ax, units.method(e, lang), summary(e, lang), one_of(e, of, lang), against(e, of, lang))
    left = e.values.shape[2] - len(shown)
    more = say(lang, "more_columns", n=left) if left else ""
    captions.foot(ax, e, words, say(lang, "marks"), key(e, lang), more, started(e, [of], lang))
    return ax


def one_of(e: Optima, of: int, lang: str) -> str:
    """Which objective it is."""
    name = captions.shortened(e.objectives[of], 48)
    if len(e.objectives) == 1:
        return say(lang, "one", name=name)
    return say(lang, "of", k=of, n=len(e.objectives), name=name)


def against(e: Optima, of: int, lang: str) -> str:
    """The numbers of what was found, and of the best example."""
    best = say(lang, "best", row=int(e.best_row[of]), value=captions.number(float(e.best[of])))
    found = [numbers(e, of, r).replace("\n", ", ") for r in range(e.pictures)]
    return f"{best}\n" + "; ".join(found)


def _named(e: Optima, j: int) -> str:
    columns = e.features
    if not isinstance(columns, Columns):
        return str(j)
    low, high = (columns.show(j, float(v[j])) for v in (e.low, e.high))
    return captions.fold(
        f"{captions.shortened(columns.names[j], 40)} ({low} … {high})", theme.LABEL, theme.SMALL
    )


def _told(e: Optima, of: int, j: int) -> str:
    """The value of the best of the rows found."""
    best = int(e.reached[of].argmax())
    value = float(e.values[of, best, j])
    return e.features.show(j, value) if isinstance(e.features, Columns) else captions.number(value)
