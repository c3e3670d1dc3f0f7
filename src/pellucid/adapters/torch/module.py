"""TorchModel: predict, gradients, slices, on the module's own device and in its own precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from pellucid.adapters.function import pick
from pellucid.core.attending import Attended
from pellucid.core.errors import CapabilityError, LayerError, ShapeError
from pellucid.core.model import Facts, LayerInfo, Operation
from pellucid.core.place import Place
from pellucid.core.rules import Rule
from pellucid.core.run import MEMORY
from pellucid.core.types import NpArray

from . import attention, cut, inside, rest, rules, steps

ACCELERATOR_MEMORY = 2 * 2**30
"""Bytes of activations that an automatic batch may hold on an accelerator, which wants large batches."""
EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
HALVES = (torch.float16, torch.bfloat16)
_measured: WeakKeyDictionary[nn.Module, dict[Any, float]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class TorchModel:
    """A module, or the slice of it from `start` to `stop`.

    Values cross its border in `dtype`, float32 for models in half precision; the module itself runs in its own.

    Attributes:
        module: the network, compiled wrappers taken off.
        facts: what is known of it.
        device, inside: where its parameters are, and their float type.
        output: which of several outputs, by key or position.
        keywords: names of the inputs, where they are passed by name.
        start, stop: the slice; None is the network's input or output.
        rule: another way back through the same forward pass.
    """

    module: nn.Module
    facts: Facts
    device: torch.device
    inside: torch.dtype
    output: str | int | None = None
    keywords: tuple[str, ...] = ()
    start: Place | None = None
    stop: Place | None = None
    rule: Rule | None = None

    @property
    def dtype(self) -> torch.dtype:
        """The float type that methods calculate in."""
        return torch.float32 if self.inside in HALVES else self.inside

    def predict(self, *inputs: torch.Tensor) -> torch.Tensor:
        if self.rule is not None and self.rule.paired:
            inputs = inputs[: len(inputs) // 2]
        with torch.no_grad(), rest.as_learnt(self.module):
            return self.run(*inputs)

    def vjp(
        self,
        inputs: tuple[torch.Tensor, ...],
        cotangent: Callable[[torch.Tensor], torch.Tensor],
        wrt: tuple[int, ...] = (0,),
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        if self.rule is not None:
            return rules.vjp(self, inputs, cotangent, wrt)
        leaves = list(inputs)
        for i in wrt:
            leaves[i] = inputs[i].detach().requires_grad_(True)
        with torch.enable_grad(), rest.as_learnt(self.module):
            y = self.run(*leaves)
        out, grads = y.detach(), list[torch.Tensor | None]()
        if y.requires_grad:
            grads += torch.autograd.grad(y, [leaves[i] for i in wrt], cotangent(out), allow_unused=True)
        if all(g is None for g in grads):
            raise CapabilityError(
                f"No gradient leads from the output of {self.facts.name} to its input.",
                fix="A step detaches it (no_grad, argmax, rounding); use a perturbation method, such as Occlusion.",
            )
        return out, tuple(
            torch.zeros_like(inputs[i]) if g is None else g for i, g in zip(wrt, grads, strict=True)
        )

    def differentiate(
        self, function: Callable[[torch.Tensor], torch.Tensor], y: torch.Tensor
    ) -> torch.Tensor:
        with torch.enable_grad():
            leaf = y.detach().requires_grad_(True)
            value = function(leaf)
        if not value.requires_grad:
            raise CapabilityError(
                "The target function has no gradient.", fix="Write it with torch operations."
            )
        return torch.autograd.grad(value.sum(), leaf)[0]

    def __getitem__(self, where: slice) -> TorchModel:
        start = Place.parse(where.start) if where.start else self.start
        stop = Place.parse(where.stop) if where.stop else self.stop
        return replace(self, start=start, stop=stop)

    def ruled(self, rule: Rule) -> TorchModel:
        """The same forward pass, another way back."""
        return replace(self, rule=rule)

    def layers(self, inputs: tuple[torch.Tensor, ...] = ()) -> list[LayerInfo]:
        if inputs:
            with torch.no_grad():
                rows = [self._into(self._probe(a)) for a in inputs]
                return cut.layers(self.module, self._call, rows)
        return [
            LayerInfo(name, type(m).__name__, None, sum(p.numel() for p in m.parameters(recurse=False)))
            for name, m in self.module.named_modules()
            if name and steps.REMADE not in name.split(".")
        ]

    def check(self, place: str, inputs: tuple[torch.Tensor, ...]) -> None:
        with torch.no_grad():
            rows = [self._into(self._probe(a)) for a in inputs]
            cut.check(self.module, self._call, Place.parse(place), rows)

    def weights(self, layer: str) -> dict[str, NpArray]:
        return inside.weights(cut.submodule(self.module, layer), self.numpy)

    def operations(self, inputs: tuple[torch.Tensor, ...]) -> list[Operation]:
        with torch.no_grad():
            return inside.operations(self.module, self._call, [self._into(self._probe(a)) for a in inputs])

    def capture(self, inputs: tuple[torch.Tensor, ...], places: tuple[str, ...]) -> dict[str, torch.Tensor]:
        with torch.no_grad(), rest.as_learnt(self.module):
            found = inside.capture(self.module, self._call, places, [self._into(a) for a in inputs])
        return {p: v.to(self.dtype) if v.is_floating_point() else v for p, v in found.items()}

    def attentions(
        self,
        inputs: tuple[torch.Tensor, ...],
        places: tuple[str, ...] = (),
        cotangent: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> list[Attended]:
        def pulled(returned: Any) -> tuple[torch.Tensor, torch.Tensor]:
            y = pick(returned, self.output).to(self.dtype)
            return y, cotangent(y.detach())  # type: ignore[misc]  # only called where there is one

        ready = [self._into(a) for a in inputs]
        pull = None if cotangent is None else pulled
        with rest.as_learnt(self.module):
            return attention.attentions(self.module, self._call, ready, places, pull, self.numpy)

    def bytes_per_row(self, inputs: tuple[torch.Tensor, ...]) -> float:
        if self.rule is not None and self.rule.paired:
            return self.rule.passes * replace(self, rule=None).bytes_per_row(inputs[: len(inputs) // 2])
        key = (str(self.start), str(self.stop), *(tuple(a.shape[1:]) for a in inputs))
        known = _measured.setdefault(self.module, {})
        if key not in known:
            known[key] = self._measure(inputs)
        return known[key]

    def native(self, array: NpArray) -> torch.Tensor:
        array = np.ascontiguousarray(array)
        with _no_inference():
            tensor = torch.as_tensor(array if array.flags.writeable else array.copy(), device=self.device)
            return tensor.to(self.dtype) if tensor.is_floating_point() else tensor

    def adopt(self, tensor: torch.Tensor) -> torch.Tensor:
        """The caller's tensor on the model's device; numbers in the type that methods calculate in."""
        with _no_inference():
            tensor = tensor.detach().to(self.device)
            tensor = tensor.clone() if tensor.is_inference() else tensor
            counts = not tensor.is_floating_point() and not self.facts.tokens
            return tensor.to(self.dtype) if tensor.is_floating_point() or counts else tensor

    def numpy(self, array: torch.Tensor) -> NpArray:
        array = array.detach()
        return (array.float() if array.dtype in HALVES else array).cpu().numpy()

    def out_of_memory(self, error: BaseException) -> bool:
        if isinstance(error, torch.OutOfMemoryError | MemoryError):
            return True
        return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)

    def at_rest(self) -> AbstractContextManager[None]:
        return rest.at_rest(self.module)

    # -- inside ---------------------------------------------------------------------------------------------------

    def run(self, *inputs: torch.Tensor) -> torch.Tensor:
        """One forward pass of the slice, with or without a graph as the caller has it."""
        y = self._returned(*inputs)
        y = y if self.stop is not None else pick(y, self.output)
        if not isinstance(y, torch.Tensor):
            raise CapabilityError(
                "The model gives no tensor.", got=type(y).__name__, fix="Choose one with output=."
            )
        if self.stop is None and self.start is None and y.shape[:1] != inputs[0].shape[:1]:
            raise CapabilityError(
                f"The model gives shape {tuple(y.shape)} for {len(inputs[0])} rows.",
                fix="It must keep rows first.",
            )
        return y.to(self.dtype) if y.is_floating_point() else y

    def _returned(self, *inputs: torch.Tensor) -> Any:
        """What the slice returns, be it one output or several."""
        ready = [self._into(a) for a in inputs]
        try:
            return cut.run(self.module, self._call, self.start, self.stop, ready)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            self._explain(error, inputs)
            raise

    def _call(self, *inputs: torch.Tensor) -> Any:
        if self.keywords:
            return self.module(**dict(zip(self.keywords, inputs, strict=True)))
        return self.module(*inputs)

    def _into(self, a: torch.Tensor) -> torch.Tensor:
        """A copy in the module's own precision: a first layer that works in place must not reach the caller's data."""
        return a.to(self.inside, copy=True) if a.is_floating_point() else a.clone()

    def _probe(self, a: torch.Tensor) -> torch.Tensor:
        """One row to try the network on; twice where it takes statistics over rows, which need more than one."""
        return torch.cat([a[:1]] * 2) if self.facts.mixes_rows else a[:1]

    def _measure(self, inputs: tuple[torch.Tensor, ...]) -> float:
        """Bytes that a gradient keeps for one row: what autograd saves, parameters aside."""
        own = {p.data_ptr() for p in self.module.parameters()}
        seen: dict[int, torch.Tensor] = {}

        def pack(tensor: torch.Tensor) -> None:
            if tensor.data_ptr() not in own:
                seen[tensor.data_ptr()] = tensor  # held, so that no later tensor is given the same address

        row = [self._probe(a).detach().clone() for a in inputs]
        if row[0].is_floating_point():
            row[0].requires_grad_(True)
        # the graph is dropped without a backward pass, so nothing is ever unpacked
        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda _: row[0]):
            y = self._returned(*row)
        ends = [a for a in (*row, y) if isinstance(a, torch.Tensor)]  # of several outputs none is chosen yet
        kept = sum(t.numel() * t.element_size() for t in seen.values())
        return float(2 * kept + 4 * sum(a.numel() * a.element_size() for a in ends))

    def _explain(self, error: Exception, inputs: tuple[torch.Tensor, ...]) -> None:
        """Turn a framework's shape error into one that names the layer, where the mismatch is plain."""
        if isinstance(error, LayerError | CapabilityError):
            return
        name, first = first_layer(self.module)
        x = inputs[0 if self.start is None else min(1, len(inputs) - 1)]
        wants, axis, has = _first_width(first)
        if has and not _fits(x, wants, axis, has):
            kind = f"{wants} {'columns' if axis == -1 else 'channels'}"
            raise ShapeError(
                f"The model's first layer {name!r} takes {kind}, rows first.",
                got=f"shape {tuple(x.shape)}",
                fix=f"Pass {_like(max(has), wants, axis)}.",
            ) from error
        error.add_note(f"pellucid: the model was given {[tuple(a.shape) for a in inputs]}.")


def wrap(model: Any, *, output: str | int | None = None) -> TorchModel:
    """Wrap a module; a compiled one runs eagerly, so that its layers can be reached."""
    module = model._orig_mod if "_orig_mod" in model._modules else model
    if type(module).__name__ in ("DataParallel", "DistributedDataParallel"):
        module = module.module
    parts = rest.parts(module)
    some = next(_tensors(parts), None)
    real = next((t for t in _tensors(parts) if t.is_floating_point()), None)
    device = torch.device("cpu") if some is None else some.device
    inside = torch.get_default_dtype() if real is None else real.dtype
    return TorchModel(module, _facts(module, parts, device), device, inside, output)


def _tensors(parts: Sequence[nn.Module]) -> Iterator[torch.Tensor]:
    """Parameters, then buffers."""
    for kind in ("_parameters", "_buffers"):
        for m in parts:
            yield from (t for t in getattr(m, kind).values() if t is not None)


def _no_inference() -> AbstractContextManager[Any]:
    """The caller may be in inference mode, whose tensors cannot have gradients."""
    return torch.inference_mode(False) if torch.is_inference_mode_enabled() else nullcontext()


def first_layer(module: nn.Module) -> tuple[str, nn.Module | None]:
    """The first layer with weights of its own, in the order of definition."""
    for name, m in module.named_modules():
        if next(m.parameters(recurse=False), None) is not None:
            return name, m
    return "", None


def _facts(module: nn.Module, parts: Sequence[nn.Module], device: torch.device) -> Facts:
    training = any(m.training for m in parts)
    mixing = next((m for m in parts if _mixes_rows(m)), None)
    weighted = next((m for m in parts if any(p is not None for p in m._parameters.values())), None)
    return Facts(
        name=f"{type(module).__name__} (torch)",
        space="probability" if isinstance(parts[-1], nn.Softmax | nn.Sigmoid) else "",
        tokens=any(isinstance(m, EMBEDDINGS) for m in parts),
        axes=_first_width(weighted)[2],
        mixes_rows=next(name for name, m in module.named_modules() if m is mixing) if mixing else "",
        memory=MEMORY if device.type == "cpu" else ACCELERATOR_MEMORY,
        notes=("The model was in training mode; it was explained in evaluation mode.",) * training,
    )


def _mixes_rows(m: nn.Module) -> bool:
    """Batch statistics even in evaluation mode: a row's output depends on the rows beside it."""
    return (
        isinstance(m, nn.modules.batchnorm._NormBase)
        and m.running_mean is None
        and not isinstance(m, nn.modules.instancenorm._InstanceNorm)
    )


def _first_width(layer: nn.Module | None) -> tuple[int, int, tuple[int, ...]]:
    """What a first layer takes: how many, on which axis, and how many axes the input may have (rows included)."""
    if isinstance(layer, nn.Linear):
        return layer.in_features, -1, (3, 2)
    if isinstance(layer, nn.Conv1d):
        return layer.in_channels, 1, (3,)
    if isinstance(layer, nn.Conv2d):
        return layer.in_channels, 1, (4,)
    if isinstance(layer, nn.Conv3d):
        return layer.in_channels, 1, (5,)
    return 0, 0, ()


def _fits(x: torch.Tensor, wants: int, axis: int, has: tuple[int, ...]) -> bool:
    """Whether rows of x may be what a first layer takes; a dense one may sit behind a flattening."""
    if axis == -1:
        return x.shape[-1] == wants or x[:1].numel() == wants
    return x.ndim in has and x.shape[axis] == wants


def _like(axes: int, width: int, axis: int) -> str:
    names = {2: f"(rows, {width})", 3: f"(rows, {width}, steps)", 4: f"(rows, {width}, height, width)"}
    return names.get(axes, f"(rows, {width}, depth, height, width)") if axis == 1 else f"(rows, {width})"
