"""Friedman's H-statistic: how much of an effect is interaction."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import ClassVar

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Table
from pellucid.methods.params import param

from .family import InteractionMethod
from .moments import Moments
from .places import Place
from .subject import Joint

RESAMPLES = 200
TINY = 1e-12
"""A joint effect below this share of the output's variance is none, and rounding is no interaction."""


class HStatistic(InteractionMethod):
    r"""The share of the variance of two columns' joint effect that is not the sum of their own effects.

    .. math:: H^2_{jk} = \frac{\sum_i \bigl( \mathrm{PD}_{jk} - \mathrm{PD}_j - \mathrm{PD}_k \bigr)^2}
                              {\sum_i \mathrm{PD}_{jk}^2},
              \qquad H^2_j = \frac{\sum_i \bigl( f - \mathrm{PD}_j - \mathrm{PD}_{\setminus j} \bigr)^2}{\sum_i f^2}

    All terms centred, at the values of row i, partial dependence taken over the same rows. Nought where the columns
    add up, one where their joint effect is interaction alone. Two columns that do little reach a high share of very
    little: `e.strength` has the interaction in units of the output, and pairs are listed by it. Like partial
    dependence it asks about rows that do not occur where columns move together. The half-width is that of resampling
    the rows, with the partial dependence kept.

    Shapes: ``X: (n, columns)``, ``values: (columns, columns)``, the overall share on the diagonal.
    Cost: ``rows^2`` predictions per pair, and twice that per column.
    Raises: `DataError` where fewer than two columns vary.

    >>> HStatistic(rows=20, top=3)(forest, X).values.shape
    (30, 30)
    """

    paper = "Friedman, Popescu (2008). Predictive Learning via Rule Ensembles. AOAS 2. doi:10.1214/07-AOAS148"
    title: ClassVar[str] = "H-statistic"

    rows: int = param(default=60, doc="rows, drawn at random, over which effects are taken", min=2)
    top: int = param(
        default=8, doc="columns with the most interaction overall, among which pairs are measured", min=2
    )

    def measure(self, t: Table, among: tuple[int, ...]) -> Joint:
        n = len(t.X)
        drawn = np.arange(n) if self.rows >= n else np.sort(t.rng(0).choice(n, self.rows, replace=False))
        sample = replace(t, X=t.X[drawn])
        f = _centred(sample.ask(sample.X, np.arange(len(drawn))))
        every = tuple(range(t.X.shape[1]))
        single = _effects(sample, [(j,) for j in among])
        others = _effects(sample, [tuple(c for c in every if c != j) for j in among])
        total = float((f**2).sum())
        overall = [(f - one - rest, f) for one, rest in zip(single, others, strict=True)]
        shares = np.array([_share(*o, total) for o in overall])
        best = np.sort(np.argsort(-shares, kind="stable")[: self.top])
        pairs = list(combinations(best.tolist(), 2))
        joint = _effects(sample, [(among[a], among[b]) for a, b in pairs])
        alone = [(both - single[a] - single[b], both) for (a, b), both in zip(pairs, joint, strict=True)]
        t.notes.certify(kind="sampling")
        cells = [(a, a) for a in range(len(among))] + pairs
        return _filled(len(among), cells, [*overall, *alone], total, t.rng(1))


def _effects(t: Table, places: list[Place]) -> list[NpArray]:
    """For each place, the centred partial dependence at every row's own values: (rows, targets)."""
    if not places:
        return []
    moments = [Moments() for _ in places]
    asked = [lambda rows, p=p: t.X[:, list(p)][:, None] for p in places]
    for _, k, y in t.varied(places, asked):
        moments[k].add(y)
    return [_centred(m.mean) for m in moments]


def _centred(y: NpArray) -> NpArray:
    return y - y.mean(0)


def _share(left: NpArray, whole: NpArray, total: float) -> float:
    """The share of the variance that is left, of a whole that is more than rounding."""
    variance = float((whole**2).sum())
    return float((left**2).sum()) / variance if variance > TINY * total else 0.0


def _filled(
    count: int,
    cells: list[tuple[int, int]],
    found: list[tuple[NpArray, NpArray]],
    total: float,
    rng: np.random.Generator,
) -> Joint:
    """The square tables, from the cells measured: what is left, and of what."""
    shares, strength, half = (np.zeros((count, count)) for _ in range(3))
    measured = np.zeros((count, count), bool)
    rows = len(found[0][0])
    draws = rng.integers(0, rows, (RESAMPLES, rows))
    for (a, b), (left, whole) in zip(cells, found, strict=True):
        again = [_share(left[d], whole[d], total) for d in draws]
        low, high = np.percentile(again, [2.5, 97.5])
        for i, j in ((a, b), (b, a)):
            shares[i, j] = _share(left, whole, total)
            strength[i, j] = np.sqrt((left**2).sum() / rows)
            half[i, j], measured[i, j] = (high - low) / 2, True
    return Joint(shares, strength, half, measured, rows)
