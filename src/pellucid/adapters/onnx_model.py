"""ONNX graphs as onnxruntime runs them: predictions, and gradients of networks by way of PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np

from pellucid.core.arrays import to_numpy
from pellucid.core.errors import CapabilityError, DataError, ShapeError
from pellucid.core.model import Facts
from pellucid.core.run import global_streams_kept
from pellucid.core.types import Array, NpArray

TYPES: Mapping[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}
"""What an input may be declared as."""


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """An ONNX graph: predictions only.

    Attributes:
        session: the runtime that holds the graph.
        facts: what is known of it.
        output: the name of the output explained.
        labels: class labels in their order, where the output names its entries.
        by_column: whether each column of a table is an input of its own.
        keywords: names of the inputs, where they are passed by name.
    """

    session: Any
    facts: Facts
    output: str
    labels: tuple[Any, ...] = ()
    by_column: bool = False
    keywords: tuple[str, ...] = ()

    def predict(self, *inputs: Array) -> Array:
        feed = self._feed(inputs)
        rows, fixed = len(next(iter(feed.values()))), self._fixed_rows
        if fixed is None or rows == fixed:
            return self._checked(self._run(feed), rows)
        parts = [self._run(_part(feed, start, fixed)) for start in range(0, rows, fixed)]
        return self._checked(np.concatenate(parts)[:rows], rows)

    def native(self, array: NpArray) -> Array:
        return array

    def numpy(self, array: Array) -> NpArray:
        array = np.asarray(array)
        return array.astype(np.float32) if array.dtype == np.float16 else array

    def out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, MemoryError) or "Failed to allocate memory" in str(error)

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        with global_streams_kept():
            yield

    # -- inside ---------------------------------------------------------------------------------------------------

    @cached_property
    def _inputs(self) -> tuple[Any, ...]:
        return tuple(self.session.get_inputs())

    @cached_property
    def _fixed_rows(self) -> int | None:
        """How many rows a call must have, where the graph says so."""
        first = self._inputs[0].shape[:1]
        return first[0] if first and isinstance(first[0], int) else None

    def _feed(self, inputs: tuple[Array, ...]) -> dict[str, NpArray]:
        """Each input of the graph, in its type."""
        if self.by_column and len(inputs) == 1:
            inputs = _columns(inputs[0], [i.name for i in self._inputs])
        names = self.keywords or tuple(i.name for i in self._inputs)
        known = {i.name: i for i in self._inputs}
        if len(inputs) != len(known) or set(names) != set(known):
            raise ShapeError(f"The model takes the inputs {', '.join(known)}.", got=f"{len(inputs)} inputs")
        return {name: _cast(a, known[name]) for name, a in zip(names, inputs, strict=True)}

    def _run(self, feed: dict[str, NpArray]) -> NpArray:
        (y,) = self.session.run([self.output], feed)
        if isinstance(y, list):  # a dictionary per row: class -> score
            labels = self.labels or tuple(y[0] if y else ())
            y = np.array([[row[label] for label in labels] for row in y], np.float32)
        return y if y.dtype.kind == "f" else y.astype(float)

    def _checked(self, y: NpArray, rows: int) -> NpArray:
        if y.ndim == 0 or len(y) != rows:
            raise CapabilityError(
                f"The model gives shape {y.shape} for {rows} rows.", fix="It must keep rows first."
            )
        return y


@dataclass(frozen=True, eq=False)
class SmoothOnnx(OnnxModel):
    """An ONNX network with gradients: predictions come from the runtime, gradients from its PyTorch conversion.

    Attributes:
        proto: the graph.
    """

    proto: Any = None

    def native(self, array: NpArray) -> Array:
        return array.astype(np.float32) if array.dtype == np.float64 else array

    def vjp(self, inputs: tuple[Array, ...], cotangent: Any, wrt: tuple[int, ...] = (0,)) -> tuple[Any, Any]:
        """The output, and `cotangent(output)` pulled back to the inputs numbered in `wrt`."""
        twin = self._twin
        y, grads = twin.vjp(
            tuple(map(twin.native, inputs)), lambda out: twin.native(cotangent(twin.numpy(out))), wrt
        )
        return twin.numpy(y), tuple(map(twin.numpy, grads))

    def differentiate(self, function: Any, y: Array) -> Array:
        """Refused: a function of NumPy arrays carries no derivative."""
        raise CapabilityError(
            "A target function of an ONNX network has no derivative.", fix="Pass a class, Margin or LogProb."
        )

    def bytes_per_row(self, inputs: tuple[Array, ...]) -> float:
        """Memory that one row's activations take in a gradient."""
        return self._twin.bytes_per_row(tuple(map(self._twin.native, inputs)))

    @cached_property
    def _twin(self) -> Any:
        position = [o.name for o in self.session.get_outputs()].index(self.output)
        several = len(self.session.get_outputs()) > 1
        home = import_module("pellucid.adapters.torch.converted")
        return home.converted(self.proto, output=position if several else None)


def _columns(rows: Any, names: list[str]) -> tuple[NpArray, ...]:
    """A table's columns, each (rows, 1), by name where it has names."""
    if not hasattr(rows, "columns"):
        return tuple(rows[:, j : j + 1] for j in range(rows.shape[1]))
    if lacking := [name for name in names if name not in rows.columns]:
        raise ShapeError(f"The rows lack the column {lacking[0]!r}.", got=list(map(str, rows.columns)))
    return tuple(np.asarray(rows[name].to_numpy()).reshape(-1, 1) for name in names)


def _cast(array: Array, wanted: Any) -> NpArray:
    """An array in the type that an input declares."""
    array, dtype = to_numpy(array), TYPES.get(wanted.type)
    if dtype is None:
        raise CapabilityError(f"Input {wanted.name!r} is of a type pellucid cannot give.", got=wanted.type)
    if dtype is np.object_:
        return array.astype(str).astype(object)
    try:
        out = array.astype(dtype)
    except (TypeError, ValueError) as error:
        raise DataError(f"Input {wanted.name!r} takes numbers.", got=f"dtype {array.dtype}") from error
    if np.dtype(dtype).kind in "iub" and array.dtype.kind not in "iub" and not (out == array).all():
        raise DataError(
            f"Input {wanted.name!r} takes whole numbers, and some are not.",
            fix="Hide it behind background rows, or behind a row.",
        )
    return out


def _part(feed: dict[str, NpArray], start: int, rows: int) -> dict[str, NpArray]:
    """`rows` rows from `start`, the last one repeated where there are fewer."""
    index = np.minimum(np.arange(start, start + rows), len(next(iter(feed.values()))) - 1)
    return {name: a[index] for name, a in feed.items()}
