"""One column at a time set to one value after another, with loops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def curve(
    function: Callable[[np.ndarray], np.ndarray], row: np.ndarray, column: int, points: np.ndarray
) -> np.ndarray:
    """What the function says as one column of the row takes each value."""
    out = []
    for value in points:
        changed = row.copy()
        changed[column] = value
        out.append(float(function(changed[None])[0]))
    return np.array(out)


def nearest_turn(
    decides: Callable[[np.ndarray], int], row: np.ndarray, column: int, end: float, steps: int = 20_000
) -> float:
    """The first of many values between the row's own and `end` at which the decision is another; NaN where none is."""
    changed = row.copy()
    for value in np.linspace(row[column], end, steps):
        changed[column] = value
        if decides(changed) != decides(row):
            return float(value)
    return float("nan")
