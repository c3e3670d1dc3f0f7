"""Where in an image the evidence lies: in which of nine fields, and how concentrated it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from pellucid.core.features import Pixels
from pellucid.core.types import NpArray
from pellucid.results import Attribution

FIELDS = (
    ("upper_left", "upper", "upper_right"),
    ("left", "centre", "right"),
    ("lower_left", "lower", "lower_right"),
)
STRONGEST = 0.1
"""The share of pixels that counts as the strongest."""


@dataclass(frozen=True)
class Region:
    """Evidence of one sign.

    Attributes:
        place: the field of its centre of mass: "upper_left" ... "lower_right".
        amount: its sum, with its sign.
        largest: the largest value of one hidden part (or pixel), with its sign.
        share: of all evidence.
    """

    place: str
    amount: float
    largest: float
    share: float


@dataclass(frozen=True)
class Picture:
    """Where the evidence lies.

    Attributes:
        count: how many pixels (or places) there are.
        positive, negative: what raises and what lowers the number; None where there is none.
        strongest: the share of the evidence inside the strongest 10 % of the pixels.
    """

    count: int
    positive: Region | None
    negative: Region | None
    strongest: float


def picture(e: Attribution, row: int, *, unsigned: bool) -> Picture:
    """Where the evidence of row `row` lies.

    Args:
        e: an attribution whose values have places.
        row: which row.
        unsigned: take the channels of a pixel together by size: gradients of opposite sign do not cancel.
    """
    values = np.nan_to_num(e.values[row])
    plane = _plane(e, np.abs(values) if unsigned else values)
    players = None if e.player_values is None else np.nan_to_num(e.player_values[row])
    size = np.sort(np.abs(plane).ravel())[::-1]
    total = float(size.sum())
    return Picture(
        count=plane.size,
        positive=_region(plane, players, total, 1),
        negative=_region(plane, players, total, -1),
        strongest=float(size[: ceil(STRONGEST * len(size))].sum()) / total if total else 0.0,
    )


def _plane(e: Attribution, values: NpArray) -> NpArray:
    """(H, W): the row's values with channels taken together."""
    if isinstance(e.features, Pixels) and values.ndim == (2 if e.features.axis is None else 3):
        return e.features.plane(values)
    return values.reshape(-1, *values.shape[-2:]).sum(0)


def _region(plane: NpArray, players: NpArray | None, total: float, sign: int) -> Region | None:
    mass = np.maximum(sign * plane, 0.0)
    amount = float(mass.sum())
    if amount == 0:
        return None
    largest = float(np.max(sign * (plane if players is None else players), initial=0.0))
    return Region(_field(mass / amount), sign * amount, sign * largest, amount / total)


def _field(mass: NpArray) -> str:
    """The field that holds the centre of mass of `mass`, which sums to one."""
    height, width = mass.shape
    down = float((mass.sum(1) * (np.arange(height) + 0.5)).sum()) / height
    across = float((mass.sum(0) * (np.arange(width) + 0.5)).sum()) / width
    return FIELDS[min(2, int(3 * down))][min(2, int(3 * across))]
