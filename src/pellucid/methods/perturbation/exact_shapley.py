"""Exact Shapley values."""

from __future__ import annotations

from typing import ClassVar

from pellucid.core.errors import CapabilityError
from pellucid.core.types import NpArray
from pellucid.core.views import Game

from .family import GameMethod
from .shapley import by_definition

MOST = 20
"""Players up to whose number all coalitions are asked."""


class ExactShapley(GameMethod):
    r"""Shapley values by their definition: the mean gain of each player over all coalitions of the others.

    .. math:: \phi_i = \sum_{S \subseteq N \setminus i} \frac{|S|! \, (n - |S| - 1)!}{n!}
              \bigl(v(S \cup i) - v(S)\bigr)

    Without any sampling error, for as many as 20 players; a player that changes nothing gets exactly 0. The cost
    doubles with each player: group columns, or take Kernel SHAP, where there are more. Absent features take
    background values (or a baseline), which may make rows that do not occur.

    Shapes: ``x, values: (n, *features)``.
    Cost: ``2**players`` evaluations per row, times the background rows.
    Raises: `CapabilityError` when there are more than 20 players.

    >>> ExactShapley()(lambda rows: rows.prod(1), X[:2, :8], background=X[:9, :8]).quality.exact
    True
    """

    paper = "Shapley (1953). A Value for n-Person Games. doi:10.1515/9781400881970-018"
    title: ClassVar[str] = "Exact Shapley values"

    def attribute(self, game: Game) -> NpArray:
        if game.players > MOST:
            raise CapabilityError(
                f"Exact Shapley values take at most {MOST} players, since all coalitions are asked.",
                got=f"{game.players} players",
                fix="Use KernelShap or PermutationShap, or group features into fewer players.",
            )
        return by_definition(game)

    def calls(self, players: int) -> int:
        return 2 ** min(players, MOST)
