"""DeepLIFT's multipliers, each as a term that vanishes at x and whose derivative is the multiplier.

With dx = x - stop(x), which is zero and has the derivative of x, a multiplier m gives the term m dx.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from pellucid.adapters.keras.operations import ops

from .following import Call

CLOSE = 8
"""Changes below so many units in the last place are rounding: the plain derivative is taken there."""
NUDGE = 1e-5
"""How much of x is added to the reference to choose between equal values, as a share of the reference's largest."""
STRAIGHT = frozenset({"relu", "relu6", "leaky_relu", "hard_tanh", "clip"})
"""Functions in straight pieces of slope at most one."""
SMOOTH = frozenset(
    {
        "gelu",
        "silu",
        "sigmoid",
        "tanh",
        "softplus",
        "log_sigmoid",
        "tanh_shrink",
        "squareplus",
        "exp",
        "sin",
        "cos",
    }
)
"""Functions that bend over distances of about one."""
RELATIVE = frozenset({"log", "sqrt"})
"""Functions that bend over distances of about x."""
BENT_AT_ZERO = frozenset({"elu", "selu", "celu", "softsign"})
"""Functions that are smooth on either side of zero."""
NEAR = 0.25
"""Changes below this, in units of the distance over which a function bends, are small."""
GAUSS = ((0.5 - 0.15**0.5, 5 / 18), (0.5, 8 / 18), (0.5 + 0.15**0.5, 5 / 18))
"""Where Gauss's three points lie in an interval of length one, and their weights."""
OTHER_SHAPE = frozenset({"glu", "sparsemax"})
"""What is no function of one number."""

Term = Callable[["Step"], Any]


@dataclass(eq=False)
class Step:
    """One operation, in the pass at x and in that at the reference.

    Attributes:
        function: the operation.
        x, x0: its arguments.
        y, y0: its value, cut off from the gradient.
    """

    function: Call
    x: list[Any]
    x0: list[Any]
    y: Any
    y0: Any


def exact(y: Any, term: Any) -> Any:
    """The value y, with the derivative of `term`."""
    return ops.stop_gradient(y) + term - ops.stop_gradient(term)


def moved(x: Any) -> Any:
    """Zero, with the derivative of x."""
    return x - ops.stop_gradient(x)


def ratio(change: Any, x: Any, x0: Any, plain: Any, close: float = CLOSE) -> Any:
    """Change over x - x0; `plain` where x hardly changes."""
    x, dx = ops.stop_gradient(x), ops.stop_gradient(x - x0)
    moves = ops.abs(dx) > close * float(np.finfo(keras.backend.standardize_dtype(x.dtype)).eps) * ops.abs(x)
    return ops.where(moves, change / ops.where(moves, dx, ops.ones_like(dx)), plain)


def _bent(s: Step, close: float) -> Any:
    """An activation: the ratio of the changes, and its own derivative where x hardly changes."""
    x, dx = s.x[0], moved(s.x[0])
    slope = ratio(s.y - s.y0, x, s.x0[0], ops.zeros_like(x), close)
    there = ratio(ops.ones_like(x), x, s.x0[0], ops.zeros_like(x), close) != 0
    return ops.where(there, slope * dx, s.function(x))


def curved(s: Step) -> Any:
    """A function of one number of which nothing more is known."""
    return _bent(s, CLOSE)


def kinked(s: Step) -> Any:
    """A function in straight pieces: its ratio is sound however small the change."""
    return _bent(s, 0.0)


def smooth(name: str) -> Term:
    """A function that is smooth; `name` tells where, and on what scale.

    The difference of two values that are close has few digits that are right. There the derivative is averaged between
    them at Gauss's points, which misses the ratio by the sixth power of the change.
    """

    def term(s: Step) -> Any:
        x, x0 = ops.stop_gradient(s.x[0]), s.x0[0]
        scale = ops.minimum(ops.abs(x), ops.abs(x0)) if name in RELATIVE else ops.ones_like(x)
        near = ops.abs(x - x0) < NEAR * scale
        if name in BENT_AT_ZERO:
            near = ops.logical_and(near, x * x0 > 0)
        between = 0.0
        for point, weight in GAUSS:
            between = between + weight * s.function(x0 + point * (x - x0) + moved(s.x[0]))
        return ops.where(near, between, curved(s))

    return term


def function(name: str) -> Term:
    """The multiplier of a function of one number, by its name."""
    if name in STRAIGHT:
        return kinked
    return smooth(name) if name in SMOOTH | RELATIVE | BENT_AT_ZERO else curved


def product(s: Step) -> Any:
    """Of a * b: each factor's change is weighed by the mean of the other."""
    (a, b), (a0, b0) = s.x, s.x0
    return moved(a) * _mean(b, b0) + _mean(a, a0) * moved(b)


def matrices(s: Step) -> Any:
    """Of a @ b."""
    (a, b), (a0, b0) = s.x, s.x0
    return ops.matmul(moved(a), _mean(b, b0)) + ops.matmul(_mean(a, a0), moved(b))


def _mean(a: Any, a0: Any) -> Any:
    return (ops.stop_gradient(a) + a0) / 2


def pooled(s: Step) -> Any:
    """A maximum: the cross-maximum rule.

    What the larger of both passes rises over the reference belongs to where x is largest, and what x falls short of it
    to where the reference is. `function` itself says where that is, by its derivative.
    """
    x, x0, dx = s.x[0], s.x0[0], moved(s.x[0])
    share = ratio(ops.ones_like(x), x, x0, ops.zeros_like(x)) * dx
    still = ops.where(ratio(ops.ones_like(x), x, x0, ops.zeros_like(x)) == 0, dx, ops.zeros_like(dx))
    top = ops.maximum(s.y, s.y0)
    rises = (top - s.y0) * s.function(ops.stop_gradient(x) + share)
    falls = (s.y - top) * s.function(_untied(x0, ops.stop_gradient(x)) + share)
    return rises + falls + s.function(ops.stop_gradient(x) + still)


def _untied(x0: Any, x: Any) -> Any:
    """The reference, with equal values in the order of x: with a constant reference this gives the plain gradient."""
    scale = ops.maximum(ops.max(ops.abs(x0)), 1e-3) / ops.maximum(ops.max(ops.abs(x)), 1e-12)
    return x0 + x * (NUDGE * scale)


def softmax(axis: int, log: bool = False) -> Term:
    """Of exp(z - log(sum(exp(z)))): each output changes by its logarithmic mean times the change of its logarithm."""

    def term(s: Step) -> Any:
        z, z0 = ops.stop_gradient(s.x[0]), s.x0[0]
        tops = [ops.max(t, axis, keepdims=True) for t in (z, z0)]
        top = ops.maximum(*tops)
        e, e0 = ops.exp(z - top), ops.exp(z0 - top)
        total, total0 = ops.sum(e, axis, keepdims=True), ops.sum(e0, axis, keepdims=True)
        log_total, log_total0 = (
            ops.log(ops.sum(ops.exp(t - own), axis, keepdims=True)) + (own - top)
            for t, own in zip((z, z0), tops, strict=True)
        )
        to_sum = _of_logarithm(total, total0, log_total - log_total0)
        shares = to_sum * _of_exponential(e, e0, z - z0)
        logs = moved(s.x[0]) - ops.sum(shares * moved(s.x[0]), axis, keepdims=True)
        if log:
            return logs
        return _of_exponential(s.y, s.y0, (z - z0) - (log_total - log_total0)) * logs

    return term


def _of_exponential(e: Any, e0: Any, change: Any) -> Any:
    """(e - e0) / change, where change is that of the logarithms, without the cancellation."""
    size = ops.abs(change)
    moves = size > 0
    share = ops.where(
        moves, -ops.expm1(-size) / ops.where(moves, size, ops.ones_like(size)), ops.ones_like(size)
    )
    return ops.maximum(e, e0) * share


def _of_logarithm(t: Any, t0: Any, change: Any) -> Any:
    """The change of the logarithms, over t - t0, without the cancellation."""
    least, apart = ops.minimum(t, t0), ops.abs(t - t0)
    near, moves = apart < 0.5 * least, apart > 0
    width = ops.where(moves, apart, ops.ones_like(apart))
    close = ops.log1p(apart / ops.where(near, least, ops.ones_like(least))) / width
    return ops.where(near, ops.where(moves, close, 1 / ops.maximum(least, 1e-30)), ops.abs(change) / width)


def trailing(layer: Any, x: Any) -> bool:
    """Whether a normalisation is over the last axes, and not by the root mean square."""
    given = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
    axes = sorted(a % len(x.shape) for a in given)
    return axes == list(range(len(x.shape) - len(axes), len(x.shape))) and not layer.rms_scaling


def normalised(layer: Any) -> Term:
    """(x - mean) / sqrt(variance + eps): what is centred, times a function of its mean square."""

    def term(s: Step) -> Any:
        x, x0 = ops.stop_gradient(s.x[0]), s.x0[0]
        axes = tuple(layer.axis) if isinstance(layer.axis, list | tuple) else (layer.axis,)
        both, roots = ops.zeros_like(x), []
        for t in (x, x0):
            centred = t - ops.mean(t, axes, keepdims=True)
            both = both + centred
            roots.append(ops.rsqrt(ops.mean(ops.square(centred), axes, keepdims=True) + layer.epsilon))
        r, r0 = roots
        dx = moved(s.x[0])
        dx = dx - ops.mean(dx, axes, keepdims=True)
        # (r - r0) / (v - v0) is -(r r0)^2 / (r + r0), without the cancellation
        bent = -0.5 * both * ops.square(r * r0) / (r + r0) * ops.mean(both * dx, axes, keepdims=True)
        out = 0.5 * (r + r0) * dx + bent
        return out if layer.gamma is None else out * ops.convert_to_tensor(layer.gamma)

    return term
