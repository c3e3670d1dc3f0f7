"""statistics: mean, spread and extremes of every unit of a layer over a data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.core.types import NpArray
from pellucid.results import ActivationUnits

from . import captions, labels, theme, units
from .inside_labels import say
from .registry import draws

HIGH = 2.4
"""Inches of the chart."""


def _size(e: ActivationUnits, how: Mapping[str, Any]) -> tuple[float, float]:
    return float(np.clip(0.07 * e.counts[e.number(how["layer"])], theme.CHART, 9.0)), HIGH


@draws(ActivationUnits, Features, size=_size)
def statistics(e: ActivationUnits, *, ax: Axes, lang: str = "en", layer: str | int = 0) -> Axes:
    """Every unit of a layer, ordered by its mean: mean, standard deviation, extremes, and the share of zeros below.

    Dead units, which give the same for every row, are marked with ×.

    Args:
        e: statistics of one or more layers.
        ax: where to draw.
        lang: language of the labels.
        layer: which layer, by name or number.
    """
    i, words = e.number(layer), labels.words(lang)
    one = e[i]
    order = np.argsort(-one.values, kind="stable")
    edges = np.arange(len(order) + 1) - 0.5
    mean, spread, low, high = (a[order] for a in (one.values, one.spread, one.low, one.high))
    ax.stairs(high, edges, baseline=low, fill=True, color=theme.DOUBTFUL)
    inner = (np.maximum(mean - spread, low), np.minimum(mean + spread, high))
    ax.stairs(inner[1], edges, baseline=inner[0], fill=True, color=theme.RELIED)
    ax.stairs(mean, edges, baseline=None, color=theme.LINE, lw=1.2)
    ax.axhline(0, color=theme.PLAIN, lw=0.6, zorder=0)
    dead = np.flatnonzero(one.dead[order])
    ax.plot(dead, mean[dead], ls="none", marker="x", ms=4, color=theme.FOR, clip_on=False, zorder=4)
    ax.set_xlim(-0.5, len(order) - 0.5)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=theme.SMALL)
    ax.set_ylabel(say(lang, "activation"), fontsize=theme.BODY)
    _zeros(ax, one.zeros[order], edges, lang)
    _numbers(ax, order)
    ax.set_xlabel(say(lang, "units_axis"), loc="left", fontsize=theme.SMALL)
    about = say(lang, "over_rows", n=e.rows)
    captions.head(
        ax, units.method(e, lang), units.layer_line(e, i, say(lang, "by_mean", n=len(order)), about)
    )
    marked = say(lang, "dead_units", k=len(dead)) if len(dead) else ""
    captions.foot(ax, e, words, say(lang, "statistics"), marked, units.another(e, i, lang))
    return ax


def _zeros(ax: Axes, zeros: NpArray, edges: NpArray, lang: str) -> None:
    """A strip under the chart: how much of each unit's data is exactly zero."""
    height = captions.inches(ax)[1]
    strip = ax.inset_axes((0, -0.42 / height, 1, 0.32 / height))
    strip.stairs(zeros, edges, fill=True, color=theme.PLAIN)
    strip.set(xlim=ax.get_xlim(), ylim=(0, 1), xticks=[], yticks=[0, 1])
    strip.set_yticklabels(["0", "1"], fontsize=theme.TINY)
    strip.spines[["top", "right"]].set_visible(False)
    strip.annotate(
        say(lang, "share_zero"),
        (1, 0.5),
        (5, 0),
        xycoords="axes fraction",
        textcoords="offset points",
        va="center",
        fontsize=theme.SMALL,
        annotation_clip=False,
    )


def _numbers(ax: Axes, order: NpArray) -> None:
    """The numbers of the units under the strip, as many as can be read."""
    room = captions.inches(ax)[0] * 100 / max(1, len(order))
    every = max(1, int(np.ceil(22 / room)))
    ax.set_xticks(np.arange(0, len(order), every), [str(k) for k in order[::every]], fontsize=theme.SMALL)
    ax.tick_params(axis="x", length=0, pad=0.46 * 72)
