"""DeepLIFT and Deep SHAP: complete on every architecture, equal to a calculation by hand, refused by name elsewhere.

Guided backpropagation and deconvolution are here too: the same for every spelling of a ReLU.
"""

from __future__ import annotations

import copy
import itertools
import sys
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import pellucid
from pellucid import DeepLift, DeepShap
from pellucid.core.errors import CapabilityError, ParameterError
from tests import nets
from tests.architectures import ARCHITECTURES, Apply
from tests.twins.deep_lift import deep_lift

LIMITS = {torch.float32: 1e-4, torch.float64: 1e-9}
both = pytest.mark.parametrize("dtype", LIMITS, ids=["float32", "float64"])


def built(name: str, dtype: torch.dtype = torch.float64) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A network, rows, and a baseline for each."""
    make, shape = ARCHITECTURES[name]

    def whole() -> nn.Module:
        net = make()
        net(torch.zeros(2, *shape))  # layers that learn their width
        return net

    net = nets.seeded(whole, dtype=dtype)
    return net, nets.rows(3, *shape, dtype=dtype), nets.rows(3, *shape, seed=1, dtype=dtype)


def missing(e: pellucid.Attribution) -> float:
    """What is missing to completeness, relative; where nothing changes, relative to a hundredth of the values."""
    flat, change = e.values.reshape(len(e), -1), e.output - e.base
    return float(
        (np.abs(flat.sum(1) - change) / np.maximum(np.abs(change), 0.01 * np.abs(flat).sum(1))).max()
    )


# -- complete -------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_complete(name, dtype):
    """From zeros, which make many activations constant, and from another row."""
    net, x, other = built(name, dtype)
    before = copy.deepcopy(net.state_dict())
    for baseline in (None, other):
        e = DeepLift()(net, x, target=1, baseline=baseline)
        assert missing(e) <= LIMITS[dtype]
        assert e.quality.verdict == "ok"
        with torch.no_grad():
            np.testing.assert_allclose(e.output, net(x)[:, 1].numpy(), rtol=1e-5, atol=1e-6)
            at = torch.zeros_like(x) if baseline is None else baseline
            np.testing.assert_allclose(e.base, net(at)[:, 1].numpy(), rtol=1e-5, atol=1e-6)
    assert not [m for m in net.modules() if m._forward_hooks or m._forward_pre_hooks or m._backward_hooks]
    for key, value in net.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_there_are_at_least_a_hundred():
    assert len(ARCHITECTURES) >= 150


@pytest.mark.parametrize("name", ["ReLU", "ResNet", "ViT", "LSTM", "encoder, pre-norm gelu", "GRU"])
def test_a_row_is_explained_alike_alone(name):
    net, x, other = built(name)
    whole = DeepLift()(net, x, target=1, baseline=other)
    for k in range(len(x)):
        one = DeepLift()(net, x[k : k + 1], target=1, baseline=other[k : k + 1])
        np.testing.assert_allclose(one.values, whole.values[k : k + 1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["ReLU", "ResNet", "encoder, post-norm relu", "LSTM"])
def test_many_rows_are_explained_in_batches(name):
    net, x, _ = built(name)
    rows = torch.cat([x, x.flip(0), x * 0.5])
    whole = DeepLift()(net, rows, target=1)
    with pellucid.options(batch_size=2):
        parts = DeepLift()(net, rows, target=1)
    np.testing.assert_allclose(parts.values, whole.values, rtol=0, atol=1e-10)
    np.testing.assert_allclose(parts.base, whole.base, rtol=0, atol=1e-10)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize(
    ("name", "form"),
    [
        (name, form)
        for name in ("GELU", "VGG", "encoder, pre-norm gelu", "LSTM")
        for form in ("traced", "scripted", "compiled", "compiled inside", "checkpointed")
        if form != "scripted" or name in ("GELU", "VGG")
    ],
)
def test_other_forms_of_a_module(name, form):
    """What was compiled, traced, scripted or checkpointed is explained as the module it was made from."""
    net, x, other = built(name)
    want = DeepLift()(net, x, target=1, baseline=other)
    e = DeepLift()(formed(net, x, form), x, target=1, baseline=other)
    np.testing.assert_allclose(e.values, want.values, rtol=0, atol=1e-10)


def formed(net: nn.Module, x: torch.Tensor, form: str) -> Any:
    if form == "traced":
        return torch.jit.trace(net, x, check_trace=False)
    if form == "scripted":
        return torch.jit.script(net)
    if form == "compiled":
        return torch.compile(net, backend="eager")
    if form == "compiled inside":
        return nn.Sequential(torch.compile(net, backend="eager"), nn.Identity())
    return Apply(lambda h, m: checkpoint(m, h, use_reentrant=False), net)


@pytest.mark.parametrize("at", ["1", "2"])
def test_at_a_layer(at):
    net, x, other = built("VGG")
    e = DeepLift()(net, x, target=1, baseline=other, at=at)
    assert e.values.shape[1] == 8
    assert missing(e) <= 1e-9


def test_of_a_neuron():
    net, x, other = built("VGG")
    e = DeepLift()(net, x, target=pellucid.Neuron("5", (3, 1, 1)), baseline=other)
    assert missing(e) <= 1e-9


def test_a_skip_past_the_layer_stays_what_it_is():
    """At a layer, what goes past it is the row's own in both passes."""

    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.b(torch.tanh(self.a(x)) * x)

    net, x = nets.seeded(Skip, dtype=torch.float64), nets.rows(3, 6, dtype=torch.float64)
    e = DeepLift()(net, x, target=1, at="a")
    h, h0 = net.a(x), net.a(torch.zeros_like(x))
    want = (net.b(torch.tanh(h) * x) - net.b(torch.tanh(h0) * x))[:, 1].detach()
    np.testing.assert_allclose(e.values.sum(1), want, atol=1e-12)


def test_a_function():
    def f(pair: Any) -> torch.Tensor:
        return torch.stack([F.gelu(pair).sum(1), (pair**2).sum(1)], 1)

    e = DeepLift()(f, nets.rows(3, 4, dtype=torch.float64), target=0)
    assert missing(e) <= 1e-9


def test_several_inputs():
    """Completeness covers them all."""

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(5, 3)

        def forward(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
            return torch.tanh(self.a(x)) * self.b(z)

    inputs = (nets.rows(3, 4, dtype=torch.float64), nets.rows(3, 5, seed=1, dtype=torch.float64))
    assert missing(DeepLift()(nets.seeded(Two, dtype=torch.float64), inputs, target=1)) <= 1e-9


def test_inside_a_noise_tunnel():
    net, x, other = built("GELU")
    with pytest.warns(pellucid.PellucidWarning, match="grain"):
        e = pellucid.NoiseTunnel(of=DeepLift(), samples=4)(net, x, target=1, baseline=other)
    assert np.isfinite(e.values).all()


# -- the numbers ----------------------------------------------------------------------------------------------------


def test_by_hand():
    net = nets.seeded(
        lambda: nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 7), nn.ReLU(), nn.Linear(7, 3)),
        dtype=torch.float64,
    )
    x, start = nets.rows(20, 6, dtype=torch.float64), nets.rows(20, 6, seed=1, dtype=torch.float64)
    start[:5] = 0
    e = DeepLift()(net, x, target=2, baseline=start)
    want = np.stack([deep_lift(net, a, b, 2) for a, b in zip(x.numpy(), start.numpy(), strict=True)])
    np.testing.assert_allclose(e.values, want, rtol=0, atol=1e-13)


def test_a_linear_model_gets_its_weights():
    net = nets.seeded(lambda: nn.Linear(6, 3), dtype=torch.float64)
    x = nets.rows(3, 6, dtype=torch.float64)
    np.testing.assert_allclose(DeepLift()(net, x, target=1).values, x * net.weight[1].detach(), atol=1e-14)


def test_the_same_row_as_its_own_baseline():
    """Nothing changes: the multipliers are the gradient, the values zero, and nothing is NaN."""
    for name in ("ReLU", "Softmin", "LayerNorm", "MaxPool2d", "SDPA", "division", "normalised", "std"):
        net, x, _ = built(name)
        with pytest.warns(pellucid.PellucidWarning):
            e = DeepLift()(net, x, target=1, baseline=x)
        assert not e.values.any(), name


def test_a_product_is_shared_equally():
    e = DeepLift()(
        lambda x: x[:, 0] * x[:, 1], torch.tensor([[3.0, 5.0]]), baseline=torch.tensor([[1.0, 1.0]])
    )
    np.testing.assert_allclose(e.values, [[2 * 3, 4 * 2]])


def test_many_factors_have_their_shapley_values():
    """By brute force over all orders in which the factors change."""
    x, start = nets.rows(1, 5, dtype=torch.float64), nets.rows(1, 5, seed=1, dtype=torch.float64)
    want = np.zeros(5)
    orders = list(itertools.permutations(range(5)))
    for order in orders:
        now = start[0].clone()
        for i in order:
            before = now.prod().item()
            now[i] = x[0, i]
            want[i] += (now.prod().item() - before) / len(orders)
    np.testing.assert_allclose(DeepLift()(lambda x: x.prod(1), x, baseline=start).values, [want], atol=1e-12)
    last = lambda x: x.cumprod(1)[:, 4]  # noqa: E731
    np.testing.assert_allclose(DeepLift()(last, x, baseline=start).values, [want], atol=1e-12)


def test_a_mean_beside_a_variance_is_linear():
    x, start = nets.rows(3, 5, dtype=torch.float64), nets.rows(3, 5, seed=1, dtype=torch.float64)
    for f in (torch.var_mean, torch.std_mean):
        e = DeepLift()(lambda x, f=f: f(x, 1)[1], x, baseline=start)
        np.testing.assert_allclose(e.values, (x - start) / 5, atol=1e-14)
        apart = DeepLift()(lambda x, f=f: f(x, 1)[0] + f(x, 1)[1], x, baseline=start).values
        both = DeepLift()(lambda x, f=f: sum(f(x, 1)), x, baseline=start).values
        np.testing.assert_allclose(both, apart, atol=1e-13)


def test_distances_are_shared_like_norms():
    x, to = nets.rows(3, 5, dtype=torch.float64), nets.rows(1, 5, seed=1, dtype=torch.float64)
    e = DeepLift()(lambda x: torch.cdist(x, to)[:, 0], x)
    np.testing.assert_allclose(e.values, DeepLift()(lambda x: (x - to).norm(dim=1), x).values, atol=1e-12)


def test_saturation_is_seen():
    """Past the kink the gradient is zero; the change is not."""
    x = torch.tensor([[2.0]])
    f = lambda x: 1 - F.relu(1 - x)  # noqa: E731
    np.testing.assert_allclose(DeepLift()(f, x).values, [[1.0]])


# -- refused, or named ----------------------------------------------------------------------------------------------


class Sorting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head = nn.Linear(6, 8), Apply(lambda h: h.sort(1)[0].tanh())
        self.out = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.head(self.fc(x)))


def test_an_operation_without_a_rule_is_refused_by_name():
    net, x = nets.seeded(Sorting), nets.rows(3, 6)
    with pytest.raises(
        CapabilityError, match=r"no rule for aten.sort with other places in 'head'.*strict=False"
    ):
        DeepLift()(net, x, target=1)


def test_or_named_in_a_check():
    net, x = nets.seeded(Sorting), nets.rows(3, 6)
    with pytest.warns(pellucid.PellucidWarning):
        e = DeepLift(strict=False)(net, x, target=1)
    check = next(c for c in e.quality.checks if c.name == "operations")
    assert check.status == "warn"
    assert "aten.sort with other places in 'head'" in check.meaning


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda h: h.logcumsumexp(1), "aten.logcumsumexp"),
        (lambda h: h.topk(3, 1)[0], "aten.topk with other places"),
        (lambda h: h.cummax(1)[0], "aten.cummax with other places"),
        (lambda h: torch.cdist(h, h.tanh(), p=1), "aten._cdist_forward of order 1"),
        (lambda h: h.repeat(1, 20).prod(1, keepdim=True), "aten.prod of more than 64 factors"),
        (
            lambda h: F.fractional_max_pool2d(h.view(-1, 1, 2, 3), (1, 2), output_size=(2, 2)).flatten(1),
            "fractional_max_pool2d with other places",
        ),
        (lambda h: h.gather(1, h.argsort(1)), "aten.gather with other places"),
        (lambda h: h.clamp(min=h.flip(1)), "aten.clamp with bounds that depend on the input"),
        (lambda h: torch.fft.rfft(h).abs(), "aten.abs of complex numbers"),
        (lambda h: h / h.norm(p=float("inf"), dim=1, keepdim=True), "aten.linalg_vector_norm of order inf"),
        (
            lambda h: F.grid_sample(
                h.view(-1, 1, 2, 3), h[:, :4].tanh().view(-1, 1, 2, 2), align_corners=False
            ).flatten(1),
            "grid_sampler",
        ),
        (lambda h: h @ (h.detach().T @ h.detach()), "aten.mm with another factor"),
    ],
)
def test_what_has_no_rule(function, name):
    x = nets.rows(3, 6)
    with pytest.raises(CapabilityError, match=name):
        DeepLift()(lambda x: function(x).sum(1), x, baseline=nets.rows(3, 6, seed=1))


class Swish(torch.autograd.Function):
    """An activation with a backward of its own, as some networks save memory."""

    @staticmethod
    def forward(ctx: Any, h: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(h)
        return h * torch.sigmoid(h)

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
        (h,) = ctx.saved_tensors
        s = torch.sigmoid(h)
        return g * s * (1 + h * (1 - s))


def test_a_function_with_its_own_backward_is_named():
    net = nets.seeded(lambda: nn.Sequential(nn.Linear(6, 8), Apply(Swish.apply), nn.Linear(8, 3)))
    with pytest.raises(CapabilityError, match="Swish, which has a backward of its own"):
        DeepLift()(net, nets.rows(3, 6), target=1)


class Branching(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.a, self.b = kind, nn.Linear(6, 3), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if bool(x.abs().sum() > 1):
            return torch.tanh(self.a(x)) if self.kind == "operation" else self.a(x)
        return torch.sigmoid(self.b(x)) if self.kind == "operation" else self.b(x)


def test_another_path_at_the_baseline_is_refused():
    with pytest.raises(CapabilityError, match="another path at the"):
        DeepLift()(nets.seeded(lambda: Branching("operation")), nets.rows(3, 6), target=1)
    with pytest.raises(CapabilityError, match=r"aten.addmm with another factor"):
        DeepLift()(nets.seeded(lambda: Branching("weights")), nets.rows(3, 6), target=1)


def test_a_value_that_leaves_the_path_fails_the_check():
    net = nets.seeded(
        lambda: nn.Sequential(nn.Linear(6, 8), Apply(lambda h: h + h.detach().exp()), nn.Linear(8, 3))
    )
    with pytest.warns(pellucid.PellucidWarning, match="do not add up"):
        e = DeepLift()(net, nets.rows(3, 6), target=1)
    assert e.quality.verdict == "unreliable"
    assert not e.quality.exact


def test_no_gradient_at_all():
    with pytest.raises(CapabilityError, match="No gradient leads"):
        DeepLift()(lambda x: x.detach().sum(1), nets.rows(3, 6))


def test_other_models_are_refused():
    with pytest.raises(CapabilityError, match="needs gradients"):
        DeepLift()(lambda rows: np.tanh(rows).sum(1), np.ones((2, 3)))


@pytest.mark.parametrize("error", [KeyError("boom"), KeyboardInterrupt()])
def test_an_error_midway_leaves_nothing_behind(error):
    """No hook, no mode, no kernel setting."""

    def fail(h: torch.Tensor) -> torch.Tensor:
        raise error

    net = nets.seeded(lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), Apply(fail)))
    kernels = torch._C._get_mkldnn_enabled()
    with pytest.raises(type(error)):
        DeepLift()(net, nets.rows(3, 6), target=1)
    assert torch._C._get_mkldnn_enabled() == kernels
    assert torch._C._len_torch_dispatch_stack() == 0


def test_nothing_is_kept():
    """The graph, and what the hooks held, is gone when the values are there."""
    import gc
    import weakref

    alive: list[Any] = []

    def watched(h: torch.Tensor) -> torch.Tensor:
        out = torch.sigmoid(h)
        alive.append(weakref.ref(out))
        return out

    net = nets.seeded(lambda: nn.Sequential(nn.Linear(6, 8), Apply(watched), nn.Linear(8, 3)))
    gc.disable()
    try:
        DeepLift()(net, nets.rows(3, 6), target=1)
        assert alive
        assert not [r for r in alive if r() is not None]
    finally:
        gc.enable()


# -- Deep SHAP ------------------------------------------------------------------------------------------------------


def test_deep_shap_is_the_mean_of_deep_lift():
    net, x, _ = built("GELU")
    background = nets.rows(7, 6, seed=3, dtype=torch.float64)
    e = DeepShap()(net, x, target=1, background=background)
    each = np.stack([DeepLift()(net, x, target=1, baseline=row).values for row in background])
    np.testing.assert_allclose(e.values, each.mean(0), atol=1e-12)
    with torch.no_grad():
        np.testing.assert_allclose(e.base, [net(background)[:, 1].mean()] * 3, atol=1e-12)
    from scipy.stats import t

    half = t.ppf(0.975, 6) * each.std(0, ddof=1) / 7**0.5
    np.testing.assert_allclose(e.quality.half_width, half, atol=1e-8)
    assert missing(e) <= 1e-9


@pytest.mark.parametrize("name", ["ReLU", "LSTM", "VGG", "ViT"])
def test_deep_shap_is_complete(name):
    net, x, other = built(name)
    e = DeepShap()(net, x, target=1, background=torch.cat([other, x.flip(0)]))
    assert missing(e) <= 1e-9
    with pellucid.options(batch_size=2):
        parts = DeepShap()(net, x, target=1, background=torch.cat([other, x.flip(0)]))
    np.testing.assert_allclose(parts.values, e.values, atol=1e-10)


def test_deep_shap_at_a_layer_and_with_few_of_many_rows():
    net, x, _ = built("GELU")
    background = nets.rows(60, 6, seed=3, dtype=torch.float64)
    e = DeepShap(samples=8)(net, x, target=1, background=background, at="1")
    assert e.values.shape == (3, 8)
    assert missing(e) <= 1e-9


def test_deep_shap_of_a_linear_model_is_exact():
    net = nets.seeded(lambda: nn.Linear(6, 3), dtype=torch.float64)
    x, background = nets.rows(3, 6, dtype=torch.float64), nets.rows(9, 6, seed=1, dtype=torch.float64)
    e = DeepShap()(net, x, target=1, background=background)
    np.testing.assert_allclose(e.values, (x - background.mean(0)) * net.weight[1].detach(), atol=1e-13)


@pytest.mark.parametrize("background", [None, torch.zeros(1, 6)])
def test_deep_shap_needs_a_background(background):
    with pytest.raises(ParameterError, match="at least two"):
        DeepShap()(nets.seeded(lambda: nn.Linear(6, 3)), nets.rows(3, 6), background=background)


def test_deep_shap_takes_no_baseline():
    rows = nets.rows(3, 6)
    with pytest.raises(ParameterError, match="rows of a background"):
        DeepShap()(nets.seeded(lambda: nn.Linear(6, 3)), rows, background=rows, baseline=0)


# -- guided backpropagation and deconvolution -----------------------------------------------------------------------

SPELLINGS = {
    "F.relu": F.relu,
    "torch.relu": torch.relu,
    "relu_": lambda h: h.relu_(),
    "F.relu in place": lambda h: F.relu(h, inplace=True),
    "clamp": lambda h: h.clamp(min=0),
    "clamp_": lambda h: h.clamp_(min=0.0),
    "clamp_min": lambda h: h.clamp_min(0),
    "clamp_min_": lambda h: h.clamp_min_(0),
    "threshold": lambda h: F.threshold(h, 0, 0),
    "threshold in place": lambda h: F.threshold(h, 0.0, 0.0, inplace=True),
    "view in place": lambda h: _flat(h),
    "halves": lambda h: torch.cat([F.relu(part) for part in h.chunk(2, 1)], 1),
}


def _flat(h: torch.Tensor) -> torch.Tensor:
    h = h + 0
    h.view(-1).relu_()
    return h


def convolutional(relu: Any) -> nn.Module:
    layer = (lambda: Apply(relu)) if not isinstance(relu, type) else relu
    return nets.seeded(
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3),
            layer(),
            nn.Conv2d(4, 4, 3),
            layer(),
            nn.Flatten(),
            nn.Linear(64, 8),
            layer(),
            nn.Linear(8, 3),
        )
    )


@pytest.mark.parametrize("method", [pellucid.GuidedBackprop, pellucid.Deconvolution])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_relu(method, spelling):
    x = nets.rows(4, 2, 8, 8)
    want = method()(convolutional(nn.ReLU), x, target=1)
    e = method()(convolutional(SPELLINGS[spelling]), x, target=1)
    np.testing.assert_array_equal(e.values, want.values)
    plain = pellucid.Saliency()(convolutional(nn.ReLU), x, target=1)
    assert np.abs(plain.values - want.values).max() > 0.01 * np.abs(want.values).max()


@pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
@pytest.mark.parametrize("method", [pellucid.GuidedBackprop, pellucid.Deconvolution])
def test_other_clamps_are_no_relus(method):
    """They keep their gradient."""
    x = nets.rows(4, 2, 8, 8)
    for other in (
        lambda h: h.clamp(0, 1),
        lambda h: h.clamp_min(0.1),
        lambda h: F.threshold(h, 0.1, 0.0),
        F.gelu,
    ):
        e = method()(convolutional(other), x, target=1)
        np.testing.assert_allclose(e.values, pellucid.Saliency()(convolutional(other), x, target=1).values)


def test_by_the_formula():
    """Two ReLUs by hand: what is positive in the gradient, and in guided backpropagation in the input too."""
    net = nn.Sequential(nn.Linear(2, 3, bias=False), nn.ReLU(), nn.Linear(3, 1, bias=False))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 2.0], [3.0, -1.0], [-1.0, -1.0]]))
        net[2].weight.copy_(torch.tensor([[1.0, -1.0, 2.0]]))
    x = torch.tensor([[1.0, 1.0]])
    np.testing.assert_allclose(pellucid.GuidedBackprop()(net, x).values, [[1.0, 2.0]])
    np.testing.assert_allclose(pellucid.Deconvolution()(net, x).values, [[-1.0, 0.0]])


def test_no_compiler_is_loaded():
    """Explaining a plain module does not import what compiles modules."""
    import subprocess

    code = """
import sys, torch, pellucid
pellucid.DeepLift()(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU()), torch.ones(1, 3), target=0)
print('torch._dynamo' in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False", done.stderr
