"""TreeSHAP held against shap's TreeExplainer, where that is right, and against the boosters' own contributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import ensemble

import pellucid

shap = pytest.importorskip("shap")
pytestmark = pytest.mark.oracle
RNG = np.random.default_rng(0)
X = RNG.normal(size=(1500, 8))
Y = X[:, 0] * X[:, 1] + X[:, 2] ** 2 + np.sin(X[:, 3]) + 0.1 * RNG.normal(size=1500)
THREE = np.digitize(Y, [0, 1])
ROWS, BACKGROUND = X[:40], X[100:150]
NEAR = 1e-8


def single(x: np.ndarray) -> np.ndarray:
    """Rows that float32 holds, so that shap's own casts change nothing."""
    return x.astype(np.float32).astype(np.float64)


MODELS: dict[str, Any] = {
    "random forest, full depth": ensemble.RandomForestRegressor(8, random_state=0).fit(single(X), Y),
    "extra trees": ensemble.ExtraTreesRegressor(8, random_state=0).fit(single(X), Y),
    "hist gradient boosting": ensemble.HistGradientBoostingRegressor(max_iter=30).fit(single(X), Y),
    "gradient boosting": ensemble.GradientBoostingRegressor(n_estimators=30, random_state=0).fit(
        single(X), Y
    ),
    "random forest of classes": ensemble.RandomForestClassifier(8, random_state=0).fit(single(X), THREE),
}


def theirs(values: Any, target: int | None) -> np.ndarray:
    values = np.asarray(values)
    return values[..., target] if values.ndim == 3 else values


@pytest.mark.parametrize("name", MODELS)
def test_path_dependent_values(name):
    model, target = MODELS[name], 1 if "classes" in name else None
    rows = single(ROWS)
    expected = theirs(shap.TreeExplainer(model).shap_values(rows, check_additivity=False), target)
    e = pellucid.TreeShap()(model, rows, target=target)
    np.testing.assert_allclose(e.values, expected, rtol=0, atol=NEAR)
    many = pellucid.TreeShap()(model, np.tile(rows, (60, 1)), target=target)
    np.testing.assert_allclose(many.values[:40], expected, rtol=0, atol=NEAR)


@pytest.mark.parametrize("name", MODELS)
def test_interventional_values(name):
    """Their weights are float32, so only seven digits are theirs."""
    model, target = MODELS[name], 1 if "classes" in name else None
    rows, background = single(ROWS), single(BACKGROUND)
    explainer = shap.TreeExplainer(model, background)
    expected = theirs(explainer.shap_values(rows, check_additivity=False), target)
    e = pellucid.TreeShap()(model, rows, background=background, target=target)
    apart = np.abs(e.values - expected).max() / np.abs(expected).max()
    if apart > 1e-6:  # their thresholds are cast to float32: where a row sits between the two, they go astray
        whole = model.predict(rows) if target is None else model.predict_proba(rows)[:, target]
        assert np.abs(e.base + e.values.sum(1) - whole).max() < 1e-9
        assert np.abs(np.ravel(explainer.expected_value)[target or 0] + expected.sum(1) - whole).max() > 1e-6
        assert apart < 0.05


def test_isolation_forest():
    model = ensemble.IsolationForest(n_estimators=20, random_state=0).fit(single(X))
    rows = single(ROWS)
    expected = shap.TreeExplainer(model).shap_values(rows, check_additivity=False)
    e = pellucid.TreeShap()(model, rows)
    np.testing.assert_allclose(e.values, expected, rtol=0, atol=NEAR)


@pytest.mark.parametrize("name", MODELS)
def test_interactions(name):
    model, target = MODELS[name], 1 if "classes" in name else None
    rows = single(ROWS[:10])
    expected = np.asarray(shap.TreeExplainer(model).shap_interaction_values(rows))
    expected = expected[..., target] if expected.ndim == 4 else expected
    e = pellucid.TreeShap(interactions=True)(model, rows, target=target)
    np.testing.assert_allclose(e.values, expected, rtol=0, atol=NEAR)
