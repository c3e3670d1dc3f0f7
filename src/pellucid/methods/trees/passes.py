"""Which algorithm answers soonest, and what it does to the rows, one pass after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.types import NpArray

from . import conditioned, descent, one_row, quadrature, tables
from .groups import Groups
from .layout import leaf_sums
from .pairs import number, place
from .plan import Plan
from .settling import MOST

Work = Callable[[slice, NpArray], None]
"""Rows, and (outputs, rows, values + 1) to which their values are added; the last column gets the leaves reached."""
KEPT = 64 * 2**20
"""Bytes of tables that are kept with a plan, and that are built at a time."""
CAP = 2 * 2**30
"""Bytes of all tables, built `KEPT` at a time, beyond which rows walk the trees instead."""
BITS, PAIR_BITS = 20, 14
"""The longest index that a table may have, and one that also holds pairs."""


def passes(p: Plan, x: NpArray, background: NpArray | None, pairs: bool) -> tuple[str, Iterator[Work]]:
    """The algorithm in words, and its passes.

    Args:
        p: the plan.
        x: (n, columns).
        background: (b, columns), or None for path-dependent values.
        pairs: whether interactions of all pairs are wanted after the columns.

    Raises:
        CapabilityError: no algorithm can.
    """
    n, may_look_up = len(x), p.most <= (PAIR_BITS if pairs else BITS)
    looking = _looking(p, n if background is None else n + len(background), pairs) if may_look_up else np.inf
    if background is None:
        if looking < n * _walking(p, pairs):
            return "path-dependent, looked up in tables of sub-trees", _look_ups(p, x, None, pairs)
        if pairs:
            return "path-dependent, by quadrature with one column there or hidden", _condition(p, x)
        return "path-dependent, by Gauss-Legendre quadrature along each path", _walk(p, x)
    them = beside(background)
    if looking * 1.3 < _descending(p, n, len(background), pairs) or (p.most > MOST and may_look_up):
        return f"{them}, looked up in tables of sub-trees", _look_ups(p, x, background, pairs)
    return f"{them}, going down each tree with the rows", _descend(p, x, background)


# Estimates in nanoseconds, from measurements on one core; they only have to rank the algorithms.


def _walking(p: Plan, pairs: bool) -> float:
    """Of one row, by quadrature: once, or for pairs twice for each column that splits."""
    once = p.walking * 1.2 * (0.4 + 0.6 * p.width)
    return once * (2 * len(np.unique(p.laid.splits["feature"])) + 1 if pairs else 1)


def _looking(p: Plan, rows: int, pairs: bool) -> float:
    """Of all rows, and of building the tables; infinite where these are too large."""
    cost = p.pair_cost if pairs else p.cost
    if cost.size * p.width > CAP and not pairs:
        return np.inf
    return p.width * (cost.build + rows * cost.look)


def _descending(p: Plan, rows: int, background: int, pairs: bool) -> float:
    """Of all rows, together with a background."""
    trees, depth = len(p.laid.output), float(p.laid.splits["depth"].mean() + 1) if len(p.laid.splits) else 1.0
    return 3.0 * rows ** (0.4 if depth < 8 else 0.7) * background * trees * depth**3 * (3 if pairs else 1)


def _groups(p: Plan, pairs: bool) -> Groups:
    return p.pair_groups if pairs else p.groups


def _walk(p: Plan, x: NpArray) -> Iterator[Work]:
    walks = one_row if len(x) == 1 else quadrature

    def work(rows: slice, out: NpArray) -> None:
        walks.shapley(p.laid, p.walk, x[rows], out)
        _leaves(p, x[rows], out)

    yield work


def _condition(p: Plan, x: NpArray) -> Iterator[Work]:
    """Each column in turn there, then hidden: half the difference of the others' values stands for the pair."""
    columns = p.laid.columns
    used = np.unique(p.laid.splits["feature"])

    def work(rows: slice, out: NpArray) -> None:
        part = np.ascontiguousarray(x[rows])
        quadrature.shapley(p.laid, p.walk, part, out)
        _leaves(p, part, out)
        for column in used[:-1]:
            there, hidden = np.zeros((2, len(out), len(part), columns))
            conditioned.shapley(p.laid, p.walk, part, (int(column), 1), there)
            conditioned.shapley(p.laid, p.walk, part, (int(column), 0), hidden)
            for other in used[used > column]:
                pair = columns + place(int(column), int(other), columns)
                out[:, :, pair] += there[:, :, other] - hidden[:, :, other]

    yield work


def _descend(p: Plan, x: NpArray, background: NpArray) -> Iterator[Work]:
    return scaled(p, x, background, np.full(len(background), 1 / len(background)))


def scaled(p: Plan, x: NpArray, background: NpArray, scale: NpArray) -> Iterator[Work]:
    """Background rows of a weight each, (b,), or of one for each row, (n, b)."""
    if p.most > MOST:
        raise CapabilityError(
            f"A path of these trees splits on {p.most} different columns, more than {MOST}.",
            fix="Use mode='path_dependent', or KernelShap.",
        )

    def work(rows: slice, out: NpArray) -> None:
        descent.shapley(p.laid, x[rows], background, scale[rows] if scale.ndim > 1 else scale, out)
        _leaves(p, x[rows], out)

    yield work


def _leaves(p: Plan, x: NpArray, out: NpArray) -> None:
    """Write the leaves reached to the last column."""
    reached = np.zeros((len(x), p.fewer))
    leaf_sums(p.laid, x, reached)
    out[:, :, -1] = reached.T


def _look_ups(p: Plan, x: NpArray, background: NpArray | None, pairs: bool) -> Iterator[Work]:
    """One pass for each value that a leaf holds and each part of the trees whose tables are built at a time."""
    g = _groups(p, pairs)
    counts = None if background is None else tables.histograms(p.laid, g, background)
    for j in range(p.width):
        for first, last in portions(g):
            table = _table(p, g, counts, j, (first, last))

            def work(
                rows: slice, out: NpArray, built: tuple[NpArray, int, int, int] = (table, first, last, j)
            ) -> None:
                tables.look_up(p.laid, g, built[0], built[1:3], built[3], x[rows], out)

            yield work


def portions(g: Groups) -> list[tuple[int, int]]:
    """Runs of trees whose tables are no larger than `KEPT` together, or a single tree."""
    ends = g.group_start[1:]
    size = (g.group["entries"].astype(np.int64) + 1) << g.group["bits"]
    total = np.concatenate([[0], np.cumsum(size)])[ends] * 8
    out, first, before = list[tuple[int, int]](), 0, 0
    for tree in range(len(ends)):
        if total[tree] - before > KEPT and tree > first:
            out.append((first, tree))
            first, before = tree, int(total[tree - 1])
    return [*out, (first, len(ends))] if len(ends) else []


def _table(p: Plan, g: Groups, counts: NpArray | None, j: int, trees: tuple[int, int]) -> NpArray:
    """The tables of some trees; path-dependent ones of columns that fit are kept with the plan."""
    first, last = (int(g.group_start[tree]) for tree in trees)
    if counts is not None or g is not p.groups or p.cost.size * p.width > KEPT:
        return tables.tables(p.laid, g, counts, j, first, last)
    if j not in p.kept:
        p.kept[j] = tables.tables(p.laid, g, None, j, first, last)
    return p.kept[j]


def beside(background: NpArray) -> str:
    """How many background rows there are, in words."""
    return f"{len(background)} background row{'s' * (len(background) != 1)}"


def values(columns: int, pairs: bool) -> int:
    """How many values a row gets."""
    return columns + (number(columns) if pairs else 0)
