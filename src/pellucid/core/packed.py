"""Several inputs as one: their numbers side by side in one vector per row, so that every method covers them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from .rules import Rule
from .types import Array
from .wrapped import Wrapped


@dataclass(frozen=True, eq=False)
class Packed(Wrapped):
    """A model of several inputs as a model of one packed input, and of those that hold no real numbers.

    Attributes:
        shapes: per input, the shape of one row where it is packed, None where it is carried along.
        lead: 1 when the slice starts at a layer, whose activation then comes first.
        passes: how many passes the inputs are for: 2 under a rule that compares two.
    """

    shapes: tuple[tuple[int, ...] | None, ...]
    lead: int = 0
    passes: int = 1

    def pack(self, inputs: tuple[Array, ...]) -> tuple[Array, ...]:
        """All inputs -> (packed (n, total), *carried)."""
        from array_api_compat import array_namespace

        real = [
            a.reshape((a.shape[0], -1)) for a, s in zip(inputs, self.shapes, strict=True) if s is not None
        ]
        return (array_namespace(*real).concat(real, axis=1), *self._carried(inputs))

    def unpack(self, packed: Array, carried: tuple[Array, ...]) -> tuple[Array, ...]:
        """(packed, carried) -> all inputs in their order."""
        out, start, rest = list[Array](), 0, iter(carried)
        for shape in self.shapes:
            if shape is None:
                out.append(next(rest))
            else:
                out.append(packed[:, start : start + prod(shape)].reshape((packed.shape[0], *shape)))
                start += prod(shape)
        return tuple(out)

    def predict(self, *inputs: Array) -> Array:
        return self.model.predict(*self._all(inputs))

    def _all(self, inputs: tuple[Array, ...]) -> tuple[Array, ...]:
        """The model's own inputs; twice, where a rule compares two passes."""
        each = len(inputs) // self.passes
        return tuple(a for i in range(self.passes) for a in self._once(inputs[i * each : (i + 1) * each]))

    def _once(self, inputs: tuple[Array, ...]) -> tuple[Array, ...]:
        first, packed, *carried = inputs if self.lead else (None, *inputs)
        return (first,) * self.lead + self.unpack(packed, tuple(carried))

    def _carried(self, inputs: tuple[Array, ...]) -> tuple[Array, ...]:
        return tuple(a for a, s in zip(inputs, self.shapes, strict=True) if s is None)


@dataclass(frozen=True, eq=False)
class SmoothPacked(Packed):
    """The same of a network: with gradients, and slices."""

    def vjp(
        self, inputs: tuple[Array, ...], cotangent: Callable[[Array], Array], wrt: tuple[int, ...] = (0,)
    ) -> tuple[Array, tuple[Array, ...]]:
        if self.lead:
            return self.model.vjp(self._all(inputs), cotangent, wrt)
        real = tuple(i for i, s in enumerate(self.shapes) if s is not None)
        y, grads = self.model.vjp(self._all(inputs), cotangent, real)
        from array_api_compat import array_namespace

        flat = [g.reshape((g.shape[0], -1)) for g in grads]
        return y, (array_namespace(*flat).concat(flat, axis=1),)

    def __getitem__(self, cut: slice) -> SmoothPacked:
        return replace(self, model=self.model[cut], lead=1 if cut.start else self.lead)

    def ruled(self, rule: Rule) -> SmoothPacked:
        """The same forward pass, another way back."""
        return replace(self, model=self.model.ruled(rule), passes=2 if rule.paired else 1)

    def differentiate(self, function: Callable[[Array], Array], y: Array) -> Array:
        return self.model.differentiate(function, y)

    def bytes_per_row(self, inputs: tuple[Array, ...]) -> float:
        return self.model.bytes_per_row(self._all(inputs))

    def layers(self, inputs: tuple[Array, ...] = ()) -> Any:
        return self.model.layers(self._all(inputs) if inputs else ())

    def check(self, place: str, inputs: tuple[Array, ...]) -> None:
        self.model.check(place, self._all(inputs))
