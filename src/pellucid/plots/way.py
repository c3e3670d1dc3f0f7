"""way: how the answer turns round on the straight way from a row to its change, and beyond."""

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

BEYOND = 1.25
"""Where the way ends; 1 is the changed row."""


def _lacks(e: Counterfactuals) -> str:
    return "" if e.path_lead.size else "the model was not asked on the way"


def _size(e: Counterfactuals, how: Mapping[str, Any]) -> tuple[float, float]:
    return theme.CHART, 2.2


@draws(Counterfactuals, Features, size=_size, lacks=_lacks, leads=lambda e: False)
def way(e: Counterfactuals, *, ax: Axes, lang: str = "en", row: int | None = None, number: int = 0) -> Axes:
    """How far the answer is beyond the wanted one, from the row as it is to the changed row and a little further.

    Args:
        e: changed rows.
        ax: where to draw.
        lang: language of the labels.
        row: the caller's row; None takes the first that has an answer.
        number: which of its answers.
    """
    words = labels.words(lang)
    m = number_of(e, row, number)
    lead = e.path_lead[m]
    if not np.isfinite(lead).all():
        raise ParameterError("The model gave no number on the way to this row.")
    t = np.linspace(0, BEYOND, len(lead))
    ax.axhline(0, color=theme.PLAIN, lw=0.8)
    ax.plot(t, lead, color=theme.EFFECT, lw=1.6, drawstyle="default")
    turns = np.flatnonzero((lead[1:] >= 0) != (lead[:-1] >= 0))
    for k in turns:
        ax.axvline((t[k] + t[k + 1]) / 2, color=theme.FOR, lw=1.0, ls="--")
    at = float(np.interp(1.0, t, lead))
    ax.plot([0, 1], [lead[0], at], "o", color=theme.LINE, ms=5, zorder=4)
    ax.set_xlim(-0.03, BEYOND)
    ax.set_xticks([0, 1], [words.row_as_it_is, words.row_changed])
    ax.tick_params(labelsize=theme.SMALL)
    ax.locator_params(axis="y", nbins=5)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_ylabel(captions.fold(words.lead, 2.2, theme.BODY), fontsize=theme.BODY)
    captions.head(ax, captions.method(e, words), about(e, m, words))
    captions.foot(ax, e, words, words.flips.format(n=len(turns)))
    return ax
