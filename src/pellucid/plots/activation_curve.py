"""activation_curve: an activation function, and where on it the data lie."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.results import ActivationUnits

from . import captions, labels, theme, units
from .inside_labels import say
from .registry import draws

BINS = 60


def _lacks(e: ActivationUnits) -> str:
    return "" if np.isfinite(e.before).any() else "none of its layers is an activation function"


@draws(ActivationUnits, Features, size=lambda e, how: (4.2, 2.8), lacks=_lacks, leads=lambda e: False)
def activation_curve(
    e: ActivationUnits, *, ax: Axes, lang: str = "en", layer: str | int | None = None, unit: int | None = None
) -> Axes:
    """The function as the sampled rows pass through it, over a histogram of what goes in.

    Where the bars crowd at a flat part of the line, the units are saturated or off.

    Args:
        e: statistics of one or more layers.
        ax: where to draw.
        lang: language of the labels.
        layer: which layer, by name or number; None takes the first activation function.
        unit: which of its units; None takes all of them.
    """
    words = labels.words(lang)
    i = e.number(layer) if layer is not None else _first(e)
    one = e[i]
    chosen = slice(None) if unit is None else [e[i].unit(0, unit)]
    into, out = one.before[:, chosen].ravel(), one.sample[:, chosen].ravel()
    known = np.isfinite(into)
    into, out = into[known], out[known]
    bars = ax.twinx()
    bars.hist(into, BINS, color=theme.DOUBTFUL)
    bars.set_ylabel(say(lang, "how_many"), fontsize=theme.SMALL)
    bars.tick_params(labelsize=theme.SMALL)
    ax.set_zorder(bars.get_zorder() + 1)
    ax.patch.set_visible(False)
    order = np.argsort(into, kind="stable")
    ax.plot(into[order], out[order], color=theme.AGAINST, lw=1.6)
    ax.axvline(0, color=theme.PLAIN, lw=0.6, zorder=0)
    ax.spines[["top"]].set_visible(False)
    bars.spines[["top"]].set_visible(False)
    ax.tick_params(labelsize=theme.SMALL)
    ax.set_ylabel(say(lang, "activation"), fontsize=theme.BODY)
    ax.set_xlabel(say(lang, "pre"), loc="left", fontsize=theme.BODY)
    whom = say(lang, "of_all", n=len(one)) if unit is None else say(lang, "unit_of", unit=unit)
    captions.head(ax, units.method(e, lang), units.layer_line(e, i, whom))
    captions.foot(ax, e, words, say(lang, "curve"), say(lang, "sample", n=len(e.sampled), of=e.rows))
    return ax


def _first(e: ActivationUnits) -> int:
    return next(i for i in range(len(e.layers)) if np.isfinite(e[i].before).any())
