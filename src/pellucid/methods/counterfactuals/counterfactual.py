"""Counterfactuals of any model over a table of numbers and categories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.core.constraints import Constraints
from pellucid.core.errors import ParameterError
from pellucid.core.run import stop_if_cancelled, tracking
from pellucid.core.types import NpArray
from pellucid.core.views import Query
from pellucid.methods.params import param
from pellucid.results import ChangedImages

from .board import Board
from .distance import Distance
from .exact import Exactly, proven
from .family import Answers, Asked, QueryMethod
from .nearest import near
from .proposals import Proposals
from .search import Pool, Search

ROWS = 256
"""Rows that move in lockstep."""


class Counterfactual(QueryMethod):
    r"""What would have to be different for another answer: the nearest rows that the model decides as wanted.

    .. math:: \min_z \; (1 - \pi)\, d(x, z) + \pi\, \bar d(z, \text{real rows})
        \quad \text{where } f(z) \in \text{wanted}, \; z \text{ keeps to the constraints}

    The search begins at real rows with the wanted answer and at single changes with the best lead for their cost.
    Changes that are not needed are undone, the others moved back to the boundary, each dropped once and made up for by
    others. With trees, a compiled walk tells what each change at each split gives; with gradients, slopes are theirs.
    What is returned has been asked of the model itself and keeps every constraint; that nothing nearer exists is proven
    with `exact` only. It tells what the model would say, and not what would come of changing the world: other columns
    would follow, and the reason for the answer may lie elsewhere.

    Shapes: ``x: (n, columns)``, ``values: (found, columns)``.   Cost: some thousand predictions a row.
    Raises: `TargetError` for a class that there is not; `ParameterError` for constraints of unknown columns.

    >>> e = Counterfactual()(forest, X[:2], target=1, background=X)
    >>> e.status
    ('found', 'found')
    """

    paper = (
        "Wachter, Mittelstadt, Russell (2018). Counterfactual Explanations without Opening the Black Box. "
        "arXiv:1711.00399"
    )

    data = ("table", "image")

    distance: str | Callable[[NpArray, NpArray], NpArray] = param(
        default="mad_l1", doc="mad_l1, l1, l2, gower, or a function of rows as they were and as they are"
    )
    k: int = param(default=1, doc="different answers for each row", min=1)
    plausibility: float = param(
        default=0.0, doc="share of the distance to real rows in what is minimised", min=0, max=1
    )
    noise: float = param(
        default=0.0, doc="the answer must hold under noise of this share of every number's spread", min=0
    )
    margin: float = param(
        default=0.0, doc="how far past the boundary: p >= 0.5 + margin for two classes", min=0, max=0.499
    )
    budget: int = param(
        default=20000,
        doc="questions to the model about one row, about: a step that is begun is finished",
        min=100,
    )

    exact: bool = param(
        default=False, doc="prove it, for linear models and sums of trees: the nearest there is"
    )
    seconds: float = param(default=30.0, doc="for the proof of one row, at most", min=0.1)

    def seek(self, q: Query) -> Answers:
        distance = Distance.of(self.distance, q.background, q.limits)
        real = tuple(q.background[mask & np.isfinite(q.background).all(1)] for mask in q.real)
        search = Search(q, distance, Proposals.of(q), self.plausibility, self.budget, real)
        board = Board.of(q, distance)
        found = list[Pool]()
        waiting = np.flatnonzero(q.open)
        with tracking(q.run, self.title, len(waiting)) as advance:
            for start in range(0, len(waiting), ROWS):
                stop_if_cancelled(q.run)
                rows = waiting[start : start + ROWS]
                found.append(near(search, rows, self.k, board))
                advance(len(rows))
        answers = Answers.of(search, found)
        if self.exact:
            if self.noise:
                raise ParameterError("What holds under noise is not proven.", fix="Leave noise or exact out.")
            return proven(answers, waiting, Exactly.of(q, distance, self.seconds), self.k)
        q.notes.certify(kind="unknown")
        return answers

    def of_images(self, asked: Asked, space: Any, constraints: Constraints) -> ChangedImages:
        from .pictured import changed_images

        return changed_images(self, asked, space, constraints)
