"""The network as it ran, and its layers as linear maps, held against autograd and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from torch import nn

import pellucid
from pellucid import Architecture, LinearDecomposition, plots
from pellucid.core.errors import CapabilityError, LayerError, ParameterError
from tests import nets

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")


class Skipping(nn.Module):
    """A block with a skip, and a layer that never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, stride=2, padding=1)
        self.short, self.unused = nn.Conv2d(4, 4, 1, stride=2), nn.Linear(3, 3)
        self.head = nn.Linear(4 * 16, 5)

    def forward(self, x):
        x = self.stem(x).relu()
        return self.head((self.body(x) + self.short(x)).relu().flatten(1))


def test_steps_as_they_run():
    net = nets.seeded(Skipping)
    e = Architecture()(net, nets.rows(3, 1, 8, 8))
    assert e.names == ("stem", "F.relu#1", "body", "short", "F.add", "F.relu#2", "F.flatten", "head")
    assert e.sources[4] == (2, 3)
    assert (1, 3) in e.skips
    assert (2, 4) in e.skips
    assert "unused" not in e.names
    used = sum(p.numel() for n, p in net.named_parameters() if not n.startswith("unused"))
    assert e.parameters == used
    frame = e.to_frame()
    assert frame["shape"].tolist()[:3] == ["4x8x8", "4x8x8", "4x4x4"]
    assert frame["takes"].tolist()[4] == "body, short"
    assert frame["share"].sum() == pytest.approx(1)


def test_compute_equals_a_count_by_hand():
    e = Architecture()(nets.seeded(nets.PoolCNN), nets.rows(2, 1, 8, 8))
    by_name = dict(zip(e.names, e.values[:, 1], strict=True))
    assert by_name["conv1"] == 8 * 64 * 9
    assert by_name["conv2"] == 16 * 16 * 8 * 9
    assert by_name["fc1"] == 64 * 32
    assert by_name["fc2"] == 320
    assert by_name["F.relu#1"] == 0


def test_receptive_fields_equal_what_the_input_reaches():
    """Every weight one, no ReLU in the way: the gradient of one place reaches just its receptive field."""

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=2, dilation=2)
            self.pool, self.c = nn.AvgPool2d(2), nn.Conv2d(1, 1, 5, padding=2)
            self.fc = nn.Linear(64, 2)

        def forward(self, x):
            x = self.a(x)
            x = self.c(self.pool(self.b(x) + x))
            return self.fc(self.pool(x).flatten(1))

    net = nets.seeded(Plain)
    with torch.no_grad():
        for p in net.parameters():
            p.fill_(1.0)
    x = nets.rows(1, 1, 32, 32)
    e = Architecture()(net, x)
    model = pellucid.wrap(net)
    with model.at_rest():
        for name, shape, field in zip(e.names, e.shapes, e.fields, strict=True):
            if len(shape) != 3:
                continue

            def centre(y, shape=shape):
                out = torch.zeros_like(y)
                out[0, 0, shape[1] // 2, shape[2] // 2] = 1
                return out

            grad = model[:name].vjp((x,), centre)[1][0][0, 0].numpy()
            rows, columns = np.nonzero(grad)
            assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == field, name
    assert e.fields[-1] == (32, 32)


def test_tables_and_transformers_have_steps_too():
    assert Architecture()(nets.seeded(nets.Patches), nets.rows(2, 1, 8, 12)).fields[0] == (4, 4)
    e = Architecture()(nn.Sequential(nn.Linear(4, 3), nn.Tanh()), nets.rows(2, 4))
    assert e.fields == ((), ())
    assert "2 steps, 2 layers" in e.narrate()


def test_long_networks_are_paged():
    net = nn.Sequential(*[nn.Linear(3, 3) for _ in range(100)])
    e = Architecture()(net, nets.rows(2, 3))
    figures = list(plots.pages(e))
    assert len(figures) == 3
    seen = {t.get_text() for f in figures for t in f.axes[0].texts}
    assert {str(k) for k in range(100)} <= seen


def test_a_function_has_no_architecture():
    with pytest.raises(CapabilityError, match=r"has no layers"):
        Architecture()(lambda rows: rows.sum(1), np.ones((2, 3)))
    with pytest.raises(ParameterError, match=r"Pass rows"):
        Architecture()(nets.seeded(Skipping))


# -- linear maps ----------------------------------------------------------------------------------------------------


def net64() -> nn.Module:
    return nets.seeded(
        lambda: nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 3)),
        dtype=torch.float64,
    )


def test_w_x_plus_b_is_the_layer_at_the_row():
    net, x = net64(), nets.rows(40, 5, dtype=torch.float64)
    e = LinearDecomposition(row=7)(net, x)
    values = [x[7]]
    with torch.no_grad():
        for layer in net:
            values.append(layer(values[-1]))
    for k, layer in enumerate(net):
        w, b, given, out = e.local(k)
        np.testing.assert_allclose(given, values[k].numpy(), atol=1e-12)
        np.testing.assert_allclose(w @ given + b, values[k + 1].numpy(), atol=1e-6)
        np.testing.assert_allclose(out, values[k + 1].numpy(), atol=1e-12)
        reference = torch.autograd.functional.jacobian(layer, values[k]).numpy()
        np.testing.assert_allclose(w, reference, atol=1e-10)
        if isinstance(layer, nn.Linear):
            np.testing.assert_allclose(w, layer.weight.detach().numpy(), atol=1e-12)
            np.testing.assert_allclose(b, layer.bias.detach().numpy(), atol=1e-10)


def test_effective_weights_of_a_piecewise_linear_network():
    net = nets.seeded(nets.PoolCNN, dtype=torch.float64)
    x = nets.rows(6, 1, 8, 8, dtype=torch.float64)
    e = LinearDecomposition(row=2)(net, x, at="fc*")
    reference = torch.autograd.functional.jacobian(lambda a: net(a[None])[0], x[2]).numpy()
    np.testing.assert_allclose(e.effective, reference, atol=1e-10)
    y = net(x[2:3])[0].detach().numpy()
    np.testing.assert_allclose(e.effective.reshape(10, -1) @ e.x.ravel() + e.effective_bias, y, atol=1e-9)
    near = x[2] + 1e-7 * nets.rows(1, 1, 8, 8, dtype=torch.float64)[0]  # no ReLU switches so near
    there = net(near[None])[0].detach().numpy()
    told = e.effective.reshape(10, -1) @ near.numpy().ravel() + e.effective_bias
    np.testing.assert_allclose(told, there, atol=1e-12)


def test_r2_equals_scikit_learns():
    net, x = net64(), nets.rows(300, 5, dtype=torch.float64)
    e = LinearDecomposition()(net, x)
    order = pellucid.core.run.Run().generator().permutation(300)
    seen, held = order[:150], order[150:]
    value = x
    for k, layer in enumerate(net):
        with torch.no_grad():
            after = layer(value)
        a, b = value.numpy(), after.numpy()
        if e.single[k]:
            told = np.stack(
                [
                    LinearRegression().fit(a[seen, j : j + 1], b[seen, j]).predict(a[held, j : j + 1])
                    for j in range(a.shape[1])
                ],
                1,
            )
        else:
            told = LinearRegression().fit(a[seen], b[seen]).predict(a[held])
        expected = r2_score(b[held], told, multioutput="variance_weighted")
        assert e.values[k] == pytest.approx(expected, abs=2e-3 if e.single[k] else 1e-6)
        value = after
    assert e.single == (False, True, False, True, False)
    assert e.values[[0, 2, 4]] == pytest.approx(1, abs=1e-9)
    assert (e.values[[1, 3]] < 0.999).all()
    assert (e.fitted, e.held) == (150, 150)


def test_blocks_are_layers_too():
    net = nn.Sequential(nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4)), nn.Linear(4, 2)).double()
    e = LinearDecomposition()(net, nets.rows(200, 4, dtype=torch.float64), at="0")
    w, b, x, y = e.local("0")
    np.testing.assert_allclose(w @ x + b, y, atol=1e-10)
    assert 0 < e.values[0] < 1


def test_what_is_too_large_or_too_few_is_said():
    net, x = nets.seeded(nets.PoolCNN), nets.rows(20, 1, 8, 8)
    with pytest.warns(pellucid.PellucidWarning, match=r"layers take more numbers than there are rows"):
        e = LinearDecomposition(largest=1000)(net, x)
    assert e.map_shapes[e.number("conv1")] == ()
    with pytest.raises(LayerError, match=r"too large to keep. Raise largest"):
        e.local("conv1")
    with pytest.raises(LayerError, match=r"was not looked at"):
        e.local("fc9")
    with pytest.raises(ParameterError, match=r"There is no row 20. Choose 0\.\.19"):
        LinearDecomposition(row=20)(net, x)


def test_pictures_of_linear_maps():
    net, x = nets.seeded(nets.PoolCNN), nets.rows(20, 1, 8, 8)
    e = LinearDecomposition()(net, x, at=["fc1", "F.relu#3"])
    for kind in ("linearity", "effective"):
        plots.draw(e, kind).figure.canvas.draw()
    table = LinearDecomposition()(net64(), nets.rows(20, 5, dtype=torch.float64))
    assert [t.get_text() for t in plots.draw(table, "effective").get_xticklabels()] == [
        f"x{k}" for k in range(5)
    ]
