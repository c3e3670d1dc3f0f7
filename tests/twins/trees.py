"""Shapley values of a forest by asking for every coalition, one node at a time."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np

from pellucid.core.forest import WORD, ZERO, Forest


def goes_left(f: Forest, node: int, x: float) -> bool:
    """As the conventions of `pellucid.core.forest` have it."""
    if np.isnan(x) or (f.zero_missing[node] and abs(x) <= ZERO):
        return bool(f.missing_left[node])
    if f.words[node]:
        if x < 0 or x >= WORD * f.words[node]:
            return bool(f.unseen_left[node])
        code = int(x)
        return bool((int(f.sets[f.first_word[node] + code // WORD]) >> (code % WORD)) & 1)
    return bool(x <= f.threshold[node])


def path_dependent(f: Forest, x: np.ndarray, known: frozenset[int], node: int) -> np.ndarray:
    """What a sub-tree gives where only the columns in `known` are: both ways at the others, by cover."""
    if f.feature[node] < 0:
        return f.value[node]
    left, right = int(f.left[node]), int(f.right[node])
    if f.feature[node] in known:
        return path_dependent(f, x, known, left if goes_left(f, node, x[f.feature[node]]) else right)
    both = f.cover[left] + f.cover[right]
    share = f.cover[left] / both if both else 0.5  # where no training weight came, both ways alike
    return share * path_dependent(f, x, known, left) + (1 - share) * path_dependent(f, x, known, right)


def value(f: Forest, x: np.ndarray, known: frozenset[int], background: np.ndarray | None) -> np.ndarray:
    """(outputs,) the raw prediction where only the columns in `known` are."""
    out = f.base.copy()
    if background is not None:
        rows = background.copy()
        rows[:, list(known)] = x[list(known)]
        return f.predict(rows).mean(0)
    for root, feeds in zip(f.roots, f.feeds, strict=True):
        found = path_dependent(f, x, known, int(root))
        if feeds < 0:
            out += found
        else:
            out[feeds] += found[0]
    return out


def all_values(f: Forest, x: np.ndarray, background: np.ndarray | None) -> dict[frozenset[int], np.ndarray]:
    """The raw prediction of every coalition."""
    columns = range(f.columns)
    return {
        frozenset(s): value(f, x, frozenset(s), background)
        for size in range(f.columns + 1)
        for s in combinations(columns, size)
    }


def shapley(f: Forest, x: np.ndarray, background: np.ndarray | None = None) -> np.ndarray:
    """(columns, outputs) by the definition."""
    v, p = all_values(f, x, background), f.columns
    phi = np.zeros((p, f.outputs))
    for s in v:
        for j in set(range(p)) - s:
            weight = factorial(len(s)) * factorial(p - len(s) - 1) / factorial(p)
            phi[j] += weight * (v[s | {j}] - v[s])
    return phi


def interactions(f: Forest, x: np.ndarray, background: np.ndarray | None = None) -> np.ndarray:
    """(columns, columns, outputs) Shapley interaction values, halves off the diagonal, main effects on it."""
    v, p = all_values(f, x, background), f.columns
    out = np.zeros((p, p, f.outputs))
    for s in v:
        for i, j in combinations(sorted(set(range(p)) - s), 2):
            weight = factorial(len(s)) * factorial(p - len(s) - 2) / (2 * factorial(p - 1))
            out[i, j] += weight * (v[s | {i, j}] - v[s | {i}] - v[s | {j}] + v[s])
    out += out.transpose(1, 0, 2)
    out[range(p), range(p)] = shapley(f, x, background) - out.sum(1)
    return out
