"""Gaussian-process SHAP."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Game
from pellucid.methods.params import param

from .coalitions import minimum_budget, sample_coalitions
from .family import GameMethod
from .kernel_shap import nested
from .least_squares import LeastSquares
from .odd_process import OddProcess
from .rounds import in_rounds
from .shapley import by_definition, judge, rounding


class GaussianShap(GameMethod):
    r"""Shapley values of a Gaussian process that is fitted to pairs of coalitions: few evaluations, small errors.

    .. math:: \phi_i = \mathbb{E}\bigl[\phi_i(g) \mid g(S_k) = \tfrac12 (v(S_k) - v(N \setminus S_k)),\; k = 1..K\bigr],
              \quad g \sim \mathcal{GP}\bigl(0,\; e^{c} \sinh \textstyle\sum_j r_j z_j z'_j\bigr)

    Where Kernel SHAP fits a line to the coalitions, this fits every interaction that a Shapley value depends on, each
    as far as the answers speak for it; scale, shape and noise of the prior are those that make a row's answers
    likeliest. The error is the posterior's, widened where pairs left out are predicted worse than they should be.
    Where answers are mostly noise the least-squares fit is the better one, and is taken. The sum is exact.

    Shapes: ``x, values: (n, *features)``; half-widths alike.
    Cost: ``budget`` evaluations per row, times the background rows, and some milliseconds of algebra.
    Raises: `ParameterError` when the budget is less than about four evaluations per player.

    >>> GaussianShap(budget=300)(forest, X[:2], background=X).values.shape
    (2, 30)
    """

    paper = (
        "Fumagalli et al. (2026). OddSHAP. arXiv:2602.01399; Musco, Witter (2024). Provably Accurate Shapley Value "
        "Estimation via Leverage Score Sampling. arXiv:2410.01917"
    )
    title: ClassVar[str] = "Gaussian-process SHAP"

    budget: int = param(
        default=512, doc="coalitions asked per row; from two to the number of players on, exact", min=2
    )
    tolerance: float = param(
        default=0.0,
        doc="a row needs no more coalitions once its standard error is this share of its largest value; 0 asks all",
        min=0,
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
            line = game.once(f"line {asked}", lambda: LeastSquares(design.only(kept)))
            difference, total = difference[:, np.argsort(order[:asked])], part.ends[1] - part.ends[0]
            values, half_width = line.solve(difference, total)
            if line.design.exact:
                return values, half_width
            process = game.once(f"process {asked}", lambda: OddProcess(design.half[kept], game.rng))
            prior = process.prior(difference / 2, total / 2, np.abs(values))
            smooth, deviation = process.values(difference / 2, total / 2, prior)
            better = ((1.96 * deviation) ** 2).sum(1) < (half_width**2).sum(1)
            values = np.where(better[:, None], smooth, values)
            return values, np.where(better[:, None], 1.96 * deviation, half_width) + rounding(difference)

        values, half_width, _ = in_rounds(game, sizes, ask, solve, self.tolerance)
        judge(
            game,
            values,
            half_width,
            f"Raise budget (now {self.budget}; {minimum_budget(game.players)} is the least).",
        )
        return values

    def calls(self, players: int) -> int:
        return min(self.budget, 2 ** min(players, 62))
