"""A tensor of the forward pass, with what it is at the reference and with the parts of its change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(eq=False, slots=True)
class Tracked:
    """What is known of one tensor of the pass at x.

    Attributes:
        plain: the tensor itself, as the model holds it.
        x: the same numbers, from which autograd leads back to the input.
        x0: those at the reference.
        apart: the positive less the negative part of the change, with autograd; None for whole or complex numbers.
    """

    plain: Tensor
    x: Tensor
    x0: Tensor
    apart: Tensor | None

    def change(self) -> Tensor:
        """Since the reference; what is infinite in both has not changed."""
        return difference(self.x, self.x0)

    def parts(self) -> Tensor:
        """What is apart, of real numbers."""
        return self.x.abs() * 0 if self.apart is None else self.apart


def difference(x: Tensor, x0: Tensor) -> Tensor:
    """Of two passes; what is infinite in both has not changed."""
    change = x - x0
    return change if bool(change.detach().isfinite().all()) else change.masked_fill(x == x0, 0)


def mapped(args: Any, of: Callable[[Any], Any]) -> Any:
    """Arguments with every tensor, also those in lists, replaced."""
    if isinstance(args, Tensor | Tracked):
        return of(args)
    if isinstance(args, tuple | list):
        return type(args)([mapped(a, of) for a in args])
    return args


def tracked_in(args: Any) -> list[Tracked]:
    """All of them among the arguments."""
    if isinstance(args, Tracked):
        return [args]
    return [t for a in args for t in tracked_in(a)] if isinstance(args, tuple | list) else []
