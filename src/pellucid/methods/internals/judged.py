"""What is known of inputs found by climbing: how like the data they are, and how like each other."""

from __future__ import annotations

import numpy as np

from pellucid.core.types import NpArray

from .waves import rings

NEAREST = 5
"""Rows of the data that an input is likened to."""
FAINT = 1e-6
"""Power, as a share of the data's, below which there is none."""
SLACK = 0.1
"""Standard deviations of the logarithm of power are taken as at least this."""


def spectra(x: NpArray, floor: float) -> NpArray:
    """(count, rings) the logarithm of the power at each distance from the centre of the spectrum.

    Args:
        x: (count, channels, *places).
        floor: power that is added.
    """
    axes = tuple(range(2, x.ndim))
    power = (np.abs(np.fft.rfftn(x - x.mean(axes, keepdims=True), axes=axes)) ** 2).mean(1)
    ring = rings(x.shape[2:])
    return np.stack([np.log10(power[:, ring == k].mean(1) + floor) for k in range(1, int(ring.max()) + 1)], 1)


def unlike(x: NpArray, data: NpArray) -> tuple[NpArray, float]:
    """How far spectra are from the data's, in the data's standard deviations, on average over their rings.

    Returns:
        (count,) for x, and the median of the data's own.
    """
    away = data - data.mean(tuple(range(2, data.ndim)), keepdims=True)
    floor = max(FAINT * float((away**2).mean()) * float(np.prod(data.shape[2:])), 1e-30)
    own, known = spectra(x, floor), spectra(data, floor)
    middle, spread = known.mean(0), known.std(0) + SLACK
    return (np.abs(own - middle) / spread).mean(1), float(
        np.median((np.abs(known - middle) / spread).mean(1))
    )


def ranked(x: NpArray, data: NpArray, excited: NpArray) -> NpArray:
    """(count,) share of the data that is excited at most as much as the rows most like each input, on average.

    Args:
        x: (count, *features).
        data: (rows, *features).
        excited: (count, rows) the objective of each input on the data.
    """
    flat, rows = x.reshape(len(x), -1).astype(float), data.reshape(len(data), -1).astype(float)
    scale = rows.std(0) if data.ndim == 2 else np.ones(1)
    scale = np.where(scale > 0, scale, 1.0)
    flat, rows = flat / scale, rows / scale
    out = np.empty(len(x))
    for k, one in enumerate(flat):
        near = np.argsort(((rows - one) ** 2).sum(1), kind="stable")[:NEAREST]
        out[k] = (excited[k][None] <= excited[k][near][:, None]).mean()
    return out


def agreement(x: NpArray, mean: NpArray, scale: NpArray) -> float:
    """Mean cosine between the inputs of one objective, about the data's mean and in its spread; NaN where there is one.

    Args:
        x: (pictures, *features).
        mean: (*features).
        scale: what differences are divided by.
    """
    flat = ((x - mean) / scale).reshape(len(x), -1).astype(float)
    flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    count = len(flat)
    return (
        float(((flat @ flat.T).sum() - (flat**2).sum()) / (count * (count - 1)))
        if count > 1
        else float("nan")
    )
