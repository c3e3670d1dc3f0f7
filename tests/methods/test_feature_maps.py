"""FeatureMaps: the layer's own numbers, and the places that pooling keeps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pellucid
from pellucid import FeatureMaps, plots
from pellucid.core.errors import CapabilityError, LayerError, ParameterError
from tests import nets


@pytest.fixture
def net():
    return nets.seeded(nets.PoolCNN)


X = nets.rows(3, 1, 8, 8)


def test_maps_are_the_layers_own_bit_for_bit(net):
    e = FeatureMaps()(net, X, at=["conv1", "F.relu#2", "fc1"])
    with torch.no_grad():
        conv1 = net.conv1(X)
        pooled = net.pool(conv1.relu())
        relu2 = net.conv2(pooled).relu()
        fc1 = net.fc1(net.pool(relu2).flatten(1))
    for name, value in (("conv1", conv1), ("F.relu#2", relu2), ("fc1", fc1)):
        np.testing.assert_array_equal(e.layer(name), value.numpy())
    assert e.counts == (8, 16, 32)
    assert e.layer("F.relu#2")[0].shape == (16, 4, 4)


def test_the_batch_size_does_not_matter(net):
    whole = FeatureMaps()(net, X, at="pool#2")
    with pellucid.options(batch_size=1):
        np.testing.assert_allclose(FeatureMaps()(net, X, at="pool#2").values, whole.values, atol=1e-6)


def test_without_a_place_the_last_maps_are_shown(net):
    assert FeatureMaps()(net, X).layers == ("pool#2",)


@pytest.mark.parametrize(
    ("size", "stride", "padding", "dilation"),
    [(2, 2, 0, 1), (3, 2, 1, 1), (3, 1, 1, 1), ((2, 3), (1, 2), (1, 0), 1), (2, 2, 0, 2), (2, 3, 0, 1)],
)
@pytest.mark.parametrize("function", [True, False], ids=["function", "layer"])
def test_kept_places_are_torchs(size, stride, padding, dilation, function):
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pool = nn.MaxPool2d(size, stride, padding, dilation)
            self.stem = nn.Conv2d(2, 3, 3)

        def forward(self, x):
            x = self.stem(x)
            return F.max_pool2d(x, size, stride, padding, dilation) if function else self.pool(x)

    net, x = nets.seeded(Net), nets.rows(2, 2, 9, 10)
    e = FeatureMaps()(net, x, at="F.max_pool2d" if function else "pool")
    with torch.no_grad():
        stem = net.stem(x)
        values, places = F.max_pool2d(stem, size, stride, padding, dilation, return_indices=True)
    before, kept = e.pooled_from()
    np.testing.assert_array_equal(before, stem.numpy())
    np.testing.assert_array_equal(e.values, values.numpy())
    np.testing.assert_array_equal(kept, places.numpy())


def test_average_pooling_keeps_nothing_in_particular():
    net = nets.seeded(lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.AvgPool2d(2)))
    before, kept = FeatureMaps()(net, X, at="1").pooled_from()
    assert before.shape == (3, 2, 6, 6)
    assert kept is None


def test_several_layers_with_and_without_pooling(net):
    e = FeatureMaps()(net, X, at=["conv1", "pool#1", "pool#2"])
    assert e.pooled_from("conv1") is None
    assert plots.kinds(e)[:1] == ("maps",) or "maps" in plots.kinds(e)
    one = e["pool#2"]
    np.testing.assert_array_equal(one.pooled_from()[0], e.pooled_from("pool#2")[0])
    np.testing.assert_array_equal(one.pooled_from()[1], e.pooled_from("pool#2")[1])
    flat = one.pooled_from()[0].reshape(3, 16, -1)
    np.testing.assert_array_equal(
        np.take_along_axis(flat, one.pooled_from()[1].reshape(3, 16, -1), 2).reshape(one.values.shape),
        one.values,
    )


def test_tokens_of_an_image_lie_on_their_grid():
    net, x = nets.seeded(nets.Patches), nets.rows(2, 1, 8, 12)
    e = FeatureMaps()(net, x, at="encoder.layers.0.norm1")
    assert e.values.shape == (2, 16, 2, 3)
    model = pellucid.wrap(net)
    with model.at_rest():
        tokens = model[:"encoder.layers.0.norm1"].predict(x).numpy()
    np.testing.assert_array_equal(e.values[:, :, 1, 2], tokens[:, 1 + 5])


def test_series_have_their_channels_first():
    net = nets.seeded(lambda: nn.Sequential(nn.Conv1d(3, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 8, 2)))
    e = FeatureMaps()(net, nets.rows(2, 3, 10), at="1")
    assert e.values.shape == (2, 5, 8)


def test_silent_units_are_marked_and_counted(net):
    with torch.no_grad():
        net.conv1.bias[2] = -100
    e = FeatureMaps()(net, X, at="F.relu#1")
    assert e.silent().tolist() == [k == 2 for k in range(8)]
    texts = [t.get_text() for t in plots.draw(e).texts]
    assert "2 ×" in texts
    assert "1 of 8 units give nothing but zeros" in e.narrate()


def test_scales_are_said_on_the_picture(net):
    e = FeatureMaps()(net, X, at="conv1")
    shared, own = plots.draw(e), plots.draw(e, same=False)
    assert any("colours end at ±" in t.get_text() for t in shared.findobj(match=type(shared.title)))
    assert any("a scale of its own" in t.get_text() for t in own.findobj(match=type(own.title)))
    bar = shared.child_axes[0]
    assert sum(bar.get_ylim()) == pytest.approx(0)


def test_bad_places(net):
    with pytest.raises(LayerError, match=r"no layer 'con1'"):
        FeatureMaps()(net, X, at="con1")
    with pytest.raises(LayerError, match=r"called 2 times. Choose pool#1"):
        FeatureMaps()(net, X, at="pool")
    with pytest.raises(LayerError, match=r"does not call 'F.gelu'"):
        FeatureMaps()(net, X, at="F.gelu")
    with pytest.raises(ParameterError, match=r"Pass rows: x"):
        FeatureMaps()(net)
    with pytest.raises(CapabilityError, match=r"has no layers"):
        FeatureMaps()(lambda rows: rows.sum(1), np.ones((2, 3)))
    with pytest.raises(ParameterError, match=r"There is no row 7"):
        plots.draw(FeatureMaps()(net, X), row=7)


def test_a_place_that_does_not_keep_rows_first():
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lin, self.mix = nn.Linear(4, 3), nn.Identity()

        def forward(self, x):
            return self.lin(x) + self.mix(self.lin.weight.sum(1)[:1])

    with pytest.raises(LayerError, match=r"mix does not keep rows first"):
        FeatureMaps()(nets.seeded(Net), nets.rows(5, 4), at="mix")
