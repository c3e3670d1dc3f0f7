"""curves: the effects of several columns, side by side on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.results import Curve

from . import captions, labels, lines, theme
from .canvas import bare, positive
from .panels import ACROSS, WIDE, panels, size_of
from .registry import draws

UNDER, UNDER_NAMES = 0.55, 0.95
"""Inches below a panel for its ticks and its name; where ticks are names of categories, written aslant."""
LONGEST = 12
"""Letters of the name of a category."""


def _single(e: Curve, top: int) -> list[int]:
    return [int(k) for k in e.order if len(e.columns[k]) == 1][: positive("top", top)]


def _lacks(e: Curve) -> str:
    return "" if sum(len(c) == 1 for c in e.columns) > 1 else "it has fewer than two effects of one column"


def _size(e: Curve, how: Mapping[str, Any]) -> tuple[float, float]:
    shown = _single(e, how["top"])
    return size_of(len(shown), _under(e, shown))


def _under(e: Curve, shown: list[int]) -> float:
    named = [[captions.shortened(n, LONGEST) for n in lines.drawn(e, k).names] for k in shown]
    return UNDER_NAMES if any(names and lines.turned(names, WIDE) for names in named) else UNDER


@draws(Curve, Features, size=_size, lacks=_lacks)
def curves(e: Curve, *, ax: Axes, lang: str = "en", top: int = 9, own: bool = False) -> Axes:
    """The widest effects, one panel each, all on one scale, so that a flat effect looks flat.

    Args:
        e: effects of several columns.
        ax: where to draw; the panels are axes within these.
        lang: language of the labels.
        top: how many columns are shown.
        own: whether the rows' own curves are drawn behind, where there is one output.
    """
    words, shown = labels.words(lang), _single(e, top)
    bare(ax)
    ax.patch.set_visible(False)
    under = _under(e, shown)
    each, all_drawn = panels(ax, len(shown), under), [lines.drawn(e, k) for k in shown]
    count = [lines.draw(panel, d, own=own) for panel, d in zip(each, all_drawn, strict=True)]
    limits = np.array([lines.room(panel, all_drawn) for panel in each])
    kinds = list[str]()
    for k, (panel, d) in enumerate(zip(each, all_drawn, strict=True)):
        panel.set_ylim(limits[:, 0].min(), limits[:, 1].max())
        lines.axes(panel, d, theme.SMALL, LONGEST)
        kinds.append(lines.floor(panel, d))
        panel.locator_params(axis="y", nbins=5)
        if not d.names:
            panel.locator_params(axis="x", nbins=4)
        if k % ACROSS:
            panel.tick_params(labelleft=False)
        else:
            panel.set_ylabel("")
    _label(ax, each, e, words)
    captions.head(
        ax, captions.method(e, words), f"{lines.axis_label(e, words)} · {words.rows.format(n=e.rows)}"
    )
    left = sum(len(c) == 1 for c in e.columns) - len(shown)
    said = [
        words.order_by,
        words.own_curves.format(n=max(count)) if max(count) else "",
        words.band if e.quality.half_width is not None and np.nan_to_num(e.quality.half_width).any() else "",
        *dict.fromkeys(_told(d, kind, words) for d, kind in zip(all_drawn, kinds, strict=True)),
    ]
    drop = under - 0.1
    captions.foot(
        ax,
        e,
        words,
        "; ".join(s for s in said if s),
        words.more_effects.format(n=left) if left else "",
        drop=drop,
    )
    return ax


def _told(d: lines.Drawn, kind: str, words: labels.Words) -> str:
    """What the marks are, without counts that differ between panels."""
    return words.per_category if kind == "per_interval" else lines.told(d, kind, words)


def _label(ax: Axes, panels: list[Axes], e: Curve, words: labels.Words) -> None:
    """Name several outputs, once, beside the panels."""
    if len(e.targets) > 1:
        handles, names = panels[0].get_legend_handles_labels()
        ax.legend(
            handles, names, loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=theme.SMALL, frameon=False,
            borderaxespad=0.0,
        )  # fmt: skip
