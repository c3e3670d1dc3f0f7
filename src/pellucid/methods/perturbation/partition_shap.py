"""Partition SHAP: Owen values over a hierarchy."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.hierarchy import Tree, hierarchy, orders_of
from pellucid.core.types import NpArray
from pellucid.core.views import Game
from pellucid.methods.params import param

from .family import GameMethod
from .permutation_shap import averaged, gains, pairs_for


class PartitionShap(GameMethod):
    r"""Owen values: what each player adds where those that belong together come in together.

    .. math:: \phi_i = \frac{1}{|\Pi_T|} \sum_{\pi \in \Pi_T}
              \bigl(v(\text{before}_\pi(i) \cup i) - v(\text{before}_\pi(i))\bigr)

    :math:`\Pi_T` are the orders that keep every branch of a binary tree together: of columns that correlate in the
    background, of regions that lie together, of words and steps that follow each other. A player is so compared with
    its like present or absent, and far less often with combinations that do not occur. Orders and their reverses are
    drawn in pairs, by a coin at every branch; where there are few, all are walked, and the values are exact.

    Shapes: ``x, values: (n, *features)``; half-widths alike.
    Cost: as permutation SHAP: ``2 + 2 (players - 1)`` evaluations per row and pair of orders, 20 pairs by default.
    Raises: `ParameterError` when the budget is less than two pairs of orders.

    >>> PartitionShap(budget=600)(forest, X[:2], background=X).values.shape
    (2, 30)
    """

    paper = (
        "Owen (1977). Values of Games with a Priori Unions. doi:10.1007/978-3-642-45494-3_7; "
        "Lopez, Saboya (2009). On the Relationship between Shapley and Owen Values. doi:10.1007/s10100-009-0100-8"
    )
    title: ClassVar[str] = "Partition SHAP"

    budget: int | None = param(
        default=None,
        doc="coalitions asked of each row, at most; without it 20 pairs of orders are walked",
        min=2,
    )
    tolerance: float = param(
        default=0.0,
        doc="walk no more orders once the standard error is below this share of the row's largest value; 0 walks all",
        min=0,
    )

    def attribute(self, game: Game) -> NpArray:
        trees = [hierarchy(hidden) for hidden in game.hidden]
        if all(tree == trees[0] for tree in trees):
            values, half = self._walked(game, trees[0])
        else:
            rows = [self._walked(game.only(np.array([k])), tree) for k, tree in enumerate(trees)]
            values, half = (np.concatenate([row[part] for row in rows]) for part in (0, 1))
        exact = not half.any()
        game.notes.certify(half_width=half, kind="exact" if exact else "sampling", exact=exact)
        largest = np.maximum(np.abs(values).max(1), 1e-12)
        game.notes.check(
            "half_width",
            half.max(1) / largest,
            warn=0.10,
            fail=1.0,
            meaning="The error is more than a tenth of the largest value.",
            advice=f"Raise budget (now {self.calls(game.players)}).",
        )
        return values

    def calls(self, players: int) -> int:
        return 2 + 2 * (players - 1) * pairs_for(self.budget, players)

    def _walked(self, game: Game, tree: Tree) -> tuple[NpArray, NpArray]:
        pairs = pairs_for(self.budget, game.players)
        branches = game.players - 1
        if branches <= 1 or 2 ** (branches - 1) <= pairs:
            coins = (np.arange(2 ** max(0, branches - 1))[:, None] >> np.arange(branches)) % 2 == 1
            found = gains(game, orders_of(tree, coins))
            return found.mean(1), np.zeros((len(game), game.players))
        coins = game.rng.random((pairs, branches)) < 0.5
        return averaged(game, orders_of(tree, coins), self.tolerance)
