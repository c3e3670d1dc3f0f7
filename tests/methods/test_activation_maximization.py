"""Activation maximisation: objectives, priors with their adjoints, the climb, and what is told of its inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import pellucid
from pellucid import ActivationMaximization, Columns, Objective, Pixels, Steps, plots
from pellucid.core.errors import (
    CapabilityError,
    DataError,
    LayerError,
    ParameterError,
    ShapeError,
    TargetError,
)
from pellucid.core.model import wrap
from pellucid.core.run import Pace, Run
from pellucid.methods.internals import judged
from pellucid.methods.internals.ascent import Ascent, Pull, alike, rough
from pellucid.methods.internals.generated import Generated
from pellucid.methods.internals.lying import Lying
from pellucid.methods.internals.priors import Components, Values
from pellucid.methods.internals.warps import Moves, Warp
from pellucid.methods.internals.waves import Waves
from tests import nets
from tests.twins.activation_maximization import climb as twin

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
X = nets.rows(30, 1, 8, 8)
RNG = np.random.default_rng(0)
QUICK = ActivationMaximization(steps=12, pictures=2)


@pytest.fixture
def net() -> nn.Module:
    return nets.seeded(nets.PoolCNN)


def outputs(net: nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return net(torch.tensor(x, dtype=next(net.parameters()).dtype)).numpy()


# -- objectives -----------------------------------------------------------------------------------------------------


def test_objectives_add_subtract_and_scale():
    a, b, c = Objective(3), Objective(1), Objective(2, at="conv1")
    assert list((a - 0.5 * c).terms) == [(1.0, "", 3), (-0.5, "conv1", 2)]
    assert list((a - (b - c)).terms) == [(1.0, "", 3), (-1.0, "", 1), (1.0, "conv1", 2)]
    assert list((-(a + b) / 2).terms) == [(-0.5, "", 3), (-0.5, "", 1)]
    assert sum([a, b]) == a + b
    assert np.float64(2) * a == 2.0 * a == a * 2
    assert str(a - 0.5 * c) == "output[3] - 0.5 conv1[2]"
    assert (str(a), str(c), str(Objective([0.1, 0.2], at="fc"))) == ("3", "conv1[2]", "fc[direction of 2]")
    assert hash(a - c) == hash(Objective(3) - Objective(2, at="conv1"))


def test_an_objective_is_what_it_says(net):
    """Its value on the data is the sum it is written as."""
    y = outputs(net, X.numpy())
    conv = net.conv2(net.pool(torch.relu(net.conv1(X)))).detach().numpy()
    way = np.linspace(-1, 1, 16)
    for objective, value in (
        (Objective(3) - Objective(1), y[:, 3] - y[:, 1]),
        (Objective(3) + Objective(1), y[:, 3] + y[:, 1]),
        (-2 * Objective(3) + Objective(5, at="conv2") / 4, -2 * y[:, 3] + conv[:, 5].mean((1, 2)) / 4),
        (Objective((5, 1, 2), at="conv2"), conv[:, 5, 1, 2]),
        (Objective(way, at="conv2"), np.einsum("nchw,c->n", conv, way) / 16),
        (pellucid.Margin(3, 1), y[:, 3] - y[:, 1]),
        (pellucid.Neuron("conv2", (5, 1, 2)), conv[:, 5, 1, 2]),
    ):
        e = QUICK(net, X, target=objective)
        np.testing.assert_allclose(e.best, [value.max()], rtol=1e-5)
        np.testing.assert_allclose(e.typical, [value.mean()], atol=1e-5)
        assert e.best_row[0] == value.argmax()
        np.testing.assert_array_equal(e.examples[0], X[value.argmax()].numpy())


def test_what_is_written_is_what_is_climbed():
    """A - B makes A - B large, and neither -(A + B) nor A + B."""
    net = nets.seeded(nets.PoolCNN)
    a, b = Objective(3), Objective(1)
    e = ActivationMaximization(steps=60, pictures=2)(
        net, X, target=[a - b, a + b, -(a + b), b - a, 4 * (a - b)]
    )
    y = outputs(net, e.values.reshape(-1, 1, 8, 8)).reshape(5, 2, 10)
    np.testing.assert_allclose(e.reached[0], y[0, :, 3] - y[0, :, 1], rtol=1e-5)
    np.testing.assert_allclose(e.reached[2], -(y[2, :, 3] + y[2, :, 1]), rtol=1e-5)
    difference, total = y[..., 3] - y[..., 1], y[..., 3] + y[..., 1]
    assert difference[0].min() > difference[1:4].max()
    assert total[1].min() > np.delete(total, 1, 0).max()
    assert total[2].max() < np.delete(total, 2, 0).min()
    assert difference[3].max() < np.delete(difference, 3, 0).min()
    np.testing.assert_allclose(e.values[4], e.values[0], atol=1e-5)  # a factor changes nothing


def test_a_sum_over_layers_has_the_gradient_of_the_sum(net):
    """One step from the same start, with and without the second layer, equals autograd's."""
    objective = Objective(3) - 4 * Objective(5, at="conv2")
    e = ActivationMaximization(
        steps=1, pictures=1, rate=1e-3, prior="values", noise=0, jitter=0, turn=0, scale=0
    )(net, X, target=objective)
    z = 0.01 * np.random.default_rng(np.random.SeedSequence(0, spawn_key=(0,))).standard_normal((1, 1, 8, 8))
    low, high = X.min(), X.max()
    p = torch.tensor(z, dtype=torch.float32, requires_grad=True)
    x = low + (high - low) * torch.sigmoid(p)
    conv = net.conv2(net.pool(torch.relu(net.conv1(x))))
    (g,) = torch.autograd.grad(net(x)[0, 3] - 4 * conv[0, 5].mean(), p)
    after = p + 1e-3 * torch.sign(g)  # Adam's first step
    np.testing.assert_allclose(
        e.values[0], (low + (high - low) * torch.sigmoid(after)).detach().numpy(), atol=1e-5
    )


# -- adjoints -------------------------------------------------------------------------------------------------------


def adjoint(prior: Any, z: np.ndarray, *shape: int) -> float:
    """<J dz, g> against <dz, J* g>, by central differences."""
    g, dz = RNG.standard_normal((len(z), *shape)), RNG.standard_normal(z.shape)
    step = 1e-6
    forth = ((prior.picture(z + step * dz) - prior.picture(z - step * dz)) * g).sum() / (2 * step)
    back = (prior.pull(z, prior.picture(z), g) * dz).sum()
    return abs(forth - back) / abs(forth)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (3, 7, 9), (2, 11), (2, 12)])
@pytest.mark.parametrize("prior", [Values, Waves, Components])
@pytest.mark.parametrize("size", [0.3, 3.0])
def test_priors_have_exact_adjoints(prior, shape, size):
    """Inside their balls (0.3) and outside (3)."""
    p = prior(RNG.random((40, *shape)))
    z = size * RNG.standard_normal(p.start(2, RNG).shape)
    assert adjoint(p, z, *shape) < 1e-6


def test_the_generators_adjoint_is_exact():
    made = nets.seeded(
        lambda: nn.Sequential(nn.Linear(5, 12), nn.Tanh(), nn.Unflatten(1, (3, 2, 2))), dtype=torch.float64
    )
    model = wrap(made)
    p = Generated(model, RNG.standard_normal((20, 5)), Pace(Run(), 4, model.out_of_memory), Lying("first"))
    for size in (0.3, 3.0):
        assert adjoint(p, size * RNG.standard_normal((2, 5)), 3, 2, 2) < 1e-6


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (12,)])
@pytest.mark.parametrize(
    "moves",
    [
        Moves(),
        Moves(jitter=0.3, turn=0, scale=0),
        Moves(0, 40, 0),
        Moves(0, 0, 0.5),
        Moves(0, 0, 0, crop=0.5),
    ],
)
def test_moves_have_exact_adjoints(size, moves):
    warp = moves.draw(size, RNG, float)
    x, y = RNG.random((2, 3, *size)), RNG.random((2, 3, *size))
    assert (warp(x) * y).sum() == pytest.approx((x * warp.pull(y)).sum(), rel=1e-12)
    np.testing.assert_allclose(warp(np.ones((1, 1, *size))), 1, atol=1e-12)


def test_moves_go_where_they_say():
    x = RNG.random((1, 2, 6, 6))
    still = Warp((6, 6), np.eye(2), np.zeros(2))
    np.testing.assert_allclose(still(x), x, atol=1e-12)
    np.testing.assert_allclose(
        Warp((6, 6), np.eye(2), np.array([1.0, 0]))(x)[:, :, :-1], x[:, :, 1:], atol=1e-12
    )
    quarter = np.array([[0.0, -1], [1, 0]])
    np.testing.assert_allclose(Warp((6, 6), quarter, np.zeros(2))(x), np.rot90(x, 1, (3, 2)), atol=1e-12)
    twice = Warp((6, 6), 0.5 * np.eye(2), np.zeros(2))(x)  # the middle, enlarged
    assert twice.min() >= x[:, :, 1:5, 1:5].min()
    assert twice.max() <= x[:, :, 1:5, 1:5].max()


def test_what_holds_a_climb_has_exact_gradients():
    x = RNG.standard_normal((6, 2, 5, 4))
    dx, step = RNG.standard_normal(x.shape), 1e-6
    value, gradient = rough(x)
    forth = (rough(x + step * dx)[0] - rough(x - step * dx)[0]) / (2 * step)
    np.testing.assert_allclose((gradient * dx).reshape(6, -1).sum(1), forth, rtol=1e-6)
    assert value[0] == pytest.approx(sum(float((np.diff(x[0], axis=a) ** 2).sum()) for a in (1, 2)))
    away = (alike(x + step * dx, 3)[0] - alike(x - step * dx, 3)[0]) / (2 * step)
    assert (alike(x, 3)[1] * dx).sum() == pytest.approx(away, rel=1e-6)


# -- priors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prior", [Values, Waves, Components])
def test_a_prior_finds_its_way_back(prior):
    data = RNG.random((40, 2, 6, 6))
    p = prior(data)
    z = 0.2 * RNG.standard_normal(p.start(3, RNG).shape)
    x = p.picture(z)
    np.testing.assert_allclose(p.picture(p.at(x)), x, atol=1e-3)
    assert (x >= data.min()).all()
    assert (x <= data.max()).all()


def test_waves_are_as_large_as_the_datas():
    """Typical parameters give pictures with the spectrum, the mean and the colours of the data."""
    smooth = np.cumsum(np.cumsum(RNG.standard_normal((300, 1, 16, 16)), 2), 3) * np.array(
        [1.0, 0.5, -0.2]
    ).reshape(1, 3, 1, 1)
    data = 1 / (1 + np.exp(-(smooth / 20 + 0.05 * RNG.standard_normal((300, 3, 16, 16)))))
    p = Waves(data)
    made = p.picture(RNG.standard_normal((300, 2, *p.scale.shape)))
    away, usual = judged.unlike(made, data)
    assert np.median(away) < 1.5 * usual
    np.testing.assert_allclose(made.mean((0, 2, 3)), data.mean((0, 2, 3)), atol=0.05)
    colours = [np.corrcoef(np.moveaxis(x, 1, 0).reshape(3, -1)) for x in (made, data)]
    np.testing.assert_allclose(colours[0], colours[1], atol=0.15)


def test_columns_stay_what_they_are():
    """Codes, whole numbers, two-valued columns and one of several 0/1 columns stay such; numbers keep their range."""
    n = 60
    data = np.column_stack(
        [
            RNG.normal(size=n),
            RNG.integers(0, 3, n),
            RNG.integers(1, 20, n),
            np.where(RNG.random(n) < 0.4, -1.2, 0.7),
            np.eye(3)[RNG.integers(0, 3, n)],
        ]
    )
    names = ("size", "kind", "count", "flag", "red", "green", "blue")
    columns = Columns(
        names, categories={"kind": ("a", "b", "c")}, groups={"colour": ("red", "green", "blue")}
    )
    net = nets.seeded(lambda: nn.Sequential(nn.Linear(7, 16), nn.Tanh(), nn.Linear(16, 2)))
    for prior in ("components", "values"):
        e = ActivationMaximization(prior=prior)(net, data, features=columns)
        x = e.values.reshape(-1, 7)
        assert np.isin(x[:, 1], (0, 1, 2)).all()
        assert (x[:, 2] == np.round(x[:, 2])).all()
        assert np.isin(x[:, 3], np.float32([-1.2, 0.7])).all()
        assert (np.sort(x[:, 4:], 1) == (0, 0, 1)).all()
        assert ((x >= data.min(0) - 1e-6) & (x <= data.max(0) + 1e-6)).all()
        assert (e.reached > e.typical[:, None]).all()
        assert "optimal_rows" in plots.kinds(e)


def test_the_best_row_of_a_linear_model_is_the_end_of_the_ellipse():
    """For a linear model and whitened components it is known: mean + sqrt(k) S w / |S^(1/2) w|."""
    data = RNG.multivariate_normal([1, 2, 3], [[1, 0.5, 0], [0.5, 2, 0.3], [0, 0.3, 0.5]], 1000)
    net = nets.seeded(lambda: nn.Sequential(nn.Linear(3, 1)), dtype=torch.float64)
    w = net[0].weight.detach().numpy()[0]
    e = ActivationMaximization(steps=400, noise=0, rate=0.02)(net, data, features=Columns(("a", "b", "c")))
    cov = np.cov(data.T)  # all rows are fitted to
    best = data.mean(0) + np.sqrt(3) * cov @ w / np.sqrt(w @ cov @ w)
    np.testing.assert_allclose(e.values[0], np.tile(best, (3, 1)), atol=0.02)


# -- the climb ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "held", [{}, {"l2": 0.3}, {"tv": 0.5}, {"apart": 0.7}, {"l2": 0.2, "tv": 0.1, "apart": 0.4}]
)
def test_the_climb_equals_its_slow_twin(held):
    net = nets.seeded(nets.Residual, dtype=torch.float64)
    data = nets.rows(12, 2, 8, 8, dtype=torch.float64).numpy()
    z = 0.3 * RNG.standard_normal((3, 2, 8, 8))
    spread = 2.5

    def ask(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        leaf = torch.tensor(x, requires_grad=True)
        y = net(leaf)[:, 1]
        return y.detach().numpy(), torch.autograd.grad(y.sum(), leaf)[0].numpy()

    ascent = Ascent(15, 0.05, Moves(0, 0, 0), 0.0, Pull(**held), data, np.full(3, spread))
    prior = Values(data)
    found = prior.picture(ascent.walk(ask, prior, z, 3, RNG, lambda done: None))
    slow = twin(lambda x: net(x)[:, 1], z, data, steps=15, rate=0.05, spread=spread, **held)
    np.testing.assert_allclose(found, slow, atol=1e-9)


def test_a_picture_does_not_depend_on_what_else_is_asked():
    net = nets.seeded(nets.Residual)
    x = nets.rows(20, 2, 8, 8)
    whole, alone = QUICK(net, x), QUICK(net, x, target=[3])
    np.testing.assert_allclose(whole.values[3], alone.values[0], atol=1e-4)


def test_a_short_climb_is_the_same_in_any_batch():
    net = nets.seeded(nets.Residual)
    x = nets.rows(20, 2, 8, 8)
    whole = QUICK(net, x)
    with pellucid.options(batch_size=3):
        np.testing.assert_allclose(QUICK(net, x).values, whole.values, atol=1e-4)


def test_diversity_keeps_pictures_apart(net):
    data = nets.rows(60, 1, 8, 8)
    plain, apart = (
        ActivationMaximization(steps=60, diversity=d)(net, data, target=[0, 1, 2]) for d in (0.0, 1.0)
    )
    assert apart.agreement.mean() < plain.agreement.mean() - 0.2
    assert "restarts_disagree" not in [c.name for c in apart.quality.checks]


def test_what_it_is_held_by_holds_it(net):
    def of(**how: float) -> np.ndarray:
        e = ActivationMaximization(steps=60, prior="values", **how)(net, X, target=3)  # type: ignore[arg-type]
        return e.values.reshape(-1, 1, 8, 8) - X.numpy().mean(0)

    plain = of()
    assert (of(l2=2.0) ** 2).sum() < 0.7 * (plain**2).sum()
    assert rough(of(tv=5.0))[0].sum() < 0.5 * rough(plain)[0].sum()


class Silent(nn.Module):
    """A ReLU channel that fires on bright images alone, one that never fires, and a plain one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu = nn.Conv2d(1, 3, 3, padding=1), nn.ReLU()
        nn.init.constant_(self.conv.weight, 0.1)
        self.conv.bias.data = torch.tensor([-0.7, -3.0, 0.1])
        self.fc = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.relu(self.conv(x)).mean((2, 3)))


def test_a_silent_channel_begins_at_its_best_example_or_before_its_activation():
    net = nets.seeded(Silent)
    data = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 0.4
    data[5:20] += 0.55
    e = ActivationMaximization(steps=80, noise=0.02)(net, data, at="relu", features=Pixels())
    assert e.started == ("example", "before", "noise")
    assert (e.reached[0] > 0).all()
    assert 5 <= e.best_row[0] < 20
    mean = net.conv(torch.tensor(e.values[1])).detach()[:, 1].mean((1, 2))
    assert mean.min() > net.conv(data).detach()[:, 1].mean((1, 2)).mean() + 0.1
    assert any("began at rows of the data" in n for n in e.provenance.notes)
    assert any("before" in s or "activation function" in s for s in e.provenance.notes)
    assert "1" in e.narrate()
    assert ActivationMaximization(steps=2, start="example")(net, data).started == ("example", "example")


def test_every_picture_has_its_numbers(net):
    e = ActivationMaximization(steps=30)(net, X)
    y = outputs(net, e.values.reshape(-1, 1, 8, 8)).reshape(10, 3, 10)
    np.testing.assert_allclose(e.reached, np.stack([y[k, :, k] for k in range(10)]), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(e.best, outputs(net, X.numpy()).max(0), rtol=1e-5)
    own = e.values.reshape(10, 3, -1).astype(float) - X.numpy().mean(0).ravel()
    own /= np.linalg.norm(own, axis=2, keepdims=True)
    agreed = [np.mean([own[k, a] @ own[k, b] for a, b in ((0, 1), (0, 2), (1, 2))]) for k in range(10)]
    np.testing.assert_allclose(e.agreement, agreed, rtol=1e-5)
    far = ((e.values[4, 1].ravel() - X.numpy().reshape(30, -1)) ** 2).sum(1)
    excited = outputs(net, X.numpy())[:, 4]
    near = np.argsort(far)[:5]
    assert e.neighbours[4, 1] == pytest.approx(np.mean([(excited <= excited[r]).mean() for r in near]))
    assert np.isfinite(e.spectrum).all()
    assert e.usual_spectrum > 0
    assert (e.steady < e.reached + 1).all()
    frame = e.to_frame()
    assert len(frame) == len(e) == 30
    assert list(frame.columns) == [
        *("objective", "picture", "reached", "steady", "spectrum", "neighbours"),
        *("best", "best_row", "agreement", "started"),
    ]
    assert isinstance(frame, pd.DataFrame)
    one = ActivationMaximization(steps=3, pictures=1)(net, X, target=3)
    assert np.isnan(one.agreement).all()
    assert "nan" not in one.narrate()
    plots.figure(one)


def test_a_brittle_input_is_named():
    """What only one pixel's exact value excites falls under noise."""

    class Narrow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.flat = nn.Flatten()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            v = self.flat(x)
            wanted = 0.3 + 0.4 * (torch.arange(16) % 2)
            return torch.exp(-20 * (v - wanted) ** 2).prod(1, keepdim=True) * torch.ones(1, 2)

    e = ActivationMaximization(steps=300, prior="values", jitter=0, turn=0, scale=0, noise=0, rate=0.02)(
        Narrow(), torch.rand(30, 1, 4, 4, generator=torch.Generator().manual_seed(0)), features=Pixels()
    )
    assert "brittle" in {c.name for c in e.quality.caveats}


# -- layouts, kinds of data -----------------------------------------------------------------------------------------


def test_series_and_channels_last():
    class Last(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x.movedim(-1, 1))

    series = nets.seeded(
        lambda: nn.Sequential(nn.Conv1d(2, 6, 5, padding=2), nn.Tanh(), nn.Flatten(), nn.Linear(6 * 20, 3))
    )
    x = nets.rows(30, 2, 20)
    first = QUICK(series, x, features=Steps(names=("a", "b")))
    last = QUICK(Last(series), x.movedim(1, -1), features=Steps(layout="steps,channels"))
    np.testing.assert_allclose(np.moveaxis(last.values, -1, 2), first.values, atol=1e-4)
    assert "optimal_series" in plots.kinds(first)
    pictures = nets.seeded(nets.Residual)
    rows = nets.rows(20, 2, 8, 8)
    a = QUICK(pictures, rows, features=Pixels("first"))
    b = QUICK(Last(pictures), rows.movedim(1, -1), features=Pixels("last"))
    np.testing.assert_allclose(np.moveaxis(b.values, -1, 2), a.values, atol=1e-4)
    flat = nets.seeded(lambda: nets.mlp(nn.Tanh))
    grey = QUICK(flat, X[:, 0], features=Pixels("none"))
    np.testing.assert_allclose(grey.values, QUICK(flat, X).values[:, :, 0], atol=1e-4)


def test_a_generator_of_the_callers(net):
    decoder = nets.seeded(lambda: nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8))))
    codes = nets.rows(50, 6, seed=3)
    made = decoder(codes).detach()
    e = ActivationMaximization(steps=80)(net, made, generator=decoder, codes=codes, target=[2, 7])
    assert (e.reached > e.typical[:, None]).all()
    assert (e.gain.max(1) > 0.9).all()
    x = torch.tensor(e.values.reshape(6, -1)).atanh()
    weight, bias = decoder[0].weight.detach(), decoder[0].bias.detach()
    left = (x - bias) - (x - bias) @ torch.linalg.pinv(weight).T @ weight.T
    assert left.abs().max() < 1e-2  # each is something that the decoder makes
    again = ActivationMaximization(steps=2, start="example")(
        net, made, generator=decoder, codes=codes, target=2
    )
    assert again.started == ("example",)


def test_names_of_classes_and_lists(net):
    names = tuple("abcdefghij")
    e = QUICK(net, X, target=["c", Objective("a") - Objective("b")], classes=names)
    assert e.objectives == ("c", "output[a] - output[b]")
    np.testing.assert_allclose(e.best[0], outputs(net, X.numpy())[:, 2].max(), rtol=1e-5)
    assert QUICK(net, X, at="conv1", target=range(2)).objectives == ("conv1[0]", "conv1[1]")
    assert QUICK(net, X, at="fc1", target=[0.5] * 32).objectives == ("fc1[direction of 32]",)


# -- bad input ------------------------------------------------------------------------------------------------------


def test_bad_input(net):
    for call, kind, said in (
        (lambda: QUICK(lambda rows: rows.sum(1), np.ones((2, 3))), CapabilityError, "has no layers"),
        (lambda: QUICK(net), ParameterError, "Pass rows"),
        (lambda: QUICK(net, X, at="conv9"), LayerError, "conv1"),
        (lambda: QUICK(net, X, target=Objective(0, at="conv9")), LayerError, "conv1"),
        (lambda: QUICK(net, X, at="conv*"), ParameterError, "One place at a time"),
        (lambda: QUICK(net, X, target=10), TargetError, r"has no unit 10. Choose 0\.\.9"),
        (
            lambda: QUICK(net, X, at="conv2", target=16),
            TargetError,
            r"Layer conv2 has no unit 16. Choose 0\.\.15",
        ),
        (lambda: QUICK(net, X, at="conv2", target=(3, 9, 0)), TargetError, r"axis 1 is of size 4"),
        (lambda: QUICK(net, X, at="conv2", target=(3, 1)), TargetError, r"Several units are a list"),
        (
            lambda: QUICK(net, X, at="conv2", target=[0.1, 0.2]),
            TargetError,
            "16 units, the direction 2 numbers",
        ),
        (lambda: QUICK(net, X, at="fc1"), TargetError, "32 units, too many"),
        (lambda: QUICK(net, X, target=[]), TargetError, "No unit is named"),
        (lambda: QUICK(net, X, target="cat"), TargetError, "Pass classes="),
        (lambda: QUICK(net, X, target="cat", classes=["dog"] * 10), TargetError, "no class 'cat'"),
        (lambda: QUICK(net, X, at="conv1", target="cat"), TargetError, "have no names"),
        (lambda: QUICK(net, X, target=1.5), TargetError, "An objective is a unit's number"),
        (lambda: QUICK(net, X, target=[0.0, 0.0]), TargetError, "An objective is a unit's number"),
        (lambda: Objective(1) + 2, TargetError, "Only objectives"),
        (lambda: Objective(1) * "2", TargetError, "scaled by a number"),
        (lambda: Objective(1) / 0, TargetError, "not 0"),
        (lambda: QUICK(net, X[:1]), DataError, "1 row"),
        (lambda: QUICK(net, X[:1].repeat(5, 1, 1, 1)), DataError, "5 rows, all alike"),
        (lambda: QUICK(net, X, y=np.zeros(30)), ParameterError, "takes no y"),
        (lambda: QUICK(net, X, codes=np.ones((2, 3))), ParameterError, "are for a generator"),
        (lambda: QUICK(net, X, generator=nn.Linear(3, 64)), ParameterError, "Pass codes="),
        (
            lambda: QUICK(net, X, generator=nn.Linear(3, 64), codes=np.ones((2, 3))),
            ShapeError,
            "gives rows of shape",
        ),
        (lambda: ActivationMaximization(prior="dreams"), ParameterError, "must be one of"),
        (lambda: ActivationMaximization(steps=0), ParameterError, "at least 1"),
    ):
        with pytest.raises(kind, match=said):
            call()
    table = nets.seeded(lambda: nn.Sequential(nn.Linear(4, 2)))
    with pytest.raises(ParameterError, match="Waves are for pictures"):
        ActivationMaximization(prior="fourier")(table, nets.rows(9, 4))
    one = ActivationMaximization(steps=2, prior="values")(net, X[:1])
    assert one.rows == 1  # bounds need no more than a row


def test_whole_numbers_and_several_inputs_are_refused():
    words = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(12, 2))
    with pytest.raises(CapabilityError, match="Whole numbers"):
        QUICK(words, np.arange(30).reshape(10, 3) % 10)

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return self.fc(a + b)

    with pytest.raises(CapabilityError, match="2 inputs"):
        QUICK(Two(), (nets.rows(5, 3), nets.rows(5, 3)))


def test_a_cancelled_climb_stops(net):
    asked = iter(range(1000))
    with (
        pellucid.options(cancel=lambda: next(asked) > 20),
        pytest.raises(pellucid.PellucidError, match="cancelled"),
    ):
        ActivationMaximization(steps=500)(net, X)


def test_pages_hold_every_objective(net):
    e = ActivationMaximization(steps=2, pictures=1)(net, X)
    figures = list(plots.pages(e))
    assert len(figures) == 2
    said = [t.get_text() for f in figures for t in f.axes[0].texts]
    assert all(any(t.startswith(f"{k}") for t in said) for k in range(10))


# -- recognised by another network ----------------------------------------------------------------------------------


def test_ten_of_ten_digits_are_recognised_by_a_network_that_had_no_part_in_it():
    """Two networks, each trained from its own weights on its own choice of the scans."""
    from pellucid.cli.demo.train import digits

    climbed, judge = digits(0), digits(1).model
    found = {}
    for name, how in (
        ("fourier", {}),
        ("components", {}),
        ("values", {"jitter": 0.0, "turn": 0.0, "scale": 0.0, "noise": 0.0}),
    ):
        e = found[name] = ActivationMaximization(pictures=2, prior=name, **how)(climbed.model, climbed.X)
        if name == "values":
            continue
        said = outputs(judge, e.values.reshape(-1, 1, 32, 32)).argmax(1).reshape(10, 2)
        assert (said == np.arange(10)[:, None]).all(), name
        assert (e.gain > 1).all()
        kept = (e.steady - e.typical[:, None]) / (e.best - e.typical)[:, None]
        assert kept.min() > 0.8, name
        assert e.neighbours.min() > 0.9
    plain, ours = found["values"], found["fourier"]
    assert plain.gain.mean() > ours.gain.mean()  # plain pixels climb higher, and are less like the data
    assert plain.spectrum.mean() > 2 * ours.spectrum.mean()
