"""Relevance through everything that is no dense layer and no convolution."""

from __future__ import annotations

from typing import Any

from pellucid.adapters.keras.operations import ops

from .following import Call
from .multipliers import exact

OF_DEGREE_ONE = frozenset({"relu", "leaky_relu", "abs"})
"""Functions whose derivative times x is their value."""
sg = ops.stop_gradient


def per_row(ones: Any, like: Any) -> Any:
    """The ones of the rows, laid out to multiply something with rows, or with as many rows for each, in front."""
    if len(like.shape) < 1:
        return ones
    rows, all_rows = ops.shape(ones)[0], ops.shape(like)[0]
    wide = ops.reshape(ops.broadcast_to(ones[:, None], (rows, all_rows // rows)), (-1,))
    return ops.reshape(wide, (-1,) + (1,) * (len(like.shape) - 1))


def _bias(value: Any, ones: Any) -> Any:
    """Zero, with the derivative of a bias."""
    row = per_row(ones, value)
    return sg(value) * (row - sg(row))


def constant(value: Any, ones: Any) -> Any:
    """A constant, whose relevance is told as a bias's is."""
    return sg(value) + _bias(value, ones)


def elementwise(function: Call, x: Any, ones: Any) -> Any:
    """An activation passes relevance on, y = x (y - f(0)) / x + f(0), and f(0) is a bias."""
    y, zero = sg(function(x)), sg(function(ops.zeros_like(x)))
    still = sg(x) == 0
    share = ops.where(still, ops.zeros_like(y), (y - zero) / ops.where(still, ops.ones_like(x), sg(x)))
    return exact(y, share * x) + _bias(zero, ones)


def shifted(function: Call, x: Any, ones: Any) -> Any:
    """Numbers times constants, plus constants, which are biases."""
    return function(x) + _bias(function(ops.zeros_like(x)), ones)


def expanded(function: Call, x: Any, ones: Any) -> Any:
    """Softmax and its like are expanded to first order at x: the gradient, and the remainder to a bias."""
    y = function(x)
    row = per_row(ones, x)
    along = function(sg(x) * row)  # its derivative by the ones is what the gradient gives to x
    return y + _bias(y, ones) - (along - sg(along))


def product(factors: list[Any]) -> Any:
    """The factors share equally."""
    total, term = factors[0], 0.0
    for factor in factors[1:]:
        total = total * factor
    for i, factor in enumerate(factors):
        others = factor
        for j, other in enumerate(factors):
            others = others * sg(other) if j != i else others
        term = term + others / len(factors)
    return exact(total, term)


def normalised(layer: Any, x: Any, y: Any, ones: Any) -> Any:
    """The standard deviation is a constant, the mean is not."""
    axes = tuple(layer.axis) if isinstance(layer.axis, list | tuple) else (layer.axis,)
    centred = x - ops.mean(x, axes, keepdims=True)
    term = centred * sg(ops.rsqrt(ops.mean(ops.square(centred), axes, keepdims=True) + layer.epsilon))
    term = term if layer.gamma is None else term * ops.convert_to_tensor(layer.gamma)
    out = exact(y, term)
    return (
        out if layer.beta is None else out + _bias(ops.convert_to_tensor(layer.beta) * ops.ones_like(y), ones)
    )
