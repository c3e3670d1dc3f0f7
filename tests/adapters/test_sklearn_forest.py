"""scikit-learn's tree ensembles, read as forests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import ensemble, tree
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import SVC

import pellucid
from pellucid.core.errors import CapabilityError, ShapeError
from pellucid.core.intake import read
from pellucid.core.links import LINKS
from pellucid.core.model import Forested, wrap

pandas = pytest.importorskip("pandas")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 5))
X[:, 3] = RNG.integers(0, 6, 400)
GAPS = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
Y = X[:, 0] + X[:, 1] ** 2 + (X[:, 3] == 2)
THREE = np.digitize(Y, [0, 1.5])
REGRESSORS = [
    tree.DecisionTreeRegressor(random_state=0),
    tree.ExtraTreeRegressor(random_state=0),
    ensemble.RandomForestRegressor(8, random_state=0),
    ensemble.ExtraTreesRegressor(8, random_state=0),
    ensemble.GradientBoostingRegressor(n_estimators=8, random_state=0),
    ensemble.GradientBoostingRegressor(n_estimators=8, init="zero", loss="huber", random_state=0),
    ensemble.HistGradientBoostingRegressor(max_iter=8, random_state=0),
    ensemble.HistGradientBoostingRegressor(max_iter=8, categorical_features=[3], random_state=0),
    ensemble.HistGradientBoostingRegressor(max_iter=8, loss="poisson", random_state=0),
]
CLASSIFIERS = [
    tree.DecisionTreeClassifier(max_depth=4, random_state=0),
    ensemble.RandomForestClassifier(8, random_state=0),
    ensemble.ExtraTreesClassifier(8, random_state=0),
    ensemble.GradientBoostingClassifier(n_estimators=8, random_state=0),
    ensemble.HistGradientBoostingClassifier(max_iter=8, categorical_features=[3], random_state=0),
    ensemble.AdaBoostClassifier(tree.DecisionTreeClassifier(max_depth=2), n_estimators=8, random_state=0),
]


def called(model: Any) -> str:
    return type(model).__name__


def prediction(model: Any, x: np.ndarray) -> np.ndarray:
    """The model's output by way of its forest."""
    wrapped = pellucid.wrap(model)
    assert isinstance(wrapped, Forested)
    forest = wrapped.forest()
    return LINKS[forest.link](forest.predict(wrapped.tree_inputs(x)))


@pytest.mark.parametrize("model", REGRESSORS, ids=called)
def test_regressors(model):
    model.fit(X, np.abs(Y))
    np.testing.assert_allclose(prediction(model, X)[:, 0], model.predict(X), rtol=1e-12)


@pytest.mark.parametrize("target", [THREE, THREE > 0], ids=["three", "two"])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=called)
def test_classifiers(model, target):
    model.fit(X, target)
    np.testing.assert_allclose(prediction(model, X), model.predict_proba(X), rtol=1e-12, atol=1e-15)
    assert pellucid.wrap(model).forest().classes == tuple(map(str, model.classes_))


@pytest.mark.parametrize(
    "model",
    [REGRESSORS[0], REGRESSORS[2], REGRESSORS[3], REGRESSORS[7]],
    ids=called,
)
def test_missing_values(model):
    model.fit(GAPS, Y)
    np.testing.assert_allclose(prediction(model, GAPS)[:, 0], model.predict(GAPS), rtol=1e-12)


@pytest.mark.parametrize("share", [1.0, 0.6])
def test_isolation_forest_counts_splits(share):
    model = ensemble.IsolationForest(n_estimators=12, max_features=share, random_state=0).fit(X)
    forest = pellucid.wrap(model).forest()
    order = np.argsort(forest.predict(X)[:, 0])
    assert forest.space == "path length"
    assert (np.diff(model.score_samples(X)[order]) >= -1e-12).all()


def test_columns_of_categories_keep_their_place():
    """Hist gradient boosting moves categories to the front; the forest speaks of the caller's columns."""
    model = ensemble.HistGradientBoostingRegressor(max_iter=3, categorical_features=[3]).fit(X, Y)
    forest = pellucid.wrap(model).forest()
    assert set(forest.feature[forest.words > 0].tolist()) == {3}


def test_frames_with_categories():
    words = np.array(["red", "green", "blue", "grey", "white", "black"])
    frame = pandas.DataFrame(
        {"a": X[:, 0], "colour": pandas.Categorical(words[X[:, 3].astype(int)]), "b": GAPS[:, 1]},
        index=[f"row {i}" for i in range(len(X))],
    )
    model = ensemble.HistGradientBoostingRegressor(max_iter=5, categorical_features="from_dtype").fit(
        frame, Y
    )
    data = read(model, frame)
    assert isinstance(data.model, Forested)
    raw = data.model.forest().predict(data.model.tree_inputs(data.x))
    np.testing.assert_allclose(raw[:, 0], model.predict(frame), rtol=1e-12)


def test_columns_of_a_frame_are_matched_by_name():
    frame = pandas.DataFrame(X, columns=list("abcde"))
    model = ensemble.RandomForestRegressor(3, random_state=0).fit(frame, Y)
    data = read(model, frame[list("edcba")])
    np.testing.assert_array_equal(data.x, X)
    assert data.features.names == tuple("abcde")
    with pytest.raises(ShapeError, match="lacks columns c, d"):
        read(model, frame[list("abe")])
    with pytest.raises(ShapeError, match="does not know the columns z"):
        read(model, frame.assign(z=1.0))


def test_a_model_fitted_again_is_read_again():
    model = ensemble.RandomForestRegressor(3, random_state=0).fit(X, Y)
    first = pellucid.wrap(model).forest()
    assert pellucid.wrap(model).forest() is first
    model.fit(X, -Y)
    np.testing.assert_allclose(prediction(model, X)[:, 0], model.predict(X), rtol=1e-12)
    model.set_params(n_estimators=5, warm_start=True).fit(X, -Y)
    assert pellucid.wrap(model).forest().trees == 5


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (ensemble.AdaBoostRegressor(n_estimators=3), "median of its trees"),
        (ensemble.AdaBoostClassifier(LogisticRegression(), n_estimators=2), "made of LogisticRegression"),
        (
            ensemble.GradientBoostingRegressor(n_estimators=2, init=LinearRegression()),
            "starts from a LinearRegression",
        ),
    ],
    ids=["median", "no trees", "linear start"],
)
def test_what_is_no_sum_of_trees_is_refused_by_name(model, reason):
    model.fit(X, THREE if "Classifier" in called(model) else Y)
    with pytest.raises(CapabilityError, match=reason):
        pellucid.wrap(model).forest()


def test_several_questions_at_once_are_refused():
    model = ensemble.RandomForestClassifier(2).fit(X, np.stack([THREE, THREE > 0], 1))
    with pytest.raises(CapabilityError, match="answers 2 questions"):
        pellucid.wrap(model).forest()


def test_other_estimators_are_no_forests():
    assert not isinstance(pellucid.wrap(SVC().fit(X, THREE)), Forested)


def test_a_forest_fitted_on_a_frame_is_read_without_a_word(recwarn):
    data = load_iris(as_frame=True)
    wrap(ensemble.RandomForestClassifier(3, random_state=0).fit(data.data, data.target)).forest()
    assert not [w for w in recwarn if issubclass(w.category, UserWarning)]
