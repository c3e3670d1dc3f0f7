"""The operations of a forward pass as they run, with the autograd node of each: functions, methods and modules alike.

A `TorchDispatchMode` sees aten operations, below modules, functional calls, attention and recurrent layers. Autograd
attaches an operation's node to its output right after it returns, so the node is read when the next one starts. No
module is hooked: the module that called an operation is read off the Python stack, where a rule asks for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.jit._fuser import optimized_execution
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

CALLS = ("_call_impl", "_slow_forward")
"""Names of the functions of `nn.Module` in whose frames a module runs."""


@dataclass(eq=False, slots=True)
class Op:
    """One recorded operation.

    Attributes:
        packet: what was called, without its overload: `torch.ops.aten.relu`.
        args, kwargs: what it was given; what is later written to in place is kept as it was.
        output: its (first) output, as it was when it returned.
        more: its other outputs.
        needs: which of `args` depend on the input.
        node: its autograd node; None where nothing leads back to the input.
        view: (base shape, base strides, shape, strides, offset) where it wrote to a view in place; `node` is then
            that of the whole base.
        module: the path of the module that called it; "" where none did.
    """

    packet: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: torch.Tensor
    more: tuple[Any, ...] = ()
    needs: tuple[bool, ...] = ()
    node: Any = None
    view: Any = None
    module: str = ""
    live: Any = field(default=None, repr=False)


class Tape(TorchDispatchMode):
    """Records the operations that depend on the input and whose packets are `wanted`.

    Attributes:
        ops: what was recorded, in order.
    """

    def __init__(
        self,
        wanted: Callable[[Any], bool],
        slim: Collection[Any] = (),
        place: Callable[[Any], str] = lambda _: "",
    ) -> None:
        super().__init__()
        self.wanted, self.slim, self.place, self.ops = wanted, slim, place, list[Op]()
        self._known: dict[int, tuple[bool, bool, Any, bool]] = {}
        self._last: Op | None = None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled while a tape runs; the guard against it would double the cost of every operation."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self._last is not None:
            self.flush()
        kwargs = kwargs or {}
        known = self._known.get(id(func))
        if known is None:
            packet = func.overloadpacket
            known = (self.wanted(packet), func._schema.is_mutable, packet, packet in self.slim)
            self._known[id(func)] = known
        wanted, writes, packet, slim = known
        if writes:
            keep(self.ops, args[0] if args else None)
        if not wanted:
            return func(*args, **kwargs)
        needs = tuple([needed(a) for a in args])
        if True not in needs:
            return func(*args, **kwargs)
        kept = args
        if slim and sum(needs) == 1:
            kept = tuple([None if n else a for n, a in zip(needs, args, strict=True)])
        elif writes:
            kept = (args[0].detach().clone(), *args[1:])
        out = func(*args, **kwargs)
        self._note(packet, kept, kwargs, out, needs)
        return out

    def _note(self, packet: Any, kept: Any, kwargs: Any, out: Any, needs: tuple[bool, ...]) -> None:
        if isinstance(out, torch.Tensor):
            first, more = out, ()
        else:
            first, *rest = out if out else (None,)
            more = tuple(rest)
        if isinstance(first, torch.Tensor):
            op = Op(packet, kept, kwargs, first, more, needs, module=self.place(packet), live=first)
            self.ops.append(op)
            self._last = op

    def flush(self) -> None:
        """Read the node of the operation recorded last."""
        op, self._last = self._last, None
        if op is None:
            return
        live, op.live = op.live, None
        op.node = live.grad_fn
        base = live._base if live is op.args[0] or op.packet.__name__.endswith("_") else None
        if base is not None:
            offset = live.storage_offset() - base.storage_offset()
            op.view = (base.shape, base.stride(), live.shape, live.stride(), offset)
            op.node = base.grad_fn

    def clear(self) -> None:
        """Let go of all tensors: nodes hold hooks, and hooks hold what they were made of."""
        self.ops.clear()
        self._last = None


@contextmanager
def recording(
    module: nn.Module,
    wanted: Callable[[Any], bool],
    slim: Collection[Any] = (),
    *,
    places: Any = True,
    apart: bool = False,
) -> Iterator[Tape]:
    """Record what `module` runs, with attention and recurrent layers taken apart into plain operations.

    Args:
        module: the whole network.
        wanted: which packets to record.
        slim: products that are linear where one factor alone depends on the input: that factor is then not kept.
        places: whether to note the module of each operation, or a function that says of which packets.
        apart: whether the caller holds `taken_apart` already.
    """
    plain = nullcontext() if apart else taken_apart(module)
    with torch.enable_grad(), plain, Tape(wanted, slim, _wanted_places(module, places)) as tape:
        yield tape
        tape.flush()


@contextmanager
def taken_apart(module: nn.Module) -> Iterator[None]:
    """Plain operations instead of fused kernels, compiled or optimised code.

    Held over the backward pass too, where a checkpointed part runs again and has to run alike.
    """
    parts = list(module.modules())
    with ExitStack() as stack:
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if any(isinstance(m, nn.RNNBase) for m in parts):
            stack.enter_context(_no_fused_kernels())
        if any(isinstance(m, torch.jit.ScriptModule) for m in parts):
            stack.enter_context(optimized_execution(False))
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


def needed(a: Any) -> bool:
    """Whether an argument, or a tensor in a list of them, depends on the input."""
    if isinstance(a, torch.Tensor):
        return a.requires_grad
    return type(a) in (list, tuple) and any(isinstance(t, torch.Tensor) and t.requires_grad for t in a)


@contextmanager
def _no_fused_kernels() -> Iterator[None]:
    """The kernels of oneDNN run a recurrent layer in one piece, which hides its non-linearities."""
    before = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(before)


def keep(ops: list[Op], written: Any) -> None:
    """Keep what `ops` saw in a tensor that is about to be written to."""
    if not isinstance(written, torch.Tensor):
        return
    storage = written.untyped_storage()._cdata
    copies: dict[int, torch.Tensor] = {}

    def kept(a: Any) -> Any:
        if not isinstance(a, torch.Tensor) or a.untyped_storage()._cdata != storage:
            return a
        if id(a) not in copies:
            copies[id(a)] = a.detach().clone()
        return copies[id(a)]

    for op in ops:
        op.output = kept(op.output)
        op.args = tuple([kept(a) for a in op.args])


def place_of(module: nn.Module) -> Callable[[], str]:
    """The path of the module that is running."""
    names: dict[int, str] = {}

    def running() -> str:
        if not names:
            names.update({id(m): name for name, m in module.named_modules()})
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_name in CALLS and id(owner := frame.f_locals.get("self")) in names:
                return names[id(owner)]
            frame = frame.f_back
        return ""

    return running


def _wanted_places(module: nn.Module, places: Any) -> Callable[[Any], str]:
    """The path of the module that is running, for the packets that ask for it."""
    running = place_of(module)
    if places is True or not places:
        return (lambda packet: running()) if places else (lambda packet: "")
    asked: dict[int, bool] = {}

    def where(packet: Any) -> str:
        if id(packet) not in asked:
            asked[id(packet)] = places(packet)
        return running() if asked[id(packet)] else ""

    return where
