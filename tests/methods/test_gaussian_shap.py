"""Gaussian-process SHAP: the process against its closed forms, its values against exact ones, its intervals."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import pellucid
from pellucid.core.errors import ParameterError
from pellucid.methods.perturbation.odd_process import OddProcess, Prior, _functional, _kernel, _prior_variance
from pellucid.methods.perturbation.shapley import every_coalition, exact_values
from tests.methods.test_kernel_shap import data, exact, game, tangled

pytestmark = [
    pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
RHO = np.array([0.5, 0.1, 0.3, 0.02, 0.7])


# -- the process ----------------------------------------------------------------------------------------------------


def test_the_kernel_is_the_odd_part_of_a_product():
    signs = np.array(list(product([-1.0, 1.0], repeat=5)))
    z, other = signs[:, None], signs[None]
    expected = ((1 + RHO * z * other).prod(2) - (1 - RHO * z * other).prod(2)) / 2
    np.testing.assert_allclose(_kernel(signs, RHO), expected, atol=1e-14)


def test_the_functional_is_the_shapley_value_of_the_kernel():
    """Of z -> K(z, z'), by the definition over all coalitions."""
    coalitions = np.where(every_coalition(5), 1.0, -1.0)
    games = _kernel(coalitions, RHO)
    np.testing.assert_allclose(_functional(coalitions, RHO), exact_values(games.T), atol=1e-13)


def test_the_prior_variance_is_that_of_the_shapley_values():
    """The Shapley functional applied to both arguments of the kernel."""
    coalitions = np.where(every_coalition(5), 1.0, -1.0)
    once = exact_values(_kernel(coalitions, RHO))  # (32, 5), of the second argument
    twice = exact_values(once.T)  # (5, 5)
    np.testing.assert_allclose(_prior_variance(RHO), np.diag(twice), atol=1e-13)


def test_the_posterior_equals_its_textbook_formula():
    """With everything known but three pairs, from the full covariance of all coalitions."""
    rng = np.random.default_rng(0)
    half = every_coalition(5)[1:16][rng.permutation(15)[:9]]
    v = rng.normal(size=32)
    number = half @ (1 << np.arange(5))
    odd = ((v[number] - v[31 - number]) / 2)[None]
    total = np.array([(v[31] - v[0]) / 2])
    prior = Prior(np.array([np.log10(0.3)]), np.array([-9.0]), RHO[None] / 0.3)
    values, _ = OddProcess(half, rng).values(odd, total, prior)
    signs = np.where(np.vstack([half, np.ones((1, 5), bool)]), 1.0, -1.0)
    everywhere = np.where(every_coalition(5), 1.0, -1.0)
    both = np.vstack([everywhere, signs])
    kernel = _kernel(both, RHO)
    seen = kernel[32:, 32:] + 1e-9 * kernel[32, 32] * np.eye(10)
    mean = kernel[:32, 32:] @ np.linalg.solve(seen, np.append(odd[0], total[0]))
    np.testing.assert_allclose(values, exact_values(mean[None]), atol=1e-6)


# -- the values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("players", [1, 2, 5, 9])
def test_few_players_are_exact(players):
    f, (x, background) = tangled(players), data(players)
    e = pellucid.GaussianShap()(f, x, background=background)
    expected = pellucid.ExactShapley()(f, x, background=background)
    np.testing.assert_array_equal(e.values, expected.values)
    assert e.quality.exact


@pytest.mark.parametrize("players", [12, 30, 60])
def test_the_sum_is_exact(players):
    f, (x, background) = tangled(players), data(players)
    e = pellucid.GaussianShap(budget=6 * players)(f, x, background=background)
    np.testing.assert_allclose(e.residual, 0, atol=1e-9 * (1 + np.abs(e.output).max()))


def test_an_additive_game_is_solved():
    w = np.linspace(-1, 1, 24)
    e = pellucid.GaussianShap(budget=150)(lambda r: r @ w, np.ones((1, 24)), baseline=0.0)
    np.testing.assert_allclose(e.values[0], w, atol=1e-7)
    assert e.quality.half_width.max() <= 1e-6


def test_noise_is_left_to_least_squares():
    """Where every answer is noise of its own there is nothing to learn, and the interval says so."""
    noise = lambda r: r.sum(1) + 0.05 * np.sin(1e5 * (r @ np.arange(1.0, 15.0)))  # noqa: E731
    e = pellucid.GaussianShap(budget=480)(noise, np.ones((1, 14)), baseline=0.0)
    kernel = pellucid.KernelShap(budget=480)(noise, np.ones((1, 14)), baseline=0.0)
    assert np.abs(e.values - 1).max() <= 1.5 * np.abs(kernel.values - 1).max()
    assert (np.abs(e.values - 1) <= 2 * e.quality.half_width).all()


@pytest.mark.parametrize("name", ["mlp regressor", "mlp classifier", "forest"])
def test_nearer_than_kernel_shap_and_its_intervals_cover(name):
    """At 300 evaluations on 12 players: 90 to 99 % of 100 trials, or nearly all where errors are tiny."""
    model, row, background = game(name)
    inside, ours, theirs = [], [], []
    for seed in range(100):
        with pellucid.options(seed=seed):
            e = pellucid.GaussianShap(budget=300)(model, row, background=background)
            if seed < 20:
                k = pellucid.KernelShap(budget=300)(model, row, background=background)
                theirs.append(np.linalg.norm(k.values[0] - exact(name)))
        ours.append(np.linalg.norm(e.values[0] - exact(name)))
        inside.append(np.abs(e.values[0] - exact(name)) <= e.quality.half_width[0])
    assert np.median(ours) <= 1.1 * np.median(theirs)  # KernelShap's cubic terms are near the truth here too
    assert np.mean(inside) >= 0.90


HARD = {
    "majority": lambda r: (r.sum(1) >= 7).astype(float),
    "threshold": lambda r: (r @ np.linspace(0.2, 2, 12) > 8).astype(float),
    "two thresholds": lambda r: ((r[:, :6].sum(1) > 3) & (r[:, 6:].sum(1) > 2)).astype(float),
    "parity of five": lambda r: r[:, :5].sum(1) % 2,
    "parity of all": lambda r: r.sum(1) % 2,
    "all of four": lambda r: r[:, :4].prod(1),
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("budget", [50, 100])
def test_at_tiny_budgets_the_intervals_cover_or_the_result_says_caution(name, budget):
    """Of games that are nothing but steps, where a smooth prior knows least."""
    ones = np.ones((1, 12))
    wanted = pellucid.ExactShapley()(HARD[name], ones, baseline=0.0).values
    inside = list[bool]()
    for seed in range(10):
        with pellucid.options(seed=seed):
            e = pellucid.GaussianShap(budget=budget)(HARD[name], ones, baseline=0.0)
        if e.quality.verdict == "ok":
            inside += list((np.abs(e.values - wanted) <= e.quality.half_width + 1e-9).ravel())
    assert np.mean(inside or [True]) >= 0.9


def test_intervals_cover_where_pairs_are_few_beside_the_players():
    """Forty players whose values are known: single parts, pairs and triples of neighbours. Two hundred pairs."""
    rng = np.random.default_rng(0)
    alone, pair, triple = rng.normal(size=40), rng.normal(size=39), rng.normal(size=38)

    def play(rows: np.ndarray) -> np.ndarray:
        both = rows[:, :-1] * rows[:, 1:]
        return rows @ alone + both @ pair + (both[:, :-1] * rows[:, 2:]) @ triple

    wanted = alone.copy()
    for part, count in ((pair, 2), (triple, 3)):
        for shift in range(count):
            wanted[shift : shift + len(part)] += part / count
    inside = list[np.ndarray]()
    for seed in range(20):
        with pellucid.options(seed=seed):
            e = pellucid.GaussianShap(budget=400)(play, np.ones((1, 40)), baseline=0.0)
        inside.append(np.abs(e.values[0] - wanted) <= e.quality.half_width[0])
    assert 0.9 <= np.mean(inside) <= 0.99


def test_rows_are_explained_alone_as_in_company():
    f, (x, background) = tangled(13), data(13, rows=5)
    whole = pellucid.GaussianShap(budget=150)(f, x, background=background)
    alone = pellucid.GaussianShap(budget=150)(f, x[:1], background=background)
    np.testing.assert_array_equal(alone.values, whole.values[:1])


def test_a_tolerance_saves_evaluations():
    f, (x, background) = tangled(14), data(14)
    e = pellucid.GaussianShap(budget=4000, tolerance=0.05)(f, x, background=background)
    assert e.quality.evals < 0.5 * 4000 * len(x) * len(background)
    assert (e.quality.half_width.max(1) <= 1.96 * 0.05 * np.abs(e.values).max(1) + 1e-9).all()


@pytest.mark.parametrize("budget", [1, 3.5, "many"])
def test_a_budget_that_is_none_is_refused(budget):
    with pytest.raises(ParameterError, match=r"budget"):
        pellucid.GaussianShap(budget=budget)


def test_a_budget_below_the_least_is_refused():
    with pytest.raises(ParameterError, match=r"40 players need a budget of at least"):
        pellucid.GaussianShap(budget=60)(lambda r: r.sum(1), np.ones((1, 40)), baseline=0.0)
