"""Accumulated local effects, of one column and of two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Table
from pellucid.methods.params import param

from .accumulate import accumulated, accumulated_pair, pair_half_width
from .family import EffectMethod
from .intervals import Intervals, intervals_of
from .moments import GroupedMoments
from .places import Place, crossed
from .subject import Effect

FEW = 5
"""An interval of fewer rows says little."""


class AccumulatedLocalEffects(EffectMethod):
    r"""The differences that small steps of a column make to the rows that are there, added up along the column.

    .. math:: \mathrm{ALE}_j(z_k) = \sum_{l=1}^{k} \frac{1}{n_l} \sum_{i:\, x_{ij} \in (z_{l-1}, z_l]}
              \bigl( f(z_l, x_{i, \setminus j}) - f(z_{l-1}, x_{i, \setminus j}) \bigr) - \text{mean}

    Each row is moved to the ends of its own interval only, so the model is asked about rows that nearly occur, and
    columns that move together do not mislead it as they mislead partial dependence. What counts is the shape: the
    curve has mean zero over the rows, and a value is no output but an effect. Of two columns it is the interaction
    alone, what remains when the effects of each are taken off. Intervals hold about equally many rows, and their
    numbers are kept. Columns with few values step from value to value; categories without an order are put in one,
    alike ones side by side, and their effect depends on it. The half-width treats the intervals' ends as given.

    Shapes: ``X: (n, columns)``, ``values: (ends of intervals, targets)``, ``count: rows per interval``.
    Cost: ``2 n`` predictions per column, ``3 n`` where it has few values, ``4 n`` per pair.
    Raises: `DataError` for a column that holds a single value.

    >>> AccumulatedLocalEffects(bins=3)(forest, X, columns="x0").count.tolist()
    [0, 20, 20, 20]
    """

    paper = (
        "Apley, Zhu (2020). Visualizing the Effects of Predictor Variables in Black Box Supervised Learning Models. "
        "JRSS B 82. arXiv:1612.08468"
    )
    title: ClassVar[str] = "Accumulated local effects"
    says: ClassVar[str] = "mean local differences of the prediction, accumulated and centred,"

    bins: int = param(
        default=20, doc="intervals of one column, fewer where one would hold under 20 rows", min=2
    )
    cells: int = param(default=10, doc="intervals of each of two columns", min=2)

    def trace(self, t: Table, where: tuple[Place, ...], own: Mapping[int, NpArray]) -> list[Effect]:
        plans = [
            tuple(
                intervals_of(t, c, self.bins if len(p) == 1 else self.cells, own.get(c), pair=len(p) > 1)
                for c in p
            )
            for p in where
        ]
        sums = [GroupedMoments(int(np.prod([i.count for i in plan])), len(t.targets)) for plan in plans]
        asked = [
            lambda rows, p=p, plan=plan: _corners(t.X[rows][:, list(p)], plan)
            for p, plan in zip(where, plans, strict=True)
        ]
        for rows, k, y in t.varied(where, asked):
            for index, delta in _differences(t.X[rows][:, list(where[k])], plans[k], y):
                sums[k].add(index, delta)
        t.notes.certify(kind="sampling")
        _check_counts(t, [s.count for s, place in zip(sums, where, strict=True) if len(place) == 1])
        return [_effect(*each) for each in zip(where, plans, sums, strict=True)]


def _corners(values: NpArray, plan: tuple[Intervals, ...]) -> NpArray:
    """(corners, rows, columns) what each row's columns are set to."""
    ends = [i.around(values[:, axis]) for axis, i in enumerate(plan)]
    if len(ends) == 1:
        return ends[0][:, :, None]
    (low, high), (left, right) = ends
    return np.stack(
        [np.stack([a, b], 1) for a, b in ((low, left), (low, right), (high, left), (high, right))]
    )


def _differences(values: NpArray, plan: tuple[Intervals, ...], y: NpArray) -> list[tuple[NpArray, NpArray]]:
    """Intervals (or cells), -1 for none, and the differences (rows, targets) that fall into them."""
    places = [i.index(values[:, axis]) for axis, i in enumerate(plan)]
    if len(plan) == 2:
        cell = np.where((places[0] < 0) | (places[1] < 0), -1, places[0] * plan[1].count + places[1])
        return [(cell, (y[3] - y[2]) - (y[1] - y[0]))]
    if not plan[0].levels:
        return [(places[0], y[1] - y[0])]
    level, last = places[0], plan[0].count
    below = np.where(level > 0, level - 1, -1)  # the step up to a row's level, and the step from it
    above = np.where((level >= 0) & (level < last), level, -1)
    return [(below, y[1] - y[0]), (above, y[2] - y[1])]


def _effect(place: Place, plan: tuple[Intervals, ...], sums: GroupedMoments) -> Effect:
    targets = sums.mean.shape[1]
    if len(place) == 2:
        shape, scaled = (plan[0].count, plan[1].count), (plan[0].scaled, plan[1].scaled)
        rows = sums.count.reshape(shape)
        values, count = accumulated_pair(rows, sums.mean.reshape(*shape, -1), scaled)
        half = pair_half_width(rows, sums.variance.reshape(*shape, -1), scaled)
        grid = crossed(plan[0].points, plan[1].points)
    else:
        rows = plan[0].rows if plan[0].levels else None
        values, half = accumulated(sums.count, sums.mean, sums.variance, rows)
        count = rows if rows is not None else np.concatenate([[0], sums.count])
        grid = plan[0].points[:, None]
    return Effect(place, grid, values, half, np.zeros((0, len(grid), targets)), count.astype(int))


def _check_counts(t: Table, counts: list[NpArray]) -> None:
    """Note where intervals of single columns hold few rows; cells of two columns are empty where the data are."""
    rows = np.concatenate([*counts, np.zeros(0)])
    few = float((rows < FEW).mean()) if len(rows) else 0.0
    t.notes.check(
        "few_rows",
        few,
        warn=0.1,
        fail=0.9,
        meaning=f"{100 * few:.0f} % of the intervals hold fewer than {FEW} rows.",
        advice="Pass more rows, or choose fewer bins.",
    )
