"""Kernel SHAP."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Game
from pellucid.methods.params import param

from .coalitions import Design, minimum_budget, sample_coalitions
from .family import GameMethod
from .least_squares import LeastSquares
from .rounds import doubling, in_rounds
from .shapley import by_definition, judge, rounding


class KernelShap(GameMethod):
    r"""Shapley values as the weighted least-squares fit of an additive game to sampled coalitions.

    .. math:: \min_\phi \sum_{\emptyset \ne S \subset N} w(|S|)
              \Bigl(v(S) - v(\emptyset) - \sum_{i \in S} \phi_i\Bigr)^2,
              \quad w(s) \propto \frac{n-1}{\binom{n}{s}\, s\, (n-s)}, \quad \sum_i \phi_i = v(N) - v(\emptyset)

    Coalitions are asked in pairs with their complements, which cancels every interaction of even order, and each
    size equally often without asking any twice; the sum holds exactly. Up to 11 players the default asks all
    coalitions, and the values are exact. All rows ask the same coalitions, and one factorisation solves them all.
    Absent features take background values (or a baseline), which may make rows that do not occur; give a background
    of some dozens of real rows.

    Shapes: ``x, values: (n, *features)``; half-widths alike.
    Cost: ``budget`` evaluations per row, times the background rows; less where `tolerance` is met before.
    Raises: `ParameterError` when the budget is less than about four evaluations per player.

    >>> KernelShap(budget=300)(forest, X[:2], background=X).values.shape
    (2, 30)
    """

    paper = (
        "Lundberg, Lee (2017). A Unified Approach to Interpreting Model Predictions. arXiv:1705.07874; "
        "Covert, Lee (2021). Improving KernelSHAP. arXiv:2012.01536"
    )
    title: ClassVar[str] = "Kernel SHAP"

    budget: int = param(default=2048, doc="coalitions asked per row, with the empty and the full one", min=2)
    tolerance: float = param(
        default=0.0,
        doc="stop a row when its standard error is under this share of its largest value; 0 asks the whole budget",
        min=0,
    )
    cubic: bool = param(
        default=True, doc="take interactions of three players out of the error, up to 14 players"
    )

    def attribute(self, game: Game) -> NpArray:
        design = game.once("design", lambda: sample_coalitions(game.players, max(self.budget, 2), game.rng))
        if design.exact and self.tolerance == 0:
            return by_definition(game)
        order, sizes = game.once("order", lambda: nested(design))

        def ask(part: Game, start: int, stop: int) -> NpArray:
            half = design.half[order[start:stop]]
            answers = part(np.concatenate([half, ~half]))
            return answers[:, : len(half)] - answers[:, len(half) :]

        def solve(part: Game, difference: NpArray) -> tuple[NpArray, NpArray]:
            asked = difference.shape[1]
            kept = np.sort(order[:asked])
            fit = game.once(f"fit {asked}", lambda: LeastSquares(design.only(kept), self.cubic))
            difference = difference[:, np.argsort(order[:asked])]
            total = part.ends[1] - part.ends[0]
            values, half_width = fit.solve(difference, total)
            return values, half_width if fit.design.exact else half_width + rounding(difference)

        values, half_width, _ = in_rounds(game, sizes, ask, solve, self.tolerance)
        advice = f"Raise budget (now {self.budget}; {minimum_budget(game.players)} is the least)."
        judge(game, values, half_width, advice)
        return values

    def calls(self, players: int) -> int:
        return min(self.budget, 2**players)


def nested(design: Design) -> tuple[NpArray, list[int]]:
    """An order of the pairs in which each round's design holds the one before, and how many each holds.

    >>> design = sample_coalitions(5, 32, np.random.default_rng(0))
    >>> nested(design)[1]
    [9, 15]
    """
    least = minimum_budget(design.half.shape[1])
    order, sizes = np.zeros(0, int), list[int]()
    for budget in doubling(2 * least, design.evaluations):
        kept = design.first(budget)
        order = np.concatenate([order, np.setdiff1d(kept, order)])
        sizes.append(len(order))
    return order, sizes
