"""Interactions of pairs told in a sentence: how much of all is shared, and by which columns."""

from __future__ import annotations

from pellucid.results import PairAttribution

from .amounts import number, percent
from .facts import Doubt
from .tell import doubts, sentences, told
from .words import Words

MOST = 3
"""At most so many pairs are named."""
LEAST = 0.02
"""Pairs weaker than this share of the strongest are not named."""


@told.register
def _(e: PairAttribution, w: Words, row: int | None) -> str:
    """The share of pairs, the strongest of them, and what weakens it."""
    e = e if row is None else e[row]
    method = w.find("methods", e.provenance.method) or e.provenance.title
    opening = w.say("effect", "over", method=method, rows=f"{len(e):,}")
    if len(e) == 1:
        opening = w.say("said", "according", method=method, at="")
    strength, q = e.strength, e.quality
    pairs = [p for p in e.pairs[:MOST] if strength[p] > LEAST * strength[e.pairs[0]]]
    if pairs:
        body = w.say("interactions", "shared_parts" if e.players else "shared", share=percent(e.shared))
        said = [w.say("said", "why", according=opening, body=body)]
        parts = [_pair(e, p, w) for p in pairs]
        said.append(w.say("interactions", "pairs", pairs=w.listed(parts)))
    else:
        said = [w.say("said", "why", according=opening, body=w.say("interactions", "none"))]
    return sentences(w, [*said, *doubts(Doubt(q.exact, None, False, q.verdict, q.caveats), w)])


def _pair(e: PairAttribution, p: tuple[int, int], w: Words) -> str:
    pair = w.listed([e.names[p[0]], e.names[p[1]]])
    alone = "alone" if len(e) == 1 else "together"
    return w.say("interactions", alone, pair=pair, amount=number(float(e.strength[p])))
