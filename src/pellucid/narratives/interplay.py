"""Interactions told in a sentence: which columns act together, and how much of what they do that is."""

from __future__ import annotations

from pellucid.results import Interactions

from .amounts import number, percent
from .effects import whole
from .tell import told
from .words import Words

MOST = 3
"""At most so many pairs are named."""
LEAST = 0.01
"""Pairs and columns with a smaller share are not worth naming."""


@told.register
def _(e: Interactions, w: Words, row: int | None) -> str:
    """The column that acts most with others, the strongest pairs, and the error."""
    method = w.find("methods", e.provenance.method) or e.provenance.title
    opening = w.say("effect", "over", method=method, rows=f"{e.rows:,}")
    first = int(e.overall.argmax())
    if e.overall[first] < LEAST:
        nothing = w.say("interactions", "none")
        return whole(e, [w.say("said", "why", according=opening, body=nothing)], w, row)
    body = w.say("interactions", "overall", column=e.names[first], share=percent(float(e.overall[first])))
    said = [w.say("said", "why", according=opening, body=body)]
    named = [p for p in e.pairs if e.values[p] >= LEAST][:MOST]
    if named:
        parts = [_pair(e, p, w) for p in named]
        said.append(w.say("interactions", "pairs", pairs=w.listed(parts)))
    return whole(e, said, w, row)


def _pair(e: Interactions, p: tuple[int, int], w: Words) -> str:
    half = e.quality.half_width
    share = percent(float(e.values[p])) + ("" if half is None else f" ± {number(100 * float(half[p]), 2)}")
    pair = w.listed([e.names[p[0]], e.names[p[1]]])
    return w.say("interactions", "pair", pair=pair, share=share, amount=number(float(e.strength[p])))
