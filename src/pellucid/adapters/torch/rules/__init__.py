"""Backward rules on recorded operations: one module a kind, each with `vjp(model, inputs, cotangent, wrt)`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch

from pellucid.core.errors import CapabilityError

KINDS = ("deep_lift", "lrp", "relu", "reveal_cancel")


def vjp(
    model: Any,
    inputs: tuple[torch.Tensor, ...],
    cotangent: Callable[[torch.Tensor], torch.Tensor],
    wrt: tuple[int, ...],
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """The output of `model`, and `cotangent(output)` carried back to `inputs[i]` for i in `wrt` by `model.rule`.

    Raises:
        CapabilityError: the rule is none that PyTorch models can follow.
    """
    if model.rule.kind not in KINDS:
        raise CapabilityError("PyTorch models cannot follow this rule.", got=type(model.rule).__name__)
    return import_module(f"{__name__}.{model.rule.kind}").vjp(model, inputs, cotangent, wrt)
