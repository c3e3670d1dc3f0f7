"""series: a time series on a ground coloured by its values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Steps
from pellucid.core.types import NpArray
from pellucid.results import Attribution

from . import captions, labels, theme
from .canvas import chosen, colour_bar, positive
from .labels import Words
from .planes import say
from .registry import draws
from .scale import CLIP, Scale, blank, scale

BAND = 0.9
"""Inches of one channel's band."""
ROOM = 0.12
"""Share of a band kept free above and below its line."""


def _by_channel(e: Attribution, array: NpArray) -> NpArray:
    """A row as (channels, steps)."""
    layout = e.features.layout if isinstance(e.features, Steps) else "steps"
    return array.T if layout == "steps,channels" else np.atleast_2d(array)


def _lacks(e: Attribution) -> str:
    return "" if e.values.shape == e.x.shape else "its values are not one per step"


def _size(e: Attribution, how: Mapping[str, Any]) -> tuple[float, float]:
    count = min(len(_by_channel(e, e.x[0])), positive("top", how["top"]))
    return 6.5, 2.0 if count == 1 else max(2.0, BAND * count)


@draws(Attribution, Steps, size=_size, lacks=_lacks)
def series(
    e: Attribution, *, ax: Axes, lang: str = "en", row: int = 0, top: int = 8, clip: float = CLIP
) -> Axes:
    """One row's series as a line, each step's ground coloured by its value: orange for the target, blue against.

    Several channels are drawn one above the other, each between its own smallest and largest value, which stand
    beside it; those with the most attribution are kept. Limits, clip and units are those of `heatmap`.

    Args:
        e: attributions of a time series.
        ax: where to draw.
        lang: language of the labels.
        row: which row.
        top: how many channels are shown.
        clip: share of the total attribution beyond the colour limits; 0 clips nothing.
    """
    words, row = labels.words(lang), chosen(e, row)
    x, values = (np.asarray(_by_channel(e, a[row]), float) for a in (e.x, e.values))
    values = np.nan_to_num(values)
    heaviest = np.argsort(-np.abs(values).sum(1), kind="stable")[: positive("top", top)]
    shown = np.sort(heaviest)
    limits = scale([values], clip)
    if len(x) == 1:
        _single(ax, x[0], values[0], limits, words)
    else:
        _bands(ax, e, x[shown], values[shown], shown, limits)
    ax.set_xlim(-0.5, x.shape[1] - 0.5)
    ax.tick_params(labelsize=theme.SMALL)
    ax.set_xlabel(_unit(e, words), loc="left", fontsize=theme.BODY)
    left = len(x) - len(shown)
    if nothing := blank(values, limits.peak, words):
        say(ax, nothing)
    else:
        colour_bar(
            ax,
            limits.mappable,
            captions.axis(e, words, row),
            limits.ticks,
            extend=limits.clipped,
            below=False,
        )
    captions.head(ax, captions.method(e, words), captions.about(e, row, words))
    captions.foot(ax, e, words, limits.told(words), words.more_channels.format(n=left) if left else "")
    return ax


def _unit(e: Attribution, words: Words) -> str:
    unit = e.features.unit if isinstance(e.features, Steps) else "step"
    return words.unit if unit == "step" else unit


def _ground(ax: Axes, values: NpArray, limits: Scale, low: float, high: float) -> None:
    """Colour the steps between two heights."""
    ax.imshow(
        values[None],
        cmap=theme.DIVERGING,
        norm=limits.norm,
        interpolation="nearest",
        aspect="auto",
        extent=(-0.5, len(values) - 0.5, low, high),
        zorder=0,
    )


def _single(ax: Axes, x: NpArray, values: NpArray, limits: Scale, words: Words) -> None:
    """One channel keeps its own axis."""
    low, high = (
        (float(x[np.isfinite(x)].min()), float(x[np.isfinite(x)].max()))
        if np.isfinite(x).any()
        else (0.0, 1.0)
    )
    room = ROOM * (high - low) or 1.0
    _ground(ax, values, limits, low - room, high + room)
    ax.plot(x, color=theme.LINE, lw=1.2, marker="o" if len(x) == 1 else None)
    ax.set_ylim(low - room, high + room)
    ax.set_ylabel(words.value, fontsize=theme.BODY)


def _bands(ax: Axes, e: Attribution, x: NpArray, values: NpArray, shown: NpArray, limits: Scale) -> None:
    """Several channels share the axis, each scaled into a band of height one, the first on top."""
    names = e.features.names if isinstance(e.features, Steps) and e.features.names else ()
    texts: list[str] = []
    for y, (line, ground, channel) in enumerate(zip(x, values, shown, strict=True)):
        _ground(ax, ground, limits, y + 0.5, y - 0.5)
        known = line[np.isfinite(line)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        share = (line - low) / (high - low) if high > low else np.full(len(line), 0.5)
        ax.plot(y + 0.5 - ROOM - share * (1 - 2 * ROOM), color=theme.LINE, lw=1.0)
        ax.axhline(y + 0.5, color=theme.LABEL_BACK, lw=2)
        name = captions.shortened(str(names[channel] if names else channel))
        span = f"{captions.number(low)} … {captions.number(high)}"
        texts.append(captions.fold(f"{name}\n{span}", theme.LABEL, theme.SMALL))
    ax.set_ylim(len(x) - 0.5, -0.5)
    ax.set_yticks(np.arange(len(x)), texts)
    ax.tick_params(axis="y", length=0)
