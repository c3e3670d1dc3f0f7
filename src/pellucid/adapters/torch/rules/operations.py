"""Which rule each aten operation follows under DeepLIFT, and which pass a change on as it is."""

from __future__ import annotations

from typing import Any

import torch

from . import extremes, normalisers
from .multipliers import (
    Rule,
    Step,
    choice,
    distances,
    factors,
    gate,
    interpolation,
    kinked,
    matrices,
    midpoint,
    of_two,
    product,
    quotient,
    scaled_product,
    scaled_quotient,
    several,
    unary,
)

A = torch.ops.aten


def packets(names: str) -> frozenset[Any]:
    """The packets of these names, as far as this version of PyTorch has them, and their in-place forms."""
    every = [n for name in names.split() for n in (name, f"{name}_")]
    return frozenset(getattr(A, n) for n in every if hasattr(A, n))


LINEAR = packets(
    "view _unsafe_view reshape _reshape_alias t transpose permute expand slice select squeeze unsqueeze cat stack "
    "split split_with_sizes unsafe_split unsafe_split_with_sizes chunk unbind narrow movedim flip roll rot90 tril triu "
    "diagonal diag_embed unfold as_strided alias clone detach contiguous _to_copy lift_fresh copy fill zero repeat "
    "repeat_interleave resize view_as_real view_as_complex _conj conj real imag complex polar _pin_memory "
    "add sub rsub neg positive sum mean nansum cumsum trace im2col col2im pixel_shuffle pixel_unshuffle "
    "channel_shuffle native_channel_shuffle constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d "
    "replication_pad1d replication_pad2d replication_pad3d avg_pool1d avg_pool2d avg_pool3d _adaptive_avg_pool2d "
    "_adaptive_avg_pool3d adaptive_avg_pool1d upsample_nearest1d upsample_nearest2d upsample_nearest3d "
    "_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d upsample_linear1d "
    "upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d _upsample_bilinear2d_aa _upsample_bicubic2d_aa "
    "slice_scatter select_scatter diagonal_scatter unfold_copy expand_copy _fft_r2c _fft_c2r _fft_c2c _nested_tensor "
    "slice_backward select_backward block_diag meshgrid _foreach_add"
)
"""Sums, moves and resamplings: the plain derivative is exact."""

NOT_VALUES = packets(
    "zeros_like ones_like empty_like full_like rand_like randn_like new_zeros new_ones new_empty new_full bernoulli "
    "gt ge lt le eq ne isnan isinf isfinite argmax argmin bucketize searchsorted logical_not logical_and logical_or "
    "_local_scalar_dense equal is_nonzero any all nonzero count_nonzero sym_size _assert_async isclose "
    "_has_compatible_shallow_copy_type"
)
"""What gives no numbers that a gradient goes through."""

SAME_PLACES = packets(
    "gather index index_select take take_along_dim embedding scatter scatter_add index_add index_copy index_put "
    "index_fill masked_select masked_scatter max_unpool2d max_unpool3d grid_sampler_2d grid_sampler_3d "
    "_unsafe_index embedding_bag _embedding_bag"
)
"""Moves to places that tensors name: linear as long as these are the same in both passes."""

STRAIGHT = packets("relu leaky_relu hardtanh clamp clamp_min clamp_max threshold hardshrink rrelu_with_noise")
CURVED = packets(
    "sigmoid tanh gelu silu elu celu softplus hardswish hardsigmoid mish log_sigmoid_forward _prelu_kernel softshrink "
    "exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal abs square sign sgn erf erfc erfinv sin cos tan "
    "asin acos atan sinh cosh asinh acosh atanh sinc logit round floor ceil trunc frac nan_to_num lgamma digamma "
    "special_ndtr special_log_ndtr special_erfcx special_i0 special_i1 special_entr heaviside masked_fill"
)
PAIRS = packets(
    "pow maximum minimum atan2 hypot fmod remainder logaddexp logaddexp2 xlogy special_xlog1py fmax fmin"
)
HALFWAY = packets("convolution _convolution dot vdot mv addmv addr ger outer linalg_cross _trilinear addbmm")
NORMS = packets("linalg_vector_norm norm")
MASKED = packets("masked_fill")
MATRICES = frozenset({A.mm, A.bmm, A.addmm, A.baddbmm})
SLIM = MATRICES | HALFWAY
"""Products of which one factor alone usually depends on the input."""

RULES: dict[Any, Rule] = {
    **dict.fromkeys(HALFWAY, midpoint),
    **dict.fromkeys(CURVED, unary),
    **dict.fromkeys(STRAIGHT - {A.hardshrink}, kinked),
    A.hardshrink: unary,
    **dict.fromkeys(PAIRS, of_two),
    **dict.fromkeys(MATRICES, matrices),
    **dict.fromkeys(packets("mul"), product),
    **dict.fromkeys(packets("div"), quotient),
    **dict.fromkeys(packets("addcmul"), scaled_product),
    **dict.fromkeys(packets("addcdiv"), scaled_quotient),
    **dict.fromkeys(packets("lerp"), interpolation),
    **extremes.RULES,
    A.where: choice,
    A.glu: gate,
    A._softmax: normalisers.softmax,
    A._safe_softmax: normalisers.softmax,
    A._log_softmax: normalisers.log_softmax,
    A.logsumexp: normalisers.log_sum_exp,
    A.native_layer_norm: normalisers.layer_norm,
    A.native_group_norm: normalisers.group_norm,
    **dict.fromkeys(
        packets("native_batch_norm _native_batch_norm_legit cudnn_batch_norm"), normalisers.batch_norm
    ),
    **dict.fromkeys(NORMS, normalisers.vector_norm),
    A.std: normalisers.deviation,
    A.var: normalisers.deviation,
    A.std_mean: normalisers.deviation_and_mean,
    A.var_mean: normalisers.deviation_and_mean,
    A.prod: several,
    A.cumprod: several,
    A._cdist_forward: distances,
    A._euclidean_dist: distances,
}
FRACTIONAL = packets("fractional_max_pool2d fractional_max_pool3d")
FACTORS = 64
"""At most so many factors of a product have a rule: its cost grows with them."""
NAMED = NORMS | FRACTIONAL | SAME_PLACES | frozenset({A.prod, A.cumprod, A._cdist_forward})
"""What has a rule, but not in every form."""
PRODUCTS = frozenset(p for p, rule in RULES.items() if rule in (product, quotient, matrices, midpoint))


def recorded(packet: Any) -> bool:
    """Whether a rule needs to see the operation, or to refuse it."""
    return packet not in LINEAR and packet not in NOT_VALUES


def doubtful(packet: Any) -> bool:
    """Whether the operation may have to be named."""
    return packet not in RULES or packet in NAMED


def rule_of(s: Step) -> tuple[Rule | None, str]:
    """The rule of a step, None where the plain derivative is exact; and what is missing, "" if nothing."""
    packet = s.op.packet
    alone = sum(s.op.needs) == 1
    if packet in SAME_PLACES or packet in MASKED:
        if alone and _same_constants(s):
            return None, ""
        return (unary, "") if packet in MASKED and alone else (None, f"{packet} with other places")
    if packet in extremes.CHOICES:
        return None, "" if extremes.same_choice(s) else f"{packet} with other places"
    rule = RULES.get(packet)
    if rule is None:
        return None, str(packet)
    if packet in PRODUCTS and alone and _same_constants(s):
        return None, ""
    lacks = _lacking(s, alone)
    if lacks or (rule is normalisers.batch_norm and not s.x[5]):
        return None, lacks and f"{packet} {lacks}"
    return rule, ""


def _lacking(s: Step, alone: bool) -> str:
    """What a step does that the rule of its operation does not cover."""
    packet = s.op.packet
    if s.y.is_complex() or any(isinstance(a, torch.Tensor) and a.is_complex() for a in s.x):
        return "of complex numbers"
    if packet in SLIM and alone:
        return "with another factor"
    if packet in STRAIGHT and not alone:
        return "with bounds that depend on the input"
    return _beyond(s)


def _beyond(s: Step) -> str:
    """What is beyond the rule of an operation that has one for some of its forms."""
    packet = s.op.packet
    if packet in FRACTIONAL and not _same_constants(s):
        return "with other places"
    if packet is A._cdist_forward and s.x[2] != 2:
        return f"of order {s.x[2]:g}"
    if RULES[packet] is several and factors(s) > FACTORS:
        return f"of more than {FACTORS} factors"
    if packet in NORMS and not normalisers.has_norm(s):
        return f"of order {s.option(1, 'ord', 2)}"
    return ""


def _same_constants(s: Step) -> bool:
    """Whether what does not depend on the input is the same in both passes."""
    pairs = zip(s.x, s.x0, s.op.needs, strict=True)
    return all(same(a, b) for a, b, need in pairs if not need)


def same(a: Any, b: Any) -> bool:
    """Equal arguments; tensors in the same memory need no look at their numbers."""
    if isinstance(a, torch.Tensor):
        if a is b:
            return True
        if not isinstance(b, torch.Tensor) or a.shape != b.shape:
            return False
        return (a.data_ptr() == b.data_ptr() and a.stride() == b.stride()) or torch.equal(a, b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(p, q) for p, q in zip(a, b, strict=True))
    return a is b or a == b
