"""Shapley values by constrained weighted least squares on sampled pairs of coalitions, with their error.

A pair's two answers enter through ``y = v(S) - v(complement)``, which an additive game fits exactly as
``y = X @ phi`` with ``X = +1`` for the members of S and ``-1`` for the others.

The regression may also carry covariates ``x_a x_b x_c - (x_a + x_b + x_c) / 3``. A game made of one of them has
Shapley value zero for every player, so they move no value; they only take variance out of the residual.

The error is a survey sampler's: only strata that were sampled contribute, each in proportion to the share of its
pairs that was not asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from pellucid.core.types import NpArray

from .coalitions import Design

# Ridge strengths tried for the cubic covariates, relative to their mean weighted square; 0 leaves them out.
_STRENGTHS = (0.5, 3.0, 20.0, 120.0)
# The cubic covariates are built on so many players, those with the largest first-pass values.
_PROMINENT = 14


@dataclass(frozen=True)
class _Fit:
    """Outcome of one regression, a column for each row of the data."""

    values: NpArray  # (P, rows)
    variance: NpArray  # (P, rows)
    freedom: NpArray  # (P, rows)

    def better_of(self, other: _Fit) -> _Fit:
        """For each row, the fit with the smaller total variance; self on a tie."""
        take = other.variance.sum(axis=0) < self.variance.sum(axis=0)
        return _Fit(
            np.where(take, other.values, self.values),
            np.where(take, other.variance, self.variance),
            np.where(take, other.freedom, self.freedom),
        )


def solve(
    design: Design,
    difference: NpArray,
    total: float,
    cubic: bool = True,
) -> tuple[NpArray, NpArray]:
    """Shapley values and the half-widths of their 95 % intervals.

    Args:
        design: the pairs that were asked.
        difference: (k,) v(S) - v(complement) of each pair.
        total: v(everybody) - v(nobody), which the values add up to.
        cubic: admit the covariates of degree three, used as far as the estimated variance falls.

    Returns:
        (P,) values, (P,) half-widths; zero half-widths where every coalition was asked.
    """
    players = design.half.shape[1]
    sign = np.where(design.half, 1.0, -1.0)
    mean = sign.mean(axis=1, keepdims=True)
    root = np.sqrt(design.weight)[:, None]
    x = root * (sign - mean)
    y = root * (difference[:, None] - mean * total)  # what is left is fitted by values that sum to zero
    gram = x.T @ x
    gram += max(float(np.trace(gram)), 1.0) / players**2
    gain = np.linalg.solve(gram, x.T)
    rest, hat = y - x @ (gain @ y), np.einsum("kp,pk->k", x, gain)
    fit = _finish(design, [gain], rest, hat, gain @ y)
    if cubic and not design.exact:
        raw = _cubics(sign, _prominence(fit.values + total / players)) * root
        for gains, residual, leverage in _ridges(raw, x, gain, rest, hat):
            fit = fit.better_of(_finish(design, gains, residual, leverage, gains[0] @ y))
    half_width = np.sqrt(fit.variance)
    if not design.exact:
        from scipy.stats import t as student

        half_width = half_width * student.ppf(0.975, fit.freedom)
    return fit.values[:, 0] + total / players, half_width[:, 0]


def _finish(
    design: Design, gains: list[NpArray], residual: NpArray, leverage: NpArray, values: NpArray
) -> _Fit:
    """Attach the stratified, finite-population, leave-one-out variance to a fit.

    Pair i moves value j by ``gain[j, i] * residual[i] / (1 - leverage[i])``. A stratum with n sampled of N
    pairs adds ``(1 - n/N) * n / (n - 1)`` times the sum of squares of these moves about their mean, and the
    degrees of freedom are those of Welch and Satterthwaite, each stratum having n - 1. With several
    ``gains`` the sums of squares are averaged: with covariates, one gain refits their coefficients (the
    jackknife) and one holds them fixed (the difference estimator); the first runs low where pairs are few,
    the second where they are many.
    """
    outside = residual / np.maximum(1.0 - leverage, 1e-6)[:, None]
    variance, spread = np.zeros_like(values), np.zeros_like(values)
    cuts = [int(cut) for cut in np.flatnonzero(np.diff(design.stratum, prepend=0, append=0))]
    for start, stop in pairwise(cuts):
        n, unseen = stop - start, 1.0 - design.inclusion[start]
        if unseen <= 0.0 or n < 2:
            continue
        e = outside[start:stop]
        squares = np.zeros_like(values)
        for g in (gain[:, start:stop] for gain in gains):
            squares += np.maximum((g * g) @ (e * e) - (g @ e) ** 2 / n, 0.0)
        part = unseen * n / (n - 1) * squares / len(gains)
        variance += part
        spread += part * part / (n - 1)
    freedom = np.full_like(values, np.inf)
    np.divide(variance * variance, spread, out=freedom, where=spread > 0.0)
    return _Fit(values, variance, freedom)


def _ridges(
    raw: NpArray, x: NpArray, gain: NpArray, rest: NpArray, hat: NpArray
) -> Iterator[tuple[list[NpArray], NpArray, NpArray]]:
    """Add the ridge-penalised covariates ``raw`` (k, q) to a linear fit, once for each strength.

    ``rest`` and ``hat`` are the residuals and leverages of the linear fit. Yields the gains with the
    covariates refitted and held fixed, the residuals and the leverages. One eigendecomposition, of the
    covariates freed of the linear part, serves all strengths and all rows.
    """
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
    score = left.T @ rest
    for strength in _STRENGTHS:
        ridge = strength / (1.0 + strength * power)
        share = ridge * power
        refitted = gain - (tilt * ridge) @ left.T
        yield [refitted, gain], rest - left @ (share[:, None] * score), hat + (left * left) @ share


def _prominence(values: NpArray) -> NpArray:
    """Mean over the rows of each player's share of the sum of absolute values; (P, rows) to (P,)."""
    size = np.abs(values)
    shares: NpArray = (size / np.maximum(size.sum(axis=0), 1e-300)).mean(axis=1)
    return shares


def _cubics(sign: NpArray, size: NpArray) -> NpArray:
    """Products of three players' signs less a third of their sum, among the players of largest size.

    Each is scaled by the square root of the product of its players' sizes, so that the ridge penalises most
    the interactions of players that matter little.
    """
    chosen = np.argsort(-size, kind="stable")[:_PROMINENT]
    scale = np.sqrt(np.maximum(size[chosen] / max(float(size.max()), 1e-300), 0.0025))
    a, b, c = np.array(list(combinations(range(len(chosen)), 3))).T
    s = sign[:, chosen]
    products: NpArray = s[:, a] * s[:, b] * s[:, c] - (s[:, a] + s[:, b] + s[:, c]) / 3.0
    return products * (scale[a] * scale[b] * scale[c])
