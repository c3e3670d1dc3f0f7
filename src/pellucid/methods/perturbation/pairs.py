r"""Values of pairs: from every coalition, and by least squares from pairs of coalitions.

A pair's two answers enter through their mean ``y = (v(S) + v(complement)) / 2``, which interactions of odd order leave
alone, and which pairs fit as ``y = c_{|S|} + sum_ij I_ij x_i x_j / 4`` with ``x = +1`` for the members of S and ``-1``
for the others. Two facts make the fit give Shapley interactions. What a player's interactions add up to is known from
four answers, ``sum_j I_ij = v(N) - v(N \ i) - v(i) + v(nobody)``, so only the part whose lines are zero is fitted. And
in that part a size s of coalitions counts in the definition as ``p(s - 2) + 2 p(s - 1) + p(s)``, where ``p(s)`` is the
weight of a second difference; with these weights, and all coalitions asked, the fit is the definition.
"""

from __future__ import annotations

from math import factorial

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Game

from .coalitions import Design
from .least_squares import Fit, LeastSquares, applied
from .shapley import every_coalition, exact_values, rounding


def exact_pairs(v: NpArray) -> NpArray:
    """(rows, players, players) from v of every coalition in the order of `every_coalition`, (rows, 2**players)."""
    rows, count = v.shape
    players = count.bit_length() - 1
    values = np.zeros((rows, players, players))
    weights = [second_difference(s, players) for s in range(players - 1)]
    weight = np.array(weights or [0.0])[every_coalition(max(players - 2, 0)).sum(1)]
    for j in range(players):
        for i in range(j):
            cut = v.reshape(rows, -1, 2, 1 << (j - i - 1), 2, 1 << i)
            gain = (cut[:, :, 1, :, 1] - cut[:, :, 1, :, 0]) - (cut[:, :, 0, :, 1] - cut[:, :, 0, :, 0])
            values[:, i, j] = values[:, j, i] = [float(g @ weight) / 2 for g in gain.reshape(rows, -1)]
    return alone(values, exact_values(v))


def second_difference(size: int, players: int) -> float:
    """The weight of a second difference at a coalition of so many others; 0 where there is none."""
    if not 0 <= size <= players - 2:
        return 0.0
    return factorial(size) * factorial(players - size - 2) / factorial(players - 1)


def alone(halves: NpArray, whole: NpArray) -> NpArray:
    """Put on the diagonal of (..., players, players) what is left of the players' values (..., players)."""
    out = halves.copy()
    each = np.arange(halves.shape[-1])
    out[..., each, each] = whole - halves.sum(-1)
    return out


class PairLeastSquares:
    """The fit of pairs to one design, ready for the answers of any row."""

    def __init__(self, design: Design) -> None:
        self.design, self.players = design, design.half.shape[1]
        self.cuts = [int(cut) for cut in np.flatnonzero(np.diff(design.stratum, prepend=0, append=0))]
        self.first, self.second = np.triu_indices(self.players, 1)
        size = design.half.sum(1)
        sign = np.where(design.half, 1.0, -1.0)
        weight = np.array([self._weight(s) + self._weight(self.players - s) for s in range(self.players + 1)])
        self.root = np.sqrt(weight[size] / design.inclusion)
        sizes = (
            design.stratum[:, None] == np.unique(design.stratum)[1:]
        )  # that of the first is a sum of pairs
        x = np.concatenate([sign[:, self.first] * sign[:, self.second] / 4, sizes.astype(float)], 1)
        self.x = x * self.root[:, None]
        gram = self.x.T @ self.x
        gram[np.diag_indices_from(gram)] *= 1 + 1e-12
        self.gain = np.linalg.solve(gram, self.x.T)
        pairs = self.gain[: len(self.first)]
        kept = pairs - self._spread(self._lines(pairs.T)).T
        self.fit = Fit(self, [kept], np.einsum("kp,pk->k", self.x, self.gain))

    def solve(self, mean: NpArray, lines: NpArray) -> tuple[NpArray, NpArray]:
        """Half the interactions, (rows, players, players) with zeros on the diagonal, and their half-widths.

        Args:
            mean: (rows, k) of v(S) and v(complement), for each pair of coalitions.
            lines: (rows, players) what each player's interactions add up to.
        """
        from scipy.stats import t as student

        y = self.root * mean
        rest = y - applied(self.x, applied(self.gain, y))
        values, variance, freedom = self.fit.of(y, rest)
        half_width = np.sqrt(variance) * student.ppf(0.975, freedom)
        return self._square(values + self._spread(lines)), self._square(np.nan_to_num(half_width))

    def _weight(self, size: int) -> float:
        before, here, after = (second_difference(s, self.players) for s in (size - 2, size - 1, size))
        return before + 2 * here + after

    def _lines(self, pairs: NpArray) -> NpArray:
        """(..., players) sums over the pairs that each player is in."""
        out = np.zeros((*pairs.shape[:-1], self.players))
        for player in range(self.players):
            out[..., player] = pairs[..., (self.first == player) | (self.second == player)].sum(-1)
        return out

    def _spread(self, lines: NpArray) -> NpArray:
        """(..., pairs) of the form a_i + a_j that have these lines."""
        n = self.players
        a = (lines - lines.sum(-1, keepdims=True) / (2 * n - 2)) / (n - 2)
        return a[..., self.first] + a[..., self.second]

    def _square(self, pairs: NpArray) -> NpArray:
        out = np.zeros((len(pairs), self.players, self.players))
        out[:, self.first, self.second] = out[:, self.second, self.first] = pairs / 2
        return out


def told_apart(
    game: Game, design: Design, fits: tuple[LeastSquares, PairLeastSquares], found: NpArray
) -> tuple[NpArray, NpArray]:
    """(rows, players, players) values and half-widths.

    Args:
        game: the rows.
        design: what was asked of them; every single player among it.
        fits: to its pairs of coalitions, of players and of pairs of players.
        found: (rows, k, 2) v(S) and v(complement).
    """
    here, there = found[..., 0], found[..., 1]
    nobody, everybody = game.ends
    single = np.flatnonzero(design.stratum == 1)
    place = single[np.argsort(design.half[single].argmax(1))]
    lines = (everybody + nobody)[:, None] - here[:, place] - there[:, place]
    whole, spread = fits[0].solve(here - there, everybody - nobody)
    halves, half_width = fits[1].solve((here + there) / 2, lines)
    each = np.arange(game.players)
    half_width[:, each, each] = spread
    return alone(halves, whole), half_width + rounding(found)[..., None]
