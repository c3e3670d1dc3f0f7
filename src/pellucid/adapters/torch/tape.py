"""The operations of a forward pass as they run, with the autograd node of each: functions, methods and modules alike.

A `TorchDispatchMode` sees aten operations, below modules, functional calls, attention and recurrent layers. Autograd
attaches an operation's node to its output right after it returns, so the node is read when the next one starts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode


@dataclass
class Op:
    """One recorded operation.

    Attributes:
        packet: what was called, without its overload: `torch.ops.aten.relu`.
        args, kwargs: what it was given; what it wrote to in place is kept as it was before.
        output: its (first) output, as it was when it returned.
        node: its autograd node; None where nothing leads back to the input.
        module: the path of the module that called it, where one did.
    """

    packet: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: torch.Tensor
    node: Any = None
    module: str = ""
    live: Any = field(default=None, repr=False)


class Tape(TorchDispatchMode):
    """Records the operations whose packets are `wanted` (all of them with None)."""

    def __init__(self, wanted: Callable[[Any], bool]) -> None:
        super().__init__()
        self.wanted, self.ops, self.path = wanted, list[Op](), list[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.flush()
        kwargs, packet = kwargs or {}, func.overloadpacket
        if not self.wanted(packet):
            return func(*args, **kwargs)
        writes = func._schema.is_mutable
        kept = tuple(a.detach().clone() if writes and isinstance(a, torch.Tensor) else a for a in args)
        out = func(*args, **kwargs)
        first = out[0] if isinstance(out, tuple | list) else out
        value = first.detach().clone() if writes else first
        where = self.path[-1] if self.path else ""
        self.ops.append(Op(packet, kept, kwargs, value, module=where, live=first))
        return out

    def flush(self) -> None:
        """Read the node of the operation recorded last."""
        if self.ops and self.ops[-1].live is not None:
            last = self.ops[-1]
            last.node, last.live = last.live.grad_fn, None


@contextmanager
def recording(module: nn.Module, wanted: Callable[[Any], bool]) -> Iterator[Tape]:
    """Record what `module` runs, with attention and recurrent layers taken apart into plain operations."""
    tape = Tape(wanted)
    recurrent = any(isinstance(m, nn.RNNBase) for m in module.modules())
    with ExitStack() as stack:
        stack.enter_context(torch.enable_grad())
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if recurrent:  # the fused kernel hides its non-linearities
            stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        for name, m in module.named_modules():
            stack.callback(m.register_forward_pre_hook(lambda *_, name=name: tape.path.append(name)).remove)
            stack.callback(
                m.register_forward_hook(lambda *_: tape.path.pop() and None, always_call=True).remove
            )
        stack.enter_context(tape)
        yield tape
        tape.flush()
