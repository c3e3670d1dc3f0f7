"""Networks that DeepLIFT has to be right on: every activation, pool, norm, attention and recurrence, in each spelling.

`ARCHITECTURES` maps a name to a function that builds the network and to the shape of a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

Build = Callable[[], nn.Module]


def named(words: str) -> list[str]:
    return words.split()


class Apply(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any], *parts: nn.Module) -> None:
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x, *self.parts)


def dense(hidden: Callable[..., Any] | nn.Module, inside: int = 8, out: int | None = None) -> nn.Module:
    """6 -> inside -> hidden -> 3."""
    middle = hidden if isinstance(hidden, nn.Module) else Apply(hidden)
    return nn.Sequential(nn.Linear(6, inside), middle, nn.Linear(out or inside, 3))


def image(*layers: Callable[..., Any] | nn.Module, channels: int = 4) -> nn.Module:
    """A convolution, the layers, a mean over space, and a head."""
    middle = [m if isinstance(m, nn.Module) else Apply(m) for m in layers]
    pooled = Apply(lambda h: h.flatten(2).mean(2))
    return nn.Sequential(nn.Conv2d(2, channels, 3, padding=1), *middle, nn.Tanh(), pooled, nn.LazyLinear(3))


def sequence(middle: Callable[..., Any] | nn.Module, out: int = 8) -> nn.Module:
    """(n, 5, 6) -> embedded in 8 -> middle -> mean over time -> 3."""
    part = middle if isinstance(middle, nn.Module) else Apply(middle)
    return nn.Sequential(nn.Linear(6, 8), part, Apply(lambda h: h.mean(1)), nn.Linear(out, 3))


# -- activations ----------------------------------------------------------------------------------------------------

MODULES: dict[str, Build] = {
    name: getattr(nn, name)
    for name in named(
        "ReLU LeakyReLU PReLU RReLU ELU SELU CELU GELU SiLU Mish Sigmoid Tanh Softplus Softsign LogSigmoid Hardtanh "
        "Hardsigmoid Hardswish Hardshrink Softshrink Tanhshrink ReLU6"
    )
}
MODULES |= {
    "Threshold": lambda: nn.Threshold(0.1, -0.3),
    "GELU tanh": lambda: nn.GELU("tanh"),
    "GLU": lambda: nn.Sequential(nn.Linear(8, 16), nn.GLU()),
    "Softmin": lambda: nn.Softmin(1),
    "PReLU per channel": lambda: nn.PReLU(8),
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{
        f"F.{n}": getattr(F, n)
        for n in named(
            "relu leaky_relu elu selu celu gelu silu mish softplus softsign logsigmoid hardtanh hardsigmoid hardswish "
            "hardshrink softshrink tanhshrink relu6 rrelu"
        )
    },
    "torch.sigmoid": torch.sigmoid,
    "torch.tanh": torch.tanh,
    "clamp(min=0)": lambda h: h.clamp(min=0),
    "clamp_min": lambda h: h.clamp_min(0.1),
    "clamp_max": lambda h: h.clamp_max(0.1),
    "clamp both": lambda h: h.clamp(-0.2, 0.3),
    "exp": torch.exp,
    "sin cos": lambda h: h.sin() + h.cos(),
    "square": torch.square,
    "cube": lambda h: h**3,
    "two to the": lambda h: 2**h,
    "power of both": lambda h: h.abs().add(0.5) ** h,
    "erf": torch.erf,
    "sign": lambda h: h * h.sign(),
    "round": lambda h: h * h.round(),
    "sqrt log": lambda h: (h**2 + 0.1).sqrt().log(),
    "reciprocal": lambda h: 1 / (h**2 + 0.5),
    "rsqrt": lambda h: (h**2 + 0.5).rsqrt(),
    "log1p expm1": lambda h: torch.log1p(torch.expm1(h).abs()),
}
IN_PLACE: dict[str, Callable[..., Any]] = {
    "relu_": lambda h: h.relu_(),
    "F.relu in place": lambda h: F.relu(h, inplace=True),
    "F.leaky_relu in place": lambda h: F.leaky_relu(h, 0.1, inplace=True),
    "F.elu in place": lambda h: F.elu(h, inplace=True),
    "F.selu in place": lambda h: F.selu(h, inplace=True),
    "F.silu in place": lambda h: F.silu(h, inplace=True),
    "F.hardswish in place": lambda h: F.hardswish(h, inplace=True),
    "F.hardtanh in place": lambda h: F.hardtanh(h, inplace=True),
    "F.mish in place": lambda h: F.mish(h, inplace=True),
    "F.threshold in place": lambda h: F.threshold(h, 0.1, 0.0, inplace=True),
    "sigmoid_": lambda h: h.sigmoid_(),
    "tanh_": lambda h: h.tanh_(),
    "clamp_": lambda h: h.clamp_(-0.3, 0.3),
    "clamp_min_": lambda h: h.clamp_min_(0),
    "mul_": lambda h: F.gelu(h).mul_(h.tanh()),
    "add_ then log_": lambda h: h.abs().add_(1).log_(),
    "kept, then overwritten": lambda h: _overwritten(h),
    "a half in place": lambda h: _half(h),
    "view in place": lambda h: _viewed(h),
    "assigned by index": lambda h: _assigned(h),
}


def _overwritten(h: torch.Tensor) -> torch.Tensor:
    s = torch.sigmoid(h)
    h.add_(1)
    return s * h


def _half(h: torch.Tensor) -> torch.Tensor:
    h = h + 0
    h[:, :4].sigmoid_()
    return h


def _viewed(h: torch.Tensor) -> torch.Tensor:
    h = h + 0
    h.view(-1).tanh_()
    return h


def _assigned(h: torch.Tensor) -> torch.Tensor:
    out = torch.zeros_like(h)
    for k in range(h.shape[1]):
        out[:, k] = torch.sigmoid(h[:, k])
    return out * h


# -- products, gates, skips, reductions -----------------------------------------------------------------------------

JOINS: dict[str, Callable[..., Any]] = {
    "h + relu(h)": lambda h: h + F.relu(h),
    "h * sigmoid(h)": lambda h: h * torch.sigmoid(h),
    "h * (h > 0)": lambda h: h * (h > 0),
    "h * h": lambda h: h * h,
    "swiglu": lambda h: torch.cat([F.silu(h[:, :4]) * h[:, 4:], h[:, 4:]], 1),
    "division": lambda h: h / (1 + h.abs().sum(1, keepdim=True)),
    "division by itself": lambda h: h / (1 + torch.exp(-h)),
    "broadcast": lambda h: h.mean(1, keepdim=True) * h,
    "where": lambda h: torch.where(h > 0, h, 0.1 * h),
    "where of two": lambda h: torch.where(h > h.flip(1), h.tanh(), h.flip(1).exp()),
    "masked_fill": lambda h: h.masked_fill(h < 0, -0.2) + h,
    "maximum": lambda h: torch.maximum(h, h.flip(1)),
    "minimum": lambda h: torch.minimum(h, h.tanh().flip(1)),
    "max over one": lambda h: h * h.max(1, keepdim=True)[0],
    "min over one": lambda h: h + h.min(1, keepdim=True)[0],
    "amax": lambda h: h + h.amax(1, keepdim=True),
    "amin": lambda h: h + h.amin(1, keepdim=True),
    "logsumexp": lambda h: h + h.logsumexp(1, keepdim=True),
    "addcmul": lambda h: torch.addcmul(h, h.tanh(), h, value=0.5),
    "addcdiv": lambda h: torch.addcdiv(h, h.tanh(), 1 + h**2),
    "pairwise distance": lambda h: h * F.pairwise_distance(h, h.tanh())[:, None],
    "dynamic convolution": lambda h: F.conv1d(h[None], h[:, None, :3], padding=1, groups=len(h))[0],
    "windows": lambda h: F.pad(h.unfold(1, 3, 1).amax(2), (1, 1)),
    "softmax far apart": lambda h: (900 * h.abs() + 5 * h).softmax(1) + h.tanh(),
    "logits far apart": lambda h: (60 * h).log_softmax(1),
    "lerp": lambda h: torch.lerp(h, h.exp(), h.sigmoid()),
    "normalised": F.normalize,
    "l1 normalised": lambda h: F.normalize(h, p=1),
    "std": lambda h: h / (0.1 + h.std(1, keepdim=True)),
    "var": lambda h: h * h.var(1, keepdim=True),
    "var and mean": lambda h: _standardised(torch.var_mean(h, 1, keepdim=True), h),
    "std and mean": lambda h: _standardised(torch.std_mean(h, 1, keepdim=True), h),
    "product of all": lambda h: h + (1 + h).prod(1, keepdim=True),
    "products so far": lambda h: (0.5 + h).cumprod(1),
    "distances": lambda h: torch.cat([h, torch.cdist(h[:, None, :4], h.view(-1, 2, 4))[:, 0]], 1)[:, 2:],
    "distances of many": lambda h: torch.cdist(h[:, :, None], torch.linspace(-1, 1, 30).to(h)[:, None])[
        :, :, 0
    ],
    "sorted": lambda h: (h.tanh() + torch.arange(8).to(h) * 9).sort(1, descending=True)[0],
    "largest few": lambda h: (h.tanh() - torch.arange(8).to(h) * 9).topk(8, 1)[0],
    "median": lambda h: h * (h.tanh() + torch.arange(8).to(h) * 9).median(1, keepdim=True)[0],
    "cosine": lambda h: h * F.cosine_similarity(h, h.tanh(), dim=1)[:, None],
    "outer product": lambda h: torch.bmm(h[:, :, None], h[:, None].tanh()).sum(1),
    "einsum": lambda h: torch.einsum("ni,nj->nj", h, h.tanh()),
    "softmax hidden": lambda h: h.softmax(1) * h,
    "log_softmax hidden": lambda h: h.log_softmax(1),
    "gather": lambda h: h.gather(1, torch.arange(7, -1, -1).expand(len(h), 8)).tanh() + h,
    "atan2": lambda h: torch.atan2(h, h.flip(1) + 2),
    "dropout": lambda h: F.dropout(h, 0.5, training=False).tanh(),
}


def _standardised(found: tuple[torch.Tensor, torch.Tensor], h: torch.Tensor) -> torch.Tensor:
    spread, middle = found
    return (h - middle) / (0.1 + spread)


PARTS: dict[str, Build] = {
    "bilinear": lambda: Apply(lambda h, b: b(h, h.tanh()), nn.Bilinear(8, 8, 8)),
    "reused module": lambda: Apply(lambda h, act, fc: act(fc(act(fc(act(h))))), nn.ReLU(), nn.Linear(8, 8)),
    "reused GELU": lambda: Apply(lambda h, act, fc: h + act(fc(act(h))), nn.GELU(), nn.Linear(8, 8)),
    "nested skips": lambda: Apply(
        lambda h, a, b: h + F.relu(a(h) + F.relu(b(h + F.relu(h)))), nn.Linear(8, 8), nn.Linear(8, 8)
    ),
    "highway": lambda: Apply(
        lambda h, t, c: t(h).sigmoid() * c(h).tanh() + (1 - t(h).sigmoid()) * h,
        nn.Linear(8, 8),
        nn.Linear(8, 8),
    ),
    "LayerNorm": lambda: nn.LayerNorm(8),
    "LayerNorm without weights": lambda: nn.LayerNorm(8, elementwise_affine=False),
    "RMSNorm": lambda: nn.RMSNorm(8),
    "BatchNorm1d": lambda: nn.Sequential(nn.BatchNorm1d(8), nn.ReLU()),
    "GroupNorm of rows": lambda: nn.GroupNorm(2, 8),
    "mixture of experts": lambda: Apply(
        lambda h, r, a, b: (w := r(h).softmax(1))[:, :1] * a(h).relu() + w[:, 1:] * b(h).tanh(),
        nn.Linear(8, 2),
        nn.Linear(8, 8),
        nn.Linear(8, 8),
    ),
    "checkpointed": lambda: Apply(
        lambda h, fc: checkpoint(lambda z: F.gelu(fc(z)), h, use_reentrant=False), nn.Linear(8, 8)
    ),
}
OUTPUTS: dict[str, Build] = {
    "softmax output": lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(1)),
    "log_softmax output": lambda: nn.Sequential(
        nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3), nn.LogSoftmax(1)
    ),
    "sigmoid output": lambda: nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 3), nn.Sigmoid()),
    "two softmaxes": lambda: nn.Sequential(nn.Linear(6, 8), nn.Softmax(1), nn.Linear(8, 3), nn.Softmax(1)),
}


# -- images ---------------------------------------------------------------------------------------------------------


class Residual(nn.Module):
    """A block of a ResNet, as torchvision writes it: in place, one ReLU reused."""

    def __init__(self, inside: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.down = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += self.down(x)
        return self.relu(out)


def resnet() -> nn.Module:
    stem = [nn.Conv2d(2, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)]
    blocks = [Residual(8, 8, 1), Residual(8, 16, 2), Residual(16, 16, 1), Residual(16, 32, 2)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 3))


def vgg() -> nn.Module:
    layers: list[nn.Module] = []
    for a, b in ((2, 8), (8, 16), (16, 32)):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.ReLU(True), nn.Conv2d(b, b, 3, padding=1), nn.ReLU(True)]
        layers.append(nn.MaxPool2d(2, 2))
    head = [nn.Flatten(), nn.Linear(32, 24), nn.ReLU(True), nn.Dropout(), nn.Linear(24, 3)]
    net = nn.Sequential(*layers, *head)
    with torch.no_grad():  # as much signal as a trained network has
        for p in net.parameters():
            p *= 2
    return net


class SqueezeExcite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(self.up(F.silu(self.down(x.mean((2, 3), keepdim=True)))))


class DenseBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.cat([x, F.relu(self.a(x))], 1)
        return torch.cat([h, F.relu(self.b(h))], 1)


class ViT(nn.Module):
    """Patches of 4, a class token, two blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(2, 16, 4, 4)
        self.token, self.position = nn.Parameter(torch.randn(1, 1, 16)), nn.Parameter(torch.randn(1, 5, 16))
        block = nn.TransformerEncoderLayer(16, 2, 32, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(block, 2, norm=nn.LayerNorm(16), enable_nested_tensor=False)
        self.head = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.patch(x).flatten(2).mT
        h = torch.cat([self.token.expand(len(h), -1, -1), h], 1) + self.position
        return self.head(self.encoder(h)[:, 0])


IMAGES: dict[str, Build] = {
    "MaxPool2d": lambda: image(nn.MaxPool2d(2)),
    "relu before pool": lambda: image(nn.ReLU(), nn.MaxPool2d(2)),
    "relu in place before pool": lambda: image(nn.ReLU(True), nn.MaxPool2d(2)),
    "relu after pool": lambda: image(nn.MaxPool2d(2), nn.ReLU()),
    "overlapping pool": lambda: image(nn.ReLU(), nn.MaxPool2d(3, 1)),
    "overlapping padded pool": lambda: image(nn.ReLU(), nn.MaxPool2d(3, 2, 1)),
    "dilated pool": lambda: image(nn.GELU(), nn.MaxPool2d(2, 1, dilation=2)),
    "pool in ceil mode": lambda: image(nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)),
    "pool of oblong windows": lambda: image(nn.MaxPool2d((3, 2), (2, 1), (1, 0))),
    "F.max_pool2d": lambda: image(F.relu, lambda h: F.max_pool2d(h, 2)),
    "pool with indices": lambda: image(lambda h: F.max_pool2d(h, 2, return_indices=True)[0]),
    "AvgPool2d": lambda: image(nn.ReLU(), nn.AvgPool2d(3, 2, 1)),
    "LPPool2d": lambda: image(nn.ReLU(), nn.LPPool2d(2, 2)),
    "AdaptiveAvgPool2d": lambda: image(nn.ReLU(), nn.AdaptiveAvgPool2d(3)),
    "AdaptiveMaxPool2d": lambda: image(nn.ReLU(), nn.AdaptiveMaxPool2d(3)),
    "AdaptiveMaxPool2d to one": lambda: image(nn.GELU(), nn.AdaptiveMaxPool2d(1)),
    "MaxPool1d": lambda: image(lambda h: F.max_pool1d(h.flatten(2), 3, 2, 1)),
    "AdaptiveMaxPool1d": lambda: image(lambda h: F.adaptive_max_pool1d(h.flatten(2), 5)),
    "MaxPool3d": lambda: image(lambda h: F.max_pool3d(h[:, None], 2)[:, 0]),
    "overlapping MaxPool3d": lambda: image(lambda h: F.max_pool3d(h[:, None].relu(), 3, 1, 1)[:, 0]),
    "AdaptiveMaxPool3d": lambda: image(lambda h: F.adaptive_max_pool3d(h[:, None], (2, 3, 2))[:, 0]),
    "fractional pool": lambda: image(
        lambda h: F.fractional_max_pool2d(
            h, 2, output_size=3, _random_samples=torch.linspace(0.1, 0.9, 24).reshape(3, 4, 2).to(h)[: len(h)]
        )
    ),
    "amax over space": lambda: image(lambda h: h.amax((2, 3), keepdim=True)),
    "BatchNorm2d": lambda: image(nn.BatchNorm2d(4), nn.ReLU()),
    "GroupNorm": lambda: image(nn.GroupNorm(2, 4), nn.ReLU()),
    "InstanceNorm2d": lambda: image(nn.InstanceNorm2d(4, affine=True), nn.ReLU()),
    "LayerNorm of images": lambda: image(nn.LayerNorm([4, 8, 8]), nn.GELU()),
    "LocalResponseNorm": lambda: image(nn.ReLU(), nn.LocalResponseNorm(3)),
    "Softmax2d": lambda: image(nn.Softmax2d()),
    "GLU of channels": lambda: image(nn.GLU(1)),
    "upsampled": lambda: image(nn.ReLU(), nn.Upsample(scale_factor=2, mode="bilinear")),
    "transposed convolution": lambda: image(nn.ReLU(), nn.ConvTranspose2d(4, 4, 2, 2), nn.ReLU()),
    "pixel shuffle": lambda: image(nn.PixelShuffle(2), nn.ReLU()),
    "reflection padding": lambda: image(nn.ReflectionPad2d(1), nn.ELU()),
    "depthwise": lambda: image(nn.Conv2d(4, 4, 3, groups=4), nn.Hardswish()),
    "squeeze and excite": lambda: image(SqueezeExcite()),
    "dense block": lambda: image(DenseBlock()),
    "weight norm": lambda: image(nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3)), nn.SiLU()),
    "ResNet": resnet,
    "VGG": vgg,
    "ViT": ViT,
}


# -- sequences ------------------------------------------------------------------------------------------------------


class Attention(nn.Module):
    """`nn.MultiheadAttention`, with or without weights returned, or scaled dot products written by hand."""

    def __init__(self, kind: str, heads: int = 2) -> None:
        super().__init__()
        self.kind, self.mha = kind, nn.MultiheadAttention(8, heads, batch_first=True)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        causal = torch.ones(5, 5, dtype=torch.bool).triu(1)
        padding = torch.zeros(len(h), 5, dtype=torch.bool)
        padding[:, 3:] = True
        if self.kind == "causal":
            return self.mha(h, h, h, attn_mask=causal, need_weights=False)[0]
        if self.kind == "padding":
            return self.mha(h, h, h, key_padding_mask=padding)[0]
        return self.mha(h, h, h, need_weights=self.kind == "weights")[0]


class Block(nn.Module):
    """Llama's shape: RMSNorm, causal attention, a gated unit."""

    def __init__(self) -> None:
        super().__init__()
        self.n1, self.n2 = nn.RMSNorm(8), nn.RMSNorm(8)
        self.qkv, self.o = nn.Linear(8, 24, bias=False), nn.Linear(8, 8, bias=False)
        self.gate, self.up, self.down = (nn.Linear(8, 16), nn.Linear(8, 16), nn.Linear(16, 8))

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        n, t, _ = h.shape
        q, k, v = (p.reshape(n, t, 2, 4).transpose(1, 2) for p in self.qkv(self.n1(h)).chunk(3, -1))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + self.o(a.transpose(1, 2).reshape(n, t, 8))
        z = self.n2(h)
        return h + self.down(F.silu(self.gate(z)) * self.up(z))


def encoder(norm_first: bool, activation: str) -> nn.Module:
    layer = nn.TransformerEncoderLayer(
        8, 2, 16, activation=activation, batch_first=True, norm_first=norm_first
    )
    return sequence(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False))


def recurrent(cell: Callable[..., nn.Module], **options: Any) -> nn.Module:
    width = 8 * (1 + bool(options.get("bidirectional")))
    rnn = cell(8, 8, batch_first=True, **options)
    return sequence(Apply(lambda h, r: r(h)[0], rnn), width)


SEQUENCES: dict[str, Build] = {
    "MultiheadAttention": lambda: sequence(Attention("plain")),
    "MultiheadAttention with weights": lambda: sequence(Attention("weights")),
    "MultiheadAttention causal": lambda: sequence(Attention("causal")),
    "MultiheadAttention padded": lambda: sequence(Attention("padding")),
    "SDPA": lambda: sequence(lambda h: F.scaled_dot_product_attention(h, h.tanh(), h)),
    "SDPA causal": lambda: sequence(lambda h: F.scaled_dot_product_attention(h, h, h, is_causal=True)),
    "SDPA masked": lambda: sequence(
        lambda h: F.scaled_dot_product_attention(
            h, h, h, attn_mask=torch.tensor([True, True, True, False, False])
        )
    ),
    "SDPA biased": lambda: sequence(
        lambda h: F.scaled_dot_product_attention(
            h, h, h, attn_mask=torch.linspace(-1, 1, 25).reshape(5, 5).to(h)
        )
    ),
    "attention by hand": lambda: sequence(lambda h: (h @ h.mT / 8**0.5).softmax(-1) @ h),
    "a row masked entirely": lambda: sequence(
        lambda h: F.scaled_dot_product_attention(h, h, h, attn_mask=torch.ones(5, 5).tril(-1).bool())
    ),
    "encoder, post-norm relu": lambda: encoder(False, "relu"),
    "encoder, post-norm gelu": lambda: encoder(False, "gelu"),
    "encoder, pre-norm relu": lambda: encoder(True, "relu"),
    "encoder, pre-norm gelu": lambda: encoder(True, "gelu"),
    "Llama block": lambda: sequence(nn.Sequential(Block(), Block())),
    "LSTM": lambda: recurrent(nn.LSTM),
    "LSTM of two layers, both ways": lambda: recurrent(nn.LSTM, num_layers=2, bidirectional=True),
    "GRU": lambda: recurrent(nn.GRU),
    "GRU both ways": lambda: recurrent(nn.GRU, bidirectional=True),
    "RNN": lambda: recurrent(nn.RNN),
    "RNN of relu": lambda: recurrent(nn.RNN, nonlinearity="relu"),
    "LSTMCell": lambda: sequence(Apply(lambda h, c: torch.stack(_stepped(h, c), 1), nn.LSTMCell(8, 8))),
    "Conv1d": lambda: sequence(Apply(lambda h, c: F.gelu(c(h.mT)).mT, nn.Conv1d(8, 8, 3, padding=1))),
}


def _stepped(h: torch.Tensor, cell: nn.Module) -> list[torch.Tensor]:
    state, out = (torch.zeros_like(h[:, 0]), torch.zeros_like(h[:, 0])), []
    for t in range(h.shape[1]):
        state = cell(h[:, t], state)
        out.append(state[0])
    return out


ARCHITECTURES: dict[str, tuple[Build, tuple[int, ...]]] = {
    **{n: (lambda m=m: dense(m()), (6,)) for n, m in MODULES.items()},
    **{n: (lambda f=f: dense(f), (6,)) for n, f in FUNCTIONS.items()},
    **{n: (lambda f=f: dense(f), (6,)) for n, f in IN_PLACE.items()},
    **{n: (lambda f=f: dense(f), (6,)) for n, f in JOINS.items()},
    **{n: (lambda m=m: dense(m()), (6,)) for n, m in PARTS.items()},
    **{n: (m, (6,)) for n, m in OUTPUTS.items()},
    **{n: (m, (2, 8, 8)) for n, m in IMAGES.items()},
    **{n: (m, (5, 6)) for n, m in SEQUENCES.items()},
}
