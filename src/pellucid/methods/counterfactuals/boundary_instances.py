"""Boundary instances: pairs of rows between which a model's answer turns round, in many directions from a row."""

from __future__ import annotations

import numpy as np

from pellucid.core.run import stop_if_cancelled, tracking
from pellucid.core.types import NpArray
from pellucid.core.views import Query
from pellucid.methods.params import param

from .distance import Distance
from .family import Answers, QueryMethod
from .proposals import Proposals
from .search import SCAN, Pool, Search
from .seeds import neighbours

ROUNDS = 7
"""Of looking at eight places between a row and another: what is left of the way is a two-millionth."""
ROWS = 256
"""Rows that move in lockstep."""


class BoundaryInstances(QueryMethod):
    r"""Rows on either side of the decision boundary, on the ways from a row to real and to new rows of another answer.

    .. math:: z_t = x + t\,(r - x), \qquad f(z_{t^*}) \in \text{wanted}, \; f(z_{t^* - \epsilon}) \notin \text{wanted}

    The ways lead to the nearest real rows with the wanted answer and to new ones, each made of two of them; categories
    are those of the end of the way. Where the answer turns round several times on a way, the pair is at one of the
    turns. The rows are no explanation of the row: they show where, and in which directions, the answer is near to
    turning. A model with jumps may be far from undecided on both sides.

    Shapes: ``x: (n, columns)``, ``values, inside: (found, columns)``.   Cost: some hundred predictions per pair.
    Raises: `TargetError` for a class that there is not; `ParameterError` for constraints of unknown columns.

    >>> e = BoundaryInstances(n=3)(forest, X[:2], background=X)
    >>> [len(e.of_row(row)) for row in (0, 1)]
    [3, 3]
    """

    paper = (
        "Laugel, Lesot, Marsala, Renard, Detyniecki (2018). Comparison-Based Inverse Classification for "
        "Interpretability in Machine Learning. doi:10.1007/978-3-319-91473-2_9"
    )

    n: int = param(default=10, doc="pairs for each row", min=1)
    fresh: bool = param(default=True, doc="also ways to new rows, made of two real ones each")

    def seek(self, q: Query) -> Answers:
        distance = Distance.of("mad_l1", q.background, q.limits)
        real = tuple(q.background[mask & np.isfinite(q.background).all(1)] for mask in q.real)
        search = Search(q, distance, Proposals.of(q), real=real, budget=1 << 40)
        found, waiting = list[Pool](), np.flatnonzero(q.open)
        with tracking(q.run, self.title, len(waiting)) as advance:
            for start in range(0, len(waiting), ROWS):
                stop_if_cancelled(q.run)
                rows = waiting[start : start + ROWS]
                ends = neighbours(search, rows, 2 * self.n)
                ends = ends + mixed(search, ends) if self.fresh else ends
                found.append(search.best(turning(search, ends), self.n))
                advance(len(rows))
        answers = Answers.of(search, found)
        q.notes.certify(kind="discretisation")
        return Answers(answers.pool, search, answers.bound, inside=before(search, answers.pool))


def turning(s: Search, ends: Pool) -> Pool:
    """The first rows with the wanted answer on the ways to `ends`, as they are told from those before."""
    numbers = ~s.q.limits.word & ~np.isin(np.arange(s.q.X.shape[1]), s.grouped)
    return s.scanned(ends, s.q.limits.start[ends.own], np.broadcast_to(numbers, ends.Z.shape), ROUNDS)


def before(s: Search, pool: Pool) -> NpArray:
    """The rows just before the answer turns round; NaN where a step back is no row of another answer."""
    start, step = s.q.limits.start[pool.own], 2.0 * SCAN ** -(ROUNDS - 1)
    numbers = ~s.q.limits.word & ~s.q.limits.whole
    Z = np.where(numbers, pool.Z + (start - pool.Z) * step, pool.Z)
    return np.where((s.ask(Z, pool.own).lead < 0)[:, None], Z, np.nan)


def mixed(s: Search, ends: Pool) -> Pool:
    """New rows with the wanted answer: some columns of one end of a way, the others of another of the same row."""
    rng, count = s.q.run.generator(3), len(ends)
    if not count:
        return ends
    partner = np.minimum(np.arange(count) + 1, count - 1)
    partner = np.where(ends.own[partner] == ends.own, partner, np.maximum(np.arange(count) - 1, 0))
    partner = np.where(ends.own[partner] == ends.own, partner, np.arange(count))
    units = s.q.limits.units
    taken = rng.random((count, int(units.max()) + 1)) < 0.5
    Z = s.q.limits.nearest(np.where(taken[:, units], ends.Z, ends.Z[partner]), ends.own)
    made = s.ask(Z, ends.own)
    return made[made.lead >= 0]
