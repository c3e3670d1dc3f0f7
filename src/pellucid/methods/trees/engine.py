"""Shapley values of a forest's raw prediction: the algorithm that fits, over all rows, and the prediction beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.run import Run, announced, batches, stop_if_cancelled, tracking
from pellucid.core.types import NpArray
from pellucid.core.views import Trees

from . import descent, quadrature, tables
from .answer import Answer
from .compiled import spread, threads
from .layout import expected, leaf_sums
from .plan import CAP, KEPT, Plan, plan

Mix = Callable[[NpArray], NpArray]
"""Raw predictions (n, outputs) -> (n, outputs): how much each output counts in what is explained of each row."""
Work = Callable[[slice, NpArray], None]
"""Rows, and (outputs, rows, columns + 1) to which their values are added; the last column gets the leaves reached."""
KERNELS = "compiling the kernels that walk trees, once after installation"
ROWS = 4096
"""Rows of one piece of work."""
PLACES = 1 << 20
"""Values of one output that a piece of work holds at most."""


def raw(p: Plan, x: NpArray) -> NpArray:
    """The raw prediction, (n, columns) -> (n, outputs)."""
    reached = np.zeros((len(x), p.fewer))

    def work(rows: slice) -> None:
        leaf_sums(p.laid, x[rows], reached[rows])

    for _ in spread(work, list(batches(len(x), ROWS))):
        pass
    return p.offset + reached @ p.spread.T


def hidden(p: Plan, background: NpArray | None) -> NpArray:
    """(outputs,) the raw prediction with every column hidden: by training weights, or averaged over a background."""
    if background is not None:
        return raw(p, background).mean(0)
    return p.offset + expected(p.laid) @ p.spread.T


def explain(t: Trees, mix: Mix, label: str) -> Answer:
    """Shapley values of `mix` for all rows of the view.

    Args:
        t: forest, rows and, for interventional values, the background.
        mix: what is explained.
        label: what the progress is called.
    """
    x = np.ascontiguousarray(t.x, np.float64)
    background = None if t.background is None else np.ascontiguousarray(t.background, np.float64)
    whole = plan(t.forest)
    with announced(t.run, KERNELS):
        base = hidden(whole, background)
        leaf_sums(whole.laid, x[:0], np.zeros((0, whole.fewer)))
    if whole.fewer == 1:
        values, reached, said = _values(whole, x, background, None, t.run, label)
        answers = whole.offset + reached @ whole.spread.T
        weights = mix(answers)
        values *= weights @ whole.spread
    else:
        answers = raw(whole, x)
        weights = mix(answers)
        p = plan(t.forest, _needed(weights))
        values, _, said = _values(p, x, background, weights @ p.spread, t.run, label)
    output, empty = (weights * answers).sum(1), (weights * base).sum(1)
    return Answer(values, answers, output, empty, said, t.forest.space)


def _needed(weights: NpArray) -> tuple[int, ...]:
    """The outputs that a question takes, where these are one or two of many; () for all."""
    used = np.flatnonzero(weights.any(0))
    return tuple(used.tolist()) if len(used) < min(3, weights.shape[1]) else ()


def _values(
    p: Plan, x: NpArray, background: NpArray | None, shares: NpArray | None, run: Run, label: str
) -> tuple[NpArray, NpArray, str]:
    """Values (n, columns) of the mix `shares`, (n, fewer), or of the only output; leaves reached; what was done."""
    values, reached = np.zeros(x.shape), np.zeros((len(x), p.fewer))
    said, passes = _passes(p, x, background)
    for job in passes:
        with announced(run, KERNELS):
            job(slice(0, 0), np.zeros((p.fewer, 0, x.shape[1] + 1)))

        def work(rows: slice, job: Work = job) -> None:
            out = np.zeros((p.fewer, rows.stop - rows.start, x.shape[1] + 1))
            job(rows, out)
            reached[rows] += out[:, :, -1].T
            found = out[:, :, :-1]
            values[rows] += found[0] if shares is None else np.einsum("rk,krc->rc", shares[rows], found)

        _over(work, len(x), x.shape[1], run, label)
    return values, reached, said


def _over(work: Callable[[slice], None], rows: int, columns: int, run: Run, label: str) -> None:
    """Do the work on pieces of the rows, with progress, stopping where the caller cancels."""
    size = max(64, min(ROWS, PLACES // max(columns, 1) // 64 * 64))
    if threads() > 1:
        size = min(size, max(64, rows // threads() // 64 * 64))
    with tracking(run, label, rows) as advance:
        for done in spread(work, list(batches(rows, run.batch_size or size))):
            stop_if_cancelled(run)
            advance(done.stop - done.start)


def _passes(p: Plan, x: NpArray, background: NpArray | None) -> tuple[str, Iterator[Work]]:
    """The algorithm that answers soonest, in words, and what it does to the rows, one pass after another."""
    n = len(x)
    if background is None:
        look = p.table_bytes * p.width <= CAP and p.building + n * p.looking < n * p.walking
        if look:
            return "path-dependent, looked up in tables of sub-trees", _look_ups(p, x, None)
        return "path-dependent, by Gauss-Legendre quadrature along each path", _walk(p, x)
    m = len(background)
    beside = f"{m} background row{'s' * (m != 1)}"
    looking = p.building * 1.3 + (n + m) * p.looking if p.may_look_up else np.inf
    if looking < p.descending(n, m):
        return f"{beside}, looked up in tables of sub-trees", _look_ups(p, x, background)
    if not p.may_descend:
        raise CapabilityError(
            f"A path of these trees splits on more than {descent.MOST} different columns.",
            fix="Use mode='path_dependent', or KernelShap.",
        )
    return f"{beside}, going down each tree with the rows", _descend(p, x, background)


def _walk(p: Plan, x: NpArray) -> Iterator[Work]:
    def work(rows: slice, out: NpArray) -> None:
        quadrature.shapley(p.laid, p.walk, x[rows], out)
        _leaves(p, x[rows], out)

    yield work


def _descend(p: Plan, x: NpArray, background: NpArray) -> Iterator[Work]:
    scale = np.full(len(background), 1 / len(background))

    def work(rows: slice, out: NpArray) -> None:
        descent.shapley(p.laid, x[rows], background, scale, out)
        _leaves(p, x[rows], out)

    yield work


def _leaves(p: Plan, x: NpArray, out: NpArray) -> None:
    """Write the leaves reached to the last column."""
    reached = np.zeros((len(x), p.fewer))
    leaf_sums(p.laid, x, reached)
    out[:, :, -1] = reached.T


def _look_ups(p: Plan, x: NpArray, background: NpArray | None) -> Iterator[Work]:
    """One pass for each value that a leaf holds and each part of the trees whose tables are built at a time."""
    counts = None if background is None else tables.histograms(p.laid, p.groups, background)
    for j in range(p.width):
        for first, last in _portions(p):
            table = _table(p, counts, j, first, last)

            def work(
                rows: slice, out: NpArray, built: tuple[NpArray, int, int, int] = (table, first, last, j)
            ) -> None:
                tables.look_up(p.laid, p.groups, built[0], built[1:3], built[3], x[rows], out)

            yield work


def _portions(p: Plan) -> list[tuple[int, int]]:
    """Runs of trees whose tables are no larger than `KEPT` together, or a single tree."""
    ends = p.groups.group_start[1:]
    g = p.groups.group
    size = np.concatenate([[0], np.cumsum((g["slots"].astype(np.int64) + 1) << g["bits"])])[ends] * 8
    out, first, before = list[tuple[int, int]](), 0, 0
    for tree in range(len(ends)):
        if size[tree] - before > KEPT and tree > first:
            out.append((first, tree))
            first, before = tree, int(size[tree - 1])
    return [*out, (first, len(ends))] if len(ends) else []


def _table(p: Plan, counts: NpArray | None, j: int, first: int, last: int) -> NpArray:
    """The tables of some trees; path-dependent ones that fit are kept with the plan."""
    start = p.groups.group_start
    if counts is not None or p.table_bytes * p.width > KEPT:
        return tables.tables(p.laid, p.groups, p.rules, counts, j, int(start[first]), int(start[last]))
    if j not in p.kept:
        p.kept[j] = tables.tables(p.laid, p.groups, p.rules, None, j, int(start[first]), int(start[last]))
    return p.kept[j]
