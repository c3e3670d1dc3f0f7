"""Methods that walk a path, as their papers state them: plain torch, one row and one point at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from .gradients import gradient, scalar


def at_layer(
    net: nn.Module, layer: nn.Module, row: torch.Tensor, target: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The layer's value and df/d(layer) at one row."""
    kept: list[torch.Tensor] = []
    handle = layer.register_forward_hook(lambda _m, _i, out: kept.append(out))
    try:
        score = scalar(net, row.clone().requires_grad_(True), target)
    finally:
        handle.remove()
    return kept[0][0].detach(), torch.autograd.grad(score, kept[0])[0][0]


def conductance(
    net: nn.Module, layer: nn.Module, x: torch.Tensor, baseline: torch.Tensor, targets: Any, steps: int
) -> np.ndarray:
    """Trapezoids of df/dh along h, which is the integral of df/dh dh/dalpha."""
    out = []
    for row, start, target in zip(x, baseline, targets, strict=True):
        total: Any = 0.0
        for k in range(steps):
            h0, g0 = at_layer(net, layer, start + k / steps * (row - start), target)
            h1, g1 = at_layer(net, layer, start + (k + 1) / steps * (row - start), target)
            total = total + (g0 + g1) / 2 * (h1 - h0)
        out.append(total.numpy())
    return np.stack(out)


def internal_influence(
    net: nn.Module, layer: nn.Module, x: torch.Tensor, baseline: torch.Tensor, targets: Any, steps: int
) -> np.ndarray:
    """Midpoints."""
    out = []
    for row, start, target in zip(x, baseline, targets, strict=True):
        points = (start + (k + 0.5) / steps * (row - start) for k in range(steps))
        out.append((sum(at_layer(net, layer, p, target)[1] for p in points) / steps).numpy())
    return np.stack(out)


def expected_gradients(
    net: nn.Module,
    x: torch.Tensor,
    background: torch.Tensor,
    targets: Any,
    chosen: np.ndarray,
    alphas: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard errors over given draws: background rows (samples, n) and places on the way (samples, n)."""
    samples = []
    for rows, places in zip(chosen, alphas, strict=True):
        one = []
        for row, j, alpha, target in zip(x, rows, places, targets, strict=True):
            start = background[j]
            one.append(((row - start) * gradient(net, start + alpha * (row - start), target)).numpy())
        samples.append(np.stack(one))
    draws = np.stack(samples)
    return draws.mean(0), draws.std(0, ddof=1) / len(draws) ** 0.5
