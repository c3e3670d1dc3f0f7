"""A plain function of tensors as a pellucid model with gradients."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from .module import TorchModel
from .module import wrap as wrap_module


class Function(nn.Module):
    """A module without parts whose forward pass is `function`."""

    calls_others = True  # networks of the caller's that are no parts of this module

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(_modules(function))  # so that they are left as they were found

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(*inputs)


def _modules(function: Callable[..., Any]) -> list[nn.Module]:
    """The networks a function calls by name: those of its closure, its globals, or the object it belongs to."""
    known = [getattr(function, "__self__", None)]
    if inspect.isfunction(function):
        names = inspect.getclosurevars(function)
        known += [*names.nonlocals.values(), *names.globals.values()]
    return [m for m in known if isinstance(m, nn.Module)]


def wrap(function: Callable[..., Any], like: torch.Tensor, *, output: str | int | None = None) -> TorchModel:
    """Wrap a function of tensors; device and float type are those of `like`."""
    name = getattr(function, "__name__", type(function).__name__)
    inside = like.dtype if like.is_floating_point() else torch.get_default_dtype()
    model = wrap_module(Function(function), output=output)
    return replace(
        model, facts=replace(model.facts, name=f"{name} (torch function)"), device=like.device, inside=inside
    )
