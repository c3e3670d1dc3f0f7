"""Sobol indices."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.types import NpArray
from pellucid.core.views import Table
from pellucid.methods.params import param
from pellucid.results.importance import interval

from .family import ImportanceMethod


class Sobol(ImportanceMethod):
    r"""The share of the output's variance that a column causes: alone, or with all that it takes part in.

    .. math:: S_j = \frac{\operatorname{Var}\bigl(\mathbb{E}[f \mid x_j]\bigr)}{\operatorname{Var}(f)}, \qquad
              T_j = \frac{\mathbb{E}\bigl[\operatorname{Var}(f \mid x_{\setminus j})\bigr]}{\operatorname{Var}(f)}

    First order (alone) shares add up to 1 at most; total shares (with interactions) to 1 at least; a column whose total
    is 0 can be left out. Columns are drawn independently of each other from the table: where they correlate, the model
    is asked about rows that do not occur. For a classifier pass `target`.

    Shapes: ``X: (n, columns)``, ``values: (players,)``, ``repeats: (players, repeats)``.
    Cost: ``repeats * (players + 2)`` predictions of the table.
    Raises: `ParameterError` when true values are passed, which variance has nothing to do with.

    >>> Sobol(repeats=3)(lambda rows: rows[:, 0] + rows[:, 1] * rows[:, 2], X).values.shape
    (30,)
    """

    paper = (
        "Sobol (2001). Global Sensitivity Indices for Nonlinear Mathematical Models. "
        "doi:10.1016/S0378-4754(00)00270-6; Saltelli et al. (2010). Variance Based Sensitivity Analysis of Model "
        "Output. doi:10.1016/j.cpc.2009.09.018"
    )
    title: ClassVar[str] = "Sobol indices"
    measures: ClassVar[str] = "share of the variance"

    order: str = param(default="total", doc="with interactions, or alone", choices=("total", "first"))
    repeats: int = param(default=10, doc="times the table is drawn anew", min=2)

    def measure(self, t: Table) -> NpArray:
        if t.scored:
            raise ParameterError("Variance has no use for true values.", fix="Leave y out.")
        found = np.zeros((len(t.players), self.repeats))
        for repeat in t.track(range(self.repeats)):
            one, other = (_independent(t, repeat, half) for half in (0, 1))
            first, second = t.predict(one), t.predict(other)
            variance = np.concatenate([first, second]).var()
            for player in range(len(t.players)):
                mixed = np.where(t.label == player, other, one)
                answers = t.predict(mixed)
                if variance <= 1e-24 * (1 + first.mean() ** 2):
                    continue
                apart = np.mean(((first if self.order == "total" else second) - answers) ** 2) / (
                    2 * variance
                )
                found[player, repeat] = apart if self.order == "total" else 1 - apart
        t.notes.certify(half_width=interval(found), kind="sampling")
        return found[..., None]


def _independent(t: Table, *key: int) -> NpArray:
    """The table with every player's columns shuffled on their own."""
    rng = t.rng(*key)
    out = np.empty_like(t.X)
    for player in range(len(t.players)):
        columns = t.label == player
        out[:, columns] = t.X[rng.permutation(len(t.X))][:, columns]
    return out
