"""Exact and permutation Shapley values: equal to the definition, or within their intervals; engine shared by rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid
from pellucid.core.errors import Cancelled, CapabilityError, ParameterError
from tests.methods.test_kernel_shap import data, exact, game, singles, tangled
from tests.twins.shapley import by_orders, by_subsets, marginal

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
few = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 10_000)
SAMPLED = [pellucid.KernelShap(budget=120), pellucid.PermutationShap(budget=120)]
sampled = pytest.mark.parametrize("method", SAMPLED, ids=lambda m: m.name)


# -- exact ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("players", [1, 2, 5, 8])
def test_exact_equals_the_mean_over_all_orders(players):
    f, (x, background) = tangled(players), data(players, rows=2 if players < 8 else 1)
    e = pellucid.ExactShapley()(f, x, background=background)
    for row, values in zip(x, e.values, strict=True):
        worth = marginal(f, row, background, singles(players))
        known: dict[frozenset[int], float] = {}
        cached = lambda s, worth=worth, known=known: known.setdefault(s, known[s] if s in known else worth(s))  # noqa: E731
        np.testing.assert_allclose(values, by_orders(players, cached), rtol=0, atol=1e-10)
    assert e.quality.exact
    assert e.quality.verdict == "ok"


def test_exact_with_more_players_equals_the_sum_over_subsets():
    f, (x, background) = tangled(11), data(11, rows=1)
    e = pellucid.ExactShapley()(f, x, background=background)
    expected = by_subsets(11, marginal(f, x[0], background, singles(11)))
    np.testing.assert_allclose(e.values[0], expected, rtol=0, atol=1e-10)


def test_twenty_players_are_taken_and_an_additive_game_is_itself():
    w = np.linspace(-1, 1, 20)
    e = pellucid.ExactShapley()(lambda r: r @ w, np.ones((1, 20)), baseline=0.0)
    np.testing.assert_allclose(e.values[0], w, atol=1e-12)


def test_one_player_more_is_refused_with_what_to_use():
    with pytest.raises(CapabilityError, match=r"at most 20 players.*Got 21 players\..*KernelShap"):
        pellucid.ExactShapley()(lambda r: r.sum(1), np.ones((1, 21)), baseline=0.0)


@pytest.mark.parametrize(
    "method", [pellucid.ExactShapley(), pellucid.KernelShap(), pellucid.PermutationShap()]
)
def test_who_changes_nothing_gets_exactly_zero(method):
    f, (x, background) = tangled(9), data(9)
    unread = lambda r: f(np.where(np.arange(9) == 4, 0.0, r))  # noqa: E731
    assert (method(unread, x, background=background).values[:, 4] == 0).all()


def test_who_changes_nothing_gets_exactly_zero_from_sampled_orders():
    f, (x, background) = tangled(14), data(14)
    unread = lambda r: f(np.where(np.arange(14) == 4, 0.0, r))  # noqa: E731
    e = pellucid.PermutationShap()(unread, x, background=background)
    assert not e.quality.exact
    assert (e.values[:, 4] == 0).all()


# -- permutation ----------------------------------------------------------------------------------------------------


@few
@given(players=st.integers(1, 16), seed=seeds)
def test_permutation_is_complete(players, seed):
    f, (x, background) = tangled(players, seed), data(players, 2, seed)
    e = pellucid.PermutationShap(budget=100)(f, x, background=background)
    np.testing.assert_allclose(e.residual, 0, atol=1e-10 * (1 + np.abs(e.output).max()))


def test_permutation_equals_a_walk_through_its_orders():
    """The same orders, walked one player at a time."""
    f, (x, background) = tangled(13), data(13, rows=1)
    e = pellucid.PermutationShap(budget=2 + 24 * 6)(f, x, background=background)
    value = marginal(f, x[0], background, singles(13))
    rng = np.random.default_rng(np.random.SeedSequence(0))
    orders = rng.permuted(np.tile(np.arange(13), (6, 1)), axis=1)
    found = np.zeros((6, 13))
    for pair, order in enumerate(orders):
        for way in (order, order[::-1]):
            present: frozenset[int] = frozenset()
            for player in way:
                found[pair, player] += (value(present | {player}) - value(present)) / 2
                present |= {player}
    np.testing.assert_allclose(e.values[0], found.mean(0), atol=1e-10)
    wanted = 2.570582 * found.std(0, ddof=1) / np.sqrt(6)  # Student's t with 5 degrees of freedom
    np.testing.assert_allclose(e.quality.half_width[0], wanted, rtol=1e-5, atol=1e-8)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ["mlp regressor", "mlp classifier", "forest"])
def test_permutation_intervals_cover(name):
    """By default the 95 % intervals hold the exact value in 90 to 99 % of 200 trials."""
    model, row, background = game(name)
    inside = []
    for seed in range(200):
        with pellucid.options(seed=seed):
            e = pellucid.PermutationShap()(model, row, background=background)
        inside.append(np.abs(e.values[0] - exact(name)) <= e.quality.half_width[0])
    assert 0.90 <= float(np.mean(inside)) <= 0.99


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_permutation_converges():
    model, row, background = game("mlp regressor")
    errors = []
    for budget in (90, 450, 2250):
        off = []
        for seed in range(6):
            with pellucid.options(seed=seed):
                e = pellucid.PermutationShap(budget=budget)(model, row, background=background)
            off.append(np.linalg.norm(e.values[0] - exact("mlp regressor")))
        errors.append(np.median(off))
    assert errors[0] > 1.5 * errors[1] > 2.2 * errors[2]


@pytest.mark.parametrize(("players", "budget"), [(12, 40), (30, 100)])
def test_a_budget_below_two_pairs_is_refused(players, budget):
    with pytest.raises(
        ParameterError, match=rf"{players} players need a budget of at least {4 * players - 2}"
    ):
        pellucid.PermutationShap(budget=budget)(lambda r: r.sum(1), np.ones((1, players)), baseline=0.0)


# -- one engine -----------------------------------------------------------------------------------------------------


@sampled
def test_rows_share_model_calls(method):
    """Fifty rows cost a handful of calls, not fifty."""
    calls = 0

    def f(rows: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        return np.tanh(rows).sum(1)

    x = np.random.default_rng(0).normal(size=(50, 12))
    method(f, x, baseline=0.0)
    assert calls <= 5


@sampled
def test_ten_thousand_rows_in_one_call(method):
    x = np.random.default_rng(0).normal(size=(10_000, 20))
    e = method(lambda r: r @ np.arange(20.0), x, baseline=0.0)
    np.testing.assert_allclose(e.values, x * np.arange(20.0), atol=1e-7)


@sampled
def test_a_row_is_the_same_in_any_company(method):
    f, (x, background) = tangled(13), data(13, rows=7)
    whole = method(f, x, background=background)
    alone = method(f, x[:1], background=background)
    np.testing.assert_array_equal(alone.values, whole.values[:1])
    np.testing.assert_array_equal(alone.quality.half_width, whole.quality.half_width[:1])


@sampled
def test_the_budget_is_counted_in_coalitions(method):
    f, (x, background) = tangled(13), data(13, rows=3)
    e = method(f, x, background=background)
    assert 3 * (1 + 85 * 5) <= e.quality.evals <= 3 * (1 + 120 * 5)


@pytest.mark.parametrize("cls", [pellucid.KernelShap, pellucid.PermutationShap])
def test_a_tolerance_stops_each_row_when_it_is_met(cls):
    """An additive row is done at once; a tangled one goes on; both are as near as was asked."""
    f, (x, background) = tangled(14), data(14, rows=2)

    def half(rows: np.ndarray) -> np.ndarray:
        tangles = np.abs(rows[:, :1] - x[0, 0]) < 1e-12
        return rows.sum(1) + np.where(tangles[:, 0], f(rows), 0.0)

    method = cls(budget=4000, tolerance=0.1)
    e = method(half, x, background=background)
    whole = cls(budget=4000)(half, x, background=background)
    assert e.quality.evals < 0.7 * whole.quality.evals
    assert (e.quality.half_width.max(1) <= 1.96 * 0.1 * np.abs(e.values).max(1) + 1e-9).all()
    np.testing.assert_array_equal(method(half, x[1:], background=background).values, e.values[1:])


def cancelled(call: Any, before_the_end: int) -> Any:
    """What a call gives that is cancelled so many batches before its end."""
    asked, last = 0, 10**9

    def cancel() -> bool:
        nonlocal asked
        asked += 1
        return asked > last

    with pellucid.options(cancel=cancel, batch_size=64):
        call()
        asked, last = 0, asked - before_the_end
        with pytest.raises(Cancelled) as stop:
            call()
    return stop.value.result


@sampled
def test_a_cancelled_run_gives_what_there_is(method):
    """The rounds that were finished count, with wider intervals."""
    f, (x, background), method = tangled(13), data(13, rows=1), replace(method, budget=1000)
    whole = method(f, x, background=background)
    e = cancelled(lambda: method(f, x, background=background), 1)
    assert isinstance(e, pellucid.Attribution)
    np.testing.assert_allclose(e.residual, 0, atol=1e-9)
    assert e.quality.half_width.mean() > whole.quality.half_width.mean()
    assert e.narrate()


def test_a_cancelled_run_of_many_rows_gives_the_rows_that_are_done():
    x = np.random.default_rng(0).normal(size=(200, 8))
    e = cancelled(lambda: pellucid.Occlusion()(lambda r: r.sum(1), x), 2)
    assert 0 < len(e) < 200
    np.testing.assert_allclose(e.values, x[: len(e)], atol=1e-12)


@sampled
def test_a_model_that_changes_its_answer_is_found_out(method):
    rng = np.random.default_rng(0)

    def restless(rows: np.ndarray) -> np.ndarray:
        return rows.sum(1) + rng.normal(size=len(rows))

    e = method(restless, np.ones((2, 13)), baseline=0.0)
    check = e.quality.check("repeatable")
    assert check.status in ("warn", "fail")
    assert "another output" in check.meaning


@sampled
def test_a_model_that_fails_on_hidden_features_is_named(method):
    def picky(rows: np.ndarray) -> np.ndarray:
        if (rows == 0).any():
            raise ValueError("no zeros please")
        return rows.sum(1)

    with pytest.raises(ValueError, match=r"no zeros please") as error:
        method(picky, np.ones((1, 13)), baseline=0.0)
    assert any("with features hidden" in note for note in error.value.__notes__)


def test_rows_with_different_numbers_of_players_play_in_one_call():
    """Regions of an image are as many as it has; each row's values are its own."""

    class Halves:
        def bind(self, x: np.ndarray, features: Any) -> Any:
            parts = np.arange(x.size).reshape(x.shape) // (1 + int(x.flat[0] > 0))
            return pellucid.Fill(0.0, labels=parts).bind(x, features)

        def describe(self) -> str:
            return "halves"

    x = np.array([[1.0, 2, 3, 4], [-1.0, 2, 3, 4], [2.0, 2, 3, 4]])
    e = pellucid.ExactShapley()(lambda r: r.sum(1), x, masker=Halves())
    np.testing.assert_allclose(e.values, [[1.5, 1.5, 3.5, 3.5], [-1, 2, 3, 4], [2, 2, 3.5, 3.5]])
    assert [len(names) for names in e.players] == [2, 4, 2]
    np.testing.assert_allclose(e.player_values[0, :2], [3, 7])
    assert np.isnan(e.player_values[0, 2:]).all()
