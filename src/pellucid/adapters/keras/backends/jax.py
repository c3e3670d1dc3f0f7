"""Keras on JAX: passes compiled by `jax.jit`.

JAX compiles for each number of rows anew, which takes longer than many passes. So rows are passed in portions of 1, 4,
16, 64, ... of them, the last one padded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from pellucid.core.types import NpArray

from . import Aux, Back, Forward, Program, Pullback

GROWTH = 4
"""How many times larger the next portion is."""


def forward(program: Program, arrays: Sequence[NpArray]) -> Forward:
    """Compile a pass: arrays in, (y, aux) out."""
    compiled = jax.jit(program.__call__)

    def run(given: Sequence[NpArray]) -> tuple[NpArray, Aux]:
        values = _values(program)
        done = [(portion, *compiled(values, *portion.of(given))) for portion in portions(given)]
        return _joined([(p, (y, *aux)) for p, y, aux in done])

    return run


def pullback(program: Program, arrays: Sequence[NpArray], wrt: tuple[int, ...]) -> Pullback:
    """Compile a pass and its gradients for the arrays at `wrt`."""

    def both(values: Any, *tensors: Any) -> Any:
        def of_leaves(*leaves: Any) -> Any:
            whole = list(tensors)
            for i, leaf in zip(wrt, leaves, strict=True):
                whole[i] = leaf
            return program(values, *whole)

        return jax.vjp(of_leaves, *(tensors[i] for i in wrt), has_aux=True)

    compiled, pulled = jax.jit(both), jax.jit(lambda pull, cotangent: pull(cotangent))

    def run(given: Sequence[NpArray]) -> tuple[NpArray, Aux, Back]:
        values = _values(program)
        done = [(portion, *compiled(values, *portion.of(given))) for portion in portions(given)]

        def back(cotangent: NpArray) -> list[NpArray | None]:
            first, others = _joined(
                [(p, pulled(pull, p.padded(cotangent, y.shape[0]))) for p, y, pull, _ in done]
            )
            return [first, *others]

        return *_joined([(p, (y, *aux)) for p, y, _, aux in done]), back

    return run


def trace(program: Program, arrays: Sequence[NpArray]) -> None:
    """Run a pass for what can be seen on the way."""

    def watched(values: Any, *tensors: Any) -> Any:
        return program(values, *tensors)  # a function of its own: JAX remembers those it has traced

    jax.eval_shape(watched, _values(program), *arrays)


def out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch may pass."""
    full = isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
    return full or isinstance(error, MemoryError)


def at_rest() -> AbstractContextManager[None]:
    """While open, nothing of the framework is left changed."""
    return nullcontext()


def _values(program: Program) -> list[Any]:
    return [v.value for v in program.variables]


@dataclass(frozen=True)
class Portion:
    """Rows that are passed at once.

    Attributes:
        start, stop: which they are.
        size: how many are passed, with those that pad them.
        total: how many there are in all; 0 where rows cannot be told apart.
    """

    start: int
    stop: int
    size: int
    total: int

    def of(self, arrays: Sequence[NpArray]) -> list[NpArray]:
        """The rows, the last one repeated up to the size."""
        return [self.padded(a, self.size) for a in arrays] if self.total else list(arrays)

    def padded(self, array: NpArray, size: int) -> NpArray:
        """The portion's part of an array with rows (or as many rows for each) up to `size`."""
        if not self.total:
            return array
        each = len(array) // self.total
        part = array[self.start * each : self.stop * each]
        more = size - len(part)
        return np.concatenate([part, np.repeat(part[-1:], more, axis=0)]) if more else part

    def cut(self, array: Any) -> NpArray:
        """What was calculated for the rows, without what was for the padding."""
        if not self.total:
            return np.asarray(array)
        each = array.shape[0] // self.size
        return np.asarray(array)[: (self.stop - self.start) * each]


def portions(arrays: Sequence[NpArray]) -> list[Portion]:
    """How the rows of the arrays are passed."""
    rows = {len(a) if a.ndim else 0 for a in arrays}
    n = rows.pop()
    if rows or not n:
        return [Portion(0, n, n, 0)]
    found, start = list[Portion](), 0
    for size in sizes(n):
        found.append(Portion(start, min(start + size, n), size, n))
        start += size
    return found


def sizes(n: int) -> list[int]:
    """The sizes of the portions that n rows are passed in; at most three rows are padding.

    >>> [sizes(n) for n in (1, 3, 9, 100)]
    [[1], [4], [4, 4, 4], [64, 16, 16, 4]]
    """
    if n == 1:
        return [1]
    found = list[int]()
    while n > 0:
        size = GROWTH
        while size * GROWTH <= n:
            size *= GROWTH
        found.append(size)
        n -= size
    return found


def _joined(parts: list[tuple[Portion, Any]]) -> tuple[NpArray, tuple[NpArray, ...]]:
    """The values of all portions, one after another: the first kind of value, and the others."""
    cut = [[p.cut(a) for a in values] for p, values in parts]
    first, *others = (c[0] if len(c) == 1 else np.concatenate(c) for c in zip(*cut, strict=True))
    return first, tuple(others)


def derivative(function: Callable[[Any], Any], y: NpArray) -> NpArray | None:
    """The derivative of sum(function(y)), None where there is none."""
    return np.asarray(jax.grad(lambda z: jax.numpy.sum(function(z)))(y))
