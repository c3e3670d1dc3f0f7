"""Partial dependence and the rows' own curves."""

from __future__ import annotations

import re
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.inspection import partial_dependence
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import pellucid
from pellucid import PartialDependence
from pellucid.core.errors import (
    Cancelled,
    DataError,
    ParameterError,
    PellucidWarning,
    ShapeError,
    TargetError,
)
from tests.twins import effects as twin

quiet = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
ALL = 10**9


@pytest.fixture(scope="module")
def curved() -> tuple[np.ndarray, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4))
    X[:, 3] = rng.integers(0, 4, 120)
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 3]
    return X, MLPRegressor(hidden_layer_sizes=(16,), max_iter=400, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def iris() -> tuple[pd.DataFrame, Any]:
    X, y = load_iris(return_X_y=True, as_frame=True)
    return X, RandomForestClassifier(8, random_state=0).fit(X, load_iris().target_names[y])


# -- against scikit-learn, and the definition -----------------------------------------------------------------------


@quiet
@pytest.mark.parametrize("columns", [(0,), (3,), (0, 1), (3, 2)])
def test_it_is_scikit_learns(curved, columns):
    X, model = curved
    resolution = 50 if len(columns) == 1 else 15
    e = PartialDependence(ice=ALL)(model, X, columns=columns if len(columns) > 1 else columns[0])
    s = partial_dependence(model, X, list(columns), kind="both", method="brute", grid_resolution=resolution)
    axes = [np.asarray(a) for a in s["grid_values"]]
    np.testing.assert_allclose(e.grid, np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes)))
    np.testing.assert_allclose(e.values[:, 0], s["average"].ravel(), atol=1e-10)
    np.testing.assert_allclose(e.individual[:, :, 0], s["individual"].reshape(len(X), -1), atol=1e-10)


@quiet
def test_every_class_is_scikit_learns(iris):
    X, model = iris
    e = PartialDependence(ice=ALL)(model, X, columns=["petal width (cm)"])
    s = partial_dependence(model, X, ["petal width (cm)"], kind="both", method="brute", grid_resolution=50)
    assert e.targets == tuple(model.classes_)
    np.testing.assert_allclose(e.values, s["average"].T, atol=1e-10)
    np.testing.assert_allclose(np.moveaxis(e.individual, 2, 0), s["individual"], atol=1e-10)


@quiet
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_it_is_its_twin(seed):
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(int(rng.integers(2, 9)), 3)), rng.normal(size=(3, 3))

    def f(rows: np.ndarray) -> np.ndarray:
        return np.tanh(rows @ w).sum(1)

    e = PartialDependence(points=5, cells=3, ice=ALL)(f, X, columns=[1, (2, 0)])
    for k, columns in enumerate([(1,), (2, 0)]):
        rows = twin.partial_dependence(f, X, columns, e[k].grid)
        np.testing.assert_allclose(e[k].individual[:, :, 0], rows, atol=1e-12)
        np.testing.assert_allclose(e[k].values[:, 0], rows.mean(0), atol=1e-12)
        width = 12.706 if len(X) == 2 else None  # t of one degree of freedom
        half = e[k].quality.half_width[:, 0]
        if width:
            np.testing.assert_allclose(half, width * rows.std(0, ddof=1) / np.sqrt(2), rtol=1e-3, atol=1e-12)


@quiet
def test_blocks_do_not_show(curved):
    X, model = curved
    whole = PartialDependence(ice=ALL)(model, X, columns=[0, (1, 3)])
    for size in (1, 7, 1000):
        with pellucid.options(batch_size=size):
            e = PartialDependence(ice=ALL)(model, X, columns=[0, (1, 3)])
        np.testing.assert_allclose(e.values, whole.values, atol=1e-12)
        np.testing.assert_allclose(e.individual, whole.individual, atol=1e-12)
        np.testing.assert_allclose(e.quality.half_width, whole.quality.half_width, atol=1e-12)


@quiet
def test_a_linear_model_has_straight_and_parallel_curves():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(50, 2))
    model = LinearRegression().fit(X, X @ [2.0, -1.0])
    e = PartialDependence()(model, X, columns=0).centred()
    np.testing.assert_allclose(e.values[:, 0], 2 * (e.grid[:, 0] - e.grid[0, 0]), atol=1e-12)
    np.testing.assert_allclose(e.individual - e.values, 0, atol=1e-12)
    assert e.is_centred
    assert not np.any(e.values[0])


@quiet
def test_the_interval_covers_the_mean_of_all_rows():
    """Of samples of 60 rows, about 95 % have the mean over 20,000 within their interval."""
    rng = np.random.default_rng(2)
    population = rng.normal(size=(20_000, 2))

    def f(rows: np.ndarray) -> np.ndarray:
        return rows[:, 0] * rows[:, 1] + np.exp(rows[:, 1] / 2)

    grid = {"x0": [0.7]}
    truth = float(np.mean(f(np.column_stack([np.full(len(population), 0.7), population[:, 1]]))))
    inside = 0
    for _ in range(300):
        rows = population[rng.choice(len(population), 60, replace=False)]
        e = PartialDependence(ice=0)(f, rows, columns="x0", grid=grid)
        inside += abs(e.values[0, 0] - truth) <= e.quality.half_width[0, 0]
    assert 0.91 <= inside / 300 <= 0.99


# -- the points -----------------------------------------------------------------------------------------------------


def people(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "job": rng.choice(["cook", "physician", "teacher"], n),
            "member": rng.choice([True, False], n),
        }
    )


@pytest.fixture(scope="module")
def framed() -> tuple[pd.DataFrame, Any]:
    X = people()
    y = X.age / 30 + X.job.map({"cook": 0, "physician": 2, "teacher": 1}) * (1 + X.member)
    encode = make_column_transformer((OneHotEncoder(), ["job", "member"]), remainder="passthrough")
    return X, make_pipeline(encode, GradientBoostingRegressor(random_state=0)).fit(X, y)


def test_categories_are_set_by_name(framed):
    X, model = framed
    e = PartialDependence()(model, X, columns=["job", ("member", "job")])
    for job in ("cook", "physician", "teacher"):
        at = e["job"].shown("job", e["job"].grid[:, 0]).index(job)
        assert e["job"].values[at, 0] == pytest.approx(model.predict(X.assign(job=job)).mean())
    pair = e["member", "job"]
    assert pair.grid.shape == (6, 2)
    assert pair.values[5, 0] == pytest.approx(model.predict(X.assign(job="teacher", member=True)).mean())


def test_own_points(framed):
    X, model = framed
    e = PartialDependence()(model, X, columns=["age", "job"], grid={"age": [20, 50], "job": ["cook"]})
    np.testing.assert_array_equal(e["age"].grid[:, 0], [20, 50])
    assert e["age"].values[1, 0] == pytest.approx(model.predict(X.assign(age=50)).mean())
    assert e["job"].values[0, 0] == pytest.approx(model.predict(X.assign(job="cook")).mean())


def test_two_classes_are_one_curve_and_a_class_is_chosen_by_name(iris):
    X, _ = iris
    y = np.where(load_iris().target == 1, "versicolor", "other")
    model = RandomForestClassifier(5, random_state=0).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert PartialDependence()(model, X, columns=0).targets == ("versicolor",)
        one = PartialDependence()(model, X, columns=0, target="other")
        both = PartialDependence()(model, X, columns=0)
    np.testing.assert_allclose(one.values + both.values, 1)


# -- the check ------------------------------------------------------------------------------------------------------


def pair(rho: float, n: int = 400) -> np.ndarray:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, 3))
    X[:, 1] = rho * X[:, 0] + np.sqrt(1 - rho**2) * X[:, 1]
    return X


def test_columns_that_move_together_warn_with_the_share_and_point_to_ale():
    with pytest.warns(
        PellucidWarning, match=r"3\d % of the cells .* x[01] and x[01] .* AccumulatedLocalEffects"
    ):
        e = PartialDependence()(lambda r: r.sum(1), pair(0.9), columns=[0, 2])
    found = e.quality.check("extrapolation")
    assert found.status == "warn"
    assert re.search(r"x0 and x1", found.meaning)
    assert "AccumulatedLocalEffects" in found.advice
    assert "accumulated local effects" in e.narrate()
    assert "累积局部效应" in e.narrate("zh")


@pytest.mark.parametrize("n", [60, 400, 3000])
def test_independent_columns_do_not_warn(n):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        e = PartialDependence(ice=0)(lambda r: r.sum(1), pair(0.0, n))
    assert e.quality.check("extrapolation").value <= 0.05


def test_the_share_is_that_of_a_count():
    """Two columns that are the same: the points and rows of different bins are all outside."""
    X = np.repeat(np.arange(4.0), 30)[:, None] * [1.0, 1.0]
    with pytest.warns(PellucidWarning, match="75 %"):
        PartialDependence()(lambda r: r.sum(1), X, columns=0)


# -- running --------------------------------------------------------------------------------------------------------


@quiet
def test_memory_does_not_grow_with_the_table():
    def peak(n: int) -> int:
        X = np.random.default_rng(0).normal(size=(n, 10))
        tracemalloc.start()
        PartialDependence(points=20, ice=0)(lambda r: r[:, 0], X, columns=[0])
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    stacked = 20 * 60_000 * 10 * 8  # what asking about all copies at once would take
    assert peak(60_000) < stacked / 4


def test_progress_and_cancelling(curved):
    X, model = curved
    seen = list[tuple[str, int, int]]()
    with pellucid.options(progress=lambda *a: seen.append(a)):
        PartialDependence()(model, X, columns=[0, 1])
    assert seen[-1] == ("effects", 240, 240)
    with pellucid.options(cancel=lambda: True), pytest.raises(Cancelled):
        PartialDependence()(model, X, columns=[0])


# -- bad input ------------------------------------------------------------------------------------------------------


def constant() -> np.ndarray:
    X = np.random.default_rng(0).normal(size=(30, 3))
    X[:, 1] = 5
    return X


def test_a_constant_column():
    e = PartialDependence()(lambda r: r.sum(1), constant())
    assert e.columns == (("x0",), ("x2",))
    assert "x1" in e.provenance.notes[-1]
    with pytest.raises(DataError, match="'x1' holds a single value"):
        PartialDependence()(lambda r: r.sum(1), constant(), columns="x1")
    at = PartialDependence()(lambda r: r.sum(1), constant(), columns="x1", grid={"x1": [4.0, 6.0]})
    assert np.ptp(at.values) == pytest.approx(2)
    with pytest.raises(DataError, match="Every column"):
        PartialDependence()(lambda r: r.sum(1), np.ones((5, 2)))


def test_a_column_of_one_category():
    X = people(50).assign(job="cook")
    e = PartialDependence()(lambda d: d.age.to_numpy(float), X)
    assert ("job",) not in e.columns
    with pytest.raises(DataError, match="'job' holds a single value"):
        PartialDependence()(lambda d: d.age.to_numpy(float), X, columns="job")


@quiet
def test_a_class_that_is_never_predicted(iris):
    X, _ = iris

    def two_of_three(rows: np.ndarray) -> np.ndarray:
        p = 1 / (1 + np.exp(-rows[:, 0]))
        return np.stack([p, 1 - p, 0 * p], 1)

    e = PartialDependence()(two_of_three, X.to_numpy(), columns=0, target=2)
    assert not e.values.any()
    assert "no effect" in e.narrate()


@pytest.mark.parametrize(
    ("call", "kind", "match"),
    [
        ({"columns": "x9"}, ParameterError, "no column 'x9'"),
        ({"columns": 9}, ParameterError, "no column 9"),
        ({"columns": (0, 1, 2)}, ParameterError, "one column, or of two"),
        ({"columns": (0, 0)}, ParameterError, "two different"),
        ({"columns": []}, ParameterError, "No column"),
        ({"columns": 1.5}, ParameterError, "name or a number"),
        ({"grid": {"x0": []}}, ParameterError, "finite numbers"),
        ({"grid": {"x0": [np.nan]}}, ParameterError, "finite numbers"),
        ({"grid": {"x0": ["a"]}}, ParameterError, "must be numbers"),
        ({"grid": {"y": [1]}}, ParameterError, "no column 'y'"),
        ({"target": 7}, TargetError, "outside output"),
        ({"target": [0, 1]}, ParameterError, "one target for all rows"),
    ],
)
def test_what_is_refused(call, kind, match):
    X = np.random.default_rng(0).normal(size=(20, 3))
    with pytest.raises(kind, match=match):
        PartialDependence()(lambda r: np.stack([r.sum(1), r[:, 0]], 1), X, **call)


def test_other_refusals(framed):
    X, model = framed
    with pytest.raises(ParameterError, match="no category 'pilot'"):
        PartialDependence()(model, X, columns="job", grid={"job": ["pilot"]})
    with pytest.raises(ShapeError, match="for tables"):
        PartialDependence()(lambda r: r.sum((1, 2, 3)), np.ones((2, 3, 4, 4)))
    with pytest.raises(DataError, match="NaN or infinity"):
        PartialDependence()(lambda r: r[:, 0] * np.nan, np.random.default_rng(0).normal(size=(9, 2)))
    e = PartialDependence()(model, X, columns="age")
    with pytest.raises(ParameterError, match="no effect of 'job'"):
        e["job"]
    with pytest.raises(ParameterError, match="no effect 4"):
        e[4]
    with pytest.raises(ParameterError, match="of the whole table"):
        e.narrate(row=0)
