"""Rows: rows of a model's input or of a layer, and how the model is asked about copies of them, in batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .run import Pace
from .types import Array, NpArray
from .views import View

FEW = 4
"""Rows that are passed at once without a measurement of their memory."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Rows(View):
    """A model and the rows it is asked about.

    Points have shape (..., n, *features): the last axis before the features is the row, any axes in front are copies
    of the rows. Carried inputs, batches and memory follow by themselves.

    Attributes:
        model: a (slice of a) model.
        x: (n, *features) array of the model's framework.
        carried: the model's other inputs, one row per row of x.
    """

    model: Any
    x: Array
    carried: tuple[Array, ...] = ()

    @property
    def n(self) -> int:
        """How many rows."""
        return int(self.x.shape[0])

    @cached_property
    def xp(self) -> Any:
        """The array namespace of the model's framework."""
        from array_api_compat import array_namespace

        return array_namespace(self.x)

    def rows_per_batch(self, copies: int) -> int:
        """How many rows one model call takes, where `copies` of all rows are wanted."""
        return self._pace(copies * self.n).size

    def numbers(self, array: Array) -> NpArray:
        """An array of the framework as NumPy; one of NumPy is as it should be."""
        return array if isinstance(array, np.ndarray) else self.model.numpy(array)

    def norm(self, array: Array) -> NpArray:
        """(n,) Euclidean norm of each row, as NumPy."""
        flat = self.numbers(array).reshape(array.shape[0], -1)
        return np.sqrt(np.einsum("ij,ij->i", flat, flat, dtype=float))

    def like(self, array: NpArray) -> Array:
        """NumPy numbers in the framework, device and float type of x."""
        return self.model.native(np.asarray(array, np.float64))

    # -- batches --------------------------------------------------------------------------------------------------

    def _outputs(self, points: Array, model: Any) -> Array:
        """What a slice gives at points of shape (m, *features), whole copies of the rows: (m, *outputs)."""
        return self._concatenated(points, lambda x, rows: model.predict(x, *self._carry(rows)), grad=False)

    def _rowwise(self, points: Array, step: Callable[[Array, NpArray], Array], *, grad: bool) -> Array:
        copies = tuple(points.shape[: points.ndim - self.x.ndim])
        flat = points.reshape((-1, *self.x.shape[1:])) if copies else points
        out = self._concatenated(flat, step, grad=grad)
        return out.reshape((*copies, self.n, *out.shape[1:])) if copies else out

    def _concatenated(self, flat: Array, step: Callable[[Array, NpArray], Array], *, grad: bool) -> Array:
        total, parts = int(flat.shape[0]), list[Array]()

        def some(rows: slice) -> None:
            part = step(
                flat if rows == slice(0, total) else flat[rows], np.arange(rows.start, rows.stop) % self.n
            )
            parts.append(part)
            self.run.meter.count(rows.stop - rows.start, grad=grad)

        self._pace(total).over(total, some)
        return parts[0] if len(parts) == 1 else self.xp.concat(parts)

    def _pace(self, total: int) -> Pace:
        """Rows per model call; a row's memory is measured once, where there are more than a few."""
        if "pace" not in self.notes.memory:
            if total <= FEW and self.run.batch_size is None:
                return Pace(self.run, total, self.model.out_of_memory)
            measured = self.model.bytes_per_row((self.x[:1], *(c[:1] for c in self.carried)))
            size = self.run.size(measured, memory=self.model.facts.memory)
            self.notes.memory["pace"] = Pace(self.run, size, self.model.out_of_memory)
        return self.notes.memory["pace"]

    def _carry(self, rows: NpArray) -> tuple[Array, ...]:
        if len(rows) == self.n and rows[0] == 0:  # all rows once, in order: nothing to gather
            return self.carried
        return tuple(c[rows] for c in self.carried)

    def _tiled(self, array: Array, copies: int) -> Array:
        return self.xp.concat([array] * copies) if copies > 1 else array
