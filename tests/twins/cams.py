"""Class activation maps as their papers state them: plain torch, one row and one channel at a time.

Every function takes a module, one of its layers (whose output is (1, channels, *places)), rows, one class per row,
and gives (n, *places) before any ReLU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

Formula = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def caught(
    net: nn.Module, layer: nn.Module, row: torch.Tensor, target: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The layer's activation (channels, *places) and the gradient of the class there."""
    kept: list[torch.Tensor] = []
    handle = layer.register_forward_hook(lambda _m, _i, out: kept.append(out))
    try:
        score = net(row[None].clone().requires_grad_(True))[0, target]
    finally:
        handle.remove()
    return kept[0][0].detach(), torch.autograd.grad(score, kept[0])[0][0]


def each(net: nn.Module, layer: nn.Module, x: torch.Tensor, targets: Any, formula: Formula) -> np.ndarray:
    return np.stack(
        [formula(*caught(net, layer, row, int(t))).numpy() for row, t in zip(x, targets, strict=True)]
    )


def hires_cam(a: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    return sum(a[k] * g[k] for k in range(len(a)))


def layer_cam(a: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    return sum(a[k] * torch.relu(g[k]) for k in range(len(a)))


def grad_cam(a: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    return sum(a[k] * g[k].mean() for k in range(len(a)))


def x_grad_cam(a: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    cam = torch.zeros_like(a[0])
    for k in range(len(a)):
        total = a[k].sum()
        if total != 0:
            cam = cam + (a[k] / total * g[k]).sum() * a[k]
    return cam


def grad_cam_plus_plus(a: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    """Equations 10, 11 and 19, with exp f for the score, as the paper computes them."""
    cam = torch.zeros_like(a[0])
    for k in range(len(a)):
        weight = torch.zeros((), dtype=a.dtype)
        for slope in g[k].flatten():
            if slope > 0:
                weight = weight + slope**2 / (2 * slope**2 + a[k].sum() * slope**3) * slope
        cam = cam + weight * a[k]
    return cam


def eigen_cam(a: torch.Tensor, g: torch.Tensor | None = None, centred: bool = True) -> torch.Tensor:
    """By the eigenvectors of the matrix of products."""
    matrix = a.flatten(1).T
    matrix = matrix - matrix.mean(0) if centred else matrix
    _, vectors = torch.linalg.eigh(matrix.T @ matrix)
    cam = matrix @ vectors[:, -1]
    along = (cam * matrix.sum(1)).sum()
    if abs(along) < 1e-4 * (cam**2).sum():  # a layer norm, whose channels always add up alike
        along = cam.max() + cam.min()
    cam = -cam if along < 0 else cam
    return cam.reshape(a.shape[1:])


def score_cam(net: nn.Module, layer: nn.Module, x: torch.Tensor, targets: Any) -> np.ndarray:
    out = []
    for row, target in zip(x, targets, strict=True):
        a, _ = caught(net, layer, row, int(target))
        scores = []
        for k in range(len(a)):
            mask = F.interpolate(a[k][None, None], size=row.shape[1:], mode="bilinear", align_corners=False)[
                0
            ]
            span = mask.max() - mask.min()
            mask = (mask - mask.min()) / span if span > 0 else mask * 0
            scores.append(net((row * mask)[None])[0, target])
        weights = torch.stack(scores).softmax(0)
        out.append(sum(w * b for w, b in zip(weights, a, strict=True)).detach().numpy())
    return np.stack(out)


def ablation_cam(net: nn.Module, layer: nn.Module, x: torch.Tensor, targets: Any) -> np.ndarray:
    out = []
    for row, target in zip(x, targets, strict=True):
        a, _ = caught(net, layer, row, int(target))
        score, cam = net(row[None])[0, target], torch.zeros_like(a[0])
        for k in range(len(a)):

            def without(_m: Any, _i: Any, value: torch.Tensor, k: int = k) -> torch.Tensor:
                value = value.clone()
                value[:, k] = 0
                return value

            handle = layer.register_forward_hook(without)
            cam = cam + (score - net(row[None])[0, target]).detach() * a[k]
            handle.remove()
        out.append(cam.numpy())
    return np.stack(out)
