"""Gradients of units and gradient flow, held against autograd unit by unit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import pellucid
from pellucid import GradientFlow, Gradients, plots
from pellucid.core.errors import CapabilityError, DataError, LayerError, ParameterError, TargetError
from tests import nets

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
X = nets.rows(3, 1, 8, 8)


@pytest.fixture
def net():
    return nets.seeded(nets.PoolCNN)


def conv2_of(net, x):
    return net.conv2(net.pool(net.conv1(x).relu()))


@pytest.mark.parametrize("at_place", ["strongest", "mean"])
def test_gradients_equal_autograd(net, at_place):
    e = Gradients(at_place=at_place)(net, X, at="conv2")
    assert e.values.shape == (3, 16, 1, 8, 8)
    for row in range(3):
        for unit in range(16):
            x = X[row : row + 1].clone().requires_grad_(True)
            maps = conv2_of(net, x)[0, unit]
            (maps.max() if at_place == "strongest" else maps.mean()).backward()
            np.testing.assert_allclose(e.values[row, unit], x.grad[0].numpy(), atol=1e-6)


def test_gradients_with_respect_to_a_layer(net):
    e = Gradients(wrt="conv2")(net, X, at="fc1", target=(4, 0))
    assert e.unit_numbers == (4, 0)
    assert e.values.shape == (3, 2, 16, 4, 4)
    for k, unit in enumerate((4, 0)):
        maps = conv2_of(net, X).detach().requires_grad_(True)
        net.fc1(net.pool(maps.relu()).flatten(1))[:, unit].sum().backward()
        np.testing.assert_allclose(e.values[:, k], maps.grad.numpy(), atol=1e-6)


def test_batches_and_names(net):
    whole = Gradients()(net, X, at="fc1", target=3)
    with pellucid.options(batch_size=1):
        np.testing.assert_allclose(Gradients()(net, X, at="fc1", target=3).values, whole.values, atol=1e-7)
    assert whole.to_frame()["number"].tolist() == [3]
    assert "3" in [t.get_text() for t in plots.draw(whole).texts]


def test_a_table_is_drawn_as_one():
    net = nets.seeded(lambda: nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2)))
    e = Gradients()(net, nets.rows(3, 4), at="2")
    np.testing.assert_allclose(
        e.values[0],
        (net[2].weight * (1 - torch.tanh(net[0](nets.rows(3, 4)[0])) ** 2) @ net[0].weight).detach().numpy(),
        atol=1e-6,
    )
    assert "responses" in plots.kinds(e)
    assert [t.get_text() for t in plots.draw(e).get_xticklabels()] == ["x0", "x1", "x2", "x3"]


def test_units_that_are_not_there(net):
    with pytest.raises(TargetError, match=r"Layer conv2 has no unit 16. Choose 0\.\.15"):
        Gradients()(net, X, at="conv2", target=16)
    with pytest.raises(TargetError, match=r"has no unit -1"):
        Gradients()(net, X, at="conv2", target=-1)
    for wrong in ("cat", 1.5, None.__class__):
        with pytest.raises(TargetError, match=r"Units are named by their numbers"):
            Gradients()(net, X, at="conv2", target=wrong)
    with pytest.raises(LayerError, match=r"conv1 does not come after fc1|does not come after"):
        Gradients(wrt="fc1")(net, X, at="conv1")
    with pytest.raises(ParameterError, match=r"One place at a time"):
        Gradients()(net, X, at="conv*")
    with pytest.raises(CapabilityError, match=r"has no layers"):
        Gradients()(lambda rows: rows.sum(1), np.ones((2, 3)))


def test_flow_equals_autograd(net):
    e = GradientFlow()(net, X, target=3)
    assert e.layers == ("conv1", "conv2", "fc1", "fc2")
    values = {}
    hooks = [
        getattr(net, name).register_forward_hook(
            lambda m, i, o, name=name: values.update({name: o}) or o.retain_grad()
        )
        for name in e.layers
    ]
    net(X.clone().requires_grad_(True))[:, 3].sum().backward()
    for hook in hooks:
        hook.remove()
    for name in e.layers:
        g = values[name].grad.reshape(3, -1).double().numpy()
        np.testing.assert_allclose(e.layer(name), np.sqrt((g**2).mean(1)), rtol=1e-5)
        np.testing.assert_allclose(e.norms[e.number(name)], np.sqrt((g**2).sum(1)), rtol=1e-5)
    assert e.target == "3"
    assert len(e.to_frame()) == 4


def test_outputs_that_are_no_numbers_are_named():
    x = nets.rows(5, 6)
    x[3, 0] = 10
    with pytest.raises(DataError, match=r"NaN or infinity for row 3"):
        GradientFlow()(nets.seeded(nets.Broken), x, target=1)


@pytest.mark.parametrize(("gain", "name"), [(0.02, "vanishing"), (50.0, "exploding")])
def test_vanishing_and_exploding_are_named(gain, name):
    layers = [nn.Linear(8, 8) for _ in range(6)]
    for layer in layers:
        nn.init.eye_(layer.weight)
        layer.weight.data *= gain
    with pytest.warns(pellucid.PellucidWarning, match=r"The gradient at 0 is"):
        e = GradientFlow()(nn.Sequential(*layers), nets.rows(2, 8), target=0)
    assert {c.name for c in e.quality.caveats} == {name}
    healthy = GradientFlow()(nets.seeded(nets.PoolCNN), X)
    assert healthy.quality.verdict == "ok"
