"""curve: one effect of one column, with the rows' own curves and where the data are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.results import Curve

from . import captions, labels, lines, theme
from .registry import draws

HEIGHT = 2.9
"""Inches of the axes."""


def _lacks(e: Curve) -> str:
    return "" if any(len(c) == 1 for c in e.columns) else "its effects are of two columns"


def _size(e: Curve, how: Mapping[str, Any]) -> tuple[float, float]:
    return theme.CHART, HEIGHT


def widest(e: Curve, columns: int) -> int:
    """The number of the effect of so many columns that spreads most."""
    return next(int(k) for k in e.order if len(e.columns[k]) == columns)


@draws(Curve, Features, size=_size, lacks=_lacks, leads=lambda e: sum(len(c) == 1 for c in e.columns) == 1)
def curve(
    e: Curve,
    *,
    ax: Axes,
    lang: str = "en",
    effect: int | str | None = None,
    centred: bool = False,
    own: bool = True,
) -> Axes:
    """What the model says, on average, as one column changes; thin lines are single rows, the band the error.

    Several outputs are lines of their own, named beside them. The marks along the lower edge show where the data are:
    a curve over an empty stretch tells of rows that do not occur.

    Args:
        e: effects of columns.
        ax: where to draw.
        lang: language of the labels.
        effect: which effect, by number or column; None takes the widest.
        centred: whether every line starts at zero.
        own: whether the rows' own curves are drawn, where there is one output.
    """
    words = labels.words(lang)
    number = widest(e, 1) if effect is None else e.number(effect)
    d = lines.drawn(e.centred() if centred else e, number)
    shown = lines.draw(ax, d, own=own)
    lines.axes(ax, d)
    ax.set_ylim(lines.room(ax, [d]))
    marks = lines.floor(ax, d)
    ax.set_ylabel(
        captions.fold(lines.axis_label(d.curve, words), captions.inches(ax)[1], theme.BODY),
        fontsize=theme.BODY,
    )
    if len(d.curve.targets) > 1:
        ax.legend(
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
            fontsize=theme.SMALL,
            frameon=False,
            borderaxespad=0.3,
        )
    captions.head(ax, captions.method(e, words), words.rows.format(n=e.rows))
    half = d.curve.quality.half_width
    said = [
        words.own_curves.format(n=shown) if shown else "",
        words.band if half is not None and np.nan_to_num(half).any() else "",
        lines.told(d, marks, words),
    ]
    captions.foot(ax, e, words, "; ".join(s for s in said if s))
    return ax
