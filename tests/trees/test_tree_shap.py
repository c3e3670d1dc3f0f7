"""TreeShap as its users call it: targets, classes, frames, groups, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import ensemble, tree
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pellucid
from pellucid.core.errors import CapabilityError, DataError, ParameterError, ShapeError, TargetError
from tests.twins import trees as twin

pandas = pytest.importorskip("pandas")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 5))
X[:, 3] = RNG.integers(0, 5, 300)
Y = X[:, 0] * X[:, 1] + X[:, 2] ** 2 + (X[:, 3] == 2)
THREE = np.array(["low", "middle", "high"])[np.digitize(Y, [0, 1.5])]
GAPS = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
ROWS, BACKGROUND = X[:3], X[100:107]
MODELS = {
    "tree": tree.DecisionTreeRegressor(max_depth=5, random_state=0).fit(X, Y),
    "forest": ensemble.RandomForestRegressor(5, max_depth=5, random_state=0).fit(X, Y),
    "classes": ensemble.ExtraTreesClassifier(5, max_depth=5, random_state=0).fit(X, THREE),
    "boosting": ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0).fit(X, THREE),
    "categories": ensemble.HistGradientBoostingRegressor(max_iter=9, categorical_features=[3]).fit(GAPS, Y),
    "two": ensemble.HistGradientBoostingClassifier(max_iter=9).fit(X, Y > 0.5),
    "isolation": ensemble.IsolationForest(n_estimators=9, random_state=0).fit(X),
    "votes": ensemble.AdaBoostClassifier(n_estimators=5, random_state=0).fit(X, THREE),
}
by_model = pytest.mark.parametrize("name", MODELS)


@by_model
@pytest.mark.parametrize("background", [None, BACKGROUND], ids=["alone", "background"])
def test_values_are_those_of_every_coalition(name, background):
    model = MODELS[name]
    forest = pellucid.wrap(model).forest()
    target = None if forest.outputs == 1 else 1
    e = pellucid.TreeShap()(model, ROWS, background=background, target=target)
    k = target or 0
    expected = np.stack([twin.shapley(forest, row, background)[:, k] for row in ROWS])
    np.testing.assert_allclose(e.values, expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(e.output, forest.predict(ROWS)[:, k], rtol=0, atol=1e-12)
    assert e.quality.exact
    assert e.quality.verdict == "ok"
    assert e.quality.check("additivity").value < 1e-12


@by_model
def test_many_rows_are_explained_as_few_are(name):
    """300 rows are looked up, 3 walk the trees."""
    few, many = (pellucid.TreeShap()(MODELS[name], rows) for rows in (ROWS, np.tile(X, (5, 1))))
    np.testing.assert_allclose(many.values[:3], few.values, rtol=0, atol=1e-12)


def test_the_algorithm_is_named():
    few, many = (pellucid.TreeShap()(MODELS["forest"], rows) for rows in (ROWS, np.tile(X, (9, 1))))
    assert (
        few.quality.estimand
        == "TreeSHAP of raw output, path-dependent, by Gauss-Legendre quadrature along each path"
    )
    assert many.quality.estimand.endswith("path-dependent, looked up in tables of sub-trees")
    assert (
        "7 background rows"
        in pellucid.TreeShap()(MODELS["forest"], ROWS, background=BACKGROUND).quality.estimand
    )


def test_kernel_shap_agrees():
    """The same game asked from outside: probabilities of a forest against a background."""
    model = MODELS["classes"]
    inside = pellucid.TreeShap()(model, ROWS, background=BACKGROUND, target="high")
    outside = pellucid.KernelShap()(model, ROWS, background=BACKGROUND, target="high")
    np.testing.assert_allclose(inside.values, outside.values, rtol=0, atol=1e-10)
    np.testing.assert_allclose(inside.base, outside.base, rtol=0, atol=1e-12)
    assert inside.space == outside.space == "probability"


def test_the_predicted_class_of_each_row():
    model = MODELS["boosting"]
    e = pellucid.TreeShap()(model, X[:20])
    assert e.target == tuple(model.predict(X[:20]))
    assert e.space == "log-odds"
    assert e.score_space == "probability"
    np.testing.assert_allclose(e.scores, model.predict_proba(X[:20]), rtol=1e-9)
    for name in set(e.target):
        rows = np.array(e.target) == name
        one = pellucid.TreeShap()(model, X[:20], target=name)
        np.testing.assert_allclose(e.values[rows], one.values[rows], rtol=0, atol=1e-13)


def test_two_classes_behind_one_number():
    model = MODELS["two"]
    e = pellucid.TreeShap()(model, ROWS)
    assert e.target == ("True",) * 3
    np.testing.assert_allclose(e.output, model.decision_function(ROWS), rtol=1e-9)
    np.testing.assert_array_equal(pellucid.TreeShap()(model, ROWS, target=0).values, -e.values)
    np.testing.assert_array_equal(pellucid.TreeShap()(model, ROWS, target="True").values, e.values)
    np.testing.assert_array_equal(
        pellucid.TreeShap()(model, ROWS, target=pellucid.Margin(1, 0)).values, e.values
    )


def test_a_margin_of_two_classes():
    model = MODELS["boosting"]
    high, low = (pellucid.TreeShap()(model, ROWS, target=t) for t in ("high", "low"))
    margin = pellucid.TreeShap()(model, ROWS, target=pellucid.Margin("high", "low"))
    np.testing.assert_allclose(margin.values, high.values - low.values, rtol=0, atol=1e-13)
    assert margin.target == ("high - low",) * 3


def test_a_probability_is_shared_out_beside_each_background_row():
    """By the definition: a background row's values of log-odds, times the slope between the two probabilities."""
    model = MODELS["two"]
    e = pellucid.TreeShap(output="probability")(model, ROWS, background=BACKGROUND)
    forest = pellucid.wrap(model).forest()
    chance = model.predict_proba(np.concatenate([ROWS, BACKGROUND]))[:, 1]
    score = model.decision_function(np.concatenate([ROWS, BACKGROUND]))
    for r in range(3):
        rest = range(3, len(score))
        slopes = [(chance[r] - chance[b]) / (score[r] - score[b]) for b in rest]
        parts = [twin.shapley(forest, ROWS[r], BACKGROUND[b - 3 : b - 2])[:, 0] for b in rest]
        expected = np.mean([s * p for s, p in zip(slopes, parts, strict=True)], axis=0)
        np.testing.assert_allclose(e.values[r], expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(e.output, chance[:3], rtol=1e-12)
    np.testing.assert_allclose(e.base, chance[3:].mean(), rtol=1e-12)
    np.testing.assert_allclose(e.residual, 0, atol=1e-12)
    assert e.space == "probability"
    assert "log-odds scaled to probabilities beside each" in e.quality.estimand
    other = pellucid.TreeShap(output="probability")(model, ROWS, background=BACKGROUND, target=0)
    np.testing.assert_allclose(other.values, -e.values, rtol=0, atol=1e-15)
    np.testing.assert_allclose(other.output, 1 - e.output, rtol=1e-12)
    same = pellucid.TreeShap(output="probability")(model, BACKGROUND[:1], background=BACKGROUND[:1])
    np.testing.assert_allclose(same.values, 0, atol=1e-15)


def test_a_probability_that_trees_add_up_to_needs_no_background():
    model = MODELS["classes"]
    one, other = pellucid.TreeShap(output="probability"), pellucid.TreeShap()
    np.testing.assert_array_equal(one(model, ROWS, target=1).values, other(model, ROWS, target=1).values)


def test_frames_groups_and_missing_values():
    words = np.array(["red", "green", "blue", "grey", "white"])
    frame = pandas.DataFrame(
        {"a": GAPS[:, 0], "colour": pandas.Categorical(words[X[:, 3].astype(int)]), "b": X[:, 1]},
        index=[f"r{i}" for i in range(len(X))],
    )
    model = ensemble.HistGradientBoostingRegressor(max_iter=9, categorical_features="from_dtype").fit(
        frame, Y
    )
    features = pellucid.Columns(("a", "colour", "b"), groups={"both": ("a", "b")})
    e = pellucid.TreeShap()(model, frame.iloc[:20], features=features)
    assert e.players[0] == ("both", "colour")
    np.testing.assert_allclose(e.player_values[:, 0], e.values[:, 0] + e.values[:, 2])
    np.testing.assert_allclose(e.output, model.predict(frame.iloc[:20]))
    assert list(e.to_frame().index) == [f"r{i}" for i in range(20)]
    shuffled = pellucid.TreeShap()(model, frame[["b", "colour", "a"]].iloc[:20])
    np.testing.assert_array_equal(shuffled.values, e.values)
    with_background = pellucid.TreeShap()(model, frame.iloc[:5], background=frame.iloc[50:60])
    np.testing.assert_allclose(with_background.residual, 0, atol=1e-12)


def test_unseen_categories_go_where_the_model_sends_them():
    model = MODELS["categories"]
    row = X[:1].copy()
    row[0, 3] = 99
    e = pellucid.TreeShap()(model, row)
    np.testing.assert_allclose(e.output, model.predict(row))
    np.testing.assert_allclose(e.residual, 0, atol=1e-12)


def test_a_category_that_a_frame_brings_anew():
    words = np.array(["red", "green", "blue", "grey", "white"])
    frame = pandas.DataFrame({"a": X[:, 0], "colour": pandas.Categorical(words[X[:, 3].astype(int)])})
    model = ensemble.HistGradientBoostingRegressor(max_iter=9, categorical_features="from_dtype").fit(
        frame, Y
    )
    strange = pandas.DataFrame({"a": X[:2, 0], "colour": pandas.Categorical(["mauve", "red"])})
    e = pellucid.TreeShap()(model, strange)
    np.testing.assert_allclose(e.output, model.predict(strange))
    np.testing.assert_allclose(e.residual, 0, atol=1e-12)
    with pytest.raises(ShapeError, match="lacks columns a"):
        pellucid.TreeShap()(model, frame[["colour"]])


def unweighted() -> Any:
    """A forest that does not say how much training weight reached its nodes."""
    from dataclasses import replace

    wrapped = pellucid.wrap(MODELS["forest"])
    forest = replace(wrapped.forest(), cover=None)

    class Unweighted(type(wrapped)):
        def forest(self) -> Any:
            return forest

    return Unweighted(wrapped.function, wrapped.facts, None, wrapped.estimator)


def test_without_training_weights():
    with pytest.raises(CapabilityError, match="does not say how much training weight"):
        pellucid.TreeShap()(unweighted(), ROWS)
    e = pellucid.TreeShap()(unweighted(), ROWS, background=BACKGROUND)
    expected = pellucid.TreeShap()(MODELS["forest"], ROWS, background=BACKGROUND)
    np.testing.assert_array_equal(e.values, expected.values)
    assert pellucid.explain(unweighted(), ROWS).provenance.method == "gaussian_shap"


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: pellucid.TreeShap(mode="interventional")(MODELS["two"], ROWS),
            ParameterError,
            "need a background",
        ),
        (
            lambda: pellucid.TreeShap(mode="path_dependent")(MODELS["two"], ROWS, background=X),
            ParameterError,
            "take no background",
        ),
        (lambda: pellucid.TreeShap(mode="causal"), ParameterError, "must be one of"),
        (
            lambda: pellucid.TreeShap(output="probability")(MODELS["two"], ROWS),
            ParameterError,
            "probability need a background",
        ),
        (
            lambda: pellucid.TreeShap(output="probability")(MODELS["boosting"], ROWS, background=BACKGROUND),
            CapabilityError,
            "one of two classes behind one score",
        ),
        (
            lambda: pellucid.TreeShap(output="probability", interactions=True)(
                MODELS["two"], ROWS, background=BACKGROUND
            ),
            CapabilityError,
            "column by column",
        ),
        (lambda: pellucid.TreeShap()(MODELS["two"], ROWS, background=X[:0]), DataError, "has no rows"),
        (lambda: pellucid.TreeShap()(MODELS["two"], ROWS, background=X[:, :2]), ShapeError, "rows of shape"),
        (lambda: pellucid.TreeShap()(MODELS["two"], ROWS[:, :4]), ShapeError, "takes 5 columns"),
        (lambda: pellucid.TreeShap()(MODELS["two"], np.full((1, 5), np.inf)), DataError, "infinity"),
        (lambda: pellucid.TreeShap()(MODELS["boosting"], GAPS), DataError, "NaN"),
        (
            lambda: pellucid.TreeShap()(MODELS["boosting"], ROWS, background=GAPS),
            DataError,
            "background holds NaN",
        ),
        (lambda: pellucid.TreeShap()(MODELS["boosting"], ROWS, target=7), TargetError, "outside output axis"),
        (lambda: pellucid.TreeShap()(MODELS["boosting"], ROWS, target="no"), TargetError, "no class 'no'"),
        (
            lambda: pellucid.TreeShap()(MODELS["boosting"], ROWS, target=pellucid.LogProb(1)),
            CapabilityError,
            "no difference of these",
        ),
        (
            lambda: pellucid.TreeShap()(MODELS["boosting"], ROWS, target=lambda y: y[:, 0]),
            CapabilityError,
            "KernelShap",
        ),
        (lambda: pellucid.TreeShap()(lambda x: x[:, 0], ROWS), CapabilityError, "no tree ensemble"),
        (
            lambda: pellucid.TreeShap()(LogisticRegression().fit(X, THREE), ROWS),
            CapabilityError,
            "no tree ensemble",
        ),
        (
            lambda: pellucid.TreeShap()(make_pipeline(StandardScaler(), MODELS["two"]).fit(X, Y > 0.5), ROWS),
            CapabilityError,
            "last step of a pipeline",
        ),
        (
            lambda: pellucid.TreeShap()(ensemble.AdaBoostRegressor(n_estimators=2).fit(X, Y), ROWS),
            CapabilityError,
            "median of its trees",
        ),
    ],
)
def test_what_is_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_explain_picks_it_where_it_can():
    model, why = MODELS["boosting"], "a sum of trees"
    assert why in pellucid.explain(model, ROWS).provenance.notes[-1]
    assert pellucid.explain(model, ROWS, background=BACKGROUND).provenance.method == "tree_shap"
    for call in ({"target": pellucid.LogProb(1)}, {"target": lambda y: y[:, 0]}, {"baseline": "mean"}):
        assert pellucid.explain(model, ROWS, **call).provenance.method == "gaussian_shap"
    median = ensemble.AdaBoostRegressor(n_estimators=2).fit(X, Y)
    assert pellucid.explain(median, ROWS).provenance.method == "gaussian_shap"


def test_what_is_not_what_the_model_says_is_found_out():
    """A wrapped model whose output is not that of its forest."""
    wrapped = pellucid.wrap(MODELS["forest"])
    fresh = tree.DecisionTreeRegressor(max_depth=3).fit(X, Y)
    other = type(wrapped)(lambda x: wrapped.function(x) + 1, wrapped.facts, None, fresh)
    with pytest.warns(pellucid.PellucidWarning, match="should give the model's own output"):
        e = pellucid.TreeShap()(other, ROWS)
    assert e.quality.check("prediction").status == "fail"


def test_a_run_can_be_cancelled_and_tells_how_far_it_is():
    from pellucid.core.errors import Cancelled

    with pellucid.options(cancel=lambda: True), pytest.raises(Cancelled):
        pellucid.TreeShap()(MODELS["forest"], X)
    told: list[tuple[str, int, int]] = []
    with pellucid.options(progress=lambda *done: told.append(done)):
        pellucid.TreeShap()(MODELS["forest"], np.tile(X, (40, 1)))
    assert told[-1] == ("TreeSHAP", 12000, 12000)
