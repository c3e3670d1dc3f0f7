"""Gradient methods and occlusion equal captum's on a residual CNN with functional activations.

Relative differences are against the largest value of the answer: 1e-6 in float32, 1e-10 in float64. Occlusion
subtracts two outputs, so its float32 is good to a rounding of the outputs: their size counts there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import pellucid
from pellucid import Neuron
from tests import nets
from tests.twins.occlusion import occlusion

captum = pytest.importorskip("captum.attr")
pytestmark = [
    pytest.mark.oracle,
    pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning"),
    pytest.mark.filterwarnings("ignore:Setting forward, backward hooks"),
    pytest.mark.filterwarnings("ignore:Input Tensor"),
    pytest.mark.filterwarnings("ignore:required_grads"),
]

N = 9
TARGETS = torch.tensor([4, 0, 3, 1, 2, 2, 0, 4, 1])
LIMITS = {torch.float32: 1e-6, torch.float64: 1e-10}
LAYERS = ["stem", "conv1", "conv2", "head"]
UNIT = (3, 2, 1)


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"], scope="module")
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    return request.param


@pytest.fixture(params=[1, 7, 64, None], ids=["by 1", "by 7", "by 64", "automatic"])
def batch(request: pytest.FixtureRequest) -> Any:
    with pellucid.options(batch_size=request.param) as run:
        yield run


@pytest.fixture(scope="module")
def net(dtype: torch.dtype) -> torch.nn.Module:
    return nets.seeded(nets.Residual, dtype=dtype)


@pytest.fixture(scope="module")
def x(dtype: torch.dtype) -> torch.Tensor:
    return nets.rows(N, 2, 8, 8, dtype=dtype)


@pytest.fixture(scope="module")
def baseline(dtype: torch.dtype) -> torch.Tensor:
    return nets.rows(N, 2, 8, 8, seed=5, dtype=dtype)


def equal(
    e: pellucid.Attribution, theirs: torch.Tensor, limit: float | None = None, size: float = 0.0
) -> None:
    theirs = theirs.detach()
    assert e.values.shape == tuple(theirs.shape)
    limit = LIMITS[theirs.dtype] if limit is None else limit
    difference = np.abs(e.values - theirs.numpy()).max() / max(theirs.abs().max().item(), size)
    assert difference <= limit


# -- at the input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [2, TARGETS], ids=["one target", "per-row targets"])
def test_integrated_gradients(net, x, baseline, batch, target):
    e = pellucid.IntegratedGradients(steps=64)(net, x, target=target, baseline=baseline)
    equal(
        e,
        captum.IntegratedGradients(net).attribute(
            x, baseline, target=target, n_steps=64, method="riemann_middle"
        ),
    )


@pytest.mark.parametrize("absolute", [False, True])
def test_saliency(net, x, batch, absolute):
    e = pellucid.Saliency(absolute=absolute)(net, x, target=TARGETS)
    equal(e, captum.Saliency(net).attribute(x.clone(), target=TARGETS, abs=absolute))


def test_input_x_gradient(net, x, batch):
    e = pellucid.InputXGradient()(net, x, target=TARGETS)
    equal(e, captum.InputXGradient(net).attribute(x.clone(), target=TARGETS))


@pytest.mark.parametrize(
    ("window", "strides"), [((2, 2, 2), (2, 2, 2)), ((1, 4, 4), (1, 2, 2)), ((2, 3, 3), (2, 2, 2))]
)
def test_occlusion(net, x, batch, dtype, window, strides):
    """captum adds up occlusion in float32, so in float64 it is itself good to 4e-8 only.

    There the plain re-implementation is the measure, to 1e-10, and captum is held to 1e-6.
    """
    e = pellucid.Occlusion(window=window, strides=strides)(net, x, target=TARGETS, baseline=2.0)
    theirs = captum.Occlusion(net).attribute(x, window, strides, baselines=2.0, target=TARGETS)
    equal(e, theirs, 1e-6, np.abs(e.output).max())
    if dtype == torch.float64:
        equal(e, torch.from_numpy(occlusion(net, x, TARGETS, window, strides, 2.0)))


# -- at a layer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS)
def test_integrated_gradients_at_a_layer(net, x, baseline, batch, layer):
    """The path runs in the layer; what skips past it stays what it is for the row."""
    e = pellucid.IntegratedGradients(steps=64)(net, x, target=TARGETS, baseline=baseline, at=layer)
    theirs = captum.LayerIntegratedGradients(net, getattr(net, layer))
    equal(e, theirs.attribute(x, baseline, target=TARGETS, n_steps=64, method="riemann_middle"))


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("absolute", [False, True])
def test_saliency_at_a_layer(net, x, batch, layer, absolute):
    e = pellucid.Saliency(absolute=absolute)(net, x, target=TARGETS, at=layer)
    theirs = captum.LayerGradientXActivation(net, getattr(net, layer), multiply_by_inputs=False)
    gradient = theirs.attribute(x, target=TARGETS)
    equal(e, gradient.abs() if absolute else gradient)


@pytest.mark.parametrize("layer", LAYERS)
def test_input_x_gradient_at_a_layer(net, x, batch, layer):
    e = pellucid.InputXGradient()(net, x, target=TARGETS, at=layer)
    equal(e, captum.LayerGradientXActivation(net, getattr(net, layer)).attribute(x, target=TARGETS))


@pytest.mark.parametrize("layer", ["stem", "conv2", "head"])
@pytest.mark.parametrize("relu", [True, False])
def test_grad_cam(net, x, batch, layer, relu):
    e = pellucid.GradCAM(relu=relu)(net, x, target=TARGETS, at=layer)
    theirs = captum.LayerGradCam(net, getattr(net, layer)).attribute(
        x, target=TARGETS, relu_attributions=relu
    )
    equal(e, theirs[:, 0])


# -- of a neuron ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS)
def test_integrated_gradients_of_a_neuron(net, x, baseline, batch, layer):
    e = pellucid.IntegratedGradients(steps=64)(net, x, target=Neuron(layer, UNIT), baseline=baseline)
    theirs = captum.NeuronIntegratedGradients(net, getattr(net, layer))
    equal(e, theirs.attribute(x, UNIT, baseline, n_steps=64, method="riemann_middle"))


@pytest.mark.parametrize("layer", LAYERS)
def test_saliency_and_input_x_gradient_of_a_neuron(net, x, batch, layer):
    gradient = captum.NeuronGradient(net, getattr(net, layer)).attribute(x.clone(), UNIT)
    equal(pellucid.Saliency()(net, x, target=Neuron(layer, UNIT)), gradient)
    equal(pellucid.Saliency(absolute=True)(net, x, target=Neuron(layer, UNIT)), gradient.abs())
    equal(pellucid.InputXGradient()(net, x, target=Neuron(layer, UNIT)), x * gradient)


def test_saliency_of_a_channel(net, x, batch):
    """An index that leaves axes open sums over them."""
    theirs = captum.NeuronGradient(net, net.head).attribute(x.clone(), lambda a: a[:, 3].sum((1, 2)))
    equal(pellucid.Saliency()(net, x, target=Neuron("head", 3)), theirs)


@pytest.mark.parametrize("layer", ["stem", "head"])
def test_occlusion_of_a_neuron(net, x, batch, layer):
    """captum's NeuronFeatureAblation with one feature per window; see `test_occlusion` on its float32 sums."""
    tiles = torch.arange(16).reshape(4, 4).repeat_interleave(2, 0).repeat_interleave(2, 1).expand(1, 2, 8, 8)
    theirs = captum.NeuronFeatureAblation(net, getattr(net, layer))
    e = pellucid.Occlusion(window=(2, 2, 2), strides=(2, 2, 2))(
        net, x, target=Neuron(layer, UNIT), baseline=2.0
    )
    equal(e, theirs.attribute(x, UNIT, baselines=2.0, feature_mask=tiles), 1e-6, np.abs(e.output).max())


# -- of a neuron, at a layer: captum has no such method -------------------------------------------------------------


def between(net: torch.nn.Module, x: torch.Tensor, low: str, high: str) -> tuple[torch.Tensor, torch.Tensor]:
    """A layer's activation, and the gradient of a unit of another layer to it, by hooks and autograd."""
    caught: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Any:
        return getattr(net, name).register_forward_hook(lambda _m, _i, out: caught.__setitem__(name, out))

    handles = [keep(low), keep(high)]
    net(x.clone().requires_grad_(True))
    for handle in handles:
        handle.remove()
    return caught[low], torch.autograd.grad(caught[high][(slice(None), *UNIT)].sum(), caught[low])[0]


@pytest.mark.parametrize(
    ("low", "high"), [("stem", "conv1"), ("stem", "head"), ("conv1", "head"), ("conv2", "head")]
)
def test_gradients_of_a_neuron_at_a_layer(net, x, batch, low, high):
    activation, gradient = between(net, x, low, high)
    equal(pellucid.Saliency()(net, x, target=Neuron(high, UNIT), at=low), gradient)
    equal(pellucid.InputXGradient()(net, x, target=Neuron(high, UNIT), at=low), activation * gradient)
    cam = (gradient.mean((2, 3), keepdim=True) * activation).sum(1)
    equal(pellucid.GradCAM(relu=False)(net, x, target=Neuron(high, UNIT), at=low), cam)


@pytest.mark.parametrize(
    ("low", "high"), [("stem", "conv1"), ("stem", "head"), ("conv1", "head"), ("conv2", "head")]
)
def test_integrated_gradients_of_a_neuron_at_a_layer_are_complete(batch, low, high):
    """In float64, refined far enough, to 1e-6 of f(x) - f(baseline); from conv1 on, the skip keeps the row's values."""
    net, x = nets.seeded(nets.Residual, dtype=torch.float64), nets.rows(N, 2, 8, 8, dtype=torch.float64)
    e = pellucid.IntegratedGradients(tolerance=1e-7)(net, x, target=Neuron(high, UNIT), at=low)
    assert e.at == low
    assert e.values.shape == (N, *((8, 4, 4) if low == "head" else (6, 8, 8)))
    assert np.all(np.abs(e.residual) <= 1e-6 * np.abs(e.output - e.base))


# -- noise ----------------------------------------------------------------------------------------------------------


def test_smooth_grad_agrees_within_its_error_bars(net, x):
    """captum draws other noise: the two averages differ by what both half-widths allow."""
    e = pellucid.NoiseTunnel(samples=200, noise=0.1)(net, x[:2], target=TARGETS[:2])
    theirs = captum.NoiseTunnel(captum.Saliency(net))
    total = []
    for row in range(2):
        one = x[row : row + 1]
        sigma = 0.1 * (one.max() - one.min()).item()
        with torch.random.fork_rng():
            torch.manual_seed(3)
            total.append(
                theirs.attribute(
                    one.clone(),
                    nt_type="smoothgrad",
                    nt_samples=200,
                    stdevs=sigma,
                    target=TARGETS[row],
                    abs=False,
                )
            )
    difference = np.abs(e.values - torch.cat(total).detach().numpy())
    assert np.mean(difference <= 2**0.5 * e.quality.half_width) >= 0.9


@pytest.mark.parametrize(("reduce", "kind"), [("square", "smoothgrad_sq"), ("variance", "vargrad")])
def test_other_noise_tunnels_agree_on_the_same_noise(net, x, reduce, kind, monkeypatch):
    """captum's own formulas on our stream of noise; its variance divides by the samples, ours by one less."""
    samples, row = 8, x[:1]
    sigma = 0.1 * (row.max() - row.min()).item()
    draws = pellucid.options(seed=0)
    with draws as run:
        e = pellucid.NoiseTunnel(samples=samples, noise=0.1, reduce=reduce)(net, row, target=2)
        noise = torch.from_numpy(run.generator(0).standard_normal((samples, 2, 8, 8))).to(x)
    monkeypatch.setattr(torch, "normal", lambda *_, **__: sigma * noise)
    theirs = captum.NoiseTunnel(captum.Saliency(net)).attribute(
        row.clone(), nt_type=kind, nt_samples=samples, stdevs=sigma, target=2, abs=False
    )
    scale = samples / (samples - 1) if reduce == "variance" else 1
    equal(e, theirs * scale, 20 * LIMITS[x.dtype])
