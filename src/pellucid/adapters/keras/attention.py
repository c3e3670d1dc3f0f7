"""The attention weights of a Keras model, recorded while it runs: what its attention layers would return if asked.

The layers' own arithmetic goes on as it would, fused kernels included; the weights are computed beside it from what it
was given. For gradients the output is made of the weights, with zeros added to them, whose gradient is asked.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from pellucid.core.attending import Attended
from pellucid.core.errors import CapabilityError, LayerError
from pellucid.core.types import NpArray

from . import layers
from .operations import ops
from .passes import Slice

GROUPED = keras.layers.GroupQueryAttention
HEADED = (keras.layers.MultiHeadAttention, GROUPED)
SINGLE = (keras.layers.Attention, keras.layers.AdditiveAttention)
COMPUTES = "_compute_attention"
APPLIES = "_apply_scores"
"""The methods of Keras's layers, of several heads and of one, that give (output, weights)."""


@dataclass(frozen=True)
class Met:
    """One attention as it was met: the layer's path and kind, which of its calls it was, how many axes it is over."""

    path: str
    kind: str
    call: int
    axes: int


@dataclass(eq=False)
class Attending(Slice):
    """The program of a pass that gives its attention weights beside the output.

    Attributes:
        places: names of those wanted; () is all.
        zeros: how many inputs come last that are zeros, to be added to the weights, one each.
        met: those that were seen, known once the pass was traced.
    """

    places: tuple[str, ...] = ()
    zeros: int = 0
    met: list[Met] = field(default_factory=list[Met])

    def __call__(self, values: Sequence[Any], *tensors: Any) -> tuple[Any, tuple[Any, ...]]:
        own = len(tensors) - self.zeros
        record = Record(self.places, tensors[own:])
        with self.scope(values), record.watching(self.model()):
            y = self.value(*tensors[:own])
        self.met[:] = record.met
        return y, tuple(self.whole(w) for w in record.weights)


class Record:
    """What was seen of a pass.

    Attributes:
        zeros: for each attention, what is added to its weights; () where no gradient is asked for.
        met, weights: the attentions, and what they gave.
    """

    def __init__(self, places: tuple[str, ...], zeros: Sequence[Any]) -> None:
        self.wanted = {(name, int(number or 1)) for name, _, number in (p.partition("#") for p in places)}
        self.zeros, self.met, self.weights = zeros, list[Met](), list[Any]()
        self.calls: Counter[str] = Counter()

    @contextmanager
    def watching(self, model: Any) -> Iterator[None]:
        """While open, every attention layer is written down."""
        with ExitStack() as undo:
            for path, layer in layers.named(model).items():
                if isinstance(layer, (*HEADED, *SINGLE)):
                    name = COMPUTES if isinstance(layer, HEADED) else APPLIES
                    object.__setattr__(layer, name, self._beside(path, layer, getattr(layer, name)))
                    undo.callback(object.__delattr__, layer, name)
            yield

    def _beside(self, path: str, layer: Any, compute: Callable[..., Any]) -> Callable[..., Any]:
        headed = isinstance(layer, HEADED)

        def computed(*args: Any, **kwargs: Any) -> Any:
            self.calls[path] += 1
            if self.wanted and (path, self.calls[path]) not in self.wanted:
                return compute(*args, **kwargs)
            out, weights = compute(*args, **kwargs)
            given = weights
            if weights is None:
                weights = _weights(path, layer, *args, **kwargs)
            zeros = self.zeros[len(self.met)] if self.zeros else None
            self.met.append(Met(path, type(layer).__name__, self.calls[path], _axes(layer) if headed else 1))
            self.weights.append(weights)
            if zeros is None:
                return out, given
            _own(path, layer)
            weights = weights + ops.cast(zeros, weights.dtype)
            value = args[2] if headed else kwargs.get("value", args[1] if len(args) > 1 else None)
            out = (
                ops.einsum(layer._combine_equation, weights, value) if headed else ops.matmul(weights, value)
            )
            return out, given

        return computed


def _own(path: str, layer: Any) -> None:
    """Refuse a layer that computes its attention in a way of its own."""
    name = COMPUTES if isinstance(layer, HEADED) else APPLIES
    homes = [cls for cls in type(layer).__mro__ if name in vars(cls)]
    if not homes[0].__module__.startswith("keras."):
        raise CapabilityError(
            f"{type(layer).__name__} at {path!r} computes its attention in its own way.",
            fix=f"Let its {name} return the weights beside the output, or name other layers with at=.",
        )


def _axes(layer: Any) -> int:
    """How many axes of positions a layer attends over."""
    return 1 if isinstance(layer, GROUPED) else len(layer._attention_axes)


def _weights(
    path: str,
    layer: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any = None,
    *_: Any,
    use_causal_mask: bool = False,
    **__: Any,
) -> Any:
    """(rows, [windows], heads, queries, keys) what a layer that took a fused kernel gave each key."""
    _own(path, layer)
    if use_causal_mask:
        causal = layer._compute_causal_mask(query, value)
        both = None if attention_mask is None else ops.logical_and(ops.cast(attention_mask, "bool"), causal)
        attention_mask = causal if both is None else both
    grouped = isinstance(layer, GROUPED)
    query = query * ops.cast(
        layer._inverse_sqrt_head_dim if grouped else layer._inverse_sqrt_key_dim, query.dtype
    )
    pair = (query, key) if grouped else (key, query)
    return layer._masked_softmax(ops.einsum(layer._dot_product_equation, *pair), attention_mask)


def attentions(
    model: Any,
    inputs: tuple[NpArray, ...],
    places: tuple[str, ...],
    cotangent: Callable[[NpArray], NpArray] | None,
) -> list[Attended]:
    """Run the model once and give every attention seen.

    Args:
        model: a `KerasModel`, whole.
        inputs: what it is given, rows first.
        places: names of those wanted; () is all.
        cotangent: of the output, for the gradients of the weights; None where these are not asked.
    """
    program, run = model.compiled("forward", inputs, (), Attending, places=places)
    _, weights = run(inputs)
    if not weights:
        return []
    grads: Sequence[NpArray | None] = [None] * len(weights)
    if cotangent is not None:
        whole = (*inputs, *(np.zeros_like(w) for w in weights))
        wrt = tuple(range(len(inputs), len(whole)))
        _, again = model.compiled("pullback", whole, wrt, Attending, places=places, zeros=len(weights))
        y, _, back = again(whole)
        grads = model.gradients(back(cotangent(y)), list(weights))
    often = Counter(m.path for m in program.met)
    return [
        _attended(m, w, g, len(inputs[0]), often[m.path] > 1)
        for m, w, g in zip(program.met, weights, grads, strict=True)
    ]


def _attended(met: Met, weights: NpArray, gradient: NpArray | None, rows: int, numbered: bool) -> Attended:
    """One attention, rows first, windows and heads on one axis."""
    front, places = weights.shape[: -2 * met.axes], weights.shape[-2 * met.axes :]
    if len(weights) % rows:
        raise LayerError(f"{met.path} attends across rows.", got=f"weights {weights.shape} for {rows} rows")
    queries, keys = math.prod(places[: met.axes]), math.prod(places[met.axes :])
    windows = (math.prod(front[:-1]) if len(front) > 1 else len(weights)) // rows
    shape = (rows, -1, queries, keys)
    return Attended(
        f"{met.path}#{met.call}" if numbered else met.path,
        met.kind,
        weights.reshape(shape),
        max(1, windows),
        None if gradient is None else gradient.reshape(shape),
    )
