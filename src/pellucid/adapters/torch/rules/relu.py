"""Guided backpropagation and deconvolution: the gradient of every ReLU, however it is spelled, is replaced.

`relu`, `relu_`, `clamp(min=0)`, `clamp_min(0)` and `threshold(0, 0)`, as modules, functions or methods, in place or
not, are the same four operations on the tape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from pellucid.adapters.torch.tape import Op, recording, taken_apart
from pellucid.core.rules import GuidedReLU

from .backward import grads_to, in_region, leaves_of

A = torch.ops.aten
ALWAYS = frozenset({A.relu, A.relu_})
AT_ZERO = frozenset({A.clamp, A.clamp_, A.clamp_min, A.clamp_min_, A.threshold, A.threshold_})


def vjp(
    model: Any,
    inputs: tuple[torch.Tensor, ...],
    cotangent: Callable[[torch.Tensor], torch.Tensor],
    wrt: tuple[int, ...],
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """The output, and its cotangent carried back with `model.rule` in place of each ReLU's derivative."""
    rule = guided if isinstance(model.rule, GuidedReLU) else deconvolution
    leaves = leaves_of(inputs, wrt)
    with taken_apart(model.module):
        with recording(model.module, lambda p: p in ALWAYS or p in AT_ZERO, places=False) as tape:
            y = model.run(*leaves)
        handles = [
            op.node.register_hook(in_region(rule, op.view))
            for op in tape.ops
            if op.node is not None and is_relu(op)
        ]
        tape.clear()
        return y.detach(), grads_to(model, y, [leaves[i] for i in wrt], cotangent, handles)


def is_relu(op: Op) -> bool:
    """Whether the operation is max(x, 0)."""
    if op.packet in ALWAYS:
        return True
    low, *rest = (*op.args[1:], *op.kwargs.values())
    if not isinstance(low, int | float) or low != 0:
        return False
    return all(v == 0 for v in rest) if "threshold" in op.packet.__name__ else all(v is None for v in rest)


def guided(gi: tuple[Any, ...], go: tuple[Any, ...]) -> tuple[Any, ...]:
    """What the plain derivative lets through, where it is positive."""
    return (gi[0].clamp(min=0), *gi[1:])


def deconvolution(gi: tuple[Any, ...], go: tuple[Any, ...]) -> tuple[Any, ...]:
    """What arrives, where it is positive."""
    return (go[0].clamp(min=0), *gi[1:])
