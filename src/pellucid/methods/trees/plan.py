"""Plans: what is prepared once per forest, and which algorithm answers a question soonest."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np

from pellucid.core.forest import Forest
from pellucid.core.types import NpArray

from .descent import MOST
from .groups import Groups, grouped
from .layout import Laid, laid
from .quadrature import Walk, walk
from .tables import Rules, quadrature_rules

KEPT = 64 * 2**20
"""Bytes of tables that are kept with a plan, and that are built at a time."""
CAP = 256 * 2**20
"""Bytes of path-dependent tables beyond which rows walk the trees instead."""
BITS = 20
"""The longest index that a table may have."""

_plans: WeakKeyDictionary[Forest, dict[tuple[int, ...], Plan]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Plan:
    """A forest laid out.

    Attributes:
        laid: its splits.
        spread: (outputs, fewer) how the forest's raw outputs follow from the leaves of those laid out: shares of
            classes add up to one, so that one of them needs no walk.
        offset: (outputs,) what is added.
        kept: path-dependent tables, by the value of a leaf that they are for.
    """

    laid: Laid
    spread: NpArray
    offset: NpArray
    kept: dict[int, NpArray] = field(default_factory=dict[int, NpArray])

    @property
    def fewer(self) -> int:
        """How many outputs are laid out."""
        return self.laid.outputs

    @cached_property
    def walk(self) -> Walk:
        return walk(self.laid)

    @cached_property
    def groups(self) -> Groups:
        return grouped(self.laid)

    @cached_property
    def rules(self) -> Rules:
        return quadrature_rules(self.groups)

    @cached_property
    def width(self) -> int:
        """Values that a leaf holds."""
        return self.laid.value.shape[2]

    @cached_property
    def table_bytes(self) -> int:
        """Bytes of all tables, for one value a leaf."""
        g = self.groups.group
        return int(((g["slots"].astype(np.int64) + 1) << g["bits"]).sum()) * 8

    @cached_property
    def may_look_up(self) -> bool:
        """Whether tables are small enough to be thought of."""
        return int(self.laid.splits["distinct"].max(initial=0)) <= BITS

    @cached_property
    def may_descend(self) -> bool:
        """Whether no path has too many features for a mask."""
        return int(self.laid.splits["distinct"].max(initial=0)) <= MOST

    # Estimates in nanoseconds, from measurements on one core; they only have to rank the algorithms.

    @cached_property
    def walking(self) -> float:
        """Of one row, by quadrature."""
        splits = np.diff(self.laid.start)
        return float((splits * self.walk.order).sum()) * 0.9 * (0.4 + 0.6 * self.width)

    @cached_property
    def looking(self) -> float:
        """Of one row, by tables."""
        return self.width * (0.6 * float(self.groups.group["slots"].sum()) + 0.25 * len(self.laid.splits))

    @cached_property
    def building(self) -> float:
        """Of all tables."""
        g = self.groups.group
        d, leaves = g["slots"].astype(float), np.maximum(1.0, g["splits"] + 1.0)
        work = leaves * ((d + 1) / 2 * d * 2**d + d * 2.0 ** g["bits"])
        return self.width * 0.7 * float(work.sum())

    def descending(self, rows: int, background: int) -> float:
        """Of all rows, together with a background."""
        trees, depth = len(self.laid.output), float(self.laid.splits["depth"].mean() + 1)
        return 3.0 * rows ** (0.4 if depth < 8 else 0.7) * background * trees * depth**3


def plan(forest: Forest, needed: tuple[int, ...] = ()) -> Plan:
    """The plan of a forest, made once; of the trees that feed the outputs `needed`, where these are named."""
    known = _plans.setdefault(forest, {})
    if needed not in known:
        fewer, spread, whole = _fewer(_only(forest, needed) if needed else forest)
        trees = laid(fewer)
        lacking = [whole - trees.base.sum()] * (len(spread) - trees.outputs)
        known[needed] = Plan(trees, spread, np.concatenate([lacking, trees.base]))
    return known[needed]


def _only(forest: Forest, outputs: tuple[int, ...]) -> Forest:
    """The forest with the trees that feed these outputs; the same where every tree feeds all."""
    kept = np.isin(forest.feeds, outputs)
    if (forest.feeds < 0).any() or kept.all() or not kept.any():
        return forest
    return replace(forest, roots=forest.roots[kept], feeds=forest.feeds[kept])


def _fewer(forest: Forest) -> tuple[Forest, NpArray, float]:
    """Leave out the first output where the values of each leaf add up to the same: it is what the others lack.

    Returns:
        The forest, how all outputs follow from the leaves of those that are left, and what all add up to.
    """
    outputs = forest.outputs
    reached = (forest.feature < 0) & (forest.owner >= 0)
    sums = forest.value[reached].sum(1)
    if outputs == 1 or (forest.feeds >= 0).any() or np.ptp(sums) > 1e-12 * np.abs(sums).max():
        return forest, np.eye(outputs), 0.0
    value, base = np.ascontiguousarray(forest.value[:, 1:]), forest.base[1:]
    feeds = np.zeros_like(forest.feeds) if outputs == 2 else forest.feeds
    spread = np.concatenate([-np.ones((1, outputs - 1)), np.eye(outputs - 1)])
    whole = float(forest.base.sum()) + forest.trees * float(sums.mean())
    return replace(forest, value=value, base=base, feeds=feeds), spread, whole
