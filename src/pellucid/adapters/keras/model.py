"""KerasModel: predict, gradients and slices of a Keras model, compiled by the framework it runs on."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.core.attending import Attended
from pellucid.core.errors import CapabilityError, LayerError, PellucidError, ShapeError
from pellucid.core.model import Facts, LayerInfo, Operation
from pellucid.core.place import Place
from pellucid.core.rules import Rule
from pellucid.core.run import global_streams_kept
from pellucid.core.types import NpArray

from . import attention, calling, cut, inside, layers, rules
from .backends import backend
from .passes import Slice, Watch, kept
from .rules.following import RuledSlice

KEEPS = 3
"""Bytes that a gradient holds for each byte that a layer gives: the value, its gradient, and what is between."""


@dataclass(frozen=True, eq=False)
class KerasModel:
    """A Keras model, or the slice of it from `start` to `stop`. Values cross its border as NumPy arrays.

    Attributes:
        keras: the model.
        facts: what is known of it.
        dtype: the float type of values at the border.
        output: which of several outputs, by key or position.
        keywords: names of the inputs, where they are passed by name.
        start, stop: the slice; None is the network's input or output.
        rule: another way back through the same forward pass.
    """

    keras: Any
    facts: Facts
    dtype: str = "float32"
    output: str | int | None = None
    keywords: tuple[str, ...] = ()
    start: Place | None = None
    stop: Place | None = None
    rule: Rule | None = None

    def predict(self, *inputs: NpArray) -> NpArray:
        if self.rule is not None and self.rule.paired:
            inputs = inputs[: len(inputs) // 2]
        with self._explained(inputs):
            y, _ = self.compiled("forward", inputs)[1](inputs)
        return self._rows_first(y, inputs)

    def vjp(
        self,
        inputs: tuple[NpArray, ...],
        cotangent: Callable[[NpArray], NpArray],
        wrt: tuple[int, ...] = (0,),
    ) -> tuple[NpArray, tuple[NpArray, ...]]:
        for i in wrt:
            if inputs[i].dtype.kind != "f":
                raise CapabilityError(
                    "Whole numbers have no gradient.",
                    got=f"dtype {inputs[i].dtype}",
                    fix="Name a layer with at=.",
                )
        pull = lambda y: np.asarray(cotangent(y), y.dtype)  # noqa: E731
        with self._explained(inputs):
            if self.rule is not None:
                return rules.vjp(self, inputs, pull, wrt)
            y, _, back = self.compiled("pullback", inputs, wrt)[1](inputs)
        y = self._rows_first(y, inputs)
        return y, self.gradients(back(pull(y)), [inputs[i] for i in wrt])

    def gradients(self, found: list[NpArray | None], towards: list[NpArray]) -> tuple[NpArray, ...]:
        """Gradients as they were found, zeros where nothing leads; a fault where nothing leads anywhere."""
        if all(g is None for g in found):
            raise CapabilityError(
                f"No gradient leads from the output of {self.facts.name} to its input.",
                fix="A step detaches it (stop_gradient, argmax, rounding); use a perturbation method, such as "
                "Occlusion.",
            )
        return tuple(np.zeros_like(a) if g is None else g for a, g in zip(towards, found, strict=True))

    def differentiate(self, function: Callable[[Any], Any], y: NpArray) -> NpArray:
        grads = backend().derivative(function, y)
        if grads is None:
            raise CapabilityError(
                "The target function has no gradient.", fix="Write it with keras.ops, or with operators."
            )
        return grads

    def __getitem__(self, where: slice) -> KerasModel:
        start = Place.parse(where.start) if where.start else self.start
        stop = Place.parse(where.stop) if where.stop else self.stop
        return replace(self, start=start, stop=stop)

    def ruled(self, rule: Rule) -> KerasModel:
        """The same forward pass, another way back."""
        return replace(self, rule=rule)

    def layers(self, inputs: tuple[NpArray, ...] = ()) -> list[LayerInfo]:
        if inputs:
            return cut.listed(self._calls(inputs), layers.cells(self.keras))
        return [
            LayerInfo(path, type(layer).__name__, None, layers.parameters(layer))
            for path, layer in layers.named(self.keras).items()
        ]

    def weights(self, layer: str) -> dict[str, NpArray]:
        return inside.weights(layers.find(self.keras, layer)[1])

    def operations(self, inputs: tuple[NpArray, ...]) -> list[Operation]:
        rows = [a[:1] for a in inputs]
        steps = inside.Steps(**self._program())
        with self._explained(inputs, whole=True):
            backend().trace(steps, rows)
        return steps.found

    def capture(self, inputs: tuple[NpArray, ...], places: tuple[str, ...]) -> dict[str, NpArray]:
        with self._explained(inputs, whole=True):
            _, run = self.compiled("forward", inputs, (), inside.Captured, places=tuple(places))
            first, others = run(inputs)
        return dict(zip(places, (first, *others), strict=True))

    def attentions(
        self,
        inputs: tuple[NpArray, ...],
        places: tuple[str, ...] = (),
        cotangent: Callable[[NpArray], NpArray] | None = None,
    ) -> list[Attended]:
        pull = None if cotangent is None else lambda y: np.asarray(cotangent(y), y.dtype)
        with self._explained(inputs, whole=True):
            return attention.attentions(self, inputs, places, pull)

    def check(self, place: str, inputs: tuple[NpArray, ...]) -> None:
        where = Place.parse(place)
        path, _ = layers.find(self.keras, where.layer)
        cut.check(where, path, self._calls(inputs), layers.cells(self.keras))

    def bytes_per_row(self, inputs: tuple[NpArray, ...]) -> float:
        if self.rule is not None and self.rule.paired:
            return 2 * replace(self, rule=None).bytes_per_row(inputs[: len(inputs) // 2])
        own = inputs if self.start is None else inputs[1:]
        given = sum(a[:1].nbytes for a in inputs)
        return float(KEEPS * (given + sum(c.size for c in self._calls(own) if c.leaf)))

    def native(self, array: NpArray) -> NpArray:
        array = np.ascontiguousarray(array)
        return array.astype(self.dtype, copy=False) if array.dtype.kind == "f" else array

    def numpy(self, array: Any) -> NpArray:
        return np.asarray(array)

    def out_of_memory(self, error: BaseException) -> bool:
        return backend().out_of_memory(error)

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        kept(self.keras).renew(self.keras)
        with global_streams_kept(), backend().at_rest():
            yield

    # -- inside ---------------------------------------------------------------------------------------------------

    def compiled(
        self,
        what: str,
        inputs: tuple[NpArray, ...],
        wrt: tuple[int, ...] = (),
        kind: type[Slice] = Slice,
        **more: Any,
    ) -> tuple[Any, Any]:
        """The program of this slice for inputs of these shapes, whatever their number of rows, and it compiled.

        Args:
            what: "forward", or "pullback" with gradients for the inputs at `wrt`.
            inputs: arrays of the shapes meant.
            wrt: which of them gradients are for.
            kind: what kind of program.
            more: what it is made with, hashable.
        """
        if issubclass(kind, RuledSlice):
            more["rule"] = self.rule
        place = (str(self.start), str(self.stop), self.output, self.keywords)
        key = (what, kind, *more.items(), *place, wrt, *((a.shape[1:], str(a.dtype)) for a in inputs))

        def make() -> tuple[Any, Any]:
            program = kind(**self._program(), **more)
            if what == "forward":
                return program, backend().forward(program, inputs)
            return program, backend().pullback(program, inputs, wrt)

        return kept(self.keras).get(key, make)

    def _program(self) -> dict[str, Any]:
        return {
            "model": weakref.ref(self.keras),
            "variables": list(self.keras.variables),
            "start": self.start,
            "stop": self.stop,
            "output": self.output,
            "keywords": self.keywords,
        }

    def _calls(self, inputs: tuple[NpArray, ...]) -> list[cut.Call]:
        """Every call of a layer in a pass over one row."""
        rows = [a[:1] for a in inputs]

        def make() -> list[cut.Call]:
            watch = Watch(**{**self._program(), "start": None, "stop": None})
            with self._explained(inputs, whole=True):
                backend().trace(watch, rows)
            return watch.calls

        key = ("calls", self.output, self.keywords, *((a.shape[1:], str(a.dtype)) for a in inputs))
        return kept(self.keras).get(key, make)

    def _rows_first(self, y: NpArray, inputs: tuple[NpArray, ...]) -> NpArray:
        if self.stop is None and self.start is None and y.shape[:1] != inputs[0].shape[:1]:
            raise CapabilityError(
                f"The model gives shape {y.shape} for {len(inputs[0])} rows.", fix="It must keep rows first."
            )
        return y

    @contextmanager
    def _explained(self, inputs: tuple[NpArray, ...], whole: bool = False) -> Iterator[None]:
        """Turn what the framework says into a sentence of ours, where the fault is plain."""
        paired = self.rule is not None and self.rule.paired and not whole
        once = inputs[: len(inputs) // 2] if paired else inputs
        own = once if whole or self.start is None else once[1:]
        self._fit(own)
        try:
            yield
        except PellucidError:
            raise
        except Exception as error:
            if type(error).__name__ in LEAKS or any(word in str(error) for word in LEAKS):
                place = self.stop or self.start
                raise LayerError(
                    f"The value of {place} lives inside a compiled loop and cannot leave it.",
                    fix="Explain the whole layer that runs the loop.",
                ) from error
            error.add_note(f"pellucid: the model was given {[a.shape for a in own]}.")
            raise

    def _fit(self, inputs: tuple[NpArray, ...]) -> None:
        wanted = calling.takes(self.keras)
        if self.keywords or not wanted:
            return
        if len(wanted) != len(inputs):
            raise ShapeError(
                f"The model takes {len(wanted)} inputs.", got=len(inputs), fix="Pass them as a tuple."
            )
        for shape, a in zip(wanted, inputs, strict=True):
            like = f"(rows, {', '.join('any' if size is None else str(size) for size in shape[1:])})"
            fits = len(shape) == a.ndim and all(
                w is None or w == h for w, h in zip(shape[1:], a.shape[1:], strict=True)
            )
            if not fits and _reshaped(shape) != _reshaped(a.shape):
                raise ShapeError(f"The model takes {like}, rows first.", got=f"shape {a.shape}")


LEAKS = ("UnexpectedTracerError", "InaccessibleTensorError", "out of scope")
"""How the frameworks call a value that left the loop it was calculated in."""


def _reshaped(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """A shape without rows and without a last axis of one, which Keras adds or drops by itself."""
    return shape[1:-1] if len(shape) > 1 and shape[-1] == 1 else shape[1:]
