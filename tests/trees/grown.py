"""Random forests with everything a forest may have: missing values, zeros as missing, categories, many outputs."""

from __future__ import annotations

import numpy as np

from pellucid.core.forest import Forest, Tree


def tree(rng: np.random.Generator, columns: int, depth: int, outputs: int, feeds: int) -> Tree:
    """One random tree; splits repeat columns, and some children get no training weight."""
    feature, threshold, left, right, cover = [], [], [], [], []
    categories: dict[int, tuple[np.ndarray, bool]] = {}

    def grow(level: int, weight: float) -> int:
        node = len(feature)
        split = level < depth and rng.random() < 0.85
        feature.append(int(rng.integers(columns)) if split else -1)
        threshold.append(float(rng.integers(0, 5)) + rng.choice([0.0, 0.5]))
        cover.append(weight)
        left.append(-1)
        right.append(-1)
        if split:
            if rng.random() < 0.3:
                codes = np.flatnonzero(rng.random(6) < 0.5) * int(rng.choice([1, 20]))
                categories[node] = (codes, bool(rng.random() < 0.5))
            share = float(rng.choice([0.0, rng.random(), rng.random()]))
            left[node] = grow(level + 1, weight * share)
            right[node] = grow(level + 1, weight * (1 - share))
        return node

    grow(0, 100.0)
    n = len(feature)
    return Tree(
        feature=np.array(feature),
        threshold=np.array(threshold),
        left=np.array(left),
        right=np.array(right),
        value=rng.normal(size=(n, outputs)) if feeds < 0 else rng.normal(size=n),
        cover=np.array(cover),
        missing_left=rng.random(n) < 0.5,
        zero_missing=rng.random(n) < 0.2,
        categories=categories,
        feeds=feeds,
    )


def forest(
    seed: int, *, columns: int = 5, trees: int = 4, depth: int = 4, outputs: int = 1, wide: bool = False
) -> Forest:
    """A random forest; `wide` leaves hold a value for every output."""
    rng = np.random.default_rng(seed)
    grown = [
        tree(rng, columns, depth, outputs, -1 if wide else int(rng.integers(outputs))) for _ in range(trees)
    ]
    return Forest.of(grown, base=rng.normal(size=outputs), columns=columns)


def rows(seed: int, n: int, columns: int) -> np.ndarray:
    """Rows with gaps, zeros, codes and codes never seen."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-1, 6, (n, columns)) + rng.choice([0.0, 0.5, 0.25], (n, columns))
    x[rng.random(x.shape) < 0.15] = np.nan
    x[rng.random(x.shape) < 0.1] = 0.0
    x[rng.random(x.shape) < 0.1] = 60.0
    return x
