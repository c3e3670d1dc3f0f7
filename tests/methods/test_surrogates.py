"""Simple models in place of complex ones: their fidelity, their rules, and what they are fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.tree import DecisionTreeClassifier

import pellucid
from pellucid import GlobalSurrogate, LocalSurrogateTree
from pellucid.core.errors import CapabilityError, DataError, ParameterError

quiet = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
FORMS = ("tree", "rules", "linear")


@pytest.fixture(scope="module", params=["iris", "cancer"])
def forest(request: pytest.FixtureRequest) -> tuple[np.ndarray, Any]:
    X, y = (load_iris if request.param == "iris" else load_breast_cancer)(return_X_y=True)
    return X, RandomForestClassifier(30, random_state=0).fit(X, y)


@quiet
@pytest.mark.parametrize("form", FORMS)
def test_the_fidelity_is_that_of_an_independent_count(forest, form):
    X, model = forest
    e = GlobalSurrogate(form=form)(model, X)
    assert e.decides and e.measure == "agreement"
    assert e.fidelity == pytest.approx(accuracy_score(model.predict(X[e.held_out]), e.decide(X[e.held_out])))
    assert len(e.held_out) + e.rows == len(X)


@quiet
def test_the_tree_is_scikit_learns_on_the_other_rows(forest):
    X, model = forest
    e = GlobalSurrogate(size=6, depth=3)(model, X)
    fitted = np.setdiff1d(np.arange(len(X)), e.held_out)
    own = DecisionTreeClassifier(max_leaf_nodes=6, max_depth=3, random_state=0).fit(
        X[fitted], model.predict(X[fitted])
    )
    np.testing.assert_allclose(e.predict(X), own.predict_proba(X), atol=1e-12)
    held = e.held_out
    assert e.fidelity == pytest.approx(own.score(X[held], model.predict(X[held])))


@quiet
@pytest.mark.parametrize("form", FORMS)
def test_of_numbers_it_is_r2(form):
    X, y = load_diabetes(return_X_y=True)
    model = RandomForestRegressor(20, random_state=0).fit(X, y)
    e = GlobalSurrogate(form=form)(model, X)
    held = e.held_out
    assert e.measure == "R²"
    assert e.fidelity == pytest.approx(r2_score(model.predict(X[held]), e.predict(X[held])[:, 0]))
    assert 0 < e.fidelity_half_width < 0.3


@quiet
def test_a_share_of_few_rows_has_an_interval_though_all_agree():
    X = np.random.default_rng(0).normal(size=(100, 3))
    e = GlobalSurrogate(size=2)(lambda r: np.stack([r[:, 0] <= 0, r[:, 0] > 0], 1).astype(float), X)
    n = len(e.held_out)
    low = binomtest(n, n).proportion_ci(method="wilson").low
    assert e.fidelity == 1
    assert e.fidelity_half_width == pytest.approx(1 - low, rel=1e-4)


@quiet
def test_a_linear_model_is_found_exactly():
    X = np.random.default_rng(0).normal(size=(200, 6))
    e = GlobalSurrogate(form="linear", size=2)(lambda r: 3 + 2 * r[:, 1] - r[:, 4], X)
    np.testing.assert_allclose(e.coefficients[:, 0], [0, 2, 0, 0, -1, 0], atol=1e-10)
    assert e.intercept[0] == pytest.approx(3)
    assert e.fidelity == pytest.approx(1)
    assert e.quality.verdict == "ok"
    assert "3 + 2 × x1 − 1 × x4" in e.narrate()


@quiet
def test_rules_hold_for_the_rows_they_speak_of(forest):
    """Asked in order by their own words, they decide what the arrays decide."""
    X, model = forest
    names = tuple(f"x{j}" for j in range(X.shape[1]))
    for form in ("tree", "rules"):
        e = GlobalSurrogate(form=form, size=5)(model, X)
        assert sum(r.share for r in e.rules) == pytest.approx(1)
        said = np.full((len(X), len(e.targets)), np.nan)
        for rule in e.rules:
            holds = np.isnan(said[:, 0])
            for column, what in rule.conditions:
                limit, x = float(what[2:]), X[:, names.index(column)]
                holds &= x <= limit if what[0] == "≤" else x > limit
            said[holds] = rule.output
        written = np.isclose(said, e.predict(X)).all(1)  # limits are written to four digits
        assert written.mean() > 0.98


@quiet
def test_categories_are_asked_one_by_one():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"job": rng.choice(["cook", "nurse", "pilot"], 300), "age": rng.normal(40, 9, 300)})
    e = GlobalSurrogate(size=4)(lambda d: (d.job == "nurse").to_numpy(float), X)
    assert e.fidelity == 1
    assert {r.conditions for r in e.rules} == {(("job", "= nurse"),), (("job", "≠ nurse"),)}
    np.testing.assert_allclose(e.values, [1, 0])


def test_a_poor_imitation_says_so():
    X = np.random.default_rng(0).normal(size=(300, 4))
    with pytest.warns(pellucid.PellucidWarning, match=r"R² .* not fitted to"):
        e = GlobalSurrogate(size=2)(lambda r: np.sin(5 * r).prod(1), X)
    assert e.quality.verdict == "unreliable"
    assert e.quality.check("fidelity").value == pytest.approx(1 - e.fidelity)
    assert "not faithful enough" in e.narrate()
    assert "不够忠实" in e.narrate("zh")


# -- one row --------------------------------------------------------------------------------------------------------


@quiet
def test_around_a_row_it_finds_what_counts_there():
    """The model uses column 1 where column 0 is positive, and column 2 elsewhere."""
    X = np.random.default_rng(1).normal(size=(500, 4))
    X[0], X[1] = [3, 0.1, 0.1, 0], [-3, 0.1, 0.1, 0]
    f = lambda r: np.where(r[:, 0] > 0, np.sign(r[:, 1]), np.sign(r[:, 2]))  # noqa: E731
    one, other = (LocalSurrogateTree(width=0.5)(f, X, row=row) for row in (0, 1))
    assert one.values[1] > 2 * one.values[2]
    assert other.values[2] > 2 * other.values[1]
    assert one.row == 0 and one.said[0] == 1
    assert one.fidelity > 0.8


@quiet
def test_same_row_same_tree():
    X = np.random.default_rng(2).normal(size=(80, 3))
    f = lambda r: np.tanh(r).sum(1)  # noqa: E731
    a, b = (LocalSurrogateTree(samples=300)(f, X, row=5) for _ in range(2))
    np.testing.assert_array_equal(a.output, b.output)
    assert a.fidelity == b.fidelity


# -- bad input ------------------------------------------------------------------------------------------------------


@quiet
def test_a_class_that_is_never_predicted_is_named():
    X = np.random.default_rng(0).normal(size=(200, 2))

    def two_of_three(rows: np.ndarray) -> np.ndarray:
        p = 1 / (1 + np.exp(-9 * rows[:, 0]))
        return np.stack([p, 1 - p, 0 * p], 1)

    e = GlobalSurrogate()(two_of_three, X, classes=["a", "b", "c"])
    assert any("unknown to the simple model: c" in n for n in e.provenance.notes)
    assert not e.predict(X)[:, 2].any()
    assert e.fidelity > 0.9


@quiet
def test_where_only_one_class_is_predicted_the_numbers_are_imitated():
    X = np.random.default_rng(0).normal(size=(100, 2))
    p = lambda r: 0.1 / (1 + np.exp(-r[:, 0]))  # noqa: E731
    e = GlobalSurrogate()(lambda r: np.stack([p(r), 1 - p(r)], 1), X)
    assert not e.decides
    assert any("the numbers are imitated" in n for n in e.provenance.notes)


def test_refusals():
    X = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(DataError, match="nothing to imitate"):
        GlobalSurrogate()(lambda r: np.ones(len(r)), X)
    with pytest.raises(DataError, match="needs 4 rows"):
        GlobalSurrogate()(lambda r: r.sum(1), X[:3])
    with pytest.raises(ParameterError, match="no row 99"):
        LocalSurrogateTree()(lambda r: r.sum(1), X, row=99)
    with pytest.raises(ParameterError, match="Leave row out"):
        GlobalSurrogate()(lambda r: r.sum(1), X, row=2)
    with pytest.raises(ParameterError, match="must be one of tree, rules, linear"):
        GlobalSurrogate(form="forest")


@quiet
def test_a_linear_model_has_no_rules():
    X = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(CapabilityError, match="no rules"):
        _ = GlobalSurrogate(form="linear")(lambda r: r.sum(1), X).rules
