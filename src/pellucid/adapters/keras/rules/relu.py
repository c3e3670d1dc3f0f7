"""Guided backpropagation and deconvolution: the gradient of every ReLU, however it is spelled, is replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pellucid.adapters.keras.operations import ops
from pellucid.core.rules import GuidedReLU
from pellucid.core.types import NpArray

from .following import Book, Call, RuledSlice, check_keras, following


def vjp(
    model: Any,
    inputs: tuple[NpArray, ...],
    cotangent: Callable[[NpArray], NpArray],
    wrt: tuple[int, ...],
) -> tuple[NpArray, tuple[NpArray, ...]]:
    """The output, and its cotangent carried back with `model.rule` in place of each ReLU's derivative."""
    check_keras()
    _, run = model.compiled("pullback", inputs, wrt, ReLUs)
    y, _, back = run(inputs)
    return y, model.gradients(back(cotangent(y)), [inputs[i] for i in wrt])


class ReLUs(RuledSlice):
    """A pass in which every ReLU has another derivative."""

    def ruled(self, *tensors: Any) -> tuple[Any, tuple[Any, ...]]:
        with following(self.model(), ReLUBook(self.rule), every_layer=False):
            return self.value(*tensors), ()


class ReLUBook(Book):
    """Replaces the derivative of ReLUs."""

    def activation(self, name: str, function: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if name != "relu":
            return function(*args, **kwargs)
        return guided(args[0]) if isinstance(self.rule, GuidedReLU) else deconvolved(args[0])


@ops.custom_gradient
def guided(x: Any) -> Any:
    """max(x, 0), which passes back what is positive both in the gradient and in x."""

    def back(*given: Any, upstream: Any = None) -> Any:
        g = given[0] if upstream is None else upstream
        return ops.where(x > 0, ops.maximum(g, 0), ops.zeros_like(g))

    return ops.maximum(x, 0), back


@ops.custom_gradient
def deconvolved(x: Any) -> Any:
    """max(x, 0), which passes back what is positive in the gradient."""

    def back(*given: Any, upstream: Any = None) -> Any:
        return ops.maximum(given[0] if upstream is None else upstream, 0)

    return ops.maximum(x, 0), back
