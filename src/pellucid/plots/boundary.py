"""boundary: a slice through a changed row, the decision behind it and an arrow from the row as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.errors import ParameterError
from pellucid.core.features import Features
from pellucid.results import Counterfactuals

from . import captions, labels, theme
from .changes import about, number_of
from .registry import draws

SIDE = (3.8, 3.0)
"""Inches of the axes."""


def _lacks(e: Counterfactuals) -> str:
    return "" if len(e.plane) else "no changed row has two columns of numbers"


def _size(e: Counterfactuals, how: Mapping[str, Any]) -> tuple[float, float]:
    return SIDE


@draws(Counterfactuals, Features, size=_size, lacks=_lacks, leads=lambda e: False)
def boundary(
    e: Counterfactuals, *, ax: Axes, lang: str = "en", row: int | None = None, number: int = 0
) -> Axes:
    """Where the answer turns round, in the two columns that change most; all others are as in the changed row.

    Args:
        e: changed rows.
        ax: where to draw.
        lang: language of the labels.
        row: the caller's row; None takes the first that has an answer.
        number: which of its answers.
    """
    words = labels.words(lang)
    m = int(e.slice_of[0]) if row is None and number == 0 else number_of(e, row, number)
    if m not in e.slice_of:
        there = sorted({int(e.of[i]) for i in e.slice_of})
        raise ParameterError("This row was not looked at in a slice.", fix=f"Rows {there} were.")
    k = int(np.flatnonzero(e.slice_of == m)[0])
    (x_at, y_at), lead = e.slice_at[k], e.slice_lead[k]
    i, j = (int(c) for c in e.plane[k])
    far = float(np.abs(lead[np.isfinite(lead)]).max(initial=0.0)) + 1.0
    ground = np.nan_to_num(lead.T, neginf=-far, posinf=far)
    ax.contourf(x_at, y_at, ground, [-far - 1, 0.0, far + 1], colors=[theme.DOUBTFUL, theme.ZERO])
    if (lead >= 0).any() and (lead < 0).any():
        ax.contour(x_at, y_at, ground, [0.0], colors=[theme.PLAIN], linewidths=1.2)
    x, z = e.x[e.of[m]], e.values[m]
    ax.annotate(
        "", (z[i], z[j]), (x[i], x[j]),
        arrowprops={"arrowstyle": "-|>", "color": theme.LINE, "lw": 1.3, "shrinkA": 4, "shrinkB": 4},
    )  # fmt: skip
    ax.plot([x[i]], [x[j]], "o", color=theme.LINE, ms=6, mfc=theme.LABEL_BACK, zorder=4)
    ax.plot([z[i]], [z[j]], "o", color=theme.LINE, ms=6, zorder=4)
    ax.set(xlim=(x_at[0], x_at[-1]), ylim=(y_at[0], y_at[-1]))
    ax.tick_params(labelsize=theme.SMALL)
    ax.locator_params(nbins=5)
    names = [captions.shortened(e.features.name((c,)), 40) for c in (i, j)]
    ax.set_xlabel(captions.fold(names[0], SIDE[0], theme.BODY), loc="left", fontsize=theme.BODY)
    ax.set_ylabel(captions.fold(names[1], SIDE[1], theme.BODY), fontsize=theme.BODY)
    captions.head(ax, captions.method(e, words), about(e, m, words))
    others = int(e.counts[m]) - int(e.changed[m, [i, j]].sum())
    captions.foot(
        ax,
        e,
        words,
        words.slice_marks,
        words.slice_sides,
        words.slice_others.format(n=others) if others else "",
    )
    return ax
