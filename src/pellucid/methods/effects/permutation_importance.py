"""Permutation importance: what the model loses when a column is shuffled."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Table
from pellucid.methods.params import param
from pellucid.results.importance import interval

from .alike import CORRELATED, groups_offered, rank_correlation, strata_of
from .family import ImportanceMethod


class PermutationImportance(ImportanceMethod):
    r"""What the model loses when one column is shuffled, its tie to everything else cut.

    .. math:: I_j = \frac{1}{R} \sum_{r=1}^{R} \Bigl( s(X, y) - s\bigl(X^{(j \leftarrow \pi_r)}, y\bigr) \Bigr)
              \qquad\text{or, without } y,\qquad
              I_j = \frac{1}{N} \sum_{i=1}^{N} \bigl( f(x_i) - f(x_i^{(j)}) \bigr)^2

    Global, for any model. Correlated columns share importance, so each may look small: shuffle them together with
    `features=Columns(names, groups={...})`. With `conditional` a column is shuffled only among rows that are alike in
    the columns it moves with, which asks what it tells beyond them. Pass held-out rows, or what the model memorised is
    measured.

    Shapes: ``X: (n, columns)``, ``values: (players,)``, ``repeats: (players, repeats)``.
    Cost: ``1 + players * repeats`` predictions of the table.
    Raises: `ShapeError` when X and y differ in rows.

    >>> PermutationImportance(repeats=5)(forest, X, y).values.shape
    (30,)
    """

    paper = (
        "Breiman (2001). Random Forests. Machine Learning 45. doi:10.1023/A:1010933404324; "
        "Fisher, Rudin, Dominici (2019). All Models are Wrong, but Many are Useful. arXiv:1801.01489; "
        "Molnar, König, Bischl, Casalicchio (2023). Model-agnostic Feature Importance and Effects with Dependent "
        "Features: a Conditional Subgroup Approach. arXiv:2006.04628"
    )
    title: ClassVar[str] = "Permutation importance"

    repeats: int = param(default=10, doc="shuffles per column", min=1)
    conditional: bool = param(default=False, doc="shuffle only among rows alike in the columns it moves with")

    def measure(self, t: Table) -> NpArray:
        predicted = None if t.scored else t.in_blocks(lambda rows: t.X[rows])
        strata = [strata_of(t, player, self.conditional) for player in range(len(t.players))]
        drops = np.empty((len(t.players), self.repeats, len(t.intact)))
        for player, repeat in t.track(list(np.ndindex(drops.shape[:2]))):
            columns = np.flatnonzero(t.label == player)
            order = strata[player].shuffled(t.rng(player, repeat))

            def shuffled(rows: slice, columns: NpArray = columns, order: NpArray = order) -> NpArray:
                block = t.X[rows].copy()
                block[:, columns] = t.X[order[rows][:, None], columns]
                return block

            if predicted is None:
                drops[player, repeat] = t.intact - t.in_blocks(shuffled)
            else:
                drops[player, repeat] = np.mean((predicted - t.in_blocks(shuffled)) ** 2)
        self._judge(t, drops[..., 0])
        return drops

    def _judge(self, t: Table, drops: NpArray) -> None:
        width = interval(drops)
        if width is not None:
            t.notes.certify(half_width=width, kind="sampling")
        chance, intact = float(t.chance[0]), float(t.intact[0])
        if t.scored and not np.isnan(chance):
            behind = chance - intact
            t.notes.check(
                "chance",
                behind if abs(behind) > 1e-12 else 1e-12,  # no better is as bad as worse
                warn=0,
                fail=0,
                meaning=f"The model scores {intact:.3g}, no better than knowing nothing ({chance:.3g}): "
                "its importances mean nothing.",
                advice="Explain a model that has learned something.",
            )
        _check_correlated(t, self.conditional)


def _check_correlated(t: Table, conditional: bool) -> None:
    """Players whose columns move together make rows that do not occur when one of them is shuffled alone."""
    if len(t.players) < 2 or len(t.X) < 3:
        return
    rho = np.abs(rank_correlation(t.X))
    rho[t.label[:, None] == t.label[None]] = 0
    i, j = np.unravel_index(int(rho.argmax()), rho.shape)
    pair = f"{t.players[t.label[i]]} and {t.players[t.label[j]]}"
    t.notes.check(
        "correlated",
        0.0 if conditional else rho.max(),
        warn=CORRELATED,
        fail=np.inf,
        meaning=f"Columns move together ({pair}: rank correlation {rho.max():.2f}), so they share importance.",
        advice=f"Shuffle them together: features=Columns(names, groups={groups_offered(t)}); or shuffle each among "
        "rows alike in the others: PermutationImportance(conditional=True).",
    )
