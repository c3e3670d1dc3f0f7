"""Multi-head attention taken apart into products and a softmax, each of which a rule knows."""

from __future__ import annotations

from typing import Any, Protocol

from pellucid.adapters.keras.operations import ops

from .following import Call

BARRED = -1e9
"""The score of a place that must not be looked at."""


class Knows(Protocol):
    """A book that knows products and softmax."""

    def lacks(self, what: str) -> None: ...
    def matmul(self, a: Any, b: Any) -> Any: ...
    def softmax(self, z: Any) -> Any: ...


def attended(book: Knows, layer: Any, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What the layer gives, its attention followed by `book`."""
    if getattr(layer, "_use_gate", False) or len(args[0].shape) != 3:
        book.lacks("MultiHeadAttention with a gate or over several axes")
        return call(*args, **kwargs)

    def attention(query: Any, key: Any, value: Any, attention_mask: Any = None, *_: Any, **named: Any) -> Any:
        mask = _mask(attention_mask, query, key, named.get("use_causal_mask", False))
        scores = book.matmul(
            ops.transpose(query * layer._inverse_sqrt_key_dim, (0, 2, 1, 3)), ops.transpose(key, (0, 2, 3, 1))
        )
        scores = scores if mask is None else ops.where(mask, scores, BARRED)
        weights = book.softmax(scores)
        mixed = book.matmul(weights, ops.transpose(value, (0, 2, 1, 3)))
        return ops.transpose(mixed, (0, 2, 1, 3)), weights

    object.__setattr__(layer, "_compute_attention", attention)
    try:
        return call(*args, **kwargs)
    finally:
        object.__delattr__(layer, "_compute_attention")


def _mask(given: Any, query: Any, key: Any, causal: bool) -> Any:
    """(n or 1, heads or 1, queries, keys) True where a place may be looked at; None where all may."""
    if causal and given is None:
        steps, others = ops.arange(query.shape[1]), ops.arange(key.shape[1])
        given = ops.expand_dims(steps[:, None] >= others[None, :], 0)
    if given is None:
        return None
    given = ops.cast(given, "bool")
    return ops.expand_dims(given, 1) if len(given.shape) == 3 else given
