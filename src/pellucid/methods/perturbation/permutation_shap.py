"""Permutation SHAP."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.types import Bools, NpArray
from pellucid.core.views import Game
from pellucid.methods.params import param

from .family import GameMethod
from .rounds import doubling, in_rounds
from .shapley import by_definition, judge, rounding

PAIRS = 20
"""Pairs of orders where no budget is given: from so many on a t-interval keeps its word."""


class PermutationShap(GameMethod):
    r"""Shapley values as the mean gain of each player over random orders, each walked forwards and backwards.

    .. math:: \phi_i = \frac{1}{2K} \sum_{k=1}^{K} \sum_{\pi \in \{\pi_k, \bar\pi_k\}}
              \bigl(v(\text{before}_\pi(i) \cup i) - v(\text{before}_\pi(i))\bigr)

    An order and its reverse cancel the interactions of two players. The pairs are independent, so the mean over them
    has an honest 95 % interval; the sum of the values is exact, and a player that changes nothing gets exactly 0. All
    rows share the orders, and a coalition that two orders pass through is asked once. Where all coalitions cost no
    more, they are asked instead, and the values are exact.

    Shapes: ``x, values: (n, *features)``; half-widths alike.
    Cost: ``2 + 2 (players - 1)`` evaluations per row and pair of orders, 20 pairs by default, times the background.
    Raises: `ParameterError` when the budget is less than two pairs of orders.

    >>> PermutationShap(budget=600)(forest, X[:2], background=X).values.shape
    (2, 30)
    """

    paper = (
        "Castro, Gomez, Tejada (2009). Polynomial Calculation of the Shapley Value Based on Sampling. "
        "doi:10.1016/j.cor.2008.04.004; Mitchell et al. (2022). Sampling Permutations for Shapley Value Estimation. "
        "arXiv:2104.12199"
    )
    title: ClassVar[str] = "Permutation SHAP"

    budget: int | None = param(
        default=None, doc="coalitions asked per row, at most; None is 20 pairs of orders", min=2
    )
    tolerance: float = param(
        default=0.0,
        doc="a row is finished when its standard error is below this share of its largest value; 0 spends the budget",
        min=0,
    )

    def attribute(self, game: Game) -> NpArray:
        if 2**game.players <= self.calls(game.players):
            return by_definition(game)
        shape = (pairs_for(self.budget, game.players), 1)
        orders = game.once(
            "orders", lambda: game.rng.permuted(np.tile(np.arange(game.players), shape), axis=1)
        )
        values, half_width = averaged(game, orders, self.tolerance)
        judge(game, values, half_width, f"Raise budget (now {self.calls(game.players)}).")
        return values

    def calls(self, players: int) -> int:
        return min(2 + 2 * (players - 1) * pairs_for(self.budget, players), 2 ** min(players, 62))


def pairs_for(budget: int | None, players: int) -> int:
    """How many pairs of orders a budget pays for.

    Raises:
        ParameterError: not even two.
    """
    if budget is None:
        return PAIRS
    least = min(2 + 4 * (players - 1), 2 ** min(players, 62))
    if budget < least:
        raise ParameterError(
            f"{players} players need a budget of at least {least} evaluations: two pairs of orders.",
            got=budget,
            fix="Raise budget, or group features into fewer players.",
        )
    return max(2, (budget - 2) // max(1, 2 * (players - 1)))


def averaged(game: Game, orders: NpArray, tolerance: float) -> tuple[NpArray, NpArray]:
    """Mean gains over random orders and their reverses, with the half-widths of a t-interval over the pairs."""

    def ask(part: Game, start: int, stop: int) -> NpArray:
        return gains(part, orders[start:stop])

    def solve(part: Game, found: NpArray) -> tuple[NpArray, NpArray]:
        from scipy.stats import t as student

        count = found.shape[1]
        spread = found.std(1, ddof=1) / np.sqrt(count) * student.ppf(0.975, count - 1)
        return found.mean(1), spread + rounding(found)

    values, half_width, _ = in_rounds(game, doubling(5, len(orders)), ask, solve, tolerance)
    return values, half_width


def gains(game: Game, orders: NpArray) -> NpArray:
    """(rows, pairs, players): what each player adds on its way in, averaged over each order and its reverse.

    Args:
        game: the rows.
        orders: (pairs, players) which player comes in when.
    """
    nobody, everybody = game.ends
    pairs, players = orders.shape
    place = np.argsort(orders, axis=1)
    forwards: Bools = place[:, None, :] <= np.arange(players - 1)[:, None]  # (pairs, players - 1, players)
    coalitions = np.stack([forwards, ~forwards[:, ::-1]], axis=1).reshape(-1, players)
    once, back = np.unique(np.packbits(coalitions, axis=1), axis=0, return_inverse=True)
    asked = np.unpackbits(once, axis=1, count=players).astype(bool)
    inner = game(asked)[:, back.ravel()].reshape(len(game), pairs, 2, players - 1)
    v = np.concatenate(
        [
            np.broadcast_to(nobody[:, None, None, None], (len(game), pairs, 2, 1)),
            inner,
            np.broadcast_to(everybody[:, None, None, None], (len(game), pairs, 2, 1)),
        ],
        axis=3,
    )
    steps = np.diff(v, axis=3)
    first = np.take_along_axis(steps[:, :, 0], place[None], axis=2)
    second = np.take_along_axis(steps[:, :, 1], (players - 1 - place)[None], axis=2)
    return (first + second) / 2
