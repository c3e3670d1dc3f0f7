"""Activations: statistics over many rows equal NumPy's, in constant memory; dead and saturated units are named."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from torch import nn

import pellucid
from pellucid import Activations, plots
from pellucid.core.errors import LayerError, ParameterError
from tests import nets

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")


def dense(width: int = 16) -> nn.Module:
    return nets.seeded(
        lambda: nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, 8), nn.Tanh(), nn.Linear(8, 2))
    )


def test_statistics_equal_numpys():
    net, x = nets.seeded(nets.PoolCNN), nets.rows(50, 1, 8, 8)
    with pellucid.options(batch_size=7):
        e = Activations()(net, x, at=["conv1", "F.relu#2"])
    with torch.no_grad():
        conv1 = net.conv1(x).double().numpy()
        relu2 = net.conv2(net.pool(net.conv1(x).relu())).relu().double().numpy()
    for name, values in (("conv1", conv1), ("F.relu#2", relu2)):
        flat = values.transpose(1, 0, 2, 3).reshape(values.shape[1], -1)
        one = e[name]
        np.testing.assert_allclose(one.values, flat.mean(1), rtol=0, atol=1e-6)
        np.testing.assert_allclose(one.spread, flat.std(1), rtol=1e-6)
        np.testing.assert_allclose(one.low, flat.min(1), atol=1e-6)
        np.testing.assert_allclose(one.high, flat.max(1), atol=1e-6)
        np.testing.assert_allclose(one.zeros, (flat == 0).mean(1), atol=1e-12)
        peaks = values.max((2, 3)).T
        order = np.argsort(-peaks, 1, kind="stable")[:, :8]
        np.testing.assert_array_equal(one.top_rows, order)
        np.testing.assert_allclose(one.top_values, np.take_along_axis(peaks, order, 1), rtol=1e-6)
        for row in order.ravel():
            np.testing.assert_array_equal(one.input_of(int(row)), x[row].numpy())


def test_a_hundred_thousand_rows_in_constant_memory():
    net = dense(64)
    rng = np.random.default_rng(0)
    x = rng.normal(3, 1, size=(100_000, 6)).astype(np.float32)
    method = Activations(top=3, sample=50)
    peaks = []
    for rows in (10_000, 100_000):
        tracemalloc.start()
        e = method(net, x[:rows], at=["0", "1"])
        peaks.append(tracemalloc.get_traced_memory()[1] - x[:rows].nbytes)
        tracemalloc.stop()
    values = (
        x.astype(float) @ net[0].weight.detach().double().numpy().T + net[0].bias.detach().double().numpy()
    )
    np.testing.assert_allclose(e["0"].values, values.mean(0), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(e["0"].spread, values.std(0), rtol=1e-6)
    np.testing.assert_allclose(e["1"].values, np.maximum(values, 0).mean(0), rtol=1e-6, atol=1e-6)
    assert e.values.nbytes < 2000
    # all activations of both layers are 51 MB; ten times the rows may not cost more than a copy of the rows themselves
    assert peaks[1] < 1.5 * peaks[0] + 2 * x.nbytes
    assert peaks[1] < 30e6


def test_dead_and_saturated_units():
    net = dense()
    with torch.no_grad():
        net[0].bias[5] = -1000
        net[2].weight *= 100
    with pytest.warns(pellucid.PellucidWarning, match=r"1 of 24 units give the same"):
        e = Activations()(net, nets.rows(60, 6), at=["1", "3"])
    assert e.dead.tolist() == [k == 5 for k in range(24)]
    assert np.isnan(e["1"].saturated).all()
    assert (e["3"].saturated > 0.9).any()
    assert {c.name for c in e.quality.caveats} == {"dead_units", "saturated_units"}
    texts = [t.get_text() for t in plots.draw(e).figure.findobj(match=type(plots.draw(e).title))]
    assert any("dead on these data" in t for t in texts)


def test_without_a_place_activation_functions_are_watched():
    assert Activations()(dense(), nets.rows(5, 6)).layers == ("1", "3")
    plain = nets.seeded(lambda: nn.Sequential(nn.Linear(6, 3), nn.Linear(3, 2)))
    assert Activations()(plain, nets.rows(5, 6)).layers == ("0", "1")


def test_samples_pair_what_goes_in_with_what_comes_out():
    net, x = nets.seeded(nets.PoolCNN), nets.rows(40, 1, 8, 8)
    e = Activations(sample=15)(net, x, at=["F.relu#1", "conv2"])
    assert e.sample.shape == e.before.shape == (15, 8 + 16)
    np.testing.assert_array_equal(e.sample[:, :8], np.maximum(e.before[:, :8], 0))
    assert np.isnan(e.before[:, 8:]).all()
    np.testing.assert_array_equal(e.sample_x, x[e.sampled].numpy())
    with torch.no_grad():
        maps = net.conv1(x).numpy()
    for row, values in zip(e.sampled, e.before[:, :8], strict=True):
        assert any(np.array_equal(values, maps[row, :, i, j]) for i in range(8) for j in range(8))


def test_scatter_against_a_column_by_name():
    net, x = dense(), nets.rows(30, 6).numpy()
    names = ("a", "b", "c", "d", "e", "f")
    e = Activations()(net, x, at="1", features=pellucid.Columns(names))
    ax = plots.draw(e, "unit_scatter", unit=2, against="c")
    points = ax.collections[0].get_offsets()
    np.testing.assert_allclose(points[:, 0], x[e.sampled, 2], rtol=1e-6)
    np.testing.assert_allclose(points[:, 1], e.sample[:, 2], rtol=1e-6)
    assert ax.get_xlabel() == "c"
    into = plots.draw(e, "unit_scatter", unit=2)
    np.testing.assert_allclose(into.collections[0].get_offsets()[:, 0], e.before[:, 2])
    with pytest.raises(ParameterError, match=r"no column 'z'"):
        plots.draw(e, "unit_scatter", against="z")
    with pytest.raises(ParameterError, match=r"has no unit 99. Choose 0\.\.15"):
        plots.draw(e, "unit_scatter", unit=99)
    with pytest.raises(ParameterError, match=r"its rows are no images"):
        plots.draw(e, "examples")


def test_the_frame_has_a_line_per_unit():
    frame = Activations()(dense(), nets.rows(20, 6)).to_frame()
    assert len(frame) == 24
    assert list(frame.columns) == [
        "layer",
        "unit",
        "mean",
        "spread",
        "min",
        "max",
        "zeros",
        "saturated",
        "dead",
    ]


def test_bad_input():
    with pytest.raises(LayerError, match=r"no layer 'fc'"):
        Activations()(dense(), nets.rows(5, 6), at="fc")
    with pytest.raises(ParameterError, match=r"Activations takes no y"):
        Activations()(dense(), nets.rows(5, 6), y=[0] * 5)
    with pytest.raises(ParameterError, match=r"top=.* must be at least 1"):
        Activations(top=0)
