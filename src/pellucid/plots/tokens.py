"""tokens: a text whose words are coloured by their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import Affine2D, Affine2DBase, ScaledTranslation, Transform

from pellucid.core.features import Tokens
from pellucid.core.types import NpArray
from pellucid.results import Attribution

from . import captions, labels, theme
from .canvas import bare, chosen, colour_bar, own
from .labels import Words
from .registry import draws
from .scale import CLIP, Scale, blank, scale

PAGE = 6.5
"""Inches: the width of the text."""
LEADING = 2.1
"""Distance of lines, in font sizes."""
GAP = 0.2
"""Distance of boxes, in font sizes."""
INSIDE = 0.15
"""Distance of a word from the sides of its box, in font sizes."""
FAINT = 0.05
"""A word below this share of the colour limit gets no underline."""


def _lacks(e: Attribution) -> str:
    return "" if isinstance(e.features, Tokens) and e.features.tokens else "it holds no words"


def words_of(e: Attribution, row: int) -> tuple[list[str], NpArray]:
    """The row's words, without padding, and a value for each; the parts of an embedding are summed."""
    found = e.features.row(row) if isinstance(e.features, Tokens) else ()
    values = np.nan_to_num(np.asarray(e.values[row], float))
    values = values.reshape(len(values), -1).sum(1)
    kept = [i for i, token in enumerate(found[: len(values)]) if token != ""]
    return [found[i] for i in kept], values[kept]


def _size(e: Attribution, how: Mapping[str, Any]) -> tuple[float, float]:
    scratch = own((PAGE, 1.0))
    texts, values = words_of(e, chosen(e, how["row"]))
    return PAGE, _write(scratch, texts, values, scale([values]))


def _points() -> float:
    return FontProperties(size=theme.TITLE).get_size_in_points()


@draws(Attribution, Tokens, size=_size, lacks=_lacks)
def tokens(e: Attribution, *, ax: Axes, lang: str = "en", row: int = 0, clip: float = CLIP) -> Axes:
    """One row's text: each word in a box coloured by its value, orange for the target and blue against it.

    Words for are underlined, words against underlined with dashes, so that the sign outlives a grey print. A line
    beneath gives the sum, and how it leads from the baseline to the output where there is a baseline. Limits, clip
    and units are those of `heatmap`.

    Args:
        e: attributions of a text.
        ax: where to draw; words keep their size, so wider axes hold longer lines.
        lang: language of the labels.
        row: which row.
        clip: share of the total attribution beyond the colour limits; 0 clips nothing.
    """
    words, row = labels.words(lang), chosen(e, row)
    texts, values = words_of(e, row)
    limits = scale([values], clip)
    bare(ax)
    ax.patch.set_visible(False)
    _write(ax, texts, values, limits)
    nothing, drop = blank(values, limits.peak, words), 0.0
    if not nothing:
        label = captions.axis(e, words, row)
        drop = colour_bar(ax, limits.mappable, label, limits.ticks, extend=limits.clipped, below=True)
    captions.head(ax, captions.method(e, words), captions.about(e, row, words))
    captions.foot(
        ax,
        e,
        words,
        nothing or words.underline,
        sum_line(e, row, values, words),
        limits.told(words),
        drop=drop,
    )
    return ax


def sum_line(e: Attribution, row: int, values: NpArray, words: Words) -> str:
    """The words' sum, and how it leads from the baseline to the output where there is a baseline."""
    total = captions.signed(float(values.sum()))
    if e.base is None or e.residual is None:
        return words.total.format(n=len(values), total=total)
    told = {"base": float(e.base[row]), "output": float(e.output[row])}
    residual = captions.signed(float(e.residual[row]))
    written = {k: captions.number(v) for k, v in told.items()}
    return words.total_of.format(n=len(values), total=total, residual=residual, **written)


def _points_from_top(ax: Axes) -> Transform:
    """Points right of and above the upper left corner, wherever the axes are moved."""
    figure, corner = ax.figure, cast(Affine2DBase, ax.transAxes)
    return Affine2D().scale(1 / 72) + figure.dpi_scale_trans + ScaledTranslation(0, 1, corner)


def _write(ax: Axes, texts: list[str], values: NpArray, limits: Scale) -> float:
    """Set the words in lines as wide as the axes; how many inches high they stand."""
    place, em = _points_from_top(ax), _points()
    room, x, y = captions.inches(ax)[0] * 72, 0.0, -0.8 * em
    for text, value in zip(texts, values, strict=True):
        colour = theme.DIVERGING(limits.norm(float(value)))
        drawn = ax.text(0, 0, captions.shortened(text), fontsize=theme.TITLE, va="center", parse_math=False)
        wide = drawn.get_window_extent().width * 72 / ax.figure.dpi + 2 * INSIDE * em
        if x and x + wide > room:
            x, y = 0.0, y - LEADING * em
        drawn.set(x=x + INSIDE * em, y=y, transform=place, color=theme.ink(colour[:3]), zorder=3)
        _box(ax, place, (x, y, wide), em, colour)
        if abs(value) > FAINT * limits.limit:
            _underline(ax, place, (x, x + wide), y - 0.82 * em, float(value))
        x += wide + GAP * em
    return (0.5 * LEADING * em - y) / 72


def _box(ax: Axes, place: Transform, box: tuple[float, float, float], em: float, colour: Any) -> None:
    x, y, wide = box
    ax.add_patch(
        Rectangle(
            (x, y - 0.7 * em),
            wide,
            1.4 * em,
            facecolor=colour,
            edgecolor="none",
            transform=place,
            clip_on=False,
        )
    )


def _underline(ax: Axes, place: Transform, ends: tuple[float, float], y: float, value: float) -> None:
    colour, style = (theme.FOR, "-") if value > 0 else (theme.AGAINST, (0, (2, 1.2)))
    line = Line2D(
        ends, (y, y), color=colour, ls=style, lw=1.6, transform=place, clip_on=False, solid_capstyle="butt"
    )
    ax.add_line(line)
