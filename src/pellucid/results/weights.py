"""Weights: what layers learned, as matrices and as kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pellucid.core.types import NpArray

from .units import Units


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class LearnedUnits(Units):
    """What layers learned, a line of numbers per unit.

    Attributes:
        values: per layer (out, in) or (out, in, *window).
        dead: per layer, units whose numbers are all (nearly) zero.
        twins: per layer, pairs of units that learned the same.
        inputs: per layer, names of what goes in; () where none are known.
        outputs: per layer, names of the units.
    """

    per_layer: ClassVar[tuple[str, ...]] = ("dead", "twins", "inputs", "outputs")

    dead: tuple[tuple[int, ...], ...] = ()
    twins: tuple[tuple[tuple[int, ...], ...], ...] = ()
    inputs: tuple[tuple[str, ...], ...] = ()
    outputs: tuple[tuple[str, ...], ...] = ()

    def norms(self, name: str | int = 0) -> NpArray:
        """(units,) the length of each unit's line of numbers."""
        return np.sqrt((self.per_unit(name).astype(float) ** 2).sum(1))

    def order(self, name: str | int = 0) -> NpArray:
        """(units,) numbers of the units, longest first."""
        return np.argsort(-self.norms(name), kind="stable")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class WeightUnits(LearnedUnits):
    """Matrices: values (out, in) per layer; kernels are laid out as (out, in * window)."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class KernelUnits(LearnedUnits):
    """Kernels of convolutions: values (out, in, *window) per layer."""

    def planes(self, name: str | int = 0) -> NpArray:
        """(out, in, height, width) the kernels of one layer; a series' are one high, a volume's lie side by side."""
        values = self.layer(name)
        out, into, *window = values.shape
        if len(window) == 1:
            return values.reshape(out, into, 1, window[0])
        if len(window) == 3:
            return np.moveaxis(values, 2, 3).reshape(out, into, window[1], window[0] * window[2])
        return values

    def inputs_order(self, name: str | int = 0) -> NpArray:
        """(in,) numbers of the input channels, the most strongly weighted first."""
        values = self.layer(name).astype(float)
        return np.argsort(-(values**2).sum((0, *range(2, values.ndim))), kind="stable")
