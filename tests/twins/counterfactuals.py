"""Known optima of counterfactuals, and the constraints checked one by one in plain loops."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np


def knapsack(
    x: np.ndarray, w: np.ndarray, wanted: float, low: np.ndarray, high: np.ndarray, cost: np.ndarray
) -> float:
    """The least sum of cost * |change| with w @ z >= wanted in a box: the best ratio of weight to cost first."""
    need, total = wanted - float(w @ x), 0.0
    for j in sorted(range(len(x)), key=lambda j: -abs(w[j]) / cost[j]):
        if need <= 0:
            break
        room = (high[j] - x[j]) if w[j] > 0 else (x[j] - low[j])
        step = min(room, need / abs(w[j]) if w[j] else 0.0)
        need -= step * abs(w[j])
        total += step * cost[j]
    return total if need <= 1e-12 else np.inf


def to_circle(x: np.ndarray, centre: np.ndarray, radius: float, metric: str) -> float:
    """The distance from outside to a disc, over a fine walk around its edge."""
    angle = np.linspace(0, 2 * np.pi, 20001)
    edge = centre + radius * np.stack([np.cos(angle), np.sin(angle)], 1)
    off = np.abs(edge - x)
    return float((off.sum(1) if metric == "l1" else np.sqrt((off**2).sum(1))).min())


def mixed(row: Any, frame: Any, model: Any) -> float:
    """The least distance for the credit table: every category and age, then income and debt as a knapsack."""
    numbers = ["income", "age", "debt"]
    spread = {c: float(np.median(np.abs(frame[c] - frame[c].median()))) for c in numbers}
    best = np.inf
    for job, age in product(frame.job.cat.categories, range(int(row.age), int(frame.age.max()) + 1)):
        tried = frame.iloc[:1].copy()
        tried["income"], tried["age"], tried["debt"] = row.income, age, row.debt
        tried["sex"], tried["job"] = row.sex, job
        for c in ("sex", "job"):
            tried[c] = tried[c].astype(frame[c].dtype)
        p = float(model(tried)[0, 1])
        need = -np.log(p / (1 - p))
        cost = (job != row.job) + (age - row.age) / spread["age"]
        w = np.array([1 / 8, -1 / 4])
        x = np.array([row.income, row.debt])
        low, high = (f([frame.income, frame.debt], 1) for f in (np.min, np.max))
        unit = 1 / np.array([spread["income"], spread["debt"]])
        best = min(best, cost + knapsack(x, w, float(w @ x) + need, np.array(low), np.array(high), unit))
    return float(best)


def broken(c: Any, x: np.ndarray, z: np.ndarray, background: np.ndarray) -> list[str]:
    """The constraints that a changed row breaks, one by one."""
    found = []
    found += [f"immutable {j}" for j in c.immutable if z[j] != x[j]]
    found += [f"increase {j}" for j in c.increase_only if z[j] < x[j]]
    found += [f"decrease {j}" for j in c.decrease_only if z[j] > x[j]]
    found += [f"range {j}" for j, (low, high) in c.ranges.items() if not low <= z[j] <= high]
    found += [f"integer {j}" for j in c.integers or () if z[j] != round(z[j])]
    found += [f"category {j}" for j, allowed in c.categories.items() if z[j] not in allowed]
    for group in c.together:
        rows = {tuple(r) for r in background[:, group].tolist()}
        if tuple(z[group]) != tuple(x[group]) and tuple(z[group].tolist()) not in rows:
            found.append(f"together {group}")
    totals = [(k, sum(w * z[j] for j, w in k.weights.items())) for k in c.couplings]
    found += ["coupling" for k, total in totals if not k.low - 1e-6 <= total <= k.high + 1e-6]
    if c.most_changes is not None and how_many(c, x, z) > c.most_changes:
        found.append("most changes")
    return found


def how_many(c: Any, x: np.ndarray, z: np.ndarray) -> int:
    """How many columns, or columns that change together, are different."""
    changed = {j for j in range(len(x)) if z[j] != x[j]}
    for group in c.together:
        if changed & set(group):
            changed = (changed - set(group)) | {group[0]}
    return len(changed)


def brute_force(model: Any, x: np.ndarray, background: np.ndarray, c: Any) -> float:
    """The least distance (MAD-weighted) over every cell that the trees of a three-column model make.

    In a cell the nearest point to x is at its edges or at x's own value, and where a coupling cuts it, on that line.
    """
    parts = list(np.ravel(model.estimators_))
    splits = [np.concatenate([t.tree_.threshold[t.tree_.feature == j] for t in parts]) for j in range(3)]
    spread = np.median(np.abs(background - np.median(background, 0)), 0)
    low, high = background.min(0), background.max(0)
    values = []
    for j in range(2):
        past = np.concatenate([np.nextafter(splits[j].astype(np.float32), np.float32(np.inf)), splits[j]])
        values.append(
            np.unique([*past, x[j], low[j], high[j], *(b for r in [c.ranges.get(j, ())] for b in r)])
        )
    values.append(np.arange(low[2], high[2] + 1))
    points = [list(p) for p in product(*values)]
    for k in c.couplings:
        points += [[a, k.high - a - 1e-12, n] for a in values[0] for n in values[2]]
        points += [[k.high - b - 1e-12, b, n] for b in values[1] for n in values[2]]
    if c.together:
        pairs = [*background[:, 1:].tolist(), x[1:].tolist()]
        points = [[a, *pair] for a in values[0] for pair in pairs]
    grid = np.array(points)
    grid = grid[((grid >= np.minimum(low, x)) & (grid <= np.maximum(high, x))).all(1)]
    grid = grid[model.predict(grid) == 1]
    off = np.abs(grid - x) / spread
    if c.categories:
        off[:, 2] = grid[:, 2] != x[2]
    best = np.inf
    for k in np.argsort(off.sum(1)):
        if not broken(c, x, grid[k], background):
            best = float(off[k].sum())
            break
    return best
