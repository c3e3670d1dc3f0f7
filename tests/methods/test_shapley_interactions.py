"""Interactions of pairs: equal to both definitions, within their intervals, and the same whatever is asked beside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes

import pellucid
from pellucid.core.errors import CapabilityError, ParameterError
from pellucid.methods.perturbation.coalitions import sample_coalitions
from pellucid.methods.perturbation.pairs import PairLeastSquares
from pellucid.results import PairAttribution
from tests.methods.test_kernel_shap import data, singles, tangled
from tests.twins.shapley import marginal, pairs_by_orders, pairs_by_subsets

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
few = settings(max_examples=10, deadline=None)


def kept(worth: Any) -> Any:
    """A value asked once for each coalition."""
    known: dict[frozenset[int], float] = {}
    return lambda s: known.setdefault(s, known[s] if s in known else worth(s))


def quadratic(players: int, seed: int = 0) -> tuple[Any, np.ndarray]:
    """A function whose interactions are known: (f, (players, players) of coefficients)."""
    a = np.triu(np.random.default_rng(seed).normal(size=(players, players)), 1)
    return lambda rows: np.einsum("ni,ij,nj->n", rows, a, rows) + rows.sum(1), a + a.T


# -- exact ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("players", [1, 2, 3, 6])
def test_exact_equals_both_definitions(players):
    f, (x, background) = tangled(players), data(players)
    e = pellucid.ShapleyInteractions()(f, x, background=background)
    assert isinstance(e, PairAttribution)
    assert e.quality.exact
    for row, values in zip(x, e.values, strict=True):
        worth = kept(marginal(f, row, background, singles(players)))
        np.testing.assert_allclose(values, pairs_by_subsets(players, worth), rtol=0, atol=1e-10)
        if players > 1:
            np.testing.assert_allclose(values, pairs_by_orders(players, worth), rtol=0, atol=1e-10)


@few
@given(players=st.integers(1, 9), seed=st.integers(0, 10_000))
def test_the_matrix_adds_up_and_its_lines_are_shapley_values(players, seed):
    f, (x, background) = tangled(players, seed), data(players, seed=seed)
    e = pellucid.ShapleyInteractions()(f, x, background=background)
    shapley = pellucid.ExactShapley()(f, x, background=background)
    np.testing.assert_array_equal(e.values, np.swapaxes(e.values, 1, 2))
    np.testing.assert_allclose(e.residual, 0, atol=1e-10)
    np.testing.assert_allclose(e.attribution.values, shapley.values, atol=1e-10)


def test_sums_have_no_pairs_and_products_nothing_else():
    ones = np.ones((1, 5))
    alone = pellucid.ShapleyInteractions()(lambda r: np.exp(r).sum(1), ones, baseline=0.0).values[0]
    np.testing.assert_allclose(alone, np.eye(5) * (np.e - 1), atol=1e-14)
    both = pellucid.ShapleyInteractions()(lambda r: r[:, 0] * r[:, 1], ones, baseline=0.0).values[0]
    np.testing.assert_allclose(both[:2, :2], [[0, 0.5], [0.5, 0]], atol=1e-15)
    assert not both[2:].any()


# -- sampled --------------------------------------------------------------------------------------------------------


def test_pairs_are_exact_where_no_three_act_together():
    f, a = quadratic(14)
    x = np.random.default_rng(1).normal(size=(2, 14))
    e = pellucid.ShapleyInteractions(budget=600)(f, x, baseline=0.0)
    assert not e.quality.exact
    expected = a * x[:, :, None] * x[:, None] / 2
    each = np.arange(14)
    expected[:, each, each] = x
    np.testing.assert_allclose(e.values, expected, atol=1e-7)
    assert e.quality.half_width.max() < 1e-6
    assert e.quality.verdict == "ok"


@pytest.mark.parametrize("players", [11, 12])
def test_the_fit_to_all_coalitions_is_the_definition(players):
    """The weights are right: no approximation is left when nothing is left out."""
    f, (x, background) = tangled(players), data(players, rows=1)
    exact = pellucid.ShapleyInteractions(budget=2**players)(f, x, background=background)
    assert exact.quality.exact
    design = sample_coalitions(players, 2**players, np.random.default_rng(0))

    def v(coalitions: np.ndarray) -> np.ndarray:
        rows = np.where(coalitions[:, None], x[0], background)
        return f(rows.reshape(-1, players)).reshape(len(coalitions), -1).mean(1)

    ends = v(np.array([[False], [True]]).repeat(players, 1))
    single, but = v(np.eye(players, dtype=bool)), v(~np.eye(players, dtype=bool))
    mean = (v(design.half) + v(~design.half))[None] / 2
    halves, width = PairLeastSquares(design).solve(mean, (ends.sum() - single - but)[None])
    off = ~np.eye(players, dtype=bool)
    np.testing.assert_allclose(halves[0][off], exact.values[0][off], atol=1e-8)
    assert not width.any(), "and it says so"


def test_sampled_values_lie_in_their_intervals():
    """At 1,000 of 4,096 evaluations; the intervals hold the exact value in 90 to 99 % of pairs over seeds."""
    players = 12
    f, (x, background) = tangled(players), data(players)
    exact = pellucid.ShapleyInteractions(budget=5000)(f, x, background=background)
    assert exact.quality.exact
    inside, off = [], []
    for seed in range(30):
        with pellucid.options(seed=seed):
            e = pellucid.ShapleyInteractions(budget=1000)(f, x, background=background)
        assert not e.quality.exact
        np.testing.assert_allclose(e.residual, 0, atol=1e-10)
        off.append(e.values - exact.values)
        inside.append(np.abs(off[-1]) <= e.quality.half_width)
    share = float(np.mean(inside))
    assert 0.90 <= share <= 0.99, share
    bias = np.abs(np.mean(off, 0)) / (np.std(off, 0, ddof=1) / np.sqrt(len(off)) + 1e-12)
    assert np.mean(bias < 2.05) > 0.88, "no bias beyond what chance leaves"


def test_the_tolerance_saves_evaluations():
    f, _ = quadratic(13)
    x = np.ones((1, 13))
    asked = {
        t: pellucid.ShapleyInteractions(budget=6000, tolerance=t)(f, x, baseline=0.0).quality.evals
        for t in (0.0, 0.05)
    }
    assert asked[0.05] < 0.6 * asked[0.0]


@pytest.mark.parametrize("budget", [330, 1000])
def test_the_budget_is_kept(budget):
    f, (x, background) = tangled(13), data(13, rows=1)
    e = pellucid.ShapleyInteractions(budget=budget)(f, x, background=background)
    assert e.quality.evals <= budget * len(background) + len(x)


def test_a_budget_that_pays_for_less_than_two_samples():
    with pytest.raises(ParameterError, match=r"20 players need a budget of at least 762 evaluations"):
        pellucid.ShapleyInteractions(budget=500)(lambda r: r.sum(1), np.ones((1, 20)), baseline=0.0)


# -- words and regions ----------------------------------------------------------------------------------------------


def negated(texts: list[str]) -> np.ndarray:
    """1 for "good", -2 more where "not" stands in the text too."""
    words = [t.split() for t in texts]
    return np.array([float("good" in w) - 2.0 * ("good" in w and "not" in w) for w in words])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_words(lang, tmp_path):
    e = pellucid.ShapleyInteractions()(negated, ["not a good film", "so good"])
    assert e.players == (("not", "a", "good", "film"), ("so", "good"))
    assert 2 * e.values[0, 0, 2] == pytest.approx(-2)
    assert np.isnan(e.values[1, 2:]).all()
    np.testing.assert_allclose(e.residual, 0, atol=1e-12)
    back = pellucid.load(e.save(tmp_path / "pairs"))
    np.testing.assert_array_equal(back.values, e.values)
    assert back.players == e.players
    one = e[0]
    assert one.names == ("not", "a", "good", "film")
    assert e[1].values.shape == (1, 2, 2)
    assert "not" in one.narrate(lang)
    for each in (e, one):
        ax = each.plot(lang=lang)
        assert isinstance(ax, Axes)
        ax.figure.canvas.draw()


def test_words_of_one_name_are_told_apart():
    e = pellucid.ShapleyInteractions()(negated, "good and good")
    assert e.names == ("good (1)", "and", "good (2)")
    assert e.values[0, 0, 2] == pytest.approx(-0.5), "either of the two is enough"


def test_regions_of_an_image():
    image = np.ones((1, 1, 6, 6))
    labels = np.kron(np.arange(4).reshape(2, 2), np.ones((3, 3), int))
    f = lambda v: v[:, 0, 0, 0] * v[:, 0, 5, 5] + v[:, 0, 0, 5]  # noqa: E731
    e = pellucid.ShapleyInteractions()(f, image, masker=pellucid.Segments(labels, fill=0.0))
    np.testing.assert_allclose(
        e.values[0], [[0, 0, 0, 0.5], [0, 1, 0, 0], [0, 0, 0, 0], [0.5, 0, 0, 0]], atol=1e-15
    )
    assert e.names == ("region 0", "region 1", "region 2", "region 3")
    np.testing.assert_array_equal(e.regions[0], labels)
    assert "two parts together" in " ".join(t.get_text() for t in e.plot().texts)


def test_a_batch_gets_what_each_row_gets():
    f, (x, background) = tangled(13), data(13, rows=4)
    whole = pellucid.ShapleyInteractions()(f, x, background=background)
    for k in range(4):
        np.testing.assert_array_equal(
            pellucid.ShapleyInteractions()(f, x[k : k + 1], background=background).values[0], whole.values[k]
        )


def test_more_players_than_pairs_can_be_told_apart_for_are_refused():
    x = np.zeros((1, 65))
    with pytest.raises(CapabilityError, match=r"at most 64 players.*[Gg]roup"):
        pellucid.ShapleyInteractions()(lambda rows: rows.sum(1), x, baseline=0.0)
