"""Morris screening."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.types import NpArray
from pellucid.core.views import Table
from pellucid.methods.params import param
from pellucid.results.importance import interval

from .family import ImportanceMethod


class Morris(ImportanceMethod):
    r"""The mean size of a column's elementary effect: a step along its range, everywhere in the table's space.

    .. math:: \mu^*_j = \frac{1}{R} \sum_{r=1}^{R} \frac{\bigl|f(x_r + \Delta e_j) - f(x_r)\bigr|}{\Delta}

    A step is taken in ranks: from one of `levels` quantiles of the column to another, half the range away or a little
    more. Each of `paths` walks starts at a random point and moves one column after another, so few predictions screen
    many columns. A spread over the walks (`e.spread`) as large as the mean tells of interactions or bends. Columns are
    moved independently of each other, also where they correlate. For a classifier pass `target`.

    Shapes: ``X: (n, columns)``, ``values: (players,)``, ``repeats: (players, paths)``.
    Cost: ``paths * (players + 1)`` predictions of one row.
    Raises: `ParameterError` when true values are passed.

    >>> Morris(paths=5)(lambda rows: rows[:, 0] + rows[:, 1] * rows[:, 2], X).values.shape
    (30,)
    """

    paper = (
        "Morris (1991). Factorial Sampling Plans for Preliminary Computational Experiments. "
        "doi:10.1080/00401706.1991.10484804; Campolongo, Cariboni, Saltelli (2007). An Effective Screening Design. "
        "doi:10.1016/j.envsoft.2006.10.004"
    )
    title: ClassVar[str] = "Morris screening"
    measures: ClassVar[str] = "mean absolute change per range"

    paths: int = param(default=30, doc="walks through all columns", min=2)
    levels: int = param(default=4, doc="quantiles of each column that a walk steps between", min=2)

    def measure(self, t: Table) -> NpArray:
        if t.scored:
            raise ParameterError("A step has no use for true values.", fix="Leave y out.")
        players, rng = len(t.players), t.rng(0)
        step = -(-self.levels // 2)
        ranks = np.linspace(0, 1, self.levels)
        grid = np.quantile(t.X, ranks, axis=0, method="nearest")  # (levels, columns)
        start = rng.integers(0, self.levels, (self.paths, players))
        end = np.where(start + step < self.levels, start + step, np.maximum(start - step, 0))
        end = np.where(start == end, (start + step) % self.levels, end)
        order = rng.permuted(np.tile(np.arange(players), (self.paths, 1)), axis=1)
        moved = np.argsort(order, axis=1)[:, None, :] < np.arange(players + 1)[:, None]
        level = np.where(moved, end[:, None], start[:, None])[..., t.label]  # (paths, players + 1, columns)
        points = grid[level, np.arange(t.X.shape[1])]
        rows = np.repeat(np.arange(self.paths) % len(t.X), players + 1)
        answers = t.ask(points.reshape(len(rows), -1), rows)[:, 0].reshape(self.paths, players + 1)
        change = np.abs(np.diff(answers, axis=1))
        found = np.take_along_axis(change, np.argsort(order, axis=1), axis=1) / np.abs(
            ranks[end] - ranks[start]
        )
        t.notes.certify(half_width=interval(found.T), kind="sampling")
        return found.T[..., None]
