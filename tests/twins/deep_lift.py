"""DeepLIFT (rescale) of a ReLU network of dense layers, by hand: one row at a time, layer by layer, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn


def deep_lift(net: nn.Sequential, row: np.ndarray, start: np.ndarray, target: int) -> np.ndarray:
    """(features,) values of output `target` of dense layers and ReLUs."""
    trace: list[tuple[Any, np.ndarray, np.ndarray]] = []
    a, b = row.astype(float), start.astype(float)
    for layer in net:
        trace.append((layer, a, b))
        if isinstance(layer, nn.Linear):
            weight, bias = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
            a, b = weight @ a + bias, weight @ b + bias
        else:
            a, b = np.maximum(a, 0), np.maximum(b, 0)
    multiplier = np.eye(len(a))[target]
    for layer, x, x0 in reversed(trace):
        if isinstance(layer, nn.Linear):
            multiplier = layer.weight.detach().double().numpy().T @ multiplier
            continue
        for i in range(len(x)):
            if x[i] == x0[i]:
                multiplier[i] *= float(x[i] > 0)
            else:
                multiplier[i] *= (max(x[i], 0) - max(x0[i], 0)) / (x[i] - x0[i])
    return multiplier * (row - start)
