"""head: one attention head enlarged, token by token."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.results import AttentionMaps

from . import captions, labels, theme, units
from .attention import about, colours, counted, number_of, squares, ticks
from .attention_labels import say
from .canvas import colour_bar
from .planes import DPI
from .registry import draws

SIDE = 460
"""Screen pixels of the longer side."""
ROOMY, LEAST = 26, 3
"""Screen pixels of a cell."""
LINE = 12
"""Screen pixels that a name beside a line of cells needs."""


def _cell(e: AttentionMaps, how: Mapping[str, Any]) -> tuple[int, int, int]:
    """Pixels of a cell, queries and keys."""
    row = number_of(e, "row", how["row"], e.rows)
    _, queries, keys = squares(e, e.number(how["layer"]), row, how["window"]).shape
    return max(LEAST, min(ROOMY, SIDE // max(queries, keys))), queries, keys


def _size(e: AttentionMaps, how: Mapping[str, Any]) -> tuple[float, float]:
    cell, queries, keys = _cell(e, how)
    return cell * keys / DPI, cell * queries / DPI


@draws(AttentionMaps, Features, size=_size, leads=lambda e: False)
def head(
    e: AttentionMaps,
    *,
    ax: Axes,
    lang: str = "en",
    layer: str | int = 0,
    head: int = 0,
    row: int = 0,
    window: int = 0,
) -> Axes:
    """One head: a line per query, a column per key, darker where more is read; words where they are known.

    Args:
        e: attention of one or more layers.
        ax: where to draw.
        lang: language of the labels.
        layer: which layer, by name or number.
        head: which of its heads.
        row: which row.
        window: which window, where the layer attends within windows.
    """
    i, row, words = e.number(layer), number_of(e, "row", row, e.rows), labels.words(lang)
    head = number_of(e, "head", head, e.heads(i))
    values = squares(e, i, row, window)[head]
    limit = units.limit_of(values)
    ax.imshow(
        values,
        cmap=colours(limit).get_cmap(),
        norm=colours(limit).norm,  # type: ignore[arg-type]  # the stubs' Norm is a Normalize
        aspect="equal",
        interpolation="nearest",
    )
    cell = max(LEAST, min(ROOMY, SIDE // max(values.shape)))
    _named(ax, e, i, row, values.shape, cell)
    ax.set_xlabel(say(lang, "key"), fontsize=theme.SMALL)
    ax.set_ylabel(say(lang, "query"), fontsize=theme.SMALL)
    for spine in ax.spines.values():
        spine.set_visible(False)
    colour_bar(ax, colours(limit), say(lang, counted(e)), ticks(limit), below=False)
    which = say(lang, "head_n", k=head) if e.view == "heads" else ""
    captions.head(
        ax,
        units.method(e, lang),
        units.layer_line(e, i),
        " · ".join(p for p in (which, about(e, lang, row)) if p),
    )
    many = say(lang, "another", i=i, n=len(e.layers), k=head, m=e.heads(i)) if len(e) > 1 else ""
    cut = say(lang, "window", k=window, n=e.windows[i]) if e.windows[i] > 1 else ""
    captions.foot(ax, e, words, many, cut)
    return ax


def _named(ax: Axes, e: AttentionMaps, i: int, row: int, shape: tuple[int, ...], cell: int) -> None:
    """Words beside the lines and under the columns, as many as can be read; numbers where no words are known."""
    every = math.ceil(LINE / cell)
    for axis, count, full in ((ax.yaxis, shape[0], e.shapes[i][2]), (ax.xaxis, shape[1], e.shapes[i][3])):
        known = [w for w in e.words(row, full) if w != ""]
        at = list(range(0, count, every if known else max(every, math.ceil(count / 12))))
        axis.set_ticks(at, [captions.shortened(known[k], 16) if known else str(k) for k in at])
    turned = any(len(t.get_text()) * 6 > cell * every for t in ax.get_xticklabels())
    ax.tick_params(labelsize=theme.SMALL, length=0)
    ax.tick_params(axis="x", labelrotation=90 if turned else 0)
