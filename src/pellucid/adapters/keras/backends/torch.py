"""Keras on PyTorch: passes run as they are, nothing is compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import torch

from pellucid.core.types import NpArray

from . import Aux, Back, Forward, Program, Pullback


def forward(program: Program, arrays: Sequence[NpArray]) -> Forward:
    """A pass: arrays in, (y, aux) out."""

    def run(given: Sequence[NpArray]) -> tuple[NpArray, Aux]:
        with torch.no_grad():
            y, aux = program(_values(program), *map(_tensor, given))
        return _numpy(y), tuple(map(_numpy, aux))

    return run


def pullback(program: Program, arrays: Sequence[NpArray], wrt: tuple[int, ...]) -> Pullback:
    """A pass, and its gradients for the arrays at `wrt`."""

    def run(given: Sequence[NpArray]) -> tuple[NpArray, Aux, Back]:
        tensors = [_tensor(a) for a in given]
        leaves = [tensors[i].requires_grad_(True) for i in wrt]
        with torch.enable_grad():
            y, aux = program(_values(program), *tensors)

        def back(cotangent: NpArray) -> list[NpArray | None]:
            if not y.requires_grad:
                return [None] * len(leaves)
            grads = torch.autograd.grad(y, leaves, _tensor(cotangent).to(y.dtype), allow_unused=True)
            return [None if g is None else _numpy(g) for g in grads]

        return _numpy(y), tuple(map(_numpy, aux)), back

    return run


def trace(program: Program, arrays: Sequence[NpArray]) -> None:
    """Run a pass for what can be seen on the way."""
    with torch.no_grad():
        program(_values(program), *map(_tensor, arrays))


def out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch may pass."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


@contextmanager
def at_rest() -> Iterator[None]:
    """While open, nothing of the framework is left changed."""
    cards = range(torch.cuda.device_count()) if torch.cuda.is_available() else []
    with torch.inference_mode(False), torch.random.fork_rng(devices=cards):
        yield


def _values(program: Program) -> list[Any]:
    return [v.value.detach() for v in program.variables]


def _tensor(array: NpArray) -> Any:
    return keras.ops.convert_to_tensor(np.array(array))  # a copy: a layer may work in place


def _numpy(tensor: Any) -> NpArray:
    return tensor.detach().cpu().numpy()


def derivative(function: Callable[[Any], Any], y: NpArray) -> NpArray | None:
    """The derivative of sum(function(y)), None where there is none."""
    with torch.enable_grad():
        at = _tensor(y).requires_grad_(True)
        value = function(at)
    return _numpy(torch.autograd.grad(value.sum(), at)[0]) if value.requires_grad else None
