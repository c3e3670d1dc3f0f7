"""LRP: against its slow twin, conservation on networks of every shape, spellings, localisation, refusals."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import pellucid
from pellucid import LRP
from pellucid.core.errors import CapabilityError, ParameterError
from pellucid.core.lrp import AlphaBeta, Composite, Epsilon, Flat, Gamma, WSquare, ZBox, ZPlus
from tests import nets
from tests.mosaics import mosaics, share
from tests.twins import lrp as twin

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
D = torch.float64


def check(e: pellucid.Attribution, name: str) -> pellucid.Check:
    return next(c for c in e.quality.checks if c.name == name)


# -- the slow twin --------------------------------------------------------------------------------------------------


class Small(nn.Module):
    """Convolution, pooling and two dense layers: (n, 2, 4, 4) -> (n, 3)."""

    def __init__(self, pool: str = "max") -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 2, 2, padding=1)
        self.fc1, self.fc2, self.pool = nn.Linear(2 * 9, 5), nn.Linear(5, 3), pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pool = F.max_pool2d if self.pool == "max" else F.avg_pool2d
        x = pool(torch.relu(self.conv1(x)), 2)
        return self.fc2(torch.relu(self.fc1(torch.relu(self.conv2(x)).flatten(1))))


def written_out(net: Small) -> list[Any]:
    p = {name: v.detach().numpy() for name, v in net.named_parameters()}
    return [
        twin.convolution(p["conv1.weight"], p["conv1.bias"], 4, 4, 1),
        ("relu",),
        (net.pool, twin.blocks(3, 4, 4)),
        twin.convolution(p["conv2.weight"], p["conv2.bias"], 2, 2, 1),
        ("relu",),
        twin.dense(p["fc1.weight"], p["fc1.bias"]),
        ("relu",),
        twin.dense(p["fc2.weight"], p["fc2.bias"]),
    ]


RULES = {
    "epsilon": (Epsilon(1e-3), ("epsilon", 1e-3)),
    "zplus": (ZPlus(), ("zplus",)),
    "alpha-beta": (AlphaBeta(2.0, 1.0), ("alpha_beta", 2.0, 1.0)),
    "alpha 1": (AlphaBeta(1.0, 0.0), ("alpha_beta", 1.0, 0.0)),
    "gamma": (Gamma(0.25), ("gamma", 0.25)),
}
FIRSTS = {
    "none": (None, None),
    "flat": (Flat(), ("flat",)),
    "w-square": (WSquare(), ("wsquare",)),
    "z-box": (ZBox(-3.0, 3.0), ("box", -3.0, 3.0)),
}


@pytest.mark.parametrize("first", FIRSTS)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("pool", ["max", "mean"])
def test_a_convolutional_net_equals_its_twin(rule, first, pool):
    net, x = nets.seeded(lambda: Small(pool), dtype=D), nets.rows(3, 2, 4, 4, dtype=D)
    (ours, theirs), (ours_first, theirs_first) = RULES[rule], FIRSTS[first]
    composite = Composite(conv=ours, dense=Epsilon(1e-4), first=ours_first)
    e = LRP(composite=composite)(net, x, target=[0, 2, 1])
    rules = {"conv": theirs, "dense": ("epsilon", 1e-4)}
    slow = [
        twin.relevance(written_out(net), row.numpy().ravel(), t, rules, theirs_first)
        for row, t in zip(x, (0, 2, 1), strict=True)
    ]
    np.testing.assert_allclose(e.values.reshape(3, -1), np.stack(slow), rtol=0, atol=1e-10)


@pytest.mark.parametrize("first", FIRSTS)
@pytest.mark.parametrize("rule", RULES)
def test_a_dense_net_equals_its_twin(rule, first):
    net, x = nets.seeded(lambda: nets.mlp(nn.ReLU, (6, 8, 5, 3)), seed=1, dtype=D), nets.rows(4, 6, dtype=D)
    (ours, theirs), (ours_first, theirs_first) = RULES[rule], FIRSTS[first]
    composite = Composite(dense=ours, first_dense=ours_first)
    e = LRP(composite=composite)(net, x, target=1)
    layers: list[Any] = []
    for m in net:
        if isinstance(m, nn.Linear):
            layers += [("relu",)] if layers else []
            layers.append(twin.dense(m.weight.detach().numpy(), m.bias.detach().numpy()))
    slow = [twin.relevance(layers, row.numpy(), 1, {"dense": theirs}, theirs_first) for row in x]
    np.testing.assert_allclose(e.values, np.stack(slow), rtol=0, atol=1e-10)


def test_bounds_per_channel():
    net, x = nets.seeded(Small, dtype=D), nets.rows(3, 2, 4, 4, dtype=D)
    one = LRP(composite=pellucid.EpsilonGammaBox(low=-3, high=3))(net, x, target=0)
    same = LRP(composite=pellucid.EpsilonGammaBox(low=(-3, -3), high=(3, 3)))(net, x, target=0)
    other = LRP(composite=pellucid.EpsilonGammaBox(low=(-3, -4), high=(3, 5)))(net, x, target=0)
    np.testing.assert_allclose(one.values, same.values, atol=1e-12)
    assert np.abs(one.values - other.values).max() > 1e-4


# -- what the rules for transformers say, one operation at a time ----------------------------------------------------


def of_function(function: Any, x: torch.Tensor, target: int) -> np.ndarray:
    return LRP(composite="epsilon", epsilon=0.0)(Plain(function).eval(), x, target=target).values


def test_softmax_is_expanded_at_its_input():
    x = nets.rows(3, 5, dtype=D)
    s = torch.softmax(x, 1)
    received = torch.zeros_like(s)
    received[:, 2] = s[:, 2]
    wanted = x * (received - s * received.sum(1, keepdim=True))
    np.testing.assert_allclose(of_function(lambda t: torch.softmax(t, 1), x, 2), wanted, atol=1e-6)


def test_factors_share_equally():
    x = nets.rows(3, 8, dtype=D)
    values = of_function(lambda t: t[:, :4] * t[:, 4:], x, 1)
    for place in (1, 5):
        np.testing.assert_allclose(values[:, place], (x[:, 1] * x[:, 5] / 2).numpy(), atol=1e-6)
    values = of_function(lambda t: (t[:, None, :4] @ t[:, 4:, None]).flatten(1).expand(-1, 2), x, 0)
    half = (x[:, :4] * x[:, 4:] / 2).numpy()
    np.testing.assert_allclose(values, np.concatenate([half, half], 1), atol=1e-6)


@pytest.mark.parametrize("name", ["layer", "rms", "root mean square by hand"])
def test_the_scale_of_a_normalisation_is_a_constant(name):
    x = nets.rows(3, 6, dtype=D)
    centre = x - x.mean(1, keepdim=True) if name == "layer" else x
    scale = (centre.square().mean(1, keepdim=True) + 1e-5).rsqrt()
    functions = {
        "layer": lambda t: F.layer_norm(t, (6,)),
        "rms": lambda t: F.rms_norm(t, (6,), eps=1e-5),
        "root mean square by hand": lambda t: t * torch.rsqrt(t.pow(2).mean(1, keepdim=True) + 1e-5),
    }
    slope = torch.zeros(6, dtype=D)
    slope[4] = 1
    if name == "layer":
        slope = slope - 1 / 6
    np.testing.assert_allclose(of_function(functions[name], x, 4), x * scale * slope, atol=1e-6)


def test_a_gated_unit_shares_equally():
    x = nets.rows(3, 8, dtype=D)
    a, b = x.chunk(2, 1)
    whole = of_function(lambda t: F.glu(t, 1), x, 1)
    parts = of_function(lambda t: t[:, :4] * torch.sigmoid(t[:, 4:]), x, 1)
    np.testing.assert_allclose(whole, parts, atol=1e-6)
    np.testing.assert_allclose(whole[:, 1], (a * torch.sigmoid(b) / 2)[:, 1].numpy(), atol=1e-6)


def test_inputs_outside_the_box_are_told():
    net, x = nets.seeded(Small), nets.rows(3, 2, 4, 4)
    for high, status in ((9, "ok"), (0.5, "warn")):
        e = LRP(composite=pellucid.EpsilonGammaBox(low=-9, high=high))(net, x, target=0)
        assert check(e, "outside_box").status == status


# -- conservation -----------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """A residual block with batch normalisation, spelled as ResNet's."""

    def __init__(self, a: int, b: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b)
        self.conv2, self.bn2 = nn.Conv2d(b, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b)
        self.relu = nn.ReLU(inplace=True)
        self.down = (
            nn.Sequential(nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b)) if a != b else None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x if self.down is None else self.down(x)
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8)
        self.pool, self.relu = nn.MaxPool2d(3, 2, 1), nn.ReLU(inplace=True)
        self.body = nn.Sequential(Block(8, 8, 1), Block(8, 16, 2), Block(16, 16, 1))
        self.gap, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(16, 5)
        used(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.relu(self.bn(self.conv(x))))
        return self.fc(torch.flatten(self.gap(self.body(x)), 1))


def used(net: nn.Module) -> nn.Module:
    """Running statistics as after some training."""
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.normal_(m.running_mean, 0, 0.2)
            nn.init.uniform_(m.running_var, 0.5, 1.5)
            nn.init.uniform_(m.weight, 0.5, 1.5)
            nn.init.normal_(m.bias, 0, 0.1)
    return net


def vgg(norm: bool) -> nn.Module:
    layers: list[nn.Module] = []
    for a, b in ((3, 8), (8, 12), (12, 12)):
        layers += [nn.Conv2d(a, b, 3, padding=1), *[nn.BatchNorm2d(b)] * norm, nn.ReLU(True), nn.MaxPool2d(2)]
    head = [nn.Linear(12 * 16, 24), nn.ReLU(True), nn.Dropout(), nn.Linear(24, 5)]
    return used(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), *head))


class ViT(nn.Module):
    """Patches, a class token, positions, encoder blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 16, 8, 8)
        self.cls, self.position = (
            nn.Parameter(torch.randn(1, 1, 16)),
            nn.Parameter(torch.randn(1, 17, 16) * 0.1),
        )
        block = nn.TransformerEncoderLayer(16, 4, 32, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.position
        return self.head(self.norm(self.encoder(x))[:, 0])


class LlamaBlock(nn.Module):
    """RMS norm, rotary positions, grouped queries, causal attention, a gated unit; no biases."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        self.q, self.o = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.kv = nn.Linear(width, width, bias=False)
        self.gate, self.up = nn.Linear(width, 32, bias=False), nn.Linear(width, 32, bias=False)
        self.down = nn.Linear(32, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, t, d = x.shape
        h = self.norm1(x)
        q = self.q(h).view(n, t, 4, 4).transpose(1, 2)
        k, v = (a.view(n, t, 2, 4).transpose(1, 2) for a in self.kv(h).chunk(2, -1))
        angle = torch.arange(t).to(x)[:, None] * torch.tensor([1.0, 0.1]).to(x).repeat(2)
        q, k = (a * angle.cos() + torch.cat([-a[..., 2:], a[..., :2]], -1) * angle.sin() for a in (q, k))
        k, v = (a.repeat_interleave(2, 1) for a in (k, v))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(n, t, d)
        x = x + self.o(a)
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Llama(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(6, 16, bias=False)
        self.blocks = nn.Sequential(LlamaBlock(), LlamaBlock())
        self.norm, self.head = nn.RMSNorm(16), nn.Linear(16, 5, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.blocks(self.embed(x)))[:, -1])


SHAPES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "resnet": (ResNet, (3, 32, 32)),
    "vgg": (lambda: vgg(False), (3, 32, 32)),
    "vgg_bn": (lambda: vgg(True), (3, 32, 32)),
    "vit": (ViT, (3, 32, 32)),
    "llama": (Llama, (7, 6)),
    "residual": (nets.Residual, (2, 8, 8)),
    "post-norm": (nets.Transformer, (1, 8, 8)),
    "lstm": (nets.Recurrent, (5, 4)),
}


@pytest.mark.parametrize("composite", ["epsilon_plus_flat", "epsilon_plus", "epsilon", "box"])
@pytest.mark.parametrize("kind", SHAPES)
def test_relevance_is_conserved(kind, composite):
    """Biases counted where the rules give them relevance."""
    make, shape = SHAPES[kind]
    rules = pellucid.EpsilonGammaBox(low=-4, high=4, epsilon=1e-9) if composite == "box" else composite
    knobs = {} if composite == "box" else {"epsilon": 1e-9}
    e = LRP(composite=rules, **knobs)(nets.seeded(make, dtype=D), nets.rows(3, *shape, dtype=D), target=1)
    assert check(e, "conservation").value <= 1e-3
    assert check(e, "conservation").status == check(e, "operations").status == "ok"


def test_without_biases_the_values_add_up_to_the_output():
    net = nets.seeded(lambda: nets.mlp(nn.ReLU, (6, 8, 8, 3), bias=False), dtype=D)
    e = LRP(epsilon=1e-12)(net, nets.rows(4, 6, dtype=D), target=2)
    assert e.quality.exact
    np.testing.assert_allclose(e.values.sum(1), e.output, rtol=1e-9)
    net = nets.seeded(lambda: nn.Sequential(*(m for m in vgg(False))), dtype=D)
    with torch.no_grad():
        for name, p in net.named_parameters():
            if name.endswith("bias"):
                p.zero_()
    e = LRP(epsilon=1e-12)(net, nets.rows(4, 3, 32, 32, dtype=D), target=2)
    np.testing.assert_allclose(e.values.sum((1, 2, 3)), e.output, rtol=1e-3)


def test_the_epsilon_rule_without_epsilon_is_input_times_gradient_on_relu_nets():
    net, x = nets.seeded(nets.PoolCNN, dtype=D), nets.rows(3, 1, 8, 8, dtype=D)
    e = LRP(composite="epsilon", epsilon=0.0)(net, x, target=2)
    np.testing.assert_allclose(e.values, pellucid.InputXGradient()(net, x, target=2).values, atol=1e-12)


def test_a_large_epsilon_is_seen_in_the_check():
    net, x = nets.seeded(nets.PoolCNN), nets.rows(3, 1, 8, 8)
    assert check(LRP(composite="epsilon", epsilon=1.0)(net, x), "conservation").status == "fail"


# -- however it is spelled --------------------------------------------------------------------------------------------


class Functional(nn.Module):
    """`vgg(True)` and a skip in functions and methods, sharing its parameters."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        m = list(self.net)
        for i in (0, 4, 8):
            conv, bn = m[i], m[i + 1]
            x = F.conv2d(x, conv.weight, padding=1) + conv.bias[:, None, None]
            x = F.batch_norm(x, bn.running_mean, bn.running_var, bn.weight, bn.bias)
            x = F.max_pool2d(x.clamp(min=0), 2)
        x = F.adaptive_avg_pool2d(x, 4).reshape(len(x), -1)
        x = (x @ m[14].weight.T + m[14].bias).relu_()
        return torch.addmm(m[17].bias, x, m[17].weight.t())


@pytest.mark.parametrize(
    "composite", ["epsilon_plus_flat", "epsilon_plus", "epsilon_alpha2_beta1", "epsilon"]
)
def test_functions_and_modules_are_the_same(composite):
    net, x = nets.seeded(lambda: vgg(True), dtype=D), nets.rows(3, 3, 32, 32, dtype=D)
    one, two = (LRP(composite=composite)(f, x, target=1).values for f in (net, Functional(net).eval()))
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-8 * np.abs(one).max())


def test_attention_spelled_out_is_the_same():
    class Ours(nn.Module):
        def __init__(self, mha: nn.MultiheadAttention) -> None:
            super().__init__()
            self.mha = mha

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a = self.mha
            q, k, v = (
                F.linear(x, w, b)
                for w, b in zip(a.in_proj_weight.chunk(3), a.in_proj_bias.chunk(3), strict=True)
            )
            q, k, v = (t.view(*t.shape[:2], 2, 4).transpose(1, 2) for t in (q, k, v))
            s = torch.softmax(q @ k.transpose(-2, -1) / 2, -1)
            return a.out_proj((s @ v).transpose(1, 2).flatten(2)).mean(1)

    class Theirs(Ours):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.mha(x, x, x, need_weights=False)[0].mean(1)

    mha = nets.seeded(lambda: nn.MultiheadAttention(8, 2, batch_first=True), dtype=D)
    x = nets.rows(3, 5, 8, dtype=D)
    one, two = (
        LRP(composite="epsilon", epsilon=0.0)(c(mha).eval(), x, target=1).values for c in (Ours, Theirs)
    )
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-10)


def test_normalisation_before_the_first_layer_only_carries_relevance():
    """Flat and z-box give relevance where the input is zero too."""

    class Scaled(nn.Module):
        def __init__(self, net: nn.Module) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net((x - 0.4) / 0.3)

    net, x = nets.seeded(nets.PoolCNN, dtype=D), nets.rows(3, 1, 8, 8, dtype=D)
    plain = LRP()(net, (x - 0.4) / 0.3, target=1).values
    np.testing.assert_allclose(LRP()(Scaled(net).eval(), x, target=1).values, plain, atol=1e-12)
    assert (LRP()(net, x * 0, target=1).values != 0).any()


def test_rows_do_not_see_each_other():
    net, x = nets.seeded(ResNet, dtype=D), nets.rows(5, 3, 32, 32, dtype=D)
    whole = LRP()(net, x, target=1).values
    for i in range(5):
        np.testing.assert_allclose(LRP()(net, x[i : i + 1], target=1).values[0], whole[i], atol=1e-12)
    with pellucid.options(batch_size=2):
        np.testing.assert_allclose(LRP()(net, x, target=1).values, whole, atol=1e-12)


def test_the_model_is_left_as_it_was():
    net, x = nets.seeded(ResNet), nets.rows(2, 3, 32, 32)
    net.train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    LRP()(net, x)
    assert net.training
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in net.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


@pytest.mark.parametrize("way", ["traced", "scripted", "exported", "compiled", "checkpointed"])
def test_packaged_networks(way):
    net, x = nets.seeded(lambda: vgg(True)), nets.rows(2, 3, 32, 32)
    wanted = LRP()(net, x, target=1).values
    if way == "compiled":
        given, why = nets.compiled(net, x)
        if why:
            pytest.skip(why)
    else:
        given = {
            "traced": lambda: torch.jit.trace(net, x),
            "scripted": lambda: torch.jit.script(net),
            "exported": lambda: torch.export.export(net, (x,)).module(),
            "checkpointed": lambda: Plain(lambda t: checkpoint(net, t, use_reentrant=False)),
        }[way]()
    values = LRP()(given, x, target=1).values
    np.testing.assert_allclose(values, wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    net, x = nets.seeded(lambda: vgg(True), dtype=dtype), nets.rows(2, 3, 32, 32)
    e = LRP()(net, x, target=1)
    assert e.values.dtype == np.float32
    assert check(e, "conservation").value <= 0.01


# -- layers and targets -----------------------------------------------------------------------------------------------


def test_at_a_layer_and_of_a_neuron():
    net, x = nets.seeded(Small, dtype=D), nets.rows(3, 2, 4, 4, dtype=D)
    e = LRP()(net, x, target=1, at="conv2")
    assert e.values.shape == (3, 2, 3, 3)
    assert check(e, "conservation").value <= 1e-3
    assert LRP()(net, x, target=pellucid.Neuron("fc1", 2)).values.shape == x.shape


def test_at_the_embedding_of_tokens():
    net = nets.seeded(nets.Ids)
    e = LRP(composite="epsilon")(
        net, torch.randint(0, 20, (3, 5), generator=torch.Generator()), at="embedding"
    )
    assert e.values.shape == (3, 5, 6)
    assert check(e, "conservation").value <= 1e-3


def test_several_inputs():
    net = nets.seeded(nets.TwoInputs)
    e = LRP(composite="epsilon")(net, (nets.rows(3, 4), nets.rows(3, 1, 3, 3)), target=0)
    assert e.values.shape == (3, 13)
    assert check(e, "conservation").value <= 1e-3


# -- every layer of torch.nn ------------------------------------------------------------------------------------------

ACTIVATIONS = [
    "CELU", "ELU", "GELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid", "Mish",
    "PReLU", "ReLU", "ReLU6", "RReLU", "SELU", "SiLU", "Sigmoid", "Softmin", "Softplus", "Softshrink", "Softsign",
    "Tanh", "Tanhshrink", "Identity", "Dropout", "AlphaDropout", "GLU",
]  # fmt: skip
IMAGE_LAYERS: dict[str, Callable[[], nn.Module]] = {
    **{name: getattr(nn, name) for name in ACTIVATIONS},
    "Threshold": lambda: nn.Threshold(0.1, 0.2),
    "Softmax": lambda: nn.Softmax(1),
    "Softmax2d": nn.Softmax2d,
    "LogSoftmax": lambda: nn.LogSoftmax(1),
    "ConvTranspose2d": lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2),
    "ConvTranspose2d and BatchNorm2d": lambda: nn.Sequential(
        nn.ConvTranspose2d(4, 6, 3), used(nn.BatchNorm2d(6))
    ),
    "grouped Conv2d and BatchNorm2d": lambda: nn.Sequential(
        nn.Conv2d(4, 6, 3, groups=2), used(nn.BatchNorm2d(6))
    ),
    "BatchNorm2d": lambda: used(nn.BatchNorm2d(4)),
    "GroupNorm": lambda: nn.GroupNorm(2, 4),
    "InstanceNorm2d": lambda: nn.InstanceNorm2d(4, affine=True),
    "LayerNorm": lambda: nn.LayerNorm((4, 6, 6)),
    "RMSNorm": lambda: nn.RMSNorm(6),
    "LocalResponseNorm": lambda: nn.LocalResponseNorm(3),
    "MaxPool2d": lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True),
    "AvgPool2d": lambda: nn.AvgPool2d(3, 2, 1),
    "LPPool2d": lambda: nn.LPPool2d(2, 2),
    "FractionalMaxPool2d": lambda: nn.FractionalMaxPool2d(
        2, 3, _random_samples=torch.full((3, 4, 2), 0.4, dtype=D)
    ),
    "AdaptiveMaxPool2d": lambda: nn.AdaptiveMaxPool2d(2),
    "AdaptiveAvgPool2d": lambda: nn.AdaptiveAvgPool2d(2),
    "ReflectionPad2d": lambda: nn.ReflectionPad2d(1),
    "ReplicationPad2d": lambda: nn.ReplicationPad2d(1),
    "ZeroPad2d": lambda: nn.ZeroPad2d(1),
    "CircularPad2d": lambda: nn.CircularPad2d(1),
    "Upsample": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
    "PixelShuffle": lambda: nn.PixelShuffle(2),
    "PixelUnshuffle": lambda: nn.PixelUnshuffle(2),
    "ChannelShuffle": lambda: nn.ChannelShuffle(2),
    "Unfold": lambda: nn.Unfold(2),
}


@pytest.mark.parametrize("name", IMAGE_LAYERS)
def test_every_layer_has_a_rule(name):
    def make() -> nn.Module:
        layer = IMAGE_LAYERS[name]()
        width = layer.to(D).eval()(torch.zeros(3, 4, 6, 6, dtype=D)).flatten(1).shape[1]
        return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), layer, nn.Flatten(), nn.Linear(width, 3))

    e = LRP(composite="epsilon", epsilon=1e-10)(
        nets.seeded(make, dtype=D), nets.rows(3, 2, 6, 6, dtype=D), target=1
    )
    assert np.isfinite(e.values).all()
    assert check(e, "conservation").value <= 1e-3
    assert check(e, "operations").status == "ok"


class Rowwise(nn.Module):
    """A function between two dense layers: (n, 5, 6) -> (n, 3)."""

    def __init__(self, inner: Any, width: int = 6) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(6, 6), nn.LazyLinear(3)
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.inner(self.fc1(x))
        return self.fc2((h[0] if isinstance(h, tuple) else h).flatten(1))


def several(h: torch.Tensor) -> torch.Tensor:
    """Writing in place, picking, joining, stacking, masks."""
    h = h * 1.5 + 0.1
    h[:, 0] = h[:, 1] * 2
    h[:, 2].mul_(0.5)
    h = torch.cat([h, torch.ones_like(h[:, :1])], 1)
    h = torch.where(h > 0, h, torch.full_like(h, -0.1))
    return torch.stack([h, 1 - h, h.masked_fill(h > 1, 0.3)], 1)


ROW_LAYERS: dict[str, Callable[[], Any]] = {
    "LSTM": lambda: nn.LSTM(6, 4, num_layers=2, bidirectional=True, batch_first=True),
    "GRU": lambda: nn.GRU(6, 4, batch_first=True),
    "RNN": lambda: nn.RNN(6, 4, nonlinearity="relu", batch_first=True),
    "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(6, 2, 8, batch_first=True),
    "TransformerDecoderLayer": lambda: Decoder(),
    "Conv1d": lambda: nn.Conv1d(5, 4, 3, dilation=2),
    "MaxPool1d": lambda: nn.MaxPool1d(2),
    "Bilinear": lambda: Twice(nn.Bilinear(6, 6, 4)),
    "CosineSimilarity": lambda: Twice(nn.CosineSimilarity(dim=-1)),
    "PairwiseDistance": lambda: Twice(nn.PairwiseDistance()),
    "BatchNorm1d": lambda: nn.BatchNorm1d(5),
    "normalize": lambda: Plain(lambda h: F.normalize(h, dim=-1)),
    "hand-written norm": lambda: Plain(
        lambda h: (h - h.mean(-1, keepdim=True)) / (h.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    ),
    "in place": lambda: Plain(several),
    "einsum": lambda: Plain(lambda h: torch.einsum("nij,nkj->nik", h, h.tanh())),
    "products": lambda: Plain(lambda h: h.prod(2) + torch.addcmul(h, h, h.tanh(), value=0.5).sum(2)),
    "spectrum": lambda: Plain(lambda h: torch.fft.rfft(h).abs()),
    "variance by hand": lambda: Plain(norm_by_var_mean),
    "Conv3d": lambda: Plain3d(),
    "powers": lambda: Plain(lambda h: 2**h + h**3 + (h**2 + 1) ** -0.5 * h),
    "gate": lambda: Plain(lambda h: h * torch.sigmoid(h) / (1 + h.exp())),
    "minimum": lambda: Plain(
        lambda h: torch.minimum(h, h.flip(1)) + h.abs().sqrt() + h**2 + h.amax(1, keepdim=True)
    ),
}


def norm_by_var_mean(h: torch.Tensor) -> torch.Tensor:
    var, mean = torch.var_mean(h, -1, unbiased=False, keepdim=True)
    return (h - mean) * torch.rsqrt(var + 1e-5)


class Plain3d(nn.Module):
    """Volumes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv3d(1, 3, (1, 2, 3), padding="same"), used(nn.BatchNorm3d(3))

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        h = self.norm(self.conv(h.reshape(len(h), 1, 5, 2, 3))).relu()
        return F.max_pool3d(h, 2, ceil_mode=True) + F.avg_pool3d(h, 2, ceil_mode=True)


class Plain(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, h: torch.Tensor) -> Any:
        return self.function(h)


class Twice(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return self.inner(h, h.tanh() + 0.3)


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.TransformerDecoderLayer(6, 2, 8, batch_first=True)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return self.inner(h, h[:, :3])


@pytest.mark.parametrize("name", ROW_LAYERS)
def test_every_function_of_rows_has_a_rule(name):
    net = nets.seeded(lambda: Rowwise(ROW_LAYERS[name]()), dtype=D)
    x = nets.rows(3, 5, 6, dtype=D)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net(x)  # the last layer takes its width
    e = LRP(composite="epsilon", epsilon=1e-10)(net, x, target=1)
    assert np.isfinite(e.values).all()
    assert check(e, "conservation").value <= 1e-3
    assert check(e, "operations").status == "ok"


# -- localisation and the head ----------------------------------------------------------------------------------------


@lru_cache
def seer() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A CNN that says which digits are in a mosaic; mosaics of digits it has not seen, and their classes."""
    x, y = nets.digits()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    images, classes = mosaics(x[order[:1400]], y[order[:1400]], 1200, seed=1)
    truth = torch.zeros(len(images), 10).scatter_(1, classes, 1.0)
    net = nets.seeded(
        lambda: nn.Sequential(
            *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()),
            *(
                nn.MaxPool2d(2),
                nn.Conv2d(32, 64, 3, padding=1),
                nn.ReLU(),
                nn.AdaptiveMaxPool2d(1),
                nn.Flatten(),
            ),
            nn.Linear(64, 10),
        )
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
        for _ in range(10):
            for part in torch.randperm(len(images)).split(50):
                optimiser.zero_grad()
                F.binary_cross_entropy_with_logits(net(images[part]), truth[part]).backward()
                optimiser.step()
    held = order[1400:]
    return net, *mosaics(x[held], y[held], 100, seed=5)


def test_relevance_is_where_the_digit_is():
    net, images, classes = seer()
    tile = np.arange(len(images)) % 4
    target = classes[torch.arange(len(images)), torch.from_numpy(tile)]
    shares = {
        "lrp": share(LRP(composite="epsilon_plus_flat")(net, images, target=target).values, tile),
        "grad-cam": share(pellucid.GradCAM()(net, images, target=target, at="6").values, tile),
    }
    assert shares["lrp"] >= 0.65, shares


def test_relevance_depends_on_the_head():
    net, images, classes = seer()
    other = pickle.loads(pickle.dumps(net))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        other[-1].reset_parameters()
    a, b = (LRP()(f, images, target=classes[:, 0]).values.reshape(len(images), -1) for f in (net, other))
    alike = np.mean([np.corrcoef(p, q)[0, 1] for p, q in zip(a, b, strict=True)])
    assert abs(alike) <= 0.15, alike


# -- what is refused --------------------------------------------------------------------------------------------------


class Odd(nn.Module):
    """An operation that no rule is known for."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(torch.lgamma(self.fc1(x).abs() + 1))


def test_an_operation_without_a_rule_is_named():
    net, x = nets.seeded(Odd), nets.rows(3, 6)
    with pytest.raises(CapabilityError, match="lgamma"):
        LRP()(net, x)
    e = LRP(strict=False)(net, x)
    assert "lgamma" in check(e, "operations").meaning
    assert check(e, "operations").status == "warn"
    assert not e.quality.exact


def test_a_function_of_the_callers_own_is_named():
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x**3

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            return 3 * g

    net = nn.Sequential(nn.Linear(6, 6), Plain(Double.apply), nn.Linear(6, 3)).eval()
    with pytest.raises(CapabilityError, match="Double"):
        LRP()(net, nets.rows(3, 6))


def test_no_way_back():
    with pytest.raises(CapabilityError, match="No gradient leads"):
        LRP()(nets.seeded(nets.Detached), nets.rows(3, 6))


@pytest.mark.parametrize(
    "make",
    [
        lambda: LRP(composite="epsilon_plus_flt"),
        lambda: LRP(composite="epsilon_gamma_box"),
        lambda: LRP(composite=3),
        lambda: LRP(composite=pellucid.EpsilonPlus(), epsilon=0.1),
        lambda: LRP(epsilon=-1.0),
        lambda: AlphaBeta(2.0, 2.0),
        lambda: Gamma(-1.0),
        lambda: Epsilon(-1.0),
        lambda: ZBox(1.0, 0.0),
        lambda: ZBox((0.0, 0.0), (1.0, 1.0, 1.0)),
        lambda: Composite(conv=Flat()),
        lambda: Composite(dense="epsilon"),
        lambda: LRP()(nets.seeded(nets.PoolCNN), nets.rows(1, 1, 8, 8), baseline="zeros"),
    ],
)
def test_knobs_are_checked(make):
    with pytest.raises(ParameterError):
        make()


def test_composites_are_values():
    for composite in (
        pellucid.EpsilonPlusFlat(),
        pellucid.EpsilonGammaBox((0, 1), 3),
        pellucid.EpsilonAlpha2Beta1(),
    ):
        assert pickle.loads(pickle.dumps(composite)) == composite
        assert hash(LRP(composite=composite)) == hash(LRP(composite=composite))
    net, x = nets.seeded(nets.PoolCNN), nets.rows(2, 1, 8, 8)
    a, b = LRP(composite=pellucid.EpsilonPlusFlat())(net, x), LRP()(net, x)
    np.testing.assert_array_equal(a.values, b.values)
    assert a.provenance.params["composite"]["method"] == "Composite"


def test_a_convolution_first_or_a_dense_layer_first():
    """A flat rule would give every feature of a table the same."""
    net, x = nets.seeded(lambda: nets.mlp(nn.ReLU, (6, 8, 3))), nets.rows(2, 6)
    assert np.ptp(LRP()(net, x).values, axis=1).min() > 0
    np.testing.assert_array_equal(LRP()(net, x).values, LRP(composite="epsilon")(net, x).values)


def test_noise_tunnel_over_it():
    net, x = nets.seeded(nets.PoolCNN), nets.rows(2, 1, 8, 8)
    assert pellucid.NoiseTunnel(of=LRP(), samples=3)(net, x).values.shape == x.shape
