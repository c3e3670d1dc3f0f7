"""reached: how far each objective was raised, beside the best of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.results import Optima

from . import captions, labels, theme, units
from .optima import started, summary
from .optima_labels import say
from .registry import draws

LINE = 0.32
"""Inches of an objective's line."""


def _size(e: Optima, how: Mapping[str, Any]) -> tuple[float, float]:
    return theme.CHART, max(1.0, LINE * len(e.objectives))


@draws(Optima, Features, size=_size)
def reached(e: Optima, *, ax: Axes, lang: str = "en") -> Axes:
    """A line per objective, between the data's mean (0) and its best row (1): what each input reaches, and keeps.

    Args:
        e: inputs found by activation maximisation.
        ax: where to draw.
        lang: language of the labels.
    """
    words, y = labels.words(lang), np.arange(len(e.objectives))
    room = e.best - e.typical
    room = np.where(room > 0, room, 1.0)[:, None]
    got, kept = ((v - e.typical[:, None]) / room for v in (e.reached, e.steady))
    for r in range(e.pictures):
        line = y + 0.5 * ((r + 0.5) / e.pictures - 0.5)
        ax.hlines(line, kept[:, r], got[:, r], color=theme.OWN, lw=1.2, zorder=1)
        ax.plot(kept[:, r], line, "|", color=theme.OWN, ms=6, mew=1.3, zorder=2)
        ax.plot(got[:, r], line, "o", color=theme.EFFECT, ms=4.5, mec="none", zorder=3)
    ax.plot(np.ones(len(y)), y, "o", mfc="none", mec=theme.FOR, ms=8, mew=1.3, zorder=4)
    ax.axvline(0, color=theme.PALE, lw=1)
    names = [captions.fold(captions.shortened(n, 40), theme.LABEL, theme.SMALL) for n in e.objectives]
    ax.set_yticks(y, names)
    ax.set_ylim(len(y) - 0.4, -0.6)
    ax.tick_params(labelsize=theme.SMALL)
    ax.tick_params(axis="y", length=0)
    for name in ("top", "left", "right"):
        ax.spines[name].set_visible(False)
    ax.set_xlabel(say(lang, "scaled"), fontsize=theme.SMALL, loc="left")
    captions.head(ax, units.method(e, lang), summary(e, lang))
    captions.foot(ax, e, words, say(lang, "reached_key"), started(e, list(range(len(y))), lang))
    return ax
