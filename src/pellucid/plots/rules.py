"""rules: a surrogate as rules, with how many rows each holds for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.features import Features
from pellucid.results import Surrogate

from . import captions, labels, marks, theme
from .labels import Words
from .registry import draws
from .tree import says, told

IF = 3.2
"""Inches: where a rule is folded."""


def _lacks(e: Surrogate) -> str:
    return "" if e.form != "linear" else "a linear model has no rules"


def _texts(e: Surrogate, words: Words) -> list[str]:
    found = list[str]()
    for rule in e.rules:
        held = words.and_also.join(f"{captions.shortened(c, 40)} {what}" for c, what in rule.conditions)
        found.append(captions.fold(held or words.otherwise, IF, theme.BODY))
    return found


def _size(e: Surrogate, how: Mapping[str, Any]) -> tuple[float, float]:
    texts = _texts(e, labels.EN)
    lines = max(1 + t.count("\n") for t in texts)
    return theme.CHART * 0.75, max(0.8, len(texts) * marks.row_height(lines))


@draws(Surrogate, Features, size=_size, lacks=_lacks, leads=lambda e: e.form == "rules")
def rules(e: Surrogate, *, ax: Axes, lang: str = "en") -> Axes:
    """Each rule on a line, with what it says; bars are the share of the rows for which it is the one that counts.

    Rules of a list are asked from top to bottom, and the first that holds counts; those of a tree exclude each other.

    Args:
        e: a surrogate that is a tree or a list of rules.
        ax: where to draw.
        lang: language of the labels.
    """
    words, found = labels.words(lang), e.rules
    share = 100 * np.array([r.share for r in found])
    marks.rows(ax, _texts(e, words))
    ax.barh(np.arange(len(found)), share, theme.BAR_THICKNESS, color=theme.RELIED)
    marks.written(
        ax, (0.0, float(share.max())), share, [says(e, r.output).replace("\n", ", ") for r in found]
    )
    ax.set_xlim(left=0)
    ax.set_xlabel(words.share_of_rows, loc="left", fontsize=theme.BODY)
    captions.head(ax, captions.method(e, words), told(e, words))
    captions.foot(ax, e, words, words.in_order if e.form == "rules" else "")
    return ax
