"""Default integrated gradients on trained networks: complete, no dearer than need be, and with error bars that hold."""

from __future__ import annotations

import copy
import warnings
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch

import pellucid
from pellucid.core.field import Field
from tests import nets

ROWS = 40
REFERENCE_STEPS = 2000
KINDS = list(nets.TRAINABLE)
quiet = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")


@lru_cache
def explained(kind: str) -> tuple[pellucid.Attribution, np.ndarray]:
    """Default values of the first rows, and how many gradients each of them took alone."""
    net, x = nets.trained(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pellucid.PellucidWarning)
        whole = pellucid.IntegratedGradients()(net, x[:ROWS])
        alone = [pellucid.IntegratedGradients()(net, x[i : i + 1]) for i in range(ROWS)]
    return whole, np.array([e.quality.grads for e in alone])


@lru_cache
def reference(kind: str) -> np.ndarray:
    """The midpoint rule with 2,000 steps, in double precision."""
    net, x = nets.trained(kind)
    net, x = copy.deepcopy(net).double().requires_grad_(False), x[:ROWS].double()
    target = net(x.float().double()).argmax(1)
    total = torch.zeros_like(x)
    for block in ((torch.arange(REFERENCE_STEPS, dtype=torch.float64) + 0.5) / REFERENCE_STEPS).split(20):
        points = (block.reshape(-1, 1, 1, 1, 1) * x).requires_grad_(True)
        y = net(points.reshape(-1, 1, 8, 8)).gather(1, target.repeat(len(block))[:, None])
        total += torch.autograd.grad(y.sum(), points)[0].sum(0)
    return (x * total / REFERENCE_STEPS).numpy()


def flat(a: np.ndarray) -> np.ndarray:
    return np.asarray(a, float).reshape(len(a), -1)


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_is_complete_to_one_percent(kind):
    """What is missing to f(x) - f(0), as a share of it."""
    e, _ = explained(kind)
    missing = np.abs(e.output - e.base - flat(e.values).sum(1)) / np.abs(e.output - e.base)
    assert np.all(missing <= 0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_half_widths_cover_the_distance_to_a_fine_reference(kind):
    """In at least 90 % of rows by either norm, and for 90 % of all values."""
    e, _ = explained(kind)
    error, half = np.abs(flat(e.values) - flat(reference(kind))), flat(e.quality.half_width)
    assert e.quality.error_kind == "discretisation"
    assert np.mean(error.sum(1) <= half.sum(1)) >= 0.9
    assert np.mean(np.linalg.norm(error, axis=1) <= np.linalg.norm(half, axis=1)) >= 0.9
    assert np.mean(error <= half) >= 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_half_widths_are_not_mere_caution(kind):
    """The median half-width is a small share of the median value: an error bar over everything says nothing."""
    e, _ = explained(kind)
    size = np.linalg.norm(flat(e.values), axis=1)
    assert np.median(np.linalg.norm(flat(e.quality.half_width), axis=1) / size) <= 0.15


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_close_to_the_reference(kind):
    e, _ = explained(kind)
    error = np.linalg.norm(flat(e.values) - flat(reference(kind)), axis=1)
    assert np.all(error <= 0.05 * np.linalg.norm(flat(reference(kind)), axis=1))


@pytest.mark.parametrize("kind", [k for k in KINDS if k in nets.SMOOTH])
def test_smooth_networks_take_at_most_twenty_gradients(kind):
    """Every row, with the normalisation before the attention or behind it."""
    _, grads = explained(kind)
    assert grads.max() <= 20


@pytest.mark.parametrize("kind", ["gelu_mlp", "relu_mlp", "transformer"])
def test_rows_are_refined_one_by_one(kind):
    """A row in company takes what it takes alone: the same gradients, the same values."""
    e, grads = explained(kind)
    net, x = nets.trained(kind)
    assert e.quality.grads == grads.sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pellucid.PellucidWarning)
        alone = pellucid.IntegratedGradients()(net, x[7:8]).values
    assert np.abs(alone - e.values[7:8]).max() <= 1e-5 * np.abs(alone).max()


def test_tolerance_buys_accuracy():
    """A tighter tolerance takes more gradients, and comes closer to the reference."""
    net, x = nets.trained("tanh_mlp")
    found = [pellucid.IntegratedGradients(tolerance=t)(net, x[:ROWS]) for t in (0.1, 1e-3, 1e-5)]
    errors = [np.abs(e.values - reference("tanh_mlp")).max() for e in found]
    assert found[0].quality.grads <= found[1].quality.grads < found[2].quality.grads
    assert errors[0] >= errors[1] > errors[2]


# -- memory ---------------------------------------------------------------------------------------------------------


MEMORY = 200_000


def cramped(kind: str) -> tuple[object, torch.nn.Module, torch.Tensor]:
    """A trained network that believes to have little memory, so that automatic batches are small."""
    net, x = nets.trained(kind)
    model = pellucid.wrap(net)
    return replace(model, facts=replace(model.facts, memory=MEMORY)), net, x  # type: ignore[type-var]


@pytest.mark.parametrize("batch_size", [None, 1, 16])
def test_batches_do_not_grow_with_steps(batch_size, monkeypatch):
    """Neither the rows of one call nor the path points alive at a time grow with the number of steps."""
    model, net, x = cramped("relu_mlp")
    seen: list[int] = []
    alive: list[int] = []
    grad = Field.grad

    def counted(self: Field, points: torch.Tensor) -> torch.Tensor:
        alive.append(points.numel() // 64)
        return grad(self, points)

    monkeypatch.setattr(Field, "grad", counted)
    hook = net.register_forward_pre_hook(lambda _m, args: seen.append(len(args[0])))
    most = {}
    try:
        for steps in (8, 128, 1024):
            seen.clear()
            alive.clear()
            with pellucid.options(batch_size=batch_size):
                pellucid.IntegratedGradients(steps=steps)(model, x[:4], target=1)
            most[steps] = max(seen), max(alive)
    finally:
        hook.remove()
    assert most[1024] == most[128]
    calls, points = most[1024]
    assert calls <= (batch_size or 200)
    assert points <= max(4, batch_size or 200)
    if batch_size is None:
        assert calls > 8  # and yet several points go at once


def test_automatic_refinement_is_bounded_too():
    model, net, x = cramped("relu_mlp")
    seen: list[int] = []
    hook = net.register_forward_pre_hook(lambda _m, args: seen.append(len(args[0])))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pellucid.PellucidWarning)
            e = pellucid.IntegratedGradients(tolerance=1e-5)(model, x[:4])
    finally:
        hook.remove()
    assert e.quality.grads > 4 * 200
    assert max(seen) <= 200


# -- the ends of the range ------------------------------------------------------------------------------------------


def two_kinks() -> tuple[torch.nn.Module, torch.Tensor]:
    """A network that gives its row and the zero baseline (nearly) the same output, and bends on the way."""
    net = nets.seeded(lambda: nets.mlp(torch.nn.ReLU, (6, 16, 3)), 3, torch.float64)
    x = nets.rows(1, 6, seed=2, dtype=torch.float64)
    with torch.no_grad():
        f = lambda a: float(net(a * x)[0, 1] - net(0 * x)[0, 1])  # noqa: E731
        last = net[-1]
        last.weight[1] -= f(1) * _unit(net[:-1](x)[0] - net[:-1](0 * x)[0])
    return net, x


def _unit(h: torch.Tensor) -> torch.Tensor:
    return h / (h @ h)


def test_a_row_whose_output_is_that_of_the_baseline_ends_at_max_steps_with_a_warning():
    """df ~ 0: the gap cannot be a share of nothing, so it is held against the values; it ends and says so."""
    net, x = two_kinks()
    with pytest.warns(pellucid.PellucidWarning, match="do not add up"):
        e = pellucid.IntegratedGradients(tolerance=1e-6, max_steps=65)(net, x, target=1)
    assert abs(e.output - e.base) < 1e-9
    assert e.quality.grads == 65
    assert e.quality.check("completeness").rows == (0,)
    assert np.isfinite(e.values).all()
    fine = pellucid.IntegratedGradients(steps=4000)(net, x, target=1).values
    assert np.linalg.norm(e.values - fine) <= 0.05 * np.linalg.norm(fine)


def test_an_output_that_never_changes_finishes_at_once():
    """f(x) = f(0) because nothing reacts: zeros, and the saturation check says so."""
    net = nets.seeded(nets.Dead)
    with pytest.warns(pellucid.PellucidWarning, match="zero in some rows"):
        e = pellucid.IntegratedGradients()(net, nets.rows(3, 6), target=0)
    assert not e.values.any()
    assert e.quality.grads == 3 * 9
    assert e.quality.check("saturation").status == "warn"


@quiet
@pytest.mark.parametrize("steps", [1, 2, 3, 50])
def test_fixed_steps_cost_what_they_say(steps):
    net, x = nets.trained("gelu_mlp")
    e = pellucid.IntegratedGradients(steps=steps)(net, x[:5])
    assert e.quality.grads == 5 * steps
    assert (e.quality.half_width is None) == (steps == 1)
    assert e.quality.error_kind == ("unknown" if steps == 1 else "discretisation")


@quiet
def test_one_step_is_the_gradient_half_way():
    net, x = nets.trained("tanh_mlp")
    e = pellucid.IntegratedGradients(steps=1)(net, x[:3], target=2)
    half = pellucid.Saliency()(net, x[:3] / 2, target=2)
    assert np.allclose(e.values, x[:3].numpy() * half.values, atol=1e-6)


@quiet
@pytest.mark.parametrize(("max_steps", "taken"), [(9, 9), (16, 9), (17, 17), (40, 33)])
def test_max_steps_is_never_exceeded(max_steps, taken):
    net, x = nets.trained("pool_cnn")
    e = pellucid.IntegratedGradients(tolerance=1e-9, max_steps=max_steps)(net, x[:3])
    assert e.quality.grads == 3 * taken
    assert e.quality.check("completeness").advice == "Raise max_steps, or set steps higher."


def test_stopping_at_max_steps_before_the_tolerance_is_met_warns():
    """As `max_steps` says of itself: also where the caller's tolerance is finer than one percent."""
    net, x = nets.trained("gelu_mlp")
    with pytest.warns(pellucid.PellucidWarning, match="max_steps"):
        e = pellucid.IntegratedGradients(tolerance=1e-9, max_steps=9)(net, x[:3])
    assert e.quality.verdict != "ok"


@pytest.mark.parametrize("steps", [0, -1, 2.5, "50", True])
def test_steps_that_are_no_number_of_steps_are_refused(steps):
    with pytest.raises(pellucid.PellucidError, match="steps"):
        pellucid.IntegratedGradients(steps=steps)


def test_strict_raises_instead_of_warning():
    net, x = nets.trained("pool_cnn")
    with pellucid.options(strict=True), pytest.raises(pellucid.PellucidError, match="refinement"):
        pellucid.IntegratedGradients(steps=2)(net, x[:20])
