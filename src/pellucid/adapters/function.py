"""Any function of arrays, or object with `predict`, as a pellucid model: predictions only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.arrays import to_numpy
from pellucid.core.errors import CapabilityError, nearest
from pellucid.core.model import Facts
from pellucid.core.run import global_streams_kept
from pellucid.core.types import Array, NpArray


@dataclass(frozen=True, eq=False)
class FunctionModel:
    """Rows in, outputs out: NumPy (or frames) through `function`.

    Attributes:
        function: (n, ...) -> (n, *outputs).
        facts: what is known of it.
        output: which of several outputs, by key or position.
    """

    function: Callable[..., Any]
    facts: Facts
    output: str | int | None = None

    def predict(self, *inputs: Array) -> Array:
        if self.facts.reads_only:
            return self.spend(*inputs)
        own = (a.copy() if isinstance(a, np.ndarray) else a for a in inputs)
        return self.spend(*own)  # a function may write to its input

    def spend(self, *inputs: Array) -> Array:
        y = pick(self.function(*inputs), self.output)
        y = to_numpy(y)
        rows = len(inputs[0])
        if y.ndim == 0 or y.shape[0] != rows:
            raise CapabilityError(
                f"The function gave shape {y.shape} for {rows} rows.",
                fix="It must return one output per row, rows first.",
            )
        try:
            return y if y.dtype.kind == "f" else y.astype(float)
        except (TypeError, ValueError) as error:
            fix = "Pass predict_proba or a score, not names."
            raise CapabilityError(
                "The function must give numbers.", got=f"dtype {y.dtype}", fix=fix
            ) from error

    def native(self, array: NpArray) -> Array:
        return array

    def numpy(self, array: Array) -> NpArray:
        return np.asarray(array)

    def out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, MemoryError)

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        with global_streams_kept():
            yield


def wrap(model: Any, *, output: str | int | None = None) -> FunctionModel:
    """Wrap a function, or an object whose `predict` is one."""
    function = model if callable(model) else model.predict
    name = getattr(model, "__name__", type(model).__name__)
    return FunctionModel(
        function, Facts(name=f"{name} (function)", space="raw?", missing_in_frames=True, frames=True), output
    )


def pick(y: Any, output: str | int | None) -> Any:
    """One array out of what a model returns: a tuple's item, a dict's or an object's entry.

    Raises:
        CapabilityError: there are several, and `output` names none of them.
    """
    rows = isinstance(y, list) and all(np.ndim(part) < 2 for part in y)
    if hasattr(y, "shape") or (rows and output is None):
        return y
    if isinstance(output, int) and isinstance(y, tuple):
        y = tuple(y)  # a named tuple is picked from by number too
    entries = _entries(y)
    if not entries:
        return y
    if output is not None:
        if output not in entries:
            raise CapabilityError(
                f"The model has no output {output!r}.", fix=nearest(str(output), map(str, entries))
            )
        return entries[output]
    arrays = {k: v for k, v in entries.items() if hasattr(v, "shape")}
    if "logits" in arrays:
        return arrays["logits"]
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    raise CapabilityError(
        f"The model returns {len(entries)} outputs: {', '.join(map(repr, entries))}.",
        fix="Choose one with output=.",
    )


def _entries(y: Any) -> dict[Any, Any]:
    if hasattr(y, "_asdict"):
        return dict(y._asdict())
    if isinstance(y, tuple | list):
        return dict(enumerate(y))
    if hasattr(y, "items"):
        return dict(y.items())
    return dict(vars(y)) if hasattr(y, "__dataclass_fields__") else {}
