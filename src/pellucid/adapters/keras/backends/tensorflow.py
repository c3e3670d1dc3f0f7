"""Keras on TensorFlow: passes compiled by `tf.function` for any number of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import tensorflow as tf

from pellucid.core.errors import PellucidError
from pellucid.core.types import NpArray

from . import Aux, Back, Forward, Program, Pullback


def forward(program: Program, arrays: Sequence[NpArray]) -> Forward:
    """Compile a pass: arrays in, (y, aux) out."""
    traced = _traced(program, arrays)

    def run(given: Sequence[NpArray]) -> tuple[NpArray, Aux]:
        y, aux = traced(*map(tf.convert_to_tensor, given))
        return y.numpy(), tuple(a.numpy() for a in aux)

    return run


def pullback(program: Program, arrays: Sequence[NpArray], wrt: tuple[int, ...]) -> Pullback:
    """Compile a pass and its gradients for the arrays at `wrt`."""
    traced: Any = _traced(program, arrays)

    def run(given: Sequence[NpArray]) -> tuple[NpArray, Aux, Back]:
        # a copy each: the same tensor given twice would share one gradient
        tensors = [tf.identity(tf.convert_to_tensor(a)) for a in given]
        leaves = [tensors[i] for i in wrt]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(leaves)
            y, aux = traced(*tensors)

        def back(cotangent: NpArray) -> list[NpArray | None]:
            grads = tape.gradient([y], leaves, [tf.convert_to_tensor(cotangent, y.dtype)])
            return [None if g is None else tf.convert_to_tensor(g).numpy() for g in grads]

        return y.numpy(), tuple(a.numpy() for a in aux), back

    return run


def trace(program: Program, arrays: Sequence[NpArray]) -> None:
    """Run a pass for what can be seen on the way."""
    _function(program).get_concrete_function(*(tf.TensorSpec(a.shape, a.dtype) for a in arrays))


def out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch may pass."""
    return isinstance(error, tf.errors.ResourceExhaustedError | MemoryError)


def at_rest() -> AbstractContextManager[None]:
    """While open, nothing of the framework is left changed."""
    return nullcontext()


def _function(program: Program) -> Any:
    def traced(*tensors: Any) -> Any:
        # behind a stop, no gradient of the weights is calculated
        return program([tf.stop_gradient(v.value) for v in program.variables], *tensors)

    return tf.function(traced, autograph=False, reduce_retracing=True)


def _traced(program: Program, arrays: Sequence[NpArray]) -> Any:
    """One trace for any number of rows; a trace for each number where the model cannot do without knowing it."""
    function = _function(program)
    try:
        return function.get_concrete_function(*(tf.TensorSpec((None, *a.shape[1:]), a.dtype) for a in arrays))
    except PellucidError:
        raise
    except (AttributeError, RuntimeError, TypeError, ValueError, tf.errors.OpError):
        return _function(program)  # a fault that is no matter of rows comes again with the first of them


def derivative(function: Callable[[Any], Any], y: NpArray) -> NpArray | None:
    """The derivative of sum(function(y)), None where there is none."""
    at = tf.convert_to_tensor(y)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(at)
        total = tf.reduce_sum(function(at))
    grads = tape.gradient(total, at)
    return None if grads is None else tf.convert_to_tensor(grads).numpy()
