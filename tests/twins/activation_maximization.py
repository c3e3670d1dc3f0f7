"""Activation maximisation by plain Adam on bounded pixels, as written on paper: autograd for everything, row by row."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import torch


def climb(
    objective: Callable[[torch.Tensor], torch.Tensor],
    z: np.ndarray,
    data: np.ndarray,
    *,
    steps: int,
    rate: float,
    l2: float = 0.0,
    tv: float = 0.0,
    apart: float = 0.0,
    spread: float = 1.0,
) -> np.ndarray:
    """Pictures (count, channels, height, width) of one objective, from parameters z of the same shape."""
    rows = torch.tensor(data)
    low, high = rows.amin((0, 2, 3)), rows.amax((0, 2, 3))
    mean, n = rows.mean(0), len(rows)

    def picture(p: torch.Tensor) -> torch.Tensor:
        return torch.stack([low[c] + (high[c] - low[c]) / (1 + torch.exp(-p[c])) for c in range(len(low))])

    usual_tv = sum(rough(row) for row in rows) / n
    usual_l2 = sum(((row - mean) ** 2).sum() for row in rows) / n
    held = bool(l2 or tv or apart)
    points = [torch.tensor(p, requires_grad=True) for p in z]
    first = [torch.zeros_like(p) for p in points]
    second = [torch.zeros_like(p) for p in points]
    for step in range(1, steps + 1):
        x = [picture(p) for p in points]
        total = torch.zeros((), dtype=x[0].dtype)
        for one in x:
            total = total + objective(one[None])[0] / (spread if held else 1.0)
            total = total - l2 * ((one - mean) ** 2).sum() / usual_l2 - tv * rough(one) / usual_tv
        for a, b in combinations(x, 2):
            cosine = ((a - mean) * (b - mean)).sum() / (torch.norm(a - mean) * torch.norm(b - mean))
            total = total - apart * cosine
        for k, up in enumerate(torch.autograd.grad(total, points)):
            first[k] = 0.9 * first[k] + 0.1 * up
            second[k] = 0.99 * second[k] + 0.01 * up**2
            size = torch.sqrt(second[k] / (1 - 0.99**step)) + 1e-8 * torch.sqrt((up**2).mean())
            moved = points[k] + rate * first[k] / (1 - 0.9**step) / size
            points[k] = moved.detach().requires_grad_(True)
    return np.stack([picture(p).detach().numpy() for p in points])


def rough(x: torch.Tensor) -> torch.Tensor:
    """The sum of squared differences between neighbours."""
    total = torch.zeros((), dtype=x.dtype)
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            if i:
                total = total + ((x[:, i, j] - x[:, i - 1, j]) ** 2).sum()
            if j:
                total = total + ((x[:, i, j] - x[:, i, j - 1]) ** 2).sum()
    return total
