"""Shapley interactions of pairs."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.types import NpArray
from pellucid.core.views import Game
from pellucid.methods.params import param

from .family import GameMethod
from .pairs import Flips, exact_pairs
from .shapley import every_coalition

PAIRS = 10
"""Pairs of coalitions where no budget is given."""


class ShapleyInteractions(GameMethod):
    r"""What each pair of players does together and neither does alone, and what is left to each by itself.

    .. math:: I_{ij} = \sum_{S \subseteq N \setminus \{i, j\}} \frac{|S|! \, (n - |S| - 2)!}{(n - 1)!}
              \bigl(v(S \cup ij) - v(S \cup i) - v(S \cup j) + v(S)\bigr)

    Half of it stands on either side of the diagonal, and on the diagonal the player's Shapley value less its halves, so
    that the matrix adds up to the output. A pair above zero is worth more together than apart; below zero, the two can
    stand in for each other. Where all coalitions cost no more than the budget they are asked, and the values are exact.
    Else a coalition is drawn, and its complement, and all that differ from one of them by one or two players are asked:
    one such sample holds a difference of every pair. What pairs do is free of error when nothing acts in fours; the
    half-widths are t-intervals over the samples.

    Shapes: ``values: (n, players, players)``, symmetric.
    Cost: ``2**players``, or ``2 + players * (players + 1)`` evaluations per sample, 10 samples by default.
    Raises: `ParameterError` when the budget is less than two samples.

    >>> e = ShapleyInteractions()(lambda rows: rows[:, 0] * rows[:, 1], X[:2, :4], baseline=0.0)
    >>> bool(np.allclose(2 * e.values[:, 0, 1], X[:2, 0] * X[:2, 1]))
    True
    """

    paper = (
        "Grabisch, Roubens (1999). An Axiomatic Approach to the Concept of Interaction Among Players in Cooperative "
        "Games. doi:10.1007/s001820050125; Lundberg, Erion, Lee (2018). Consistent Individualized Feature Attribution "
        "for Tree Ensembles. arXiv:1802.03888"
    )
    title: ClassVar[str] = "Shapley interactions"
    pairs: ClassVar[bool] = True

    budget: int | None = param(
        default=None, doc="coalitions asked of each row, at most; None is ten samples", min=2
    )
    tolerance: float = param(
        default=0.0,
        doc="draw no more once the standard error is below this share of the row's largest value; 0 draws all",
        min=0,
    )

    def attribute(self, game: Game) -> NpArray:
        if 2**game.players <= self.calls(game.players):
            v = game(game.once("every coalition", lambda: every_coalition(game.players)))
            game.know(v[:, 0], v[:, -1])
            values = exact_pairs(v)
            game.notes.certify(half_width=np.zeros_like(values), kind="exact", exact=True)
            return values
        flips = Flips(game.players)
        draws = game.once("draws", lambda: flips.drawn(self._samples(game.players), game.rng))
        values, half_width = flips.sampled(game, draws, self.tolerance)
        self._judge(game, values, half_width)
        return values

    def calls(self, players: int) -> int:
        return min(2 + 2 * Flips(players).cost * self._samples(players), 2 ** min(players, 62))

    def _samples(self, players: int) -> int:
        cost = 2 * Flips(players).cost
        if self.budget is None:
            return PAIRS
        if self.budget < min(2 + 2 * cost, 2 ** min(players, 62)):
            raise ParameterError(
                f"{players} players need a budget of at least {min(2 + 2 * cost, 2 ** min(players, 62))} "
                "evaluations: two samples.",
                got=self.budget,
                fix="Raise budget, or hide features in fewer groups.",
            )
        return max(2, (self.budget - 2) // cost)

    def _judge(self, game: Game, values: NpArray, half_width: NpArray) -> None:
        game.notes.certify(half_width=half_width, kind="sampling")
        largest = np.abs(values).max((1, 2))
        game.notes.check(
            "half_width",
            np.where(largest > 1e-12, half_width.max((1, 2)) / np.maximum(largest, 1e-30), 0.0),
            warn=0.10,
            fail=1.0,
            meaning="The error is more than a tenth of the largest value.",
            advice=f"Raise budget (now {self.calls(game.players)}).",
        )
