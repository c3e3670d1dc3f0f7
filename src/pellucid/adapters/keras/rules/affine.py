"""Relevance through dense layers and convolutions: maps that are linear in their input.

A rule is told as a term q whose value, times nothing, does not matter: x times its derivative is the relevance that x
receives for each unit that the output had. Biases are multiplied by `ones`, one per row, whose derivative is what the
biases receive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pellucid.adapters.keras.operations import ops
from pellucid.core.lrp import TINY, AlphaBeta, Epsilon, Flat, Gamma, LayerRule, WSquare, ZBox, ZPlus

from . import kinds

sg = ops.stop_gradient


@dataclass(frozen=True, eq=False)
class Affine:
    """Z = forward(x, w) + b, linear in x and in w.

    Attributes:
        x, w, b: input, weights, and the bias as it is added to the output, or None.
        forward: (x, w) to the output without bias.
        conv: whether it is a convolution.
        outputs: the shape that lays one number per output along the weights.
        channels: the shape that lays one number per input channel along the input.
        ones: one per row, laid out like the output, where biases are told by.
        tap: ones like the input, where relevance goes that is given to inputs that are zero; None but for a first
            layer.
    """

    x: Any
    w: Any
    b: Any
    forward: Callable[[Any, Any], Any]
    conv: bool
    outputs: tuple[int, ...] | None
    channels: tuple[int, ...]
    ones: Any = None
    tap: Any = None

    @property
    def z(self) -> Any:
        """The output."""
        z = self.forward(self.x, self.w)
        return z if self.b is None else z + self.b

    def scaled(self, scale: Any, shift: Any, axis_shape: tuple[int, ...]) -> Affine:
        """The same with every output times `scale` plus `shift`, (outputs,) each."""
        laid, added = ops.reshape(scale, axis_shape), ops.reshape(shift, axis_shape)
        b = added if self.b is None else self.b * laid + added
        return replace(self, w=self.w * ops.reshape(scale, self.outputs or (-1,)), b=b)


def affine(layer: Any, x: Any) -> Affine | None:
    """The layer as a map, its activation aside; None where it is of no kind known here."""
    kind = kinds.kind(layer)
    if kind in kinds.DENSE:
        return _dense(layer, x, kind)
    return _separable(layer, x) if kind.startswith("Separable") else _convolution(layer, x, kind)


def _dense(layer: Any, x: Any, kind: str) -> Affine:
    w = ops.convert_to_tensor(layer.kernel)
    b = None if layer.bias is None else ops.convert_to_tensor(layer.bias)
    forward = ops.matmul if kind == "Dense" else lambda x, w: ops.einsum(layer.equation, x, w)
    return Affine(x, w, b, forward, False, (1, -1) if kind == "Dense" else None, (-1,))


def _convolution(layer: Any, x: Any, kind: str) -> Affine:
    how: dict[str, Any] = {
        "strides": list(layer.strides) if isinstance(layer.strides, tuple) else layer.strides,
        "padding": layer.padding,
        "dilation_rate": layer.dilation_rate,
        "data_format": layer.data_format,
    }
    depth = kind.startswith("Depthwise")
    if kind.endswith("Transpose"):
        forward = lambda x, w: ops.conv_transpose(x, w, output_padding=layer.output_padding, **how)  # noqa: E731
    elif depth:
        forward = lambda x, w: ops.depthwise_conv(x, w, **how)  # noqa: E731
    else:
        forward = layer.convolution_op
    rank = len(x.shape) - 2
    outputs = (1,) * rank + (
        (*x.shape[-1:], -1) if depth else (-1, 1) if kind.endswith("Transpose") else (1, -1)
    )
    if depth and layer.data_format != "channels_last":
        outputs = (1,) * rank + (x.shape[1], -1)
    return Affine(
        x,
        ops.convert_to_tensor(layer.kernel),
        _bias(layer, rank),
        forward,
        True,
        outputs,
        _per_channel(layer, rank),
    )


def _separable(layer: Any, x: Any) -> Affine:
    """The second half of a separable convolution; the first has the same rule and comes before."""
    rank = len(x.shape) - 2
    forward = lambda x, w: ops.conv(x, w, padding="valid", data_format=layer.data_format)  # noqa: E731
    w = ops.convert_to_tensor(layer.pointwise_kernel)
    return Affine(x, w, _bias(layer, rank), forward, True, (1,) * rank + (1, -1), _per_channel(layer, rank))


def depthwise(layer: Any, x: Any) -> Affine:
    """The first half of a separable convolution."""
    how = {
        "strides": layer.strides,
        "padding": layer.padding,
        "dilation_rate": layer.dilation_rate,
        "data_format": layer.data_format,
    }
    forward = lambda x, w: ops.depthwise_conv(x, w, **how)  # noqa: E731
    w = ops.convert_to_tensor(layer.depthwise_kernel)
    return Affine(x, w, None, forward, True, None, _per_channel(layer, len(x.shape) - 2))


def _bias(layer: Any, rank: int) -> Any:
    return (
        ops.reshape(ops.convert_to_tensor(layer.bias), _per_channel(layer, rank)) if layer.use_bias else None
    )


def _per_channel(layer: Any, rank: int) -> tuple[int, ...]:
    last = layer.data_format == "channels_last"
    return (*(1,) * (rank + 1), -1) if last else (1, -1, *(1,) * rank)


# -- the rules ------------------------------------------------------------------------------------------------------


def propagate(rule: LayerRule, m: Affine, z: Any) -> Any:
    """The output z of `m`, whose relevance goes back by `rule`."""
    z = sg(z)
    term = _RULES[type(rule)](rule, m, z)
    return z + term - sg(term)


def stabilised(z: Any, epsilon: float = TINY) -> Any:
    """Z moved away from zero by epsilon."""
    return z + epsilon * ops.where(z < 0, -ops.ones_like(z), ops.ones_like(z))


def _told(m: Affine, bias: Any) -> Any:
    """A bias that can be told from the rest."""
    return 0.0 if bias is None else bias * m.ones


def _epsilon(rule: Any, m: Affine, z: Any) -> Any:
    share = z / stabilised(z, rule.epsilon) if rule.epsilon else ops.ones_like(z)
    return share * (m.forward(m.x, m.w) + _told(m, m.b))


def _positive(t: Any) -> Any:
    return ops.maximum(t, 0.0)


def _negative(t: Any) -> Any:
    return ops.minimum(t, 0.0)


def _mixed(m: Affine, up: Any, down: Any, bias: Any) -> Any:
    """Positive inputs through the weights `up`, negative ones through `down`."""
    below = ops.cast(sg(m.x) < 0, m.x.dtype)
    return m.forward(m.x * (1 - below), up) + m.forward(m.x * below, down) + _told(m, bias)


def _part(m: Affine, z: Any, *, positive: bool) -> Any:
    """The relevance of z in proportion to the positive, or to the negative, contributions."""
    up, down = (_positive(m.w), _negative(m.w)) if positive else (_negative(m.w), _positive(m.w))
    bias = None if m.b is None else _positive(m.b) if positive else _negative(m.b)
    p = _mixed(m, up, down, bias)
    return z / stabilised(sg(p)) * p


def _zplus(rule: Any, m: Affine, z: Any) -> Any:
    return _part(m, z, positive=True)


def _alpha_beta(rule: Any, m: Affine, z: Any) -> Any:
    up = rule.alpha * _part(m, z, positive=True)
    return up - rule.beta * _part(m, z, positive=False) if rule.beta else up


def _gamma(rule: Any, m: Affine, z: Any) -> Any:
    total = ops.zeros_like(z)
    for sign in (1, -1):  # units that are on, then units that are below zero
        up, down = (_favoured(m.w, s, rule.gamma) for s in (sign, -sign))
        p = _mixed(m, up, down, None if m.b is None else _favoured(m.b, sign, rule.gamma))
        total = total + ops.where(z * sign > 0, z / stabilised(sg(p)), ops.zeros_like(z)) * p
    return total


def _favoured(w: Any, sign: int, gamma: float) -> Any:
    return w + gamma * (_positive(w) if sign > 0 else _negative(w))


def _whatever(weights: Callable[[Any], Any]) -> Callable[[Any, Affine, Any], Any]:
    """In proportion to some function of the weights, for all inputs alike."""

    def rule(_: Any, m: Affine, z: Any) -> Any:
        p = m.forward(m.tap, weights(m.w))
        return z / stabilised(sg(p)) * p

    return rule


def _zbox(rule: Any, m: Affine, z: Any) -> Any:
    low, high = (_bound(v, m) for v in (rule.low, rule.high))
    p = m.forward(sg(m.x) * m.tap, m.w)
    p = p - m.forward(low * m.tap, _positive(m.w)) - m.forward(high * m.tap, _negative(m.w))
    return z / stabilised(sg(p)) * p


def outside(rule: LayerRule, m: Affine) -> Any:
    """How much of each row left the box that the rule was told, (rows,); None where there is no box."""
    if not isinstance(rule, ZBox):
        return None
    x = sg(m.x)
    left = ops.cast(ops.logical_or(x < _bound(rule.low, m), x > _bound(rule.high, m)), x.dtype)
    return ops.max(left, axis=tuple(range(1, len(x.shape))))


def _bound(value: float | tuple[float, ...], m: Affine) -> Any:
    if not isinstance(value, tuple):
        return ops.full_like(m.x, value)
    laid = ops.reshape(ops.convert_to_tensor(value, dtype=m.x.dtype), m.channels)
    return laid * ops.ones_like(m.x)


_RULES: dict[type[LayerRule], Callable[[Any, Affine, Any], Any]] = {
    Epsilon: _epsilon,
    ZPlus: _zplus,
    AlphaBeta: _alpha_beta,
    Gamma: _gamma,
    Flat: _whatever(ops.ones_like),
    WSquare: _whatever(ops.square),
    ZBox: _zbox,
}
