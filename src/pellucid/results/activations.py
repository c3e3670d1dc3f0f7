"""Activations: what the units of layers do over a whole data set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.types import NpArray

from .units import Units


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ActivationUnits(Units):
    """Statistics of units over rows (and over the places of their maps), and the rows that excite each most.

    Attributes:
        values: (units,) the mean.
        spread: (units,) the standard deviation.
        low, high: (units,) the least and the largest value.
        zeros: (units,) the share of values that are exactly zero.
        saturated: (units,) the share within 1 % of an end of the activation function; NaN where it has no ends.
        top_rows: (units, top) the rows with the largest values, largest first.
        top_values: (units, top) these values.
        rows: how many rows there were.
        shown: the rows whose input is kept, in order.
        x: (shown, *features) their inputs.
        sampled: (sample,) rows spread over the data.
        sample: (sample, units) what the units give for them, at one place each where they have places.
        before: (sample, units) what went into the activation function there; NaN where a layer is none.
        sample_x: (sample, *features) their inputs.
    """

    flat: ClassVar[tuple[str, ...]] = (
        "spread",
        "low",
        "high",
        "zeros",
        "saturated",
        "top_rows",
        "top_values",
    )

    spread: NpArray
    low: NpArray
    high: NpArray
    zeros: NpArray
    saturated: NpArray
    top_rows: NpArray
    top_values: NpArray
    rows: int
    shown: NpArray
    x: NpArray
    sampled: NpArray
    sample: NpArray
    before: NpArray
    sample_x: NpArray

    @property
    def dead(self) -> NpArray:
        """(units,) whether a unit gives the same for every row and place: nothing in these data moves it."""
        return self.high <= self.low

    def input_of(self, row: int) -> NpArray:
        """The input of a row that excites some unit.

        Raises:
            ParameterError: the row's input was not kept.
        """
        at = np.searchsorted(self.shown, row)
        if at >= len(self.shown) or self.shown[at] != row:
            raise ParameterError(f"The input of row {row} was not kept.", fix="Look at fewer layers at once.")
        return self.x[at]

    def __getitem__(self, name: str | int) -> Self:
        i = self.number(name)
        start, count = sum(self.counts[:i]), self.counts[i]
        kept = slice(start, start + count)
        return replace(super().__getitem__(i), sample=self.sample[:, kept], before=self.before[:, kept])

    def columns(self, name: str | int = 0) -> dict[str, NpArray]:
        one = self[name]
        return {
            "mean": one.values,
            "spread": one.spread,
            "min": one.low,
            "max": one.high,
            "zeros": one.zeros,
            "saturated": one.saturated,
            "dead": one.dead,
        }

    def unit(self, layer: str | int, unit: int) -> int:
        """The number among all units of one of a layer's.

        Raises:
            ParameterError: the layer has no such unit.
        """
        i = self.number(layer)
        if not 0 <= unit < self.counts[i]:
            raise ParameterError(
                f"Layer {self.layers[i]} has no unit {unit}.", fix=f"Choose 0..{self.counts[i] - 1}."
            )
        return sum(self.counts[:i]) + unit


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FlowUnits(Units):
    """How large the gradient of the output is at each layer.

    Attributes:
        values: (layers, rows) the root mean square of the gradient's entries.
        norms: (layers, rows) the length of the whole gradient.
        target: what the gradient is of.
    """

    norms: NpArray
    target: str = ""

    def __len__(self) -> int:
        return len(self.layers)

    def layer(self, name: str | int = 0) -> NpArray:
        return self.values[self.number(name)]

    def __getitem__(self, name: str | int) -> Self:
        i = self.number(name)
        return replace(
            self,
            values=self.values[i : i + 1],
            norms=self.norms[i : i + 1],
            layers=(self.layers[i],),
            kinds=(self.kinds[i],),
            shapes=(self.shapes[i],),
        )

    def to_frame(self) -> Any:
        """One row per layer: the gradient's size, its spread over rows."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        return pandas.DataFrame(
            {
                "layer": list(self.layers),
                "rms": self.values.mean(1),
                "spread": self.values.std(1),
                "norm": self.norms.mean(1),
            }
        )
