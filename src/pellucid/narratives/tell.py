"""A result told in a sentence or two: what the model said, what moved it, how far to trust that."""

from __future__ import annotations

from functools import singledispatch

from pellucid.core.errors import CapabilityError, ParameterError
from pellucid.results import Attribution, Explanation, Importance

from .amounts import change, number, percent, with_error, worth
from .facts import AttributionFacts, Doubt, ImportanceFacts, Part, attribution_facts, importance_facts
from .parts import Cell
from .picture import Picture, Region
from .words import Words, words

SQUARES = ("noise_tunnel_square", "noise_tunnel_variance")
"""Methods whose amounts are squares, so that no unit of the output fits them."""
TOLD_CAVEATS = 3
"""More checks than these are only counted."""


def tell(e: Explanation, lang: str = "en", row: int | None = None) -> str:
    """Tell a result in a sentence or two.

    Args:
        e: the result.
        lang: "en" or "zh".
        row: which row of an attribution; None tells the first, and says how many there are.

    Raises:
        ParameterError: there is no such language or row.
        CapabilityError: results of this kind have no narrative.

    >>> tell(importance)  # doctest: +SKIP
    'The model's accuracy is 0.93 on 200 rows. According to permutation importance, it falls most ...'
    """
    return told(e, words(lang), row)


@singledispatch
def told(e: Explanation, w: Words, row: int | None) -> str:
    """A kind of result in the words of one language; each kind registers its own."""
    raise CapabilityError("There is no narrative for this kind of result.", got=type(e).__name__)


@told.register
def _(e: Attribution, w: Words, row: int | None) -> str:
    if len(e) == 0:
        raise ParameterError("The result has no rows to tell.")
    if row is not None and not 0 <= row < len(e):
        raise ParameterError(f"There is no row {row}.", fix=f"Choose 0..{len(e) - 1}.")
    facts = attribution_facts(e, row or 0)
    first = w.say("rows", "first", rows=len(e)) if row is None and len(e) > 1 else ""
    return sentences(w, [*_said(facts, w), _why(facts, w), _rest(facts, w), *_trust(facts, w), first])


@told.register
def _(e: Importance, w: Words, row: int | None) -> str:
    if row is not None:
        raise ParameterError(
            "An importance is of the whole table and has no rows.", got=row, fix="Leave row out."
        )
    facts = importance_facts(e)
    return sentences(w, [_intact(facts, w), _players(facts, w), _still(facts, w), *doubts(facts.doubt, w)])


def sentences(w: Words, told: list[str]) -> str:
    """Those that say something, one after another."""
    return w.say("list", "sentence").join(sentence for sentence in told if sentence)


# -- attribution: what the model said -----------------------------------------------------------------------


def _said(f: AttributionFacts, w: Words) -> list[str]:
    x = f.explained
    base = "" if x.base is None else w.say("said", "base", base=worth(x.base, x.space))
    value = worth(x.value, x.space)
    if f.said is None and not x.label:
        return [w.say("single", x.space, value=value, base=base)]
    told = w.say("worth", x.space, value=value)
    if f.said is None:
        label = w.say("said", "nth", label=x.label) if x.label.isdigit() else x.label
        return [w.say("said", "named", label=label, worth=told, base=base)]
    if x.label in ("", f.said.label):
        return [w.say("said", "class", label=_class(x.label or f.said.label, w), worth=told, base=base)]
    score = w.say("worth", f.said.space, value=worth(f.said.score, f.said.space))
    return [
        w.say("said", "class", label=_class(f.said.label, w), worth=score, base=""),
        w.say("said", "other", label=_class(x.label, w), worth=told, base=base),
    ]


def _class(label: str, w: Words) -> str:
    return w.say("said", "number", label=label) if label.isdigit() else label


def _noun(f: AttributionFacts, w: Words) -> str:
    """What is moved: "the probability", with the class's name where it is not the one predicted."""
    label = f.explained.label
    if f.said and label not in ("", f.said.label):
        return w.say("noun_of", f.explained.space, label=_class(label, w))
    return w.say("noun", f.explained.space)


# -- attribution: what moved it -----------------------------------------------------------------------------


def _why(f: AttributionFacts, w: Words) -> str:
    at = w.say("said", "at", layer=f.at) if f.at else ""
    opening = w.say("said", "according", method=_method(f, w), at=at)
    if f.zero:
        many = "one" if f.count == 1 else "many"
        body = w.say("zero", many, count=f.count, noun=_noun(f, w), things=_things(f, w))
    elif f.picture:
        body = _places(f, f.picture, w)
    else:
        body = _pushes(f, w)
    return w.say("said", "why", according=opening, body=body)


def _pushes(f: AttributionFacts, w: Words) -> str:
    """Which features pushed which way, the stronger direction first."""
    sides = sorted(
        (("up", f.up), ("down", f.down)), key=lambda side: -abs(side[1][0].amount) if side[1] else 0.0
    )
    (main, strong), (other, weak) = sides
    alone = len(strong) == 1 and not weak and f.rest.largest == 0
    told = w.say(f.reading, main, "only" if alone else "most", noun=_noun(f, w), first=_part(strong[0], f, w))
    if strong[1:]:
        told += w.say(f.reading, main, "then", others=w.listed([_part(p, f, w) for p in strong[1:]]))
    if weak:
        told += w.say(
            f.reading, other, "also", noun=_noun(f, w), others=w.listed([_part(p, f, w) for p in weak])
        )
    return told


def _part(p: Part, f: AttributionFacts, w: Words) -> str:
    return w.say(
        "list",
        "part",
        cell=_cell(p.cell, f.kind, w),
        amount=_amount(p.amount, p.half_width, f, p.cell.unit, w),
    )


def _cell(cell: Cell, kind: str, w: Words) -> str:
    if cell.position:
        return w.say("cell", "repeated", name=cell.name, token=cell.position)
    shown = w.say("cell", "missing") if cell.missing else cell.shown
    named = w.say("cell", kind, name=cell.name)
    return w.say("cell", "valued", name=named, shown=shown) if shown else named


def _amount(x: float, half_width: float | None, f: AttributionFacts, unit: str, w: Words) -> str:
    space = "raw" if f.reading in ("map", "pattern") or f.method in SQUARES else f.explained.counts
    told = w.say("unit", space, amount=with_error(x, half_width, space))
    if f.method in SQUARES or f.reading not in ("slope", "sensitivity"):
        return told
    return w.say("unit", "per", amount=told, unit=unit or w.say("unit", "one"))


def _rest(f: AttributionFacts, w: Words) -> str:
    """What the features that were not named do: their sum where sums mean something, else the largest."""
    if f.zero or f.picture or not f.rest.count:
        return ""
    many = "one" if f.rest.count == 1 else "many"
    what = {"count": f.rest.count, "things": w.say("things", f.kind, many), "noun": _noun(f, w)}
    if f.reading == "contribution":
        way = "none" if f.rest.total == 0 else "up" if f.rest.total > 0 else "down"
        return w.say("rest", many, way, amount=_amount(f.rest.total, None, f, "", w), **what)
    if f.rest.largest == 0:
        return w.say("rest", many, "nothing", **what)
    return w.say("rest", many, "most", amount=_amount(f.rest.largest, None, f, "", w), **what)


def _places(f: AttributionFacts, seen: Picture, w: Words) -> str:
    """Where in the image the evidence lies."""
    found = [(way, region) for way, region in (("up", seen.positive), ("down", seen.negative)) if region]
    found.sort(key=lambda side: -side[1].share)
    label = f.explained.label or (f.said.label if f.said else "")
    label = _class(label, w) if label else w.say("said", "output")

    def told(way: str, region: Region, turn: str) -> str:
        amount = region.largest if f.reading == "hiding" else region.amount
        return w.say(
            "picture",
            f.reading,
            way,
            turn,
            noun=_noun(f, w),
            label=label,
            place=w.say("place", region.place),
            amount=w.say("unit", f.explained.counts, amount=change(amount, f.explained.counts)),
        )

    sides = [told(way, region, "also" if n else "first") for n, (way, region) in enumerate(found)]
    return "".join(sides) + w.say("picture", "share", share=percent(seen.strongest))


def _things(f: AttributionFacts, w: Words) -> str:
    return w.say("things", f.kind, "one" if f.count == 1 else "many")


def _method(f: AttributionFacts, w: Words) -> str:
    name = w.find("methods", f.method) or f.title or f.method
    return (
        w.say("said", "over", method=name, inner=w.find("methods", f.inner) or f.inner) if f.inner else name
    )


# -- how far to trust it ------------------------------------------------------------------------------------


def _trust(f: AttributionFacts, w: Words) -> list[str]:
    if f.doubt.exact:
        kind = "exact"
    elif f.doubt.typical is None:
        kind = "zero" if f.zero else "unknown"
    else:
        kind = "typical" if f.picture else "bars"
    error = "" if kind == "zero" else w.say("trust", kind, share=percent(f.doubt.typical or 0.0))
    return [error, *doubts(f.doubt, w)]


def doubts(doubt: Doubt, w: Words) -> list[str]:
    """What weakens the result: errors as large as itself, and checks that did not pass."""
    told = [w.say("trust", "drowned")] if doubt.drowned else []
    if doubt.caveats:
        shown = [
            w.find("checks", c.name) or _inner(c.meaning) or c.name for c in doubt.caveats[:TOLD_CAVEATS]
        ]
        if more := len(doubt.caveats) - len(shown):
            shown.append(w.say("trust", "more", count=more))
        told.append(w.say("trust", doubt.verdict, checks=w.say("list", "check").join(shown)))
    if doubt.elsewhere:
        told.append(w.say("trust", "elsewhere"))
    return told


def _inner(sentence: str) -> str:
    """A sentence as part of another: no full stop, and no capital but an abbreviation's."""
    text = sentence.strip().rstrip(".。")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


# -- importance ---------------------------------------------------------------------------------------------


def _intact(f: ImportanceFacts, w: Words) -> str:
    score = _score(f, w)
    if f.intact is None:
        return ""
    return w.say("importance", "intact", score=score, value=number(f.intact), rows=f"{f.rows:,}")


def _score(f: ImportanceFacts, w: Words) -> str:
    return w.find("scores", f.score) or f.score or w.say("scores", "score")


def _players(f: ImportanceFacts, w: Words) -> str:
    moved = f.score.startswith("squared change")
    kind = "falls" if f.intact is not None else "changes" if moved or not f.score else "has"
    kind = "pushes" if f.method == "shapley_importance" else kind
    according = w.say("said", "according", method=w.find("methods", f.method) or f.title or f.method, at="")
    one = w.say("things", "groups" if f.grouped else "table", "one")
    if not f.top:
        return w.say("said", "why", according=according, body=w.say("importance", kind, "none", thing=one))
    parts = [
        w.say("list", "part", cell=p.cell.name, amount=with_error(p.amount, p.half_width, "raw"))
        for p in f.top
    ]
    body = w.say("importance", kind, "most", first=parts[0], score=_score(f, w))
    if parts[1:]:
        body += w.say("importance", kind, "then", others=w.listed(parts[1:]))
    return w.say("said", "why", according=according, body=body)


def _still(f: ImportanceFacts, w: Words) -> str:
    """How many players may do nothing, and how little the unnamed others do."""
    kind = "groups" if f.grouped else "table"
    if not f.top and f.still is not None:
        return ""
    told: list[str] = []
    if f.top and f.rest.count:
        many = "one" if f.rest.count == 1 else "many"
        things, amount = w.say("things", kind, many), number(f.rest.largest)
        told.append(w.say("importance", "rest", many, count=f.rest.count, things=things, amount=amount))
    if f.still:
        things = w.say("things", kind, "one" if f.count == 1 else "many")
        told.append(w.say("importance", "still", still=f.still, count=f.count, things=things))
    told.append(w.say("trust", "unknown" if f.still is None else "bars"))
    return sentences(w, told)
