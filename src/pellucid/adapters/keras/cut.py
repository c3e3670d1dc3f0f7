"""Slices of a Keras model: start from a layer's value, stop at another's, by shadowing `call` for one pass.

The shadow sits on the instance, where neither Keras's trackers nor a torch module's see it, and is taken off whatever
happens. A pass may be traced by `tf.function` or `jax.jit`: the shadow is there while it is traced and not later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from pellucid.core.errors import LayerError
from pellucid.core.model import LayerInfo
from pellucid.core.place import Place

from . import layers
from .operations import ops

Hook = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""Runs in place of a layer's call: (the call itself, its arguments, those by name) -> what the layer gives."""


class Reached(BaseException):
    """Carries a layer's value out of the forward pass, past any `except Exception` in it."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


@contextmanager
def shadowed(layer: Any, hook: Hook) -> Iterator[None]:
    """While open, every call of `layer` goes through `hook`."""
    name = "call" if getattr(layer, "quantization_mode", None) is None else "quantized_call"
    before, own = getattr(layer, name), name in vars(layer)

    def call(*args: Any, **kwargs: Any) -> Any:
        return hook(before, args, kwargs)

    object.__setattr__(layer, name, call)
    try:
        yield
    finally:
        if own:
            object.__setattr__(layer, name, before)
        else:
            object.__delattr__(layer, name)


@contextmanager
def tapped(layer: Any, place: Place, change: Callable[[Any], Any]) -> Iterator[Counter[str]]:
    """While open, the value at `place` passes through `change`; yields how often the layer was called."""
    seen: Counter[str] = Counter()

    def hook(call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        seen["calls"] += 1
        if seen["calls"] != (place.call or 1):
            return call(*args, **kwargs)
        seen["hits"] += 1
        if place.input:
            args, kwargs = _given(args, kwargs, place.item or 0, change)
            return call(*args, **kwargs)
        out = call(*args, **kwargs)
        return change(out) if place.item is None else _replaced(out, place.item, change)

    with shadowed(layer, hook):
        yield seen


def _given(
    args: tuple[Any, ...], kwargs: dict[str, Any], item: int, change: Callable[[Any], Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call's arguments with one changed; a list of tensors, as `Add` takes, counts as several."""
    if not args:
        key = next(iter(kwargs))
        return args, {**kwargs, key: change(kwargs[key])}
    if isinstance(args[0], tuple | list):
        return (_replaced(args[0], item, change), *args[1:]), kwargs
    return tuple(_replaced(args, item, change)), kwargs


def _replaced(values: Any, item: int, change: Callable[[Any], Any]) -> Any:
    if not isinstance(values, tuple | list) or item >= len(values):
        size = len(values) if isinstance(values, tuple | list) else 1
        raise LayerError(f"The layer gives {size} values, item {item} is not among them.")
    return type(values)(change(v) if i == item else v for i, v in enumerate(values))


def run(
    model: Any,
    call: Callable[..., Any],
    start: Place | None,
    stop: Place | None,
    inputs: Sequence[Any],
    begin: Callable[[], None] = lambda: None,
) -> Any:
    """One forward pass of a slice.

    Args:
        model: the whole network.
        call: runs it on its inputs.
        start: the place whose value is `inputs[0]`; the network's own inputs follow.
        stop: the place whose value is wanted; None is the network's output.
        inputs: tensors.
        begin: called where the pass comes to `start`: what ran before does not matter.

    Raises:
        LayerError: the pass does not come through `start` or `stop`, or in the wrong order.
    """
    with ExitStack() as taps:
        entered: Counter[str] = Counter(hits=1)
        if start is not None:
            activation, *inputs = inputs

            def enter(old: Any) -> Any:
                begin()
                return ops.cast(activation, old.dtype)

            entered = taps.enter_context(tapped(layers.find(model, start.layer)[1], start, enter))
        if stop is None:
            out = call(*inputs)
            if not entered["hits"]:
                raise LayerError(
                    f"The forward pass does not reach {start}.", fix="Choose a layer that it runs through."
                )
            return out

        def leave(value: Any) -> Any:
            raise Reached(value)

        taps.enter_context(tapped(layers.find(model, stop.layer)[1], stop, leave))
        try:
            call(*inputs)
        except Reached as reached:
            if not entered["hits"]:
                raise LayerError(
                    f"Layer {stop} does not come after {start}.", fix="Explain a later layer."
                ) from None
            return reached.value
    raise LayerError(f"The forward pass does not reach {stop}.", fix="Choose a layer that it runs through.")


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer, as it was seen.

    Attributes:
        path: the layer's path.
        kind: its class.
        parameters: how many numbers it holds.
        given: the shape of what it was given, or of each of several.
        gave: the same of what it gave.
        handed_on: whether it gave what a layer inside it gave, as containers do.
        leaf: whether no layer inside it was called.
        size: how many bytes it gave.
    """

    path: str
    kind: str
    parameters: int
    given: Any
    gave: Any
    handed_on: bool
    leaf: bool
    size: int


@contextmanager
def watched(model: Any) -> Iterator[list[Call]]:
    """While open, the calls of all layers are written down in the order they end."""
    ended: list[Call] = []
    last: list[Any] = []  # what the last call gave, and under which path

    def watch(path: str, layer: Any) -> Hook:
        def hook(call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            before = len(ended)
            out = call(*args, **kwargs)
            given = args[0] if args and isinstance(args[0], tuple | list) else args or tuple(kwargs.values())
            handed_on = bool(last) and last[0] is out and last[1].startswith(f"{path}/")
            last[:] = [out, path]
            ended.append(
                Call(
                    path,
                    type(layer).__name__,
                    layers.parameters(layer),
                    _shapes(given),
                    _shapes(out),
                    handed_on,
                    len(ended) == before,
                    _bytes(out),
                )
            )
            return out

        return hook

    with ExitStack() as shadows:
        for path, layer in layers.named(model).items():
            shadows.enter_context(shadowed(layer, watch(path, layer)))
        yield ended


def _shapes(value: Any) -> Any:
    """The shape of a tensor; a list of shapes for several; the name of the type of anything else."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return tuple(value.shape)
    if isinstance(value, tuple | list):
        return [_shapes(v) for v in value]
    return type(value).__name__


def _bytes(value: Any) -> int:
    if isinstance(value, tuple | list):
        return sum(_bytes(v) for v in value)
    if not hasattr(value, "shape") or any(size is None for size in value.shape):
        return 0
    return 4 * layers.product(tuple(value.shape))


def check(place: Place, path: str, calls: list[Call], inside: Mapping[str, str]) -> None:
    """Raise `LayerError` unless `place` names one tensor among the calls of a pass.

    Args:
        place: what the caller wrote.
        path: the path of its layer.
        calls: the calls of the pass.
        inside: layers whose values never leave the loop they run in -> the layer that is the loop.
    """
    if path in inside:
        raise LayerError(
            f"Layer {path!r} runs inside the loop of {inside[path]!r}, which is compiled as one piece.",
            fix=f"Explain {inside[path]!r} as a whole.",
        )
    own = [c for c in calls if c.path == path]
    if not own:
        raise LayerError(
            f"The forward pass does not call {place.layer!r}.", fix="Choose a layer that it runs through."
        )
    if place.call is None and len(own) > 1:
        raise LayerError(
            f"Layer {place.layer!r} is called {len(own)} times.",
            fix=f"Choose {place.layer}#1 to {place.layer}#{len(own)}.",
        )
    if place.call is not None and place.call > len(own):
        raise LayerError(f"Layer {place.layer!r} is called {len(own)} times.", got=str(place))
    _check_value(place, own[(place.call or 1) - 1])


def _check_value(place: Place, call: Call) -> None:
    values = call.given if place.input else call.gave
    several = isinstance(values, list)
    item = place.item or 0 if place.input else place.item
    if several and item is not None and item >= len(values):
        raise LayerError(f"The layer gives {len(values)} values, item {item} is not among them.")
    if not several and place.item is not None:
        raise LayerError(f"The layer gives 1 values, item {place.item} is not among them.")
    found = values[item] if several and item is not None else values
    if not isinstance(found, tuple):
        choice = f"Choose {place.layer}[0] to {place.layer}[{len(values) - 1}]." if several else ""
        kind = "list" if several else str(values)
        raise LayerError(f"Layer {place.layer!r} gives no single tensor.", got=kind, fix=choice)


def listed(calls: list[Call], inside: Mapping[str, str]) -> list[LayerInfo]:
    """The calls that give a tensor of their own, with the shape for one row.

    A layer that only hands on what a layer inside it gave is left out, as is what runs inside a compiled loop; a layer
    called several times is named with its call.
    """
    often, number = Counter(c.path for c in calls), Counter[str]()
    found: list[LayerInfo] = []
    for c in calls:
        number[c.path] += 1
        if c.handed_on or c.path in inside or not isinstance(c.gave, tuple):
            continue
        name = f"{c.path}#{number[c.path]}" if often[c.path] > 1 else c.path
        found.append(LayerInfo(name, c.kind, c.gave[1:], c.parameters))
    return found
