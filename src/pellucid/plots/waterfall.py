"""waterfall: how one row's values lead from the baseline to the output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Columns
from pellucid.results import Attribution

from . import captions, labels, marks, theme
from .beeswarm import MANY
from .canvas import chosen, positive
from .registry import draws
from .terms import terms

NEGLIGIBLE = 1e-3
"""A residual below this share of the sum of |values| gets no bar."""


def lacks_base(e: Attribution) -> str:
    """Why there is no way from a baseline to the output; "" where there is."""
    return "" if e.base is not None else "it has no base to start from"


def _size(e: Attribution, how: Mapping[str, Any]) -> tuple[float, float]:
    drawn = terms(e, chosen(e, how["row"]), positive("top", how["top"]), labels.EN)
    return theme.CHART, (len(drawn.values) + 3) * marks.row_height(drawn.lines)


@draws(Attribution, Columns, size=_size, lacks=lacks_base, leads=lambda e: len(e) < MANY)
def waterfall(e: Attribution, *, ax: Axes, lang: str = "en", row: int = 0, top: int = 10) -> Axes:
    """From the baseline to the output of one row, each bar starting where the one above ends.

    The axis is that of the explained output itself, in its units. Orange bars raise it, blue bars lower it; whiskers
    are the 95 % half-widths of the single values. What the values leave unexplained has a bar of its own wherever it
    can be seen.

    Args:
        e: attributions of a table with a base.
        ax: where to draw.
        lang: language of the labels.
        row: which row.
        top: how many terms get a bar of their own.
    """
    words, row = labels.words(lang), chosen(e, row)
    t = terms(e, row, positive("top", top), words)
    base, output = _ends(e, row)
    values, half, names = t.values, t.half, list(t.labels)
    pale = [*[False] * (len(values) - t.rest), *[True] * t.rest]
    if abs(left := _residual(e, row)) > NEGLIGIBLE * float(np.abs(values).sum()):
        values, half = np.append(values, left), np.append(half, np.nan)
        names.append(words.residual)
        pale.append(True)
    start = base + np.concatenate([[0.0], np.cumsum(values)[:-1]])
    names = [words.base, *names, words.output]
    marks.rows(ax, names)
    _totals(ax, base, output, len(names))
    # The two totals are points on the axis, not lengths, so they have no bar.
    start, values = np.concatenate([[base], start, [output]]), np.concatenate([[0.0], values, [0.0]])
    half, texts = np.concatenate([[np.nan], half, [np.nan]]), [captions.signed(v) for v in values]
    texts[0], texts[-1] = (f"  {captions.number(v)}" for v in (base, output))  # clear of the diamonds
    marks.signed_bars(ax, start, values, half, [False, *pale, False])
    marks.valued(ax, start, values, half, texts)
    _connect(ax, start + values)
    ax.set_xlabel(f"{captions.target(e, row)} ({words.space(e.space)})", loc="left", fontsize=theme.BODY)
    captions.head(ax, captions.method(e, words), captions.about(e, row, words))
    captions.foot(ax, e, words, words.whiskers if np.nan_to_num(half).any() else "")
    return ax


def _ends(e: Attribution, row: int) -> tuple[float, float]:
    return (0.0 if e.base is None else float(e.base[row])), float(e.output[row])


def _residual(e: Attribution, row: int) -> float:
    return 0.0 if e.residual is None else float(e.residual[row])


def _totals(ax: Axes, base: float, output: float, count: int) -> None:
    """The baseline as a line through the chart, and both ends as diamonds."""
    ax.axvline(base, color=theme.PALE, lw=0.8, ls=":", zorder=0)
    ax.plot([base, output], [0, count - 1], ls="none", marker="D", ms=6, color=theme.PLAIN, zorder=3)


def _connect(ax: Axes, ends: Any) -> None:
    """Thin lines from the end of each bar down to the start of the next."""
    for y, end in enumerate(ends[:-1]):
        ax.plot([end, end], [y, y + 1], color=theme.PLAIN, lw=0.7, zorder=0)
