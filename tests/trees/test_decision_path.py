"""The way of rows through one tree, held against where the models themselves send them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import ensemble, tree
from sklearn.linear_model import LogisticRegression

import pellucid
from pellucid.core.errors import CapabilityError, ParameterError, PellucidError
from tests.plots.effect_builders import paths
from tests.trees import grown

pandas = pytest.importorskip("pandas")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 5)).astype(np.float32).astype(float)
Y = X[:, 0] * X[:, 1] + X[:, 2] ** 2
THREE = np.array(["low", "middle", "high"])[np.digitize(Y, [0, 1.5])]
GAPS = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
WORDS = pandas.DataFrame(
    {
        "job": pandas.Categorical(RNG.choice(["cook", "nurse", "smith", "baker"], 400)),
        "age": GAPS[:, 1],
        "pay": X[:, 2],
    }
)
BY_JOB = WORDS.job.isin(["cook", "smith"]).to_numpy() * 2.0 + np.nan_to_num(GAPS[:, 1]) + X[:, 2]


@pytest.mark.parametrize("number", [0, 3])
def test_the_leaf_is_the_one_that_scikit_learn_applies(number):
    model = ensemble.RandomForestClassifier(5, random_state=0).fit(GAPS, THREE)
    e = pellucid.DecisionPath(tree=number)(model, GAPS[:50])
    member = model.estimators_[number]
    np.testing.assert_array_equal(e.leaf, member.apply(GAPS[:50]))
    np.testing.assert_allclose(e.values, member.predict_proba(GAPS[:50]) / 5, rtol=0, atol=1e-12)
    assert e.targets == tuple(model.classes_)
    whole = member.decision_path(GAPS[:50])
    for i in range(50):
        met = whole.indices[whole.indptr[i] : whole.indptr[i + 1]]
        np.testing.assert_array_equal(e.node[e.starts[i] : e.starts[i + 1]], met[:-1])
    weight = member.tree_.weighted_n_node_samples
    np.testing.assert_allclose(e.share, (weight / weight[0])[e.node], atol=1e-12)
    np.testing.assert_allclose(e.leaf_share, (weight / weight[0])[e.leaf], atol=1e-12)


def test_the_sides_not_taken_hold_all_other_leaves_and_all_other_weight():
    model = tree.DecisionTreeRegressor(random_state=0).fit(X, Y)
    e = pellucid.DecisionPath()(model, X[:20])
    for i in range(20):
        steps = e.steps(i)
        assert sum(s.other_leaves for s in steps) + 1 == model.get_n_leaves()
        assert sum(s.other_share for s in steps) + e.leaf_share[i] == pytest.approx(1)


def test_the_leaf_is_xgboosts():
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBClassifier(n_estimators=4, max_depth=4).fit(GAPS, np.digitize(Y, [0, 1.5]))
    theirs, table = model.apply(GAPS[:60]).astype(int), model.get_booster().trees_to_dataframe()
    for number in (0, 1, 11):
        e = pellucid.DecisionPath(tree=number)(model, GAPS[:60])
        ids = [f"{number}-{leaf}" for leaf in theirs.reshape(60, -1)[:, number]]
        np.testing.assert_allclose(e.values[:, 0], table.set_index("ID").Gain.loc[ids], rtol=1e-6)
        assert e.trees == 12
        assert e.targets == (str(number % 3),)


def test_the_leaf_is_xgboosts_where_it_splits_by_words():
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBRegressor(n_estimators=3, enable_categorical=True, max_cat_to_onehot=1)
    model.fit(WORDS, BY_JOB)
    theirs, table = model.apply(WORDS).astype(int), model.get_booster().trees_to_dataframe()
    for number in range(3):
        e = pellucid.DecisionPath(tree=number)(model, WORDS)
        ids = [f"{number}-{leaf}" for leaf in theirs[:, number]]
        np.testing.assert_allclose(e.values[:, 0], table.set_index("ID").Gain.loc[ids], rtol=1e-6)
    _holds(e)


def test_the_leaf_is_lightgbms():
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMRegressor(n_estimators=4, verbose=-1, min_child_samples=5).fit(WORDS, BY_JOB)
    theirs = model.predict(WORDS, pred_leaf=True)
    for number in range(4):
        e = pellucid.DecisionPath(tree=number)(model, WORDS)
        said = [model.booster_.get_leaf_output(number, leaf) for leaf in theirs[:, number]]
        np.testing.assert_allclose(e.values[:, 0], said, rtol=1e-12)
    _holds(e)


def _holds(e: pellucid.TreePaths) -> None:
    """What is said of categories holds for the rows it is said of."""
    named = 0
    for i in range(len(WORDS)):
        for step in e.steps(i):
            if step.column != "job":
                continue
            named += 1
            assert step.shown == WORDS.job.iloc[i]
            told = step.taken[2:].strip("{}").split(", ")
            assert (step.shown in told) == (step.taken[0] in "=∈")
    assert named > 50


@pytest.mark.parametrize("seed", range(8))
def test_every_tree_of_any_forest_adds_up_to_the_prediction(seed):
    """What the leaves add, over all trees, is the raw prediction; missing values and codes included."""
    forest, x = grown.forest(seed, outputs=2), grown.rows(seed, 20, 5)
    from pellucid.methods.trees.following import followed

    total = np.tile(forest.base, (20, 1))
    for number in range(forest.trees):
        _, _, leaf = followed(forest, number, x)
        total[:, forest.feeds[number]] += forest.value[leaf, 0]
    np.testing.assert_allclose(total, forest.predict(x), rtol=0, atol=1e-12)


def test_a_missing_value_is_named_with_the_side_it_goes_to():
    model = ensemble.HistGradientBoostingRegressor(max_iter=2).fit(GAPS, Y)
    e = pellucid.DecisionPath()(model, np.full((1, 5), np.nan))
    assert all(s.missing and s.shown == "" for s in e.steps())
    assert "is missing, which goes where" in e.narrate()
    assert "缺失" in e.narrate("zh")
    texts = [t.get_text() for t in e.plot().texts]
    assert any("= missing" in t for t in texts)


def test_numbers_have_digits_enough_to_see_where_the_row_goes():
    """A threshold of 3 under "less than" sends 3 to the right, and is not written as if it were passed."""
    near = paths(x=np.array([[1.50000001, 1.0], [1.0, np.nan]]), threshold=np.array([1.5, 1.5, np.nan]))
    step = near.steps(0)[0]
    assert float(step.shown.split()[0]) > float(step.taken.split()[1])
    assert near.steps(1)[1].taken == "= short"
    assert near.steps(1)[0].shown == "1 cm"


def test_a_large_tree_is_drawn_as_the_way_alone():
    model = tree.DecisionTreeClassifier(random_state=0, max_features=1).fit(X, RNG.integers(0, 2, 400))
    e = pellucid.DecisionPath()(model, X[:3])
    ax = e.plot(row=2)
    boxes = [t for t in ax.texts if "leaves" in t.get_text() or "leaf" in t.get_text()]
    assert len(boxes) <= 2 * (len(e.steps(2)) + 1)
    assert len(e.steps(2)) < model.get_n_leaves() / 3


def test_many_outputs_are_drawn_as_the_largest_few():
    e = paths(outputs=9, values=np.arange(18.0).reshape(2, 9))
    text = "\n".join(t.get_text() for t in e.plot().texts)
    assert "class 8: +8" in text
    assert "and 3 smaller" in text
    assert "class 1:" not in text


def test_without_training_weights_no_share_is_told():
    e = paths(share=np.full(3, np.nan), other_share=np.full(3, np.nan), leaf_share=np.full(2, np.nan))
    assert "%" not in e.narrate()
    assert not any("%" in t.get_text() for t in e.plot().texts)


def test_it_is_a_frame():
    frame = pellucid.DecisionPath()(tree.DecisionTreeRegressor(max_depth=2).fit(X, Y), X[:4]).to_frame()
    assert list(frame.columns) == ["tree", "leaf", "splits", "share", "adds to output"]
    assert list(frame.splits) == [2] * 4


def test_a_single_leaf_is_told():
    model = tree.DecisionTreeRegressor(max_depth=2).fit(X, np.ones(400))
    e = pellucid.DecisionPath()(model, X[:1])
    assert "single leaf" in e.narrate()
    assert e.plot() is not None


FOREST = ensemble.RandomForestRegressor(3, max_depth=3, random_state=0).fit(X, Y)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: pellucid.DecisionPath(tree=3)(FOREST, X[:2]), ParameterError, "There is no tree 3"),
        (lambda: pellucid.DecisionPath(tree=-1), ParameterError, "tree"),
        (lambda: pellucid.DecisionPath(tree=1.5), ParameterError, "tree"),
        (
            lambda: pellucid.DecisionPath()(LogisticRegression().fit(X, THREE), X[:2]),
            CapabilityError,
            "no tree ensemble",
        ),
        (lambda: pellucid.DecisionPath()(lambda r: r.sum(1), X[:2]), CapabilityError, "no tree ensemble"),
        (lambda: pellucid.DecisionPath()(FOREST, X[:2, :4]), PellucidError, "column"),
        (lambda: pellucid.DecisionPath()(FOREST, X[:2]).steps(2), ParameterError, "There is no row 2"),
        (lambda: pellucid.DecisionPath()(FOREST, X[:2]).plot(row=5), ParameterError, "There is no row 5"),
        (lambda: pellucid.DecisionPath()(FOREST, X[:2]).narrate(row=-1), ParameterError, "There is no row -1"),
    ],
)  # fmt: skip
def test_what_is_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()
