"""tree: a surrogate tree, with what it asks and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from pellucid.core.features import Features
from pellucid.results import Surrogate

from . import captions, labels, theme
from .canvas import bare
from .labels import Words
from .registry import draws

LEAF, LEVEL = 1.25, 0.95
"""Inches: the place of a leaf, and of a level."""
ASKED = 1.5
"""Inches: where a question is folded."""
PALEST, STRONGEST = 0.2, 0.6
"""How much colour a leaf keeps that is sure of nothing, and one that is sure."""


def _lacks(e: Surrogate) -> str:
    return "" if e.form == "tree" else f"it is of the form {e.form!r}"


def _leaves(e: Surrogate) -> int:
    return int((e.feature < 0).sum())


def depth(e: Surrogate, node: int = 0) -> int:
    """Levels below a node."""
    if e.feature[node] < 0:
        return 0
    return 1 + max(depth(e, int(e.left[node])), depth(e, int(e.right[node])))


def _size(e: Surrogate, how: Mapping[str, Any]) -> tuple[float, float]:
    return max(3.0, LEAF * _leaves(e)), LEVEL * (depth(e) + 1) - 0.2


@draws(Surrogate, Features, size=_size, lacks=_lacks)
def tree(e: Surrogate, *, ax: Axes, lang: str = "en") -> Axes:
    """The simple tree that stands in for the model: questions, and at the leaves what it says and for how many rows.

    A leaf has the colour of its class, paler where it is less sure; of numbers, the darker the larger. The way of the
    row it stands around, where it is of one row, is drawn heavy.

    Args:
        e: a surrogate that is a tree.
        ax: where to draw.
        lang: language of the labels.
    """
    words = labels.words(lang)
    bare(ax)
    ax.set_frame_on(False)
    places = _places(e)
    levels = max(y for _, y in places.values())
    ax.set(xlim=(-0.5, _leaves(e) - 0.5), ylim=(levels + 0.5, -0.45))
    own = _way(e)
    for node, (x, y) in places.items():
        if e.feature[node] < 0:
            _leaf(ax, e, node, (x, y), words, own=node in own)
            continue
        for child, is_left in ((int(e.left[node]), True), (int(e.right[node]), False)):
            _branch(ax, (x, y), places[child], _answer(e, node, is_left, words), heavy=child in own)
        _ask(ax, e, node, (x, y))
    captions.head(ax, captions.method(e, words), told(e, words))
    captions.foot(ax, e, words, words.tree_row.format(row=e.row) if e.row >= 0 else "")
    return ax


def told(e: Surrogate, words: Words) -> str:
    """How faithful it is, on which rows."""
    text = words.agreement if e.decides else words.r2
    return text.format(
        value=captions.number(100 * e.fidelity if e.decides else e.fidelity),
        half=captions.number(100 * e.fidelity_half_width if e.decides else e.fidelity_half_width),
        n=len(e.held_out),
    )


def _places(e: Surrogate) -> dict[int, tuple[float, float]]:
    """Where each node is: leaves side by side, the others in the middle above theirs."""
    found: dict[int, tuple[float, float]] = {}

    def put(node: int, level: int, start: float) -> float:
        if e.feature[node] < 0:
            found[node] = start, float(level)
            return start + 1
        first, second = int(e.left[node]), int(e.right[node])
        if _by_category(e, node):
            first, second = second, first  # "yes" is always on the left
        end = put(second, level + 1, put(first, level + 1, start))
        found[node] = (found[first][0] + found[second][0]) / 2, float(level)
        return end

    put(0, 0, 0.0)
    return found


def _way(e: Surrogate) -> set[int]:
    """The nodes that the row it stands around goes through."""
    if e.row < 0:
        return set()
    row, node, way = e.terms(e.own[None])[0], 0, {0}
    while e.feature[node] >= 0:
        node = int((e.left if row[e.feature[node]] <= e.threshold[node] else e.right)[node])
        way.add(node)
    return way


def _ask(ax: Axes, e: Surrogate, node: int, at: tuple[float, float]) -> None:
    """A split as a question; that of a category asks whether it is there."""
    column, condition = e.condition(node, left=not _by_category(e, node))
    text = captions.fold(f"{captions.shortened(column, 40)} {condition}?", ASKED, theme.SMALL)
    ax.annotate(
        text, at, ha="center", va="center", fontsize=theme.SMALL, zorder=4,
        bbox={"boxstyle": "round,pad=0.3", "fc": theme.LABEL_BACK, "ec": theme.PLAIN, "lw": 0.8},
    )  # fmt: skip


def _by_category(e: Surrogate, node: int) -> bool:
    return not np.isnan(e.term_code[e.feature[node]])


def _answer(e: Surrogate, node: int, is_left: bool, words: Words) -> str:
    return words.yes if is_left != _by_category(e, node) else words.no


def _branch(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], text: str, *, heavy: bool
) -> None:
    colour, wide = (theme.LINE, 2.4) if heavy else (theme.PALE, 1.0)
    ax.plot([start[0], end[0]], [start[1], end[1]], color=colour, lw=wide, zorder=1)
    middle = start[0] + 0.5 * (end[0] - start[0]), start[1] + 0.5 * (end[1] - start[1])
    ax.annotate(
        text, middle, ha="center", va="center", fontsize=theme.SMALL, color=theme.QUIET, zorder=2,
        bbox={"boxstyle": "round,pad=0.1", "fc": theme.LABEL_BACK, "ec": "none"},
    )  # fmt: skip


def _leaf(ax: Axes, e: Surrogate, node: int, at: tuple[float, float], words: Words, *, own: bool) -> None:
    colour = _colour(e, node)
    rows = words.of_rows.format(share=_percent(e.share[node]))
    said = captions.fold(f"{says(e, e.output[node])}\n{rows}", LEAF - 0.2, theme.SMALL)
    ax.annotate(
        said, at, ha="center", va="center", fontsize=theme.SMALL, zorder=4, color=theme.ink(colour),
        bbox={"boxstyle": "round,pad=0.3", "fc": colour, "ec": theme.LINE if own else "none", "lw": 1.8},
    )  # fmt: skip


def _percent(share: float) -> str:
    return "< 1" if 0 < share < 0.01 else f"{100 * share:.0f}"


def says(e: Surrogate, output: Any) -> str:
    """What a leaf says: the class with its share, or the numbers."""
    if e.decides:
        k = int(np.argmax(output))
        return f"{captions.shortened(e.targets[k], 24)} {100 * output[k]:.0f} %"
    if len(e.targets) == 1:
        return captions.number(float(output[0]))
    named = [captions.shortened(name, 20) for name in e.targets]
    return "\n".join(f"{n}: {captions.number(float(v))}" for n, v in zip(named, output, strict=True))


def _colour(e: Surrogate, node: int) -> tuple[float, float, float]:
    output = e.output[node]
    if e.decides:
        k = int(np.argmax(output))
        sure = float(np.clip((output[k] - 0.5) / 0.5, 0, 1))
        strong = np.array(to_rgb(theme.LINES[k % len(theme.LINES)]))
        kept = PALEST + (STRONGEST - PALEST) * sure
        mixed = kept * strong + (1 - kept) * np.ones(3)
        return float(mixed[0]), float(mixed[1]), float(mixed[2])
    every = e.output[e.feature < 0][:, 0]
    part = (output[0] - every.min()) / (np.ptp(every) or 1.0)
    red, green, blue, _ = theme.SEQUENTIAL(0.1 + 0.7 * float(part))
    return red, green, blue
