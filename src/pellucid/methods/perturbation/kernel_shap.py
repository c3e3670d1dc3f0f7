"""Kernel SHAP."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Game
from pellucid.methods.params import param

from .coalitions import minimum_budget, sample_coalitions
from .family import GameMethod
from .least_squares import solve


class KernelShap(GameMethod):
    r"""Shapley values as the weighted least-squares fit of an additive game to sampled coalitions.

    .. math:: \min_\phi \sum_{\emptyset \ne S \subset N} w(|S|)
              \Bigl(v(S) - v(\emptyset) - \sum_{i \in S} \phi_i\Bigr)^2,
              \quad w(s) \propto \frac{n-1}{\binom{n}{s}\, s\, (n-s)}, \quad \sum_i \phi_i = v(N) - v(\emptyset)

    Coalitions are asked in pairs with their complements, which cancels every interaction of even order, and each
    size equally often without asking any twice; the sum holds exactly. Up to 11 players the default asks all
    coalitions, and the values are exact. Absent features take background values (or a baseline), which may make rows
    that do not occur; give a background of some dozens of real rows.

    Shapes: ``x, values: (n, *features)``; half-widths alike.
    Cost: ``budget`` evaluations per row, times the background rows.
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
    cubic: bool = param(default=True, doc="take interactions of three players out of the error")

    def attribute(self, game: Game) -> NpArray:
        nobody, everybody = game.ends
        design = sample_coalitions(game.players, max(self.budget, 2), game.rng)
        answers = game(np.concatenate([design.half, ~design.half]))
        difference = answers[: len(design.half)] - answers[len(design.half) :]
        values, half_width = solve(design, difference, everybody - nobody, self.cubic)
        if not design.exact:  # rounding, which is all that is left where the fit is perfect
            half_width = half_width + 1e3 * np.finfo(float).eps * max(np.abs(answers).max(), abs(everybody))
        game.notes.certify(
            half_width=half_width, kind="exact" if design.exact else "sampling", exact=design.exact
        )
        game.notes.check(
            "half_width",
            half_width.max() / max(np.abs(values).max(), 1e-30) if np.abs(values).max() > 1e-12 else 0.0,
            warn=0.10,
            fail=1.0,
            meaning="The error is more than a tenth of the largest value.",
            advice=f"Raise budget (now {self.budget}; {minimum_budget(game.players)} is the least).",
        )
        return values
