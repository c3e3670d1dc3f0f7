"""DeepLIFT's RevealCancel at functions of one number: what each part of a change adds, averaged over their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .multipliers import CLOSE
from .operations import packets
from .tracked import Tracked, difference

A = torch.ops.aten
EVERYWHERE = packets(
    "relu leaky_relu hardtanh clamp clamp_min clamp_max threshold hardshrink rrelu_with_noise sigmoid tanh gelu silu "
    "elu celu softplus hardswish hardsigmoid mish log_sigmoid_forward _prelu_kernel softshrink exp exp2 expm1 abs "
    "square erf erfc sin cos atan sinh cosh asinh sinc special_ndtr"
)
"""Functions that are defined and continuous for every number: the parts of a change may lead anywhere."""


class Parted(torch.autograd.Function):
    """A change and what is apart in it, with given multipliers: along each, and from one to the other."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, apart: Tensor, made: tuple[Tensor, ...], found: tuple[Any, ...]) -> Any:
        ctx.found = found
        return made

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        to_change, to_apart = grads
        same, cross, of_apart = ctx.found
        return to_change * same + to_apart * cross, to_apart * of_apart + to_change * cross, None, None


def reveals(packet: Any, args: Any) -> bool:
    """Whether RevealCancel is defined for an operation, wherever the parts of its change lead."""
    if packet in packets("pow"):
        power = args[1] if len(args) > 1 else None
        return isinstance(args[0], Tracked) and isinstance(power, int | float) and power in range(1, 64)
    return packet in EVERYWHERE


def through(
    t: Tracked, f: Callable[[Tensor], Tensor], *, reveal: bool
) -> tuple[Tensor, Tensor, Tensor, bool]:
    """The output, that at the reference and what is apart in the output; and whether RevealCancel held everywhere.

    With x0 the reference and p, n the parts of the change, p adds half of f(x0 + p) - f(x0) and half of
    f(x0 + n + p) - f(x0 + n). Where that leaves the function's domain both parts have the multiplier of their sum.
    """
    x, x0, apart = t.x.detach(), t.x0, t.parts().detach()
    y, y0 = f(x.clone()), f(x0.clone())
    dx, dy = difference(x, x0), difference(y, y0)
    found, whole = _rescaled(f, x, dx, dy), False
    if reveal:
        first, second = _parts(f, (x, x0, dx, apart), (y, y0, dy))
        sound = first.isfinite() & second.isfinite()
        same, cross = (first + second) / 2, (first - second) / 2
        whole = bool(sound.all())
        revealed = (same, cross, same)
        found = tuple(torch.where(sound, r, m) for r, m in zip(revealed, found, strict=True))
    made = (y, apart * found[2] + dx * found[1])
    y_tracked, out = Parted.apply(t.x, t.apart, made, found)  # type: ignore[misc]  # two outputs
    return y_tracked, y0, out, whole


def _parts(
    f: Callable[[Tensor], Tensor], at: tuple[Tensor, ...], out: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor]:
    """The multipliers of the positive and of the negative part; of a part that is not there, their limit."""
    (x, x0, dx, apart), (y, y0, dy) = at, out
    up, down = (dx + apart) / 2, (dx - apart) / 2
    to_up, to_down = f(x0 + up) - y0, f(x0 + down) - y0
    size = x0.abs() + apart.abs()
    found: list[Tensor] = []
    for part, alone, other, sign in ((up, to_up, to_down, 1), (down, to_down, to_up, -1)):
        moves = part.abs() > CLOSE * torch.finfo(dx.dtype).eps * size
        ratio = (alone + dy - other) / (2 * part)
        if not bool(moves.all()):
            step = sign * torch.finfo(dx.dtype).eps ** 0.5 * (1 + size)
            ratio = torch.where(moves, ratio, (f(x0 + step) - y0 + f(x + step) - y) / (2 * step))
        found.append(ratio)
    return found[0], found[1]


def _rescaled(f: Callable[[Tensor], Tensor], x: Tensor, dx: Tensor, dy: Tensor) -> tuple[Tensor, ...]:
    """Rescale, for both parts: the change of the output over that of the input; where that is rounding, the slope."""
    with torch.enable_grad():
        z = x.clone().requires_grad_(True)
        (slope,) = torch.autograd.grad(f(z).sum(), z)
    moves = dx.abs() > CLOSE * torch.finfo(dx.dtype).eps * x.abs()
    together = torch.where(moves, dy / dx, slope)
    return together, torch.zeros_like(together), together.abs()
