"""Shapley values of a forest's raw prediction: the algorithm that fits, over all rows, and the prediction beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from pellucid.core.links import logistic
from pellucid.core.run import Run, announced, batches, stop_if_cancelled, tracking
from pellucid.core.types import NpArray
from pellucid.core.views import Trees

from . import plain
from .answer import Answer
from .compiled import COMPILED, spread, threads
from .layout import leaf_sums
from .pairs import squared
from .passes import Work, beside, passes, scaled, values
from .plan import Plan, plan

Mix = Callable[[NpArray], NpArray]
"""Raw predictions (n, outputs) -> (n, outputs): how much each output counts in what is explained of each row."""
KERNELS = "compiling the kernels that walk trees, once after installation"
_done: set[str] = set()
NEAR = 1e-6
"""Scores closer than this are taken for equal where the slope between their probabilities is asked."""
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
    if background is None:
        return p.unknown
    key = hashlib.blake2b(background.tobytes()).digest()
    if key not in p.met:  # the one background that was used last
        p.met.clear()
        p.met[key] = raw(p, background).mean(0)
    return p.met[key]


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
    if not COMPILED:
        return _plainly(t, mix, label, pairs=pairs)
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


def _plainly(t: Trees, mix: Mix, label: str, *, pairs: bool) -> Answer:
    """The same without numba."""
    f, x, background = t.forest, t.x, t.background
    answers = f.predict(x)
    base = plain.expected(f) if background is None else f.predict(background).mean(0)
    weights = mix(answers)
    found = plain.values(f, x, background, weights, t.run, label=label, pairs=pairs)
    t.notes.said.append("numba is not installed: calculated with NumPy, slowly")
    how = "path-dependent" if background is None else beside(background)
    output, empty = (weights * answers).sum(1), (weights * base).sum(1)
    return Answer(
        squared(found, x.shape[1]) if pairs else found,
        answers,
        output,
        empty,
        f"{how}, leaf after leaf",
        f.space,
    )


def chances(t: Trees, mix: Mix, label: str) -> Answer:
    """What a probability behind one raw score gets: each background row's values, scaled to add up to probabilities.

    Args:
        t: forest, rows and background; the forest's link is the logistic one.
        mix: what is explained, the score (1) or, for the first of two classes, less it (-1).
        label: what the progress is called.
    """
    x, background = np.ascontiguousarray(t.x, np.float64), np.ascontiguousarray(t.background, np.float64)
    answers, theirs = t.forest.predict(x), t.forest.predict(background)[:, 0]
    sign = mix(answers)[:, 0]
    ours, met = logistic(answers)[:, 1], logistic(theirs[:, None])[:, 1]
    apart, change = answers - theirs, ours[:, None] - met
    steep = np.where(
        np.abs(apart) < NEAR, ours[:, None] * (1 - ours[:, None]), change / np.where(apart, apart, 1.0)
    )
    scale = steep * sign[:, None] / len(background)
    if COMPILED:
        p = plan(t.forest)
        todo = scaled(p, x, background, scale)
        found, _ = Job(x, background, t.run, label, pairs=False).done(p, None, "probability", todo)
    else:
        beside_each = (
            plain.values(t.forest, x, background[[b]], scale[:, [b]], t.run, label=label, pairs=False)
            for b in range(len(background))
        )
        found = sum(beside_each, np.zeros_like(x))
    output, empty = (np.where(sign > 0, v, 1 - v) for v in (ours, np.full(len(x), met.mean())))
    said = f"{beside(background)}, log-odds scaled to probabilities beside each"
    return Answer(found, answers, output, empty, said, "probability")


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
        said, todo = passes(p, self.x, self.background, self.pairs)
        return *self.done(p, shares, said.rpartition(",")[2], todo), said

    def done(
        self, p: Plan, shares: NpArray | None, what: str, todo: Iterable[Work]
    ) -> tuple[NpArray, NpArray]:
        """What all passes give together: values, and the leaves reached."""
        n, size = len(self.x), values(self.x.shape[1], self.pairs)
        found, reached = np.zeros((n, size)), np.zeros((n, p.fewer))
        for job in todo:
            if what not in _done:  # no rows at all compile what rows need
                with _first_time(what, self.run):
                    job(slice(0, 0), np.zeros((p.fewer, 0, size + 1)))

            def work(rows: slice, job: Work = job) -> None:
                out = np.zeros((p.fewer, rows.stop - rows.start, size + 1))
                job(rows, out)
                reached[rows] += out[:, :, -1].T
                mine = out[:, :, :-1]
                found[rows] += mine[0] if shares is None else np.einsum("rk,krc->rc", shares[rows], mine)

            self._over(work, size * p.fewer)
        return found, reached

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
