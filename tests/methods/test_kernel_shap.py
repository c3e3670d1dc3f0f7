"""Kernel SHAP: exact where it says so, within its half-widths elsewhere, and the same whatever the batch."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, make_friedman1
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor

import pellucid
from pellucid.core.errors import ParameterError
from pellucid.methods.perturbation.coalitions import minimum_budget, sample_coalitions
from tests.twins.shapley import by_orders, by_subsets, marginal

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")

PLAYERS, BUDGET, TRIALS = 12, 300, 200
few = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 10_000)


def tangled(players: int, seed: int = 0) -> Any:
    """A function of `players` columns with interactions of every order up to four."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(size=(3, players, 6))

    def function(rows: np.ndarray) -> np.ndarray:
        return (
            np.tanh(rows @ a).sum(1) + (rows @ b)[:, 0] * np.sin(rows @ c).sum(1) + np.exp(-(rows[:, 0] ** 2))
        )

    return function


def data(players: int, rows: int = 2, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Rows to explain, and a background."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, players)), rng.normal(size=(5, players))


def singles(players: int) -> list[list[int]]:
    return [[i] for i in range(players)]


# -- exact ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("players", [1, 2, 3, 4, 7, 10, 11])
def test_few_players_are_exact(players):
    """Up to 11 players the default equals the sum over all subsets, and says that it is exact."""
    f, (x, background) = tangled(players), data(players, rows=2 if players < 9 else 1)
    e = pellucid.KernelShap()(f, x, background=background)
    for row, values in zip(x, e.values, strict=True):
        expected = by_subsets(players, marginal(f, row, background, singles(players)))
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-10)
    assert e.quality.exact
    assert e.quality.error_kind == "exact"
    assert not e.quality.half_width.any()
    assert e.quality.verdict == "ok"


def test_four_players_equal_the_mean_over_all_orders():
    f, (x, background) = tangled(4), data(4)
    e = pellucid.KernelShap()(f, x, background=background)
    for row, values in zip(x, e.values, strict=True):
        expected = by_orders(4, marginal(f, row, background, singles(4)))
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-10)


def test_one_player_gets_the_whole_change():
    e = pellucid.KernelShap()(lambda r: r[:, 0] ** 2, np.array([[3.0]]), baseline=1.0)
    np.testing.assert_allclose(e.values, [[8.0]])


def test_two_players_share_their_interaction():
    e = pellucid.KernelShap()(lambda r: r[:, 0] * r[:, 1] + r[:, 0], np.array([[2.0, 4.0]]), baseline=0.0)
    np.testing.assert_allclose(e.values, [[2 + 4, 4]])


def test_a_budget_beyond_all_coalitions_asks_each_once():
    f, (x, _) = tangled(6), data(6, rows=1)
    asked: list[np.ndarray] = []

    def spy(rows: np.ndarray) -> np.ndarray:
        asked.append(rows)
        return f(rows)

    e = pellucid.KernelShap(budget=10**6)(spy, x, baseline=0.0)
    seen = np.concatenate(asked[1:])  # the first call is for the row's own output
    assert len(seen) == 2**6
    assert len(np.unique(seen, axis=0)) == 2**6
    assert e.quality.exact


def test_budget_of_exactly_all_coalitions_is_exact():
    f, (x, background) = tangled(8), data(8, rows=1)
    e = pellucid.KernelShap(budget=2**8)(f, x, background=background)
    assert e.quality.exact
    np.testing.assert_allclose(
        e.values[0], by_subsets(8, marginal(f, x[0], background, singles(8))), rtol=0, atol=1e-10
    )
    assert not pellucid.KernelShap(budget=2**8 - 2)(f, x, background=background).quality.exact


# -- what must hold at any budget -----------------------------------------------------------------------------------


@few
@given(players=st.integers(1, 16), extra=st.integers(0, 200), seed=seeds)
def test_efficiency_holds_at_any_budget(players, extra, seed):
    """The values add up to f(x) - v(nobody), exactly."""
    f, (x, background) = tangled(players, seed), data(players, 2, seed)
    budget = max(2, minimum_budget(players)) + extra
    e = pellucid.KernelShap(budget=budget)(f, x, background=background)
    np.testing.assert_allclose(
        e.values.sum(1), e.output - e.base, rtol=0, atol=1e-10 * (1 + np.abs(e.output).max())
    )
    np.testing.assert_allclose(e.residual, 0, atol=1e-10 * (1 + np.abs(e.output).max()))


@few
@given(players=st.integers(2, 9), unused=st.integers(0, 8), seed=seeds)
def test_dummy(players, unused, seed):
    """A column that the function does not read gets nothing."""
    unused %= players
    g, (x, background) = tangled(players, seed), data(players, 1, seed)

    def f(rows: np.ndarray) -> np.ndarray:
        rows = rows.copy()
        rows[:, unused] = 0
        return g(rows)

    values = pellucid.KernelShap()(f, x, background=background).values
    assert abs(values[0, unused]) <= 1e-10 * (1 + np.abs(values).max())


@few
@given(players=st.integers(2, 9), seed=seeds)
def test_symmetry(players, seed):
    """Two columns in the same role with the same value get the same."""
    g, (x, background) = tangled(players, seed), data(players, 1, seed)
    x[:, 1], background[:, 1] = x[:, 0], background[:, 0]

    def f(rows: np.ndarray) -> np.ndarray:
        turned = rows.copy()
        turned[:, [0, 1]] = rows[:, [1, 0]]
        return g(rows) + g(turned)

    values = pellucid.KernelShap()(f, x, background=background).values[0]
    assert abs(values[0] - values[1]) <= 1e-10 * (1 + np.abs(values).max())


@few
@given(players=st.integers(1, 9), seed=seeds, a=st.floats(-3, 3), b=st.floats(-3, 3))
def test_linearity(players, seed, a, b):
    """The values of a f + b g are a times those of f plus b times those of g."""
    f, g, (x, background) = tangled(players, seed), tangled(players, seed + 1), data(players, 1, seed)
    of = lambda h: pellucid.KernelShap()(h, x, background=background).values  # noqa: E731
    both = of(lambda r: a * f(r) + b * g(r))
    np.testing.assert_allclose(both, a * of(f) + b * of(g), rtol=0, atol=1e-9 * (1 + np.abs(both).max()))


@few
@given(seed=seeds)
def test_linearity_of_the_plain_regression_at_a_small_budget(seed):
    """Without covariates the estimate is linear in the game too, whatever was sampled."""
    f, g, (x, background) = tangled(12, seed), tangled(12, seed + 1), data(12, 1, seed)
    of = lambda h: pellucid.KernelShap(budget=100, cubic=False)(h, x, background=background).values  # noqa: E731
    both = of(lambda r: f(r) - 2 * g(r))
    np.testing.assert_allclose(both, of(f) - 2 * of(g), rtol=0, atol=1e-9 * (1 + np.abs(both).max()))


@few
@given(players=st.integers(12, 24), seed=seeds)
def test_an_additive_game_is_solved_at_the_least_budget(players, seed):
    """Nothing is left to sample where there are no interactions, and the half-width knows it."""
    rng = np.random.default_rng(seed)
    w, x = rng.normal(size=players), rng.normal(size=(1, players))
    e = pellucid.KernelShap(budget=minimum_budget(players))(lambda r: r @ w, x, baseline=0.0)
    np.testing.assert_allclose(e.values, w * x, rtol=0, atol=1e-8)
    assert e.quality.half_width.max() <= 1e-6
    assert e.quality.verdict == "ok"


def test_a_constant_model_gives_zeros():
    for players, budget in ((5, 2048), (14, 200)):
        e = pellucid.KernelShap(budget=budget)(
            lambda r: np.full(len(r), 0.3), np.ones((2, players)), baseline=0.0
        )
        np.testing.assert_allclose(e.values, 0, atol=1e-12)
        assert np.isfinite(e.quality.half_width).all()
        assert e.quality.verdict == "ok"


# -- sampled --------------------------------------------------------------------------------------------------------


@lru_cache
def game(name: str) -> tuple[Any, np.ndarray, np.ndarray]:
    """A trained model, one row, and a background: 12 players each."""
    if name == "mlp regressor":
        X, y = make_friedman1(400, 12, random_state=0)
        model: Any = MLPRegressor(hidden_layer_sizes=(24, 24), max_iter=400, random_state=0).fit(X, y)
    elif name == "mlp classifier":
        X, y = load_breast_cancer(return_X_y=True)
        X = ((X - X.mean(0)) / X.std(0))[:, 6:18]
        model = MLPClassifier(hidden_layer_sizes=(24,), max_iter=300, random_state=0).fit(X, y)
    else:
        X, y = load_breast_cancer(return_X_y=True)
        X = X[:, :12]
        model = RandomForestClassifier(12, max_depth=5, random_state=0).fit(X, y)
    order = np.random.default_rng(0).permutation(len(X))
    return model, X[order[:1]], X[order[1:9]]


@lru_cache
def exact(name: str) -> np.ndarray:
    model, row, background = game(name)
    e = pellucid.KernelShap(budget=2**PLAYERS)(model, row, background=background)
    assert e.quality.exact
    return e.values[0]


GAMES = ("mlp regressor", "mlp classifier", "forest")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", GAMES)
def test_half_widths_cover(name):
    """At 300 evaluations on 12 players the 95 % intervals hold the exact value in 90 to 99 % of 200 trials."""
    model, row, background = game(name)
    inside = []
    for seed in range(TRIALS):
        with pellucid.options(seed=seed):
            e = pellucid.KernelShap(budget=BUDGET)(model, row, background=background)
        assert e.quality.error_kind == "sampling"
        inside.append(np.abs(e.values[0] - exact(name)) <= e.quality.half_width[0])
    covered = float(np.mean(inside))
    assert 0.90 <= covered <= 0.99, f"{name}: {covered:.3f}"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", GAMES)
def test_more_evaluations_come_closer(name):
    model, row, background = game(name)
    errors = []
    for budget in (60, 300, 2000):
        with pellucid.options(seed=5):
            e = pellucid.KernelShap(budget=budget)(model, np.repeat(row, 10, 0), background=background)
        errors.append(float(np.median(np.linalg.norm(e.values - exact(name), axis=1))))
    assert errors[0] > errors[1] > errors[2]


def test_forty_players():
    """Subsets of forty players are too many to count in 64 bits of pairs asked; the answer is complete and near."""
    f, (x, background) = tangled(40), data(40, rows=1)
    small = pellucid.KernelShap(budget=400)(f, x, background=background)
    large = pellucid.KernelShap(budget=20_000)(f, x, background=background)
    assert small.values.shape == (1, 40)
    np.testing.assert_allclose(small.residual, 0, atol=1e-9)
    inside = np.abs(small.values - large.values) <= small.quality.half_width + large.quality.half_width
    assert inside.mean() >= 0.85
    assert large.quality.half_width.mean() < small.quality.half_width.mean() / 3


def test_seventy_players():
    """Where a size has more than 2**61 coalitions they are drawn one player at a time."""
    w = np.linspace(-1, 1, 70)
    e = pellucid.KernelShap(budget=400)(lambda r: r @ w, np.ones((1, 70)), baseline=0.0)
    np.testing.assert_allclose(e.values[0], w, atol=1e-8)


@few
@given(players=st.integers(1, 30), extra=st.integers(0, 300), seed=seeds)
def test_no_coalition_is_asked_twice_and_the_budget_is_kept(players, extra, seed):
    budget = minimum_budget(players) + extra
    design = sample_coalitions(players, budget, np.random.default_rng(seed))
    both = np.concatenate([design.half, ~design.half])
    assert len(np.unique(both, axis=0)) == len(both)
    assert design.evaluations <= budget
    assert not (both.all(1) | (~both).all(1)).any()
    assert (np.minimum(design.half.sum(1), players - design.half.sum(1)) == design.stratum).all()


def test_the_number_of_evaluations_is_the_one_asked_for():
    f, (x, _) = tangled(14), data(14, rows=3)
    e = pellucid.KernelShap(budget=200)(f, x, baseline=0.0)
    assert e.quality.evals <= 3 * 200 + 3
    assert e.quality.evals >= 3 * 190
    assert e.quality.grads == 0


# -- seeds, rows, batches -------------------------------------------------------------------------------------------


def test_same_seed_same_bits():
    f, (x, background) = tangled(14), data(14, rows=3)

    def at(seed: int) -> tuple[bytes, bytes]:
        with pellucid.options(seed=seed):
            e = pellucid.KernelShap(budget=120)(f, x, background=background)
        return e.values.tobytes(), e.quality.half_width.tobytes()

    assert at(3) == at(3)
    assert at(3) != at(4)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_the_batch_size_does_not_matter(batch_size):
    f, (x, background) = tangled(13), data(13, rows=2)
    whole = pellucid.KernelShap(budget=90)(f, x, background=background)
    with pellucid.options(batch_size=batch_size):
        e = pellucid.KernelShap(budget=90)(f, x, background=background)
    np.testing.assert_allclose(e.values, whole.values, rtol=0, atol=1e-10)
    np.testing.assert_allclose(e.quality.half_width, whole.quality.half_width, rtol=0, atol=1e-8)


def test_a_row_does_not_depend_on_the_rows_beside_it():
    """The third row is the third row, whoever else is explained."""
    f, (x, background) = tangled(13), data(13, rows=6)
    whole = pellucid.KernelShap(budget=90)(f, x, background=background).values
    np.testing.assert_array_equal(
        pellucid.KernelShap(budget=90)(f, x[:3], background=background).values, whole[:3]
    )
    others = x.copy()
    others[[0, 1, 3, 4, 5]] *= -2
    np.testing.assert_array_equal(
        pellucid.KernelShap(budget=90)(f, others, background=background).values[2], whole[2]
    )


def test_a_model_call_never_holds_more_rows_than_batch_size():
    """`batch_size` is rows per model call, and background rows are rows."""
    most = 0

    def f(rows: np.ndarray) -> np.ndarray:
        nonlocal most
        most = max(most, len(rows))
        return rows.sum(1)

    with pellucid.options(batch_size=4):
        pellucid.KernelShap()(f, np.ones((1, 5)), background=np.zeros((10, 5)))
    assert most <= 4


# -- knobs and groups -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("players", "budget"), [(2, 3), (5, 10), (12, 40), (40, 100)])
def test_a_budget_below_the_least_is_refused(players, budget):
    with pytest.raises(
        ParameterError, match=rf"{players} players need a budget of at least {minimum_budget(players)}"
    ):
        pellucid.KernelShap(budget=budget)(lambda r: r.sum(1), np.ones((1, players)), baseline=0.0)


@pytest.mark.parametrize("players", [2, 5, 12, 40])
def test_the_least_budget_is_enough(players):
    e = pellucid.KernelShap(budget=minimum_budget(players))(
        lambda r: r.sum(1), np.ones((1, players)), baseline=0.0
    )
    np.testing.assert_allclose(e.values, 1, atol=1e-9)


@pytest.mark.parametrize("budget", [1, 0, -5, 3.5, "many", None, True])
def test_a_budget_that_is_none_is_refused(budget):
    with pytest.raises(ParameterError, match=r"budget"):
        pellucid.KernelShap(budget=budget)


def test_groups_play_as_one():
    """A group's value is that of one player, divided among its columns so that the sum stays."""
    f, (x, background) = tangled(6), data(6, rows=1)
    features = pellucid.Columns(tuple("abcdef"), groups={"first": ("a", "c"), "last": ("e", "f")})
    e = pellucid.KernelShap()(f, x, background=background, features=features)
    groups = [[0, 2], [1], [3], [4, 5]]
    expected = by_subsets(4, marginal(f, x[0], background, groups))
    assert e.players == (("first", "b", "d", "last"),)
    np.testing.assert_allclose(e.player_values[0], expected, atol=1e-10)
    for group, value in zip(groups, expected, strict=True):
        np.testing.assert_allclose(e.values[0, group], value / len(group), atol=1e-10)
    np.testing.assert_allclose(e.residual, 0, atol=1e-10)


def test_a_large_error_is_said_and_strict_raises():
    def noise(rows: np.ndarray) -> np.ndarray:
        return np.sin(1e3 * (rows @ np.arange(1, 15)))

    method, x = pellucid.KernelShap(budget=80), np.ones((1, 14))
    with pytest.warns(pellucid.PellucidWarning, match=r"Raise budget"):
        e = method(noise, x, baseline=0.0)
    assert e.quality.check("half_width").status in ("warn", "fail")
    with pellucid.options(strict=True), pytest.raises(RuntimeError, match=r"Raise budget"):
        method(noise, x, baseline=0.0)


@pytest.mark.parametrize(
    "more", [{"baseline": 1.0}, {"background": np.zeros((2, 4))}], ids=["baseline", "background"]
)
def test_a_masker_beside_another_way_of_hiding_is_refused(more):
    with pytest.raises(ParameterError, match=r"Leave baseline and background out"):
        pellucid.KernelShap()(lambda r: r.sum(1), np.ones((1, 4)), masker=pellucid.Fill(0.0), **more)


@pytest.mark.parametrize("baseline", [0.0, np.zeros(4), "zeros"], ids=["number", "row", "zeros"])
def test_a_background_that_the_baseline_does_not_use_is_not_dropped_in_silence(baseline):
    """Numbers need no background: it is refused, since ignored it would answer another question."""
    with pytest.raises(ParameterError, match=r"background"):
        pellucid.KernelShap()(
            lambda r: r.sum(1), np.ones((1, 4)), baseline=baseline, background=np.ones((2, 4))
        )


def test_at_most_a_hundred_background_rows_are_kept_and_a_masker_keeps_all():
    X, f = np.random.default_rng(0).normal(size=(250, 3)), tangled(3)
    sampled = pellucid.KernelShap()(f, X[:1], background=X)
    assert "100 background rows" in sampled.quality.estimand
    whole = pellucid.KernelShap()(f, X[:1], masker=pellucid.Background(X))
    assert "250 background rows" in whole.quality.estimand
    np.testing.assert_allclose(whole.values[0], by_subsets(3, marginal(f, X[0], X, singles(3))), atol=1e-10)


def test_each_row_is_explained_for_its_own_class():
    model, _, background = game("forest")
    X = load_breast_cancer().data[:6, :12]
    e = pellucid.KernelShap(budget=200)(model, X, background=background)
    proba = model.predict_proba(X)
    assert e.target == tuple(str(c) for c in model.classes_[proba.argmax(1)])
    np.testing.assert_allclose(e.output, proba.max(1))
    one = pellucid.KernelShap(budget=200)(model, X, target=[0, 1, 0, 1, 0, 1], background=background)
    np.testing.assert_allclose(one.output, proba[np.arange(6), [0, 1, 0, 1, 0, 1]])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_regression_on_real_columns():
    X, y = load_diabetes(return_X_y=True)
    model = MLPRegressor(hidden_layer_sizes=(16,), max_iter=60, random_state=0, solver="lbfgs").fit(X, y)
    e = pellucid.KernelShap()(model, X[:2], background=X[:30])
    for row, values in zip(X[:2], e.values, strict=True):
        np.testing.assert_allclose(
            values, by_subsets(10, marginal(model.predict, row, X[:30], singles(10))), rtol=0, atol=1e-8
        )
