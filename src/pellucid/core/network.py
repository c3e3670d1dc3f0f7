"""Network: the inside of a network, and the rows it is fed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .errors import LayerError, ParameterError
from .features import Features
from .model import Operation
from .place import Place
from .run import Pace, tracking
from .types import Array, NpArray
from .views import Aim, View


@dataclass(frozen=True, eq=False, kw_only=True)
class Network(View):
    """The inside of a network, and the rows it is fed: what the methods that look inside see.

    Attributes:
        model: an `Inspectable` model.
        inputs: what it is fed, rows first; () where the caller gave no rows.
        x: the input as NumPy, several side by side; (0,) where the caller gave no rows.
        places: where to look, as the caller named it or the method chose it.
        aim: what is explained of the output, for the methods that ask for it.
        pace: rows per pass.
        truth: (n,) what each row is, where the caller said so.
        features: what a row is made of.
        given: what else the caller gave, for the methods that take it.
        joined: the model as one of a single input, several lying side by side in it; the model itself where it has one.
        side_by_side: what that is fed.
    """

    model: Any
    inputs: tuple[Array, ...] = ()
    x: NpArray = field(default_factory=lambda: np.empty(0))
    places: tuple[str, ...] = ()
    aim: Aim = field(default_factory=Aim)
    pace: Pace
    truth: NpArray | None = None
    features: Features = field(default_factory=Features)
    given: Mapping[str, Any] = field(default_factory=dict[str, Any])
    joined: Any = None
    side_by_side: tuple[Array, ...] = ()

    @property
    def n(self) -> int:
        """How many rows."""
        return len(self.x)

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """The steps of the forward pass, as they run."""
        return tuple(self.model.operations(self.inputs))

    @property
    def place(self) -> str:
        """The only place asked about.

        Raises:
            ParameterError: there are several.
        """
        if len(self.places) != 1:
            raise ParameterError(
                "One place at a time is looked at here.", got=", ".join(self.places), fix="Name one: at=..."
            )
        return self.places[0]

    def step(self, place: str) -> Operation | None:
        """The step of that name; None for a block of layers, or one side of a layer."""
        return next((o for o in self.operations if o.name == place), None)

    def kind(self, place: str) -> str:
        """What stands at a place: a layer's class or a function's name."""
        found = self.step(place)
        name = Place.parse(place).layer
        kinds = {layer.name: layer.kind for layer in self.model.layers()}
        return found.kind if found else kinds.get(name, "")

    def at_rows(self, rows: slice) -> tuple[Array, ...]:
        """Some of the rows, as the model takes them."""
        return tuple(a[rows] for a in self.inputs)

    def start(self, rows: slice, place: str = "") -> tuple[Any, tuple[Array, ...]]:
        """The model from `place` on and what it takes there; without a place, all inputs in one array in front."""
        if not place:
            return self.joined, tuple(a[rows] for a in self.side_by_side)
        inputs = self.at_rows(rows)
        return self.model[place:], (self.model[:place].predict(*inputs), *inputs)

    def stream(self, *places: str) -> Iterator[tuple[slice, dict[str, NpArray]]]:
        """Go through the rows in batches: which rows, and the values at each place; nothing is kept."""
        with tracking(self.run, "rows", self.n) as advance:
            start = 0
            while start < self.n:
                for rows, values in self._batch(start, places):
                    _rows_first(rows, values)
                    self.run.meter.count(rows.stop - rows.start, grad=False)
                    advance(rows.stop - rows.start)
                    yield rows, values
                    start = rows.stop

    def _batch(self, start: int, places: tuple[str, ...]) -> list[tuple[slice, dict[str, NpArray]]]:
        """The next batch from row `start` on; several smaller ones where memory runs out."""
        found = list[tuple[slice, dict[str, NpArray]]]()

        def look(rows: slice) -> None:
            rows = slice(start + rows.start, start + rows.stop)
            seen = self.model.capture(self.at_rows(rows), places)
            found.append((rows, {p: self.model.numpy(seen[p]) for p in places}))

        self.pace.over(min(self.pace.size, self.n - start), look)
        return found

    def values(self, *places: str) -> dict[str, NpArray]:
        """The values of all rows at each place, as NumPy."""
        parts: dict[str, list[NpArray]] = {p: [] for p in places}
        for _, found in self.stream(*places):
            for place, values in found.items():
                parts[place].append(values)
        return {p: v[0] if len(v) == 1 else np.concatenate(v) for p, v in parts.items()}

    def outputs(self) -> NpArray:
        """The model's outputs for all rows, as NumPy."""
        parts = list[NpArray]()
        self.pace.over(
            self.n, lambda rows: parts.append(self.model.numpy(self.model.predict(*self.at_rows(rows))))
        )
        self.run.meter.count(self.n, grad=False)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _rows_first(rows: slice, values: dict[str, NpArray]) -> None:
    for place, array in values.items():
        if array.shape[:1] != (rows.stop - rows.start,):
            raise LayerError(
                f"{place} does not keep rows first.",
                got=f"shape {array.shape} for {rows.stop - rows.start} rows",
                fix="Look at another place.",
            )
