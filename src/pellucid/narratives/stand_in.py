"""A surrogate told in sentences: how faithful it is, and its rules or its formula."""

from __future__ import annotations

import numpy as np

from pellucid.core.features import Columns
from pellucid.core.types import NpArray
from pellucid.results import Surrogate

from .amounts import number, percent
from .effects import whole
from .tell import told
from .words import Words

MOST = 8
"""At most so many rules or terms are told."""


@told.register
def _(e: Surrogate, w: Words, row: int | None) -> str:
    count = int((e.feature < 0).sum()) if e.form == "tree" else _count(e)
    kind = w.say("surrogate", e.form, "one" if count == 1 else "many", count=count)
    where = w.say("surrogate", "around", row=e.row) if e.row >= 0 else w.say("surrogate", "over")
    fidelity = w.say(
        "surrogate",
        "agrees" if e.decides else "r2",
        what=kind,
        where=where,
        value=percent(e.fidelity) if e.decides else number(e.fidelity, 2),
        half=number(100 * e.fidelity_half_width if e.decides else e.fidelity_half_width, 2),
        rows=f"{len(e.held_out):,}",
    )
    said = [fidelity, _formula(e, w) if e.form == "linear" else _rules(e, w)]
    return whole(e, said, w, row)


def _count(e: Surrogate) -> int:
    return int(e.rule_of.max()) + 1 if e.form == "rules" else int((np.abs(e.coefficients).max(1) > 0).sum())


def _rules(e: Surrogate, w: Words) -> str:
    rules = e.rules if e.form == "rules" else sorted(e.rules, key=lambda r: -r.share)
    parts = list[str]()
    for rule in rules[:MOST]:
        held = w.say("surrogate", "and").join(f"{column} {what}" for column, what in rule.conditions)
        kind = "rule" if held else "otherwise"
        parts.append(
            w.say("surrogate", kind, held=held, says=_says(e, rule.output, w), share=percent(rule.share))
        )
    more = len(rules) - len(parts)
    if more:
        parts.append(w.say("surrogate", "more", count=more))
    return w.say("surrogate", "rules_are", rules=w.say("list", "check").join(parts))


def _says(e: Surrogate, output: NpArray, w: Words) -> str:
    if e.decides:
        return e.targets[int(np.argmax(output))]
    if len(e.targets) == 1:
        return number(float(output[0]))
    return w.listed([f"{t}: {number(float(v))}" for t, v in zip(e.targets, output, strict=True)])


def _formula(e: Surrogate, w: Words) -> str:
    """The last output (of two classes the second) as a sum of terms, the heaviest first."""
    k = len(e.targets) - 1
    terms = [t for t in np.argsort(-e.values[e.term_column], kind="stable") if e.coefficients[t, k]]
    text = number(float(e.intercept[k]))
    for t in terms[:MOST]:
        slope = float(e.coefficients[t, k])
        text += f" {'+' if slope > 0 else '−'} {number(abs(slope))} × {_term(e, int(t))}"
    target = e.targets[k] if e.targets[k] != "output" else "f(x)"
    return w.say("surrogate", "formula", target=target, formula=text)


def _term(e: Surrogate, t: int) -> str:
    column = int(e.term_column[t])
    name = e.features.name((column,))
    if np.isnan(e.term_code[t]) or not isinstance(e.features, Columns):
        return name
    return f"[{name} = {e.features.show(column, float(e.term_code[t]))}]"
