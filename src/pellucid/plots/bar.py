"""bar: the largest values of one row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.results import Attribution

from . import captions, labels, marks, theme
from .canvas import chosen, positive
from .registry import draws
from .terms import terms


def _size(e: Attribution, how: Mapping[str, Any]) -> tuple[float, float]:
    drawn = terms(e, chosen(e, how["row"]), positive("top", how["top"]), labels.EN)
    return theme.CHART, max(0.8, len(drawn.values) * marks.row_height(drawn.lines))


@draws(Attribution, Features, size=_size)
def bar(e: Attribution, *, ax: Axes, lang: str = "en", row: int = 0, top: int = 10) -> Axes:
    """The largest values of one row as signed bars, in the units of the explained output.

    Orange bars to the right speak for the target, blue bars to the left against it. Whiskers are the 95 % half-widths
    where the result has them. The terms are the hidden parts where the method hides parts, else the features, with
    their values in this row; the others are one pale bar, their sum.

    Args:
        e: attributions of any features.
        ax: where to draw.
        lang: language of the labels.
        row: which row.
        top: how many terms get a bar of their own.
    """
    words, row = labels.words(lang), chosen(e, row)
    t = terms(e, row, positive("top", top), words)
    start = np.zeros(len(t.values))
    marks.rows(ax, t.labels)
    marks.signed_bars(ax, start, t.values, t.half, [*[False] * (len(start) - t.rest), *[True] * t.rest])
    marks.valued(ax, start, t.values, t.half, [captions.signed(v) for v in t.values])
    ax.axvline(0, color=theme.PLAIN, lw=0.8)
    ax.set_xlabel(captions.axis(e, words, row), loc="left", fontsize=theme.BODY)
    captions.head(ax, captions.method(e, words), captions.about(e, row, words))
    whiskers = words.whiskers if np.nan_to_num(t.half).any() else ""
    captions.foot(ax, e, words, whiskers, "" if t.values.any() else words.zeros)
    return ax
