"""One pass through a slice of a Keras model as a program to compile, and what was compiled before, kept a while."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import keras

from pellucid.adapters.function import pick
from pellucid.core.errors import CapabilityError
from pellucid.core.place import Place

from . import calling, cut, layers
from .operations import ops

KEPT = 64
"""Compiled passes kept for each model; the one used longest ago goes first."""


@dataclass(eq=False)
class Slice:
    """The program of one slice: what the backends compile.

    No update leaves the pass: weights, counters and random states are read through a scope that forgets what is
    written.

    Attributes:
        model: a weak reference to the whole model: what is compiled must not keep it alive.
        variables: its variables.
        start, stop: where it begins and ends; None is the network's input or output.
        output: which of several outputs.
        keywords: names of the inputs, where they are passed by name.
    """

    model: weakref.ref[Any]
    variables: list[Any]
    start: Place | None = None
    stop: Place | None = None
    output: str | int | None = None
    keywords: tuple[str, ...] = ()

    def __call__(self, values: Sequence[Any], *tensors: Any) -> tuple[Any, tuple[Any, ...]]:
        with self.scope(values):
            return self.value(*tensors), ()

    def scope(self, values: Sequence[Any]) -> keras.StatelessScope:
        """While open, the variables have these values, and what is written to them is forgotten."""
        return keras.StatelessScope(
            list(zip(self.variables, values, strict=True)), initialize_variables=False
        )

    def value(self, *tensors: Any) -> Any:
        """What the slice gives, in float32 where the model calculates in half precision."""
        model = self.model()
        y = cut.run(model, self.call, self.start, self.stop, tensors, self.begin)
        y = y if self.stop is not None else pick(calling.outputs(model, y, self.output), self.output)
        if not keras.ops.is_tensor(y):
            raise CapabilityError(
                "The model gives no tensor.", got=type(y).__name__, fix="Choose one with output=."
            )
        return self.whole(y)

    def whole(self, y: Any) -> Any:
        """A value in a precision that crosses the border."""
        half = keras.backend.standardize_dtype(y.dtype) in ("float16", "bfloat16")
        return ops.cast(y, "float32") if half else y

    def begin(self) -> None:
        """The pass comes to where the slice starts."""

    def call(self, *tensors: Any) -> Any:
        """The whole model on its own inputs."""
        return calling.call(self.model(), tensors, self.keywords)


@dataclass(eq=False)
class Watch(Slice):
    """The program of a whole pass that writes down every call of a layer.

    Attributes:
        calls: what was seen.
    """

    calls: list[cut.Call] = field(default_factory=list[cut.Call])

    def value(self, *tensors: Any) -> Any:
        with cut.watched(self.model()) as calls:
            y = super().value(*tensors)
        self.calls[:] = calls
        return y


class Kept:
    """What was compiled for one model, as long as its layers are what they were."""

    def __init__(self) -> None:
        self.mark: tuple[Any, ...] = ()
        self.made: OrderedDict[Any, Any] = OrderedDict()

    def renew(self, model: Any) -> None:
        """Forget everything if a layer was changed since."""
        mark = layers.fingerprint(model)
        if mark != self.mark:
            self.mark = mark
            self.made.clear()

    def get(self, key: Any, make: Callable[[], Any]) -> Any:
        """What is kept under `key`, made where it is not there."""
        if key not in self.made:
            self.made[key] = make()
            while len(self.made) > KEPT:
                self.made.popitem(last=False)
        self.made.move_to_end(key)
        return self.made[key]


_kept: WeakKeyDictionary[Any, Kept] = WeakKeyDictionary()


def kept(model: Any) -> Kept:
    """What was compiled for `model`."""
    if model not in _kept:
        _kept[model] = Kept()
        _kept[model].renew(model)
    return _kept[model]
