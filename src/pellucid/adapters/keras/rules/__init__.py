"""Backward rules for Keras, written once in `keras.ops`: one module a kind, each with a `program(model)`.

How a rule is applied to a layer's call: a pass is followed by a `Book` (see `following`), which is asked at every call
of a layer, and at every activation function, what is to be calculated instead. It answers with the value that the layer
gives anyway, and another way back:

    y = stop(z) + q - stop(q)

is z, to the last bit, and has the derivative of q. What `q` is, is the rule.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from pellucid.core.errors import CapabilityError
from pellucid.core.types import NpArray

KINDS = ("deep_lift", "lrp", "relu")


def vjp(
    model: Any,
    inputs: tuple[NpArray, ...],
    cotangent: Callable[[NpArray], NpArray],
    wrt: tuple[int, ...],
) -> tuple[NpArray, tuple[NpArray, ...]]:
    """The output of `model`, and `cotangent(output)` carried back to `inputs[i]` for i in `wrt` by `model.rule`.

    Raises:
        CapabilityError: the rule is none that Keras models can follow.
    """
    if model.rule.kind not in KINDS:
        raise CapabilityError("Keras models cannot follow this rule.", got=type(model.rule).__name__)
    return import_module(f"{__name__}.{model.rule.kind}").vjp(model, inputs, cotangent, wrt)
