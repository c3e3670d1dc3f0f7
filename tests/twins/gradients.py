"""Gradient methods as their papers state them: plain torch, one row at a time, no care for speed.

Every function takes a module (or a function of a tensor), rows (n, ...), and one class per row; every one gives
float64-as-the-model-is NumPy values shaped like the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

Net = Callable[[torch.Tensor], torch.Tensor]


def scalar(net: Net, row: torch.Tensor, target: Any) -> torch.Tensor:
    """f(row): the target's entry of the output for a batch of this one row."""
    y = net(row[None])[0]
    return y[target] if y.ndim else y


def gradient(net: Net, row: torch.Tensor, target: Any) -> torch.Tensor:
    """df/dx at one row."""
    leaf = row.detach().clone().requires_grad_(True)
    return torch.autograd.grad(scalar(net, leaf, target), leaf)[0]


def saliency(net: Net, x: torch.Tensor, targets: Any) -> np.ndarray:
    return np.stack([gradient(net, row, t).numpy() for row, t in zip(x, targets, strict=True)])


def input_x_gradient(net: Net, x: torch.Tensor, targets: Any) -> np.ndarray:
    return x.numpy() * saliency(net, x, targets)


def integrated_gradients(
    net: Net, x: torch.Tensor, baseline: torch.Tensor, targets: Any, steps: int
) -> np.ndarray:
    """Midpoint sum over the straight path, node by node."""
    out = []
    for row, start, target in zip(x, baseline, targets, strict=True):
        total = torch.zeros_like(row)
        for k in range(steps):
            total = total + gradient(net, start + (k + 0.5) / steps * (row - start), target)
        out.append(((row - start) * total / steps).numpy())
    return np.stack(out)


def smooth_grad(net: Net, x: torch.Tensor, targets: Any, noise: np.ndarray, reduce: str) -> np.ndarray:
    """SmoothGrad ("mean"), SmoothGrad² ("square"), VarGrad ("variance") with given noise (samples, n, ...)."""
    samples = np.stack([saliency(net, x + torch.from_numpy(e).to(x), targets) for e in noise])
    if reduce == "square":
        return (samples**2).mean(0)
    return samples.var(0, ddof=1) if reduce == "variance" else samples.mean(0)


def grad_cam(
    net: nn.Module, layer: nn.Module, x: torch.Tensor, targets: Any, relu: bool = True
) -> np.ndarray:
    """Feature maps weighed by their mean gradient, both caught by hooks: (n, H, W)."""
    maps = []
    for row, target in zip(x, targets, strict=True):
        caught: list[torch.Tensor] = []
        handle = layer.register_forward_hook(lambda _m, _i, out, caught=caught: caught.append(out))
        try:
            value = scalar(net, row.detach().clone().requires_grad_(True), target)
        finally:
            handle.remove()
        activation = caught[0]
        weights = torch.autograd.grad(value, activation)[0][0].mean((1, 2))
        cam = sum(w * a for w, a in zip(weights, activation[0], strict=True))
        maps.append((torch.relu(cam) if relu else cam).detach().numpy())
    return np.stack(maps)
