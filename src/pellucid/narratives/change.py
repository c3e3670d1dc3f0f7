"""Counterfactuals told in sentences: what would have had to be different for another answer, and how plain that is."""

from __future__ import annotations

from pellucid.core.errors import ParameterError
from pellucid.results import Counterfactuals
from pellucid.results.counterfactuals import Change

from .amounts import number, percent, worth
from .facts import SPACES, Doubt
from .tell import doubts, sentences, told
from .words import Words

MOST = 6
"""At most so many changes are named."""


@told.register
def _(e: Counterfactuals, w: Words, row: int | None) -> str:
    """The counterfactuals of one row, or of the first that has any and how many others there are."""
    chosen = row if row is not None else next((r for r, s in enumerate(e.status) if s == "found"), 0)
    if not 0 <= chosen < len(e.x):
        raise ParameterError(f"There is no row {row}.", fix=f"Choose 0..{len(e.x) - 1}.")
    said = [_present(e, chosen, w), *_row(e, chosen, w)]
    if row is None and len(e.x) > 1:
        said.append(w.say("change", "rows", row=chosen, rows=len(e.x), found=e.status.count("found")))
    q = e.quality
    doubt = Doubt(
        False, None, False, q.verdict, tuple(c for c in q.caveats if not c.rows or chosen in c.rows)
    )
    return sentences(w, [*said, *(doubts(doubt, w) if doubt.caveats else [])])


def _present(e: Counterfactuals, row: int, w: Words) -> str:
    """What the model says of the row as it is."""
    if not e.said[row]:
        return w.say("change", "predicts", value=number(float(e.before[row])))
    return w.say("change", "says", label=_class(e.said[row], w), score=_score(e, float(e.before[row]), w))


def _row(e: Counterfactuals, row: int, w: Words) -> list[str]:
    status = e.status[row]
    if status != "found":
        return [_without(e, row, status, w)]
    numbers, said = e.of_row(row), list[str]()
    for k, m in enumerate(numbers):
        changes = e.changes(m)
        shown = [
            w.say("change", "was" if k == 0 else "again", column=c.column, before=c.before, after=c.after)
            for c in changes[:MOST]
        ]
        if len(changes) > MOST:
            shown.append(w.say("change", "more", count=len(changes) - MOST))
        kind = "first" if k == 0 else "also"
        said.append(w.say("change", kind, changes=w.listed(shown), answer=_answer(e, m, w)))
    first = numbers[0]
    fragile = [c for c in e.changes(first) if c.is_fragile]
    said += [_fragile(fragile, w)] if fragile else []
    said.append(
        w.say(
            "change",
            "plausible",
            share=percent((100 - float(e.plausibility[first])) / 100),
            of=_wanted(e, row, w),
        )
    )
    if e.bound[first] == e.bound[first]:
        said.append(_proven(e, first, w))
    said.append(w.say("change", "advice"))
    return said


def _proven(e: Counterfactuals, number_: int, w: Words) -> str:
    """How near the changed row is to the nearest that can be."""
    distance, bound = float(e.distance[number_]), float(e.bound[number_])
    if distance <= bound * (1 + 1e-4) + 1e-12:
        return w.say("change", "nearest")
    return w.say("change", "bound", share=percent(distance / max(bound, 1e-300) - 1))


def _without(e: Counterfactuals, row: int, status: str, w: Words) -> str:
    if status != "infeasible":
        return w.say("change", status, of=_wanted(e, row, w))
    reason = e.reason[row]
    if reason == "*":
        return w.say("change", "fixed")
    if reason == "proven":
        return w.say("change", "impossible", of=_wanted(e, row, w))
    kind = w.find("change", "kinds", reason)
    return w.say("change", "forbidden", kind=kind) if kind else w.say("change", "empty", column=reason)


def _fragile(changes: list[Change], w: Words) -> str:
    return w.say(
        "change", "fragile", columns=w.listed([w.say("change", "named", name=c.column) for c in changes])
    )


def _answer(e: Counterfactuals, m: int, w: Words) -> str:
    score = float(e.after[m])
    if not e.label[m]:
        return w.say("change", "would_predict", value=number(score))
    return w.say("change", "would_say", label=_class(e.label[m], w), score=_score(e, score, w))


def _score(e: Counterfactuals, value: float, w: Words) -> str:
    if e.space == "probability":
        return w.say("change", "percent", share=_share(value))
    space = e.space if e.space in SPACES else "raw"
    return w.say("worth", space, value=worth(value, space))


def _share(p: float) -> str:
    """A probability in percent, with a digit more where it is near one half."""
    return f"{100 * p:.1f}" if abs(p - 0.5) < 0.02 else percent(p)


def _wanted(e: Counterfactuals, row: int, w: Words) -> str:
    wanted = e.wanted[row]
    if not wanted:
        return w.say("change", "any")
    if ".." not in wanted or e.said[row]:
        return w.say("change", "answer", label=_class(wanted, w))
    low, _, high = wanted.partition("..")
    kind = "between" if low and high else "above" if low else "below"
    return w.say("change", kind, low=low, high=high)


def _class(label: str, w: Words) -> str:
    return w.say("said", "number", label=label) if label.isdigit() else w.say("change", "class", label=label)
