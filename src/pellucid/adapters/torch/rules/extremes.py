"""DeepLIFT's multipliers of maxima and minima: the cross-maximum rule.

The change of a maximum is what the larger of both passes rises over the reference, which belongs to where x is
largest, and what x falls short of it, which belongs to where the reference is largest. Overlapping windows add up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .multipliers import Grads, Step, ratio

A = torch.ops.aten
SPACE = {
    A.max_pool2d_with_indices: 2,
    A.adaptive_max_pool2d: 2,
    A.max_pool3d_with_indices: 3,
    A.adaptive_max_pool3d: 3,
    A.fractional_max_pool2d: 2,
    A.fractional_max_pool3d: 3,
}
CHOICES = {
    A.topk: 2,
    A.kthvalue: 2,
    A.sort: 1,
    A.median: 1,
    A.nanmedian: 1,
    A.mode: 1,
    A.cummax: 1,
    A.cummin: 1,
}
"""What chooses among values, with the place of the dimension among its arguments."""
NUDGE = 1e-9
"""How much of x is added to the reference to choose between equal values, as a share of the reference's largest."""


def pool(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """Max pooling in windows of any kind; their choices are indices into the flattened space."""
    x, x0 = s.x[0], s.x0[0]
    axes = SPACE[s.op.packet]

    def pushed(indices: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        flat = torch.zeros_like(x, memory_format=torch.contiguous_format).flatten(-axes)
        return flat.scatter_add_(-1, indices.flatten(-axes), t.flatten(-axes)).reshape(x.shape)

    top = torch.maximum(s.y, s.y0)
    change = pushed(s.op.more[0], g * (top - s.y0))
    short = s.y - top
    if bool(short.any()):
        rest = [a.double() if isinstance(a, torch.Tensor) else a for a in s.x[1:]]
        chosen = s.op.packet(_untied(x0, x), *rest, **s.op.kwargs)[1]
        change = change + pushed(chosen, g * short)
    gi[0] = ratio(change, torch.ones_like(x), x, x0, gi[0])
    return gi


def _untied(x0: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The reference, with equal values in the order of x: with a constant reference this gives the plain gradient."""
    scale = x0.abs().max().double().clamp_min(1e-3) / x.abs().max().double().clamp_min(1e-12)
    return x0.double() + x.double() * (NUDGE * scale)


def largest(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """amax, max over one dimension, max over all."""
    gi[0] = _reduced(s, g, gi[0], 1)
    return gi


def smallest(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """The same, upside down."""
    gi[0] = _reduced(s, g, gi[0], -1)
    return gi


def _reduced(s: Step, g: torch.Tensor, plain: torch.Tensor, sign: int) -> torch.Tensor:
    x, x0 = sign * s.x[0], sign * s.x0[0]
    dims = s.option(1, "dim", None)
    dims = list(range(x.ndim)) if dims is None or dims == [] else dims
    wide = x.sum(dims, True).shape
    g, y, y0 = g.reshape(wide), sign * s.y.reshape(wide), sign * s.y0.reshape(wide)
    top = torch.maximum(y, y0)
    best = _spread(x == y, dims, torch.ones_like(x))
    best0 = _spread(x0 == y0, dims, x)
    change = best * (g * (top - y0)) + best0 * (g * (y - top))
    return ratio(sign * change, torch.ones_like(x), x, x0, sign * plain) * sign


def _spread(attains: torch.Tensor, dims: Any, order: torch.Tensor) -> torch.Tensor:
    """Shares among the values that attain the maximum: those first in `order`, equally."""
    among = torch.where(attains, order, -torch.inf)
    first = (attains & (among == among.amax(dims, True))).to(order.dtype)
    return first / first.sum(dims, True)


def same_choice(s: Step) -> bool:
    """Whether what was chosen at x is what was chosen at the reference: then the choice is linear."""
    x0, y0 = s.x0[0], s.y0
    if not s.op.more:
        return False
    places, dim = s.op.more[0], s.option(CHOICES[s.op.packet], "dim", -1)
    if places.ndim < x0.ndim:
        places, y0 = places.unsqueeze(dim), y0.unsqueeze(dim)
    return bool((x0.gather(dim, places) == y0).all()) if x0.ndim else True


RULES: dict[Any, Callable[[Step, torch.Tensor, Grads], Grads]] = {
    **dict.fromkeys(SPACE, pool),
    A.amax: largest,
    A.max: largest,
    A.amin: smallest,
    A.min: smallest,
}
