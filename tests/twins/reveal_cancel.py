"""DeepLIFT (RevealCancel) by hand, from sections 3.2 to 3.5.3 of the paper: one row, one neuron at a time, in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

FUNCTIONS: dict[type, Callable[[float], float]] = {
    nn.ReLU: lambda z: max(z, 0.0),
    nn.Tanh: lambda z: float(np.tanh(z)),
    nn.Sigmoid: lambda z: float(1 / (1 + np.exp(-z))),
}


def reveal_cancel(net: nn.Sequential, row: np.ndarray, start: np.ndarray, target: int) -> np.ndarray:
    """Values of output `target` of dense layers, convolutions, and functions of one number.

    Forward, every neuron has its value a, its reference a0, and a positive and a negative part of their difference;
    backward, every neuron has a multiplier for each of the two.
    """
    shape = row.shape
    a, a0 = row.astype(float).reshape(-1), start.astype(float).reshape(-1)
    difference = a - a0
    up, down = np.maximum(difference, 0), np.minimum(difference, 0)
    steps: list[tuple[str, Any]] = []
    for layer in net:
        if isinstance(layer, nn.Flatten):
            shape = (len(a0),)
        elif isinstance(layer, nn.Linear | nn.Conv2d):
            weights, bias, shape = matrix(layer, shape)
            steps.append(("linear", (weights, a - a0)))
            up, down = linear(weights, a - a0)
            a, a0 = weights @ a + bias, weights @ a0 + bias
        else:
            f = FUNCTIONS[type(layer)]
            made = [cancel(f, *each) for each in zip(a0, up, down, strict=True)]
            steps.append(("function", [ratios(f, *each) for each in zip(a0, up, down, strict=True)]))
            a, a0 = np.array([f(z) for z in a]), np.array([f(z) for z in a0])
            up, down = (np.array([new[k] for new in made]) for k in (0, 1))
    m_up = m_down = np.eye(len(a0))[target]
    for kind, known in reversed(steps):
        if kind == "function":
            m_up, m_down = (m * np.array([r[k] for r in known]) for k, m in enumerate((m_up, m_down)))
        else:
            m_up = m_down = linear_back(*known, m_up, m_down)
    return (m_up * difference).reshape(row.shape)


def linear(weights: np.ndarray, difference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each output's difference, by the sign of weight times difference (section 3.5.1)."""
    up, down = np.zeros(len(weights)), np.zeros(len(weights))
    for j, row in enumerate(weights):
        for w, d in zip(row, difference, strict=True):
            if w * d > 0:
                up[j] += w * d
            else:
                down[j] += w * d
    return up, down


def linear_back(
    weights: np.ndarray, difference: np.ndarray, m_up: np.ndarray, m_down: np.ndarray
) -> np.ndarray:
    """The weight, to the part that it adds to; where the difference is zero, half of it to both."""
    m = np.zeros(len(difference))
    for i, d in enumerate(difference):
        for j in range(len(weights)):
            w = weights[j, i]
            if d == 0:
                m[i] += 0.5 * w * (m_up[j] + m_down[j])
            elif w * d > 0:
                m[i] += w * m_up[j]
            elif w * d < 0:
                m[i] += w * m_down[j]
    return m


def cancel(f: Callable[[float], float], z0: float, up: float, down: float) -> tuple[float, float]:
    """What each part adds, averaged over which comes first (section 3.5.3)."""
    new_up = 0.5 * (f(z0 + up) - f(z0)) + 0.5 * (f(z0 + down + up) - f(z0 + down))
    new_down = 0.5 * (f(z0 + down) - f(z0)) + 0.5 * (f(z0 + up + down) - f(z0 + up))
    return new_up, new_down


def ratios(f: Callable[[float], float], z0: float, up: float, down: float) -> tuple[float, float]:
    """Multipliers of the parts; of a part that is not there, what a very small one would have."""
    up_there, down_there = (up if up > 1e-12 else 1e-7), (down if down < -1e-12 else -1e-7)
    return cancel(f, z0, up_there, down)[0] / up_there, cancel(f, z0, up, down_there)[1] / down_there


def matrix(layer: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """A dense layer or a convolution (any stride and padding) as weights and bias, and the shape it gives."""
    w = layer.weight.detach().double().numpy()
    b = np.zeros(len(w)) if layer.bias is None else layer.bias.detach().double().numpy()
    if isinstance(layer, nn.Linear):
        return w, b, (len(w),)
    (stride, _), (padding, _) = layer.stride, layer.padding
    channels, height, width = shape
    size = w.shape[-1]
    high, wide = ((n + 2 * padding - size) // stride + 1 for n in (height, width))
    full = np.zeros((len(w), high, wide, channels, height, width))
    for o, r, c in np.ndindex(len(w), high, wide):
        for i, u, v in np.ndindex(channels, size, size):
            y, x = r * stride + u - padding, c * stride + v - padding
            if 0 <= y < height and 0 <= x < width:
                full[o, r, c, i, y, x] = w[o, i, u, v]
    return full.reshape(len(w) * high * wide, -1), np.repeat(b, high * wide), (len(w), high, wide)
