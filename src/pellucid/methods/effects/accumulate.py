"""Local differences added up, and centred over the rows."""

from __future__ import annotations

import numpy as np

from pellucid.core.run import batches
from pellucid.core.types import NpArray

CELLS = 256
"""Cells whose weights are found at once."""


def accumulated(
    count: NpArray, mean: NpArray, variance: NpArray, rows: NpArray | None
) -> tuple[NpArray, NpArray]:
    """Accumulate over intervals: (points, targets) of values, and their 95 % half-widths.

    Args:
        count: (intervals,) differences in each.
        mean: (intervals, targets) of the differences.
        variance: (intervals, targets), NaN where it is not known.
        rows: (points,) rows that sit on the points, where they do; else a row lies between two points.

    Each value is a weighted sum of the intervals' means, so its variance is one of their variances.
    """
    k = len(count)
    up_to = np.tril(np.ones((k + 1, k)), -1)  # which steps lead to a point
    if rows is None:
        share = count / max(count.sum(), 1)
        centre = share @ (up_to[:-1] + up_to[1:]) / 2
    else:
        centre = rows / max(rows.sum(), 1) @ up_to
    weights = up_to - centre
    return weights @ mean, _normal() * np.sqrt(weights**2 @ _spread(count, variance))


def _spread(count: NpArray, variance: NpArray) -> NpArray:
    """(intervals, targets) variances of the means; where the variance is not known, the pooled one is taken."""
    pooled = np.nansum(variance * count[:, None], 0) / max(float(count[count > 1].sum()), 1.0)
    return np.where(np.isnan(variance), pooled, variance) / np.maximum(count, 1)[:, None]


def _normal() -> float:
    from scipy.stats import norm

    return float(norm.ppf(0.975))


def accumulated_pair(
    count: NpArray, mean: NpArray, scaled: tuple[NpArray, NpArray]
) -> tuple[NpArray, NpArray]:
    """Accumulate over cells of two columns and take the effects of each off: (points, targets), rows per point.

    Cells without rows take the differences of the nearest cell that has some.

    Args:
        count: (k, m) rows in each cell.
        mean: (k, m, targets) their differences of differences.
        scaled: the ends of the cells on both axes, between 0 and 1.
    """
    k, m, targets = mean.shape
    filled = _filled(count, mean, scaled)
    h = np.zeros((k + 1, m + 1, targets))
    h[1:, 1:] = filled.cumsum(0).cumsum(1)
    weight = count[:, :, None]
    first = _main(h, weight)
    second = _main(h.transpose(1, 0, 2), weight.transpose(1, 0, 2))
    h = h - first[:, None] - second[None]
    corners = (h[:-1, :-1] + h[:-1, 1:] + h[1:, :-1] + h[1:, 1:]) / 4
    h = h - (weight * corners).sum((0, 1)) / max(float(count.sum()), 1.0)
    return h.reshape(-1, targets), np.pad(count, ((1, 0), (1, 0))).ravel()


def pair_half_width(count: NpArray, variance: NpArray, scaled: tuple[NpArray, NpArray]) -> NpArray:
    """(points, targets) 95 % half-widths of `accumulated_pair`, whose values are weighted sums of the cells' means.

    Args:
        count: (k, m) rows in each cell.
        variance: (k, m, targets) of their differences of differences, NaN where it is not known.
        scaled: the ends of the cells on both axes, between 0 and 1.
    """
    cells = count.size
    spread = _spread(count.ravel(), variance.reshape(cells, -1))
    total = np.zeros(((count.shape[0] + 1) * (count.shape[1] + 1), spread.shape[1]))
    for some in batches(cells, CELLS):
        ones = np.eye(cells)[:, some].reshape(
            *count.shape, -1
        )  # what a mean of one in a single cell adds up to
        total += accumulated_pair(count, ones, scaled)[0] ** 2 @ spread[some]
    return _normal() * np.sqrt(total)


def _main(h: NpArray, weight: NpArray) -> NpArray:
    """(points, targets) the accumulated effect along the first axis that is in h: its mean steps over the rows."""
    steps = h[1:] - h[:-1]
    between = (steps[:, :-1] + steps[:, 1:]) / 2
    total = weight.sum(1)
    mean = (weight * between).sum(1) / np.where(total > 0, total, 1)
    return np.concatenate([np.zeros((1, h.shape[2])), mean.cumsum(0)])


def _filled(count: NpArray, mean: NpArray, scaled: tuple[NpArray, NpArray]) -> NpArray:
    """The means, with empty cells filled from the nearest one."""
    empty = np.argwhere(count == 0)
    if not len(empty):
        return mean
    from scipy.spatial import KDTree

    middles = [(s[1:] + s[:-1]) / 2 for s in scaled]
    known = np.argwhere(count > 0)
    spots = [np.stack([middles[0][c[:, 0]], middles[1][c[:, 1]]], 1) for c in (known, empty)]
    nearest = known[KDTree(spots[0]).query(spots[1])[1]]
    out = mean.copy()
    out[empty[:, 0], empty[:, 1]] = mean[nearest[:, 0], nearest[:, 1]]
    return out
