"""A module made ready to be explained, and given back bit for bit as it was found."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from pellucid.core.run import global_streams_kept


@contextmanager
def at_rest(module: nn.Module) -> Iterator[None]:
    """Evaluation mode, no gradients kept for parameters, buffers protected, random state and kernels untouched."""
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        for part in (
            _random_state(),
            _plain_kernels(),
            _evaluating(module),
            _frozen(module),
            _own_buffers(module),
        ):
            stack.enter_context(part)
        yield


@contextmanager
def _random_state() -> Iterator[None]:
    """A model may draw random numbers; the caller's streams go on where they were."""
    with (
        global_streams_kept(),
        torch.random.fork_rng(devices=range(torch.cuda.device_count()) if torch.cuda.is_available() else []),
    ):
        yield


@contextmanager
def _plain_kernels() -> Iterator[None]:
    """The same arithmetic with and without gradients, and hooks that fire in compiled modules too."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        if "torch._dynamo" in sys.modules:  # something may be compiled: importing it here would cost seconds
            with torch.compiler.set_stance("force_eager"):
                yield
        else:
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Every part in evaluation mode; set directly, so that no `train()` of the caller's runs.

    A function may call networks that are no part of it: these are caught as they are called.
    """
    training: list[nn.Module] = []

    def rest(m: nn.Module, *_: object) -> None:
        found = [part for part in m.modules() if part.training]
        training.extend(found)
        for part in found:
            part.training = False

    rest(module)
    calls_others = getattr(module, "calls_others", False)
    hook = register_module_forward_pre_hook(rest) if calls_others else None
    try:
        yield
    finally:
        if hook is not None:
            hook.remove()
        for part in training:
            part.training = True


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """No graph towards the parameters, which halves what a convolution keeps; inference tensors are replaced."""
    learning = [p for p in module.parameters() if p.requires_grad and not p.is_inference()]
    replaced = [
        (m, name, p)
        for m in module.modules()
        if not isinstance(m, torch.jit.ScriptModule)
        for name, p in m._parameters.items()
        if p is not None and p.is_inference()
    ]
    for p in learning:
        p.requires_grad_(False)
    for m, name, p in replaced:
        m._parameters[name] = nn.Parameter(p.clone(), requires_grad=False)
    try:
        yield
    finally:
        for m, name, p in replaced:
            m._parameters[name] = p
        for p in learning:
            p.requires_grad_(True)


@contextmanager
def _own_buffers(module: nn.Module) -> Iterator[None]:
    """Copies in place of the buffers, so that what a forward pass writes to them is forgotten."""
    if any(isinstance(m, torch.jit.ScriptModule) for m in module.modules()):
        kept = {name: b.clone() for name, b in module.named_buffers()}
        try:
            yield
        finally:
            for name, b in module.named_buffers():
                if not torch.equal(b, kept[name]):
                    b.copy_(kept[name])
        return
    owners = [(m, dict(m._buffers)) for m in module.modules() if m._buffers]
    copies: dict[int, torch.Tensor] = {}
    for m, buffers in owners:
        for name, b in buffers.items():
            if b is not None:
                m._buffers[name] = copies.setdefault(id(b), b.clone())
    try:
        yield
    finally:
        for m, buffers in owners:
            m._buffers.clear()
            m._buffers.update(buffers)
