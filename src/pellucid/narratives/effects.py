"""An effect told in a sentence: where the output goes as a column changes, and which columns move it most."""

from __future__ import annotations

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.types import NpArray
from pellucid.results import Curve, Explanation

from .amounts import number, worth
from .facts import SPACES, Doubt
from .tell import doubts, sentences, told
from .words import Words

MOST = 3
"""At most so many other effects are named."""
STEADY = 0.1
"""Steps back that add up to less than this share of the range do not keep an effect from rising."""
FLAT = 1e-9
"""A range below this share of the values is none."""


def whole(e: Explanation, said: list[str], w: Words, row: int | None) -> str:
    """What is said of a whole table, and what weakens it."""
    if row is not None:
        raise ParameterError("This is of the whole table and has no rows.", got=row, fix="Leave row out.")
    q = e.quality
    return sentences(w, [*said, *doubts(Doubt(q.exact, None, False, q.verdict, q.caveats), w)])


@told.register
def _(e: Curve, w: Words, row: int | None) -> str:
    """The widest effect in a sentence, the next ones by name, the error."""
    first = int(e.order[0])
    k = int(e.ranges[first].argmax())
    opening = w.say(
        "effect",
        "over",
        method=w.find("methods", e.provenance.method) or e.provenance.title,
        rows=f"{e.rows:,}",
    )
    said = [w.say("said", "why", according=opening, body=_body(e[first], k, w))]
    rest = [int(i) for i in e.order[1 : MOST + 1] if e.ranges[i].max() > 0]
    if rest:
        parts = [w.say("list", "part", cell=e.name(i), amount=number(float(e.ranges[i].max()))) for i in rest]
        said.append(w.say("effect", "others", others=w.listed(parts)))
    half = e[first].quality.half_width
    if half is not None and np.nan_to_num(half).any():
        said.append(w.say("effect", "band", amount=number(float(np.median(half[:, k])), 2)))
    return whole(e, said, w, row)


def _body(e: Curve, k: int, w: Words) -> str:
    """What one effect does to one target."""
    y, columns = e.values[:, k], e.columns[0]
    noun, column = _noun(e, k, w), _both(e, 0, w)
    if np.ptp(y) <= FLAT * max(float(np.abs(y).max()), 1e-300):
        return w.say("effect", "flat", column=column, noun=noun)
    away = _measured_from_zero(e)
    space = e.space if e.space in SPACES and not away else "raw"
    low, high = (worth(float(f(y)), space) for f in (np.min, np.max))
    values = {"column": column, "noun": noun, "low": low, "high": high}
    if len(columns) == 1 and not e.is_category(columns[0]):
        kind = _shape(y)
        values |= {"first": _at(e, 0), "last": _at(e, len(y) - 1)}
    else:
        kind = "pair" if len(columns) == 2 else "words"
    values |= {"lowest": _at(e, int(y.argmin())), "highest": _at(e, int(y.argmax()))}
    return w.say("effect", kind, **values) + (w.say("effect", "relative") if away else "")


def _measured_from_zero(e: Curve) -> bool:
    return e.is_centred or e.provenance.method != "partial_dependence"


def _shape(y: NpArray) -> str:
    """Whether it rises, falls, or does both."""
    steps = np.diff(y)
    back = STEADY * float(np.ptp(y))
    if -steps[steps < 0].sum() <= back:
        return "rises"
    return "falls" if steps[steps > 0].sum() <= back else "moves"


def _at(e: Curve, point: int) -> str:
    """Where a point is, as a person writes it."""
    return " × ".join(e.shown(c, e.grid[point, axis : axis + 1])[0] for axis, c in enumerate(e.columns[0]))


def _both(e: Curve, effect: int, w: Words) -> str:
    return w.listed(list(e.columns[effect]))


def _noun(e: Curve, k: int, w: Words) -> str:
    space = e.space if e.space in SPACES else "raw"
    label = e.targets[k]
    if label in ("", "output"):
        return w.say("noun", space)
    return w.say("noun_of", space, label=w.say("said", "number", label=label) if label.isdigit() else label)
