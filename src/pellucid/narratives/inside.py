"""What was seen inside a network, told in a sentence or two."""

from __future__ import annotations

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.results import (
    ActivationUnits,
    Explanation,
    FlowUnits,
    GradientMaps,
    KernelUnits,
    Maps,
    Units,
    WeightUnits,
)

from .amounts import number, percent
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


@told.register
def _(e: Maps, w: Words, row: int | None) -> str:
    whole(row)
    per_layer = [e.layer(i) for i in range(len(e.layers))]
    first = int(np.argmax([np.abs(v).max(initial=0.0) for v in per_layer]))
    flat = int(np.abs(per_layer[first]).argmax())
    strongest = [int(k) for k in np.unravel_index(flat, per_layer[first].shape)]
    gradients = isinstance(e, GradientMaps)
    wrt = ""
    unit = strongest[1] if len(strongest) > 1 else 0
    if gradients:
        wrt = w.say("inside", "named", name=e.wrt) if e.wrt else w.say("inside", "the_input")
        unit = e.unit_numbers[unit] if e.unit_numbers else unit
    said = w.say(
        "inside",
        "gradients" if gradients else "maps",
        rows=f"{len(e.x):,}",
        where=where(e, w),
        units=f"{len(e):,}",
        low=number(float(e.values.min())),
        high=number(float(e.values.max())),
        unit=unit,
        layer=w.say("inside", "named", name=e.layers[first]),
        row=strongest[0],
        wrt=wrt,
    )
    silent = sum(int(e.silent(i).sum()) for i in range(len(e.layers)))
    quiet = w.say("inside", "silent", count=f"{silent:,}", units=f"{len(e):,}") if silent else ""
    return sentences(w, [said, quiet, *trust(e, w)])


@told.register
def _(e: ActivationUnits, w: Words, row: int | None) -> str:
    whole(row)
    best = int(np.argmax(e.values))
    layer = int(np.searchsorted(np.cumsum(e.counts), best, side="right"))
    dead = int(e.dead.sum())
    said = w.say(
        "inside",
        "statistics",
        rows=f"{e.rows:,}",
        where=where(e, w),
        units=f"{len(e):,}",
        zeros=percent(float(e.zeros.mean())),
        unit=best - sum(e.counts[:layer]),
        layer=w.say("inside", "named", name=e.layers[layer]),
        mean=number(float(e.values[best])),
    )
    quiet = w.say("inside", "dead", dead=f"{dead:,}", units=f"{len(e):,}") if dead else ""
    return sentences(w, [said, quiet, *trust(e, w)])


@told.register
def _(e: FlowUnits, w: Words, row: int | None) -> str:
    whole(row)
    means = e.values.mean(1)
    said = w.say(
        "inside",
        "flow",
        rows=f"{e.values.shape[1]:,}",
        target=e.target or w.say("inside", "each_target"),
        first=number(float(means[0])),
        last=number(float(means[-1])),
        first_layer=w.say("inside", "named", name=e.layers[0]),
        last_layer=w.say("inside", "named", name=e.layers[-1]),
        ratio=number(float(means[-1] / means[0])) if means[0] else "∞",
    )
    return sentences(w, [said, *trust(e, w)])
