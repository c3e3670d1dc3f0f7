"""A sensitivity analysis told in a sentence: which feature moves the output most, and where the decision turns."""

from __future__ import annotations

import numpy as np

from pellucid.results import Sensitivity

from .amounts import number, worth
from .facts import SPACES, doubt_of
from .tell import doubts, sentences, told
from .words import Words

MOST = 3
"""At most so many features and flips are named."""
LEAST = 0.02
"""Features that move the output less than this share of the most are not named."""


@told.register
def _(e: Sensitivity, w: Words, row: int | None) -> str:
    """The feature that moves a row's output most, the next ones, and the nearest flips."""
    one = e[row or 0]
    method = w.find("methods", e.provenance.method) or e.provenance.title
    opening = w.say("said", "according", method=method, at="")
    order = [int(k) for k in one.order(0) if one.spread[0, k] > LEAST * one.spread[0].max()]
    said = [w.say("said", "why", according=opening, body=_body(one, order, w))]
    if order[1 : MOST + 1]:
        parts = [
            w.say("list", "part", cell=one.names[k], amount=number(float(one.spread[0, k])))
            for k in order[1 : MOST + 1]
        ]
        said.append(w.say("sensitivity", "then", others=w.listed(parts)))
    if one.decided[0] >= 0:
        said.append(_turns(one, w))
    if row is None and len(e) > 1:
        said.append(w.say("rows", "first", rows=len(e)))
    return sentences(w, [*said, *doubts(doubt_of(one.quality), w)])


def _body(e: Sensitivity, order: list[int], w: Words) -> str:
    space = e.space if e.space in SPACES else "raw"
    label = e.target[0] if e.target else ""
    if label in ("", "output"):
        noun = w.say("noun", space)
    else:
        noun = w.say(
            "noun_of", space, label=w.say("said", "number", label=label) if label.isdigit() else label
        )
    if not order:
        return w.say("sensitivity", "still", noun=noun)
    k = order[0]
    grid = e.grid[0, k][~np.isnan(e.grid[0, k])]
    kind = "hidden" if e.players else "most_words" if e.is_category(k) else "most"
    return w.say(
        "sensitivity",
        kind,
        noun=noun,
        feature=e.names[k],
        low=worth(float(np.nanmin(e.values[0, k])), space),
        high=worth(float(np.nanmax(e.values[0, k])), space),
        first=e.shown(k, float(grid[0])),
        last=e.shown(k, float(grid[-1])),
    )


def _turns(e: Sensitivity, w: Words) -> str:
    """Where the decision turns, the smallest moves (as shares of the way each feature can go) first."""
    away = np.abs(e.first_flip[0] - e.own[0]) / np.maximum(np.ptp(np.nan_to_num(e.grid[0]), axis=1), 1e-300)
    nearest = [int(k) for k in np.argsort(away, kind="stable") if np.isfinite(away[k])][:MOST]
    if not nearest:
        return w.say("sensitivity", "keeps")
    parts = [
        w.say(
            "sensitivity",
            "flip",
            feature=e.names[k],
            value=e.shown(k, float(e.own[0, k])),
            at=e.shown(k, float(e.first_flip[0, k])),
            answer=e.first_decision(0, k),
        )
        for k in nearest
    ]
    return w.say("sensitivity", "flips", flips=w.listed(parts))
