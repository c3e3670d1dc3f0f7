"""Shapley values of a forest's raw prediction: the algorithm that fits, over all rows, and the prediction beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from pellucid.core.run import Run, announced, batches, stop_if_cancelled, tracking
from pellucid.core.types import NpArray
from pellucid.core.views import Trees

from .answer import Answer
from .compiled import spread, threads
from .layout import leaf_sums
from .pairs import squared
from .passes import Work, passes, values
from .plan import Plan, plan

Mix = Callable[[NpArray], NpArray]
"""Raw predictions (n, outputs) -> (n, outputs): how much each output counts in what is explained of each row."""
KERNELS = "compiling the kernels that walk trees, once after installation"
_done: set[str] = set()
ROWS = 4096
"""Rows of one piece of work."""
PLACES = 1 << 22
"""Values that a piece of work holds at most."""


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
    return p.unknown


def explain(t: Trees, mix: Mix, label: str, *, pairs: bool = False) -> Answer:
    """Shapley values of `mix` for all rows of the view.

    Args:
        t: forest, rows and, for interventional values, the background.
        mix: what is explained.
        label: what the progress is called.
        pairs: whether the interactions of all pairs are wanted: values are then (n, columns, columns).
    """
    x = np.ascontiguousarray(t.x, np.float64)
    background = None if t.background is None else np.ascontiguousarray(t.background, np.float64)
    whole = plan(t.forest)
    with _first_time("hidden", t.run):
        base = hidden(whole, background)
    job = Job(x, background, t.run, label, pairs)
    if whole.fewer == 1:
        found, reached, said = job.values(whole, None)
        answers = whole.offset + reached @ whole.spread.T
        weights = mix(answers)
        found *= weights @ whole.spread
    else:
        answers = raw(whole, x)
        weights = mix(answers)
        p = plan(t.forest, _needed(weights))
        found, _, said = job.values(p, weights @ p.spread)
    output, empty = (weights * answers).sum(1), (weights * base).sum(1)
    return Answer(
        squared(found, x.shape[1]) if pairs else found, answers, output, empty, said, t.forest.space
    )


@contextmanager
def _first_time(what: str, run: Run) -> Iterator[None]:
    """Say that kernels are being compiled, should that take long, the first time that something is done."""
    if what in _done:
        yield
        return
    with announced(run, KERNELS):
        yield
    _done.add(what)


def _needed(weights: NpArray) -> tuple[int, ...]:
    """The outputs that a question takes, where these are one or two of many; () for all."""
    used = np.flatnonzero(weights.any(0))
    return tuple(used.tolist()) if len(used) < min(3, weights.shape[1]) else ()


@dataclass(frozen=True, eq=False)
class Job:
    """What is done to the rows.

    Attributes:
        x: (n, columns).
        background: (b, columns), or None for path-dependent values.
        run: how to run.
        label: what the progress is called.
        pairs: whether interactions are wanted after the columns.
    """

    x: NpArray
    background: NpArray | None
    run: Run
    label: str
    pairs: bool

    def values(self, p: Plan, shares: NpArray | None) -> tuple[NpArray, NpArray, str]:
        """Values of the mix `shares`, (n, fewer), or of the only output; the leaves reached; what was done."""
        n, size = len(self.x), values(self.x.shape[1], self.pairs)
        found, reached = np.zeros((n, size)), np.zeros((n, p.fewer))
        said, todo = passes(p, self.x, self.background, self.pairs)
        for job in todo:
            with _first_time(said.rpartition(",")[2], self.run):
                job(slice(0, 0), np.zeros((p.fewer, 0, size + 1)))

            def work(rows: slice, job: Work = job) -> None:
                out = np.zeros((p.fewer, rows.stop - rows.start, size + 1))
                job(rows, out)
                reached[rows] += out[:, :, -1].T
                mine = out[:, :, :-1]
                found[rows] += mine[0] if shares is None else np.einsum("rk,krc->rc", shares[rows], mine)

            self._over(work, size * p.fewer)
        return found, reached, said

    def _over(self, work: Callable[[slice], None], size: int) -> None:
        """Do the work on pieces of the rows, with progress, stopping where the caller cancels."""
        n = len(self.x)
        most = max(64, min(ROWS, PLACES // max(size, 1) // 64 * 64))
        if threads() > 1:
            most = min(most, max(64, n // threads() // 64 * 64))
        with tracking(self.run, self.label, n) as advance:
            for done in spread(work, list(batches(n, self.run.batch_size or most))):
                stop_if_cancelled(self.run)
                advance(done.stop - done.start)
