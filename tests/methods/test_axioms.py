"""What the papers promise of their methods, as properties over random small networks in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import pellucid
from tests import nets

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")

FEATURES, CLASSES = 5, 3
SMOOTH = (nn.GELU, nn.Tanh, nn.Softplus)
ANY = (*SMOOTH, nn.ReLU)
seeds = st.integers(0, 10_000)
few = settings(max_examples=12, deadline=None)

METHODS = {
    "saliency": pellucid.Saliency(),
    "input_x_gradient": pellucid.InputXGradient(),
    "integrated_gradients": pellucid.IntegratedGradients(),
    "integrated_gradients_steps": pellucid.IntegratedGradients(steps=9),
    "smooth_grad": pellucid.NoiseTunnel(samples=4),
    "smooth_integrated_gradients": pellucid.NoiseTunnel(of=pellucid.IntegratedGradients(steps=4), samples=3),
    "occlusion": pellucid.Occlusion(),
    "kernel_shap": pellucid.KernelShap(),
}
by_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


@st.composite
def networks(draw: st.DrawFn, activations: tuple[Any, ...] = ANY, bias: bool = True) -> nn.Sequential:
    """A dense network of one or two hidden layers."""
    width, depth = draw(st.integers(2, 9)), draw(st.integers(1, 2))
    sizes = (FEATURES, *(width,) * depth, CLASSES)
    activation = draw(st.sampled_from(activations))
    net: Any = nets.seeded(lambda: nets.mlp(activation, sizes, bias), draw(seeds), torch.float64)
    with torch.no_grad():
        for p in net.parameters():
            p *= 3
    return net


def inputs(seed: int, n: int = 3) -> torch.Tensor:
    return nets.rows(n, FEATURES, seed=seed, dtype=torch.float64)


def alike(a: np.ndarray, b: np.ndarray, limit: float = 1e-9) -> None:
    assert np.abs(a - b).max() <= limit * (1 + np.abs(b).max())


def total(e: pellucid.Attribution) -> np.ndarray:
    return e.values.reshape(len(e), -1).sum(1)


@few
@given(networks(SMOOTH), seeds)
def test_integrated_gradients_are_complete(net, seed):
    """The values add up to f(x) - f(baseline)."""
    x = inputs(seed)
    e = pellucid.IntegratedGradients(tolerance=1e-6)(net, x, baseline=inputs(seed + 1))
    assert np.all(
        np.abs(e.residual) <= 1e-6 * np.maximum(np.abs(e.output - e.base), 0.01 * np.abs(e.values).sum(1))
    )
    alike(total(e), e.output - e.base, 1e-5)


@few
@given(networks(), seeds)
def test_kernel_shap_is_complete(net, seed):
    e = pellucid.KernelShap()(net, inputs(seed), baseline=inputs(seed + 1)[0])
    alike(total(e), e.output - e.base)


@few
@given(networks((nn.ReLU,), bias=False), seeds)
def test_input_x_gradient_is_complete_for_relu_networks_without_bias(net, seed):
    """They are homogeneous: f(x) = x . grad f(x)."""
    e = pellucid.InputXGradient()(net, inputs(seed), target=1)
    alike(total(e), e.output)


@by_method
@few
@given(f=networks(SMOOTH), g=networks(SMOOTH), seed=seeds, a=st.floats(-3, 3), b=st.floats(-3, 3))
def test_linearity(method, f, g, seed, a, b):
    """The values of a f + b g are a times those of f plus b times those of g."""
    if method == pellucid.IntegratedGradients():
        method = pellucid.IntegratedGradients(tolerance=1e-11)
    x = inputs(seed)
    both = method(lambda z: a * f(z) + b * g(z), x, target=0).values
    alike(both, a * method(f, x, target=0).values + b * method(g, x, target=0).values, 1e-8)


@by_method
@few
@given(net=networks(), seed=seeds, unused=st.integers(0, FEATURES - 1))
def test_dummy(method, net, seed, unused):
    """A feature that the network does not use gets nothing, and no half-width either."""
    with torch.no_grad():
        net[1].weight[:, unused] = 0
    e = method(net, inputs(seed))
    assert np.abs(e.values[:, unused]).max() <= 1e-9 * (1 + np.abs(e.values).max())


@by_method
@few
@given(net=networks(), seed=seeds)
def test_symmetry(method, net, seed):
    """Two features in the same role, with the same value, get the same."""
    if isinstance(method, pellucid.NoiseTunnel):
        method = pellucid.NoiseTunnel(of=method.of, samples=method.samples, noise=0.0)
    with torch.no_grad():
        net[1].weight[:, 3] = net[1].weight[:, 1]
    x = inputs(seed)
    x[:, 3] = x[:, 1]
    values = method(net, x).values
    alike(values[:, 3], values[:, 1])


def rewritten(net: nn.Sequential, seed: int) -> nn.Module:
    """The same function, built otherwise: hidden units shuffled, then each split into two halves."""
    first, activation, *rest = list(net)[1:]
    order = torch.randperm(first.out_features, generator=torch.Generator().manual_seed(seed)).repeat(2)
    wide = nn.Linear(FEATURES, len(order), dtype=torch.float64)
    after = nn.Linear(len(order), rest[0].out_features, dtype=torch.float64)
    with torch.no_grad():
        wide.weight.copy_(first.weight[order])
        wide.bias.copy_(first.bias[order])
        after.weight.copy_(rest[0].weight[:, order] / 2)
        after.bias.copy_(rest[0].bias)
    return nn.Sequential(wide, activation, after, *rest[1:])


@by_method
@few
@given(net=networks(), seed=seeds)
def test_implementation_invariance(method, net, seed):
    """Networks that are equal as functions are explained alike."""
    x, other = inputs(seed), rewritten(net, seed)
    alike(method(net, x).values, method(other, x).values)


@pytest.mark.parametrize("method", [pellucid.IntegratedGradients(tolerance=1e-8), pellucid.KernelShap()])
@few
@given(net=networks(SMOOTH), seed=seeds, only=st.integers(0, FEATURES - 1))
def test_sensitivity(method, net, seed, only):
    """If x and baseline differ in one feature, that one gets the whole change of the output and the others nothing."""
    x = inputs(seed, 1)
    baseline = x.clone()
    baseline[:, only] += 1.5
    e = method(net, x, baseline=baseline)
    alike(e.values[:, only], e.output - e.base, 1e-6)
    assert np.abs(np.delete(e.values, only, axis=1)).max() <= 1e-9 * (1 + np.abs(e.values).max())


@few
@given(networks(), seeds)
def test_a_baseline_equal_to_the_row_gives_nothing(net, seed):
    x = inputs(seed)
    e = pellucid.IntegratedGradients()(net, x, baseline=x)
    assert not e.values.any()
    assert "saturation" in {c.name for c in e.quality.caveats}


@few
@given(networks(), seeds, st.sampled_from([1, 2, 3]))
def test_values_do_not_depend_on_the_company(net, seed, batch_size):
    """A row gets the same values alone, in other company, and in any batch."""
    x = inputs(seed, 5)
    for method in (pellucid.IntegratedGradients(), pellucid.Saliency(), pellucid.Occlusion()):
        whole = method(net, x).values
        with pellucid.options(batch_size=batch_size):
            alike(method(net, x).values, whole, 1e-12)
        alike(method(net, x[2:3]).values, whole[2:3], 1e-12)
