"""Exact counterfactuals: equal to brute force, with a bound that holds, and what cannot be proven is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pellucid import Constraints, Counterfactual, Coupling
from pellucid.core.errors import CapabilityError, ParameterError
from tests.twins import counterfactuals as twin

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")


def three_columns(seed: int) -> tuple[np.ndarray, np.ndarray]:
    r = np.random.default_rng(seed)
    X = np.column_stack([r.normal(size=150), r.uniform(0, 5, 150), r.integers(0, 6, 150)])
    return X, (X[:, 0] + X[:, 1] * 0.3 - X[:, 2] * 0.2 + r.normal(0, 0.4, 150) > 0).astype(int)


CASES = {
    "free": Constraints(),
    "rising, two changes": Constraints(increase_only=[0], most_changes=2),
    "one change": Constraints(most_changes=1),
    "coupled": Constraints(couplings=[Coupling({0: 1.0, 1: 1.0}, high=3.0)]),
    "categories": Constraints(categories={2: [0, 1, 2, 3, 4, 5]}),
    "together": Constraints(together=[[1, 2]]),
    "a range": Constraints(ranges={1: (1, 4)}, decrease_only=[2]),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["forest", "boosting"])
def test_trees_equal_brute_force(case, kind):
    X, y = three_columns(len(case))
    trees = (
        RandomForestClassifier(6, max_depth=4, random_state=0)
        if kind == "forest"
        else GradientBoostingClassifier(n_estimators=6, max_depth=2, random_state=0)
    )
    model = trees.fit(X, y)
    rows = X[model.predict(X) == 0][:4]
    e = Counterfactual(exact=True)(model, rows, target=1, background=X, constraints=CASES[case])
    best = np.array([twin.brute_force(model, x, X, CASES[case]) for x in rows])
    found = np.full(len(rows), np.inf)
    found[e.of] = e.distance
    np.testing.assert_allclose(found, best, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(e.bound, e.distance, rtol=1e-4, atol=1e-8)
    assert [s == "infeasible" for s in e.status] == np.isinf(best).tolist()


@pytest.mark.parametrize("rows_of", [1, 4])
def test_a_linear_model_equals_the_knapsack(rows_of):
    X, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(X, y)
    rows = X[model.predict(X) == 0][:rows_of]
    e = Counterfactual(exact=True, distance="l1")(model, rows, target=1, background=X)
    w = model[1].coef_[0] / model[0].scale_
    wanted = float(w @ model[0].mean_ - model[1].intercept_[0])
    best = [twin.knapsack(x, w, wanted, X.min(0), X.max(0), np.ones(30)) for x in rows]
    np.testing.assert_allclose(e.distance, best, rtol=1e-4)
    assert e.quality.exact
    assert "proven" in e.narrate()
    assert "证明" in e.narrate("zh")


def test_a_linear_model_of_whole_numbers_and_categories():
    r = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "income": r.normal(40, 12, 120).round(1),
            "children": r.integers(0, 5, 120),
            "job": pd.Categorical(r.choice(["clerk", "engineer", "none"], 120)),
        }
    )

    def score(income, children, job):
        return (income - 50) / 10 - 0.7 * children + {"clerk": 0.0, "engineer": 0.8, "none": -1.5}[job]

    def model(f: pd.DataFrame) -> np.ndarray:
        s = np.array([score(*row) for row in zip(f.income, f.children, f.job, strict=True)])
        return np.stack([1 / (1 + np.exp(s)), 1 / (1 + np.exp(-s))], 1)

    rows = frame[model(frame)[:, 1] < 0.4].iloc[:6]
    e = Counterfactual(exact=True)(model, rows, target=1, background=frame)
    spread = {c: float(np.median(np.abs(frame[c] - frame[c].median()))) for c in ("income", "children")}
    for m, (_, x) in enumerate(rows.iterrows()):
        best = np.inf
        for job in frame.job.cat.categories:
            for children in range(int(frame.children.max()) + 1):
                needed = x.income - 10 * score(x.income, children, job)
                income = max(x.income, needed)
                if income <= max(frame.income.max(), x.income):
                    cost = (income - x.income) / spread["income"] + abs(children - x.children) / spread[
                        "children"
                    ]
                    best = min(best, cost + (job != x.job))
        assert e.distance[m] == pytest.approx(best, rel=1e-4)


def test_categories_that_trees_split_by_sets():
    r = np.random.default_rng(5)
    frame = pd.DataFrame({"a": r.normal(size=200), "job": pd.Categorical(r.choice(list("wxyz"), 200))})
    y = (frame.a + frame.job.map({"w": 0, "x": 1, "y": -1, "z": 0.3}).astype(float) > 0.2).astype(int)
    model = HistGradientBoostingClassifier(max_iter=8, categorical_features="from_dtype").fit(frame, y)
    rows = frame[model.predict(frame) == 0].iloc[:5]
    e = Counterfactual(exact=True)(model, rows, target=1, background=frame)
    spread = float(np.median(np.abs(frame.a - frame.a.median())))
    grid = np.unique(np.concatenate([np.linspace(frame.a.min(), frame.a.max(), 4001), rows.a]))
    for m, (_, x) in enumerate(rows.iterrows()):
        best = np.inf
        for job in "wxyz":
            tried = pd.DataFrame(
                {"a": grid, "job": pd.Categorical([job] * len(grid), categories=list("wxyz"))}
            )
            cost = np.abs(grid - x.a) / spread + (job != x.job)
            best = min(best, cost[model.predict(tried) == 1].min(initial=np.inf))
        assert e.bound[m] <= best + 1e-9
        assert e.distance[m] == pytest.approx(best, abs=0.01)


def search_over_bound(trees: int, depth: int | None, rows: int, seconds: float) -> np.ndarray:
    """The distance that the search finds over what no distance can be below, for rows held back."""
    X, y = load_breast_cancer(return_X_y=True)
    held = np.arange(len(X)) % 3 == 0
    model = RandomForestClassifier(trees, max_depth=depth, random_state=0).fit(X[~held], y[~held])
    some = X[held][model.predict(X[held]) == 0][:rows]
    proven = Counterfactual(exact=True, seconds=seconds)(model, some, target=1, background=X[~held])
    found = Counterfactual()(model, some, target=1, background=X[~held])
    assert set(found.status) == {"found"}
    assert (model.predict(found.values) == 1).all()
    assert (proven.distance <= found.distance * (1 + 1e-9)).all()
    ratio = found.distance / proven.bound
    assert ratio.min() >= 1 - 1e-4
    return ratio


def test_the_search_is_near_what_is_proven():
    ratio = search_over_bound(10, 4, rows=10, seconds=30)
    assert ratio.mean() <= 1.05
    assert ratio.max() <= 1.25


@pytest.mark.oracle
def test_the_search_is_near_what_is_proven_of_thirty_trees():
    ratio = search_over_bound(30, 5, rows=10, seconds=120)
    assert ratio.mean() <= 1.05
    assert ratio.max() <= 1.25


@pytest.mark.oracle
def test_the_search_is_near_what_is_proven_of_a_hundred_whole_trees():
    ratio = search_over_bound(100, None, rows=6, seconds=240)
    assert ratio.max() <= 1.25


def test_an_impossible_row_is_proven_to_be_one():
    X, y = three_columns(1)
    model = RandomForestClassifier(6, max_depth=4, random_state=0).fit(X, y)
    rows = X[model.predict_proba(X)[:, 1] < 0.2][:3]
    bounds = Constraints(immutable=[0, 1])
    e = Counterfactual(exact=True)(model, rows, target=1, background=X, constraints=bounds)
    for row, x in enumerate(rows):
        assert (e.status[row] == "infeasible") == np.isinf(twin.brute_force(model, x, X, bounds))
    assert "infeasible" in e.status


def test_what_cannot_be_proven_is_refused():
    X, y = three_columns(2)
    curved = KNeighborsClassifier().fit(X, y)
    rows = X[curved.predict(X) == 0][:2]
    with pytest.raises(CapabilityError, match="linear"):
        Counterfactual(exact=True)(curved, rows, target=1, background=X)
    with pytest.raises(ParameterError, match="adds up"):
        Counterfactual(exact=True, distance="l2")(curved, rows, target=1, background=X)
