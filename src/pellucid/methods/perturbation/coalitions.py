"""Coalitions to ask a game about: pairs {S, complement of S}, stratified by size, without replacement.

Sizes 1 .. P//2 of the smaller half are the strata. Each gets the same number of pairs, its share of the leverage
(Musco and Witter 2024, arXiv:2410.01917), until it runs out of them; a size whose pairs are all asked adds no
sampling error, and with enough evaluations the answer is exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.types import Bools, NpArray

# Counts of subsets saturate here; where a stratum is larger, drawing the same subset twice is out of the question.
_CAP = 1 << 61


@dataclass(frozen=True)
class Design:
    """A sample of coalition pairs.

    half: (k, P) the evaluated half of each pair; the other half is ``~half``.
    weight: (k,) regression weight, the Shapley kernel divided by the inclusion probability.
    inclusion: (k,) probability with which the pair entered the sample, 1 in an enumerated stratum.
    stratum: (k,) size of the smaller coalition of the pair, ascending.
    """

    half: Bools
    weight: NpArray
    inclusion: NpArray
    stratum: NpArray

    @property
    def exact(self) -> bool:
        """Whether every coalition is in the sample, so that the values have no sampling error."""
        return bool(np.all(self.inclusion >= 1.0))

    @property
    def evaluations(self) -> int:
        """Number of evaluations of the game, the empty and the full coalition included."""
        return 2 + 2 * len(self.half)

    def first(self, budget: int) -> NpArray:
        """Which pairs make up the design of a smaller budget, drawn in the same way; those of a larger hold them."""
        players = self.half.shape[1]
        pairs = _pair_counts(players)
        wanted = _allocate(players, pairs, (max(budget, minimum_budget(players)) - 2) // 2)
        start = np.searchsorted(self.stratum, np.arange(1, len(pairs) + 1))
        place = np.arange(len(self.stratum)) - start[self.stratum - 1]
        return np.flatnonzero(place < np.array(wanted, dtype=float)[self.stratum - 1])

    def only(self, kept: NpArray) -> Design:
        """The design of some of its pairs, which fill no size beyond the share that is kept of it."""
        sizes = int(self.stratum.max(initial=0)) + 1
        before = np.bincount(self.stratum, minlength=sizes)
        share = (np.bincount(self.stratum[kept], minlength=sizes) / np.maximum(before, 1))[self.stratum[kept]]
        return Design(
            self.half[kept], self.weight[kept] / share, self.inclusion[kept] * share, self.stratum[kept]
        )


def minimum_budget(players: int) -> int:
    """Smallest number of evaluations, empty and full included, that `sample_coalitions` accepts.

    It pays for every single player, which makes the regression regular, and for two pairs of each larger
    size, which gives each a variance: about 4 P, and never more than 2**P.
    """
    pairs = _pair_counts(players)
    return 2 + 2 * sum(pairs[:1]) + 2 * sum(min(2, count) for count in pairs[1:])


def sample_coalitions(players: int, budget: int, rng: np.random.Generator) -> Design:
    """Draw the coalitions to evaluate, at most ``budget`` of them with the empty and the full one.

    Every size gets the same number of pairs (its share of the leverage) until it runs out of them.

    Raises:
        ParameterError: the budget is below `minimum_budget`.
    """
    least = minimum_budget(players)
    if budget < least:
        raise ParameterError(
            f"{players} players need a budget of at least {least} evaluations.",
            got=budget,
            fix="Raise budget, or group features into fewer players.",
        )
    pairs = _pair_counts(players)
    counts = _allocate(players, pairs, (budget - 2) // 2)
    sizes = np.arange(1, len(pairs) + 1, dtype=np.int64)
    kernel = np.where(2 * sizes == players, 0.5, 1.0) / (sizes * (players - sizes))
    share = np.array([count / total for count, total in zip(counts, pairs, strict=True)])
    stratum = np.repeat(sizes, counts)
    ranks = [_draw_ranks(total, count, rng) for total, count in zip(pairs, counts, strict=True)]
    rank = np.concatenate([np.zeros(0, dtype=np.int64), *ranks])
    ranked = rank >= 0
    half = np.zeros((len(stratum), players), dtype=np.bool_)
    half[ranked] = _unrank(players, stratum[ranked], rank[ranked])
    half[~ranked] = _random_subsets(players, stratum[~ranked], rng)
    weight = (kernel / np.array(counts, dtype=np.float64))[stratum - 1]
    return Design(half, weight, share[stratum - 1], stratum)


def _pair_counts(players: int) -> list[int]:
    """Number of complementary pairs whose smaller member has 1, 2, .. P//2 players."""
    totals = [math.comb(players, size) for size in range(1, players // 2 + 1)]
    if players % 2 == 0:
        totals[-1] //= 2
    return totals


def _allocate(players: int, pairs: list[int], total: int) -> list[int]:
    """Split ``total`` pairs over the sizes, evenly up to what each holds and with at least two of each.

    The middle size of an even number of players counts for a half, as its pairs do. When pairs are few, all
    the single players are taken, so that the regression is regular whatever else is drawn.
    """
    if total >= sum(pairs):
        return pairs
    sizes = np.arange(1, len(pairs) + 1)
    share = np.where(2 * sizes == players, 0.5, 1.0)
    most = np.array([float(min(count, _CAP)) for count in pairs])
    least = np.minimum(most, 2.0)
    if total < 4 * players:
        least[0] = most[0]
    low, high = 0.0, 2.0 * total
    for _ in range(50):
        level = (low + high) / 2
        if np.clip(level * share, least, most).sum() > total:
            high = level
        else:
            low = level
    target = np.clip(low * share, least, most)
    counts = np.floor(target + 1e-9)
    room = np.flatnonzero(counts < most)
    order = room[np.argsort((counts - target)[room], kind="stable")]
    counts[order[: max(0, total - int(counts.sum()))]] += 1
    return [int(count) for count in counts]


def _draw_ranks(total: int, count: int, rng: np.random.Generator) -> NpArray:
    """Distinct ranks in ``range(total)``, in random order; -1 where ranks would overflow."""
    if count == total:
        return rng.permutation(total).astype(np.int64)
    if total >= _CAP:
        return np.full(count, -1, dtype=np.int64)
    return rng.choice(total, count, replace=False).astype(np.int64)


def _unrank(players: int, size: NpArray, rank: NpArray) -> Bools:
    """Subsets of the given sizes at the given lexicographic ranks; those that hold player 0 come first."""
    ways = np.zeros((players, int(size.max(initial=0)) + 1), dtype=np.int64)  # ways[n, m] = C(n, m - 1)
    ways[0, 1:2] = 1
    for n in range(1, players):
        ways[n, 1:] = np.minimum(ways[n - 1, 1:] + ways[n - 1, :-1], _CAP)
    member = np.zeros((len(size), players), dtype=np.bool_)
    need, left = size.copy(), rank.copy()
    for player in range(players):
        with_player = ways[players - 1 - player, need]
        take = left < with_player
        member[:, player] = take
        left -= np.where(take, 0, with_player)
        need -= take
    return member


def _random_subsets(players: int, size: NpArray, rng: np.random.Generator) -> Bools:
    """Independent uniform subsets of the given sizes, by selection sampling over the players."""
    member = np.zeros((len(size), players), dtype=np.bool_)
    if len(size) == 0:
        return member
    need = size.copy()
    for player in range(players):
        take = rng.random(len(size)) * (players - player) < need
        member[:, player] = take
        need -= take
    return member
