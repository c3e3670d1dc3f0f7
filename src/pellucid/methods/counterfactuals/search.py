"""The search for near rows with another answer: seeds, sparser, closer, and what a changed column could be spared by.

All candidates of all rows move in lockstep: a step is one question to the model about all of them. A candidate is a row
of numbers; `own` says which of the caller's rows it is a change of.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Query

from .distance import Distance
from .proposals import Proposals

ENOUGH = 0.05
"""A lead beyond the boundary by more than this gains nothing."""
CELLS = 1 << 21
"""Numbers in one block of proposals."""
SCAN = 8
"""Places between the row and its change that are looked at in one round."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Candidates: their rows of numbers, and whose they are.

    Attributes:
        Z: (m, columns).
        own: (m,) numbers of the rows that they are changes of.
        lead: (m,) at least 0 where the answer is the wanted one.
    """

    Z: NpArray
    own: NpArray
    lead: NpArray

    def __len__(self) -> int:
        return len(self.Z)

    def __getitem__(self, kept: NpArray) -> Pool:
        return Pool(self.Z[kept], self.own[kept], self.lead[kept])

    def __add__(self, other: Pool) -> Pool:
        pairs = ((self.Z, other.Z), (self.own, other.own), (self.lead, other.lead))
        return Pool(*(np.concatenate(pair) for pair in pairs))


def firsts_of(which: NpArray, worth: NpArray) -> NpArray:
    """For each value of `which`, the place of the largest `worth`."""
    order = np.lexsort((-worth, which))
    return order[np.unique(which[order], return_index=True)[1]]


@dataclass(frozen=True, eq=False)
class Search:
    """What every step of the search needs.

    Attributes:
        q: the view.
        distance: what is to be small.
        proposals: values worth trying.
        plausibility: the share of the distance to real rows in what is to be small.
        budget: questions about one row, at most.
        real: for each goal, real rows with the wanted answer.
    """

    q: Query
    distance: Distance
    proposals: Proposals
    plausibility: float = 0.0
    budget: int = 20000
    real: tuple[NpArray, ...] = field(default_factory=tuple)

    def cost(self, Z: NpArray, own: NpArray) -> NpArray:
        """(m,) what is to be small: the distance, mixed with that to real rows."""
        x = self.q.X[own]
        out = self.distance(x, Z)
        if self.plausibility:
            out = (1 - self.plausibility) * out
            for goal, real in enumerate(self.real):
                here = self.q.goal[own] == goal
                if here.any():
                    out[here] += self.plausibility * self.distance.loneliness(Z[here], real)
        return out

    def ask(self, Z: NpArray, own: NpArray) -> Pool:
        """Candidates with what the model says of them."""
        return Pool(Z, own, self.q(Z, own))

    def left(self, own: NpArray) -> NpArray:
        """(m,) whether more may be asked about the row."""
        return self.q.asked[own] < self.budget

    def best(self, pool: Pool, count: int = 1) -> Pool:
        """The cheapest candidates of each row, of those that have the wanted answer and keep to the constraints."""
        pool = pool[(pool.lead >= 0) & self.q.limits.hold(pool.Z, pool.own)]
        cost = self.cost(pool.Z, pool.own)
        order = np.lexsort((cost, pool.own))
        pool = pool[order]
        _, first = np.unique(np.column_stack([pool.own, pool.Z]), axis=0, return_index=True)
        pool = pool[np.sort(first)]
        rank = np.arange(len(pool)) - np.searchsorted(pool.own, pool.own)
        return pool[rank < count]

    # -- one change at a time ---------------------------------------------------------------------------------------

    def greedy(self, start: Pool, steps: int) -> Pool:
        """Make the change with the best lead for its cost, again and again, until the wanted answer is reached."""
        done, pool = start[start.lead >= 0], start[start.lead < 0]
        for _ in range(steps):
            pool = pool[self.left(pool.own)]
            if not len(pool):
                break
            pool = self._step(pool)
            done, pool = done + pool[pool.lead >= 0], pool[pool.lead < 0]
        return done

    def _step(self, pool: Pool) -> Pool:
        """The best single change of each candidate, of those that have one."""
        value, limits = self.proposals.value, self.q.limits
        step = max(1, CELLS // max(1, value.size))
        out = list[Pool]()
        for start in range(0, len(pool), step):
            part = pool[np.arange(start, min(start + step, len(pool)))]
            which, what = self._possible(part)
            Z = np.where(np.isnan(value[what]), part.Z[which], value[what])
            own = part.own[which]
            fits = limits.count(Z, own) <= limits.most_changes
            Z, own, which = Z[fits], own[fits], which[fits]
            tried = self.ask(Z, own)
            gain = np.minimum(tried.lead, ENOUGH) - part.lead[which]
            dearer = self.cost(Z, own) - self.cost(part.Z, part.own)[which]
            worth = np.where(gain > 1e-9, gain / np.maximum(dearer, 1e-6), -np.inf)
            firsts = firsts_of(which, worth)
            firsts = firsts[worth[firsts] > -np.inf]
            out.append(tried[firsts])
        whole = out[0]
        for more in out[1:]:
            whole = whole + more
        return whole

    def _possible(self, pool: Pool) -> tuple[NpArray, NpArray]:
        """Pairs (candidate, proposal) that change something and keep within the candidate's box."""
        value, limits = self.proposals.value, self.q.limits
        low, high, x = limits.low[pool.own], limits.high[pool.own], self.q.X[pool.own]
        with np.errstate(invalid="ignore"):
            outside = (value[None] < low[:, None]) | (value[None] > high[:, None])
            outside |= ~np.isnan(value)[None] & np.isnan(x)[:, None]
            differs = ~np.isnan(value)[None] & (value[None] != pool.Z[:, None])
        candidates, proposals = np.nonzero(~outside.any(2) & differs.any(2))
        return candidates, proposals

    def copied(self, start: Pool, to: NpArray) -> Pool:
        """Take over the values of another row, unit by unit, the one with the best lead for its cost first.

        Args:
            start: candidates.
            to: (m, columns) rows with the wanted answer.
        """
        units = self.q.limits.units
        pool, done = start, start[np.zeros(len(start), bool)]
        for _ in range(int(units.max()) + 1):
            if not len(pool):
                break
            which, unit = np.nonzero(self.q.limits.by_unit((to != pool.Z) & ~np.isnan(to)))
            moves = units[None] == unit[:, None]
            tried = self.ask(np.where(moves, to[which], pool.Z[which]), pool.own[which])
            dearer = self.cost(tried.Z, tried.own) - self.cost(pool.Z, pool.own)[which]
            gain = np.minimum(tried.lead, ENOUGH) - pool.lead[which]
            worth = np.where(tried.lead >= 0, 1e6 - dearer, gain / (np.maximum(dearer, 0) + 0.1))
            firsts = firsts_of(which, worth)
            pool, to = tried[firsts], to[which[firsts]]
            done, (pool, to) = (done + pool[pool.lead >= 0], (pool[pool.lead < 0], to[pool.lead < 0]))
        return done

    # -- less of what was changed -----------------------------------------------------------------------------------

    def reverted(self, pool: Pool) -> Pool:
        """Undo the changes, the dearest first, that the answer does not need."""
        limits = self.q.limits
        units = limits.units
        for _ in range(int(units.max()) + 1):
            start = limits.start[pool.own]
            which, unit = np.nonzero(limits.by_unit((start != pool.Z) & ~np.isnan(start)))
            Z = np.where(units[None] == unit[:, None], start[which], pool.Z[which])
            tried = self.ask(Z, pool.own[which])
            saved = self.cost(pool.Z, pool.own)[which] - self.cost(tried.Z, tried.own)
            good = np.flatnonzero((tried.lead >= 0) & (saved > 0))
            if not len(good):
                break
            firsts = good[firsts_of(which[good], saved[good])]
            Z, lead = pool.Z.copy(), pool.lead.copy()
            Z[which[firsts]], lead[which[firsts]] = tried.Z[firsts], tried.lead[firsts]
            pool = Pool(Z, pool.own, lead)
        return pool

    def nearer(self, pool: Pool, rounds: int = 3) -> Pool:
        """Move every changed number back as far as the answer allows: all together first, then one after another."""
        numbers = ~self.q.limits.word & ~np.isin(np.arange(self.q.X.shape[1]), self.grouped)
        start = self.q.limits.start[pool.own]
        pool = self.scanned(pool, start, np.broadcast_to(numbers, pool.Z.shape), 2)
        parts = np.where(numbers, self.distance.parts(start, pool.Z), 0.0)
        order = np.argsort(-parts, axis=1, kind="stable")
        for rank in range(int((parts > 0).sum(1).max(initial=0))):
            column = order[:, rank]
            mask = (np.arange(pool.Z.shape[1]) == column[:, None]) & (parts > 0)
            moving = np.flatnonzero(mask.any(1))
            closer = self.scanned(pool[moving], start[moving], mask[moving], rounds)
            Z, lead = pool.Z.copy(), pool.lead.copy()
            Z[moving], lead[moving] = closer.Z, closer.lead
            pool = Pool(Z, pool.own, lead)
        return pool

    @property
    def grouped(self) -> NpArray:
        """Numbers of the columns that change together with others."""
        groups = self.q.limits.groups
        return np.concatenate(groups) if groups else np.zeros(0, int)

    def scanned(self, pool: Pool, start: NpArray, mask: NpArray, rounds: int) -> Pool:
        """The place nearest to the start, on the straight line to each candidate, where the answer still holds."""
        if not len(pool):
            return pool
        low, high = np.zeros(len(pool)), np.ones(len(pool))
        best = pool
        for _ in range(rounds):
            t = (
                low[:, None] + (high - low)[:, None] * np.arange(SCAN) / SCAN
            )  # (m, SCAN), the far end is known
            Z = np.where(
                mask[:, None], start[:, None] + (pool.Z - start)[:, None] * t[..., None], pool.Z[:, None]
            )
            Z = self._whole(Z, start[:, None]).reshape(-1, pool.Z.shape[1])
            tried = self.ask(Z, np.repeat(pool.own, SCAN))
            fine = (tried.lead >= 0).reshape(-1, SCAN)
            any_ = np.asarray(fine.any(1))
            first = np.where(any_, fine.argmax(1), SCAN)
            pick = np.arange(len(pool)) * SCAN + np.minimum(first, SCAN - 1)
            best = Pool(
                np.where(any_[:, None], tried.Z[pick], best.Z),
                pool.own,
                np.where(any_, tried.lead[pick], best.lead),
            )
            width = (high - low) / SCAN
            high = low + width * first
            low = np.maximum(low, high - width)
        return best

    def _whole(self, Z: NpArray, start: NpArray) -> NpArray:
        """Whole numbers rounded away from the start."""
        up = np.where(start < Z, np.ceil(Z - 1e-9), np.floor(Z + 1e-9))
        return np.where(self.q.limits.whole, up, Z)

    def snapped(self, pool: Pool) -> Pool:
        """With trees: every changed number at the very split that it must pass."""
        if self.proposals.splits is None or not len(pool):
            return pool
        start, Z = self.q.limits.start[pool.own], pool.Z.copy()
        for j, splits in enumerate(self.proposals.splits):
            if not len(splits) or self.q.limits.word[j] or j in self.grouped:
                continue
            z, x = Z[:, j], start[:, j]
            below = np.searchsorted(splits, z, side="left") - 1  # the last split under z
            above = np.minimum(below + 1, len(splits) - 1)  # the first at or over it
            up = np.where(below >= 0, np.maximum(np.nextafter(splits[np.maximum(below, 0)], np.inf), x), x)
            down = np.where(below + 1 < len(splits), np.minimum(splits[above], x), x)
            Z[:, j] = np.where(z > x, up, np.where(z < x, down, z))
        Z = self._whole(Z, start)
        tried = self.ask(Z, pool.own)
        fine = (tried.lead >= 0) & self.q.limits.hold(Z, pool.own)
        return Pool(np.where(fine[:, None], Z, pool.Z), pool.own, np.where(fine, tried.lead, pool.lead))

    def readable(self, pool: Pool) -> Pool:
        """Every changed number with as few digits as change the distance by a thousandth at most."""
        start, Z = self.q.limits.start[pool.own], pool.Z.copy()
        numbers = ~self.q.limits.word & ~np.isin(np.arange(Z.shape[1]), self.grouped)
        with np.errstate(all="ignore"):
            off = Z - self.q.X[pool.own]
            unit = 10.0 ** (np.floor(np.log10(np.abs(off))) - 3)
            rounded = np.where(off > 0, np.ceil(Z / unit - 1e-9), np.floor(Z / unit + 1e-9)) * unit
            rounded = np.where(unit < 1, np.round(rounded, 12), rounded)
        moves = numbers & (start != Z) & np.isfinite(rounded)
        for j in np.flatnonzero(moves.any(0)):
            tried = Z.copy()
            tried[moves[:, j], j] = rounded[moves[:, j], j]
            fine = (self.ask(tried, pool.own).lead >= 0) & self.q.limits.hold(tried, pool.own) & moves[:, j]
            Z[fine] = tried[fine]
        return self.ask(Z, pool.own)
