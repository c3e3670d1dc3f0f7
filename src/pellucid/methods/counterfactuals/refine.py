"""Better candidates from good ones: a change dropped and made up for by others, and a walk along a smooth boundary."""

from __future__ import annotations

import numpy as np

from pellucid.core.types import NpArray

from .search import Pool, Search

REFILLS = 4
"""Changes that may take the place of one."""
SECANT = 0.02
"""Of a column's box, for the slope of the lead."""
HALVINGS = 30


def refilled(s: Search, pool: Pool, rounds: int = 3, keep: int = 1) -> Pool:
    """Undo one change, whichever it is, make up for it by others, and keep what became cheaper.

    Args:
        s: the search.
        pool: one candidate per row.
        rounds: how often, as long as something improves.
        keep: candidates per row that are given back.
    """
    improving, every = pool, pool
    for _ in range(rounds):
        improving = improving[s.left(improving.own)]
        if not len(improving):
            break
        start, units = s.q.limits.start[improving.own], s.q.limits.units
        which, unit = np.nonzero(s.q.limits.by_unit((start != improving.Z) & ~np.isnan(start)))
        Z = np.where(units[None] == unit[:, None], start[which], improving.Z[which])
        found = s.greedy(s.ask(Z, improving.own[which]), REFILLS)
        found = s.snapped(s.nearer(s.reverted(found)))
        before = _cost_by_row(s, pool)
        every = s.best(every + found, keep)
        pool = s.best(every)
        after = _cost_by_row(s, pool)
        improving = pool[after[pool.own] < before[pool.own] - 1e-9]
    return every


def _cost_by_row(s: Search, pool: Pool) -> NpArray:
    cost = np.full(len(s.q.X), np.inf)
    cost[pool.own] = s.cost(pool.Z, pool.own)
    return cost


def walked(s: Search, pool: Pool, rounds: int = 12) -> Pool:
    """Walk along the boundary: to the cheapest place that the slopes of the lead allow within reach, again and again.

    Where the model is smooth this ends where no exchange of one change for another is cheaper.

    Args:
        s: the search.
        pool: candidates with the wanted answer.
        rounds: how many steps.
    """
    numbers = np.flatnonzero(
        ~s.q.limits.word & ~s.q.limits.whole & ~np.isin(np.arange(s.q.X.shape[1]), s.grouped)
    )
    if not len(numbers) or s.distance.own is not None:
        return pool
    reach = np.full(len(pool), 0.25)
    for _ in range(rounds):
        active = np.flatnonzero((reach > 1e-3) & s.left(pool.own))
        if not len(active):
            break
        part = pool[active]
        moved = _to_boundary(s, part, _proposed(s, part, numbers, reach[active]))
        cheaper = s.cost(moved.Z, moved.own) < s.cost(part.Z, part.own) * (1 - 1e-6)
        cheaper &= (moved.lead >= 0) & s.q.limits.hold(moved.Z, moved.own)
        Z, lead = pool.Z.copy(), pool.lead.copy()
        Z[active[cheaper]], lead[active[cheaper]] = (moved.Z[cheaper], moved.lead[cheaper])
        reach[active] = np.where(cheaper, np.minimum(reach[active] * 1.5, 1.0), reach[active] / 3)
        pool = Pool(Z, pool.own, lead)
    return pool


def _slopes(s: Search, pool: Pool, numbers: NpArray, width: NpArray) -> NpArray:
    """(m, numbers) how fast the lead rises with each number: the gradient, or secants on the side with room."""
    if s.q.slope is not None:
        return s.q.slope(pool.Z, pool.own)[:, numbers]
    count = len(numbers)
    Z = np.repeat(pool.Z[:, None], count, 1)
    high = s.q.limits.high[pool.own][:, numbers]
    step = np.where(pool.Z[:, numbers] + SECANT * width <= high, SECANT, -SECANT) * width
    Z[:, np.arange(count), numbers] += step
    lead = s.ask(Z.reshape(-1, Z.shape[2]), np.repeat(pool.own, count)).lead.reshape(-1, count)
    return np.where(step != 0, (lead - pool.lead[:, None]) / np.where(step == 0, 1.0, step), 0.0)


def _proposed(s: Search, pool: Pool, numbers: NpArray, reach: NpArray) -> NpArray:
    """The cheapest rows within reach at which the slopes promise the wanted answer."""
    limits, x = s.q.limits, s.q.X[pool.own][:, numbers]
    low, high = (side[pool.own][:, numbers] for side in (limits.low, limits.high))
    z, unit = pool.Z[:, numbers], s.distance.unit[numbers]
    width = np.nan_to_num(high - low)
    slope = _slopes(s, pool, numbers, width)
    least, most = (np.maximum(low, z - reach[:, None] * width), np.minimum(high, z + reach[:, None] * width))

    def cheapest(price: NpArray) -> NpArray:
        """Where cost - price * lead is least."""
        gain = price[:, None] * slope
        if s.distance.name == "l2":
            return np.clip(x + gain / np.maximum(2 * unit**2, 1e-300), least, most)
        home = np.clip(x, least, most)
        return np.where(gain > unit, most, np.where(gain < -unit, least, home))

    floor, ceiling = np.zeros(len(pool)), np.full(len(pool), 1e-6)
    need = -pool.lead

    def short(price: NpArray) -> NpArray:
        return (slope * (cheapest(price) - z)).sum(1) < need

    for _ in range(2 * HALVINGS):
        missing = short(ceiling)
        if not missing.any():
            break
        floor, ceiling = (np.where(missing, ceiling, floor), np.where(missing, 4 * ceiling, ceiling))
    for _ in range(HALVINGS):
        middle = (floor + ceiling) / 2
        missing = short(middle)
        floor, ceiling = (np.where(missing, middle, floor), np.where(missing, ceiling, middle))
    a, b = cheapest(floor), cheapest(ceiling)
    got_a, got_b = ((slope * (side - z)).sum(1) for side in (a, b))
    share = np.clip((need - got_a) / np.where(got_b > got_a, got_b - got_a, 1.0), 0, 1)[:, None]
    Z = pool.Z.copy()
    Z[:, numbers] = np.where(np.isnan(x), z, np.clip(a + share * (b - a), low, high))
    return Z


def _to_boundary(s: Search, pool: Pool, Z: NpArray) -> Pool:
    """From proposed rows back towards the candidates, just as far as the wanted answer asks."""
    asked = s.ask(Z, pool.own)
    low, high, best = np.zeros(len(pool)), np.ones(len(pool)), pool
    fine = asked.lead >= 0
    best = Pool(np.where(fine[:, None], Z, pool.Z), pool.own, np.where(fine, asked.lead, pool.lead))
    todo = np.flatnonzero(~fine)
    for _ in range(8):
        if not len(todo):
            break
        middle = (low[todo] + high[todo]) / 2
        tried = s.ask(Z[todo] + (pool.Z[todo] - Z[todo]) * middle[:, None], pool.own[todo])
        ok = tried.lead >= 0
        high[todo[ok]], low[todo[~ok]] = middle[ok], middle[~ok]
        best.Z[todo[ok]], best.lead[todo[ok]] = tried.Z[ok], tried.lead[ok]
    return best
