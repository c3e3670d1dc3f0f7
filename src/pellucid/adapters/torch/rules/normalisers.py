"""DeepLIFT's multipliers of what relates values to their neighbours: softmax, normalisation, norms and spreads.

Each is taken apart into sums, products and functions of one number, whose multipliers are exact.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from .multipliers import Grads, Step, ratio


def _exponentials(z: Any, z0: Any, dims: Any) -> tuple[torch.Tensor, ...]:
    """exp(z - c) and their sums in both passes, with one c; what is masked out everywhere has the sum 0."""
    c = torch.maximum(z.amax(dims, True), z0.amax(dims, True))
    c = torch.where(torch.isfinite(c), c, 0)
    e, e0 = (z - c).exp(), (z0 - c).exp()
    return e, e0, e.sum(dims, True), e0.sum(dims, True)


def softmax(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """Of exp(z - log(sum(exp(z)))): each output changes by its logarithmic mean times the change of its logarithm.

    As exp(z) times 1 / sum(exp(z)) it would cancel badly where one pass's exponentials vanish beside the other's.
    """
    z, z0, dim = s.x[0], s.x0[0], s.x[1]
    arrived = ratio(g, s.y - s.y0, z.log_softmax(dim), z0.log_softmax(dim), g * s.y)
    gi[0] = arrived + _log_sum(z, z0, dim, -arrived.sum(dim, True))
    return gi


def log_softmax(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """Of z - log(sum(exp(z)))."""
    z, z0, dim = s.x[0], s.x0[0], s.x[1]
    gi[0] = g + _log_sum(z, z0, dim, -g.sum(dim, True))
    return gi


def log_sum_exp(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """Of log(sum(exp(z)))."""
    z, z0, dims = s.x[0], s.x0[0], s.x[1]
    if not s.option(2, "keepdim", False):
        g = g.reshape(z.sum(dims, True).shape)
    gi[0] = _log_sum(z, z0, dims, g)
    return gi


def _log_sum(z: Any, z0: Any, dims: Any, g: torch.Tensor) -> torch.Tensor:
    e, e0, total, total0 = _exponentials(z, z0, dims)
    change = torch.logsumexp(z, dims, True) - torch.logsumexp(z0, dims, True)
    to_sum = ratio(g, change, total, total0, torch.where(total > 0, g / total, 0))
    return ratio(to_sum, e - e0, z, z0, to_sum * e)


def standardised(g: torch.Tensor, x: Any, x0: Any, dims: tuple[int, ...], eps: float) -> torch.Tensor:
    """(x - mean) / sqrt(variance + eps): what is centred, times a function of its mean square."""
    v, middle = torch.var_mean(x, dims, correction=0, keepdim=True)
    v0, middle0 = torch.var_mean(x0, dims, correction=0, keepdim=True)
    r, r0 = (v + eps).rsqrt(), (v0 + eps).rsqrt()
    both, r_both, r_product = (x - middle) + (x0 - middle0), r + r0, r * r0
    # (r - r0) / (v - v0) is -(r r0)^2 / (r + r0), without the cancellation
    scale = -0.5 * v.numel() / x.numel()
    to_square = (g * both).sum(dims, True) * (r_product * r_product / r_both) * scale
    arrived = torch.addcmul(g * (0.5 * r_both), to_square, both)
    return arrived - arrived.mean(dims, True)


def layer_norm(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """Over the last dimensions."""
    shape, weight, eps = s.x[1], s.x[2], s.x[4]
    g = g if weight is None else g * weight
    gi[0] = standardised(g, s.x[0], s.x0[0], tuple(range(-len(shape), 0)), eps)
    return gi


def group_norm(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """Over the channels of each group, and space."""
    x, weight, (n, channels, _, groups), eps = s.x[0], s.x[1], s.x[3:7], s.x[7]
    if weight is not None:
        g = g * weight.reshape(1, channels, *(1,) * (x.ndim - 2))
    flat = (n, groups, -1)
    found = standardised(g.reshape(flat), x.reshape(flat), s.x0[0].reshape(flat), (2,), eps)
    gi[0] = found.reshape(x.shape)
    return gi


def batch_norm(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """With the statistics of the batch (or of each instance, which comes as a batch of one); else it is linear."""
    x, weight, eps = s.x[0], s.x[1], s.x[7]
    if not s.x[5]:
        return gi
    if weight is not None:
        g = g * weight.reshape(1, -1, *(1,) * (x.ndim - 2))
    gi[0] = standardised(g, x, s.x0[0], (0, *range(2, x.ndim)), eps)
    return gi


def vector_norm(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """(sum |x|^p)^(1/p), for p that is neither 0 nor infinite."""
    x, x0, p = s.x[0], s.x0[0], s.option(1, "ord", 2)
    dims = s.option(2, "dim", None)
    dims = list(range(x.ndim)) if dims is None else dims
    wide = x.sum(dims, True).shape
    g, y, y0 = g.reshape(wide), s.y.reshape(wide), s.y0.reshape(wide)
    power, power0 = x.abs() ** p, x0.abs() ** p
    total, total0 = power.sum(dims, True), power0.sum(dims, True)
    to_sum = ratio(g, y - y0, total, total0, torch.where(y > 0, g / (p * y ** (p - 1)), 0))
    gi[0] = ratio(to_sum.expand(x.shape), power - power0, x, x0, gi[0])
    return gi


def has_norm(s: Step) -> bool:
    """Whether `vector_norm` covers this order."""
    p = s.option(1, "ord", 2)
    return p != 0 and math.isfinite(p)


def deviation(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """Variance and its root: the mean square of what is centred, and its root."""
    x, x0 = s.x[0], s.x0[0]
    dims = s.option(1, "dim", None)
    dims = list(range(x.ndim)) if dims is None else dims
    c, c0 = x - x.mean(dims, True), x0 - x0.mean(dims, True)
    g, y, y0 = (t.reshape(x.sum(dims, True).shape) for t in (g, s.y, s.y0))
    count = x.numel() / max(1, g.numel())
    correction = s.op.kwargs.get("correction", 1)
    if s.op.packet in (torch.ops.aten.std, torch.ops.aten.std_mean):
        g = torch.where(y + y0 > 0, g / (y + y0), 0)
    gi[0] = g * (c + c0) / (count - (1 if correction is None else correction))
    return gi


def deviation_and_mean(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """Variance or its root, and the mean, whose plain derivative is exact: the former's is replaced in their sum."""
    x = s.x[0]
    dims = s.option(1, "dim", None)
    c = x - x.mean(list(range(x.ndim)) if dims is None else dims, True)
    count = x.numel() / max(1, g.numel())
    correction = s.op.kwargs.get("correction", 1)
    plain = g.reshape(x.sum(list(range(x.ndim)) if dims is None else dims, True).shape)
    if s.op.packet is torch.ops.aten.std_mean:
        plain = torch.where(s.y > 0, g / (2 * s.y), 0).reshape(plain.shape)
    slope = 2 * plain * c / (count - (1 if correction is None else correction))
    gi[0] = gi[0] - slope + deviation(s, g, [None])[0]
    return gi
