"""A module made ready to be explained, and given back bit for bit as it was found."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.nn.modules import module as hooked

from pellucid.core.run import global_streams_kept

LAYERS = "torch.nn.modules."
CALLERS = (f"{LAYERS}transformer", f"{LAYERS}loss")
"""Where torch's layers are defined, and those files of them whose layers may be given functions of the caller's."""
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@contextmanager
def at_rest(module: nn.Module) -> Iterator[None]:
    """Evaluation mode, no gradients kept for parameters, buffers protected, random state and kernels untouched."""
    found = parts(module)
    with ExitStack() as undo:
        if torch.is_inference_mode_enabled():
            undo.enter_context(torch.inference_mode(False))
        _keep_streams(undo, found)
        _plain_kernels(undo)
        _evaluate(undo, module, found)
        _freeze(undo, module, found)
        _own_buffers(undo, module, found)
        yield


def parts(module: nn.Module) -> list[nn.Module]:
    """Each module of a network once, in the order of `module.modules()`, which also makes up their names."""
    seen: dict[nn.Module, None] = {}
    waiting: list[nn.Module | None] = [module]
    while waiting:
        m = waiting.pop()
        if m is not None and m not in seen:
            seen[m] = None
            waiting.extend(reversed(list(m._modules.values())))
    return list(seen)


def _keep_streams(undo: ExitStack, found: Sequence[nn.Module]) -> None:
    """A model may draw random numbers; the caller's streams go on where they were."""
    if _runs_code_of_others(found):
        undo.enter_context(global_streams_kept())
    undo.callback(torch.set_rng_state, torch.get_rng_state())
    if torch.cuda.is_available():
        undo.enter_context(torch.random.fork_rng(devices=range(torch.cuda.device_count())))


def _runs_code_of_others(found: Sequence[nn.Module]) -> bool:
    """Whether a pass runs more than torch's own layers, which draw from torch's stream and no other.

    Keeping NumPy's and Python's streams costs as much as a pass through a small network.
    """
    for kind in HOOKS:
        if getattr(hooked, f"_global{kind}"):
            return True
    for m in found:
        own, cls = m.__dict__, type(m)
        if "forward" in own or not _plain(cls.__module__) or not _plain(cls.forward.__module__):
            return True
        if (
            own["_forward_hooks"]
            or own["_forward_pre_hooks"]
            or own["_backward_hooks"]
            or own["_backward_pre_hooks"]
        ):
            return True
    return False


def _plain(home: str) -> bool:
    """Whether what is written there is torch's own and calls no function of the caller's."""
    return home.startswith(LAYERS) and home not in CALLERS


def _plain_kernels(undo: ExitStack) -> None:
    """The same arithmetic with and without gradients, and hooks that fire in compiled modules too."""
    if torch.backends.mha.get_fastpath_enabled():
        undo.callback(torch.backends.mha.set_fastpath_enabled, True)
        torch.backends.mha.set_fastpath_enabled(False)
    if "torch._dynamo" in sys.modules:  # something may be compiled: importing it here would cost seconds
        undo.enter_context(torch.compiler.set_stance("force_eager"))


def _evaluate(undo: ExitStack, module: nn.Module, found: Sequence[nn.Module]) -> None:
    """Every part in evaluation mode; set directly, so that no `train()` of the caller's runs.

    A function may call networks that are no part of it: these are caught as they are called.
    """

    def rest(met: Sequence[nn.Module]) -> None:
        training = [part for part in met if part.training]
        if training:
            undo.callback(_set_training, training)
        for part in training:
            part.training = False

    rest(found)
    if getattr(type(module), "calls_others", False):
        hook = hooked.register_module_forward_pre_hook(lambda m, _: rest(parts(m)))
        undo.callback(hook.remove)


def _set_training(met: Sequence[nn.Module]) -> None:
    for part in met:
        part.training = True


def _freeze(undo: ExitStack, module: nn.Module, found: Sequence[nn.Module]) -> None:
    """No graph towards the parameters, which halves what a convolution keeps; inference tensors are replaced."""
    held = [(m, name, p) for m in found for name, p in m._parameters.items() if p is not None]
    learning = [p for _, _, p in held if p.requires_grad and not p.is_inference()]
    replaced = [h for h in held if h[2].is_inference() and not isinstance(h[0], torch.jit.ScriptModule)]

    def back() -> None:
        for m, name, p in replaced:
            m._parameters[name] = p
        for p in learning:
            p.requires_grad_(True)

    undo.callback(back)
    for p in learning:
        p.requires_grad_(False)
    packed = [m._parameters["in_proj_weight"] for m in found if isinstance(m, nn.MultiheadAttention)]
    if learnt := [p for p in learning if any(p is w for w in packed)]:
        undo.callback(_projections.pop, module, None)
        _projections[module] = learnt
    for m, name, p in replaced:
        m._parameters[name] = nn.Parameter(p.clone(), requires_grad=False)


_projections: WeakKeyDictionary[nn.Module, list[nn.Parameter]] = WeakKeyDictionary()


@contextmanager
def as_learnt(module: nn.Module) -> Iterator[None]:
    """While open, the projections into attention are as they were before they were frozen.

    PyTorch multiplies rows that lie apart, as `nn.MultiheadAttention` lays them, by a weight that can learn in one
    product, and by a frozen one in one product for each position, which takes a whole encoder 1.7 times as long.
    """
    weights = _projections.get(module, ())
    for p in weights:
        p.requires_grad_(True)
    try:
        yield
    finally:
        for p in weights:
            p.requires_grad_(False)


def _own_buffers(undo: ExitStack, module: nn.Module, found: Sequence[nn.Module]) -> None:
    """Copies in place of the buffers, so that what a forward pass writes to them is forgotten."""
    if any(isinstance(m, torch.jit.ScriptModule) for m in found):
        kept = {name: b.clone() for name, b in module.named_buffers()}
        undo.callback(_write_back, module, kept)
        return
    copies: dict[int, torch.Tensor] = {}
    for m in found:
        if m._buffers:
            undo.callback(_put_back, m._buffers, dict(m._buffers))
            for name, b in m._buffers.items():
                if b is not None:
                    m._buffers[name] = copies.setdefault(id(b), b.clone())


def _put_back(buffers: dict[str, torch.Tensor | None], found: dict[str, torch.Tensor | None]) -> None:
    buffers.clear()
    buffers.update(found)


def _write_back(module: nn.Module, kept: dict[str, torch.Tensor]) -> None:
    for name, b in module.named_buffers():
        if not torch.equal(b, kept[name]):
            b.copy_(kept[name])
