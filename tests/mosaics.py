"""Four digits in a square: pictures where the right place of a class is known."""

from __future__ import annotations

import numpy as np
import torch


def mosaics(
    images: torch.Tensor, labels: torch.Tensor, n: int, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, 1, 16, 16) of four digits of different classes, and their classes by tile, (n, 4)."""
    g = torch.Generator().manual_seed(seed)
    pools = [images[labels == k] for k in range(10)]
    classes = torch.stack([torch.randperm(10, generator=g)[:4] for _ in range(n)])
    tiles = torch.stack(
        [
            torch.stack([pools[k][torch.randint(len(pools[k]), (), generator=g)] for k in row])
            for row in classes.tolist()
        ]
    )
    return tiles.reshape(n, 2, 2, 8, 8).permute(0, 1, 3, 2, 4).reshape(n, 1, 16, 16), classes


def share(values: np.ndarray, tile: np.ndarray) -> float:
    """The mean share of positive values on each row's tile."""
    v = np.clip(values.reshape(len(values), *values.shape[-2:]), 0, None)
    h, w = v.shape[1] // 2, v.shape[2] // 2
    sums = v.reshape(len(v), 2, h, 2, w).sum((2, 4)).reshape(len(v), 4)
    return float((sums[np.arange(len(v)), tile] / np.maximum(sums.sum(1), 1e-30)).mean())
