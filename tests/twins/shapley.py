"""Shapley values by their two definitions, over every subset and over every order, with no thought of speed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, combinations, permutations
from math import factorial

import numpy as np

Value = Callable[[frozenset[int]], float]
"""What a coalition of players is worth."""


def by_subsets(players: int, value: Value) -> np.ndarray:
    """The mean gain of each player over coalitions of the others, weighed by |S|! (n - |S| - 1)! / n!."""
    known = {frozenset(s): value(frozenset(s)) for s in subsets(players)}
    out = np.zeros(players)
    for player in range(players):
        for coalition, worth in known.items():
            if player not in coalition:
                size = len(coalition)
                weight = factorial(size) * factorial(players - size - 1) / factorial(players)
                out[player] += weight * (known[coalition | {player}] - worth)
    return out


def by_orders(players: int, value: Value) -> np.ndarray:
    """The mean gain of each player over all orders in which the players may come in."""
    out = np.zeros(players)
    for order in permutations(range(players)):
        present: frozenset[int] = frozenset()
        for player in order:
            out[player] += value(present | {player}) - value(present)
            present = present | {player}
    return out / factorial(players)


def subsets(players: int) -> chain[tuple[int, ...]]:
    """Every subset of the players."""
    return chain.from_iterable(combinations(range(players), size) for size in range(players + 1))


def marginal(
    function: Callable[[np.ndarray], np.ndarray],
    row: np.ndarray,
    background: np.ndarray,
    groups: list[list[int]],
) -> Value:
    """The interventional game: absent players' columns take the background's values, averaged over its rows."""

    def value(coalition: frozenset[int]) -> float:
        rows = background.astype(float).copy()
        for player in coalition:
            rows[:, groups[player]] = row[groups[player]]
        return float(np.mean(function(rows)))

    return value
