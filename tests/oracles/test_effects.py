"""Effects against scikit-learn and PyALE."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.inspection import permutation_importance

import pellucid
from pellucid import AccumulatedLocalEffects

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]
PyALE = pytest.importorskip("PyALE")


@pytest.fixture(scope="module")
def table() -> tuple[pd.DataFrame, GradientBoostingRegressor]:
    rng = np.random.default_rng(0)
    n = 700
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=list("abc"))
    X["b"] += X["a"]
    X["d"] = rng.integers(0, 6, n).astype(float)
    y = np.sin(2 * X.a) + X.a * X.b + X.d**2 / 5
    return X, GradientBoostingRegressor(random_state=0).fit(X, y)


@pytest.mark.parametrize("bins", [5, 20, 35])
@pytest.mark.parametrize("column", ["a", "b", "c"])
def test_first_order(table, column, bins):
    X, model = table
    theirs = PyALE.ale(X, model, [column], feature_type="continuous", grid_size=bins, plot=False)
    ours = AccumulatedLocalEffects(bins=bins)(model, X, columns=column)
    np.testing.assert_array_equal(ours.grid[:, 0], theirs.index)
    np.testing.assert_allclose(ours.values[:, 0], theirs.eff, atol=1e-8)
    np.testing.assert_array_equal(ours.count, theirs["size"])


def test_few_values(table):
    X, model = table
    theirs = PyALE.ale(X, model, ["d"], feature_type="discrete", plot=False)
    ours = AccumulatedLocalEffects()(model, X, columns="d")
    np.testing.assert_allclose(ours.values[:, 0], theirs.eff, atol=1e-8)
    np.testing.assert_array_equal(ours.count, theirs["size"])


def test_categories():
    rng = np.random.default_rng(1)
    job = rng.choice(["cook", "physician", "surgeon", "waiter", "baker"], 500)
    pay = pd.Series(job).map({"cook": 1.0, "waiter": 1.2, "physician": 5.0, "surgeon": 6.0, "baker": 2.0})
    X = pd.DataFrame({"job": job, "pay": pay + rng.normal(size=500)})
    words = sorted(set(job))
    weights = np.arange(5.0) ** 2

    class Model:
        def predict(self, rows: pd.DataFrame) -> np.ndarray:
            return rows[words].to_numpy(float) @ weights + rows["pay"].to_numpy() * rows["surgeon"].to_numpy(
                float
            )

    def encode(column: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({w: (column["job"] == w).astype(float) for w in words}, index=column.index)

    theirs = PyALE.ale(
        X.copy(),
        Model(),
        ["job"],
        feature_type="categorical",
        encode_fun=encode,
        predictors=[*words, "pay"],
        plot=False,
    )
    ours = AccumulatedLocalEffects()(
        lambda d: Model().predict(pd.concat([encode(d[["job"]]), d[["pay"]]], axis=1)), X, columns="job"
    )
    order = ours.shown("job", ours.grid[:, 0])
    assert order in (list(theirs.index), list(theirs.index)[::-1])
    for word, value in zip(order, ours.values[:, 0], strict=True):
        assert value == pytest.approx(theirs.loc[word, "eff"], abs=1e-8)


def test_second_order(table):
    X, model = table
    theirs = PyALE.ale(X, model, ["a", "b"], grid_size=8, plot=False)
    ours = AccumulatedLocalEffects(cells=8)(model, X, columns=("a", "b"))
    np.testing.assert_allclose(ours.values[:, 0].reshape(theirs.shape), theirs.to_numpy(), atol=1e-8)


def test_permutation_importance_within_noise():
    X, y = load_diabetes(return_X_y=True)
    model = RandomForestRegressor(20, random_state=0).fit(X[:300], y[:300])
    theirs = permutation_importance(model, X[300:], y[300:], scoring="r2", n_repeats=30, random_state=0)
    ours = pellucid.PermutationImportance(repeats=30)(model, X[300:], y[300:], score="r2")
    error = np.sqrt((theirs.importances_std**2 + ours.spread**2) / 30)
    assert (np.abs(ours.values - theirs.importances_mean) < 4 * error + 1e-12).all()
