"""The features of a row as one list: what each is called, its value, its amount, its half-width."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from pellucid.core.features import Columns, Features, Pixels, Steps, Tokens
from pellucid.core.types import NpArray
from pellucid.results import Attribution

from .amounts import number


@dataclass(frozen=True)
class Cell:
    """One feature of one row.

    Attributes:
        name: what it is called.
        shown: its value as a person writes it; "" where it has none of its own.
        missing: whether the value is missing.
        unit: what it counts in, or "".
        position: for a text: which token it is, from 1, where the same token comes more than once.
    """

    name: str
    shown: str = ""
    missing: bool = False
    unit: str = ""
    position: int | None = None


@dataclass(frozen=True)
class Parts:
    """A row's features as one list.

    Attributes:
        kind: what they are: "table", "groups", "text", "series", "windows", "units", "array".
        amounts: (parts,) of the explanation.
        half_widths: (parts,) or None.
        cell: part number -> what to call it.
    """

    kind: str
    amounts: NpArray
    half_widths: NpArray | None
    cell: Callable[[int], Cell]


def parts(e: Attribution, row: int) -> Parts:
    """The features of row `row`."""
    return _parts(e.features, e, row)


@singledispatch
def _parts(features: Features, e: Attribution, row: int) -> Parts:
    """Any features: every entry of the row by its index."""
    shape = e.values.shape[1:]
    own = not e.at and e.x.shape == e.values.shape

    def cell(i: int) -> Cell:
        name = _inside(e, i) or features.name(tuple(int(k) for k in np.unravel_index(i, shape)))
        value = float(e.x[row].ravel()[i]) if own else 0.0
        return Cell(name, number(value) if own else "", bool(np.isnan(value)))

    half = e.quality.half_width
    kind = "units" if e.at else "array" if isinstance(features, Pixels) else features.kind
    return Parts(kind, e.values[row].ravel(), None if half is None else half[row].ravel(), cell)


@_parts.register
def _(features: Columns, e: Attribution, row: int) -> Parts:
    """A table: its columns, or the groups they were hidden in."""
    amounts, half = e.values[row], e.quality.half_width
    half = None if half is None else half[row]
    names, label = features.players()
    if features.groups and e.player_values is not None and e.player_values.shape[1] == len(names):
        players = e.player_values[row]
        whole = (
            None
            if half is None
            else np.array([_grouped(amounts, half, label == k, v) for k, v in enumerate(players)])
        )

        def group(k: int) -> Cell:
            members = np.flatnonzero(label == k)
            alone = len(members) == 1 and features.names[members[0]] == names[k]
            return _column(features, e, row, int(members[0])) if alone else Cell(names[k])

        return Parts("groups", players, whole, group)
    return Parts("table", amounts, half, lambda i: _column(features, e, row, i))


@_parts.register
def _(features: Steps, e: Attribution, row: int) -> Parts:
    """A series: the windows it was hidden in, else its data points."""
    if e.regions is None or e.player_values is None or e.at:
        return _parts.dispatch(Features)(features, e, row)
    names, half = e.players[row], e.quality.half_width
    amounts, window = np.nan_to_num(e.player_values[row][: len(names)]), e.regions[row]
    whole = None
    if half is not None:
        each = [(window == k, float(v)) for k, v in enumerate(amounts)]
        whole = np.array([_grouped(e.values[row], half[row], members, v) for members, v in each])
    return Parts("windows", amounts, whole, lambda i: Cell(names[i]))


@_parts.register
def _(features: Tokens, e: Attribution, row: int) -> Parts:
    """A text: its tokens, each with all numbers of its embedding together, without the padding."""
    tokens = features.row(row) if features.tokens else ()
    length = e.values.shape[1]
    padding = np.array([bool(tokens) and (i >= len(tokens) or tokens[i] == "") for i in range(length)])
    kept = np.flatnonzero(~padding) if not padding.all() else np.arange(length)

    def together(a: NpArray) -> NpArray:
        return a[row].reshape(length, -1).sum(1)[kept]

    def cell(k: int) -> Cell:
        i = int(kept[k])
        if i >= len(tokens):
            return Cell(features.name((i,)))
        repeated = tokens.count(tokens[i]) > 1
        return Cell(tokens[i], position=k + 1 if repeated else None)

    half = e.quality.half_width
    return Parts("text", together(e.values), None if half is None else together(half), cell)


def _column(features: Columns, e: Attribution, row: int, i: int) -> Cell:
    value, name = float(e.x[row, i]), features.names[i]
    return Cell(name, features.show(i, value), bool(np.isnan(value)), features.units.get(name, ""))


def _grouped(amounts: NpArray, half: NpArray, members: NpArray, player: float) -> float:
    """A group's half-width: its columns share it where they share its value, else each has it whole."""
    shared = np.isclose(amounts[members].sum(), player)
    return float(half[members].sum() if shared else half[members].max())


def _inside(e: Attribution, i: int) -> str | None:
    """For several inputs: which entry of which input number `i` of the row is."""
    start = 0
    for name, shape in e.parts.items():
        size = int(np.prod(shape))
        if i < start + size:
            place = ", ".join(str(int(k)) for k in np.unravel_index(i - start, shape))
            return f"{name}[{place}]" if place else name
        start += size
    return None
