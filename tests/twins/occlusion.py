"""Occlusion as a loop: one window at a time, one row at a time, in the model's own precision."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import ceil
from typing import Any

import numpy as np
import torch


def occlusion(
    net: Callable[[torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    targets: Any,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    value: float = 0.0,
) -> np.ndarray:
    """What the output loses when a window is filled with `value`; a feature gets the mean over its windows."""
    out = []
    for row, target in zip(x, targets, strict=True):
        whole = net(row[None])[0][target].item()
        total, held = np.zeros(row.shape), np.zeros(row.shape)
        counts = [ceil((s - w) / d) + 1 for s, w, d in zip(row.shape, window, strides, strict=True)]
        for place in product(*map(range, counts)):
            where = tuple(slice(i * d, i * d + w) for i, d, w in zip(place, strides, window, strict=True))
            hidden = row.clone()
            hidden[where] = value
            total[where] += whole - net(hidden[None])[0][target].item()
            held[where] += 1
        out.append(total / held)
    return np.stack(out)
