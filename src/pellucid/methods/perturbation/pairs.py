"""Values of pairs: from every coalition, and from coalitions with one or two players changed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import factorial

import numpy as np

from pellucid.core.types import Bools, NpArray
from pellucid.core.views import Game

from .rounds import doubling, in_rounds
from .shapley import every_coalition, exact_values, rounding

GOLDEN = (5**0.5 - 1) / 2


def exact_pairs(v: NpArray) -> NpArray:
    """(rows, players, players) from v of every coalition in the order of `every_coalition`, (rows, 2**players)."""
    rows, count = v.shape
    players = count.bit_length() - 1
    values = np.zeros((rows, players, players))
    weights = [factorial(s) * factorial(players - s - 2) / factorial(players - 1) for s in range(players - 1)]
    weight = np.array(weights or [0.0])[every_coalition(max(players - 2, 0)).sum(1)]
    for j in range(players):
        for i in range(j):
            cut = v.reshape(rows, -1, 2, 1 << (j - i - 1), 2, 1 << i)
            gain = (cut[:, :, 1, :, 1] - cut[:, :, 1, :, 0]) - (cut[:, :, 0, :, 1] - cut[:, :, 0, :, 0])
            values[:, i, j] = values[:, j, i] = [float(g @ weight) / 2 for g in gain.reshape(rows, -1)]
    return alone(values, exact_values(v))


def alone(halves: NpArray, whole: NpArray) -> NpArray:
    """Put on the diagonal of (..., players, players) what is left of the players' values (..., players)."""
    out = halves.copy()
    each = np.arange(halves.shape[-1])
    out[..., each, each] = whole - halves.sum(-1)
    return out


@dataclass(frozen=True)
class Flips:
    r"""Samples that hold a second difference of every pair.

    A player is in a coalition with probability q, which is uniform: a difference at it then has the Shapley weights of
    the multilinear extension, for every pair at once.

    Attributes:
        players: how many there are.
    """

    players: int

    @cached_property
    def changed(self) -> Bools:
        """(cost, players) which players change sides: none, one, or two."""
        one = np.eye(self.players, dtype=bool)
        first, second = self.places
        return np.concatenate([np.zeros((1, self.players), bool), one, one[first] | one[second]])

    @property
    def places(self) -> tuple[NpArray, NpArray]:
        """The two players of each pair."""
        return np.triu_indices(self.players, 1)

    @property
    def cost(self) -> int:
        """Evaluations of one coalition and all that differ from it by one or two players."""
        return 1 + self.players * (self.players + 1) // 2

    def drawn(self, samples: int, rng: np.random.Generator) -> Bools:
        """(samples, players) coalitions, their sizes spread evenly."""
        q = (rng.random() + GOLDEN * np.arange(samples)) % 1.0
        return rng.random((samples, self.players)) < q[:, None]

    def sampled(self, game: Game, draws: Bools, tolerance: float) -> tuple[NpArray, NpArray]:
        """(rows, players, players) values and half-widths, from coalitions and their complements."""

        def ask(part: Game, start: int, stop: int) -> NpArray:
            return self.differences(part, draws[start:stop])

        def solve(part: Game, found: NpArray) -> tuple[NpArray, NpArray]:
            from scipy.stats import t as student

            count = found.shape[1]
            spread = found.std(1, ddof=1) / np.sqrt(count) * student.ppf(0.975, count - 1)
            return found.mean(1), spread + rounding(found)[..., None]

        values, half_width, _ = in_rounds(game, doubling(4, len(draws)), ask, solve, tolerance)
        return values, half_width

    def differences(self, game: Game, draws: Bools) -> NpArray:
        """(rows, samples, players, players) the matrix of each sample, halves beside the diagonal."""
        both = np.stack([draws, ~draws], axis=1)  # (samples, 2, players)
        asked = (both[:, :, None] ^ self.changed).reshape(-1, self.players)
        once, back = np.unique(np.packbits(asked, axis=1), axis=0, return_inverse=True)
        v = game(np.unpackbits(once, axis=1, count=self.players).astype(bool))[:, back.ravel()]
        nobody, everybody = game.ends
        gaps = everybody - nobody
        rows = v.reshape(len(game), *both.shape[:2], self.cost)
        return np.stack([self._matrices(row, both, gap) for row, gap in zip(rows, gaps, strict=True)])

    def _matrices(self, v: NpArray, both: Bools, gap: float) -> NpArray:
        """(samples, players, players) of one row, from v (samples, 2, cost) and what the values add up to."""
        sign = np.where(both, 1.0, -1.0)
        here, one, two = v[..., :1], v[..., 1 : self.players + 1], v[..., self.players + 1 :]
        first, second = self.places
        gain = (sign * (here - one)).mean(1)
        # in this order a player that changes nothing leaves exactly 0
        pair = ((here - one[..., first]) - (one[..., second] - two)) * (sign[..., first] * sign[..., second])
        halves = np.zeros((len(v), self.players, self.players))
        halves[:, first, second] = halves[:, second, first] = pair.mean(1) / 2
        return alone(halves, _adding_up(gain, gap))


def _adding_up(gain: NpArray, gap: float) -> NpArray:
    """Gains (samples, players) with what is missing to the output, borne by those whose gain varies."""
    varies = gain.var(0)
    missing = gap - gain.sum(1)
    return gain + missing[:, None] * (varies / max(float(varies.sum()), 1e-300))
