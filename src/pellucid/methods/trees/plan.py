"""Plans: what is prepared once per forest, and which algorithm answers a question soonest."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np

from pellucid.core.forest import Forest
from pellucid.core.types import NpArray

from .groups import Groups, grouped
from .layout import Laid, expected, laid
from .pairs import paired
from .walk import Walk, orders, walk

PAIR_BITS = 6
"""The longest index of a group of several leaves, where its table also holds pairs."""

LARGER_BITS, ALONE = 8, 0.3
"""The same for trees of which more than a share of the groups would be single leaves."""

_plans: WeakKeyDictionary[Forest, dict[tuple[int, ...], Plan]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Cost:
    """Estimates in nanoseconds for one value of the leaves, from measurements on one core; they only have to rank.

    Attributes:
        build: of building all tables.
        look: of one row.
        size: bytes of the tables.
    """

    build: float
    look: float
    size: int

    @classmethod
    def of(cls, groups: Groups, laid: Laid) -> Cost:
        g = groups.group
        d, leaves = g["slots"].astype(float), np.maximum(1.0, g["splits"] + 1.0)
        entries = g["entries"].astype(float)
        build = leaves * ((d + 1) / 2 * entries * 2**d + entries * 2.0 ** g["bits"])
        look = 0.35 * entries.sum() + 0.25 * len(laid.splits)
        size = int(((g["entries"].astype(np.int64) + 1) << g["bits"]).sum()) * 8
        return cls(float(0.5 * build.sum()), float(look), size)


@dataclass(frozen=True, eq=False)
class Plan:
    """A forest laid out.

    Attributes:
        laid: its splits.
        spread: (outputs, fewer) how the forest's raw outputs follow from the leaves of those laid out: shares of
            classes add up to one, so that one of them needs no walk.
        offset: (outputs,) what is added.
        kept: path-dependent tables, by the value of a leaf that they are for.
        met: the mean raw prediction of the background used last, by its content.
    """

    laid: Laid
    spread: NpArray
    offset: NpArray
    kept: dict[int, NpArray] = field(default_factory=dict[int, NpArray])
    met: dict[bytes, NpArray] = field(default_factory=dict[bytes, NpArray])

    @property
    def fewer(self) -> int:
        """How many outputs are laid out."""
        return self.laid.outputs

    @cached_property
    def walk(self) -> Walk:
        return walk(self.laid)

    @cached_property
    def walking(self) -> float:
        """Quadrature nodes at all splits together, which is what walking once takes."""
        return float((np.diff(self.laid.start) * orders(self.laid)).sum())

    @cached_property
    def groups(self) -> Groups:
        """Groups of several leaves; larger ones where trees are so uneven that most leaves would be alone."""
        found = grouped(self.laid)
        uneven = len(found.group) > 0 and (found.group["side"] >= 0).mean() > ALONE
        return grouped(self.laid, LARGER_BITS) if uneven else found

    @cached_property
    def pair_groups(self) -> Groups:
        """Groups with shorter indices, whose tables also hold pairs."""
        return paired(grouped(self.laid, PAIR_BITS), self.laid.columns)

    @cached_property
    def unknown(self) -> NpArray:
        """(outputs,) the raw prediction with every column hidden, by training weights."""
        return self.offset + expected(self.laid) @ self.spread.T

    @cached_property
    def cost(self) -> Cost:
        """What looking values up takes."""
        return Cost.of(self.groups, self.laid)

    @cached_property
    def pair_cost(self) -> Cost:
        """What looking pairs up takes."""
        return Cost.of(self.pair_groups, self.laid)

    @cached_property
    def width(self) -> int:
        """Values that a leaf holds."""
        return self.laid.value.shape[2]

    @cached_property
    def most(self) -> int:
        """Different features on a path, at most."""
        return int(self.laid.splits["distinct"].max(initial=0))


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
    if outputs == 1 or (forest.feeds >= 0).any():
        return forest, np.eye(outputs), 0.0
    reached = (forest.feature < 0) & (forest.owner >= 0)
    sums = forest.value[reached].sum(1)
    if np.ptp(sums) > 1e-12 * np.abs(sums).max():
        return forest, np.eye(outputs), 0.0
    value, base = np.ascontiguousarray(forest.value[:, 1:]), forest.base[1:]
    feeds = np.zeros_like(forest.feeds) if outputs == 2 else forest.feeds
    spread = np.concatenate([-np.ones((1, outputs - 1)), np.eye(outputs - 1)])
    whole = float(forest.base.sum()) + forest.trees * float(sums.mean())
    return replace(forest, value=value, base=base, feeds=feeds), spread, whole
