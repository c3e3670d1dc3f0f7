"""Slices of a network: start from a layer's value, stop at another's, by hooks that live for one pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from pellucid.core.errors import CapabilityError, LayerError, nearest
from pellucid.core.model import LayerInfo
from pellucid.core.place import Place

from . import steps
from .steps import replaced


class Reached(BaseException):
    """Carries a layer's value out of the forward pass, past any `except Exception` in it."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def submodule(module: nn.Module, layer: str) -> nn.Module:
    """The layer of that path; `LayerError` suggests the nearest names."""
    layers = dict(module.named_modules())
    if layer not in layers or not layer:
        raise LayerError(f"There is no layer {layer!r}.", fix=nearest(layer, (n for n in layers if n)))
    if isinstance(layers[layer], torch.jit.ScriptModule):
        raise CapabilityError(
            "The layers of a scripted module cannot be reached.",
            got=layer,
            fix="Pass the module it was made from.",
        )
    return layers[layer]


@contextmanager
def tapped(module: nn.Module, place: Place, change: Callable[[Any], Any]) -> Iterator[Counter[str]]:
    """While open, the value at `place` passes through `change`; yields how often the layer was called."""
    if place.function:
        with steps.tapped(module, {place: change}) as functions:
            yield functions
        return
    seen: Counter[str] = Counter()
    layer = submodule(module, place.layer)

    def before(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        seen["calls"] += 1
        if not place.input or seen["calls"] != (place.call or 1):
            return None
        seen["hits"] += 1
        if not args:
            key = next(iter(kwargs))
            return args, {**kwargs, key: change(kwargs[key])}
        return replaced(args, place.item or 0, change), kwargs

    def after(_: nn.Module, __: tuple[Any, ...], output: Any) -> Any:
        if place.input or seen["calls"] != (place.call or 1):
            return None
        seen["hits"] += 1
        if place.item is None:
            return change(output)
        return replaced(output, place.item, change)

    with ExitStack() as hooks:
        hooks.callback(layer.register_forward_pre_hook(before, with_kwargs=True).remove)
        hooks.callback(layer.register_forward_hook(after).remove)
        yield seen


def run(
    module: nn.Module, call: Callable[..., Any], start: Place | None, stop: Place | None, inputs: Any
) -> Any:
    """One forward pass of a slice.

    Args:
        module: the whole network.
        call: runs it on its inputs.
        start: the place whose value is `inputs[0]`; the network's own inputs follow.
        stop: the place whose value is wanted; None is the network's output.
        inputs: tensors.

    Raises:
        LayerError: the pass does not come through `start` or `stop`, or in the wrong order.
    """
    if start is None and stop is None:
        return call(*inputs)
    with ExitStack() as taps:
        entered: Counter[str] = Counter(hits=1)
        if start is not None:
            activation, *inputs = inputs
            entered = taps.enter_context(tapped(module, start, lambda _: activation))
        if stop is None:
            out = call(*inputs)
            _passed(entered, start)
            return out

        def leave(value: Any) -> Any:
            raise Reached(value)

        taps.enter_context(tapped(module, stop, leave))
        try:
            call(*inputs)
        except Reached as reached:
            if not entered["hits"]:
                raise LayerError(
                    f"Layer {stop} does not come after {start}.", fix="Explain a later layer."
                ) from None
            return reached.value
    raise LayerError(f"The forward pass does not reach {stop}.", fix="Choose a layer that it runs through.")


def check(module: nn.Module, call: Callable[..., Any], place: Place, inputs: Any) -> None:
    """Raise `LayerError` unless `place` names one tensor in the pass over `inputs`."""
    values: list[Any] = []

    def keep(value: Any) -> Any:
        values.append(value)
        return value

    with tapped(module, place, keep) as seen:
        call(*inputs)
    calls = seen["calls"]
    if calls == 0:
        functions = nearest(place.layer, (n for n in seen if n not in ("calls", "hits")))
        raise LayerError(
            f"The forward pass does not call {place.layer!r}.",
            fix=functions or "Choose a layer that it runs through.",
        )
    if place.call is None and calls > 1:
        raise LayerError(
            f"Layer {place.layer!r} is called {calls} times.",
            fix=f"Choose {place.layer}#1 to {place.layer}#{calls}.",
        )
    if place.call is not None and place.call > calls:
        raise LayerError(f"Layer {place.layer!r} is called {calls} times.", got=str(place))
    if not isinstance(values[0], torch.Tensor):
        count = len(values[0]) if isinstance(values[0], tuple | list) else 0
        choice = f"Choose {place.layer}[0] to {place.layer}[{count - 1}]." if count else ""
        raise LayerError(
            f"Layer {place.layer!r} gives no single tensor.", got=type(values[0]).__name__, fix=choice
        )


def layers(module: nn.Module, call: Callable[..., Any], inputs: Any) -> list[LayerInfo]:
    """The layers' calls that give a tensor of their own, in the order they end, with the shape for one row.

    A layer that only hands on what a layer inside it gave (a container's last) is left out; a layer called several
    times is named with its call.
    """
    ended: list[tuple[str, nn.Module, torch.Tensor, int]] = []
    calls: Counter[str] = Counter()

    def after(name: str) -> Any:
        def note(m: nn.Module, _: Any, output: Any) -> None:
            calls[name] += 1
            handed_on = ended and ended[-1][2] is output and ended[-1][0].startswith(f"{name}.")
            if isinstance(output, torch.Tensor) and not handed_on:
                ended.append((name, m, output, calls[name]))

        return note

    with ExitStack() as hooks:
        for name, m in module.named_modules():
            if name and not isinstance(m, torch.jit.ScriptModule):
                hooks.callback(m.register_forward_hook(after(name)).remove)
        call(*inputs)
    return [
        LayerInfo(
            f"{name}#{k}" if calls[name] > 1 else name,
            type(m).__name__,
            tuple(value.shape[1:]),
            sum(p.numel() for p in m.parameters(recurse=False)),
        )
        for name, m, value, k in ended
    ]


def _passed(entered: Counter[str], start: Place | None) -> None:
    if not entered["hits"]:
        raise LayerError(
            f"The forward pass does not reach {start}.", fix="Choose a layer that it runs through."
        )
