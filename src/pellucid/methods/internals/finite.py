"""Values that are no numbers are named, never drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core.errors import DataError
from pellucid.core.network import Network
from pellucid.core.types import NpArray

from .layout import units_first

WHERE = "Look at the layers before it, to see where this begins, or leave these rows out."


def need_finite(n: Network, place: str, values: NpArray, numbers: Sequence[int] = ()) -> None:
    """Refuse values of a layer, rows first, of which some are NaN or infinite.

    Args:
        n: the network.
        place: the layer.
        values: what it gave, or its gradient.
        numbers: the numbers of the rows; () are all, in order.

    Raises:
        DataError: some are; it says how many units and rows, and which row is the first.
    """
    bad: NpArray = np.logical_not(np.isfinite(values))
    if not bad.any():
        return
    units: NpArray = units_first(n, place, bad)
    hurt: Any = units.reshape(*units.shape[:2], -1).any(2)
    rows: Any = bad.reshape(len(bad), -1).any(1)
    first = int(rows.argmax())
    raise DataError(
        f"{place} holds NaN or infinity in {hurt.any(0).sum()} of {hurt.shape[1]} units, for {rows.sum()} of "
        f"{len(rows)} rows (the first: row {numbers[first] if len(numbers) else first}).",
        fix=WHERE,
    )


def need_finite_weights(place: str, lines: NpArray) -> None:
    """Refuse learned arrays, one line for each unit, that hold NaN or infinity.

    Raises:
        DataError: they do; it says in how many units, and which is the first.
    """
    bad: NpArray = np.logical_not(np.isfinite(lines).all(1))
    if bad.any():
        raise DataError(
            f"The weights of {place} hold NaN or infinity in {bad.sum()} of {len(bad)} units (the first: "
            f"{int(bad.argmax())}).",
            fix="The training has diverged: load weights from before, or look at the other layers.",
        )


def need_finite_objectives(labels: Sequence[str], values: NpArray) -> None:
    """Refuse objectives, (objectives, inputs), that are NaN or infinite somewhere.

    Raises:
        DataError: some are; it says which, for how many inputs, and which is the first.
    """
    bad: NpArray = np.logical_not(np.isfinite(values))
    if bad.any():
        one = int(bad.any(1).argmax())
        raise DataError(
            f"{labels[one]} is NaN or infinite for {bad[one].sum()} of {len(bad[one])} inputs (the first: "
            f"{int(bad[one].argmax())}).",
            fix=WHERE,
        )
