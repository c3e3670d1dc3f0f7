"""The steps of a forward pass as they run: calls of layers, and of functions between the layers.

Functions are seen by a `TorchFunctionMode`, whatever way they are called (`F.relu(x)`, `torch.relu(x)`, `x.relu()`,
`x + y`); the block that calls one is known from hooks that live for one pass. What a layer without parts calls is its
own business and no step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from pellucid.core.errors import LayerError
from pellucid.core.place import Place

WHOLE = (nn.MultiheadAttention, nn.RNNBase)
"""Layers that are one step, though they are made of parts."""
REMADE = "parametrizations"
"""Where a layer keeps what its weights are made of."""
Step = Callable[[str, int, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""(name, call, function, args, kwargs) -> what the function gives."""


def whole(module: nn.Module) -> bool:
    """Whether a layer is one step: it has no parts that run."""
    return isinstance(module, WHOLE) or all(name == REMADE for name, _ in module.named_children())


def parts(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules that can be hooked, by path; not those that only make a layer's weights."""
    for name, m in module.named_modules():
        if REMADE not in name.split(".") and not isinstance(m, torch.jit.ScriptModule):
            yield name, m


class Functions(TorchFunctionMode):
    """Hands each function call between the layers to `step`, with its name and which call of it this is.

    What attributes and other functions that are no steps give is shown to `aside`, with what they were given.
    """

    def __init__(
        self, owners: list[tuple[str, nn.Module]], step: Step, aside: Callable[[Any, Any], None] | None = None
    ) -> None:
        super().__init__()
        self.owners, self.step, self.aside, self.calls = owners, step, aside, Counter[str]()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        path, owner = self.owners[-1] if self.owners else ("", None)
        if owner is None or (whole(owner) and len(self.owners) > 1):
            return func(*args, **kwargs)
        name = called(func)
        if not name:
            out = func(*args, **kwargs)
            if self.aside is not None:
                self.aside(args, out)
            return out
        full = f"{path}.F.{name}" if path else f"F.{name}"
        self.calls[full] += 1
        return self.step(full, self.calls[full], func, args, kwargs)


def called(func: Any) -> str:
    """A function's plain name: add for `__add__` and `add_`, "" for attributes and what changes no numbers."""
    name = getattr(func, "__name__", "").strip("_").removesuffix("_with_indices")
    return "" if name in NO_STEPS else name


# fmt: off
NO_STEPS = frozenset((
    "get", "set", "size", "dim", "numel", "stride", "is_floating_point", "is_complex", "has_names",
    "detach", "contiguous", "requires_grad", "len", "bool", "item", "tolist", "to", "type", "type_as",
    "clone", "data_ptr", "is_contiguous", "element_size", "storage_offset", "format", "int", "float",
    "deepcopy", "repr", "hash", "iter", "setitem",
))
# fmt: on
"""Functions that are no steps: they ask about an array, or give it on as it is."""


@contextmanager
def owned(module: nn.Module) -> Iterator[list[tuple[str, nn.Module]]]:
    """While open, the list yielded holds the modules that are running, the innermost last."""
    running: list[tuple[str, nn.Module]] = []

    def enter(name: str) -> Any:
        def hook(m: nn.Module, _: Any) -> None:
            running.append((name, m))

        return hook

    def leave(*_: Any) -> None:
        running.pop()

    with ExitStack() as hooks:
        for name, m in parts(module):
            hooks.callback(m.register_forward_pre_hook(enter(name)).remove)
            hooks.callback(m.register_forward_hook(leave, always_call=True).remove)
        yield running


@contextmanager
def tapped(module: nn.Module, changes: Mapping[Place, Callable[[Any], Any]]) -> Iterator[Counter[str]]:
    """While open, what functions take or give at some places passes through `changes`.

    Yields how often: "calls" of the functions named, "hits" of the places, and every function by name.
    """
    seen: Counter[str] = Counter()
    wanted = {place.layer for place in changes}

    def step(name: str, call: int, func: Any, args: Any, kwargs: Any) -> Any:
        seen[name] += 1
        if name not in wanted:
            return func(*args, **kwargs)
        seen["calls"] += 1
        here = [(p, c) for p, c in changes.items() if p.layer == name and (p.call or 1) == call]
        for place, change in here:
            if place.input and args:
                seen["hits"] += 1
                args = (change(args[0]), *args[1:])
        out = func(*args, **kwargs)
        for place, change in here:
            if not place.input:
                seen["hits"] += 1
                out = change(out) if place.item is None else replaced(out, place.item, change)
        return out

    with owned(module) as owners, Functions(owners, step):
        yield seen


def replaced(values: Any, item: int, change: Callable[[Any], Any]) -> tuple[Any, ...]:
    """A tuple with one of its values changed.

    Raises:
        LayerError: there is no such value.
    """
    if not isinstance(values, tuple | list) or item >= len(values):
        size = len(values) if isinstance(values, tuple | list) else 1
        raise LayerError(f"The layer gives {size} values, item {item} is not among them.")
    return tuple(change(v) if i == item else v for i, v in enumerate(values))
