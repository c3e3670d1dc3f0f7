"""DeepLIFT's multipliers of elementwise operations and products: exact splits of a change of output.

Every rule takes a step (one operation in both passes), what arrives from its output and what the plain derivative
would pass on, and gives what is passed on: one entry for each input that autograd knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pellucid.adapters.torch.tape import Op

Grads = list[Any]
Rule = Callable[["Step", torch.Tensor, Grads], Grads]
CLOSE = 8
"""Changes below so many units in the last place are rounding: the plain derivative is taken there."""


@dataclass(eq=False, slots=True)
class Step:
    """One operation, in the pass at x and in that at the reference.

    Attributes:
        op: as it ran at x.
        x, x0: its arguments.
        y, y0: its (first) outputs.
    """

    op: Op
    x: tuple[Any, ...]
    x0: tuple[Any, ...]
    y: torch.Tensor
    y0: torch.Tensor

    @classmethod
    def of(cls, op: Op, ref: Op) -> Step:
        """The step of an operation and its counterpart at the reference."""
        return cls(op, op.args, ref.args, op.output, ref.output)

    def option(self, position: int, name: str, default: Any) -> Any:
        """An argument given by position or by name."""
        if len(self.x) > position:
            return self.x[position]
        return self.op.kwargs.get(name, default)


def ratio(g: torch.Tensor, dy: torch.Tensor, x: Any, x0: Any, plain: torch.Tensor) -> torch.Tensor:
    """What arrives, times the change of output over the change of input; `plain` where the input hardly changes."""
    dx = x - x0
    moves = dx.abs() > CLOSE * torch.finfo(dx.dtype).eps * x.abs()
    return torch.where(moves, g * dy / dx, plain)


def mean(a: Any, b: Any) -> Any:
    """Halfway."""
    return (a + b) / 2


def fitted(g: torch.Tensor, like: Any) -> torch.Tensor:
    """Summed over what was broadcast."""
    return g if g.shape == like.shape else g.sum_to_size(like.shape)


def unary(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """A function of one tensor, element by element."""
    i = s.op.needs.index(True)  # pow(2, x) has it second
    j = next(k for k, plain in enumerate(gi) if plain is not None)
    if s.x[i].shape == s.y.shape:
        gi[j] = ratio(g, s.y - s.y0, s.x[i], s.x0[i], gi[j])
    return gi


def kinked(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """A function of slope at most one, in straight pieces: its ratio is sound however small the change."""
    dx = s.x[0] - s.x0[0]
    gi[0] = torch.where(dx == 0, gi[0], (s.y - s.y0).div_(dx).mul_(g))
    return gi


def product(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """Of a * b: each factor's change is weighed by the mean of the other."""
    (a, b), (a0, b0) = s.x[:2], s.x0[:2]
    if gi[0] is not None and (len(gi) < 2 or gi[1] is None):
        return _one_factor(s, g, gi, 0)
    if gi[0] is None:
        return _one_factor(s, g, gi, 1)
    gi[0], gi[1] = fitted(g * mean(b, b0), a), fitted(g * mean(a, a0), b)
    return gi


def _one_factor(s: Step, g: torch.Tensor, gi: Grads, i: int) -> Grads:
    """A product whose other factor has no gradient, such as x * (x > 0): all change is this factor's."""
    if s.y.shape == s.x[i].shape:
        gi[i] = ratio(g, s.y - s.y0, s.x[i], s.x0[i], gi[i])
    else:
        gi[i] = fitted(g * mean(s.x[1 - i], s.x0[1 - i]), s.x[i])
    return gi


def quotient(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """Of a / b, as a product of a and 1 / b, whose change is -(b - b0) / (b b0)."""
    (a, b), (a0, b0) = s.x[:2], s.x0[:2]
    if len(gi) < 2 or gi[1] is None:
        return _one_factor(s, g, gi, 0) if not isinstance(b, int | float) and gi[0] is not None else gi
    if gi[0] is not None:
        gi[0] = fitted(g * mean(1 / b, 1 / b0), a)
    gi[1] = fitted(-g * mean(a, a0) / (b * b0), b)
    return gi


def matrices(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """Of a @ b, for matrices or batches of them."""
    (a, b), (a0, b0) = s.x[-2:], s.x0[-2:]
    first = len(gi) - 2
    scale = s.op.kwargs.get("alpha", 1) if first else 1
    if gi[first] is not None:
        gi[first] = scale * (g @ mean(b, b0).mT)
    if gi[first + 1] is not None:
        gi[first + 1] = scale * (mean(a, a0).mT @ g)
    return gi


def midpoint(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """What is linear in each changing argument, or quadratic in one: the gradient half way is exact."""
    at = [
        mean(a, b).detach().requires_grad_(True) if need else a
        for a, b, need in zip(s.x, s.x0, s.op.needs, strict=True)
    ]
    leaves = [a for a, need in zip(at, s.op.needs, strict=True) if need]
    with torch.enable_grad():
        y = s.op.packet(*at, **s.op.kwargs)
    found = iter(torch.autograd.grad(y, leaves, g))
    return [None if old is None else next(found) for old in gi]


def several(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """A product of many numbers of one tensor: the gradient averaged over the straight line between both passes.

    That is each factor's Shapley value, and exact: the gradient is a polynomial, for which Gauss's points are enough.
    """
    x, x0 = s.x[0].detach(), s.x0[0].detach()
    points, weights = np.polynomial.legendre.leggauss((factors(s) + 1) // 2)
    total = torch.zeros_like(x)
    for point, weight in zip(points, weights, strict=True):
        at = torch.lerp(x0, x, float(point + 1) / 2).requires_grad_(True)
        with torch.enable_grad():
            y = s.op.packet(at, *s.x[1:], **s.op.kwargs)
        total += torch.autograd.grad(y, at, g)[0] * float(weight / 2)
    gi[0] = total
    return gi


def factors(s: Step) -> int:
    """How many numbers are multiplied."""
    dim = s.option(1, "dim", None)
    return max(1, s.x[0].numel() if dim is None else s.x[0].shape[dim] if s.x[0].ndim else 1)


def distances(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """Euclidean distances between rows: roots of sums of squared differences."""
    (a, b), (a0, b0) = s.x[:2], s.x0[:2]
    both = s.y + s.y0
    to_square = torch.where(both > 0, g / both, 0)
    for i, (p, q, w) in enumerate(((a + a0, b + b0, to_square), (b + b0, a + a0, to_square.mT))):
        if gi[i] is not None:
            gi[i] = fitted(w.sum(-1, keepdim=True) * p - w @ q, p)
    return gi


def scaled_product(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """addcmul: c + value * a * b."""
    value = s.op.kwargs.get("value", 1)
    (_, a, b), (_, a0, b0) = s.x[:3], s.x0[:3]
    gi[1] = None if gi[1] is None else fitted(value * g * mean(b, b0), a)
    gi[2] = None if gi[2] is None else fitted(value * g * mean(a, a0), b)
    return gi


def scaled_quotient(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """addcdiv: c + value * a / b."""
    value = s.op.kwargs.get("value", 1)
    (_, a, b), (_, a0, b0) = s.x[:3], s.x0[:3]
    gi[1] = None if gi[1] is None else fitted(value * g * mean(1 / b, 1 / b0), a)
    gi[2] = None if gi[2] is None else fitted(-value * g * mean(a, a0) / (b * b0), b)
    return gi


def interpolation(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """lerp: a + w * (b - a), linear in a and b and in w."""
    (a, b, w), (a0, b0, w0) = s.x[:3], s.x0[:3]
    half = mean(w, w0)
    gi[0] = None if gi[0] is None else fitted(g * (1 - half), a)
    gi[1] = None if gi[1] is None else fitted(g * half, b)
    if len(gi) > 2 and gi[2] is not None:
        gi[2] = fitted(g * mean(b - a, b0 - a0), w)
    return gi


def of_two(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """A function of two tensors: each one's change, averaged over the order in which they change (Shapley)."""
    run, (a, b), (a0, b0), rest = s.op.packet, s.x[:2], s.x0[:2], s.x[2:]
    if not isinstance(a, torch.Tensor) or len(gi) < 2 or gi[0] is None or gi[1] is None:
        return unary(s, g, gi)
    ab0, a0b = run(a, b0, *rest, **s.op.kwargs), run(a0, b, *rest, **s.op.kwargs)
    for i, (p, p0, change) in enumerate(
        ((a, a0, mean(ab0 - s.y0, s.y - a0b)), (b, b0, mean(a0b - s.y0, s.y - ab0)))
    ):
        wide, wide0 = p.expand(s.y.shape), p0.expand(s.y.shape)
        gi[i] = fitted(ratio(g, change, wide, wide0, gi[i].expand(s.y.shape) / (wide.numel() / p.numel())), p)
    return gi


def choice(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """where(c, a, b): c has no gradient; what its change adds is shared by how much a and b change.

    Where all that changes is c itself, nothing can be told: a step between constants has no multiplier.
    """
    (c, a, b), (c0, a0, b0) = s.x[:3], s.x0[:3]
    shares = c.to(g.dtype), c0.to(g.dtype)
    keep_a = mean(*shares)
    da, db = (a - a0).expand(g.shape), (b - b0).expand(g.shape)
    da, db = (d if grad is not None else 0 * d for d, grad in zip((da, db), (gi[0], gi[-1]), strict=True))
    left = (s.y - s.y0) - keep_a * da - (1 - keep_a) * db
    size = da.abs() + db.abs()
    extra = torch.where((size > 0) & (left != 0), left / size, 0)
    if gi[0] is not None:
        gi[0] = fitted(g * (keep_a + extra * da.sign()), a)
    if len(gi) > 1 and gi[1] is not None:
        gi[1] = fitted(g * (1 - keep_a + extra * db.sign()), b)
    return gi


def gate(s: Step, g: torch.Tensor, gi: Grads) -> Grads:
    """glu: a * sigmoid(b), the two halves of one tensor."""
    dim = s.option(1, "dim", -1)
    (a, b), (a0, b0) = s.x[0].chunk(2, dim), s.x0[0].chunk(2, dim)
    open_, open0 = b.sigmoid(), b0.sigmoid()
    arrived = g * mean(a, a0)
    through_b = ratio(arrived, open_ - open0, b, b0, arrived * open_ * (1 - open_))
    gi[0] = torch.cat([g * mean(open_, open0), through_b], dim)
    return gi
