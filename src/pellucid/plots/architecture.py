"""architecture: a network's steps as a drawn graph, with a table beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from pellucid.core.features import Features
from pellucid.results import ForwardPass

from . import captions, labels, mosaic, theme, units
from .canvas import bare
from .inside_labels import say
from .registry import draws

PAGE = 44
"""Steps on a page."""
ROW = 0.2
"""Inches of a step's line."""
LANE = 0.14
"""Inches between the lines of skips."""
BAR = 0.9
"""Inches of a full bar of compute."""
APART = 0.18
"""Inches between columns."""
HEADS = ("step", "kind", "shape", "parameters", "field", "compute")


def _shown(e: ForwardPass, page: int) -> range:
    return mosaic.paged(len(e.names), page, PAGE)[1]


def _columns(e: ForwardPass, shown: range, lang: str) -> list[list[str]]:
    """The texts of the table, column by column, the head first."""
    texts = [[say(lang, f"head_{h}")] for h in HEADS]
    shares = e.shares
    for k in shown:
        values = (
            captions.shortened(e.names[k], 34),
            captions.shortened(e.kinds[k], 22),
            "x".join(map(str, e.shapes[k])),
            f"{int(e.values[k, 0]):,}" if e.values[k, 0] else "",
            "x".join(map(str, e.fields[k])),
            f"{100 * shares[k]:.1f} %" if e.values[k, 1] else "",
        )
        for column, text in zip(texts, values, strict=True):
            column.append(text)
    return texts


def _widths(texts: list[list[str]]) -> list[float]:
    return [max(captions.width(t, theme.SMALL) for t in column) for column in texts]


def _lanes(e: ForwardPass) -> dict[tuple[int, int], int]:
    """Which line each skip runs on, so that none covers another."""
    lanes: dict[tuple[int, int], int] = {}
    for skip in sorted(e.skips, key=lambda s: (s[1] - s[0], s)):
        taken = {lane for other, lane in lanes.items() if other[0] < skip[1] and skip[0] < other[1]}
        lanes[skip] = next(k for k in range(len(lanes) + 1) if k not in taken)
    return lanes


def _left(e: ForwardPass) -> float:
    """Inches of the graph."""
    return LANE * (2 + max(_lanes(e).values(), default=-1) + 1)


def _size(e: ForwardPass, how: Mapping[str, Any]) -> tuple[float, float]:
    shown = _shown(e, how["page"])
    widths = _widths(_columns(e, shown, "en"))
    return _left(e) + sum(widths) + APART * len(widths) + BAR, ROW * (len(shown) + 1.4)


@draws(ForwardPass, Features, size=_size, pages=lambda e, how: math.ceil(len(e.names) / PAGE))
def architecture(e: ForwardPass, *, ax: Axes, lang: str = "en", page: int = 1) -> Axes:
    """The steps of a forward pass from top to bottom: a square for a layer, a dot for a function between layers.

    Lines on the left pass over steps: skips. The bar is the step's share of all multiply-adds.

    Args:
        e: the steps of a network.
        ax: where to draw.
        lang: language of the labels.
        page: which page of steps, from 1.
    """
    words, shown = labels.words(lang), _shown(e, page)
    texts = _columns(e, shown, lang)
    widths, left = _widths(texts), _left(e)
    wide = left + sum(widths) + APART * len(widths) + BAR
    bare(ax)
    ax.set_xlim(0, wide)
    ax.set_ylim(ROW * (len(shown) + 0.7), -ROW * 0.7)
    _graph(ax, e, shown, left)
    x = left + APART / 2
    for head, column, width in zip(HEADS, texts, widths, strict=True):
        right = head in ("parameters", "compute", "field")
        for line, text in enumerate(column):
            ax.text(
                x + width if right else x,
                ROW * line,
                text,
                ha="right" if right else "left",
                va="center",
                fontsize=theme.SMALL,
                color=theme.QUIET if line == 0 else theme.foreground(),
            )
        x += width + APART
    for line, k in enumerate(shown, 1):
        bar = (x, ROW * (line - 0.28))
        ax.add_patch(Rectangle(bar, BAR * float(e.shares[k]), ROW * 0.56, color=theme.RELIED, lw=0))
    ax.plot([0, wide], [ROW / 2, ROW / 2], color=theme.PALE, lw=0.6)
    total = say(lang, "network", n=len(e.names), p=f"{e.parameters:,}", m=f"{e.multiplications:,}")
    captions.head(ax, units.method(e, lang), f"{e.provenance.model} · {total}")
    pages = math.ceil(len(e.names) / PAGE)
    which = ""
    if pages > 1:
        which = say(
            lang, "page", page=page, pages=pages, first=shown[0] + 1, last=shown[-1] + 1, n=len(e.names)
        )
    captions.foot(ax, e, words, which, say(lang, "graph_key"))
    return ax


def _graph(ax: Axes, e: ForwardPass, shown: range, left: float) -> None:
    """Marks of the steps, lines between neighbours, and the lines of skips beside them."""
    at = left - LANE

    def y(k: int) -> float:
        return ROW * (min(max(k, shown.start - 1), shown.stop) - shown.start + 1)

    for k in shown:
        if any(s == k - 1 or s < 0 for s in e.sources[k]):
            top = y(k) - ROW if k > shown.start else y(k) - ROW * 0.45
            first = all(s < 0 for s in e.sources[k]) and k > 0
            ax.plot([at, at], [y(k) - ROW * 0.45 if first else top, y(k)], color=theme.PLAIN, lw=1, zorder=1)
    for (start, stop), lane in _lanes(e).items():
        if stop < shown.start or start >= shown.stop:
            continue
        out, low, high = at - LANE * (lane + 1), y(start), y(stop)
        points = [(at, low), (out, low), (out, low + ROW / 2), (out, high - ROW / 2), (out, high), (at, high)]
        codes = [Path.MOVETO, Path.CURVE3, Path.CURVE3, Path.LINETO, Path.CURVE3, Path.CURVE3]
        line = PathPatch(Path(points, codes), facecolor="none", edgecolor=theme.FOR, lw=1.1, zorder=1)
        ax.add_patch(line)
    for square in (True, False):
        found = [k for k in shown if e.layers[k] is square]
        ax.plot(
            [at] * len(found),
            [y(k) for k in found],
            ls="none",
            marker="s" if square else "o",
            ms=6 if square else 4,
            color=theme.AGAINST if square else theme.PLAIN,
            zorder=3,
        )
