"""Results reduced to the few facts worth telling, before any language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from pellucid.core.features import Columns, Pixels
from pellucid.core.types import NpArray
from pellucid.results import Attribution, Check, Explanation, Importance, Quality

from .parts import Cell, Parts, parts
from .picture import Picture, picture

Reading = Literal["contribution", "hiding", "slope", "sensitivity", "map", "pattern"]
"""What a value means: part of the output, drop when hidden, gradient (signed or not), map for or of no class."""

READINGS: Mapping[str, Reading] = {
    "ablation": "hiding",
    "occlusion": "hiding",
    "saliency": "slope",
    "internal_influence": "slope",
    "guided_backprop": "slope",
    "deconvolution": "slope",
    "ablation_cam": "map",
    "cam": "map",
    "grad_cam": "map",
    "grad_cam_plus_plus": "map",
    "guided_grad_cam": "slope",
    "hires_cam": "map",
    "layer_cam": "map",
    "score_cam": "map",
    "x_grad_cam": "map",
    "eigen_cam": "pattern",
}
SPACES = ("probability", "logit", "log-odds", "raw", "score")
MOST, SMALL = 4, 0.02
"""At most so many features are named, and none smaller than this share of the largest."""
TOLERANCE = 1e-6
"""How far a probability may leave 0..1 by rounding."""
NEGLIGIBLE = 1e-9
"""Sums smaller than this share of the total are rounding."""


@dataclass(frozen=True)
class Said:
    """What the model said of a row: a class, its score, and what that counts in."""

    label: str
    score: float
    space: str


@dataclass(frozen=True)
class Explained:
    """The number that is explained.

    Attributes:
        label: the target's name; "" for the only output.
        value: the number.
        base: what it is at the baseline.
        space: what it counts in; "value" for a number made of the outputs, "raw" where no space is known.
        counts: what amounts of it count in, "probability" also for the difference of two.
    """

    label: str
    value: float
    base: float | None
    space: str
    counts: str


@dataclass(frozen=True)
class Part:
    """One feature, or one group of them, and what it did.

    Attributes:
        cell: what it is called, and its value.
        amount: how much, with its sign.
        half_width: of the 95 % interval, or None.
        share: of the sum of all absolute amounts.
    """

    cell: Cell
    amount: float
    half_width: float | None
    share: float


@dataclass(frozen=True)
class Rest:
    """The features that are not named: how many, their sum, and the largest of them without its sign."""

    count: int
    total: float
    largest: float


@dataclass(frozen=True)
class Doubt:
    """How far the result can be trusted.

    Attributes:
        exact: whether the numbers are exact.
        typical: the median half-width as a share of the largest value; None without half-widths.
        drowned: whether even the largest value may be zero.
        verdict: "ok", "caution" or "unreliable".
        caveats: the checks that did not pass on this row, worst first.
        elsewhere: whether checks did not pass on other rows only.
    """

    exact: bool
    typical: float | None
    drowned: bool
    verdict: str
    caveats: tuple[Check, ...]
    elsewhere: bool = False


@dataclass(frozen=True)
class AttributionFacts:
    """One row of an attribution.

    Attributes:
        row, rows: which row, of how many.
        method, inner, title: the method's key, that of the method it smooths, and its name for people.
        reading: what the values mean.
        kind: what the features are: "table", "groups", "image", "text", "series", "windows", "units", "array".
        said: the class predicted, where the output is classes.
        explained: the number explained.
        at: the layer the attribution lands at; "" is the input.
        count: how many features there are.
        up, down: the strongest features that raise and lower the number, strongest first.
        rest: all others.
        picture: where the evidence lies, for images; `up`, `down` and `rest` are then empty.
        zero: whether every value is zero.
        doubt: how far to trust it.
    """

    row: int
    rows: int
    method: str
    inner: str
    title: str
    reading: Reading
    kind: str
    said: Said | None
    explained: Explained
    at: str
    count: int
    zero: bool
    doubt: Doubt
    up: tuple[Part, ...] = ()
    down: tuple[Part, ...] = ()
    rest: Rest = field(default=Rest(0, 0.0, 0.0))
    picture: Picture | None = None


@dataclass(frozen=True)
class ImportanceFacts:
    """An importance.

    Attributes:
        method, title: the method's key, and its name as people write it.
        score: what is measured.
        intact: the score before anything is shuffled, or None.
        rows: how many rows it was measured on.
        grouped: whether some players are groups of columns.
        count: how many players there are.
        top: the most important players, without those that may be zero.
        still: how many players cannot be told from zero; None without half-widths.
        rest: the players neither named nor (where known) indistinguishable from zero.
        doubt: how far to trust it.
    """

    method: str
    title: str
    score: str
    intact: float | None
    rows: int
    grouped: bool
    count: int
    top: tuple[Part, ...]
    still: int | None
    rest: Rest
    doubt: Doubt


def attribution_facts(e: Attribution, row: int) -> AttributionFacts:
    """The facts of row `row`."""
    if _has_places(e):
        return _pictured(e, row)
    found = parts(e, row)
    up, down, rest = _strongest(found, e.quality.exact)
    values = np.nan_to_num(found.amounts)
    return AttributionFacts(
        **_common(e, row),
        reading=_reading(e),
        kind=found.kind,
        count=len(values),
        zero=not values.any(),
        doubt=_doubt(e.quality, row, len(e), values, found.half_widths),
        up=up,
        down=down,
        rest=rest,
    )


def importance_facts(e: Importance) -> ImportanceFacts:
    """The facts of an importance."""
    half, values = (None if e.quality.exact else e.quality.half_width), np.nan_to_num(e.values)
    unclear = np.zeros(len(values), bool) if half is None else np.abs(values) <= half
    scale = float(np.abs(values).sum())
    told = [int(i) for i in e.order if values[i] > 0 and not unclear[i]]
    top = [i for i in told if values[i] >= SMALL * values[told[0]]][:MOST]
    left = np.setdiff1d(np.flatnonzero(~unclear), top)
    columns = e.features.names if isinstance(e.features, Columns) else e.names
    return ImportanceFacts(
        method=e.provenance.method,
        title=e.provenance.title,
        score=e.score,
        intact=float(e.intact) if np.isfinite(e.intact) else None,
        rows=e.rows,
        grouped=not set(e.names) <= set(columns),
        count=len(values),
        top=tuple(
            Part(
                Cell(e.names[i]),
                float(values[i]),
                None if half is None else float(half[i]),
                float(values[i]) / scale,
            )
            for i in top
        ),
        still=None if half is None else int(unclear.sum()),
        rest=_rest(values[left], scale),
        doubt=replace(_doubt(e.quality, None, 1, values, half), drowned=False),
    )


def _pictured(e: Attribution, row: int) -> AttributionFacts:
    """The facts of a row whose values are told by place."""
    reading, half = _reading(e), e.quality.half_width
    unsigned = reading in ("slope", "sensitivity")
    seen = picture(e, row, unsigned=unsigned)
    return AttributionFacts(
        **_common(e, row),
        reading="sensitivity" if unsigned else reading,
        kind="image",
        count=seen.count,
        zero=seen.positive is None and seen.negative is None,
        doubt=_doubt(
            e.quality, row, len(e), np.nan_to_num(e.values[row]), None if half is None else half[row]
        ),
        picture=seen,
    )


def _common(e: Attribution, row: int) -> dict[str, Any]:
    """What is the same for every kind of features."""
    said = e.predicted(row)
    return {
        "row": row,
        "rows": len(e),
        **_names(e),
        "said": Said(*said, _known(e.score_space or e.space)) if said else None,
        "explained": _explained(e, row),
        "at": e.at,
    }


def _has_places(e: Attribution) -> bool:
    """Whether the values are told by place: an image's, and those of methods that draw maps."""
    if isinstance(e.features, Pixels):
        return e.values.ndim >= 3
    return _reading(e) in ("map", "pattern") and e.values.ndim >= 3


def _reading(e: Explanation) -> Reading:
    method, params = e.provenance.method, e.provenance.params
    if method == "noise_tunnel":
        if params.get("reduce", "mean") != "mean":
            return "sensitivity"
        method = _inner(e)
    reading = READINGS.get(method, "contribution")
    signed = bool((np.nan_to_num(e.values) < 0).any())
    return "sensitivity" if reading == "slope" and not signed else reading


def _inner(e: Explanation) -> str:
    """The method inside a noise tunnel."""
    of = e.provenance.params.get("of", "saliency")
    return str(of.get("method", "")) if isinstance(of, Mapping) else str(of)


def _names(e: Explanation) -> dict[str, str]:
    """The method's key, the key of the method inside where that says more, and the title."""
    method, reduce = e.provenance.method, e.provenance.params.get("reduce", "mean")
    smoothed = method == "noise_tunnel"
    return {
        "method": f"{method}_{reduce}" if smoothed and reduce != "mean" else method,
        "inner": _inner(e) if smoothed and _inner(e) != "saliency" else "",
        "title": e.provenance.title,
    }


def _explained(e: Attribution, row: int) -> Explained:
    value = float(e.output[row])
    label = e.target[row] if e.target else ""
    only = e.scores is None or e.scores.shape[1] < 2
    label = "" if only and label in ("0", "output") else label
    space, counts = _spaces(e, label, value)
    return Explained(label, value, None if e.base is None else float(e.base[row]), space, counts)


def _known(space: str) -> str:
    return space if space in SPACES else "raw"


def _spaces(e: Attribution, label: str, value: float) -> tuple[str, str]:
    """What the number explained, and amounts of it, count in."""
    known = _known(e.space)
    if label in ("", *e.classes) or label.isdigit() or label.startswith("("):
        outside = known == "probability" and not -TOLERANCE <= value <= 1 + TOLERANCE
        return ("raw", "raw") if outside else (known, known)
    return "value", known if " - " in label and not label.startswith("log p(") else "value"


def _strongest(found: Parts, exact: bool) -> tuple[tuple[Part, ...], tuple[Part, ...], Rest]:
    """The parts worth naming, by direction, and the rest."""
    amounts, half = np.nan_to_num(found.amounts), None if exact else found.half_widths
    scale = float(np.abs(amounts).sum())
    order = [int(i) for i in np.argsort(-np.abs(amounts), kind="stable") if amounts[i] != 0]
    worth = [i for i in order if abs(amounts[i]) >= SMALL * abs(amounts[order[0]])]
    named = worth[:MOST]
    against = [i for i in worth if (amounts[i] > 0) != (amounts[order[0]] > 0)]
    if against and against[0] not in named:  # the strongest of the other direction is always told
        named[-1] = against[0]

    def part(i: int) -> Part:
        margin = None if half is None or not np.isfinite(half[i]) else float(half[i])
        return Part(found.cell(i), float(amounts[i]), margin, float(abs(amounts[i])) / scale)

    told = [part(i) for i in named]
    left = np.delete(amounts, named)
    up, down = (tuple(p for p in told if (p.amount > 0) is positive) for positive in (True, False))
    return up, down, _rest(left, scale)


def _rest(left: NpArray, scale: float) -> Rest:
    total = float(left.sum())
    return Rest(
        len(left), total if abs(total) > NEGLIGIBLE * scale else 0.0, float(np.max(np.abs(left), initial=0.0))
    )


def _doubt(quality: Quality, row: int | None, rows: int, values: NpArray, half: NpArray | None) -> Doubt:
    caveats = tuple(c for c in quality.caveats if _concerns(c, row, rows))
    sizes = np.abs(values)
    largest = float(np.max(sizes, initial=0.0))
    typical, drowned = None, False
    if half is not None and not quality.exact and largest > 0 and np.isfinite(half).any():
        typical = float(np.nanmedian(half)) / largest
        drowned = bool(np.nan_to_num(half).ravel()[sizes.argmax()] >= largest)
    return Doubt(
        exact=quality.exact,
        typical=typical,
        drowned=drowned,
        verdict="unreliable" if any(c.status == "fail" for c in caveats) else "caution" if caveats else "ok",
        caveats=caveats,
        elsewhere=bool(quality.caveats) and not caveats,
    )


def doubt_of(quality: Quality) -> Doubt:
    """How far to trust a result without rows or values to hold against their errors."""
    return _doubt(quality, None, 1, np.zeros(0), None)


def _concerns(check: Check, row: int | None, rows: int) -> bool:
    """Whether a check that did not pass is about this row; rows out of range cannot be trusted."""
    return row is None or not check.rows or row in check.rows or max(check.rows) >= rows
