"""scikit-learn estimators and pipelines are asked as their users ask them."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC

import pellucid
from pellucid.core.errors import CapabilityError, DataError, PellucidError, ShapeError, TargetError

pandas = pytest.importorskip("pandas")
quiet = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
X, Y = load_iris(return_X_y=True)
CANCER = load_breast_cancer()
NAMES = np.array(["malignant", "benign"])[CANCER.target]
OCCLUSION = pellucid.Occlusion()


# -- what is asked --------------------------------------------------------------------------------------------------


def test_classifiers_give_probabilities():
    model = LogisticRegression(max_iter=500).fit(X, Y)
    e = OCCLUSION(model, X[::50])
    np.testing.assert_allclose(e.output, model.predict_proba(X[::50]).max(1))
    np.testing.assert_allclose(e.scores, model.predict_proba(X[::50]))
    assert e.space == "probability"
    assert e.classes == ("0", "1", "2")
    assert e.target == ("0", "1", "2")
    assert e.provenance.model == "LogisticRegression (scikit-learn)"


def test_classes_by_name():
    model = RandomForestClassifier(5, random_state=0).fit(CANCER.data, NAMES)
    e = OCCLUSION(model, CANCER.data[:3], target="malignant")
    np.testing.assert_allclose(e.output, model.predict_proba(CANCER.data[:3])[:, 1])
    assert e.target == ("malignant",) * 3
    with pytest.raises(TargetError, match=r"There is no class 'malign'. Did you mean 'malignant'"):
        OCCLUSION(model, CANCER.data[:3], target="malign")


def test_regressors_give_numbers():
    model = RandomForestRegressor(5, random_state=0).fit(X, Y.astype(float))
    e = OCCLUSION(model, X[:3])
    np.testing.assert_allclose(e.output, model.predict(X[:3]))
    assert (e.space, e.classes, e.scores) == ("raw", (), None)


def test_decision_functions_of_many_classes():
    model = LinearSVC().fit(X, np.array(["a", "b", "c"])[Y])
    e = OCCLUSION(model, X[::50])
    np.testing.assert_allclose(e.output, model.decision_function(X[::50]).max(1))
    assert e.target == ("a", "b", "c")
    assert e.space == "raw"


def test_a_decision_function_of_two_classes_speaks_for_the_second():
    """Its one number is the score of classes_[1]: asked for by name it is that, and classes_[0] is its negative."""
    model = make_pipeline(StandardScaler(), SVC()).fit(CANCER.data, NAMES)
    assert list(model.classes_) == ["benign", "malignant"]
    rows = CANCER.data[:3]
    score = model.decision_function(rows)
    np.testing.assert_allclose(OCCLUSION(model, rows).output, score)
    np.testing.assert_allclose(OCCLUSION(model, rows, target="malignant").output, score)


def test_the_first_class_of_a_decision_function_is_not_taken_for_the_second():
    model = make_pipeline(StandardScaler(), SVC()).fit(CANCER.data, NAMES)
    rows = CANCER.data[:3]
    for first in ("benign", 0):
        try:
            e = OCCLUSION(model, rows, target=first)
        except TargetError:
            continue
        if first == "benign" or e.target == ("benign",) * 3:
            np.testing.assert_allclose(e.output, -model.decision_function(rows))


@quiet
def test_accuracy_of_a_decision_function_of_two_classes():
    """Two classes behind one number are classes all the same."""
    model = make_pipeline(StandardScaler(), SVC()).fit(CANCER.data, NAMES)
    e = pellucid.PermutationImportance(repeats=1)(model, CANCER.data, NAMES)
    assert e.score == "accuracy"
    assert e.intact == pytest.approx(model.score(CANCER.data, NAMES))


def test_outlier_detectors_and_searches():
    forest = IsolationForest(n_estimators=5, random_state=0).fit(X)
    assert OCCLUSION(forest, X[:3]).values.shape == (3, 4)
    search = GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1]}, cv=2).fit(X, Y)
    np.testing.assert_allclose(OCCLUSION(search, X[:2]).output, search.predict_proba(X[:2]).max(1))


def test_a_transformer_predicts_nothing():
    with pytest.raises(CapabilityError, match=r"StandardScaler has neither predict nor predict_proba"):
        OCCLUSION(StandardScaler().fit(X), X)


@pytest.mark.parametrize(
    "model",
    [LogisticRegression(), RandomForestRegressor(), make_pipeline(StandardScaler(), LogisticRegression())],
    ids=["classifier", "regressor", "pipeline"],
)
def test_what_is_not_fitted(model):
    for method in (OCCLUSION, pellucid.PermutationImportance()):
        with pytest.raises(CapabilityError, match=f"{type(model).__name__} is not fitted. Call fit first."):
            method(model, X)
    with pytest.raises(CapabilityError, match=r"is not fitted"):
        pellucid.wrap(model)


# -- several outputs ------------------------------------------------------------------------------------------------


def test_several_numbers():
    model = Ridge().fit(X[:, :2], X[:, 2:])
    e = OCCLUSION(model, X[:3, :2], target=1)
    np.testing.assert_allclose(e.output, model.predict(X[:3, :2])[:, 1])


@pytest.mark.parametrize("rows", [2, 3, 5])
def test_several_sets_of_classes_are_chosen_from_with_output(rows):
    """Two answers of three classes each: also where there are as many rows as answers."""
    model = RandomForestClassifier(5, random_state=0).fit(X, np.stack([Y, (Y + 1) % 3], 1))
    x = X[40 : 40 + rows]
    for output in (0, 1):
        e = OCCLUSION(model, x, output=output)
        np.testing.assert_allclose(e.output, model.predict_proba(x)[output].max(1))
    with pytest.raises(CapabilityError, match=r"output="):
        OCCLUSION(model, x)
    with pytest.raises(CapabilityError, match=r"The model has no output 5"):
        OCCLUSION(model, x, output=5)


# -- frames ---------------------------------------------------------------------------------------------------------


class Spy(BaseEstimator, TransformerMixin):
    """Writes down what frames it is given."""

    seen: ClassVar[list[Any]] = []

    def fit(self, frame: Any, y: Any = None) -> Spy:
        self.fitted_ = True
        return self

    def transform(self, frame: Any) -> Any:
        Spy.seen.append(frame)
        return frame


def people(rows: int = 80) -> tuple[Any, np.ndarray]:
    """A table as people keep them: numbers, whole numbers, words, categories, flags, and gaps."""
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {
            "age": rng.integers(18, 80, rows),
            "income": np.where(rng.random(rows) < 0.2, np.nan, rng.normal(3e4, 1e4, rows)),
            "city": rng.choice(["Rome", "Oslo", "Lima"], rows).astype(object),
            "size": pandas.Categorical(
                rng.choice(["S", "M", "L"], rows), ["S", "M", "L", "XL"], ordered=True
            ),
            "member": rng.random(rows) < 0.5,
            "visits": pandas.array(rng.integers(0, 9, rows), dtype="Int64"),
        },
        index=[f"person {i}" for i in range(rows)],
    )
    frame["city"] = frame["city"].astype(object)
    frame.loc[frame.index[::7], "city"] = np.nan
    frame.loc[frame.index[::9], "visits"] = pandas.NA
    wanted = (frame["age"] > 45) ^ (frame["city"] == "Oslo")
    return frame, np.where(wanted, "yes", "no")


def pipeline(frame: Any, y: np.ndarray, *, spy: bool = True) -> Any:
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income", "visits"]),
            (
                "words",
                make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="error")),
                ["city"],
            ),
            ("categories", OneHotEncoder(handle_unknown="error"), ["size"]),
            ("flags", "passthrough", ["member"]),
        ]
    )
    steps = [Spy(), columns] if spy else [columns]
    return make_pipeline(*steps, RandomForestClassifier(10, random_state=0)).fit(frame, y)


@quiet
@pytest.mark.parametrize(
    "call",
    [
        lambda m, f: pellucid.KernelShap()(m, f.iloc[:3], background=f.iloc[10:20]),
        lambda m, f: OCCLUSION(m, f.iloc[:3], background=f.iloc[10:20]),
        lambda m, f: pellucid.PermutationImportance(repeats=2)(m, f),
        lambda m, f: pellucid.explain(m, f.iloc[:3], background=f.iloc[10:20]),
    ],
    ids=["kernel_shap", "occlusion", "permutation_importance", "explain"],
)
def test_the_pipeline_is_given_the_frame_it_was_fitted_on(call):
    """Same columns in the same order, same dtypes, no value that it has not seen."""
    frame, y = people()
    model = pipeline(frame, y)
    Spy.seen = []
    call(model, frame)
    assert Spy.seen
    for given in Spy.seen:
        assert isinstance(given, pandas.DataFrame)
        assert list(given.columns) == list(frame.columns)
        assert given.dtypes.tolist() == frame.dtypes.tolist()
        for name in ("city", "size", "visits"):
            known = set(frame[name].dropna())
            assert set(given[name].dropna()) <= known


@quiet
def test_values_are_those_of_the_pipeline_itself():
    """v(S) by hand: the absent columns are taken from the background rows."""
    frame, y = people()
    model = pipeline(frame, y, spy=False)
    row, background = frame.iloc[[3]], frame.iloc[10:20]
    e = OCCLUSION(model, row, background=background, target="yes")
    for j, name in enumerate(frame.columns):
        hidden = pandas.concat([row] * len(background), ignore_index=True).astype(frame.dtypes)
        hidden[name] = background[name].to_numpy() if name != "visits" else background[name].array
        hidden = hidden.astype(frame.dtypes)
        expected = e.output[0] - model.predict_proba(hidden)[:, list(model.classes_).index("yes")].mean()
        assert e.values[0, j] == pytest.approx(expected, abs=1e-12), name
    assert e.output[0] == pytest.approx(model.predict_proba(row)[0, 1])


@quiet
def test_names_categories_and_index_are_on_the_result():
    frame, y = people()
    e = pellucid.KernelShap()(pipeline(frame, y, spy=False), frame.iloc[:3], background=frame.iloc[10:20])
    assert e.features.names == tuple(frame.columns)
    assert e.features.categories["size"] == ("S", "M", "L", "XL")
    assert e.features.show(2, e.x[1, 2]) == frame["city"].iloc[1]
    assert e.features.show(2, e.x[0, 2]) == "missing"
    assert list(e.to_frame().index) == ["person 0", "person 1", "person 2"]
    np.testing.assert_allclose(e.residual, 0, atol=1e-12)


@quiet
def test_polars_frames():
    polars = pytest.importorskip("polars")
    frame, y = people()
    frame = polars.from_pandas(frame.drop(columns="size"))
    columns = ColumnTransformer(
        [
            ("numbers", SimpleImputer(), ["age", "income", "visits"]),
            ("words", OneHotEncoder(handle_unknown="ignore"), ["city"]),
            ("flags", "passthrough", ["member"]),
        ]
    )
    model = make_pipeline(Spy(), columns, RandomForestClassifier(5, random_state=0)).fit(frame, y)
    Spy.seen = []
    e = pellucid.KernelShap()(model, frame[:3], background=frame[10:20])
    assert all(isinstance(given, polars.DataFrame) for given in Spy.seen)
    assert all(given.schema == frame.schema for given in Spy.seen)
    np.testing.assert_allclose(e.output, model.predict_proba(frame[:3]).max(1))
    np.testing.assert_allclose(e.residual, 0, atol=1e-12)
    assert isinstance(e.to_frame(), polars.DataFrame)


def test_extra_and_missing_columns_are_refused():
    frame, y = people()
    model = pipeline(frame, y, spy=False)
    with pytest.raises(ShapeError, match=r"The frame lacks columns city"):
        OCCLUSION(model, frame.drop(columns="city").iloc[:2])
    with pytest.raises(ShapeError, match=r"The model does not know the columns more"):
        OCCLUSION(model, frame.assign(more=1.0).iloc[:2])


def test_a_group_of_columns_of_a_frame():
    frame, y = people()
    model = pipeline(frame, y, spy=False)
    features = pellucid.Columns(tuple(frame.columns), groups={"home": ("city", "size")})
    e = pellucid.KernelShap()(model, frame.iloc[:2], background=frame.iloc[10:20], features=features)
    assert e.players[0] == ("age", "income", "home", "member", "visits")
    np.testing.assert_allclose(e.residual, 0, atol=1e-12)


def test_an_average_of_words_is_not_taken_for_one_of_them():
    """baseline="mean" has no answer for a column of words: refused, or their commonest."""
    frame, y = people()
    model = pipeline(frame, y, spy=False)
    words = pandas.Series(["Lima", "Oslo", "Rome", "Rome"])  # the mean of the codes is 1.25: no city
    x = frame.iloc[[1, 2, 3, 4]].assign(city=words.to_numpy())
    try:
        e = OCCLUSION(model, x, baseline="mean", target="yes")
    except PellucidError:
        return
    hidden = x.assign(city="Rome")
    np.testing.assert_allclose(
        e.values[:, 2], (model.predict_proba(x) - model.predict_proba(hidden))[:, 1], atol=1e-12
    )


# -- missing values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [HistGradientBoostingClassifier, HistGradientBoostingRegressor])
def test_missing_values_where_the_estimator_takes_them(kind):
    x = X.copy()
    x[::5, 2] = np.nan
    model = kind(max_iter=5).fit(x, Y)
    e = pellucid.KernelShap()(model, x[:3], background=x[10:30])
    assert np.isfinite(e.values).all()
    assert np.isnan(e.x[0, 2])
    np.testing.assert_allclose(e.residual, 0, atol=1e-12)
    with pytest.raises(DataError, match=r"Row 1 holds infinity in column 0"):
        OCCLUSION(model, np.array([x[0], [np.inf, 1, 1, 1]]))


def test_missing_values_behind_an_imputer():
    x = X.copy()
    x[::5, 2] = np.nan
    model = make_pipeline(SimpleImputer(), LogisticRegression(max_iter=500)).fit(x, Y)
    assert np.isfinite(OCCLUSION(model, x[:3], background=x[10:20]).values).all()


@pytest.mark.parametrize(
    "model",
    [LogisticRegression(max_iter=500), make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))],
    ids=["estimator", "pipeline"],
)
def test_missing_values_where_nothing_takes_them(model):
    """Named with row and column before anything runs, also where only a later step refuses them."""
    x = X[:3].copy()
    x[1, 2] = np.nan
    with pytest.raises(DataError, match=r"Row 1 holds NaN in column 2"):
        OCCLUSION(model.fit(X, Y), x)


# -- warnings -------------------------------------------------------------------------------------------------------


def warned(call: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in caught if not isinstance(w.message, pellucid.PellucidWarning)]


def test_fitted_on_names_and_explained_on_arrays():
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = LogisticRegression(max_iter=500).fit(frame, Y)
    for method in (OCCLUSION, pellucid.KernelShap(), pellucid.PermutationImportance(repeats=1)):
        assert not warned(lambda m=method: m(model, X[:5]))
    assert OCCLUSION(model, X[:2]).features.names == ("a", "b", "c", "d")


def test_fitted_on_arrays_and_explained_on_names():
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = LogisticRegression(max_iter=500).fit(X, Y)
    assert not warned(lambda: OCCLUSION(model, frame.iloc[:5]))
    assert OCCLUSION(model, frame.iloc[:2]).features.names == ("a", "b", "c", "d")


def test_fitted_and_explained_on_names():
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = RandomForestClassifier(3, random_state=0).fit(frame, Y)
    assert not warned(lambda: OCCLUSION(model, frame.iloc[:5]))


def test_other_warnings_of_the_model_arrive():
    class Loud(LinearRegression):
        def predict(self, X: Any) -> Any:
            warnings.warn("I am loud", UserWarning, stacklevel=1)
            return super().predict(X)

    assert "I am loud" in warned(lambda: OCCLUSION(Loud().fit(X, Y), X[:2]))


def test_the_estimator_is_left_as_it_was():
    import pickle

    model = RandomForestClassifier(3, random_state=0).fit(X, Y)
    before = pickle.dumps(model)
    pellucid.KernelShap()(model, X[:2], background=X[:5])
    with pytest.raises(TargetError):
        OCCLUSION(model, X[:2], target=9)
    assert pickle.dumps(model) == before


def test_log_probabilities_and_margins():
    model = LogisticRegression(max_iter=500).fit(X, Y)
    p = model.predict_proba(X[:4])
    np.testing.assert_allclose(OCCLUSION(model, X[:4], target=pellucid.LogProb(1)).output, np.log(p[:, 1]))
    np.testing.assert_allclose(
        OCCLUSION(model, X[:4], target=pellucid.Margin(2, 0)).output, p[:, 2] - p[:, 0]
    )


def test_only_estimators_that_are_known_to_read_get_rows_that_are_not_theirs():
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = (X[:, 0] > 0).astype(int)
    scaled = make_pipeline(StandardScaler(copy=False), LogisticRegression()).fit(X.copy(), y)
    model = pellucid.wrap(scaled)
    before = X.copy()
    model.predict(X)
    assert not model.facts.reads_only
    assert np.array_equal(X, before)
    plain = pellucid.wrap(LogisticRegression().fit(X, y))
    plain.predict(X)
    assert plain.facts.reads_only
    assert np.array_equal(X, before)
