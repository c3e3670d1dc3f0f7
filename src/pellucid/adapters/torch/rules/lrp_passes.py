"""Relevance through everything that is no convolution and no product with constants, one function per kind.

A function is given a step and g, the relevance of the operation's output divided by that output, and turns it into
the same for every edge. What is not listed in `RULES` nor in `PLAIN` has no rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from pellucid.adapters.torch.tape import Op

from .lrp_affine import Affine

aten = torch.ops.aten
Grads = list[Tensor | None]


@dataclass
class Step:
    """One operation on the way back.

    Attributes:
        op: the operation.
        depends: which edges of its node come from the input.
        grads: what autograd would give each edge.
        book: takes relevance that goes to constants, shaped like something with rows.
    """

    op: Op
    depends: tuple[bool, ...]
    grads: Grads
    book: Callable[[Tensor], None]

    def arg(self, place: int, name: str, default: Any = None) -> Any:
        """An argument by position or name."""
        args = self.op.args
        return args[place] if len(args) > place else self.op.kwargs.get(name, default)

    def again(self, x: Tensor) -> Tensor:
        """The operation's first output for another first argument."""
        out = self.op.packet(x, *self.op.args[1:], **self.op.kwargs)
        return out if isinstance(out, Tensor) else out[0]

    def constants(self) -> list[int]:
        """Edges that lead to no input."""
        return [i for i, d in enumerate(self.depends) if not d]


def packets(names: str) -> list[Any]:
    """The operations of these names that this version of torch has, in place ones too."""
    wanted = [n + end for n in names.split() for end in ("", "_")]
    return [getattr(aten, n) for n in wanted if hasattr(aten, n)]


# -- one function per kind --------------------------------------------------------------------------------------------


def cut(step: Step, g: Tensor) -> Grads:
    """A factor that only scales something (1/std), or a step function: a constant."""
    return [None if t is None else torch.zeros_like(t) for t in step.grads]


def elementwise(step: Step, g: Tensor) -> Grads:
    """An activation passes relevance on, y = x (y - f(0)) / x + f(0), and f(0) is a bias."""
    x = step.op.args[0]
    return [_passed(step, g, x, step.again), *step.grads[1:]]


def _passed(step: Step, g: Tensor, x: Tensor, f: Callable[[Tensor], Tensor]) -> Tensor:
    y, zero = f(x.clone()), f(torch.zeros_like(x))
    zero = torch.where(zero.isfinite(), zero, 0)
    step.book(g * zero)
    return g * torch.where(x == 0, 0, (y - zero) / torch.where(x == 0, 1, x))


def power(step: Step, g: Tensor) -> Grads:
    """A power of the input is an activation; a negative one scales; so is a number to the power of the input."""
    base, exponent = step.op.args[:2]
    if step.depends[-1] and (len(step.depends) > 1 or not isinstance(base, Tensor)):
        return [*cut(step, g)[:-1], _passed(step, g, exponent, lambda x: torch.pow(base, x))]
    negative = exponent < 0 if isinstance(exponent, int | float) else bool((exponent < 0).any())
    return cut(step, g) if negative else elementwise(step, g)


def expanded(step: Step, g: Tensor) -> Grads:
    """Softmax and its like are expanded to first order at x: the gradient, and the remainder to a bias."""
    x = step.op.args[0]
    grad = step.grads[0]
    if grad is not None:
        step.book(g * step.again(x))
        step.book(-torch.where(x.isfinite(), x, 0) * grad)
    return step.grads


def product(step: Step, g: Tensor) -> Grads:
    """The factors that come from the input share equally."""
    return shared(step, sum(step.depends))


def shared(step: Step, parts: int) -> Grads:
    """The gradient's way, by as many parts; nothing for constants."""
    return [
        None if t is None else t / parts if d else torch.zeros_like(t)
        for t, d in zip(step.grads, step.depends, strict=True)
    ]


def quotient(step: Step, g: Tensor) -> Grads:
    """A denominator is a constant, unless it alone comes from the input: then it is an activation."""
    if step.depends[0]:
        return [step.grads[0], *cut(step, g)[1:]]
    grad = step.grads[1]
    return [step.grads[0], None if grad is None else -grad]


def halved(step: Step, g: Tensor) -> Grads:
    """Degree two in x: half the gradient times x is the value."""
    return [None if t is None else t / 2 for t in step.grads]


def added(step: Step, g: Tensor) -> Grads:
    """A sum shares by what each summand is; a constant's part is booked."""
    a, b = step.op.args[:2]
    alpha = step.arg(2, "alpha", 1)
    sign = -1 if "sub" in step.op.packet.__name__ else 1
    first, second = (*step.depends, False)[:2]
    if step.op.packet is aten.rsub:
        if not (first and second):
            _book_masked(step, g, b if first else a, 1 if first else -alpha)
    elif not second:
        _book_masked(step, g, b, sign * alpha)
    elif not first:
        _book_masked(step, g, a, 1)
    return step.grads


def _book_masked(step: Step, g: Tensor, constant: Any, factor: float) -> None:
    c = constant if isinstance(constant, Tensor) else torch.as_tensor(constant)
    step.book(g * torch.where(c.isfinite(), c, 0).to(g) * factor)


def added_product(step: Step, g: Tensor) -> Grads:
    """`addcmul`: a sum of which one part is a product."""
    start, a, b = step.op.args[:3]
    ways = sum(step.depends[1:])
    if not step.depends[0]:
        step.book(g * start)
    if not ways:
        step.book(g * a * b * step.op.kwargs.get("value", 1))
    return [step.grads[0], *(None if t is None else t / max(ways, 1) for t in step.grads[1:])]


def multiplied(step: Step, g: Tensor) -> Grads:
    """`prod`: the factors share equally."""
    x, *dim = step.op.args
    size = x.shape[dim[0]] if dim and isinstance(dim[0], int) else x.numel()
    return shared(step, max(size, 1))


def joined(step: Step, g: Tensor) -> Grads:
    """Tensors side by side: those that are constant are booked."""
    tensors, dim = step.op.args[0], step.arg(1, "dim", 0)
    sizes = [1 if step.op.packet is aten.stack else t.shape[dim] for t in tensors]
    starts = [0, *accumulate(sizes)]
    for i in step.constants():
        part = g.narrow(dim, starts[i], sizes[i])
        step.book(part * (tensors[i].unsqueeze(dim) if step.op.packet is aten.stack else tensors[i]))
    return step.grads


def chosen(step: Step, g: Tensor) -> Grads:
    """`where`: the constant side is booked."""
    condition, a, b = step.op.args
    for i in step.constants():
        kept = condition if i == 0 else ~condition
        _book_masked(step, g * kept, (a, b)[i], 1)
    return step.grads


def filled(step: Step, g: Tensor) -> Grads:
    """`masked_fill`: the value is booked."""
    _, mask, value = step.op.args
    _book_masked(step, g * mask, value, 1)
    return step.grads


def gated(step: Step, g: Tensor) -> Grads:
    """A gated linear unit a sigmoid(b): half to a, half to b, of which sigmoid(0) is a bias."""
    x, dim = step.op.args[0], step.arg(1, "dim", -1)
    a, b = x.chunk(2, dim)
    gate = torch.sigmoid(b)
    slope = torch.where(b == 0, 0, (gate - 0.5) / torch.where(b == 0, 1, b))
    step.book(g * a / 4)
    return [torch.cat([g * gate / 2, g * a * slope / 2], dim)]


# -- normalisations ---------------------------------------------------------------------------------------------------


def layer_norm(step: Step, g: Tensor) -> Grads:
    """The standard deviation is a constant, the mean is not."""
    x, shape, weight, bias, eps = step.op.args
    dims = tuple(range(-len(shape), 0))
    if bias is not None:
        step.book(g * bias)
    scaled = g if weight is None else g * weight
    return [_centred(scaled, x, dims, eps), *step.grads[1:]]


def rms_norm(step: Step, g: Tensor) -> Grads:
    """The root mean square is a constant."""
    x, shape, weight, eps = step.op.args
    dims = tuple(range(-len(shape), 0))
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    scaled = g if weight is None else g * weight
    return [scaled * (x.square().mean(dims, keepdim=True) + eps).rsqrt(), *step.grads[1:]]


def group_norm(step: Step, g: Tensor) -> Grads:
    """As layer norm, over groups of channels."""
    x, weight, bias, n, _, _, groups, eps = step.op.args
    shape = (1, -1, *(1,) * (x.ndim - 2))
    if bias is not None:
        step.book(g * bias.reshape(shape))
    scaled = g if weight is None else g * weight.reshape(shape)
    back = _centred(scaled.reshape(n, groups, -1), x.reshape(n, groups, -1), (-1,), eps)
    return [back.reshape(x.shape), *step.grads[1:]]


def _centred(g: Tensor, x: Tensor, dims: tuple[int, ...], eps: float) -> Tensor:
    s = g * (x.var(dims, unbiased=False, keepdim=True) + eps).rsqrt()
    return s - s.mean(dims, keepdim=True)


def scale_and_shift(op: Op) -> tuple[Tensor, Tensor] | None:
    """Batch normalisation as y = scale x + shift, (channels,) each; None where it takes statistics of the batch."""
    _, weight, bias, mean, var, trains, *_, eps = op.args
    if trains is True or mean is None:
        return None
    scale = (var + eps).rsqrt()
    scale = scale if weight is None else scale * weight
    shift = -mean * scale
    return scale, shift if bias is None else shift + bias


def batch_norm(step: Step, g: Tensor) -> Grads:
    """An affine map per channel; with statistics of the batch as layer norm."""
    x, weight, bias, *_, eps = step.op.args
    shape = (1, -1, *(1,) * (x.ndim - 2))
    fixed = scale_and_shift(step.op)
    if fixed is not None:
        step.book(g * fixed[1].reshape(shape))
        return step.grads
    if bias is not None:
        step.book(g * bias.reshape(shape))
    scaled = g if weight is None else g * weight.reshape(shape)
    return [_centred(scaled, x, (0, *range(2, x.ndim)), eps), *step.grads[1:]]


BATCH_NORMS = tuple(packets("native_batch_norm _native_batch_norm_legit_no_training cudnn_batch_norm"))

ADDITIONS = (aten.add, aten.add_)


def canonised(m: Affine, op: Op, depends: tuple[bool, ...]) -> Affine | None:
    """The map `m` with a batch normalisation, or a constant that is added, in it; None where `op` is neither."""
    if op.packet in BATCH_NORMS:
        fixed = scale_and_shift(op)
        return None if fixed is None or m.outputs is None else m.scaled(*fixed, op.output.detach())
    if op.packet not in ADDITIONS or sum(depends) != 1 or op.kwargs:
        return None
    constant = op.args[1] if depends[0] else op.args[0]
    return m.shifted(constant, op.output.detach()) if isinstance(constant, Tensor) else None


# -- the table --------------------------------------------------------------------------------------------------------

ACTIVATIONS = (
    "gelu silu mish elu hardswish hardsigmoid sigmoid tanh softplus log_sigmoid_forward hardtanh clamp clamp_min "
    "clamp_max hardshrink softshrink threshold exp exp2 expm1 log log1p log2 log10 sqrt square sin cos tan atan asin "
    "sinh cosh asinh atanh erf erfc erfinv logit special_log_ndtr special_ndtr celu selu"
)
Pass = Callable[[Step, Tensor], Grads]
RULES: dict[Any, Pass] = {
    **dict.fromkeys(packets(ACTIVATIONS), elementwise),
    **dict.fromkeys(packets("rsqrt reciprocal sign sgn floor ceil round trunc"), cut),
    **dict.fromkeys(packets("pow"), power),
    **dict.fromkeys(packets("_softmax _log_softmax _safe_softmax logsumexp logcumsumexp"), expanded),
    **dict.fromkeys(
        packets("mul _trilinear mm bmm addmm baddbmm mv addmv dot convolution _convolution"), product
    ),
    **dict.fromkeys(packets("div"), quotient),
    **dict.fromkeys(packets("var"), halved),
    **dict.fromkeys(packets("add sub rsub"), added),
    **dict.fromkeys(packets("addcmul"), added_product),
    **dict.fromkeys(packets("prod"), multiplied),
    **dict.fromkeys(packets("cat stack"), joined),
    **dict.fromkeys(packets("where"), chosen),
    **dict.fromkeys(packets("masked_fill"), filled),
    **dict.fromkeys(packets("glu"), gated),
    **dict.fromkeys(packets("native_layer_norm"), layer_norm),
    **dict.fromkeys(packets("_fused_rms_norm"), rms_norm),
    **dict.fromkeys(packets("native_group_norm"), group_norm),
    **dict.fromkeys(BATCH_NORMS, batch_norm),
}
CUTS = frozenset(p for p, rule in RULES.items() if rule is cut)

PLAIN = frozenset(
    packets(
        # where a value goes
        "view _unsafe_view reshape _reshape_alias t transpose permute expand clone _to_copy copy slice select unbind "
        "split split_with_sizes unsafe_split unsafe_split_with_sizes chunk unsafe_chunk squeeze unsqueeze flatten "
        "alias detach contiguous as_strided roll flip index index_select gather take diagonal diagonal_copy tril triu "
        "repeat repeat_interleave unfold im2col col2im pixel_shuffle pixel_unshuffle channel_shuffle "
        "native_channel_shuffle constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d "
        "replication_pad1d replication_pad2d replication_pad3d movedim swapaxes narrow view_as lift_fresh "
        "upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_linear1d upsample_bilinear2d "
        "upsample_bicubic2d upsample_trilinear3d _upsample_nearest_exact1d _upsample_nearest_exact2d "
        "_upsample_nearest_exact3d _upsample_bilinear2d_aa _upsample_bicubic2d_aa grid_sampler_2d grid_sampler_3d "
        "index_add scatter_add slice_scatter select_scatter index_put _index_put_impl masked_select fill zero "
        "select_backward slice_backward native_dropout dropout bernoulli resolve_conj "
        # linear in it
        "sum mean cumsum neg avg_pool1d avg_pool2d avg_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d "
        "adaptive_avg_pool1d adaptive_avg_pool2d trace nansum "
        # of degree one: x times the gradient is the value
        "relu leaky_relu rrelu_with_noise rrelu_with_noise_functional _prelu_kernel abs max amax min amin maximum "
        "minimum fmax fmin aminmax median nanmedian topk sort kthvalue mode max_pool2d_with_indices "
        "max_pool3d_with_indices adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d fractional_max_pool2d "
        "fractional_max_pool3d max_unpool2d max_unpool3d cummax cummin linalg_vector_norm norm std _cdist_forward "
        "hypot _pdist_forward nan_to_num std_mean var_mean _fft_r2c _fft_c2r _fft_c2c view_as_real "
        "view_as_complex real imag"
    )
)
"""Operations that autograd already treats as relevance wants it, and that hold no constants."""
