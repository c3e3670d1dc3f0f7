"""How linear operations take the positive and the negative part of a change along.

A change is dx = p + n. What is carried beside it is `apart` = p - n, from which both follow: whatever is linear moves
`apart` by the absolute values of its weights. A sum over weights tells parts by the sign of weight times change, which
is the absolute weights applied to the absolute change; where a change is zero, its derivative is zero as well, so
that both parts' multipliers count half, as the paper has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .operations import packets
from .tracked import Tracked, mapped

A = torch.ops.aten
Apart = Callable[[Any, tuple[Any, ...], dict[str, Any], Tensor], Tensor]
"""(packet, arguments, keywords, output at x) to what is apart in the output."""

WEIGHTED = {A.mm: 0, A.bmm: 0, A.mv: 0, A.dot: 0, A.vdot: 0, A.addmm: 1, A.baddbmm: 1, A.addmv: 1}
"""Products of two arguments, and where these begin."""
CONVOLUTIONS = packets("convolution _convolution")
ADDITIONS = packets("add sub rsub")
SCALINGS = packets("mul div")
BATCH_NORMS = packets("native_batch_norm _native_batch_norm_legit_no_training cudnn_batch_norm")
FILLS = packets("masked_fill index_fill constant_pad_nd scatter fill")
JOINS = packets(
    "cat stack block_diag slice_scatter select_scatter diagonal_scatter scatter scatter_add index_add index_copy "
    "index_put masked_scatter"
)
MOVES = packets(
    "view _unsafe_view reshape _reshape_alias t transpose permute expand slice select squeeze unsqueeze "
    "split split_with_sizes unsafe_split unsafe_split_with_sizes chunk unbind narrow movedim flip roll rot90 tril triu "
    "diagonal diag_embed unfold as_strided alias clone detach contiguous _to_copy lift_fresh repeat "
    "repeat_interleave positive sum mean nansum cumsum trace im2col col2im pixel_shuffle pixel_unshuffle "
    "channel_shuffle native_channel_shuffle reflection_pad1d reflection_pad2d reflection_pad3d "
    "replication_pad1d replication_pad2d replication_pad3d avg_pool1d avg_pool2d avg_pool3d _adaptive_avg_pool2d "
    "_adaptive_avg_pool3d adaptive_avg_pool1d upsample_nearest1d upsample_nearest2d upsample_nearest3d "
    "_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d upsample_linear1d "
    "upsample_bilinear2d upsample_trilinear3d unfold_copy expand_copy gather index index_select take "
    "take_along_dim max_unpool2d max_unpool3d"
)
"""Moves, sums and means: no weight of theirs is negative."""


def weighted(packet: Any, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor) -> Tensor:
    """Matrix products with constants."""
    first = WEIGHTED[packet]
    scale = abs(kwargs.get("alpha", 1)) if first else 1
    a, b = (_size(t) for t in args[first : first + 2])
    plain: Any = {A.addmm: A.mm, A.baddbmm: A.bmm, A.addmv: A.mv}.get(packet, packet)
    return plain(a, b) * scale if scale != 1 else plain(a, b)


def convolved(packet: Any, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor) -> Tensor:
    """Convolutions with constants, transposed ones too."""
    x, w, _, *rest = args
    return packet(_size(x), _size(w), None, *rest, **kwargs)


def _size(t: Any) -> Tensor:
    """Of a change, or of a weight."""
    return t.change().abs() if isinstance(t, Tracked) else t.abs()


def added(packet: Any, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor) -> Tensor:
    """Sums and differences of two: both bring their parts; constants have none."""
    alpha = abs(kwargs.get("alpha", args[2] if len(args) > 2 else 1))
    scales = (alpha, 1) if packet is A.rsub else (1, alpha)
    found = [
        t.apart if scale == 1 else t.apart * scale
        for t, scale in zip(args[:2], scales, strict=True)
        if isinstance(t, Tracked) and t.apart is not None
    ]
    return _own(found[0] if len(found) == 1 else found[0] + found[1], y)


def scaled(packet: Any, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor) -> Tensor:
    """Times or over a constant."""
    a, b = args[:2]
    if isinstance(a, Tracked) and a.apart is not None:
        b = b.x if isinstance(b, Tracked) else b
        return _own(packet(a.apart, abs(b)), y)
    a = a.x if isinstance(a, Tracked) else a
    return _own(packet(abs(a), b.apart), y)


def negated(packet: Any, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor) -> Tensor:
    """What was positive is negative."""
    return _own(args[0].apart, y)


def _own(apart: Tensor, y: Tensor) -> Tensor:
    """In memory of its own, laid out as the output: what is written into one later is written into the other."""
    return torch.empty_like(y).copy_(apart)


def normalised(packet: Any, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor) -> Tensor:
    """Batch normalisation by fixed statistics."""
    x, weight, _, _, variance, *_, eps = args
    scale = (variance + eps).rsqrt()
    scale = scale if weight is None else scale * weight.abs()
    return x.apart * scale.reshape(1, -1, *(1,) * (y.ndim - 2))


def moved(packet: Any, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor) -> Any:
    """The same operation on the parts: what is joined from constants, or filled in, has none."""
    if packet in FILLS and (packet is A.constant_pad_nd or not isinstance(args[-1], Tensor | Tracked)):
        args = (*args[:2], 0) if packet is A.constant_pad_nd else (*args[:-1], 0)
    joins = packet in JOINS

    def of(t: Any) -> Any:
        if isinstance(t, Tracked):
            return t.x if t.apart is None else t.apart
        return torch.zeros_like(t) if joins and t.is_floating_point() else t

    return packet(*mapped(args, of), **kwargs)


RULES: dict[Any, Apart] = {
    **dict.fromkeys(WEIGHTED, weighted),
    **dict.fromkeys(CONVOLUTIONS, convolved),
    **dict.fromkeys(ADDITIONS, added),
    **dict.fromkeys(SCALINGS, scaled),
    **dict.fromkeys(packets("neg"), negated),
    **dict.fromkeys(BATCH_NORMS, normalised),
    **dict.fromkeys(MOVES | JOINS | FILLS, moved),
}
