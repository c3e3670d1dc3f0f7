"""Kernels and Weights: the numbers are the model's own, laid out alike, and what is dead or twice is named."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.text import Text
from torch import nn

import pellucid
from pellucid import Kernels, Weights, plots
from pellucid.core.errors import CapabilityError, LayerError, ParameterError
from tests import nets

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")


class Cifar(nn.Module):
    """Three convolutions and two dense layers, as for CIFAR-10."""

    def __init__(self, first: int = 16) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, first, 5), nn.Conv2d(first, 24, 3)
        self.conv3 = nn.Conv2d(24, 8, 1)
        self.fc1, self.fc2 = nn.Linear(8 * 25, 20), nn.Linear(20, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for conv in (self.conv1, self.conv2, self.conv3):
            x = torch.max_pool2d(conv(x).relu(), 2) if conv.kernel_size != (1, 1) else conv(x).relu()
        x = nn.functional.adaptive_avg_pool2d(x, 5)
        return self.fc2(self.fc1(x.flatten(1)).relu())


@pytest.fixture
def net() -> nn.Module:
    return nets.seeded(Cifar)


def said(figure):
    return "\n".join(t.get_text() for t in figure.findobj(Text)).replace("\n", " ")


def test_one_layer_keeps_its_shape_and_its_bits(net):
    e = Kernels()(net, at="conv1")
    np.testing.assert_array_equal(e.values, net.conv1.weight.detach().numpy())
    assert e.values.shape == (16, 3, 5, 5)
    assert e.layers == ("conv1",)
    assert e.kinds == ("Conv2d",)
    assert len(e) == 16


def test_several_layers_lie_one_after_another(net):
    e = Kernels()(net)
    assert e.layers == ("conv1", "conv2", "conv3")
    for name in e.layers:
        weight = getattr(net, name).weight.detach().numpy()
        np.testing.assert_array_equal(e.layer(name), weight)
        np.testing.assert_array_equal(e[name].values, weight)
        assert e[name].layers == (name,)
    assert len(e) == 16 + 24 + 8 == len(e.to_frame())
    with pytest.raises(LayerError, match=r"'fc1' was not looked at"):
        e.layer("fc1")


def test_places_are_names_lists_and_patterns(net):
    assert Kernels()(net, at="conv*").layers == ("conv1", "conv2", "conv3")
    assert Kernels()(net, at=["conv3", "conv1"]).layers == ("conv3", "conv1")
    assert Weights()(net, at="fc?").layers == ("fc1", "fc2")
    assert Weights()(net).layers == ("conv1", "conv2", "conv3", "fc1", "fc2")


def test_rows_may_be_given_and_are_not_needed(net):
    x = nets.rows(2, 3, 32, 32)
    np.testing.assert_array_equal(Kernels()(net, x, at="conv1").values, Kernels()(net, at="conv1").values)


def test_layouts_are_out_in_window():
    made = nn.Sequential(
        nn.ConvTranspose2d(6, 8, 3, groups=2),
        nn.Conv1d(3, 5, 4),
        nn.Conv3d(2, 3, (2, 3, 4)),
        nn.Conv2d(6, 12, 3, groups=6),
        nn.Embedding(7, 4),
        nn.LSTM(3, 2),
        nn.MultiheadAttention(4, 2),
    )
    e = Kernels()(made)
    assert e.shapes == ((8, 3, 3, 3), (5, 3, 4), (3, 2, 2, 3, 4), (12, 1, 3, 3))
    weight = made[0].weight.detach().numpy()  # (in, out / groups, 3, 3)
    for out in range(8):
        for into in range(3):
            group = out // 4
            np.testing.assert_array_equal(e.layer("0")[out, into], weight[group * 3 + into, out - group * 4])
    assert e.planes("1").shape == (5, 3, 1, 4)
    assert e.planes("2").shape == (3, 2, 3, 8)
    volume = e.layer("2")
    np.testing.assert_array_equal(e.planes("2")[1, 0, :, 4:], volume[1, 0, 1])
    w = Weights()(made)
    assert "5.weight_ih_l0" in w.layers
    assert "6.in_proj_weight" in w.layers
    assert "6.out_proj" in w.layers
    assert Weights()(made, at="5").layers == ("5.weight_ih_l0", "5.weight_hh_l0")
    assert w.layer("4").shape == (7, 4)


def test_reparametrised_and_half_precision_weights():
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))
    np.testing.assert_array_equal(Weights()(nn.Sequential(layer)).values, layer.weight.detach().numpy())
    half = nn.Sequential(nn.Linear(4, 3)).to(torch.bfloat16)
    assert Weights()(half).values.dtype == np.float32


def test_dead_and_duplicated_units_are_named(net):
    with torch.no_grad():
        net.conv1.weight[3] = 0
        net.fc1.weight[7] = net.fc1.weight[2]
        net.fc1.weight[9] = net.fc1.weight[2]
    with pytest.warns(pellucid.PellucidWarning, match=r"1 of 48 units learned nothing.*3 of conv1"):
        e = Kernels()(net)
    assert e.dead == ((3,), (), ())
    assert e.order("conv1")[-1] == 3
    w = Weights()(net, at="fc1")
    assert w.twins == (((2, 7), (2, 9)),)
    assert w.dead == ((),)
    assert {c.name for c in w.quality.caveats} == {"same_weights"}
    assert "3 ×" in said(plots.figure(e, layer="conv1"))
    with torch.no_grad():
        net.fc1.weight[7] *= 1.01
    assert Weights()(net, at="fc1").twins == (((2, 9),),)


def test_kernels_are_ordered_by_norm(net):
    e = Kernels()(net, at="conv2")
    norms = np.sqrt((net.conv2.weight.detach().numpy().astype(float) ** 2).sum((1, 2, 3)))
    np.testing.assert_allclose(e.norms(), norms)
    assert (np.diff(norms[e.order()]) <= 0).all()
    texts = [t.get_text() for t in plots.draw(Kernels()(net, at="conv1")).texts]
    shown = [int(t) for t in texts if t.isdigit()]
    assert shown == Kernels()(net, at="conv1").order().tolist()


def test_names_of_columns_and_classes():
    net = nets.seeded(lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)))
    e = Weights()(net, features=pellucid.Columns(("a", "b", "c")), classes=("no", "yes"))
    assert e.inputs == (("a", "b", "c"), ())
    assert e.outputs == ((), ("no", "yes"))
    ax = plots.draw(e, layer=0)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "c"]


@pytest.mark.parametrize("into", [1, 3, 5])
def test_thousands_of_channels_are_paged_without_a_cut(into):
    layer = nets.seeded(lambda: nn.Sequential(nn.Conv2d(into, 700, 3)))
    e = Kernels()(layer)
    figures = list(plots.pages(e))
    size = 240 if into < 5 else 128
    assert len(figures) == -(-700 // size)
    assert f"page 1 of {len(figures)}" in said(figures[0])
    assert "700" in said(figures[-1])
    if into < 5:
        shown = [int(t.get_text()) for f in figures for t in f.axes[0].texts if t.get_text().isdigit()]
        assert sorted(shown) == list(range(700))
    with pytest.raises(ParameterError, match=rf"There is no page 99\. Choose 1..{len(figures)}"):
        plots.draw(e, page=99)


def test_large_matrices_say_what_a_cell_is():
    net = nets.seeded(lambda: nn.Sequential(nn.Linear(3000, 700)))
    with torch.no_grad():
        net[0].weight[699, 2999] = -5
    ax = plots.draw(Weights()(net))
    assert "largest of 2x5 numbers" in said(ax.figure)
    assert float(ax.images[0].get_array()[-1, -1]) == -5


def test_colours_are_symmetric_about_zero(net):
    for e, kind in ((Kernels()(net, at="conv2"), "kernels"), (Weights()(net, at="fc1"), "matrix")):
        bar = plots.draw(e, kind).child_axes[0]
        low, high = sorted(bar.get_ylim())
        assert low == pytest.approx(-high)
        assert high == pytest.approx(np.abs(e.values).max())


def test_a_plain_function_has_no_layers():
    with pytest.raises(CapabilityError, match=r"looks inside a network, and this model has no layers"):
        Kernels()(lambda rows: rows.sum(1), np.ones((2, 3)))
    with pytest.raises(CapabilityError, match=r"has no layers"):
        Weights()(lambda rows: rows.sum(1))


def test_places_that_cannot_be_shown(net):
    with pytest.raises(LayerError, match=r"Layer 'fc1' is no convolution. Got Linear.*Choose conv1, conv2"):
        Kernels()(net, at="fc1")
    with pytest.raises(LayerError, match=r"no layer 'cnv1'. Did you mean 'conv1'"):
        Kernels()(net, at="cnv1")
    with pytest.raises(LayerError, match=r"No place here fits 'encoder"):
        Weights()(net, at="encoder*")
    with pytest.raises(LayerError, match=r"No layer that fits 'fc"):
        Kernels()(net, at="fc*")
    pooled = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    with pytest.raises(LayerError, match=r"'1' has no weights of its own"):
        Weights()(pooled, at="1")
    with pytest.raises(LayerError, match=r"no layer that Kernels can show"):
        Kernels()(nn.Sequential(nn.Linear(2, 2)))


def test_what_would_be_ignored_is_refused(net):
    with pytest.raises(ParameterError, match=r"Kernels takes no target"):
        Kernels()(net, target=1)
    with pytest.raises(ParameterError, match=r"No place is named"):
        Kernels()(net, at=[])


def test_told_in_both_languages(net):
    e = Kernels()(net)
    assert "48 kernels" in e.narrate()
    assert "卷积核" in e.narrate("zh")
    with pytest.raises(ParameterError, match=r"no rows to tell"):
        e.narrate(row=0)
