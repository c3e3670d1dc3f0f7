"""What the rules share: leaves to differentiate, the backward pass itself, and operations in place on a view."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from pellucid.core.errors import CapabilityError

Hook = Callable[[tuple[Any, ...], tuple[Any, ...]], tuple[Any, ...]]
"""Replaces a node's gradients: (towards its inputs, from its outputs) -> towards its inputs."""


def leaves_of(inputs: tuple[torch.Tensor, ...], wrt: tuple[int, ...]) -> list[torch.Tensor]:
    """The inputs, those at `wrt` as leaves of a graph."""
    return [a.detach().requires_grad_(True) if i in wrt else a for i, a in enumerate(inputs)]


def grads_to(
    model: Any,
    y: torch.Tensor,
    leaves: list[torch.Tensor],
    cotangent: Callable[[torch.Tensor], torch.Tensor],
    handles: Iterable[Any],
) -> tuple[torch.Tensor, ...]:
    """The backward pass through hooked nodes; the hooks are taken off whatever happens.

    Raises:
        CapabilityError: no gradient leads from the output to the input.
    """
    try:
        if not y.requires_grad:
            raise CapabilityError(
                f"No gradient leads from the output of {model.facts.name} to its input.",
                fix="A step detaches it (no_grad, argmax, rounding); use a perturbation method, such as Occlusion.",
            )
        grads = torch.autograd.grad(y, leaves, cotangent(y.detach()), allow_unused=True)
    finally:
        for handle in handles:
            handle.remove()
    return tuple(torch.zeros_like(a) if g is None else g for a, g in zip(leaves, grads, strict=True))


def in_region(hook: Hook, view: Any) -> Hook:
    """The hook of an operation that wrote to a view in place: its node is that of the whole base.

    Outside the view the gradient passes through.
    """
    if view is None:
        return hook
    shape, strides, *where = view

    def on_base(gi: tuple[Any, ...], go: tuple[Any, ...]) -> tuple[Any, ...]:
        def laid_out(t: torch.Tensor) -> torch.Tensor:
            return torch.empty_strided(shape, strides, dtype=t.dtype, device=t.device).copy_(t)

        whole, plain = laid_out(go[0]), laid_out(gi[0])
        inner = hook((plain.as_strided(*where).clone(), *gi[1:]), (whole.as_strided(*where).clone(),))
        whole.as_strided(*where).copy_(inner[0])
        return (whole, *inner[1:])

    return on_base
