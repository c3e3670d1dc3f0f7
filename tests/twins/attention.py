"""Attention as its definition says, with loops."""

from __future__ import annotations

import math

import numpy as np


def weights(
    query: np.ndarray,
    key: np.ndarray,
    allowed: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    scale: float | None = None,
) -> np.ndarray:
    """(rows, heads, queries, keys) weights; key heads are shared by groups of query heads, zero where all is hidden."""
    rows, heads, queries, width = query.shape
    keys, group = key.shape[2], heads // key.shape[1]
    out = np.zeros((rows, heads, queries, keys))
    for r, h, q in np.ndindex(rows, heads, queries):
        scores = {}
        for k in range(keys):
            if allowed is not None and not allowed[r, h, q, k]:
                continue
            dot = sum(float(query[r, h, q, d]) * float(key[r, h // group, k, d]) for d in range(width))
            scores[k] = dot * (1 / math.sqrt(width) if scale is None else scale)
            scores[k] += 0.0 if bias is None else float(bias[r, h, q, k])
        if scores:
            top = max(scores.values())
            total = sum(math.exp(s - top) for s in scores.values())
            for k, s in scores.items():
                out[r, h, q, k] = math.exp(s - top) / total
    return out


def rollout(layers: list[np.ndarray]) -> np.ndarray:
    """Abnar and Zuidema's rollout of one row: layers (heads, tokens, tokens), the last layer's (tokens, tokens)."""
    held = np.eye(layers[0].shape[1])
    for layer in layers:
        step = 0.5 * layer.mean(0) + 0.5 * np.eye(len(held))
        held = step @ held
    return held


def relevance(layers: list[np.ndarray], gradients: list[np.ndarray]) -> np.ndarray:
    """Chefer et al.'s relevance of one row for self-attention, less the identity it starts from."""
    held = np.eye(layers[0].shape[1])
    for layer, gradient in zip(layers, gradients, strict=True):
        kept = np.zeros_like(held)
        for head, slope in zip(layer, gradient, strict=True):
            kept += np.maximum(slope * head, 0) / len(layer)
        held = held + kept @ held
    return held - np.eye(len(held))
