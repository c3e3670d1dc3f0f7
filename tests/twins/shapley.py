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


def pairs_by_subsets(players: int, value: Value) -> np.ndarray:
    """Half the Shapley interaction index of each pair beside the diagonal, what is left of each player on it."""
    out = np.zeros((players, players))
    for i, j in combinations(range(players), 2):
        for chosen in subsets(players):
            s = frozenset(chosen)
            if i in s or j in s:
                continue
            weight = factorial(len(s)) * factorial(players - len(s) - 2) / factorial(players - 1)
            gain = value(s | {i, j}) - value(s | {i}) - value(s | {j}) + value(s)
            out[i, j] += weight * gain / 2
            out[j, i] = out[i, j]
    np.fill_diagonal(out, by_subsets(players, value) - out.sum(1))
    return out


def pairs_by_orders(players: int, value: Value) -> np.ndarray:
    """The same over all orders in which i and j come one right after the other."""
    out = np.zeros((players, players))
    for i, j in combinations(range(players), 2):
        others = [k for k in range(players) if k not in (i, j)]
        gains = []
        for order in permutations([*others, i]):  # i stands for both
            s = frozenset(order[: order.index(i)])
            gains.append(value(s | {i, j}) - value(s | {i}) - value(s | {j}) + value(s))
        out[i, j] = out[j, i] = float(np.mean(gains)) / 2
    np.fill_diagonal(out, by_orders(players, value) - out.sum(1))
    return out


def left_out(players: int, value: Value) -> np.ndarray:
    """What the output loses without each player."""
    everybody = frozenset(range(players))
    return np.array([value(everybody) - value(everybody - {player}) for player in range(players)])
