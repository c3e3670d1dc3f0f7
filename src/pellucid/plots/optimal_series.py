"""optimal_series: the series that a unit wants to see, on the range of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Steps
from pellucid.core.types import NpArray
from pellucid.results import Optima

from . import captions, labels, theme, units
from .canvas import positive
from .optima import key, started, summary
from .optima_labels import say
from .optimal_rows import against, objective_of, one_of
from .registry import draws

BAND = 0.9
"""Inches of one channel."""
ROOM = 0.1
"""Share of a channel's band kept free above and below."""


def _channels(e: Optima, x: NpArray) -> NpArray:
    """(..., channels, steps)."""
    layout = e.features.layout if isinstance(e.features, Steps) else "steps"
    if layout == "steps":
        return x[..., None, :]
    return np.swapaxes(x, -1, -2) if layout == "steps,channels" else x


def _shown(e: Optima, of: int, top: int) -> NpArray:
    """The channels furthest from the mean, in their own order."""
    away = np.abs(_channels(e, e.values[of] - e.middle)).mean((0, 2))
    width = _channels(e, e.high - e.low).max(1)
    away = away / np.where(width > 0, width, 1)
    return np.sort(np.argsort(-away, kind="stable")[: positive("top", top)])


def _size(e: Optima, how: Mapping[str, Any]) -> tuple[float, float]:
    return 6.0, max(1.8, BAND * len(_shown(e, objective_of(e, how["of"]), how["top"])))


@draws(Optima, Steps, size=_size)
def optimal_series(e: Optima, *, ax: Axes, lang: str = "en", of: int = 0, top: int = 8) -> Axes:
    """The series found for one objective as lines, a band per channel, between the data's least and largest values.

    Args:
        e: inputs found by activation maximisation, of time series.
        ax: where to draw.
        lang: language of the labels.
        of: which objective, by number.
        top: how many channels are shown, those furthest from the mean.
    """
    of, words = objective_of(e, of), labels.words(lang)
    shown = _shown(e, of, top)
    found, best, low, middle, high = (
        _channels(e, x) for x in (e.values[of], e.examples[of], e.low, e.middle, e.high)
    )
    steps, names = np.arange(low.shape[1]), list[str]()
    for y, c in enumerate(shown):
        ends = float(low[c].min()), float(high[c].max())

        def at(line: NpArray, y: int = y, ends: tuple[float, float] = ends) -> NpArray:
            """A channel's values as heights in its band, the largest on top."""
            share = (line - ends[0]) / ((ends[1] - ends[0]) or 1.0)
            return y + 0.5 - ROOM - share * (1 - 2 * ROOM)

        ax.fill_between(steps, at(low[c]), at(high[c]), color=theme.DOUBTFUL, lw=0)
        ax.plot(steps, at(middle[c]), color=theme.PLAIN, lw=0.7)
        ax.plot(steps, at(best[c]), color=theme.FOR, lw=1.2, ls="--")
        for line in found[:, c]:
            ax.plot(steps, at(line), color=theme.EFFECT, lw=1.3, alpha=0.8)
        name = e.features.names[c] if isinstance(e.features, Steps) and e.features.names else str(int(c))
        names.append(
            f"{captions.shortened(name, 24)}\n{captions.number(ends[0])} … {captions.number(ends[1])}"
        )
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.set_xlim(-0.5, len(steps) - 0.5)
    ax.set_yticks(np.arange(len(shown)), names)
    ax.tick_params(labelsize=theme.SMALL)
    ax.tick_params(axis="y", length=0)
    for name in ("top", "right", "left"):
        ax.spines[name].set_visible(False)
    unit = e.features.unit if isinstance(e.features, Steps) else "step"
    ax.set_xlabel(say(lang, "step") if unit == "step" else unit, fontsize=theme.SMALL, loc="left")
    captions.head(ax, units.method(e, lang), summary(e, lang), one_of(e, of, lang), against(e, of, lang))
    left = low.shape[0] - len(shown)
    more = say(lang, "more_channels", n=left) if left else ""
    captions.foot(ax, e, words, say(lang, "lines"), key(e, lang), more, started(e, [of], lang))
    return ax
