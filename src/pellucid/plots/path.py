"""path: the way of a row through one tree, the sides not taken folded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from pellucid.core.features import Features
from pellucid.results import TreePaths
from pellucid.results.tree_paths import Step

from . import captions, labels, theme
from .path_labels import say
from .registry import draws

LEVEL, HALF = 0.92, 1.25
"""Inches: from split to split, and from the way to where a folded side stands."""
ROOM = 2.1
"""Inches: where the question of a split, or a folded side, is broken into lines."""
LEFT, RIGHT = 1.3, 3.1
"""Inches beside the way."""
OUTPUTS = 6
"""At most so many outputs are written at the leaf."""
PALE = 0.25
"""How much of its sign's colour a leaf has."""


def _size(e: TreePaths, how: Mapping[str, Any]) -> tuple[float, float]:
    row = e.row(how["row"])
    splits = int(e.starts[row + 1] - e.starts[row])
    return LEFT + RIGHT, LEVEL * splits + 0.45 + 0.16 * min(len(e.targets), OUTPUTS + 1)


@draws(TreePaths, Features, size=_size)
def path(e: TreePaths, *, ax: Axes, lang: str = "en", row: int = 0) -> Axes:
    """The splits that a row meets in one tree, its value at each, the way it goes drawn heavy, down to the leaf.

    What lies on the sides not taken is folded into a note: how many leaves, and, where that is known, what share of
    the training weight. A missing value is named, with the side that the tree sends it to.

    Args:
        e: ways through a tree.
        ax: where to draw.
        lang: language of the labels.
        row: which row.
    """
    words, steps = labels.words(lang), e.steps(row)
    ax.set(xticks=[], yticks=[])
    ax.set_frame_on(False)
    lines = min(len(e.targets), OUTPUTS + 1)
    ax.set(xlim=(-LEFT, RIGHT), ylim=(LEVEL * len(steps) + 0.16 * lines + 0.2, -0.25))
    for k, step in enumerate(steps):
        _split(ax, step, LEVEL * k, lang)
    _leaf(ax, e, row, LEVEL * len(steps), lang)
    name = words.row.format(row=e.index[row] if e.index else row)
    captions.head(ax, captions.method(e, words), f"{name} · {say(lang, 'about', tree=e.tree, trees=e.trees)}")
    captions.foot(ax, e, words, *_notes(e, row, words, lang))
    return ax


def _notes(e: TreePaths, row: int, words: labels.Words, lang: str) -> list[str]:
    """What the numbers count in, and which row it is of how many."""
    space, one = words.space(e.space), len(e.targets) == 1 and e.targets[0] != "output"
    counts = say(lang, "space_of" if one else "space", space=space, target=_target(e.targets[0], lang))
    return [
        counts,
        "" if np.isnan(e.leaf_share[row]) else say(lang, "shares"),
        say(lang, "another", n=len(e)) if len(e) > 1 else "",
    ]


def _split(ax: Axes, step: Step, y: float, lang: str) -> None:
    """A split: the row's value, the heavy way down and the folded side."""
    shown = step.shown or say(lang, "missing")
    if step.missing and step.shown:
        shown = say(lang, "counts", shown=shown)
    ax.plot([0, 0], [y, y + LEVEL], color=theme.LINE, lw=2.4, zorder=1)
    ax.plot([0, HALF], [y, y + LEVEL / 2], color=theme.PALE, lw=1.0, zorder=1)
    text = captions.fold(f"{captions.shortened(step.column, 40)} = {shown}", ROOM, theme.SMALL)
    _boxed(ax, text, (0, y), edge=theme.PLAIN)
    taken = say(lang, "goes", taken=step.taken) if step.missing else step.taken
    _boxed(ax, captions.fold(taken, ROOM, theme.SMALL), (0, y + LEVEL / 2), quiet=True)
    many = "one_leaf" if step.other_leaves == 1 else "leaves"
    parts = [_percent(step.other_share, lang), say(lang, many, n=step.other_leaves)]
    folded = captions.fold(step.other, RIGHT - HALF - 0.15, theme.SMALL)
    folded += "\n" + " · ".join(p for p in parts if p)
    _boxed(ax, folded, (HALF, y + LEVEL / 2), edge=theme.PALE, quiet=True, ha="left")
    ax.annotate(
        _percent(step.share, lang), (-LEFT, y), ha="left", va="center",
        fontsize=theme.SMALL, color=theme.QUIET, zorder=2,
    )  # fmt: skip


def _boxed(
    ax: Axes,
    text: str,
    at: tuple[float, float],
    *,
    edge: str = "none",
    quiet: bool = False,
    ha: str = "center",
) -> None:
    ax.annotate(
        text, at, ha=ha, va="center", fontsize=theme.SMALL, zorder=4 if edge != "none" else 3,
        color=theme.QUIET if quiet and edge != "none" else theme.LINE,
        bbox={"boxstyle": f"round,pad={0.3 if edge != 'none' else 0.1}", "fc": theme.LABEL_BACK, "ec": edge, "lw": 0.8},
    )  # fmt: skip


def _percent(share: float, lang: str) -> str:
    if np.isnan(share):
        return ""
    return say(lang, "share", share="< 1" if 0 < share < 0.01 else f"{100 * share:.0f}")


def _target(name: str, lang: str) -> str:
    return say(lang, "class", name=name) if name.isdigit() else captions.shortened(name, 24)


def _amount(value: float) -> str:
    return captions.signed(float(value)) if value else "0"


def _leaf(ax: Axes, e: TreePaths, row: int, y: float, lang: str) -> None:
    """The leaf, and what it adds to each output, the largest first where there are many."""
    values = e.values[row]
    if len(values) == 1:
        lines = [say(lang, "adds", amount=_amount(values[0]))]
        ground = theme.FOR if values[0] > 0 else theme.AGAINST if values[0] < 0 else theme.LABEL_BACK
    else:
        order = (
            np.argsort(-np.abs(values), kind="stable") if len(values) > OUTPUTS else np.arange(len(values))
        )
        lines = [
            say(lang, "adds_to", target=_target(e.targets[k], lang), amount=_amount(values[k]))
            for k in order[:OUTPUTS]
        ]  # fmt: skip
        lines += [say(lang, "more", n=len(values) - OUTPUTS)] if len(values) > OUTPUTS else []
        ground = theme.LABEL_BACK
    red, green, blue = (PALE * c + 1 - PALE for c in to_rgb(ground))
    fill = red, green, blue
    ax.annotate(
        "\n".join([say(lang, "leaf", leaf=int(e.leaf[row])), *lines]), (0, y),
        ha="center", va="top", fontsize=theme.SMALL, zorder=4, color=theme.ink(fill),
        bbox={"boxstyle": "round,pad=0.35", "fc": fill, "ec": theme.LINE, "lw": 1.8},
    )  # fmt: skip
    ax.annotate(
        _percent(float(e.leaf_share[row]), lang), (-LEFT, y + 0.08), ha="left", va="center",
        fontsize=theme.SMALL, color=theme.QUIET, zorder=2,
    )  # fmt: skip
