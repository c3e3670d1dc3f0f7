"""changes: what is different in a changed row, column by column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.errors import ParameterError
from pellucid.core.features import Features
from pellucid.results import Counterfactuals

from . import captions, labels, marks, theme
from .canvas import positive
from .registry import draws


def number_of(e: Counterfactuals, row: int | None, number: int) -> int:
    """The changed row that is drawn: that of a row, or the first there is.

    Raises:
        ParameterError: there is none.
    """
    if not len(e):
        raise ParameterError(
            "Nothing was found, so there is nothing to draw.", fix="See e.status and e.reason."
        )
    mine = e.of_row(int(e.of[0]) if row is None else row)
    if not 0 <= number < len(mine):
        if not mine:
            raise ParameterError(f"Nothing was found for row {row}.", got=e.status[row or 0])
        raise ParameterError(f"There is no answer {number}.", fix=f"Choose 0..{len(mine) - 1}.")
    return mine[number]


def lacks(e: Counterfactuals) -> str:
    """Why a result without a changed row cannot be drawn in detail."""
    return "" if len(e) else "nothing was found"


def about(e: Counterfactuals, m: int, words: labels.Words) -> str:
    """The row, what the model says of it, and what it says of the changed row."""
    row = int(e.of[m])
    named = words.row.format(row=e.index[row] if e.index else row) if len(e.x) > 1 or e.index else ""

    def said(label: str, value: float) -> str:
        told = captions.number(value)
        return f"{captions.shortened(label, captions.TARGET)} ({told})" if label else told

    turn = f"{said(e.said[row], float(e.before[row]))} → {said(e.label[m], float(e.after[m]))}"
    return " · ".join(part for part in (named, turn) if part)


def _size(e: Counterfactuals, how: Mapping[str, Any]) -> tuple[float, float]:
    if not len(e):
        return theme.CHART, 0.8
    count = min(how["top"], int(e.counts[number_of(e, how["row"], how["number"])]))
    return theme.CHART, max(0.8, count * 0.36)


@draws(Counterfactuals, Features, size=_size)
def changes(
    e: Counterfactuals, *, ax: Axes, lang: str = "en", row: int | None = None, number: int = 0, top: int = 15
) -> Axes:
    """What is different in one changed row: before, after, and each column's part of the distance.

    Args:
        e: changed rows.
        ax: where to draw.
        lang: language of the labels.
        row: the caller's row; None takes the first that has an answer.
        number: which of its answers.
        top: how many columns are shown.
    """
    words = labels.words(lang)
    if not len(e):
        ax.set(xticks=[], yticks=[])
        ax.text(
            0.5,
            0.5,
            words.nothing_found,
            ha="center",
            va="center",
            fontsize=theme.BODY,
            transform=ax.transAxes,
        )
        captions.head(ax, captions.method(e, words))
        captions.foot(ax, e, words)
        return ax
    m = number_of(e, row, number)
    found = e.changes(m)
    shown = found[: positive("top", top)]
    share = np.array([c.cost for c in shown])
    names = [captions.fold(captions.shortened(c.column, 40), theme.LABEL, theme.BODY) for c in shown]
    marks.rows(ax, names)
    colours = [theme.DOUBTFUL if c.is_fragile else theme.RELIED for c in shown]
    ax.barh(np.arange(len(shown)), share, theme.BAR_THICKNESS, color=colours)
    texts = [f"{captions.shortened(c.before, 24)} → {captions.shortened(c.after, 24)}" for c in shown]
    marks.written(ax, (0.0, float(share.max())), share, texts)
    ax.set_xlim(left=0)
    ticks = [t for t in ax.get_xticks() if t <= max(float(share.max()), 0.1) + 1e-9]
    ax.set_xticks(ticks, [f"{100 * t:.0f} %" for t in ticks])
    ax.set_xlabel(words.part_of_distance, loc="left", fontsize=theme.BODY)
    captions.head(ax, captions.method(e, words), about(e, m, words))
    captions.foot(
        ax, e, words, *_small(e, m, len(found) - len(shown), words, any(c.is_fragile for c in shown))
    )
    return ax


def _small(e: Counterfactuals, m: int, left: int, words: labels.Words, fragile: bool) -> list[str]:
    bound = float(e.bound[m])
    return [
        words.distance_of.format(
            metric=e.metric,
            distance=captions.number(float(e.distance[m])),
            share=f"{float(e.plausibility[m]):.0f}",
        ),
        "" if np.isnan(bound) else words.distance_bound.format(bound=captions.number(bound)),
        words.fragile_bars if fragile else "",
        words.more_changes.format(n=left) if left > 0 else "",
    ]
