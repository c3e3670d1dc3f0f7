"""What was seen inside a network, told in a sentence or two."""

from __future__ import annotations

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.results import Explanation, KernelUnits, Units, WeightUnits

from .amounts import number
from .facts import doubt_of
from .tell import doubts, sentences, told
from .words import Words

NAMED = 3
"""At most so many layers are named."""


def whole(row: int | None) -> None:
    """Refuse a row of what has none."""
    if row is not None:
        raise ParameterError("This result has no rows to tell.", got=row, fix="Leave row out.")


def where(e: Units, w: Words) -> str:
    """The layers looked at."""
    names = [w.say("inside", "named", name=n) for n in e.layers[:NAMED]]
    if len(e.layers) == 1:
        return w.say("inside", "one", name=names[0])
    if len(e.layers) > NAMED:
        return w.say("inside", "more", count=len(e.layers), names=w.say("list", "comma").join(names))
    return w.say("inside", "several", count=len(e.layers), names=w.listed(names))


def trust(e: Explanation, w: Words) -> list[str]:
    """How exact the numbers are, and what weakens them."""
    return [w.say("trust", "exact") if e.quality.exact else "", *doubts(doubt_of(e.quality), w)]


@told.register
def _(e: KernelUnits, w: Words, row: int | None) -> str:
    whole(row)
    return _learned(e, w, "kernels")


@told.register
def _(e: WeightUnits, w: Words, row: int | None) -> str:
    whole(row)
    return _learned(e, w, "weights")


def _learned(e: KernelUnits | WeightUnits, w: Words, what: str) -> str:
    norms = [e.norms(i) for i in range(len(e.layers))]
    first = int(np.argmax([n.max(initial=0.0) for n in norms]))
    told_of = w.say(
        "inside",
        what,
        where=where(e, w),
        units=f"{len(e):,}",
        low=number(float(e.values.min())),
        high=number(float(e.values.max())),
        unit=int(norms[first].argmax()),
        layer=w.say("inside", "named", name=e.layers[first]),
        norm=number(float(norms[first].max())),
        median=number(float(np.median(np.concatenate(norms)))),
    )
    return sentences(w, [told_of, *trust(e, w)])
