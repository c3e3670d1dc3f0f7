"""Objective: what is to be made large inside a network; units that are added, subtracted and scaled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np

from .errors import TargetError
from .place import Place

Of = int | str | tuple[int, ...] | tuple[float, ...]


@dataclass(frozen=True)
class Objective:
    """What is to be made large: a unit, a direction, or a sum of these.

    Attributes:
        of: one number is a unit of the layer (a channel, by the mean over its places), several whole numbers are one
            place of the layer's value as it is shaped, several real numbers are a direction in its units; a class
            name stands for its output.
        at: the layer; "" is the output.
        weight: what it counts in the sum.
        others: what is added to it.

    >>> print(Objective(3) - 0.5 * Objective(2, at="conv1"))
    output[3] - 0.5 conv1[2]
    """

    of: Any = ()
    at: str = ""
    weight: float = 1.0
    others: tuple[Objective, ...] = ()

    __array_ufunc__: ClassVar[None] = None  # NumPy's numbers leave `2.0 * objective` to us

    def __post_init__(self) -> None:
        object.__setattr__(self, "of", _read(self.of))
        if self.at:
            Place.parse(self.at)

    @property
    def terms(self) -> Iterator[tuple[float, str, Of]]:
        """(weight, layer, what of it) of every unit in the sum."""
        yield self.weight, self.at, self.of
        for other in self.others:
            yield from other.terms

    def __add__(self, other: Any) -> Objective:
        if not isinstance(other, Objective):
            raise TargetError(
                "Only objectives are added to objectives.",
                got=repr(other),
                fix="Write Objective(3) + Objective(5).",
            )
        return replace(self, others=(*self.others, other))

    def __radd__(self, other: Any) -> Objective:
        return self if isinstance(other, int) and other == 0 else self.__add__(other)  # sum() begins at 0

    def __sub__(self, other: Any) -> Objective:
        return self + (-other if isinstance(other, Objective) else other)

    def __neg__(self) -> Objective:
        return self * -1.0

    def __mul__(self, factor: float) -> Objective:
        if not isinstance(factor, Real) or isinstance(factor, bool) or not np.isfinite(float(factor)):
            raise TargetError(
                "An objective is scaled by a number.", got=repr(factor), fix="Write 0.5 * Objective(3)."
            )
        others = tuple(o * factor for o in self.others)
        return replace(self, weight=float(factor) * self.weight, others=others)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Objective:
        if not isinstance(divisor, Real) or divisor == 0:
            raise TargetError("An objective is divided by a number that is not 0.", got=repr(divisor))
        return self * (1 / float(divisor))

    def __str__(self) -> str:
        """As it is read."""
        if not self.others and self.weight == 1 and not self.at:
            return _short(self.of)
        text = ""
        for weight, at, of in self.terms:
            minus, plus = (" - ", " + ") if text else ("-", "")
            size = "" if abs(weight) == 1 else f"{abs(weight):.3g} "
            unit = at or "output"
            text += (minus if weight < 0 else plus) + size + (unit if of == () else f"{unit}[{_short(of)}]")
        return text


def _read(of: Any) -> Of:
    """What of a layer is meant, as plain numbers.

    Raises:
        TargetError: it is no number, name, place or direction.
    """
    if isinstance(of, str | np.str_):
        return str(of)
    if isinstance(of, Integral) and not isinstance(of, bool):
        return int(of)
    array = np.asarray(of) if isinstance(of, tuple | list) or hasattr(of, "__array__") else np.array(None)
    if array.ndim == 1 and array.dtype.kind in "iu":
        return tuple(map(int, array.tolist()))
    if array.ndim == 1 and array.size == 0:
        return ()
    if array.ndim == 1 and array.dtype.kind == "f" and np.isfinite(array).all() and array.any():
        return tuple(map(float, array.tolist()))
    raise TargetError(
        "An objective is a unit's number, a class name, a place (several whole numbers) or a direction (several real "
        "numbers, not all of them 0).",
        got=repr(of),
    )


def _short(of: Of) -> str:
    """A unit, a place or a direction in a few characters."""
    if not isinstance(of, tuple):
        return str(of)
    if not of:
        return "output"
    if isinstance(of[0], float):
        return f"direction of {len(of)}"
    return ",".join(map(str, of))
