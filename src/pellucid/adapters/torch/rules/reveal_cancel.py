"""DeepLIFT (RevealCancel): the positive and the negative part of every change, carried forward beside the pass at x.

Each operation of the pass is run at the reference too, and once more on the parts, with autograd; one backward pass
through that graph has the multipliers of both parts. The model itself runs below autograd, where its operations come
with their tensors as the model holds them, views and writes in place included.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from pellucid.adapters.torch.tape import Op, keep, needed, place_of, taken_apart
from pellucid.core.errors import CapabilityError

from . import operations, parts
from .backward import grads_to
from .cancelling import reveals, through
from .deep_lift import BRANCH, NEARER, as_hook
from .multipliers import Step
from .tracked import Tracked, difference, mapped, tracked_in

A = torch.ops.aten
WRITES: dict[Any, Callable[..., Any]] = {
    A.copy_: lambda to, value, *_: value.to(to.dtype).expand(to.shape),
    A.fill_: lambda to, value: torch.zeros_like(to) + value,
    A.zero_: torch.zeros_like,
}
"""What some operations write, whatever was there."""
FRESH = operations.packets(
    "clone zeros_like ones_like empty_like full_like new_zeros new_ones new_full new_empty"
)
ELEMENTWISE = (operations.STRAIGHT | operations.CURVED | operations.packets("pow")) - operations.MASKED


def vjp(
    model: Any,
    inputs: tuple[Tensor, ...],
    cotangent: Callable[[Tensor], Tensor],
    wrt: tuple[int, ...],
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The output at x, and the multipliers of its cotangent for the inputs at `wrt`.

    Raises:
        CapabilityError: the model takes another path at the reference, or, if the rule is strict, an operation has no
            rule.
    """
    half = len(inputs) // 2
    with taken_apart(model.module):
        with torch.no_grad():
            y0 = model.run(*inputs[half:])
        beside = Beside(place_of(model.module))
        try:
            leaves = [beside.start(i, inputs[i], inputs[half + i]) for i in wrt]
            found = beside.run(model, [beside.given.get(i, a) for i, a in enumerate(inputs[:half])])
            if beside.missing and model.rule.strict:
                raise CapabilityError(
                    f"DeepLIFT has no rule for {', '.join(beside.missing)}.",
                    fix="Pass strict=False to go on with its plain gradient, or use IntegratedGradients.",
                )
            _same_path(found.x0, y0)
            multipliers = grads_to(model, found.x, leaves, cotangent, beside.handles)
        finally:
            beside.clear()
    seen = model.rule.seen
    seen.references.append(y0)
    seen.missing.update(beside.missing)
    seen.rescaled.update(beside.rescaled)
    return found.x.detach(), multipliers


def _same_path(y0: Tensor, alone: Tensor) -> None:
    """Whether the pass beside that at x gave what the model gives at the reference."""
    size = alone.abs().max()
    if not bool(((y0 - alone).abs() <= size * torch.finfo(alone.dtype).eps ** 0.5).all()):
        raise CapabilityError(BRANCH, fix=NEARER)


class Beside(TorchDispatchMode):
    """Runs every operation of a pass at x at the reference too, and on the parts of the change.

    Attributes:
        given: the inputs that are told apart, by position.
        missing: operations without a rule, with their modules.
        rescaled: operations whose parts follow Rescale.
        handles: of the hooks that carry Rescale's multipliers.
    """

    def __init__(self, place: Callable[[], str]) -> None:
        super().__init__()
        self.place = place
        self.given: dict[int, Tensor] = {}
        self.missing: dict[str, None] = {}
        self.rescaled: dict[str, None] = {}
        self.handles: list[Any] = []
        self._known: dict[int, Tracked] = {}
        self._held: list[Op] = []
        self._composite: dict[Any, bool] = {}
        self._keys = (torch._C._dispatch_tls_local_include_set(), torch._C._dispatch_tls_local_exclude_set())

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled while the parts are carried."""
        return False

    def start(self, i: int, x: Tensor, x0: Tensor) -> Tensor:
        """The leaf for input `i`, whose change is positive or negative as a whole."""
        leaf = x.detach().requires_grad_(True)
        self.given[i] = plain = leaf.detach()
        with torch.enable_grad():
            self._known[id(plain)] = Tracked(plain, leaf, x0.detach(), difference(leaf, x0.detach()).abs())
        return leaf

    def run(self, model: Any, inputs: list[Tensor]) -> Tracked:
        """One pass; what is known of its output."""
        views = torch._C.DispatchKeySet(torch._C.DispatchKey.ADInplaceOrView)
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            with ExitStack() as stack:
                for part in (torch._C._AutoDispatchBelowAutograd(), torch._C._ExcludeDispatchKeyGuard(views)):
                    stack.enter_context(part)
                stack.enter_context(torch.enable_grad())
                stack.enter_context(self)
                y = model.run(*inputs)
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
        return self._known.get(id(y)) or Tracked(y, y, y, None)

    def clear(self) -> None:
        """Let go of all tensors."""
        self._known.clear()
        self._held.clear()

    # -- one operation ------------------------------------------------------------------------------------------------

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in self._composite:
            self._composite[func] = torch._C._dispatch_has_kernel_for_dispatch_key(
                func.name(), "CompositeImplicitAutograd"
            )
        if self._composite[func]:
            with self:
                return func.decompose(*args, **kwargs)
        ours = mapped(args, lambda t: self._known.get(id(t), t))
        if not tracked_in(ours):
            return self._of_constants(func, args, kwargs)
        with torch._C._ForceDispatchKeyGuard(*self._keys), torch.enable_grad(), _kept_as_they_are():
            ours = mapped(ours, lambda t: t if isinstance(t, Tracked) else t.detach())
            if func._schema.is_mutable and func.overloadpacket.__name__.endswith("_"):
                return self._written(func.overloadpacket, ours, kwargs)
            made = self._made(func.overloadpacket, ours, kwargs)
        return self._noted(made)

    def _of_constants(self, func: Any, args: Any, kwargs: Any) -> Any:
        """What does not depend on the input; fresh memory may be written to later."""
        out = func(*args, **kwargs)
        if isinstance(out, Tensor) and (func.overloadpacket in FRESH or not _tensors(args)):
            apart = torch.zeros_like(out) if out.is_floating_point() else None
            self._known[id(out)] = Tracked(out, out.detach(), out.clone(), apart)
        return out

    def _noted(self, made: Any) -> Any:
        """The outputs as the model gets them."""
        if isinstance(made, tuple | list):
            return type(made)([self._noted(m) for m in made])
        if not isinstance(made, Tracked):
            return made
        made.plain = made.x.detach()
        self._known[id(made.plain)] = made
        return made.plain

    def _written(self, packet: Any, args: Any, kwargs: Any) -> Any:
        """In place: what is written, into all that is known of the tensor."""
        to = args[0]
        if not isinstance(to, Tracked):
            raise CapabilityError(
                f"{packet} writes what depends on the input into a constant of the model.",
                fix="Use rule='rescale', or let the model write into a tensor of its own.",
            )
        before = replace(to, x=to.x.clone())  # autograd may hold what is about to be written over
        made = (
            self._filled(packet, args)
            if packet in WRITES
            else self._made(_functional(packet), (before, *args[1:]), kwargs)
        )
        made = made[0] if isinstance(made, tuple | list) else made
        for there in (to.x, to.x0):
            keep(self._held, there)
        to.x.copy_(made.x)
        to.x0.copy_(made.x0)
        if to.apart is not None:
            to.apart.copy_(made.parts())
        return to.plain

    def _filled(self, packet: Any, args: Any) -> Tracked:
        x, x0 = (WRITES[packet](*_at(args, which)) for which in ("x", "x0"))
        given = args[1] if len(args) > 1 else None
        apart = given.apart if isinstance(given, Tracked) else None
        return Tracked(x, x, x0, torch.zeros_like(x0) if apart is None else apart.expand(x.shape))

    def _made(self, packet: Any, args: Any, kwargs: Any) -> Any:
        """The outputs of an operation, as `Tracked` where they are tensors."""
        t = args[0]
        if packet in ELEMENTWISE and isinstance(t, Tracked) and t.apart is not None and _alone(args):
            return self._elementwise(packet, args, kwargs)
        at_x, at_0 = _at(args, "x"), _at(args, "x0")
        out = packet(*at_x, **kwargs)
        if not _tensors(out):
            return out
        with torch.no_grad():
            out0 = packet(*at_0, **kwargs)
        first, first0 = (o[0] if isinstance(o, tuple | list) else o for o in (out, out0))
        apart = self._linear(packet, args, kwargs, (at_x, at_0), (out, out0))
        if isinstance(out, Tensor):
            return Tracked(out, out, out0, _collapsed(first, first0) if apart is None else apart)
        parts_of = apart if isinstance(apart, tuple | list) else [apart] + [None] * (len(out) - 1)
        return type(out)(
            [
                Tracked(y, y, y0, _collapsed(y, y0) if p is None else p) if isinstance(y, Tensor) else y
                for y, y0, p in zip(out, out0, parts_of, strict=True)
            ]
        )

    def _elementwise(self, packet: Any, args: Any, kwargs: Any) -> Any:
        rest = _at(args[1:], "x")

        def f(x: Tensor) -> Tensor:
            out = packet(x, *rest, **kwargs)
            return out if isinstance(out, Tensor) else out[0]

        y, y0, apart, whole = through(args[0], f, reveal=reveals(packet, args))
        if not whole:
            self.rescaled[packet.__name__] = None
        made = Tracked(y, y, y0, apart)
        if packet is not A.log_sigmoid_forward:
            return made
        return made, packet(args[0].x.detach(), *rest, **kwargs)[1]

    def _linear(self, packet: Any, args: Any, kwargs: Any, at: tuple[Any, Any], out: tuple[Any, Any]) -> Any:
        """The parts of the output where the operation takes them along; None where they start anew.

        There the operation follows Rescale, by a hook on its node: its output counts as positive or negative as a
        whole, and no input has parts.
        """
        (y, *more), (y0, *_) = (o if isinstance(o, tuple | list) else (o,) for o in out)
        needs = tuple([needed(a) for a in at[0]])
        if not isinstance(y, Tensor) or y.grad_fn is None or True not in needs:
            taken = packet in parts.MOVES and all(t.apart is not None for t in tracked_in(args))
            return parts.moved(packet, args, kwargs, y) if taken else None
        op, ref = (
            Op(packet, a, kwargs, first, tuple(more), needs) for a, first in zip(at, (y, y0), strict=True)
        )
        rule, lacks = operations.rule_of(Step.of(op, ref)) if operations.recorded(packet) else (None, "")
        if lacks:
            place = self.place()
            self.missing[f"{lacks} in {place!r}" if place else lacks] = None
        elif rule is not None:
            self._rescale(rule, op, ref)
        elif (
            packet in parts.RULES
            and not y.is_complex()
            and all(t.apart is not None for t in tracked_in(args) if t.x.requires_grad)
        ):
            changing = mapped(args, lambda t: t.x if isinstance(t, Tracked) and not t.x.requires_grad else t)
            return parts.RULES[packet](packet, changing, kwargs, y.detach())
        return None

    def _rescale(self, rule: Any, op: Op, ref: Op) -> None:
        self._held += [op, ref]
        self.rescaled[op.packet.__name__] = None

        def hook(gi: tuple[Any, ...], go: tuple[Any, ...]) -> tuple[Any, ...]:
            return as_hook(rule, Step.of(op, ref))(gi, go)

        node: Any = op.output.grad_fn
        self.handles.append(node.register_hook(hook))


def _kept_as_they_are() -> Any:
    """A checkpointed part drops what autograd holds, to run again; what runs beside it does not run again."""
    hooks = torch._C._autograd  # type: ignore[attr-defined]  # not in the stubs
    if hooks._top_saved_tensors_default_hooks(True) is None:
        return nullcontext()
    return torch.autograd.graph.saved_tensors_hooks(torch.Tensor.detach, lambda t: t)


def _alone(args: Any) -> bool:
    """Whether only the first argument depends on the input."""
    return not any(t.x.requires_grad for t in tracked_in(args[1:]))


def _at(args: Any, which: str) -> Any:
    return mapped(args, lambda t: getattr(t, which) if isinstance(t, Tracked) else t)


def _tensors(args: Any) -> bool:
    if isinstance(args, tuple | list):
        return any(_tensors(a) for a in args)
    return isinstance(args, Tensor)


def _collapsed(y: Tensor, y0: Tensor) -> Tensor | None:
    """Positive or negative as a whole."""
    return difference(y, y0).abs() if y.is_floating_point() else None


def _functional(packet: Any) -> Any:
    """The operation that gives what another one writes."""
    return getattr(A, packet.__name__[:-1])
