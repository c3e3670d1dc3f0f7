"""Permutation importance: what the model loses when a column is shuffled."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Table
from pellucid.methods.params import param
from pellucid.results.importance import interval

from .family import ImportanceMethod

CORRELATED = 0.7
"""From this |rank correlation| on, shuffling one column alone makes rows that do not occur."""


class PermutationImportance(ImportanceMethod):
    r"""What the model loses when one column is shuffled, its tie to everything else cut.

    .. math:: I_j = \frac{1}{R} \sum_{r=1}^{R} \Bigl( s(X, y) - s\bigl(X^{(j \leftarrow \pi_r)}, y\bigr) \Bigr)
              \qquad\text{or, without } y,\qquad
              I_j = \frac{1}{N} \sum_{i=1}^{N} \bigl( f(x_i) - f(x_i^{(j)}) \bigr)^2

    Global, for any model. Correlated columns share importance, so each may look small: shuffle them together with
    `features=Columns(names, groups={...})`. Pass held-out rows, or what the model memorised is measured.

    Shapes: ``X: (n, columns)``, ``values: (players,)``, ``repeats: (players, repeats)``.
    Cost: ``1 + players * repeats`` predictions of the table.
    Raises: `ShapeError` when X and y differ in rows.

    >>> PermutationImportance(repeats=5)(forest, X, y).values.shape
    (30,)
    """

    paper = (
        "Breiman (2001). Random Forests. Machine Learning 45. doi:10.1023/A:1010933404324; "
        "Fisher, Rudin, Dominici (2019). All Models are Wrong, but Many are Useful. arXiv:1801.01489"
    )
    title: ClassVar[str] = "Permutation importance"

    repeats: int = param(default=10, doc="shuffles per column", min=1)

    def measure(self, t: Table) -> NpArray:
        predicted = None if t.scored else t.predict(t.X)
        drops = np.empty((len(t.players), self.repeats, len(t.intact)))
        for player, repeat in t.track(list(np.ndindex(drops.shape[:2]))):
            shuffled = t.X.copy()
            columns, order = t.label == player, t.rng(player, repeat).permutation(len(t.X))
            shuffled[:, columns] = t.X[order][:, columns]
            if predicted is None:
                drops[player, repeat] = t.intact - t.score(shuffled)
            else:
                drops[player, repeat] = np.mean((predicted - t.predict(shuffled)) ** 2)
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
        _check_correlated(t)


def _check_correlated(t: Table) -> None:
    """Players whose columns move together make rows that do not occur when one of them is shuffled alone."""
    if len(t.players) < 2 or len(t.X) < 3:
        return
    from scipy.stats import rankdata

    ranks = rankdata(np.nan_to_num(t.X), axis=0)
    spread = ranks.std(0)
    ranks = (ranks - ranks.mean(0)) / np.where(spread > 0, spread, 1)
    rho = np.abs(ranks.T @ ranks) / len(ranks)
    rho[t.label[:, None] == t.label[None]] = 0
    i, j = np.unravel_index(int(rho.argmax()), rho.shape)
    pair = f"{t.players[t.label[i]]} and {t.players[t.label[j]]}"
    t.notes.check(
        "correlated",
        rho.max(),
        warn=CORRELATED,
        fail=np.inf,
        meaning=f"Columns move together ({pair}: rank correlation {rho.max():.2f}), so they share importance.",
        advice="Shuffle them together: features=Columns(names, groups={...}).",
    )
