"""Relevance through maps that are linear in their input: convolutions and products with constants.

Relevance travels as r = x g: what goes back is g, and an input's relevance is its value times what it is given. Each
rule turns the g of the outputs into that of the inputs, which keeps sums, reshapes and poolings as autograd has them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pellucid.adapters.torch.tape import Op
from pellucid.core.lrp import TINY, AlphaBeta, Epsilon, Flat, Gamma, LayerRule, WSquare, ZBox, ZPlus


@dataclass
class Affine:
    """Z = forward(x, w) + b, linear in x and in w.

    Attributes:
        x, w, b: input, weights, and the bias as it is added to the output, or None.
        forward: (x, w) to the output without bias.
        pull: (gradient of the output, w) to that of x.
        conv: whether it is a convolution.
        outputs: the axis of w that counts outputs; None where a factor per output cannot be merged.
        which: which of the operation's edges leads to x.
        z: the output, as the forward pass had it.
    """

    x: Tensor
    w: Tensor
    b: Tensor | None
    forward: Callable[[Tensor, Tensor], Tensor]
    pull: Callable[[Tensor, Tensor], Tensor]
    conv: bool = False
    outputs: int | None = None
    which: int = 0
    z: Tensor | None = None

    def __call__(self) -> Tensor:
        """The output z."""
        if self.z is not None:
            return self.z
        z = self.forward(self.x, self.w)
        return z if self.b is None else z + self.b

    def scaled(self, scale: Tensor, shift: Tensor, z: Tensor) -> Affine:
        """The same with every output times `scale` plus `shift`, (outputs,) each, which makes it `z`."""
        axis = self.outputs or 0
        shape = [-1 if i == axis else 1 for i in range(self.w.ndim)]
        out = (1, -1, *(1,) * (self.x.ndim - 2))
        b = shift.reshape(out) if self.b is None else self.b * scale.reshape(out) + shift.reshape(out)
        return replace(self, w=self.w * scale.reshape(shape), b=b, z=z)

    def shifted(self, constant: Tensor, z: Tensor) -> Affine | None:
        """The same with `constant` added, which makes the output `z`; None where it makes outputs more."""
        if constant.ndim > z.ndim or torch.broadcast_shapes(constant.shape, self().shape) != self().shape:
            return None
        return replace(self, b=constant if self.b is None else self.b + constant, z=z)


@dataclass
class Pulled:
    """What a rule gives back.

    Attributes:
        grad: relevance of x divided by x; or, with `direct`, the relevance itself.
        bias: relevance of the biases, shaped like the output; None without.
    """

    grad: Tensor
    bias: Tensor | None = None
    direct: bool = False


def stabilised(z: Tensor, epsilon: float = TINY) -> Tensor:
    """Z moved away from zero by epsilon."""
    return z + epsilon * torch.where(z < 0, -1.0, 1.0).to(z)


def propagate(rule: LayerRule, m: Affine, g: Tensor) -> Pulled:
    """The relevance g z of the outputs of `m`, given to its inputs by `rule`."""
    return _RULES[type(rule)](rule, m, g)


def _epsilon(rule: Any, m: Affine, g: Tensor) -> Pulled:
    if rule.epsilon:
        z = m()
        g = g * (z / stabilised(z, rule.epsilon))
    return Pulled(m.pull(g, m.w), None if m.b is None else g * m.b)


def _zplus(rule: Any, m: Affine, g: Tensor) -> Pulled:
    return _part(m, g * m(), positive=True)


def _part(m: Affine, r: Tensor, *, positive: bool) -> Pulled:
    """Relevance r of the outputs in proportion to the positive, or to the negative, contributions."""
    up, down = (m.w.clamp(min=0), m.w.clamp(max=0)) if positive else (m.w.clamp(max=0), m.w.clamp(min=0))
    bias = None if m.b is None else m.b.clamp(min=0) if positive else m.b.clamp(max=0)
    p = _mixed(m, up, down, bias)
    s = r / stabilised(p)
    return Pulled(_unmixed(m, s, up, down), None if bias is None else s * bias)


def _mixed(m: Affine, up: Tensor, down: Tensor, bias: Tensor | None) -> Tensor:
    """Positive inputs through the weights `up`, negative ones through `down`."""
    z = m.forward(m.x.clamp(min=0), up)
    if bool((m.x < 0).any()):
        z = z + m.forward(m.x.clamp(max=0), down)
    return z if bias is None else z + bias


def _unmixed(m: Affine, s: Tensor, up: Tensor, down: Tensor) -> Tensor:
    back = m.pull(s, up)
    if bool((m.x < 0).any()):
        back = torch.where(m.x < 0, m.pull(s, down), back)
    return back


def _alpha_beta(rule: Any, m: Affine, g: Tensor) -> Pulled:
    r = g * m()
    up = _part(m, r, positive=True)
    if not rule.beta:
        return up
    down = _part(m, r, positive=False)
    bias = None
    if up.bias is not None and down.bias is not None:
        bias = rule.alpha * up.bias - rule.beta * down.bias
    return Pulled(rule.alpha * up.grad - rule.beta * down.grad, bias)


def _gamma(rule: Any, m: Affine, g: Tensor) -> Pulled:
    z = m()
    r = g * z
    grad, shares = torch.zeros_like(m.x), []
    for sign in (1, -1):  # units that are on, then units that are below zero
        up, down = (_favoured(m.w, s, rule.gamma) for s in (sign, -sign))
        bias = None if m.b is None else _favoured(m.b, sign, rule.gamma)
        s = torch.where(z * sign > 0, r / stabilised(_mixed(m, up, down, bias)), 0)
        grad = grad + _unmixed(m, s, up, down)
        shares.append(0 if bias is None else s * bias)
    return Pulled(grad, None if m.b is None else shares[0] + shares[1])


def _favoured(w: Tensor, sign: int, gamma: float) -> Tensor:
    return w + gamma * (w.clamp(min=0) if sign > 0 else w.clamp(max=0))


def _whatever(weights: Callable[[Tensor], Tensor]) -> Callable[[Any, Affine, Tensor], Pulled]:
    """In proportion to some function of the weights, for all inputs alike."""

    def rule(_: Any, m: Affine, g: Tensor) -> Pulled:
        w = weights(m.w)
        s = g * m() / stabilised(m.forward(torch.ones_like(m.x), w))
        return Pulled(m.pull(s, w), direct=True)

    return rule


def _zbox(rule: Any, m: Affine, g: Tensor) -> Pulled:
    low, high = (_bound(v, m) for v in (rule.low, rule.high))
    up, down = m.w.clamp(min=0), m.w.clamp(max=0)
    p = m.forward(m.x, m.w) - m.forward(low, up) - m.forward(high, down)
    s = g * m() / stabilised(p)
    return Pulled(m.x * m.pull(s, m.w) - low * m.pull(s, up) - high * m.pull(s, down), direct=True)


def outside(rule: LayerRule, m: Affine) -> bool:
    """Whether the input leaves the box that the rule was told."""
    if not isinstance(rule, ZBox):
        return False
    return bool(((m.x < _bound(rule.low, m)) | (m.x > _bound(rule.high, m))).any())


def _bound(value: float | tuple[float, ...], m: Affine) -> Tensor:
    if not isinstance(value, tuple):
        return torch.full_like(m.x, value)
    shape = (1, -1, *(1,) * (m.x.ndim - 2)) if m.conv else (-1,)
    return m.x.new_tensor(value).reshape(shape).expand_as(m.x)


_RULES: dict[type[LayerRule], Callable[[Any, Affine, Tensor], Pulled]] = {
    Epsilon: _epsilon,
    ZPlus: _zplus,
    AlphaBeta: _alpha_beta,
    Gamma: _gamma,
    Flat: _whatever(torch.ones_like),
    WSquare: _whatever(torch.square),
    ZBox: _zbox,
}

# -- operations as affine maps ----------------------------------------------------------------------------------------

aten = torch.ops.aten


def affine(op: Op, depends: tuple[bool, ...]) -> Affine | None:
    """The operation as a map of its one input that depends on what is explained; None for a product of two."""
    made = _MAPS[op.packet](op, depends)
    return None if made is None else replace(made, z=op.output.detach())


def is_affine(packet: Any) -> bool:
    """Whether the operation is a convolution or a product."""
    return packet in _MAPS


def _convolution(op: Op, depends: tuple[bool, ...]) -> Affine | None:
    x, w, b, *how = op.args[:9]
    if depends != (True, False, False):
        return None
    transposed, groups = how[3], how[5]
    empty = [0]

    def forward(x: Tensor, w: Tensor) -> Tensor:
        return aten.convolution(x, w, None, *how)

    def pull(g: Tensor, w: Tensor) -> Tensor:
        return aten.convolution_backward(g, x, w, empty, *how, [True, False, False])[0]

    bias = None if b is None else b.reshape(1, -1, *(1,) * (x.ndim - 2))
    outputs = None if transposed and groups > 1 else int(transposed)
    return Affine(x, w, bias, forward, pull, conv=True, outputs=outputs)


def _product(first: int) -> Callable[[Op, tuple[bool, ...]], Affine | None]:
    """A matrix product of the arguments `first` and the next, with a summand before them where first is 1."""

    def made(op: Op, depends: tuple[bool, ...]) -> Affine | None:
        a, b = op.args[first : first + 2]
        left, right = depends[first : first + 2]
        if left == right or (first and depends[0]):
            return None
        alpha, beta = op.kwargs.get("alpha", 1), op.kwargs.get("beta", 1)
        bias = op.args[0] * beta if first and beta else None
        if left:
            dense = b.ndim == 2 and a.ndim == 2
            return Affine(
                a,
                b,
                bias,
                lambda x, w: x @ w * alpha,
                lambda g, w: alpha * (g.unsqueeze(-1) * w if w.ndim == 1 else g @ w.mT),
                outputs=1 if dense else None,
                which=first,
            )
        return Affine(
            b, a, bias, lambda x, w: w @ x * alpha, lambda g, w: alpha * _left_pull(g, w), which=first + 1
        )

    return made


def _left_pull(g: Tensor, w: Tensor) -> Tensor:
    """The gradient of x in w @ x."""
    return g * w if w.ndim == 1 else w.mT @ g


_MAPS: dict[Any, Callable[[Op, tuple[bool, ...]], Affine | None]] = {
    aten.convolution: _convolution,
    aten._convolution: _convolution,
    **dict.fromkeys((aten.mm, aten.bmm, aten.mv, aten.dot), _product(0)),
    **dict.fromkeys((aten.addmm, aten.baddbmm, aten.addmv), _product(1)),
}
