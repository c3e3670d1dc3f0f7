"""A Keras model looked into: what its layers learned, the steps of a forward pass, the values at places in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import keras
import numpy as np

from pellucid.core.errors import LayerError
from pellucid.core.model import Operation
from pellucid.core.place import Place
from pellucid.core.types import NpArray

from . import cut, layers
from .passes import Slice

NAMES = {
    "kernel": "weight",
    "gamma": "weight",
    "embeddings": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""What Keras calls an array -> what it is called in every framework here."""
WHOLE = (keras.layers.RNN, keras.layers.MultiHeadAttention)
"""Layers that are one step, whatever is inside."""


def weights(layer: Any) -> dict[str, NpArray]:
    """What a layer learned, kernels as (out, in, *window) and matrices as (out, in)."""
    owner = layer.cell if isinstance(layer, keras.layers.RNN) and not hasattr(layer.cell, "cells") else layer
    found: dict[str, NpArray] = {}
    own = [*getattr(owner, "_trainable_variables", ()), *getattr(owner, "_non_trainable_variables", ())]
    for variable in own:
        if keras.backend.is_float_dtype(variable.dtype):
            name = str(variable.name)
            found[NAMES.get(name, name)] = _laid_out(
                owner, name, np.asarray(keras.ops.convert_to_numpy(variable))
            )
    return found


def _laid_out(layer: Any, name: str, w: NpArray) -> NpArray:
    kind = type(layer).__name__
    if name == "kernel" and isinstance(layer, keras.layers.EinsumDense):
        return _matrix(layer.equation, w)
    if "kernel" not in name or w.ndim < 2:
        return w
    if w.ndim == 2:
        return np.ascontiguousarray(w.T)
    window = range(w.ndim - 2)
    if kind.endswith("Transpose"):
        return np.ascontiguousarray(w.transpose(w.ndim - 2, w.ndim - 1, *window))
    if name == "depthwise_kernel" or kind.startswith("Depthwise"):
        w = w.transpose(w.ndim - 2, w.ndim - 1, *window)
        return np.ascontiguousarray(w.reshape(-1, 1, *w.shape[2:]))
    return np.ascontiguousarray(w.transpose(w.ndim - 1, w.ndim - 2, *window))


def _matrix(equation: str, w: NpArray) -> NpArray:
    """The kernel of an `EinsumDense` as (out, in): the axes it shares with the output in front."""
    given, out = equation.replace("...", "").split("->")
    own = given.split(",")[1]
    outs = [i for i, axis in enumerate(own) if axis in out]
    ins = [i for i in range(len(own)) if i not in outs]
    return w.transpose(*outs, *ins).reshape(prod(w.shape[i] for i in outs), -1)


@dataclass(eq=False)
class Captured(Slice):
    """The program of a pass that gives the values at several places.

    Attributes:
        places: the places, as the caller wrote them.
    """

    places: tuple[str, ...] = ()

    def __call__(self, values: Any, *tensors: Any) -> tuple[Any, tuple[Any, ...]]:
        kept: dict[str, Any] = {}
        model = self.model()
        with self.scope(values), ExitStack() as taps:
            for text in self.places:
                place = Place.parse(text)
                taps.enter_context(cut.tapped(layers.find(model, place.layer)[1], place, _keep(text, kept)))
            self.call(*tensors)
        for text in self.places:
            if text not in kept:
                raise LayerError(
                    f"The forward pass does not reach {text}.", fix="Choose a layer that it runs through."
                )
        first, *others = (self.whole(kept[text]) for text in self.places)
        return first, tuple(others)


def _keep(text: str, kept: dict[str, Any]) -> Callable[[Any], Any]:
    def keep(value: Any) -> Any:
        if not keras.ops.is_tensor(value):
            raise LayerError(f"{text} gives no single tensor.", got=type(value).__name__)
        kept[text] = value
        return value

    return keep


@dataclass(eq=False)
class Steps(Slice):
    """The program of a pass that writes its steps down.

    Attributes:
        found: the steps.
    """

    found: list[Operation] = field(default_factory=list[Operation])

    def __call__(self, values: Any, *tensors: Any) -> tuple[Any, tuple[Any, ...]]:
        record = _Record()
        for i, tensor in enumerate(tensors):
            record.knows(tensor, -1 - i)
        with self.scope(values), record.watching(self.model()):
            y = self.call(*tensors)
        self.found[:] = record.named()
        return y, ()


class _Record:
    """What was seen of a pass."""

    def __init__(self) -> None:
        self.found, self.calls, self.made = (
            list[Operation](),
            list[tuple[int, str]](),
            dict[int, tuple[int, Any]](),
        )
        self.seen: Counter[str] = Counter()
        self.counted: set[int] = set()
        self.inside = 0

    def knows(self, tensor: Any, number: int) -> None:
        """A tensor is the value of that step; it is held, so that no later one has its identity."""
        self.made[id(tensor)] = number, tensor

    def sources(self, values: Any) -> tuple[int, ...]:
        known = (self.made[id(t)][0] for t in _tensors(values) if id(t) in self.made)
        return tuple(dict.fromkeys(known))

    @contextmanager
    def watching(self, model: Any) -> Iterator[None]:
        """While open, every call of a layer that is one step is written down."""
        names = layers.named(model)
        with ExitStack() as shadows:
            for path, layer in names.items():
                held = any(other.startswith(f"{path}/") for other in names)
                if isinstance(layer, WHOLE) or not held:
                    shadows.enter_context(cut.shadowed(layer, self._hook(path, layer)))
            yield

    def _hook(self, path: str, layer: Any) -> cut.Hook:
        def hook(call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if self.inside:
                return call(*args, **kwargs)
            self.inside += 1
            try:
                out = call(*args, **kwargs)
            finally:
                self.inside -= 1
            self._add(path, layer, (args, kwargs), out)
            return out

        return hook

    def _add(self, path: str, layer: Any, given: Any, out: Any) -> None:
        self.seen[path] += 1
        own = {id(v): prod(v.shape) for v in getattr(layer, "variables", ()) if id(v) not in self.counted}
        self.counted.update(own)
        tensors = _tensors(out)
        shape = tuple(tensors[0].shape[1:]) if tensors else ()
        sources, came = self.sources(given), [tuple(t.shape[1:]) for t in _tensors(given)]
        for tensor in tensors:
            if id(tensor) not in self.made:
                self.knows(tensor, len(self.found))
        self.calls.append((self.seen[path], "" if keras.ops.is_tensor(out) else "[0]"))
        self.found.append(
            Operation(
                path,
                type(layer).__name__,
                shape,
                sources,
                layer=isinstance(layer, keras.layers.Layer),
                parameters=sum(own.values()),
                multiplications=_multiplications(layer, came[0] if came else (), shape),
                window=_window(layer, came[0] if came else ()),
            )
        )

    def named(self) -> list[Operation]:
        """The steps, with the number of the call in the name of those that run several times."""
        return [
            replace(o, name=f"{o.name}#{k}{item}" if self.seen[o.name] > 1 else f"{o.name}{item}")
            for o, (k, item) in zip(self.found, self.calls, strict=True)
        ]


def _tensors(values: Any) -> list[Any]:
    if keras.ops.is_tensor(values):
        return [values]
    if isinstance(values, dict):
        values = tuple(values.values())
    return [t for v in values for t in _tensors(v)] if isinstance(values, tuple | list) else []


def _multiplications(layer: Any, given: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """Multiply-adds of a dense layer or a convolution for one row: each weight once per place.

    Args:
        layer: the layer.
        given: the shape of what it is given, for one row.
        shape: of what it gives.
    """
    if isinstance(layer, keras.layers.Dense | keras.layers.EinsumDense):
        size: tuple[int, ...] = tuple(getattr(layer, "kernel").shape)  # noqa: B009  # annotated as perhaps None
        equation = str(getattr(layer, "equation", ""))
        outputs = len(_matrix(equation, np.empty(size, bool))) if equation else size[-1]
        return prod(size) * (prod(shape) // outputs)
    held = [getattr(layer, n, None) for n in ("kernel", "depthwise_kernel", "pointwise_kernel")]
    if not hasattr(layer, "data_format"):
        return 0
    places = given if type(layer).__name__.endswith("Transpose") else shape
    places = places[:-1] if layer.data_format == "channels_last" else places[1:]
    return sum(prod(w.shape) for w in held if w is not None) * prod(places)


def _window(layer: Any, given: tuple[int, ...]) -> tuple[tuple[int, int, int, int], ...]:
    """Size, stride, dilation and cells added in front, per axis, of a convolution or a pooling layer.

    Args:
        layer: the layer.
        given: the shape of what it is given, for one row.
    """
    size = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if size is None or type(layer).__name__.endswith("Transpose"):
        return ()
    axes = len(size) if isinstance(size, tuple | list) else 1

    def each(value: Any) -> tuple[int, ...]:
        return (int(value),) * axes if isinstance(value, int) else tuple(int(v) for v in value)

    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    sides = given[1:] if first else given[:-1]
    lines = zip(
        each(size),
        each(getattr(layer, "strides", None) or size),
        each(getattr(layer, "dilation_rate", 1)),
        sides,
        strict=True,
    )
    padding = str(getattr(layer, "padding", "valid"))
    return tuple((k, s, d, _in_front(padding, k, s, d, side)) for k, s, d, side in lines)


def _in_front(padding: str, size: int, stride: int, dilation: int, side: int) -> int:
    """How many cells "same" and "causal" padding add before the first one of an axis of `side` cells."""
    reach = (size - 1) * dilation
    if padding == "causal":
        return reach
    return max((-(-side // stride) - 1) * stride + reach + 1 - side, 0) // 2 if padding == "same" else 0
