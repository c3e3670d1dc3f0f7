"""A module looked into: what its layers learned, the steps of a forward pass, the values at places in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvTransposeNd
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from pellucid.core.errors import LayerError
from pellucid.core.model import Operation
from pellucid.core.place import Place
from pellucid.core.types import NpArray

from . import cut, steps
from .cut import Reached
from .tape import taken_apart


def weights(layer: nn.Module, numpy: Callable[[torch.Tensor], NpArray]) -> dict[str, NpArray]:
    """What a layer learned, kernels as (out, in, *window)."""
    names = [n for n, p in layer.named_parameters(recurse=False) if p is not None]
    names += [n for n in getattr(layer, steps.REMADE, ()) if n not in names]
    found: dict[str, NpArray] = {}
    for n in names:
        value = getattr(layer, n)
        if isinstance(layer, _ConvTransposeNd) and n == "weight":
            value = _outputs_first(value, layer.groups)
        found[n] = numpy(value)
    return found


def _outputs_first(weight: torch.Tensor, groups: int) -> torch.Tensor:
    """(in, out / groups, *window) -> (out, in / groups, *window)."""
    inputs, outputs, *window = weight.shape
    split = weight.reshape(groups, inputs // groups, outputs, *window)
    return split.transpose(1, 2).reshape(groups * outputs, inputs // groups, *window)


def capture(
    module: nn.Module, call: Callable[..., Any], places: Sequence[str], inputs: Any
) -> dict[str, torch.Tensor]:
    """The values at several places in one pass, which ends at the last of them."""
    kept: dict[str, torch.Tensor] = {}
    changes = {Place.parse(text): _keep(text, kept, len(set(places))) for text in places}
    with ExitStack() as taps:
        if functions := {place: keep for place, keep in changes.items() if place.function}:
            taps.enter_context(steps.tapped(module, functions))
        for place, keep in changes.items():
            if not place.function:
                taps.enter_context(cut.tapped(module, place, keep))
        with suppress(Reached):
            call(*inputs)
    for text in places:
        if text not in kept:
            raise LayerError(
                f"The forward pass does not reach {text}.", fix="Choose a layer that it runs through."
            )
    return kept


def _keep(text: str, kept: dict[str, torch.Tensor], wanted: int) -> Callable[[Any], Any]:
    """Keeps a copy of what it is shown under `text`; ends the pass once all that is wanted is kept."""

    def keep(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            raise LayerError(f"{text} gives no single tensor.", got=type(value).__name__)
        kept[text] = value.detach().clone()  # a later layer may work in place
        if len(kept) == wanted:
            raise Reached(None)
        return value

    return keep


def operations(module: nn.Module, call: Callable[..., Any], inputs: Any) -> list[Operation]:
    """The steps of a pass over `inputs`, each with the steps it takes its values from."""
    rows = len(inputs[0])
    record = _Record(rows)
    record.made.update({id(a): -1 - i for i, a in enumerate(inputs)})
    record.held.extend(inputs)
    with ExitStack() as watched:
        for context in (taken_apart(module), record.flops):
            watched.enter_context(context)
        owners = watched.enter_context(record.of_layers(module))
        watched.enter_context(steps.Functions(owners, record.function, record.aside))
        call(*inputs)
    times = Counter(o.name for o in record.found)
    return [
        replace(o, name=f"{o.name}#{k}{item}" if times[o.name] > 1 else f"{o.name}{item}")
        for o, (k, item) in zip(record.found, record.calls, strict=True)
    ]


class _Record:
    """What was seen of a pass."""

    def __init__(self, rows: int) -> None:
        self.rows, self.found, self.calls = rows, list[Operation](), list[tuple[int, str]]()
        self.made: dict[int, int] = {}
        self.held: list[Any] = []  # so that no later array is given the same address
        self.flops = _Flops()
        self.counted: set[int] = set()
        self.seen: Counter[str] = Counter()

    def sources(self, values: Any) -> tuple[int, ...]:
        return tuple(dict.fromkeys(self.made[id(t)] for t in _tensors(values) if id(t) in self.made))

    def add(self, o: Operation, call: int, output: Any) -> None:
        for t in _tensors(output):
            self.made[id(t)] = len(self.found)
            self.held.append(t)
        self.found.append(o)
        self.calls.append((call, "" if isinstance(output, torch.Tensor) else "[0]"))

    def aside(self, given: Any, output: Any) -> None:
        """What only looks at an array in another way stands for it."""
        if (
            isinstance(output, torch.Tensor)
            and id(output) not in self.made
            and (found := self.sources(given))
        ):
            self.made[id(output)] = found[0]
            self.held.append(output)

    def function(self, name: str, call: int, func: Any, args: Any, kwargs: Any) -> Any:
        before = self.flops.total
        sources = self.sources((args, kwargs))
        out = func(*args, **kwargs)
        self.held.append((args, kwargs))
        if not sources or not _tensors(out):
            return out
        self.seen[name] += 1
        o = Operation(
            name,
            steps.called(func),
            _shape(out),
            sources,
            layer=False,
            multiplications=(self.flops.total - before) // self.rows,
            window=_function_window(steps.called(func), args, kwargs),
        )
        self.add(o, call, out)
        return out

    @contextmanager
    def of_layers(self, module: nn.Module) -> Iterator[list[tuple[str, nn.Module]]]:
        """Note each call of a layer without parts; yields the modules that are running."""
        started: list[tuple[Any, int]] = []

        def enter(_: nn.Module, args: Any, kwargs: Any) -> None:
            self.held.append((args, kwargs))
            started.append((self.sources((args, kwargs)), self.flops.total))

        def leave(name: str) -> Any:
            def hook(m: nn.Module, args: Any, output: Any) -> None:
                sources, before = started.pop()
                self.seen[name] += 1
                own = {id(p): p.numel() for p in m.parameters() if id(p) not in self.counted}
                self.counted.update(own)
                o = Operation(
                    name,
                    type(m).__name__,
                    _shape(output),
                    sources,
                    parameters=sum(own.values()),
                    multiplications=(self.flops.total - before) // self.rows,
                    window=_window(m),
                )
                self.add(o, self.seen[name], output)

            return hook

        with ExitStack() as hooks, steps.owned(module) as owners:
            for name, m in steps.parts(module):
                if name and steps.whole(m):
                    hooks.callback(m.register_forward_pre_hook(enter, with_kwargs=True).remove)
                    hooks.callback(m.register_forward_hook(leave(name)).remove)
            yield owners


class _Flops(TorchDispatchMode):
    """Counts the multiply-adds of products and convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if formula := flop_registry.get(func.overloadpacket):
            self.total += int(formula(*args, **kwargs, out_val=out)) // 2
        return out


def _tensors(values: Any) -> list[torch.Tensor]:
    if isinstance(values, torch.Tensor):
        return [values]
    if isinstance(values, dict):
        values = tuple(values.values())
    return [t for v in values for t in _tensors(v)] if isinstance(values, tuple | list) else []


def _shape(output: Any) -> tuple[int, ...]:
    tensors = _tensors(output)
    return tuple(tensors[0].shape[1:]) if tensors else ()


def _window(m: nn.Module) -> tuple[tuple[int, int, int, int], ...]:
    """Size, stride, dilation and padding per axis of a convolution or a pooling layer."""
    size = getattr(m, "kernel_size", None)
    if size is None or isinstance(m, _ConvTransposeNd):
        return ()
    axes = 3 if "3d" in type(m).__name__ else 1 if "1d" in type(m).__name__ else 2
    stride = getattr(m, "stride", None) or size
    return _axes(axes, size, stride, getattr(m, "dilation", 1), getattr(m, "padding", 0))


def _function_window(name: str, args: Any, kwargs: Any) -> tuple[tuple[int, int, int, int], ...]:
    pooling = "pool" in name and "adaptive" not in name
    convolution = name in ("conv1d", "conv2d", "conv3d")
    if not (pooling or convolution) or name[-2:] not in ("1d", "2d", "3d"):
        return ()
    names = ("input", "weight", "bias", "stride", "padding", "dilation")
    if pooling:
        names = ("input", "kernel_size", "stride", "padding", "dilation" if "max" in name else "ceil_mode")
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    size = tuple(given["weight"].shape[2:]) if convolution else given["kernel_size"]
    stride = given.get("stride") or (1 if convolution else size)
    return _axes(int(name[-2]), size, stride, given.get("dilation", 1), given.get("padding", 0))


def _axes(axes: int, size: Any, *values: Any) -> tuple[tuple[int, int, int, int], ...]:
    def each(value: Any) -> tuple[int, ...]:
        return (int(value),) * axes if isinstance(value, int) else tuple(int(v) for v in value)

    sizes, (stride, dilation, padding) = each(size), values
    if isinstance(padding, str):  # "same" centres the window, "valid" adds nothing
        padding = tuple(
            d * (k - 1) // 2 * (padding == "same") for k, d in zip(sizes, each(dilation), strict=True)
        )
    return tuple(zip(sizes, each(stride), each(dilation), each(padding), strict=True))
