"""A row's way through one tree told in sentences: the splits it meets, and what the leaf adds."""

from __future__ import annotations

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.results import TreePaths
from pellucid.results.tree_paths import Step

from .amounts import percent
from .facts import Doubt
from .tell import doubts, sentences, told
from .words import Words

MOST = 8
"""At most so many splits, or outputs, are told."""


@told.register
def _(e: TreePaths, w: Words, row: int | None) -> str:
    if not len(e):
        raise ParameterError("The result has no rows to tell.")
    at, q = e.row(row or 0), e.quality
    first = w.say("path", "first", rows=len(e)) if row is None and len(e) > 1 else ""
    doubt = Doubt(q.exact, None, False, q.verdict, q.caveats)
    return sentences(w, [_way(e, at, w), _leaf(e, at, w), *doubts(doubt, w), first])


def _way(e: TreePaths, row: int, w: Words) -> str:
    steps = e.steps(row)
    if not steps:
        return w.say("path", "leaf_only", tree=e.tree, trees=e.trees)
    parts = [_step(step, w) for step in steps[:MOST]]
    if more := len(steps) - len(parts):
        parts.append(w.say("path", "more", count=more))
    return w.say(
        "path",
        "way",
        row=e.index[row] if e.index else row,
        count=w.say("path", "split", "one" if len(steps) == 1 else "many", count=len(steps)),
        tree=e.tree,
        trees=e.trees,
        steps=w.say("list", "check").join(parts),
    )


def _step(step: Step, w: Words) -> str:
    kind = "step" if not step.missing else "step_zero" if step.shown else "step_missing"
    return w.say("path", kind, column=step.column, shown=step.shown, taken=step.taken)


def _leaf(e: TreePaths, row: int, w: Words) -> str:
    space, share = w.say("path", "space", e.space), float(e.leaf_share[row])
    largest = np.argsort(-np.abs(e.values[row]), kind="stable")[:MOST]
    named = [k for k in largest if e.values[row, k]] or largest[:1]
    adds = [_adds(e.targets[k], float(e.values[row, k]), space, w) for k in named]
    held = "" if np.isnan(share) else w.say("path", "share", share=percent(share))
    return w.say("path", "end", leaf=int(e.leaf[row]), share=held, adds=w.listed(adds))


def _adds(target: str, amount: float, space: str, w: Words) -> str:
    written = f"{amount:+.3g}".replace("-", "−") if amount else "0"
    kind = "adds_output" if target == "output" else "adds"
    target = w.say("said", "number", label=target) if target.isdigit() else target
    return w.say("path", kind, amount=written, space=space, target=target)
