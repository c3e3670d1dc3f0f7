"""What is seen inside a module is what forward hooks see, bit for bit; functions between layers are seen as well."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pellucid
from pellucid.core.errors import LayerError
from pellucid.core.model import Inspectable
from tests import nets


class Block(nn.Module):
    """A block that reuses one activation and adds a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.lin, self.act = nn.Linear(6, 6), nn.ReLU(inplace=True)

    def forward(self, x):
        h = self.act(self.lin(x))
        return x + self.act(h * 2)


class Mixed(nn.Module):
    """Functions, layers, a reused layer, nested blocks, work in place."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.blocks, self.norm = nn.Linear(4, 6), nn.Sequential(Block(), Block()), nn.LayerNorm(6)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        h = F.relu(self.stem(x), inplace=True)
        h = self.norm(self.blocks(h))
        h = self.norm(torch.tanh(h))
        h += 1
        return self.head(F.relu(h))


def hooked(net, x, name):
    """Every value a layer gives, copied in a forward hook."""
    seen = []
    hook = dict(net.named_modules())[name].register_forward_hook(
        lambda m, i, o: seen.append(o.detach().clone())
    )
    with torch.no_grad():
        net(x.clone())
    hook.remove()
    return seen


@pytest.fixture
def mixed():
    return nets.seeded(Mixed), nets.rows(5, 4)


def test_it_is_inspectable(mixed):
    assert isinstance(pellucid.wrap(mixed[0]), Inspectable)


@pytest.mark.parametrize(
    "name", ["stem", "blocks.0.lin", "blocks.1", "blocks", "norm", "blocks.0.act", "head"]
)
def test_values_are_those_of_forward_hooks_bit_for_bit(mixed, name):
    net, x = mixed
    model = pellucid.wrap(net)
    expected = hooked(net, x, name)
    with model.at_rest():
        for call, value in enumerate(expected, 1):
            place = f"{name}#{call}" if len(expected) > 1 else name
            assert torch.equal(model.capture((x,), (place,))[place], value), place


def test_values_of_functions_are_those_they_gave(mixed):
    net, x = mixed
    model = pellucid.wrap(net)
    with torch.no_grad():
        relu = F.relu(net.stem(x))
        blocks = net.blocks(relu)
        tanh = torch.tanh(net.norm(blocks))
        added = net.norm(tanh) + 1
    with model.at_rest():
        seen = model.capture((x,), ("F.relu#1", "stem", "F.tanh", "F.add", "F.relu#2", "blocks.0.F.mul"))
    assert torch.equal(seen["F.relu#1"], relu)
    assert torch.equal(seen["stem"], net.stem(x))  # although a function works on it in place
    assert torch.equal(seen["F.tanh"], tanh)
    assert torch.equal(seen["F.add"], added)
    assert torch.equal(seen["F.relu#2"], added.relu())
    with torch.no_grad():
        assert torch.equal(seen["blocks.0.F.mul"], net.blocks[0].lin(relu).relu() * 2)


@pytest.mark.parametrize(
    "make", [nets.Residual, nets.PoolCNN, nets.Pooled, nets.Patches], ids=lambda m: m.__name__
)
def test_every_step_is_a_place(make):
    net = nets.seeded(make)
    x = nets.rows(3, *make.shape)
    model = pellucid.wrap(net)
    with model.at_rest():
        steps = model.operations((x,))
        names = tuple(o.name for o in steps)
        assert len(set(names)) == len(names)
        seen = model.capture((x,), names)
        for o in steps:
            assert tuple(seen[o.name].shape) == (3, *o.shape), o.name
        torch.testing.assert_close(seen[names[-1]], net(x))
        for name in names:
            torch.testing.assert_close(model[:name].predict(x), seen[name], rtol=0, atol=0)


def test_a_function_can_be_cut_at_like_a_layer(mixed):
    net, x = mixed
    model = pellucid.wrap(net)
    with model.at_rest():
        model.check("F.relu#2", (x,))
        value = model[:"F.relu#2"].predict(x)
        torch.testing.assert_close(model["F.relu#2":].predict(value, x), net(x))
        torch.testing.assert_close(model[:"F.relu#2:input"].predict(x).relu(), value)
    e = pellucid.InputXGradient()(net, x, target=1, at="F.relu#2")
    np.testing.assert_allclose(e.values, value.numpy() * net.head.weight[1].detach().numpy(), rtol=1e-5)


def test_functions_that_are_not_called(mixed):
    net, x = mixed
    model = pellucid.wrap(net)
    with model.at_rest():
        with pytest.raises(LayerError, match=r"does not call 'F.gelu'"):
            model.check("F.gelu", (x,))
        with pytest.raises(LayerError, match=r"called 2 times. Choose F.relu#1 to F.relu#2"):
            model.check("F.relu", (x,))
        with pytest.raises(LayerError, match=r"Did you mean 'F.tanh'"):
            model.check("F.tanhh", (x,))


def test_steps_know_their_sources_and_what_they_cost(mixed):
    net, x = mixed
    steps = pellucid.wrap(net).operations((x,))
    by_name = {o.name: (i, o) for i, o in enumerate(steps)}
    first = by_name["blocks.0.F.add"][1]
    assert [steps[s].name for s in first.sources] == ["F.relu#1", "blocks.0.act#2"]
    assert by_name["stem"][1].sources == (-1,)
    assert by_name["stem"][1].multiplications == 4 * 6
    assert sum(o.parameters for o in steps) == sum(p.numel() for p in net.parameters())
    assert by_name["norm#1"][1].parameters == 12
    assert by_name["norm#2"][1].parameters == 0  # the same ones again


def test_steps_through_attributes_and_several_arrays():
    net, x = nets.seeded(nets.Patches), nets.rows(2, 1, 8, 12)
    steps = pellucid.wrap(net).operations((x,))
    names = [o.name for o in steps]
    assert "encoder.layers.0.self_attn[0]" in names
    added = steps[names.index("encoder.layers.0.F.add#1")]
    assert [steps[s].name for s in added.sources] == ["F.add", "encoder.layers.0.dropout1"]
    for o in steps[1:]:
        assert o.sources
        assert max(o.sources) < names.index(o.name)


def test_windows_of_convolutions_and_pooling():
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.pool = (
                nn.Conv2d(1, 2, (3, 5), stride=2, padding=(0, 4), dilation=(1, 2)),
                nn.AvgPool2d(2),
            )

        def forward(self, x):
            x = F.max_pool2d(self.pool(self.conv(x)), 3, stride=1, padding=1)
            return F.conv2d(x, torch.ones(1, 2, 2, 2), stride=2)

    steps = pellucid.wrap(nets.seeded(Net)).operations((nets.rows(1, 1, 40, 40),))
    assert [o.window for o in steps] == [
        ((3, 2, 1, 0), (5, 2, 2, 4)),
        ((2, 2, 1, 0), (2, 2, 1, 0)),
        ((3, 1, 1, 1), (3, 1, 1, 1)),
        ((2, 2, 1, 0), (2, 2, 1, 0)),
    ]


def test_nothing_is_left_on_the_module(mixed):
    net, x = mixed
    model = pellucid.wrap(net)
    with pytest.raises(LayerError):
        model.capture((x,), ("stem", "F.nowhere"))
    model.operations((x,))
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in net.modules())
    assert torch.overrides._len_torch_function_stack() == 0
