"""Samples that fill their space more evenly than random ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core.types import Bools, NpArray


def low_discrepancy(count: int, dimensions: int, rng: np.random.Generator) -> NpArray:
    """(count, dimensions) numbers in [0, 1) that fill the cube more evenly than random ones (scrambled Sobol)."""
    from scipy.stats.qmc import Sobol

    sequence: Any = Sobol
    return sequence(dimensions, seed=rng).random_base2(max(1, int(np.ceil(np.log2(count)))))[:count]


def masked(players: int, count: int, rng: np.random.Generator) -> tuple[Bools, NpArray]:
    """Masks of hidden parts, each once, and which of them each of `count` samples is.

    Every share of parts is as likely as any other, so that some masks hide little. The first sample hides nothing.
    """
    u = low_discrepancy(count, players + 1, rng)
    masks = u[:, 1:] < u[:, :1]
    masks[0] = True
    packed, back = np.unique(np.packbits(masks, axis=1), axis=0, return_inverse=True)
    return np.unpackbits(packed, axis=1, count=players).astype(bool), back.ravel()
