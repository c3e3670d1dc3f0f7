"""The attention weights of a module, recorded while it runs, without its cooperation.

Three things are seen by a `TorchFunctionMode`, whoever calls them: `scaled_dot_product_attention`, whose weights are
computed beside it from what it was given; `multi_head_attention_forward`, which gives its weights when asked; and a
softmax over the last axis that is multiplied with values afterwards, as attention is written by hand. The model's own
arithmetic goes on as it would.
"""

from __future__ import annotations

import math
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd.graph import GradientEdge
from torch.overrides import TorchFunctionMode

from pellucid.core.attending import Attended
from pellucid.core.errors import CapabilityError, LayerError
from pellucid.core.types import NpArray

from . import steps

Tensor = torch.Tensor

FUSED = F.scaled_dot_product_attention
SOFTMAXES = (torch.softmax, F.softmax, Tensor.softmax)
PRODUCTS = (torch.matmul, torch.bmm, Tensor.matmul, Tensor.__matmul__, Tensor.bmm, torch.einsum)
# fmt: off
CARRIERS = frozenset((
    "dropout", "to", "type", "type_as", "float", "half", "bfloat16", "view", "reshape", "contiguous", "masked_fill",
    "clone", "nan_to_num", "expand", "flatten", "unflatten", "where", "getitem", "unsqueeze", "squeeze",
))
# fmt: on
"""Functions through which weights stay weights on their way to the values."""


@dataclass(eq=False)
class _Seen:
    """Weights as they were met, and where their gradient is found."""

    name: str
    call: int
    kind: str
    weights: Tensor
    edge: Tensor | GradientEdge


def weights_of(
    query: Tensor,
    key: Tensor,
    attn_mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """The weights of `scaled_dot_product_attention` as its documentation defines them, in float32 at least."""
    if query.dtype in (torch.float16, torch.bfloat16):
        query, key = query.float(), key.float()
    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
    scores = (query * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)) @ key.transpose(-2, -1)
    if is_causal:
        seen = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        attn_mask = seen if attn_mask is None else attn_mask & seen
    if attn_mask is None:
        return scores.softmax(-1)
    if attn_mask.dtype == torch.bool:
        scores, blind = scores.masked_fill(~attn_mask, -torch.inf), ~attn_mask.any(-1, keepdim=True)
    else:
        scores, blind = scores + attn_mask, attn_mask.isneginf().all(-1, keepdim=True)
    found = scores.softmax(-1)
    return found.masked_fill(blind, 0.0) if blind.any() else found


class _Recorder(TorchFunctionMode):
    """Notes every attention; with `graph`, so that gradients lead back to the weights."""

    def __init__(
        self, owners: list[tuple[str, nn.Module]], wanted: Callable[[str, int], bool], *, graph: bool
    ) -> None:
        super().__init__()
        self.owners, self.wanted, self.graph = owners, wanted, graph
        self.seen, self.calls = list[_Seen](), Counter[str]()
        self.carried: dict[int, tuple[weakref.ref[Tensor], Tensor]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is FUSED:
            return self._fused(*args, **kwargs)
        if func is F.multi_head_attention_forward:
            return self._layer(args, kwargs)
        if func in SOFTMAXES:
            return self._softmax(func, args, kwargs)
        if self.carried:
            if func in PRODUCTS:
                self._met(func, args)
            elif getattr(func, "__name__", "").strip("_") in CARRIERS:
                return self._carry(func, args, kwargs)
        return func(*args, **kwargs)

    def _turn(self) -> tuple[str, int, str] | None:
        """Which attention this is: name, call and kind; None where it is not wanted."""
        name, owner = self.owners[-1] if self.owners else ("", None)
        name = name or type(owner).__name__
        self.calls[name] += 1
        turn = (name, self.calls[name], type(owner).__name__)
        return turn if self.wanted(*turn[:2]) else None

    def _rooted(self, tensor: Tensor) -> Tensor:
        """A graph begins here where none led here: parameters are frozen, and tokens have no gradient."""
        if not self.graph or tensor.requires_grad:
            return tensor
        return tensor.detach().requires_grad_(True)

    def _fused(self, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        turn = self._turn()
        mask = dict(zip(("attn_mask", "dropout_p", "is_causal"), args, strict=False)) | kwargs
        mask.pop("dropout_p", None)
        if turn is None:
            return FUSED(query, key, value, *args, **kwargs)
        if not self.graph:
            with torch.no_grad():
                found = weights_of(query, key, **mask)
            self.seen.append(_Seen(*turn, found, found))
            return FUSED(query, key, value, *args, **kwargs)
        found = weights_of(self._rooted(query), key, **mask)
        self.seen.append(_Seen(*turn, found, found))
        if mask.get("enable_gqa"):
            value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
        return found.to(value.dtype) @ value

    def _layer(self, args: Any, kwargs: Any) -> tuple[Tensor, Tensor | None]:
        """A multi-head attention as PyTorch's own layer calls it."""
        turn = self._turn()
        if turn is None:
            return F.multi_head_attention_forward(*args, **kwargs)
        asked, mean = kwargs.get("need_weights", True), kwargs.get("average_attn_weights", True)
        if self.graph:
            root, query = self._rooted(args[0]), args[0]
            args = tuple(root if a is query else a for a in args)
        kwargs = {**kwargs, "need_weights": True, "average_attn_weights": False}
        out, given = F.multi_head_attention_forward(*args, **kwargs)
        found = cast(Tensor, given)  # asked for above
        whole = found if found.ndim == 4 else found[None]
        # The weights come as a view beside the path to the output: the gradient is found at what they are a view of.
        edge = GradientEdge(*_before_views(found.grad_fn)) if self.graph else found
        self.seen.append(_Seen(*turn, whole, edge))
        return out, (found.mean(-3) if mean else found) if asked else None

    def _softmax(self, func: Any, args: Any, kwargs: Any) -> Tensor:
        if args:
            args = (self._rooted(args[0]), *args[1:])
        out = func(*args, **kwargs)
        axis = kwargs.get("dim", args[1] if len(args) > 1 else None)
        if out.ndim >= 3 and axis in (-1, out.ndim - 1):
            self.carried[id(out)] = (weakref.ref(out), out)
        return out

    def _softmaxed(self, tensor: Any) -> Tensor | None:
        """The weights that a tensor is made of."""
        found = self.carried.get(id(tensor)) if isinstance(tensor, Tensor) else None
        return found[1] if found is not None and found[0]() is tensor else None

    def _carry(self, func: Any, args: Any, kwargs: Any) -> Any:
        out = func(*args, **kwargs)
        source = next((s for a in args if (s := self._softmaxed(a)) is not None), None)
        if source is not None and isinstance(out, Tensor):
            self.carried[id(out)] = (weakref.ref(out), source)
        return out

    def _met(self, func: Any, args: Any) -> None:
        """A product: an attention where its first factor is made of a softmax."""
        factors = args[1:] if func is torch.einsum else args[:1]
        if factors and isinstance(factors[0], list | tuple):
            factors = tuple(factors[0])
        for factor in factors:
            source = self._softmaxed(factor)
            if source is None:
                continue
            found = (
                source if source.numel() == factor.numel() else factor
            )  # sliced on the way: what the values see
            self.carried = {k: v for k, v in self.carried.items() if v[1] is not source}
            if (turn := self._turn()) is not None:
                self.seen.append(_Seen(*turn, found, found))
            return


def _before_views(node: Any) -> tuple[Any, int]:
    """The step, and which of its values, that reshaped weights come from."""
    number = 0
    while "View" in node.name() or "Unsafe" in node.name() or "Reshape" in node.name():
        node, number = node.next_functions[0]
    return node, number


def attentions(
    module: nn.Module,
    call: Callable[..., Any],
    inputs: Sequence[Tensor],
    places: tuple[str, ...],
    pulled: Callable[[Any], tuple[Tensor, Tensor]] | None,
    numpy: Callable[[Tensor], NpArray],
) -> list[Attended]:
    """Run the module once and give every attention seen.

    Args:
        module: the network.
        call: how it is called.
        inputs: what it is given, rows first.
        places: names of those wanted; () is all.
        pulled: from what the model returns, the output and the cotangent whose gradient is asked for.
        numpy: tensors as NumPy.
    """
    names = {(n, int(k or 1)) for n, _, k in (p.partition("#") for p in places)}
    with steps.owned(module) as owners:
        record = _Recorder(owners, lambda n, k: not places or (n, k) in names, graph=pulled is not None)
        with record, torch.set_grad_enabled(pulled is not None):
            out = call(*inputs)
    grads: Sequence[Tensor | None] = [None] * len(record.seen)
    if pulled is not None and record.seen:
        y, cotangent = pulled(out)
        if not y.requires_grad:
            raise CapabilityError("No gradient leads from the output to the attention weights.")
        grads = torch.autograd.grad(y, tuple(s.edge for s in record.seen), cotangent, allow_unused=True)  # type: ignore[call-overload]  # edges too
    return [
        _attended(s, g, len(inputs[0]), record.calls[s.name] > 1, pulled is not None, numpy)
        for s, g in zip(record.seen, grads, strict=True)
    ]


def _attended(
    s: _Seen,
    gradient: Tensor | None,
    rows: int,
    numbered: bool,
    asked: bool,
    numpy: Callable[[Tensor], NpArray],
) -> Attended:
    """One attention, rows first, windows and heads on one axis."""
    *front, queries, keys = s.weights.shape
    if math.prod(front) % rows:
        raise LayerError(
            f"{s.name} attends across rows.", got=f"weights {tuple(s.weights.shape)} for {rows} rows"
        )
    # (rows, heads, ...), (rows * heads, ...) or, for windows, (rows * windows, heads, ...)
    windows = math.prod(front[:-1]) // rows if len(front) > 1 else 1
    shape = (rows, -1, queries, keys)
    weights = s.weights.detach()
    if asked and gradient is None:
        gradient = torch.zeros_like(weights)
    return Attended(
        f"{s.name}#{s.call}" if numbered else s.name,
        s.kind,
        numpy(weights.reshape(shape)),
        max(1, windows),
        None if gradient is None else numpy(gradient.reshape(shape)),
    )
