"""pair_map: what columns do by themselves and in pairs, as a map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.core.types import NpArray
from pellucid.results import PairAttribution

from . import captions, labels, theme
from .canvas import chosen, colour_bar, positive
from .parts_labels import say
from .registry import draws

CELL = 0.46
"""Inches of a cell."""
NAME = 24
"""Characters of a column's name."""


def _shown(e: PairAttribution, top: int) -> NpArray:
    """The columns that do most, by themselves and with others."""
    return np.argsort(-np.abs(e.values).sum((0, 2)), kind="stable")[: positive("top", top)]


def _size(e: PairAttribution, how: Mapping[str, Any]) -> tuple[float, float]:
    side = max(2.2, CELL * len(_shown(e, how["top"])))
    return side, side


@draws(PairAttribution, Features, size=_size)
def pair_map(
    e: PairAttribution, *, ax: Axes, lang: str = "en", top: int = 10, row: int | None = None
) -> Axes:
    """Columns by columns: what each pair does together, and on the diagonal what each column does by itself.

    Over all rows the mean size, dark for much. Of one row the signed values, orange where they raise the explained
    number and blue where they lower it; a pair's whole interaction stands on either side of the diagonal. Each cell
    also has its number.

    Args:
        e: attributions of pairs.
        ax: where to draw.
        lang: language of the labels.
        top: how many columns are shown.
        row: one row, signed; None for the mean size over all rows.
    """
    words, shown = labels.words(lang), _shown(e, top)
    one = 0 if row is None and len(e) == 1 else row
    if one is None:
        values, limit = e.strength, float(e.strength.max()) or 1.0
        colours, low = theme.SEQUENTIAL, 0.0
    else:
        mine = e.values[chosen(e, one)]
        values = mine + mine * (1 - np.eye(len(mine)))
        limit = float(np.abs(values).max()) or 1.0
        colours, low = theme.DIVERGING, -limit
    part = values[np.ix_(shown, shown)]
    image = ax.imshow(part, cmap=colours, vmin=low, vmax=limit, aspect="equal")
    names = [captions.shortened(e.names[k], NAME) for k in shown]
    ax.set_xticks(
        range(len(shown)), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=theme.SMALL
    )
    ax.set_yticks(range(len(shown)), names, fontsize=theme.SMALL)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    _numbers(ax, part, limit, one is not None)
    whole = e.attribution
    about = captions.about_rows(whole, words, len(e)) if one is None else captions.about(whole, one, words)
    label = (
        words.mean_size.format(axis=captions.axis(whole, words))
        if one is None
        else captions.axis(whole, words, one)
    )
    colour_bar(ax, image, label, _ticks(low, limit), below=False)
    captions.head(ax, captions.method(e, words), about)
    left = len(e.names) - len(shown)
    captions.foot(
        ax,
        e,
        words,
        say(lang, "pair_parts") if e.players else words.pair_map,
        words.more_features.format(n=left) if left else "",
    )
    return ax


def _ticks(low: float, limit: float) -> dict[float, str]:
    return {v: captions.signed(v) if low < 0 and v else captions.number(v) for v in (low, 0.0, limit)}


def _numbers(ax: Axes, part: NpArray, limit: float, is_signed: bool) -> None:
    for (i, j), value in np.ndenumerate(part):
        if abs(value) < 0.005 * limit:
            continue
        dark = abs(value) > 0.6 * limit
        text = f"{value:+.2g}" if is_signed else f"{value:.2g}"
        ax.text(
            j, i, text.replace("-", "\N{MINUS SIGN}"), ha="center", va="center",
            fontsize=theme.SMALL, color=theme.LABEL_BACK if dark else theme.LINE,
        )  # fmt: skip
