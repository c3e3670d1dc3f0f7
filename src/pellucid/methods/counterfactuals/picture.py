"""What drawings of changed rows need of the model: slices through them, and the way to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Query

from .distance import Distance
from .search import Pool

DRAWN = 12
"""Changed rows that can be drawn with the decision behind them."""
SIDE = 25
"""Points of a slice on each side; the row and its change are among them."""
STEPS = 41
"""Points on the way from a row to its change."""
BEYOND = 1.25
"""How much further than the change the way goes on."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Slices and ways, as `Counterfactuals` holds them."""

    plane: NpArray
    slice_of: NpArray
    slice_at: NpArray
    slice_lead: NpArray
    path_lead: NpArray

    @classmethod
    def of(cls, q: Query, pool: Pool, distance: Distance) -> Pictures:
        """Ask the model about the neighbourhood of the first changed rows."""
        drawn = np.arange(min(DRAWN, len(pool)))
        x = q.X[pool.own[drawn]]
        numbers = ~q.limits.word & np.isfinite(x)
        parts = np.where(numbers, distance.parts(x, pool.Z[drawn]) + 1e-12 * np.isfinite(x), -1.0)
        plane = np.argsort(-parts, axis=1, kind="stable")[:, :2]
        ordered = np.sort(parts, axis=1)
        two = drawn[(ordered[:, -2] >= 0) & (ordered[:, -1] > 1e-9)] if parts.shape[1] > 1 else drawn[:0]
        asked = q.asked.copy()
        at, lead = _slices(q, pool, two, plane[two])
        path = _ways(q, pool)
        q.asked[:] = asked
        return cls(plane[two].reshape(-1, 2), two, at, lead, path)

    def arrays(self) -> dict[str, Any]:
        """The arrays by name."""
        return vars(self)


def _slices(q: Query, pool: Pool, rows: NpArray, plane: NpArray) -> tuple[NpArray, NpArray]:
    """Where the two columns of each slice are set, and the lead there, all other columns as in the changed row."""
    count = len(rows)
    at, lead = np.empty((count, 2, SIDE)), np.empty((count, SIDE, SIDE))
    if not count:
        return at, lead
    Z = np.repeat(pool.Z[rows], SIDE * SIDE, 0)
    for k, (row, columns) in enumerate(zip(rows, plane, strict=True)):
        own = pool.own[row]
        for axis, j in enumerate(columns):
            ends = np.array([q.X[own, j], pool.Z[row, j]])
            room = np.ptp(ends) or 0.25 * np.nanstd(q.background[:, j]) or 1.0
            points = np.linspace(ends.min() - 0.6 * room, ends.max() + 0.6 * room, SIDE - 2)
            at[k, axis] = np.sort(np.concatenate([points, ends]))
        here = slice(k * SIDE * SIDE, (k + 1) * SIDE * SIDE)
        Z[here, columns[0]] = np.repeat(at[k, 0], SIDE)
        Z[here, columns[1]] = np.tile(at[k, 1], SIDE)
    lead[:] = q(Z, np.repeat(pool.own[rows], SIDE * SIDE)).reshape(count, SIDE, SIDE)
    return at, lead


def _ways(q: Query, pool: Pool) -> NpArray:
    """The lead on the straight way to the first changed rows and a little beyond them; NaN for the others."""
    out = np.full((len(pool), STEPS if len(pool) else 0), np.nan)
    drawn = pool[np.arange(min(DRAWN, len(pool)))]
    t = np.linspace(0, BEYOND, STEPS)[:, None]
    x, z = q.X[drawn.own][:, None], drawn.Z[:, None]
    way = np.where(q.limits.word, np.where(t < 0.5, x, z), x + (z - x) * t)
    way = np.where(x == z, x, way)
    if len(drawn):
        out[: len(drawn)] = q(way.reshape(-1, z.shape[2]), np.repeat(drawn.own, STEPS)).reshape(-1, STEPS)
    return out
