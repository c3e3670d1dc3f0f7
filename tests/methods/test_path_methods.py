"""Expected gradients, conductance and internal influence: their slow twins, what must hold, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import pellucid
from pellucid.core.errors import CapabilityError, LayerError, ParameterError, ShapeError
from tests import nets
from tests.twins import paths as twin

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")

TARGETS = [4, 0, 3]
PATHS = [pellucid.Conductance, pellucid.InternalInfluence]
both = pytest.mark.parametrize("cls", PATHS, ids=lambda c: c.__name__)


@pytest.fixture(scope="module")
def net() -> nn.Module:
    return nets.seeded(nets.Residual, dtype=torch.float64)


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return nets.rows(3, 2, 8, 8, dtype=torch.float64)


@pytest.fixture(scope="module")
def baseline() -> torch.Tensor:
    return nets.rows(3, 2, 8, 8, seed=5, dtype=torch.float64)


def close(ours: np.ndarray, theirs: np.ndarray, limit: float = 1e-10) -> None:
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= limit * np.abs(theirs).max()


# -- at a layer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["stem", "conv2", "head", "fc1"])
@pytest.mark.parametrize("batch_size", [None, 1, 4])
@both
def test_the_twin_gives_the_same(cls, net, x, baseline, layer, batch_size):
    """Also at `conv2`, which a skip passes by."""
    formula = {pellucid.Conductance: twin.conductance, pellucid.InternalInfluence: twin.internal_influence}[
        cls
    ]
    with pellucid.options(batch_size=batch_size):
        e = cls(steps=6)(net, x, target=TARGETS, baseline=baseline, at=layer)
    close(e.values, formula(net, net.get_submodule(layer), x, baseline, TARGETS, 6))
    assert e.at == layer
    assert e.quality.half_width.shape == e.values.shape


@pytest.mark.parametrize("kind", list(nets.TRAINABLE))
def test_conductance_is_complete_where_all_passes_through_the_layer(kind):
    """The default, what the last dense layer reads: the values add up to f(x) - f(baseline)."""
    net, x = nets.trained(kind)
    e = pellucid.Conductance()(net, x[:20], baseline="mean", background=nets.digits()[0][:50])
    assert e.at.endswith(":input")
    assert np.all(np.abs(e.residual) <= 1e-4 * np.abs(e.values).sum(1))
    assert e.quality.verdict == "ok"


@pytest.mark.parametrize("layer", ["stem", "head", "fc1"])
def test_conductance_is_complete_at_any_layer_of_a_chain(net, x, baseline, layer):
    e = pellucid.Conductance(steps=512)(net, x, target=TARGETS, baseline=baseline, at=layer)
    flat = e.values.reshape(3, -1)
    np.testing.assert_allclose(flat.sum(1), e.output - e.base, atol=1e-4 * np.abs(flat).sum(1).max())


def test_what_passes_beside_the_layer_is_said(net, x):
    e = pellucid.Conductance()(net, x, target=TARGETS, at="conv2")
    check = next(c for c in e.quality.checks if c.name == "completeness")
    assert check.status != "ok"
    assert "beside the layer" in check.advice


def test_conductance_at_the_input_layer_is_integrated_gradients():
    """A layer that hands the input on: both split the same sum alike."""
    made = lambda: nn.Sequential(nn.Identity(), nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 3))  # noqa: E731
    net, x = nets.seeded(made, dtype=torch.float64), nets.rows(4, 6, dtype=torch.float64)
    ours = pellucid.Conductance(steps=400)(net, x, target=1, at="0")
    theirs = pellucid.IntegratedGradients(tolerance=1e-8)(net, x, target=1)
    np.testing.assert_allclose(ours.values, theirs.values, atol=1e-5)
    half = ours.quality.half_width
    assert (np.abs(ours.values - theirs.values) <= half + 1e-12).all()


@both
def test_a_unit_that_the_output_ignores_gets_nothing(cls):
    net, x = nets.seeded(nets.Pooled), nets.rows(3, 1, 8, 8)
    with torch.no_grad():
        net.fc.weight[:, 4] = 0
    e = cls(steps=8)(net, x, target=2)
    assert e.at == "fc:input"
    assert not e.values[:, 4].any()
    assert e.values[:, 5].all()


def test_internal_influence_of_a_linear_head_is_its_weights():
    net, x = nets.seeded(nets.Pooled), nets.rows(3, 1, 8, 8)
    e = pellucid.InternalInfluence(steps=4)(net, x, target=2)
    np.testing.assert_allclose(e.values, np.tile(net.fc.weight[2].detach().numpy(), (3, 1)), rtol=1e-6)


@both
def test_a_neuron_at_a_layer(cls, net, x):
    """The same slices as everywhere: a unit of `head` seen from `stem`."""
    e = cls(steps=4)(net, x, target=pellucid.Neuron("head", (3, 2, 1)), at="stem")
    assert e.values.shape == (3, 6, 8, 8)
    assert set(e.target) == {"head (3, 2, 1)"}


@both
def test_the_path_is_refused(cls, net, x):
    with pytest.raises(ParameterError, match="must be even"):
        cls(steps=7)
    with pytest.raises(LayerError, match="no layer 'stm'"):
        cls()(net, x, target=1, at="stm")
    with pytest.raises(CapabilityError, match="no way between whole numbers"):
        cls()(nets.seeded(nets.Ids), torch.tensor([[1, 2, 3, 4, 5]]), target=1, at="embedding")
    with pytest.raises(CapabilityError, match="no layer with weights"):
        cls()(lambda t: t.sum((1, 2, 3)), nets.rows(2, 1, 8, 8))
    with pytest.raises(LayerError, match="is called 2 times"):
        cls()(nets.seeded(nets.ReusedLinear), nets.rows(2, 6), target=1, at="inner")


# -- several baselines ----------------------------------------------------------------------------------------------


def check(e: pellucid.Attribution, name: str) -> pellucid.Check:
    return next(c for c in e.quality.checks if c.name == name)


@pytest.mark.parametrize(
    "method",
    [
        pellucid.IntegratedGradients(),
        pellucid.IntegratedGradients(steps=8),
        pellucid.DeepLift(),
        pellucid.Conductance(steps=16),
    ],
    ids=["refined", "steps", "deep_lift", "conductance"],
)
@pytest.mark.parametrize("at", [None, "head"])
def test_several_baselines_are_averaged(method, net, x, baseline, at):
    given = ["zeros", baseline, "mean", baseline[0].numpy()]
    e = method(net, x, target=TARGETS, baseline=given, at=at)
    alone = [method(net, x, target=TARGETS, baseline=b, at=at) for b in given]
    close(e.values, np.mean([a.values for a in alone], axis=0))
    np.testing.assert_allclose(e.base, np.mean([a.base for a in alone], axis=0))
    if alone[0].quality.half_width is not None:
        close(e.quality.half_width, np.mean([a.quality.half_width for a in alone], axis=0))
    worst = max(check(a, "completeness").value for a in alone)
    assert check(e, "completeness").value == pytest.approx(
        worst
    )  # to rounding: the outputs shared other batches
    assert len({c.name for c in e.quality.checks}) == len(e.quality.checks)
    apart = np.mean([(a.values - e.values).reshape(3, -1) ** 2 for a in alone], axis=0).sum(1) ** 0.5
    share = apart / np.linalg.norm(e.values.reshape(3, -1), axis=1)
    assert check(e, "baselines").value == pytest.approx(share.max())
    assert "The values are the mean over 4 baselines: zeros, numbers, mean, numbers." in e.provenance.notes


def test_baselines_that_agree_and_that_do_not():
    net, x = nets.trained("gelu_mlp")
    same = pellucid.IntegratedGradients()(net, x[:9], baseline=["zeros", np.zeros((1, 8, 8))])
    assert (check(same, "baselines").status, check(same, "baselines").value) == ("ok", 0)
    apart = pellucid.IntegratedGradients()(net, x[:9], baseline=["zeros", np.ones((1, 8, 8))])
    assert check(apart, "baselines").status == "warn"
    assert apart.quality.verdict == "caution"
    assert "baselines disagree" in apart.narrate(row=check(apart, "baselines").rows[0])


def test_a_list_of_numbers_is_one_baseline():
    net, x = nets.seeded(nets.TABLE_NETS["gelu_mlp"]), nets.rows(4, 6)
    row = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    one, array = (
        pellucid.IntegratedGradients()(net, x, target=1, baseline=b) for b in (row, np.array(row, np.float32))
    )
    np.testing.assert_array_equal(one.values, array.values)
    with pytest.raises(ParameterError, match="There is no baseline 'zero'"):
        pellucid.IntegratedGradients()(net, x, target=1, baseline=["zeros", "zero"])
    with pytest.raises(ParameterError, match="not taken from a background"):
        pellucid.IntegratedGradients()(net, x, target=1, baseline=["zeros", x], background=x)
    used = pellucid.IntegratedGradients()(net, x, target=1, baseline=["zeros", "max"], background=x)
    assert used.values.shape == (4, 6)


# -- over a background ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [None, 1, 5])
def test_expected_gradients_equal_their_twin_on_the_same_draws(net, x, batch_size):
    background = nets.rows(7, 2, 8, 8, seed=3, dtype=torch.float64)
    with pellucid.options(seed=4, batch_size=batch_size) as run:
        e = pellucid.ExpectedGradients(samples=12)(net, x, target=TARGETS, background=background)
        streams = [run.generator(row) for row in range(3)]
        chosen = np.stack([r.integers(7, size=12) for r in streams], 1)
        alphas = np.stack([r.random(12) for r in streams], 1)
    mean, error = twin.expected_gradients(net, x, background, TARGETS, chosen, alphas)
    close(e.values, mean)
    close(e.quality.half_width, 1.96 * error)
    assert e.quality.error_kind == "sampling"


@pytest.mark.parametrize("kind", ["gelu_mlp", "pool_cnn"])
def test_they_are_the_mean_of_integrated_gradients_over_the_baselines(kind):
    """95 % intervals cover it in about 95 % of places: at least 0.9 of those that matter, over rows and places."""
    net, x = nets.trained(kind)
    background = nets.digits()[0][:10]
    e = pellucid.ExpectedGradients(samples=400)(net, x[:8], background=background)
    target = [int(t) for t in e.target]
    exact = np.mean(
        [
            pellucid.IntegratedGradients(tolerance=1e-3)(net, x[:8], target=target, baseline=b).values
            for b in background
        ],
        axis=0,
    )
    seen = np.abs(exact) > 0.01 * np.abs(exact).max()
    covered = np.abs(e.values - exact)[seen] <= e.quality.half_width[seen]
    assert covered.mean() >= 0.9


def test_without_a_background_the_baseline_stands_alone():
    net, x = nets.trained("gelu_mlp")
    e = pellucid.ExpectedGradients(samples=2000)(net, x[:3], baseline=0.5)
    exact = pellucid.IntegratedGradients(tolerance=1e-4)(
        net, x[:3], target=[int(t) for t in e.target], baseline=0.5
    )
    covered = np.abs(e.values - exact.values) <= e.quality.half_width + 1e-7
    assert covered.mean() >= 0.9


def test_at_a_layer_nineteen_of_twenty_intervals_cover(net, x):
    background = nets.rows(4, 2, 8, 8, seed=3, dtype=torch.float64)
    exact = np.mean(
        [
            pellucid.IntegratedGradients(tolerance=1e-4)(net, x, target=TARGETS, baseline=b, at="head").values
            for b in background
        ],
        axis=0,
    )
    covered = []
    for seed in range(20):
        with pellucid.options(seed=seed):
            e = pellucid.ExpectedGradients(samples=100)(
                net, x, target=TARGETS, background=background, at="head"
            )
        assert e.values.shape == (3, 8, 4, 4)
        covered.append((np.abs(e.values - exact) <= e.quality.half_width).mean())
    assert (
        0.92 <= np.mean(covered) <= 0.98
    )  # one seed's places share their draws, so that a single one varies more
    smoothed = pellucid.NoiseTunnel(of=pellucid.ExpectedGradients(samples=4), samples=3)
    assert smoothed(net, x, target=TARGETS, background=background).values.shape == (3, 2, 8, 8)


def test_few_samples_are_told_by_the_sum():
    net, x = nets.trained("pool_cnn")
    e = pellucid.ExpectedGradients(samples=2)(net, x[:20], background=nets.digits()[0][:50])
    check = next(c for c in e.quality.checks if c.name == "completeness")
    assert check.status != "ok"
    assert check.advice == "Raise samples."


def test_a_background_is_refused(net, x):
    method = pellucid.ExpectedGradients(samples=2)
    with pytest.raises(ParameterError, match="not taken from a background"):
        method(net, x, target=1, background=x, baseline="mean")
    with pytest.raises(ShapeError, match="The background has rows of shape"):
        method(net, x, target=1, background=x[..., :3])
