"""graph: which columns act together, as a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.core.types import NpArray
from pellucid.results import Interactions

from . import captions, labels, theme
from .canvas import bare, positive
from .registry import draws

SIDE = 3.6
"""Inches of the square axes."""
EDGE = (0.4, 7.0)
"""Points: the width of the weakest and the strongest line."""
NODE = (25.0, 700.0)
"""Square points: the area of a column without interaction, and of one that is nothing else."""
FAINTEST = 0.02
"""Lines weaker than this share of the strongest are not drawn."""
LABELLED = 5
"""At most so many lines have their number written on them."""
ROOM = 1.45
"""How far the axes reach beyond the circle of radius one, for the names."""


def _size(e: Interactions, how: Mapping[str, Any]) -> tuple[float, float]:
    return SIDE * 1.45, SIDE


@draws(Interactions, Features, size=_size)
def graph(e: Interactions, *, ax: Axes, lang: str = "en", top: int = 12, pairs: int = 15) -> Axes:
    """Columns around a circle, the larger the more they act together with others; lines join those that do.

    The width of a line is the interaction in units of the output, its darkness the share of the pair's joint effect
    that is interaction, which is written on the strongest lines: a thin dark line is a large share of very little.

    Args:
        e: interactions of columns.
        ax: where to draw.
        lang: language of the labels.
        top: how many columns are shown, those with the most interaction.
        pairs: how many lines are drawn, the strongest.
    """
    words = labels.words(lang)
    shown = np.argsort(-e.overall, kind="stable")[: positive("top", top)]
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(shown)) / len(shown)
    at = {int(c): np.array([np.cos(a), np.sin(a)]) for c, a in zip(shown, angle, strict=True)}
    drawn = [p for p in e.pairs if p[0] in at and p[1] in at and _worth(e, p)][: positive("pairs", pairs)]
    bare(ax)
    ax.set_frame_on(False)
    ax.set(xlim=(-1.45 * ROOM, 1.45 * ROOM), ylim=(-1.25, 1.25), aspect="equal")
    _lines(ax, e, drawn, at)
    area = NODE[0] + (NODE[1] - NODE[0]) * np.clip(e.overall[shown], 0, 1)
    ax.scatter(*np.stack([at[int(c)] for c in shown]).T, s=area, color=theme.EFFECT, zorder=3)
    for c, size in zip(shown, area, strict=True):
        _name(
            ax, f"{captions.shortened(e.names[c], 24)}\n{100 * e.overall[c]:.0f} %", at[int(c)], float(size)
        )
    about = " · ".join(p for p in (_target(e), words.rows.format(n=e.rows)) if p)
    captions.head(ax, captions.method(e, words), about)
    left = len(e.names) - len(shown)
    captions.foot(
        ax,
        e,
        words,
        words.network if drawn else words.no_interaction,
        words.measured_pairs.format(n=len(e.pairs), drawn=len(drawn)),
        words.more_features.format(n=left) if left else "",
    )
    return ax


def _worth(e: Interactions, pair: tuple[int, int]) -> bool:
    """Whether a line would be seen, and would not say 0 %."""
    return e.values[pair] >= 0.005 and e.strength[pair] >= FAINTEST * e.strength[e.pairs[0]]


def _target(e: Interactions) -> str:
    return (
        captions.shortened(e.targets[0], captions.TARGET)
        if len(e.targets) == 1 and e.targets[0] != "output"
        else ""
    )


def _lines(ax: Axes, e: Interactions, drawn: list[tuple[int, int]], at: dict[int, NpArray]) -> None:
    strongest = max((e.strength[p] for p in drawn), default=1.0)
    for k, (a, b) in reversed(list(enumerate(drawn))):
        share, part = float(np.clip(e.values[a, b], 0, 1)), float(e.strength[a, b] / strongest)
        ax.plot(
            *zip(at[a], at[b], strict=True),
            lw=EDGE[0] + (EDGE[1] - EDGE[0]) * part,
            color=theme.SEQUENTIAL(0.25 + 0.7 * share),
            solid_capstyle="round",
            zorder=1 + 0.5 * part,
        )
        if k < LABELLED:
            middle = at[a] + (0.5 if len(at) < 4 else 0.4) * (at[b] - at[a])
            ax.annotate(
                f"{100 * share:.0f} %", (middle[0], middle[1]), ha="center", va="center",
                fontsize=theme.SMALL, zorder=4,
                bbox={"boxstyle": "round,pad=0.15", "fc": theme.LABEL_BACK, "ec": "none", "alpha": 0.85},
            )  # fmt: skip


def _name(ax: Axes, text: str, place: NpArray, area: float) -> None:
    """A column's name outside the circle, clear of its disc."""
    away = 7 + np.sqrt(area) / 2
    side = "center" if abs(place[0]) < 0.2 else "left" if place[0] > 0 else "right"
    up = "center" if abs(place[1]) < 0.6 else "bottom" if place[1] > 0 else "top"
    ax.annotate(
        text,
        (place[0], place[1]),
        (away * place[0], away * place[1]),
        textcoords="offset points",
        ha=side,
        va=up,
        fontsize=theme.SMALL,
        linespacing=1.1,
    )
