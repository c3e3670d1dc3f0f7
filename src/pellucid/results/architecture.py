"""ForwardPass: a network as it ran; LinearUnits: its layers as linear maps."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from pellucid.core.errors import LayerError, nearest
from pellucid.core.types import NpArray

from .base import Explanation


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ForwardPass(Explanation):
    """A network's forward pass, step by step.

    Attributes:
        values: (steps, 2) parameters and multiply-adds for one row.
        names: each step's place.
        kinds: a layer's class, or a function's name.
        shapes: of each step's value, for one row.
        sources: numbers of the steps that each takes its values from; -1, -2, ... are the inputs.
        layers: whether each step is a layer, and not a function between layers.
        fields: the receptive field of each step, along each side of the input; () where there is none.
        input_shape: of one row of the first input.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    sources: tuple[tuple[int, ...], ...]
    layers: tuple[bool, ...]
    fields: tuple[tuple[int, ...], ...]
    input_shape: tuple[int, ...]

    @property
    def parameters(self) -> int:
        """All numbers that the network learned."""
        return int(self.values[:, 0].sum())

    @property
    def multiplications(self) -> int:
        """All multiply-adds for one row."""
        return int(self.values[:, 1].sum())

    @property
    def shares(self) -> NpArray:
        """(steps,) the share of all multiply-adds."""
        return self.values[:, 1] / (self.values[:, 1].sum() or 1.0)

    @property
    def skips(self) -> tuple[tuple[int, int], ...]:
        """(from, to) of the connections that pass over a step."""
        return tuple((s, k) for k, found in enumerate(self.sources) for s in found if s < k - 1)

    def to_frame(self) -> Any:
        """One row per step: the table."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        return pandas.DataFrame(
            {
                "step": list(self.names),
                "kind": list(self.kinds),
                "shape": ["x".join(map(str, s)) for s in self.shapes],
                "parameters": self.values[:, 0].astype(np.int64),
                "multiply_adds": self.values[:, 1].astype(np.int64),
                "share": self.shares,
                "receptive_field": ["x".join(map(str, f)) for f in self.fields],
                "takes": [", ".join(self.source(s) for s in found) for found in self.sources],
            }
        )

    def source(self, number: int) -> str:
        """What a source is called."""
        if number >= 0:
            return self.names[number]
        return "input" if number == -1 else f"input {-number}"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class LinearUnits(Explanation):
    """What layers are as linear maps: y = W x + b around one row, and the best single map over all rows.

    Attributes:
        values: (layers,) R² of the best single linear map of each layer, on rows it was not fitted to.
        layers, kinds: what each layer is called, and what it is.
        single: whether the map was fitted entry by entry, as for activation functions.
        row: the row that W and b are taken at.
        maps: W of the layers, one after another.
        map_shapes: (outputs, inputs) of each W; () where it was too large to keep.
        biases: b of the layers, one after another.
        points, outcomes: what goes into each layer at the row, and what comes out, one layer after another.
        effective: (outputs, *features) the weights of the whole network at the row.
        effective_bias: (outputs,) its constants.
        x: (*features) the row.
        outputs: (outputs,) what the network gives for it.
        classes: names of the outputs.
        fitted, held: rows that the maps were fitted on, and held out.
    """

    layers: tuple[str, ...]
    kinds: tuple[str, ...]
    single: tuple[bool, ...]
    row: int
    maps: NpArray
    map_shapes: tuple[tuple[int, ...], ...]
    biases: NpArray
    points: NpArray
    outcomes: NpArray
    effective: NpArray
    effective_bias: NpArray
    x: NpArray
    outputs: NpArray
    classes: tuple[str, ...] = ()
    fitted: int = 0
    held: int = 0

    def number(self, name: str | int) -> int:
        """Which of the layers has this name."""
        if isinstance(name, int) and -len(self.layers) <= name < len(self.layers):
            return name % len(self.layers)
        if name not in self.layers:
            raise LayerError(f"{name!r} was not looked at.", fix=nearest(str(name), self.layers))
        return self.layers.index(str(name))

    def local(self, name: str | int = 0) -> tuple[NpArray, NpArray, NpArray, NpArray]:
        """(W, b, x, y) of a layer at the row: y = W x + b.

        Raises:
            LayerError: the matrix was too large to keep.
        """
        i = self.number(name)
        if not self.map_shapes[i]:
            raise LayerError(f"The matrix of {self.layers[i]} was too large to keep.", fix="Raise largest=.")
        before = [s for s in self.map_shapes[:i] if s]
        start, rows, columns = (sum(map(prod, before)), sum(s[0] for s in before), sum(s[1] for s in before))
        out, into = self.map_shapes[i]
        return (
            self.maps[start : start + out * into].reshape(out, into),
            self.biases[rows : rows + out],
            self.points[columns : columns + into],
            self.outcomes[rows : rows + out],
        )

    def to_frame(self) -> Any:
        """One row per layer: its R², how it was fitted, and the size of its map."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        return pandas.DataFrame(
            {
                "layer": list(self.layers),
                "kind": list(self.kinds),
                "r2": self.values,
                "entry_by_entry": list(self.single),
                "map": ["x".join(map(str, s)) for s in self.map_shapes],
            }
        )
