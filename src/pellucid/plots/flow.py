"""flow: how large the gradient is from layer to layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.results import FlowUnits

from . import captions, labels, marks, theme, units
from .inside_labels import say
from .registry import draws


def _size(e: FlowUnits, how: Mapping[str, Any]) -> tuple[float, float]:
    return theme.CHART, max(1.2, 0.32 * len(e.layers))


@draws(FlowUnits, Features, size=_size)
def flow(e: FlowUnits, *, ax: Axes, lang: str = "en") -> Axes:
    """The gradient at each layer on a logarithmic axis, the first on top: a dot per row, a line through the means.

    A line that falls to the left towards the top is a gradient that vanishes on its way back.

    Args:
        e: gradients of the layers.
        ax: where to draw.
        lang: language of the labels.
    """
    words = labels.words(lang)
    place = np.arange(len(e.layers))
    target = captions.shortened(e.target, 40) or words.several_targets
    marks.rows(ax, [captions.shortened(n, 40) for n in e.layers])
    positive = e.values > 0
    means = np.where(e.values.mean(1) > 0, e.values.mean(1), np.nan)
    if positive.any():
        ax.set_xscale("log")
        low, high = e.values[positive].min(), e.values[positive].max()
        ax.set_xlim(low / 2, high * 2)
    for k in place:
        found = e.values[k][positive[k]]
        ax.scatter(found, np.full(len(found), k + 0.18), s=8, color=theme.DOT, alpha=0.35, linewidths=0)
    ax.plot(means, place, color=theme.AGAINST, marker="o", ms=5, lw=1.2)
    ax.set_xlabel(say(lang, "flow_axis"), loc="left", fontsize=theme.BODY)
    captions.head(ax, units.method(e, lang), say(lang, "flow_of", target=target))
    zero = int((~positive).sum())
    lost = say(lang, "zero_rows", k=zero) if zero else ""
    captions.foot(ax, e, words, say(lang, "flow", n=e.values.shape[1]), lost)
    return ax
