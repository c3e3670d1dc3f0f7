"""Shapley values by constrained weighted least squares on sampled pairs of coalitions, with their error.

A pair's two answers enter through ``y = v(S) - v(complement)``, which an additive game fits exactly as
``y = X @ phi`` with ``X = +1`` for the members of S and ``-1`` for the others.

The regression may also carry covariates ``x_a x_b x_c - (x_a + x_b + x_c) / 3``. A game made of one of them has
Shapley value zero for every player, so they move no value; they only take variance out of the residual.

The error is a survey sampler's: only strata that were sampled contribute, each in proportion to the share of its
pairs that was not asked.

Everything but the answers is the same for all rows, and is computed once. Products with the answers are taken row by
row, so that a row's values do not depend, to the last bit, on the rows beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from pellucid.core.types import NpArray

from .coalitions import Design

# Ridge strengths tried for the cubic covariates, relative to their mean weighted square; 0 leaves them out.
_STRENGTHS = (0.5, 3.0, 20.0, 120.0)
MOST_CUBIC = 14
"""Players up to whose number the cubic covariates are used: beyond, there are too many of them."""


class LeastSquares:
    """The fit to one design, ready for the answers of any row."""

    def __init__(self, design: Design, cubic: bool = True) -> None:
        self.design = design
        sign = np.where(design.half, 1.0, -1.0)
        self.players = sign.shape[1]
        self.mean = sign.mean(axis=1)
        self.root = np.sqrt(design.weight)
        x = self.root[:, None] * (sign - self.mean[:, None])
        gram = x.T @ x
        gram += max(float(np.trace(gram)), 1.0) / self.players**2
        gain = np.linalg.solve(gram, x.T)
        self.x, self.gain = x, gain
        self.cuts = [int(cut) for cut in np.flatnonzero(np.diff(design.stratum, prepend=0, append=0))]
        self.fits = [Fit(self, [gain], np.einsum("kp,pk->k", x, gain))]
        if cubic and not design.exact and self.players <= MOST_CUBIC:
            self.fits += _with_cubics(self, _cubics(sign) * self.root[:, None])

    def solve(self, difference: NpArray, total: NpArray) -> tuple[NpArray, NpArray]:
        """Shapley values and the half-widths of their 95 % intervals; zero where every coalition was asked.

        Args:
            difference: (rows, k) v(S) - v(complement) of each pair.
            total: (rows,) v(everybody) - v(nobody), which the values add up to.

        Returns:
            (rows, P) values, (rows, P) half-widths.
        """
        share = total[:, None] / self.players
        y = self.root * (difference - self.mean * total[:, None])  # fitted by values that sum to zero
        rest = y - applied(self.x, applied(self.gain, y))
        values, variance, freedom = self.fits[0].of(y, rest)
        for fit in self.fits[1:]:
            rival = fit.of(y, rest)
            better = (rival[1].sum(1) < variance.sum(1))[:, None]
            values, variance, freedom = (
                np.where(better, new, old)
                for new, old in zip(rival, (values, variance, freedom), strict=True)
            )
        half_width = np.sqrt(variance)
        if not self.design.exact:
            from scipy.stats import t as student

            half_width = half_width * student.ppf(0.975, freedom)
        return values + share, half_width


@dataclass(frozen=True)
class Fit:
    """One regression: what it makes of the answers, and how far it can be wrong.

    base: what it is a fit to, with its `design` and the `cuts` between its strata.
    gains: linear maps from y to the values; the first gives them, all give the error.
    leverage: (k,).
    left, shrink: what the covariates take out of the linear fit's residual: left @ (shrink * left.T @ rest).
    """

    base: Any
    gains: list[NpArray]
    leverage: NpArray
    left: NpArray | None = None
    shrink: NpArray | None = None

    def of(self, y: NpArray, rest: NpArray) -> tuple[NpArray, NpArray, NpArray]:
        """Values, variances and degrees of freedom, (rows, P) each.

        Pair i moves value j by ``gain[j, i] * residual[i] / (1 - leverage[i])``. A stratum with n sampled of N
        pairs adds ``(1 - n/N) * n / (n - 1)`` times the sum of squares of these moves about their mean, and the
        degrees of freedom are those of Welch and Satterthwaite, each stratum having n - 1. With several
        ``gains`` the sums of squares are averaged: with covariates, one gain refits their coefficients (the
        jackknife) and one holds them fixed (the difference estimator); the first runs low where pairs are few,
        the second where they are many.
        """
        values = applied(self.gains[0], y)
        if self.left is not None and self.shrink is not None:
            rest = rest - applied(self.left, self.shrink * applied(self.left.T, rest))
        outside = rest / np.maximum(1.0 - self.leverage, 1e-6)
        variance, spread = np.zeros_like(values), np.zeros_like(values)
        for start, stop in pairwise(self.base.cuts):
            n, unseen = stop - start, 1.0 - self.base.design.inclusion[start]
            if unseen <= 0.0 or n < 2:
                continue
            e = outside[:, start:stop]
            squares = np.zeros_like(values)
            for g in (gain[:, start:stop] for gain in self.gains):
                squares += np.maximum(applied(g * g, e * e) - applied(g, e) ** 2 / n, 0.0)
            part = unseen * n / (n - 1) * squares / len(self.gains)
            variance += part
            spread += part * part / (n - 1)
        freedom = np.full_like(values, np.inf)
        np.divide(variance * variance, spread, out=freedom, where=spread > 0.0)
        return values, variance, freedom


def applied(matrix: NpArray, answers: NpArray) -> NpArray:
    """(rows, j): matrix (j, k) times each row's answers (rows, k), one row at a time."""
    return np.matmul(matrix, answers[:, :, None])[:, :, 0]


def _with_cubics(base: LeastSquares, raw: NpArray) -> list[Fit]:
    """The linear fit with the ridge-penalised covariates ``raw`` (k, q), once for each strength.

    One eigendecomposition, of the covariates freed of the linear part, serves all strengths and all rows.
    """
    x, gain, hat = base.x, base.gain, base.fits[0].leverage
    raw = raw / max(math.sqrt(float(np.sum(raw * raw)) / len(raw)), 1e-300)
    slope = gain @ raw  # (P, q) what a unit of each covariate adds to the linear fit
    clean = raw - x @ slope
    wide = clean.shape[0] <= clean.shape[1]
    power, basis = np.linalg.eigh(clean @ clean.T if wide else clean.T @ clean)
    good = power > 1e-10 * power[-1]
    power, basis = power[good], basis[:, good]
    if wide:
        left, tilt = basis, slope @ (clean.T @ basis)
    else:
        left, tilt = clean @ basis / np.sqrt(power), slope @ (basis * np.sqrt(power))
    fits = list[Fit]()
    for strength in _STRENGTHS:
        ridge = strength / (1.0 + strength * power)
        share = ridge * power
        refitted = gain - (tilt * ridge) @ left.T
        fits.append(Fit(base, [refitted, gain], hat + (left * left) @ share, left, share))
    return fits


def _cubics(sign: NpArray) -> NpArray:
    """Products of three players' signs less a third of their sum, (k, C(P, 3))."""
    a, b, c = np.array(list(combinations(range(sign.shape[1]), 3))).T
    products: NpArray = sign[:, a] * sign[:, b] * sign[:, c] - (sign[:, a] + sign[:, b] + sign[:, c]) / 3.0
    return products
