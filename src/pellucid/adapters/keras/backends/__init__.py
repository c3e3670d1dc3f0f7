"""The three frameworks under Keras, each in a file of its own: how a pass is compiled, and how it is differentiated.

Every file has the same four functions:

- `forward(program, arrays)` compiles a pass and gives ``run(arrays) -> (y, aux)``;
- `pullback(program, arrays, wrt)` gives ``run(arrays) -> (y, aux, back)``, with ``back(cotangent)`` the gradients for
  the arrays numbered in `wrt`, None where nothing leads there;
- `trace(program, arrays)` runs a pass for what can be seen on the way, and for no result;
- `out_of_memory(error)` and `at_rest()` are what `pellucid.core.model.Model` says.

Arrays are NumPy on this side and tensors on the other. TensorFlow's tensors follow no array standard, and JAX's are
slow outside a compiled function: methods calculate in NumPy, and the network runs in one compiled piece.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Protocol

import keras

from pellucid.core.errors import CapabilityError
from pellucid.core.types import NpArray

NAMES = ("tensorflow", "jax", "torch")

Aux = tuple[NpArray, ...]
Forward = Callable[[Sequence[NpArray]], tuple[NpArray, Aux]]
Back = Callable[[NpArray], "list[NpArray | None]"]
Pullback = Callable[[Sequence[NpArray]], tuple[NpArray, Aux, Back]]


class Program(Protocol):
    """What is compiled: tensors in, (y, aux) out.

    Attributes:
        variables: the model's variables, whose values are passed in, so that a pass writes to none of them.
    """

    variables: list[Any]

    def __call__(self, values: Sequence[Any], *tensors: Any) -> tuple[Any, tuple[Any, ...]]: ...


def backend() -> Any:
    """The module of the framework that Keras runs on in this process.

    Raises:
        CapabilityError: it is one without gradients.
    """
    name = keras.backend.backend()
    if name not in NAMES:
        raise CapabilityError(
            f"Keras runs on {name} here, which has no gradients.",
            fix="Set KERAS_BACKEND to tensorflow, jax or torch, or explain model.predict.",
        )
    return import_module(f"{__name__}.{name}")
