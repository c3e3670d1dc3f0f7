"""From what a model says of a table to a simple model that says nearly the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.target import space_of
from pellucid.results import Surrogate

from .subject import FIRST_ROWS, Subject
from .terms import decided, terms_of

if TYPE_CHECKING:
    from .family import SurrogateMethod


def imitated(method: SurrogateMethod, s: Subject, target: Any, row: int) -> Surrogate:
    """The method's simple model of a subject, around one of its rows where the method is local."""
    n = len(s.data.x)
    if not 0 <= row < n or (row and not method.local):
        fix = f"Choose 0..{n - 1}." if method.local else "Leave row out: this is of the whole table."
        raise ParameterError(f"There is no row {row} to imitate.", fix=fix)
    first, facts = s.first(FIRST_ROWS), s.data.model.facts
    space = space_of(first, facts.space)
    decides = target is None and first.ndim == 2 and first.shape[1] > 1 and facts.classifier is not False
    decides = decides and (bool(facts.classifier) or space in ("probability", "logit"))
    one = target is not None or first.ndim == 1 or first.shape[1] == 1
    goals = s.aims(target, first) if one else tuple(s.aim(k, first) for k in range(first.shape[1]))
    t = s.table(goals, targets=tuple(g.labels(s.classes, 1)[0] for g in goals))
    own = s.data.x[row]
    if method.local:
        t = replace(t, X=np.concatenate([own[None], method.around(t, row)]))
    y = t.ask(t.X, np.zeros(len(t.X), int))
    decides = decided(t, y, decides)
    column, code = terms_of(t)
    empty = Surrogate(
        values=np.zeros(len(s.columns.names)),
        form="linear",
        targets=t.targets,
        decides=decides,
        fidelity=0.0,
        fidelity_half_width=0.0,
        held_out=np.zeros(0, int),
        rows=0,
        term_column=column,
        term_code=code,
        row=row if method.local else -1,
        said=y[0] if method.local else np.zeros(0),
        own=np.asarray(own, float) if method.local else np.zeros(0),
        **method.facts(s, t, "", space),
    )
    found = method.imitate(t, empty.terms, y, decides)
    arrays = dict(found.found)
    weights = np.bincount(column, arrays.pop("weights"), minlength=len(s.columns.names))
    simple = replace(
        empty, values=weights, form=found.form, rows=found.rows, held_out=found.held_out, **arrays
    )
    held = found.held_out
    fidelity, half = method.judged(t, simple.predict(t.X[held]), y[held], decides)
    t.notes.certify(kind="fit")
    what = "what the model decides" if decides else f"the {'output' if space == 'raw' else space}"
    estimand = f"{method.title}: a {found.form} that imitates {what}"
    return replace(simple, fidelity=fidelity, fidelity_half_width=half, **method.facts(s, t, estimand, space))
