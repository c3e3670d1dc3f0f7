"""Forests read from XGBoost, LightGBM and CatBoost give the booster's own margin."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pellucid
from pellucid.core.errors import CapabilityError
from pellucid.core.forest_check import rounding
from pellucid.core.links import LINKS
from tests.adapters import boosters

pandas = pytest.importorskip("pandas")
xgb, lgb, cat = (pytest.importorskip(name) for name in ("xgboost", "lightgbm", "catboost"))

FRAME = boosters.table(5, 60)
UNSEEN = boosters.unseen(FRAME)
twenty = settings(
    max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
TASK, SEED = st.sampled_from(boosters.TASKS), st.integers(0, 10_000)


def same(model: Any, rows: Any, **more: Any) -> Any:
    """The forest, which gives the margin of `model` on `rows` as far as float32 can tell, and its link the rest."""
    margin, usual = pellucid.wrap(model, output="margin"), pellucid.wrap(model)
    forest = usual.forest()
    raw = forest.predict(usual.tree_inputs(rows))
    own = np.asarray(margin.predict(rows), float).reshape(len(rows), -1)
    own = own[:, 1:] if forest.outputs == 1 and own.shape[1] == 2 else own
    np.testing.assert_allclose(raw, own, rtol=0, atol=rounding(forest))
    if forest.link:
        p = LINKS[forest.link](raw)
        np.testing.assert_allclose(p, usual.predict(rows).reshape(p.shape), rtol=1e-5, atol=1e-6)
    assert usual.forest() is forest
    return forest


def fresh(seed: int) -> Any:
    """Rows of another draw, some with a category that no training row had."""
    known = boosters.table(seed + 1, 60)
    new = boosters.unseen(known.iloc[:20])
    city = pandas.CategoricalDtype(["Paris", "Lima", "Oslo", "Rome"])
    return pandas.concat([known.astype({"city": city}), new.astype({"city": city})], ignore_index=True)


# -- twenty random ensembles of each library ------------------------------------------------------------------------


@twenty
@given(
    TASK,
    SEED,
    st.sampled_from(["gbtree", "gbtree", "dart"]),
    st.integers(1, 7),
    st.sampled_from([1, 4, 100]),
    st.sampled_from(["hist", "approx"]),
)
def test_random_ensembles_of_xgboost(task, seed, booster, depth, onehot, how):
    model = boosters.xgboost(
        task,
        seed,
        max_depth=depth,
        booster=booster,
        max_cat_to_onehot=onehot,
        tree_method=how,
        base_score=0.3,
        num_parallel_tree=1 + seed % 2,
        subsample=0.7,
        **({"rate_drop": 0.5} if booster == "dart" else {}),
    )
    same(model, fresh(seed))


@twenty
@given(
    TASK,
    SEED,
    st.sampled_from(["gbdt", "gbdt", "dart", "rf"]),
    st.integers(2, 20),
    st.sampled_from([{}, {"zero_as_missing": True}, {"use_missing": False}]),
    st.sampled_from([1, 4]),
)
def test_random_ensembles_of_lightgbm(task, seed, boosting, leaves, missing, onehot):
    model = boosters.lightgbm(
        task,
        seed,
        boosting=boosting,
        num_leaves=leaves,
        bagging_fraction=0.7,
        bagging_freq=1,
        max_cat_to_onehot=onehot,
        cat_smooth=1.0,
        **missing,
    )
    same(model, fresh(seed))


@twenty
@given(
    TASK,
    SEED,
    st.sampled_from(["SymmetricTree", "Depthwise", "Lossguide"]),
    st.integers(1, 6),
    st.sampled_from(["Min", "Max"]),
)
def test_random_ensembles_of_catboost(task, seed, grow, depth, missing):
    model = boosters.catboost(
        task, seed, grow_policy=grow, depth=depth, nan_mode=missing, one_hot_max_size=20, random_strength=3
    )
    same(model, boosters.words(fresh(seed)))


# -- what each library does in its own way --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "objective",
    ["count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "reg:absoluteerror", "reg:logistic"],
)
def test_objectives_of_xgboost_with_links(objective):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3))
    y = 1 / (1 + np.exp(-x[:, 0])) if objective == "reg:logistic" else np.exp(x[:, 0])
    model = xgb.train({"objective": objective, "max_depth": 3}, xgb.DMatrix(x, y), 5)
    assert same(model, x).link


@pytest.mark.parametrize("objective", ["binary:hinge", "binary:logitraw", "multi:softmax"])
def test_objectives_of_xgboost_that_give_no_probabilities(objective):
    task = "classes" if objective.startswith("multi") else "binary"
    same(boosters.xgboost(task, objective=objective), FRAME)


def test_numbers_are_compared_in_single_precision():
    """XGBoost casts the rows to float32: a value that is below a threshold only in double precision is not below."""
    x = np.linspace(0, 1, 40)[:, None]
    model = xgb.train({"max_depth": 3, "base_score": 0.0}, xgb.DMatrix(x, x[:, 0]), 3)
    forest = pellucid.wrap(model).forest()
    at = forest.threshold[forest.feature == 0]
    rows = np.concatenate([at, np.nextafter(at, 2), np.nextafter(at, -2), at + 1e-9, at - 1e-9])[:, None]
    np.testing.assert_allclose(forest.predict(rows)[:, 0], model.predict(xgb.DMatrix(rows)), atol=1e-6)


def test_vector_leaves_and_several_targets_of_xgboost():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3))
    for strategy in ("one_output_per_tree", "multi_output_tree"):
        model = xgb.XGBRegressor(n_estimators=4, multi_strategy=strategy, n_jobs=1).fit(x, x[:, :2])
        forest = same(model, x)
        assert (forest.outputs, forest.trees) == (2, 8 if strategy.startswith("one") else 4)


def test_the_best_iteration_of_an_estimator():
    frame = boosters.table()
    y = np.random.default_rng(0).normal(size=len(frame))
    model = xgb.XGBRegressor(n_estimators=20, learning_rate=0.9, early_stopping_rounds=3, n_jobs=1)
    x = frame[["age", "visits"]]
    model.fit(x, y, eval_set=[(x[::-1], y)], verbose=False)
    assert same(model, x).trees == model.best_iteration + 1
    light = lgb.LGBMRegressor(n_estimators=20, learning_rate=0.9, verbose=-1, min_child_samples=5)
    light.fit(x, y, eval_X=x[::-1], eval_y=y, callbacks=[lgb.early_stopping(3, verbose=False)])
    assert same(light, x).trees == light.best_iteration_


def test_a_number_that_stands_for_missing():
    frame = boosters.table().drop(columns=["city", "size"]).fillna(-999)
    model = xgb.XGBRegressor(n_estimators=4, missing=-999, n_jobs=1)
    same(model.fit(frame, frame["visits"] + (frame["age"] < 0)), frame)


def test_a_booster_that_was_trained_on_is_read_again():
    model = boosters.xgboost("regression", rounds=3)
    before = pellucid.wrap(model).forest()
    data = xgb.DMatrix(
        boosters.table(), boosters.wanted(boosters.table(), "regression"), enable_categorical=True
    )
    model.update(data, 3)
    assert same(model, FRAME).trees == before.trees + 1


def test_categories_in_another_order_and_columns_too():
    """The codes are those of training, whatever codes the frame at hand has."""
    turned = FRAME.assign(city=FRAME["city"].cat.set_categories(["Rome", "Bern", "Lima", "Oslo"]))
    for library in ("xgboost", "lightgbm"):
        model = pellucid.wrap(getattr(boosters, library)("regression"))
        np.testing.assert_array_equal(
            model.tree_inputs(turned[turned.columns[::-1]]), model.tree_inputs(FRAME)
        )


def test_frames_of_polars():
    polars = pytest.importorskip("polars")
    plain = FRAME[["age", "visits", "income"]]
    model = lgb.LGBMRegressor(n_estimators=3, verbose=-1, min_child_samples=5).fit(plain, FRAME["visits"])
    same(model, polars.from_pandas(plain))
    same(boosters.xgboost("classes"), polars.from_pandas(FRAME))
    same(boosters.catboost("binary", one_hot_max_size=20), polars.from_pandas(boosters.words(FRAME)))


def test_whole_numbers_as_categories():
    rng = np.random.default_rng(0)
    x = pandas.DataFrame({"k": rng.integers(3, 9, 100), "z": rng.normal(size=100)})
    y = (x["k"] % 3 == 0) + 0.1 * x["z"]
    words = x.assign(k=pandas.Categorical(x["k"]))
    same(xgb.XGBRegressor(n_estimators=3, enable_categorical=True, n_jobs=1).fit(words, y), words)
    same(lgb.LGBMRegressor(n_estimators=3, verbose=-1, min_child_samples=5).fit(words, y), words)
    kitty = cat.CatBoostRegressor(
        iterations=3, verbose=False, allow_writing_files=False, cat_features=["k"], one_hot_max_size=20
    ).fit(x, y)
    same(kitty, x)
    same(kitty, x.to_numpy(float))


def test_the_words_that_catboost_hashes():
    from pellucid.adapters.catboost_forest import hashed

    words = {"", "Oslo", "Ørsted 東京", "a" * 100, "7", "x y"}
    found = hashed(words)
    assert set(found) == words
    assert len(set(found.values())) == len(words)
    assert found == {**hashed({"Oslo", ""}), **hashed(words - {"Oslo", ""})}


@pytest.mark.parametrize("loss", ["Poisson", "MAE", "Quantile:alpha=0.3"])
def test_losses_of_catboost(loss):
    frame = boosters.table()
    model = cat.CatBoostRegressor(
        iterations=4, verbose=False, allow_writing_files=False, loss_function=loss
    ).fit(frame[["age", "visits"]], frame["visits"])
    same(model, frame[["age", "visits"]])


@pytest.mark.parametrize("objective", ["poisson", "cross_entropy", "multiclassova", "regression_l1"])
def test_objectives_of_lightgbm(objective):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3))
    y = {"multiclassova": np.arange(120) % 3, "cross_entropy": 1 / (1 + np.exp(-x[:, 0]))}.get(
        objective, np.exp(x[:, 0])
    )
    knobs = {"objective": objective, "verbose": -1, "min_data_in_leaf": 5, "num_threads": 1}
    if objective == "multiclassova":
        knobs["num_class"] = 3
    assert same(lgb.train(knobs, lgb.Dataset(x, y), 4), x).link


def test_cover_is_what_reached_a_node():
    """Of training rows and their weights: at each split the sum of what goes left and right."""
    for model in (
        boosters.xgboost("binary"),
        boosters.lightgbm("binary"),
        boosters.catboost("binary", one_hot_max_size=20),
    ):
        forest = pellucid.wrap(model).forest()
        inner = forest.feature >= 0
        below = forest.cover[forest.left[inner]] + forest.cover[forest.right[inner]]
        np.testing.assert_allclose(forest.cover[inner], below, rtol=1e-5)
        assert (forest.cover[forest.roots] > 0).all()


# -- refused --------------------------------------------------------------------------------------------------------


def test_linear_leaves():
    x = np.random.default_rng(0).normal(size=(200, 3))
    model = lgb.train({"linear_tree": True, "verbose": -1, "num_threads": 1}, lgb.Dataset(x, x[:, 0]), 2)
    with pytest.raises(CapabilityError, match=r"This LightGBM model has linear leaves"):
        pellucid.wrap(model).forest()


def test_a_linear_booster():
    x = np.random.default_rng(0).normal(size=(50, 2))
    model = xgb.train({"booster": "gblinear"}, xgb.DMatrix(x, x[:, 0]), 2)
    assert not hasattr(pellucid.wrap(model), "forest")


def test_statistics_of_categories():
    with pytest.raises(
        CapabilityError, match=r"statistics of categories \(CTR\) of .*'city'.*one_hot_max_size"
    ):
        pellucid.wrap(boosters.catboost("binary")).forest()


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_a_forest_that_is_read_wrongly_is_noticed(library, monkeypatch):
    """The check against the model: one leaf is off, and the reader refuses."""
    from importlib import import_module

    home = import_module(f"pellucid.adapters.{library}_forest")
    real = home.Forest.of

    def wrong(trees: Any, **more: Any) -> Any:
        return real([replace(trees[0], value=np.asarray(trees[0].value) + 0.1), *trees[1:]], **more)

    monkeypatch.setattr(home.Forest, "of", wrong)
    knobs = {"one_hot_max_size": 20} if library == "catboost" else {}
    with pytest.raises(CapabilityError, match=r"do not give its own prediction"):
        pellucid.wrap(getattr(boosters, library)("regression", 77, **knobs)).forest()
