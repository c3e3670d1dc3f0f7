"""Partial dependence of sums of trees, walked instead of asked: the same numbers as asking."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_iris, make_friedman1
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.inspection import partial_dependence
from sklearn.linear_model import LinearRegression

import pellucid
from pellucid import PartialDependence
from pellucid.core.forest import Forest, Tree
from pellucid.core.run import Run
from pellucid.methods.effects import walk
from pellucid.methods.trees.ways import dependence, own_curves, ways

quiet = pytest.mark.filterwarnings("ignore")
ALL = 10**9
X1, Y1 = make_friedman1(300, 6, random_state=0)
CANCER = load_breast_cancer(return_X_y=True)

REGRESSORS = [
    HistGradientBoostingRegressor(max_iter=15, random_state=0),
    GradientBoostingRegressor(n_estimators=15, random_state=0),
    RandomForestRegressor(8, random_state=0),
    ExtraTreesRegressor(8, random_state=0),
]
CLASSIFIERS = [
    GradientBoostingClassifier(n_estimators=10, random_state=0),
    HistGradientBoostingClassifier(max_iter=10, random_state=0),
    RandomForestClassifier(8, random_state=0),
]


def name(model: Any) -> str:
    return type(model).__name__


@quiet
@pytest.mark.parametrize("model", REGRESSORS, ids=name)
def test_it_is_scikit_learns_brute_force(model):
    model.fit(X1, Y1)
    e = PartialDependence(ice=ALL)(model, X1, columns=[0, 3])
    assert e.quality.evals == len(X1)  # the rows as they are, and no more
    for k, column in enumerate([0, 3]):
        s = partial_dependence(model, X1, [column], kind="both", method="brute", grid_resolution=50)
        np.testing.assert_allclose(e[k].values[:, 0], s["average"][0], atol=1e-6)
        np.testing.assert_allclose(e[k].individual[:, :, 0], s["individual"][0], atol=1e-6)


@quiet
@pytest.mark.parametrize("data", ["iris", "cancer"])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=name)
def test_probabilities_too_of_two_classes_and_of_three(model, data):
    X, y = load_iris(return_X_y=True) if data == "iris" else CANCER
    model.fit(X, y)
    e = PartialDependence(ice=ALL, points=20)(model, X, columns=2)
    s = partial_dependence(
        model, X, [2], kind="both", method="brute", grid_resolution=20, response_method="predict_proba"
    )
    assert e.quality.evals == len(X)
    np.testing.assert_allclose(e.values.T, s["average"], atol=1e-6)
    np.testing.assert_allclose(np.moveaxis(e.individual, 2, 0), s["individual"], atol=1e-6)


@quiet
@pytest.mark.parametrize("model", [REGRESSORS[0], CLASSIFIERS[1]], ids=name)
def test_missing_values_go_their_way(model, monkeypatch):
    X = X1.copy()
    X[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    model.fit(X, Y1 > 14 if "Classifier" in name(model) else Y1)
    walked = PartialDependence(ice=ALL)(model, X, columns=[0, 1])
    monkeypatch.setattr("pellucid.methods.effects.walk.walk_of", lambda *_: None)
    asked = PartialDependence(ice=ALL)(model, X, columns=[0, 1])
    assert asked.quality.evals > 10 * walked.quality.evals
    np.testing.assert_allclose(walked.values, asked.values, atol=1e-6)
    np.testing.assert_allclose(walked.individual, asked.individual, atol=1e-6)
    np.testing.assert_allclose(walked.quality.half_width, asked.quality.half_width, rtol=1e-6, atol=1e-9)


@quiet
@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_boosters(library, monkeypatch):
    module = pytest.importorskip(library)
    make = {
        "xgboost": lambda: module.XGBRegressor(n_estimators=12, max_depth=4),
        "lightgbm": lambda: module.LGBMRegressor(n_estimators=12, verbose=-1),
        "catboost": lambda: module.CatBoostRegressor(
            iterations=12, depth=3, verbose=0, allow_writing_files=False
        ),
    }
    model = make[library]().fit(X1, Y1)
    walked = PartialDependence(ice=ALL)(model, X1, columns=[0, 4])
    monkeypatch.setattr("pellucid.methods.effects.walk.walk_of", lambda *_: None)
    asked = PartialDependence(ice=ALL)(model, X1, columns=[0, 4])
    assert walked.quality.evals == len(X1) < asked.quality.evals
    np.testing.assert_allclose(walked.values, asked.values, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(
        walked.individual, asked.individual, rtol=1e-5, atol=1e-5
    )  # sums of single floats


def random_tree(rng: np.random.Generator, depth: int, columns: int) -> Tree:
    feature, threshold, left, right, value = [], [], [], [], []

    def grow(level: int) -> int:
        here = len(feature)
        leaf = level == depth or rng.random() < 0.2
        feature.append(-1 if leaf else int(rng.integers(columns)))
        threshold.append(float(rng.integers(0, 5)))
        left.append(-1)
        right.append(-1)
        value.append(rng.normal(size=2))
        if not leaf:
            left[here], right[here] = grow(level + 1), grow(level + 1)
        return here

    grow(0)
    inner = np.array(feature) >= 0
    return Tree(
        np.array(feature), np.array(threshold), np.array(left), np.array(right), np.array(value),
        missing_left=(rng.random(len(feature)) < 0.5) & inner, feeds=-1,
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_random_trees_against_the_forest_s_own_prediction(seed):
    """Thresholds and values that tie, columns split on again and again, missing values, several outputs."""
    rng = np.random.default_rng(seed)
    columns = int(rng.integers(1, 4))
    forest = Forest.of(
        [random_tree(rng, int(rng.integers(1, 7)), columns) for _ in range(3)],
        base=[0.5, -1.0],
        columns=columns,
    )
    x = rng.integers(0, 5, (9, columns)).astype(float)
    x[rng.random(x.shape) < 0.15] = np.nan
    grid = np.array([-1.0, 0.0, 1.5, 2.0, 4.0, 9.0])
    mean = dependence(ways(forest), x, dict.fromkeys(range(columns), grid), Run())
    for column in range(columns):
        copies = np.repeat(x[:, None], len(grid), 1)
        copies[:, :, column] = grid
        wanted = forest.predict(copies.reshape(-1, columns)).reshape(9, len(grid), 2)
        np.testing.assert_allclose(own_curves(forest, x, column, grid), wanted, atol=1e-12)
        np.testing.assert_allclose(mean[column], wanted.mean(0), atol=1e-12)


# -- where trees are not walked -------------------------------------------------------------------------------------


def walked(model: Any, X: Any, **call: Any) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        e = PartialDependence(points=10)(model, X, columns=[0], **call)
    return e.quality.evals <= len(X)


def test_what_is_walked_and_what_is_asked():
    forest = RandomForestRegressor(5, random_state=0).fit(X1, Y1)
    assert walked(forest, X1)
    assert walked(forest, X1[:40])
    assert not walked(forest.predict, X1)
    assert not walked(LinearRegression().fit(X1, Y1), X1)
    named = pd.DataFrame(X1, columns=list("abcdef"))
    assert walked(RandomForestRegressor(5, random_state=0).fit(named, Y1), named)


def test_a_forest_that_is_not_the_model_is_not_walked(monkeypatch):
    """Where the trees do not give the model's own output, the model is asked."""
    forest = RandomForestRegressor(5, random_state=0).fit(X1, Y1)
    monkeypatch.setattr(walk, "TOLERANCE", -1.0)
    assert not walked(forest, X1)


@quiet
def test_categories_and_pairs_are_asked_beside_columns_that_are_walked():
    X = pd.DataFrame({"a": X1[:, 0], "b": X1[:, 1], "k": pd.Categorical(np.where(X1[:, 2] > 0.5, "u", "v"))})
    model = HistGradientBoostingRegressor(max_iter=10, categorical_features="from_dtype", random_state=0).fit(
        X, Y1
    )
    e = PartialDependence(points=8, cells=3)(model, X, columns=["a", "k", ("a", "b")])
    for k, point in ((0, {"a": e[0].grid[3, 0]}), (2, {"a": e[2].grid[4, 0], "b": e[2].grid[4, 1]})):
        wanted = model.predict(X.assign(**point)).mean()
        assert e[k].values[3 if k == 0 else 4, 0] == pytest.approx(wanted, abs=1e-6)
    as_u = X.assign(k=pd.Categorical(["u"] * len(X), ["u", "v"]))
    assert e["k"].values[0, 0] == pytest.approx(model.predict(as_u).mean(), abs=1e-6)


@quiet
def test_the_half_width_of_a_sample_is_about_that_of_all_rows(monkeypatch):
    model = RandomForestRegressor(8, random_state=0).fit(X1, Y1)
    walked = PartialDependence(ice=0)(model, X1, columns=0)
    assert walked.individual.shape[0] == 0
    monkeypatch.setattr("pellucid.methods.effects.walk.walk_of", lambda *_: None)
    asked = PartialDependence(ice=0)(model, X1, columns=0)
    np.testing.assert_allclose(walked.quality.half_width, asked.quality.half_width, rtol=0.3)


@quiet
def test_trees_report_progress_and_can_be_cancelled():
    model = RandomForestRegressor(8, random_state=0).fit(X1, Y1)
    seen = list[tuple[str, int, int]]()
    with pellucid.options(progress=lambda *a: seen.append(a)):
        PartialDependence()(model, X1)
    assert seen[-1][0] == "trees"
    assert seen[-1][1] == seen[-1][2]
    with pellucid.options(cancel=lambda: True), pytest.raises(pellucid.PellucidError, match="cancelled"):
        PartialDependence()(model, X1)
