"""What a leaf gives: rows that failed the same places of its path settle with the background rows beside them."""

from __future__ import annotations

from functools import cache
from math import factorial
from typing import Any, NamedTuple

import numpy as np

from pellucid.core.types import NpArray

from .compiled import kernel, part
from .layout import Records
from .pairs import place

MOST = 64
"""Different features on a path."""

ALIVE = np.dtype([("mask", np.uint64), ("row", np.int64)], align=True)
"""A background row on a list, and the places of the path that it fails."""
BUNCH = np.dtype([(n, np.int64) for n in ("row", "rows", "list", "listed")] + [("failed", np.uint64)])
"""Rows that failed the same places of the path: where they stand, and the list of background rows beside them."""
FRAME = np.dtype([(n, np.int64) for n in ("split", "bunch", "bunches", "rows", "listed", "side")])
"""A split on the way down: its bunches, what is in use below them, and the side to go down next."""


class Weights(NamedTuple):
    """Weights of a leaf by the numbers of places that the row alone, and the background row alone, pass.

    Attributes:
        gain, loss: of a place that the row, the background row passes.
        both, mixed, neither: of two places that the row passes, of one each, of two that the background row passes.
    """

    gain: NpArray
    loss: NpArray
    both: NpArray
    mixed: NpArray
    neither: NpArray


class Desk(NamedTuple):
    """What a block of rows works on besides its lists.

    Attributes:
        rows: row numbers of the bunches, one level of the tree after another, as are
        bunch: the bunches, and
        frame: the splits on the way down.
        path: (64,) the feature at each place of the path.
        sums: (64,) room for sums, zero between leaves.
        x: (columns, rows).
        phi: (width, columns and pairs, rows).
        pairs: (64, 64) room for sums of two places.
    """

    rows: NpArray
    bunch: Records
    frame: Records
    path: NpArray
    sums: NpArray
    x: NpArray
    phi: NpArray
    pairs: NpArray


@cache
def weights() -> Weights:
    """The tables for up to 64 places, made once."""
    size = MOST + 1

    def table(a_less: int, b_less: int, less: int) -> NpArray:
        out = np.zeros((size, size))
        for a in range(a_less, size):
            for b in range(b_less, size - a):
                out[a, b] = factorial(a - a_less) * factorial(b - b_less) / factorial(a + b - less)
        return out

    return Weights(table(1, 0, 0), table(0, 1, 0), table(2, 0, 1), table(1, 1, 1), table(0, 2, 1))


@part
def _ones(z: Any) -> Any:
    """How many bits are set."""
    z = z - ((z >> np.uint64(1)) & np.uint64(0x5555555555555555))
    z = (z & np.uint64(0x3333333333333333)) + ((z >> np.uint64(2)) & np.uint64(0x3333333333333333))
    z = (z + (z >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((z * np.uint64(0x0101010101010101)) >> np.uint64(56))


@part
def _lowest(z: Any) -> Any:
    """The place of the lowest bit that is set."""
    return _ones((z & (~z + np.uint64(1))) - np.uint64(1))


@part
def settle(  # noqa: PLR0913
    factors: Weights,
    w: Any,
    alive: Records,
    rows: NpArray,
    path: NpArray,
    sums: NpArray,
    scale: NpArray,
    value: NpArray,
    phi: NpArray,
) -> None:
    """A bunch has come to a leaf: add what it gives to each feature."""
    b, lost, met = _ones(w.failed), 0.0, np.uint64(0)
    for i in range(w.list, w.listed):
        mask = alive[i].mask
        a, share = _ones(mask), scale[alive[i].row]
        lost += factors.loss[a, b] * share
        gain = factors.gain[a, b] * share
        met |= mask
        while mask:
            sums[_lowest(mask)] += gain
            mask &= mask - np.uint64(1)
    for sign in range(2):
        places = met if sign == 0 else w.failed
        while places:
            place = _lowest(places)
            places &= places - np.uint64(1)
            amount = sums[place] if sign == 0 else -lost
            sums[place] = 0.0
            f = path[place]
            for j in range(len(value)):
                for i in range(w.row, w.rows):
                    phi[j, f, rows[i]] += amount * value[j]


@kernel
def settle_pairs(factors: Weights, w: Any, alive: Records, k: Desk, scale: NpArray, value: NpArray) -> None:
    """The same for pairs: both passed by the row, one by each, both by the background row."""
    b, lost, met, sums = _ones(w.failed), 0.0, np.uint64(0), k.pairs
    for i in range(w.list, w.listed):
        mask = alive[i].mask
        a, share = _ones(mask), scale[alive[i].row]
        lost += factors.neither[a, b] * share
        met |= mask
        while mask:
            one = _lowest(mask)
            mask &= mask - np.uint64(1)
            sums[one, one] -= factors.mixed[a, b] * share
            rest = mask
            while rest:
                sums[one, _lowest(rest)] += factors.both[a, b] * share
                rest &= rest - np.uint64(1)
    places = met | w.failed
    while places:
        one = _lowest(places)
        places &= places - np.uint64(1)
        rest = places
        while rest:
            two = _lowest(rest)
            rest &= rest - np.uint64(1)
            _give(k, w, one, two, lost, value)
    while met:
        one = _lowest(met)
        met &= met - np.uint64(1)
        sums[one, :] = 0.0


@part
def _give(k: Desk, w: Any, one: int, two: int, lost: float, value: NpArray) -> None:
    """Add what a bunch gives to one pair of places, the lower first."""
    failed_one = (w.failed >> np.uint64(one)) & np.uint64(1)
    failed_two = (w.failed >> np.uint64(two)) & np.uint64(1)
    if failed_one and failed_two:
        amount = lost
    elif failed_one:
        amount = k.pairs[two, two]
    elif failed_two:
        amount = k.pairs[one, one]
    else:
        amount = k.pairs[one, two]
    columns = len(k.x)
    f = columns + place(k.path[one], k.path[two], columns)
    for j in range(len(value)):
        for i in range(w.row, w.rows):
            k.phi[j, f, k.rows[i]] += amount * value[j]
