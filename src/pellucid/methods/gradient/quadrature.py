"""Rules for the integral over a straight path: nodes on [0, 1] and their weights."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pellucid.core.types import NpArray

FIRST = 8
"""Intervals of the first level that is tested: nine nodes, of which five make the level before it."""


def midpoint(steps: int) -> tuple[NpArray, NpArray]:
    """Nodes and weights of the midpoint rule.

    >>> midpoint(2)
    (array([0.25, 0.75]), array([0.5, 0.5]))
    """
    return (np.arange(steps) + 0.5) / steps, np.full(steps, 1 / steps)


def cells(nodes: NpArray) -> NpArray:
    """Weights for any ascending nodes: the length of each one's Voronoi cell in [0, 1].

    >>> cells(np.array([0.25, 0.75]))
    array([0.5, 0.5])
    """
    return np.diff(np.concatenate([[0.0], (nodes[1:] + nodes[:-1]) / 2, [1.0]]))


@lru_cache(maxsize=64)
def with_companion(steps: int) -> tuple[NpArray, NpArray]:
    """The midpoint rule beside a coarser one on every second of its nodes: nodes (m,), weights (m, 2)."""
    nodes, fine = midpoint(steps)
    coarse = np.zeros(steps)
    coarse[::2] = cells(nodes[::2])
    return _kept(nodes, np.stack([fine, coarse], axis=1))


@lru_cache(maxsize=64)
def chebyshev(intervals: int, *, new: bool) -> tuple[NpArray, NpArray]:
    """Chebyshev points of one level, (1 - cos(pi k / n)) / 2, and their part in its sums.

    A level's integral is ``scale * inner + rest * ends`` (see `combine`), where an inner node enters `inner` by
    sin(pi k / n) and the two ends enter `ends`. A node keeps its part at every level, so two running sums hold all
    that finer levels need. As accurate as Clenshaw and Curtis's rule: the error falls as n^-4 at the ends, faster
    inside.

    Args:
        intervals: n, even.
        new: only the nodes that the level of n / 2 does not have.

    Returns:
        nodes (m,), parts (m, 3): in the inner sum of the level of n / 2, in that of the new nodes, at the ends.
    """
    k = np.arange(1, intervals, 2) if new else np.arange(intervals + 1)
    angle = np.pi * k / intervals
    end, odd = (k == 0) | (k == intervals), k % 2 == 1
    sine = np.where(end, 0.0, np.sin(angle))
    return _kept((1 - np.cos(angle)) / 2, np.stack([sine * ~odd, sine * odd, end.astype(float)], axis=1))


def combine(intervals: int) -> tuple[float, float]:
    """The factors of a level's inner sum and of its ends: together they integrate constants exactly."""
    scale = np.pi / (2 * intervals)
    return float(scale), float((1 - scale / np.tan(scale)) / 2)


def _kept(nodes: NpArray, weights: NpArray) -> tuple[NpArray, NpArray]:
    """A rule that is kept for the next call: nobody may write to it."""
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights
