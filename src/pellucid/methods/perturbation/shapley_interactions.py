"""Shapley interactions of pairs."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.errors import CapabilityError, ParameterError
from pellucid.core.types import NpArray
from pellucid.core.views import Game
from pellucid.methods.params import param

from .coalitions import sample_coalitions
from .family import GameMethod
from .kernel_shap import nested
from .least_squares import LeastSquares
from .pairs import PairLeastSquares, exact_pairs, told_apart
from .rounds import in_rounds
from .shapley import every_coalition

BUDGET = 2048
"""Evaluations where no budget is given and pairs are few."""
MOST = 64
"""Players whose pairs are told apart: the fit's cost grows with the sixth power of how many there are."""


class ShapleyInteractions(GameMethod):
    r"""What each pair of players does together and neither does alone, and what is left to each by itself.

    .. math:: I_{ij} = \sum_{S \subseteq N \setminus \{i, j\}} \frac{|S|! \, (n - |S| - 2)!}{(n - 1)!}
              \bigl(v(S \cup ij) - v(S \cup i) - v(S \cup j) + v(S)\bigr)

    Half of it stands on either side of the diagonal, and on the diagonal the player's Shapley value less its halves, so
    that the matrix adds up to the output. A pair above zero is worth more together than apart; below zero, the two can
    stand in for each other. Where all coalitions cost no more than the budget they are asked, and the values are exact.
    Else coalitions are asked in pairs with their complements, as Kernel SHAP asks them: the difference of two tells of
    players, and their mean of pairs, which a second weighted least-squares fit takes apart. The half-widths come from
    what was not asked.

    Shapes: ``values: (n, players, players)``, symmetric.
    Cost: ``budget`` evaluations per row; by default 2,048, or four for each pair where that is more.
    Raises: `CapabilityError` for more than 64 players; `ParameterError` when the budget is less than two evaluations
    for each pair and its reverse.

    >>> e = ShapleyInteractions()(lambda rows: rows[:, 0] * rows[:, 1], X[:2, :4], baseline=0.0)
    >>> bool(np.allclose(2 * e.values[:, 0, 1], X[:2, 0] * X[:2, 1]))
    True
    """

    paper = (
        "Grabisch, Roubens (1999). An Axiomatic Approach to the Concept of Interaction Among Players in Cooperative "
        "Games. doi:10.1007/s001820050125; Lundberg, Erion, Lee (2018). Consistent Individualized Feature Attribution "
        "for Tree Ensembles. arXiv:1802.03888; Fumagalli et al. (2024). KernelSHAP-IQ. arXiv:2405.10852"
    )
    title: ClassVar[str] = "Shapley interactions"
    pairs: ClassVar[bool] = True

    budget: int | None = param(
        default=None, doc="coalitions asked of each row, at most; None is 2,048, or four for each pair", min=2
    )
    tolerance: float = param(
        default=0.0,
        doc="ask no more once the standard error is below this share of the row's largest value; 0 asks all",
        min=0,
    )

    def attribute(self, game: Game) -> NpArray:
        if game.players > MOST:
            raise CapabilityError(
                f"Shapley interactions take at most {MOST} players, since all their pairs are told apart.",
                got=f"{game.players} players",
                fix="Group features into fewer players: `Segments` of an image, `Stretches` of a series, `Grouped`.",
            )
        if 2**game.players <= self.calls(game.players):
            v = game(game.once("every coalition", lambda: every_coalition(game.players)))
            game.know(v[:, 0], v[:, -1])
            values = exact_pairs(v)
            game.notes.certify(half_width=np.zeros_like(values), kind="exact", exact=True)
            return values
        values, half_width = self._fitted(game)
        self._judge(game, values, half_width)
        return values

    def _fitted(self, game: Game) -> tuple[NpArray, NpArray]:
        """Values and half-widths from a design that the rows share."""
        design = game.once(
            "design", lambda: sample_coalitions(game.players, self.calls(game.players), game.rng)
        )
        order, sizes = game.once("order", lambda: nested(design))
        enough = [size for size in sizes if size >= game.players * (game.players - 1)]

        def ask(part: Game, start: int, stop: int) -> NpArray:
            half = design.half[order[start:stop]]
            answers = part(np.concatenate([half, ~half]))
            return np.stack([answers[:, : len(half)], answers[:, len(half) :]], axis=2)

        def solve(part: Game, found: NpArray) -> tuple[NpArray, NpArray]:
            asked = found.shape[1]
            some = game.once(f"some {asked}", lambda: design.only(np.sort(order[:asked])))
            fits = game.once(f"fits {asked}", lambda: (LeastSquares(some), PairLeastSquares(some)))
            return told_apart(part, some, fits, found[:, np.argsort(order[:asked])])

        values, half_width, _ = in_rounds(game, enough or sizes[-1:], ask, solve, self.tolerance)
        return values, half_width

    def calls(self, players: int) -> int:
        every, least = 2 ** min(players, 62), 2 + 2 * players * (players - 1)
        if self.budget is None:
            return min(max(BUDGET, 2 * least), every)
        if self.budget < min(least, every):
            raise ParameterError(
                f"{players} players need a budget of at least {min(least, every)} evaluations.",
                got=self.budget,
                fix="Raise budget, or hide features in fewer groups.",
            )
        return min(self.budget, every)

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
