"""TreeSHAP held against the boosters' own contributions: missing values, categories, many classes, interactions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sklearn import ensemble

import pellucid
from tests.twins import trees as twin

pandas = pytest.importorskip("pandas")
xgboost = pytest.importorskip("xgboost")
lightgbm = pytest.importorskip("lightgbm")
catboost = pytest.importorskip("catboost")
shap = pytest.importorskip("shap")
pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(800, 5)).astype(np.float32).astype(float)
CODES = RNG.integers(0, 9, 800)
X[RNG.random(X.shape) < 0.1] = np.nan
Z = np.nan_to_num(X)
Y = Z[:, 0] * Z[:, 1] + Z[:, 2] ** 2 + np.isin(CODES, [1, 4, 7]) * (1 + Z[:, 3]) + 0.1 * RNG.normal(size=800)
WORDS = np.array(["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis"])
FRAME = pandas.DataFrame(X, columns=list("abcde")).assign(kind=pandas.Categorical(WORDS[CODES]))
FIVE = np.digitize(Y, [-0.5, 0.3, 1, 2])
ROWS = slice(0, 60)


def near(ours: Any, theirs: Any, limit: float) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=limit * max(1.0, np.abs(theirs).max()))


def grown(objective: str, target: np.ndarray, **more: Any) -> Any:
    kind = xgboost.XGBRegressor if objective.startswith("reg") else xgboost.XGBClassifier
    made = kind(n_estimators=20, max_depth=5, enable_categorical=True, max_cat_to_onehot=2, n_jobs=1, **more)
    return made.fit(FRAME, target)


@pytest.mark.parametrize(
    ("objective", "target"), [("reg", Y), ("binary", Y > 0.5), ("five", FIVE)], ids=["reg", "binary", "five"]
)
def test_xgboost(objective, target):
    model = grown(objective, target.astype(int) if objective != "reg" else target)
    rows = FRAME.iloc[ROWS]
    matrix = xgboost.DMatrix(rows, enable_categorical=True)
    theirs = model.get_booster().predict(matrix, pred_contribs=True)
    pairs = model.get_booster().predict(matrix, pred_interactions=True)
    for k in range(5) if objective == "five" else [None]:
        asked = 1 if objective == "binary" else k
        one, two = (theirs, pairs) if k is None else (theirs[:, k], pairs[:, k])
        e = pellucid.TreeShap()(model, rows, target=asked, output="margin")
        near(e.values, one[:, :-1], 1e-5)
        near(e.base, one[:, -1], 1e-5)
        e = pellucid.TreeShap(interactions=True)(model, rows, target=asked, output="margin")
        near(e.values, two[:, :-1, :-1], 1e-5)


def test_lightgbm_with_categories():
    model = lightgbm.LGBMRegressor(n_estimators=30, n_jobs=1, verbose=-1, min_data_per_group=5, cat_smooth=1)
    model.fit(FRAME, Y)
    assert pellucid.wrap(model).forest().words.any()
    rows = FRAME.iloc[ROWS]
    theirs = model.predict(rows, pred_contrib=True)
    e = pellucid.TreeShap()(model, rows)
    near(e.values, theirs[:, :-1], 1e-8)
    near(e.base, theirs[:, -1], 1e-8)


def test_lightgbm_of_numbers():
    """Interactions too, which shap has right where there are no categories."""
    model = lightgbm.LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1).fit(Z, Y > 0.5)
    explainer = shap.TreeExplainer(model)
    explainer.model.model_type = "internal"
    e = pellucid.TreeShap(interactions=True)(model, Z[ROWS], target=1, output="margin")
    near(e.values, explainer.shap_interaction_values(Z[ROWS]), 1e-8)
    near(e.attribution.values, model.predict(Z[ROWS], pred_contrib=True)[:, :-1], 1e-8)


def test_catboost():
    model = catboost.CatBoostRegressor(
        iterations=30, depth=5, verbose=0, thread_count=1, allow_writing_files=False
    )
    model.fit(X, Y)
    theirs = model.get_feature_importance(catboost.Pool(X[ROWS]), type="ShapValues")
    e = pellucid.TreeShap()(model, X[ROWS])
    near(e.values, theirs[:, :-1], 1e-8)
    near(e.base, theirs[:, -1], 1e-8)


def test_hist_gradient_boosting_with_categories_where_shap_is_wrong():
    table = np.column_stack([Z, CODES])
    model = ensemble.HistGradientBoostingRegressor(max_iter=20, categorical_features=[5]).fit(table, Y)
    e = pellucid.TreeShap()(model, table[:3])
    forest = pellucid.wrap(model).forest()
    assert forest.words.any()
    near(e.values, np.stack([twin.shapley(forest, row)[:, 0] for row in table[:3]]), 1e-10)
    theirs = shap.TreeExplainer(model).shap_values(table[:3], check_additivity=False)
    assert np.abs(theirs - e.values).max() > 0.01


@settings(max_examples=20, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, 10**6),
    st.sampled_from(
        [
            ensemble.RandomForestRegressor,
            ensemble.ExtraTreesRegressor,
            ensemble.GradientBoostingRegressor,
            ensemble.HistGradientBoostingRegressor,
        ]
    ),
    st.integers(2, 9),
    st.booleans(),
)
def test_random_ensembles(seed, kind, depth, pairs):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(300, 6)).astype(np.float32).astype(float)
    many = {"max_iter": 8} if kind is ensemble.HistGradientBoostingRegressor else {"n_estimators": 8}
    model = kind(max_depth=depth, random_state=seed % 1000, **many).fit(
        table, table[:, 0] * table[:, 1] + table[:, 2]
    )
    explainer = shap.TreeExplainer(model)
    rows = table[:20]
    theirs = (
        explainer.shap_interaction_values(rows)
        if pairs
        else explainer.shap_values(rows, check_additivity=False)
    )
    near(pellucid.TreeShap(interactions=pairs)(model, rows).values, theirs, 1e-8)
