r"""A Gaussian process over coalitions that knows only what Shapley values depend on, with its own error.

The Shapley values of a game depend on its odd part ``(v(S) - v(complement)) / 2`` alone. The prior is the odd part of
a product kernel on signs z in {-1, 1},

.. math:: K(z, z') = \tfrac12 \Bigl(\prod_j (1 + \rho_j z_j z'_j) - \prod_j (1 - \rho_j z_j z'_j)\Bigr)
          = e^{c} \sinh \Bigl(\sum_j r_j z_j z'_j\Bigr), \quad r_j = \operatorname{artanh} \rho_j,

so every interaction of odd order is admitted, the more readily the larger its players' :math:`\rho`. That the values
add up is an observation without noise, and the Shapley value of the posterior mean is a one-dimensional integral that
a Gauss-Legendre sum gives exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.types import Bools, NpArray

SEARCH = 160
"""Pairs on which the prior's scale, shape and noise are sought."""
SCALES = (-2.5, -2.0, -1.5, -1.0, -0.5)
NOISES = (-7.0, -5.0, -3.0, -1.5)
SHAPES = (0.5, 1.0, 2.0)
"""Powers of the players' sizes that the prior's scale may follow; and, in powers of ten, its scale and its noise."""
SMALLEST = 0.01
"""The least share of a mean player that any has in the prior's scale: sizes are estimates too."""
_LARGE = 1e30


@dataclass(frozen=True)
class Prior:
    """A prior for each row: log10 of its scale and noise, and the players' shares in the scale (rows, players)."""

    scale: NpArray
    noise: NpArray
    shape: NpArray

    @property
    def rho(self) -> NpArray:
        return np.clip(10 ** self.scale[:, None] * self.shape, 1e-7, 0.9)

    def where(self, better: Bools, other: Prior) -> Prior:
        """The other's where it is better."""
        return Prior(
            np.where(better, other.scale, self.scale),
            np.where(better, other.noise, self.noise),
            np.where(better[:, None], other.shape, self.shape),
        )


class OddProcess:
    """The process on one design, ready for the answers of any row.

    Attributes:
        sign: (k, players) the signs of the pairs asked.
    """

    def __init__(self, half: Bools, rng: np.random.Generator) -> None:
        self.sign = np.where(half, 1.0, -1.0)
        self.players = half.shape[1]
        pairs = len(half)
        self.part = np.arange(pairs) if pairs <= SEARCH else np.sort(rng.choice(pairs, SEARCH, replace=False))
        self.seen = np.vstack([self.sign[self.part], np.ones(self.players)])
        self._spectra = [np.linalg.eigh(_kernel(self.seen, np.full(self.players, 10**s))) for s in SCALES]

    def prior(self, odd: NpArray, total: NpArray, size: NpArray) -> Prior:
        """The prior that makes each row's answers likeliest.

        Args:
            odd: (rows, k) the odd part of each pair.
            total: (rows,) that of everybody.
            size: (rows, players) how large each player's value is, to begin with.
        """
        y = np.column_stack([odd[:, self.part], total])
        y = y / np.maximum(np.abs(y).max(1), 1e-300)[:, None]
        best, score = self._alike(y)
        score = self._score(y, best)
        for power in SHAPES:
            shape = _shaped(size, power)
            for step in (-0.5, 0.0, 0.5):
                best, score = self._better(y, best, score, Prior(best.scale + step, best.noise, shape))
        for noise, scale in ((-1.5, 0.0), (1.5, 0.0), (0.0, -0.25), (0.0, 0.25)):
            noises = np.clip(best.noise + noise, -8.0, 0.0)
            best, score = self._better(y, best, score, Prior(best.scale + scale, noises, best.shape))
        return best

    def _alike(self, y: NpArray) -> tuple[Prior, NpArray]:
        """The best prior in which all players are alike: its spectrum is the same for all rows."""
        rows, k = y.shape
        best = Prior(np.full(rows, SCALES[2]), np.full(rows, NOISES[1]), np.ones((rows, self.players)))
        score = np.full(rows, -np.inf)
        for scale, (power, basis) in zip(SCALES, self._spectra, strict=True):
            squares = np.matmul(basis.T, y[:, :, None])[:, :, 0] ** 2
            for noise in NOISES:
                spread = np.maximum(power, 0.0) + 10**noise * power.sum() / k
                found = -0.5 * k * np.log((squares / spread).sum(1) / k + 1e-300) - 0.5 * np.log(spread).sum()
                better = found > score
                rival = Prior(np.full(rows, scale), np.full(rows, noise), best.shape)
                best, score = best.where(better, rival), np.where(better, found, score)
        return best, score

    def _better(self, y: NpArray, best: Prior, score: NpArray, rival: Prior) -> tuple[Prior, NpArray]:
        found = self._score(y, rival)
        better = found > score
        return best.where(better, rival), np.where(better, found, score)

    def _score(self, y: NpArray, prior: Prior) -> NpArray:
        """(rows,) log marginal likelihood, the overall variance at its best."""
        k = y.shape[1]
        out = np.empty(len(y))
        bordered = np.empty((k + 1, k + 1))
        for row, (rho, noise) in enumerate(zip(prior.rho, prior.noise, strict=True)):
            bordered[:k, :k] = _noisy(_kernel(self.seen, rho), noise)
            bordered[k, :k] = bordered[:k, k] = y[row]
            bordered[k, k] = _LARGE
            try:
                lower = np.linalg.cholesky(bordered)
            except np.linalg.LinAlgError:
                out[row] = -np.inf
                continue
            rest = lower[k, :k]  # the border's part is what a triangular solve would give
            out[row] = -0.5 * k * math.log(rest @ rest / k + 1e-300) - np.log(np.diag(lower)[:k]).sum()
        return out

    def values(self, odd: NpArray, total: NpArray, prior: Prior) -> tuple[NpArray, NpArray]:
        """Posterior means and standard deviations of the Shapley values, (rows, players) each.

        The deviations are widened by as much as the two halves of the pairs, each taken alone, differ more than their
        own deviations allow: a prior that does not suit the game is too sure of itself. That it takes the size of each
        player from the same answers costs as many degrees of freedom.
        """
        means, deviations = np.empty((2, len(odd), self.players))
        halves = np.arange(len(self.sign)) % 2 == 0
        for row, (rho, noise) in enumerate(zip(prior.rho, prior.noise, strict=True)):
            means[row], deviations[row] = self._posterior(odd[row], total[row], rho, noise, slice(None))
            if len(self.sign) >= 2 * self.players:
                one, other = (
                    self._posterior(odd[row], total[row], rho, noise, part) for part in (halves, ~halves)
                )
                apart = (one[0] - other[0]) ** 2 / np.maximum(one[1] ** 2 + other[1] ** 2, 1e-300)
                deviations[row] *= np.sqrt(max(1.0, float(apart.mean())))
        pairs = len(self.sign)
        deviations *= np.sqrt(pairs / max(pairs - self.players, pairs / 2))
        return means + (2 * total - means.sum(1))[:, None] / self.players, deviations

    def _posterior(
        self, odd: NpArray, total: float, rho: NpArray, noise: float, part: Any
    ) -> tuple[NpArray, NpArray]:
        """Of one row, from some of its pairs."""
        from scipy.linalg import solve_triangular

        seen = np.vstack([self.sign[part], np.ones(self.players)])
        lower = np.linalg.cholesky(_noisy(_kernel(seen, rho), noise))
        k = len(lower)
        inverse = solve_triangular(lower, np.eye(k), lower=True)
        weights = inverse @ np.append(odd[part], total)
        functional = inverse @ _functional(seen, rho)
        outside = (weights @ inverse) ** 2 / (inverse**2).sum(0)  # squared residuals with each pair left out
        variance = max(weights @ weights / k, outside[:-1].mean())
        left = np.maximum(_prior_variance(rho) - (functional**2).sum(0), 0.0)
        return weights @ functional, np.sqrt(variance * left)


def _shaped(size: NpArray, power: float) -> NpArray:
    """Sizes as shares with mean 1 and none vanishing, to a power."""
    share = np.maximum(size / np.maximum(size.mean(1), 1e-300)[:, None], SMALLEST) ** power
    return share / share.mean(1)[:, None]


def _kernel(sign: NpArray, rho: NpArray) -> NpArray:
    product = (sign * np.arctanh(rho)) @ sign.T
    scale = 0.5 * np.log1p(-(rho**2)).sum()
    return 0.5 * (np.exp(scale + product) - np.exp(scale - product))


def _noisy(kernel: NpArray, noise: float) -> NpArray:
    """With noise on all pairs and next to none on everybody, the last."""
    diagonal = np.full(len(kernel), 10.0**noise * kernel[0, 0])
    diagonal[-1] = 1e-10 * kernel[0, 0]
    kernel[np.diag_indices_from(kernel)] += diagonal
    return kernel


def _nodes(players: int) -> tuple[NpArray, NpArray]:
    """Nodes in (-1, 1) and weights that add up to 1, exact for the polynomials there are."""
    nodes, weights = np.polynomial.legendre.leggauss(max(2, min(24, (players + 1) // 2)))
    return nodes, weights / 2


def _functional(sign: NpArray, rho: NpArray) -> NpArray:
    """(k, players): the Shapley values of the kernel as a game, at each of the signs."""
    nodes, weights = _nodes(sign.shape[1])
    slope = sign * rho
    factors = 1 + slope * nodes[:, None, None]
    product = factors.prod(2, keepdims=True)
    return np.einsum("q,qkp->kp", weights, 2 * slope * product / factors)


def _prior_variance(rho: NpArray) -> NpArray:
    """(players,) how far the Shapley values of games drawn from the prior spread."""
    nodes, weights = _nodes(len(rho))
    factors = 1 + rho * (nodes[:, None] * nodes)[:, :, None]
    product = factors.prod(2, keepdims=True)
    return np.einsum("q,r,qrp->p", weights, weights, 4 * rho * product / factors)
