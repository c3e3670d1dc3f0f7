"""Effects from their papers alone, with loops, ignoring speed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Predict = Callable[[np.ndarray], np.ndarray]


def partial_dependence(f: Predict, X: np.ndarray, columns: tuple[int, ...], grid: np.ndarray) -> np.ndarray:
    """(rows, points): Friedman's integrand, one row and one point at a time."""
    out = np.empty((len(X), len(grid)))
    for i, row in enumerate(X):
        for k, point in enumerate(grid):
            changed = row.copy()
            for column, value in zip(columns, point, strict=True):
                changed[column] = value
            out[i, k] = f(changed[None])[0]
    return out


def accumulated_local_effects(f: Predict, X: np.ndarray, column: int, ends: np.ndarray) -> np.ndarray:
    """(points,): Apley and Zhu's equations 15 and 16, row by row, the mean taken in the middle of intervals."""
    k = len(ends) - 1
    local: list[list[float]] = [[] for _ in range(k)]
    for row in X:
        place = next(i for i in range(k) if row[column] <= ends[i + 1])
        high, low = row.copy(), row.copy()
        high[column], low[column] = ends[place + 1], ends[place]
        local[place].append(float(f(high[None])[0] - f(low[None])[0]))
    total = [0.0]
    for differences in local:
        total.append(total[-1] + sum(differences) / max(len(differences), 1))
    mean = sum(len(d) * (total[i] + total[i + 1]) / 2 for i, d in enumerate(local)) / len(X)
    return np.array(total) - mean


def h_statistic(f: Predict, X: np.ndarray) -> np.ndarray:
    """(columns, columns): Friedman and Popescu's equations 44 and 45, every partial dependence row by row."""
    n, p = X.shape

    def dependence(columns: tuple[int, ...]) -> np.ndarray:
        at = np.array(
            [np.mean(partial_dependence(f, X, columns, X[i : i + 1, list(columns)])) for i in range(n)]
        )
        return at - at.mean()

    whole = f(X) - f(X).mean()
    alone = [dependence((j,)) for j in range(p)]
    out = np.zeros((p, p))
    for j in range(p):
        others = dependence(tuple(c for c in range(p) if c != j))
        out[j, j] = np.sum((whole - alone[j] - others) ** 2) / np.sum(whole**2)
        for k in range(j):
            both = dependence((j, k))
            out[j, k] = out[k, j] = np.sum((both - alone[j] - alone[k]) ** 2) / np.sum(both**2)
    return out
