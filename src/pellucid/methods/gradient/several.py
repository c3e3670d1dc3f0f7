"""Several baselines at once: a method's values averaged over them, and how far they disagree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.core.field import Field
from pellucid.core.notes import Finding, Notes
from pellucid.core.types import Array


def listed(baseline: Any) -> list[Any]:
    """The baselines that were given: those of a list with names or arrays in it, else the one.

    >>> listed(["zeros", "blur"]), listed("zeros"), listed([0.5, 1.0])
    (['zeros', 'blur'], ['zeros'], [[0.5, 1.0]])
    """
    if isinstance(baseline, list) and any(isinstance(b, str) or getattr(b, "ndim", 0) for b in baseline):
        return list(baseline)
    return [baseline]


def averaged(
    attribute: Callable[[Field], Array], f: Field, points: Sequence[Array], given: Sequence[Any]
) -> tuple[Field, Array]:
    """The mean of `attribute` over baselines, and the field whose base is the mean of theirs.

    The half-width is the mean of theirs, which holds whether or not their errors go together; of each check the worst
    is kept. The check `baselines` is the spread of the values about their mean, as a share of the mean's size.
    """
    y, found, bases, notes = f.y, list[Array](), list[Array](), list[Notes]()
    for point in points:
        part = replace(f, baseline=point, notes=Notes(memory=f.notes.memory))
        part.__dict__["y"] = y
        found.append(attribute(part))
        bases.append(part.base)
        notes.append(part.notes)
    mean: Any = sum(found[1:], found[0]) / len(found)
    f.__dict__["base"] = sum(bases[1:], bases[0]) / len(bases)
    _gather(f.notes, notes)
    spread = np.mean([f.norm(values - mean) ** 2 for values in found], axis=0) ** 0.5
    f.notes.check(
        "baselines",
        spread / np.maximum(f.norm(mean), 1e-30),
        warn=0.5,
        fail=np.inf,
        meaning="The baselines disagree: their values lie half the size of the average, or more, apart from it.",
        advice="Look at each alone, and choose the one that stands for nothing being there.",
    )
    names = ", ".join(b if isinstance(b, str) else "numbers" for b in given)
    f.notes.said.append(f"The values are the mean over {len(points)} baselines: {names}.")
    return f, mean


def _gather(into: Notes, notes: Sequence[Notes]) -> None:
    halves = [n.half_width for n in notes if n.half_width is not None]
    half = sum(halves[1:], halves[0]) / len(halves) if halves else None
    into.certify(half_width=half, kind=notes[0].error_kind, exact=all(n.exact for n in notes))
    worst: dict[str, Finding] = {}
    for finding in (c for n in notes for c in n.checks):
        known = worst.get(finding.name)
        if known is None or finding.severity > known.severity:
            worst[finding.name] = finding
    into.checks.extend(worst.values())
    into.said.extend(dict.fromkeys(s for n in notes for s in n.said))
