"""What Counterfactual promises besides nearness: found where there is one, robust, diverse, plausible, told plainly."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from pellucid import Constraints, Counterfactual
from pellucid.core.errors import DataError, ParameterError
from pellucid.methods.counterfactuals.diverse import FAR, diverse
from pellucid.methods.counterfactuals.search import Pool
from tests.methods.test_counterfactual_exact import CASES, three_columns
from tests.twins import counterfactuals as twin

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")

X, Y = load_breast_cancer(return_X_y=True)
FOREST = RandomForestClassifier(20, max_depth=5, random_state=0).fit(X[::2], Y[::2])
ROWS = X[1::2][FOREST.predict(X[1::2]) == 0][:8]


# -- found ----------------------------------------------------------------------------------------------------------


def test_found_for_at_least_99_in_100_rows_of_trees_where_there_is_one():
    possible, found, ratio = 0, 0, list[float]()
    for seed, case in enumerate(CASES):
        Z, y = three_columns(seed)
        model = RandomForestClassifier(6, max_depth=4, random_state=seed).fit(Z, y)
        rows = Z[model.predict(Z) == 0][:8]
        e = Counterfactual()(model, rows, target=1, background=Z, constraints=CASES[case])
        best = np.array([twin.brute_force(model, x, Z, CASES[case]) for x in rows])
        possible += int(np.isfinite(best).sum())
        found += int(np.isfinite(best[e.of]).sum())
        ratio += (e.distance / best[e.of]).tolist()
    assert possible > 35
    assert found >= 0.99 * possible
    assert np.mean(ratio) <= 1.05


def test_found_for_at_least_99_in_100_rows_of_smooth_models_where_there_is_one():
    possible, found = 0, 0
    side = np.linspace(-1, 1, 21)
    grid = np.stack(np.meshgrid(side, side, side), -1).reshape(-1, 3)
    for seed in range(6):
        r = np.random.default_rng(seed)
        w, v = r.normal(size=(3, 6)) * 2, r.normal(size=6)

        def model(rows: np.ndarray, w: np.ndarray = w, v: np.ndarray = v) -> np.ndarray:
            p = 1 / (1 + np.exp(-2 * np.tanh(rows @ w) @ v))
            return np.stack([1 - p, p], 1)

        seen, bounds = r.uniform(-1, 1, (200, 3)), {0: (-1.0, 1.0), 1: (-1.0, 1.0), 2: (-1.0, 1.0)}
        asked = Constraints(immutable=[seed % 3], increase_only=[(seed + 1) % 3], ranges=bounds)
        e = Counterfactual()(model, seen[:60], background=seen, constraints=asked)
        now, other = model(seen[:60]).argmax(1), model(grid).argmax(1)
        for row, x in enumerate(seen[:60]):
            tried = grid.copy()
            tried[:, seed % 3] = x[seed % 3]
            rises = tried[:, (seed + 1) % 3] >= x[(seed + 1) % 3]
            other = model(tried).argmax(1) != now[row]
            possible += int((other & rises).any())
            found += int((other & rises).any() and e.status[row] == "found")
    assert possible > 150
    assert found >= 0.99 * possible


# -- robust, diverse, with a margin ---------------------------------------------------------------------------------


def test_forests_fitted_again_agree():
    again = [RandomForestClassifier(20, max_depth=5, random_state=k).fit(X[::2], Y[::2]) for k in (1, 2)]
    plain = Counterfactual()(FOREST, ROWS, target=1, background=X[::2])
    firm = Counterfactual()(FOREST, ROWS, target=1, background=X[::2], retrained=again)
    assert firm.status.count("found") == len(ROWS)
    assert all((m.predict(firm.values) == 1).all() for m in (FOREST, *again))
    assert any((m.predict(plain.values) != 1).any() for m in again)
    assert firm.distance.mean() > plain.distance.mean()


@pytest.mark.parametrize("margin", [0.1, 0.3])
def test_a_margin_of_a_forest_is_kept_and_proven(margin):
    e = Counterfactual(margin=margin)(FOREST, ROWS, target=1, background=X[::2])
    assert (FOREST.predict_proba(e.values)[:, 1] >= 0.5 + margin - 1e-9).all()
    Z, y = three_columns(3)
    model = RandomForestClassifier(6, max_depth=4, random_state=0).fit(Z, y)
    rows = Z[model.predict_proba(Z)[:, 1] < 0.4][:3]
    exact = Counterfactual(margin=margin, exact=True)(model, rows, target=1, background=Z)

    class Firm:
        """The same trees, which say 1 only with the margin."""

        estimators_ = model.estimators_

        def predict(self, z):
            return (model.predict_proba(z)[:, 1] >= 0.5 + margin + 1e-9).astype(int)

    best = [twin.brute_force(Firm(), x, Z, Constraints()) for x in rows]
    found = np.full(len(rows), np.inf)
    found[exact.of] = exact.distance
    np.testing.assert_allclose(found, best, rtol=1e-4)


def test_the_next_answer_is_the_farthest_from_those_before():
    r = np.random.default_rng(0)
    Z = r.uniform(0.2, 1, (40, 3))
    asked = Counterfactual(distance="l1")

    class Search:
        """What `diverse` needs of a search: l1 distances from zero."""

        def cost(self, Z, own):
            return Z.sum(1)

        def distance(self, x, z):
            return np.abs(x - z).sum(1)

        def best(self, pool, count):
            return pool[np.argsort(pool.Z.sum(1))]

    chosen = diverse(Search(), Pool(Z, np.zeros(40, int), np.ones(40)), 4).Z
    assert asked.k == 1
    near = Z[Z.sum(1) <= FAR * Z.sum(1).min()]
    picked = [near[near.sum(1).argmin()]]
    for _ in range(3):
        picked.append(near[np.argmax([min(np.abs(z - p).sum() for p in picked) for z in near])])
    np.testing.assert_array_equal(
        chosen[np.lexsort(chosen.T)], np.array(picked)[np.lexsort(np.array(picked).T)]
    )


def test_several_answers_of_a_forest():
    three = Counterfactual(k=3)(FOREST, ROWS, target=1, background=X[::2])
    one = Counterfactual()(FOREST, ROWS, target=1, background=X[::2])
    for row in range(len(ROWS)):
        mine = list(three.of_row(row))
        assert len(mine) == 3
        assert three.distance[mine[0]] <= one.distance[row] * 1.02
        assert len(np.unique(three.values[mine], axis=0)) == 3
    assert (FOREST.predict(three.values) == 1).all()


def test_plausible_rows_of_a_forest():
    near = Counterfactual()(FOREST, ROWS[:3], target=1, background=X[::2])
    usual = Counterfactual(plausibility=0.8, budget=3000)(FOREST, ROWS[:3], target=1, background=X[::2])
    assert usual.plausibility.mean() > near.plausibility.mean()
    assert (usual.distance >= near.distance * (1 - 1e-9)).all()


# -- told plainly ---------------------------------------------------------------------------------------------------


def test_a_change_smaller_than_the_unit_is_fragile():
    r = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"income": r.normal(40000, 9000, 200).round(-3), "rate": r.normal(5, 1, 200).round(1)}
    )
    rich = lambda f: np.stack([f.income < 40250, f.income >= 40250], 1).astype(float)  # noqa: E731
    near = pd.DataFrame({"income": [40000.0], "rate": [5.0]})
    free = Constraints(integers=())
    e = Counterfactual()(rich, near, target=1, background=frame, constraints=free)
    assert e.changes(0)[0].is_fragile
    assert "fragile" in e.narrate()
    assert "advice" in e.narrate()
    far = Counterfactual()(rich, near.assign(income=30000.0), target=1, background=frame, constraints=free)
    assert not far.changes(0)[0].is_fragile
    assert "fragile" not in far.narrate()


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "en",
            r"\b(caus\w*|because|due to|leads?|led|result\w* in|makes?|therefore|effects?|thanks to|would become)\b",
        ),
        ("zh", "因为|导致|造成|使得|由于|从而|因此会|影响"),
    ],
)
def test_no_sentence_speaks_of_causes(lang, words):
    text = (files("pellucid.narratives") / f"{lang}.toml").read_text("utf-8")
    said = [v for v in tomllib.loads(text)["change"].values() if isinstance(v, str)]
    assert len(said) > 20
    assert [s for s in said if re.search(words, s)] == []


# -- bad input ------------------------------------------------------------------------------------------------------


def test_a_class_that_a_forest_never_predicts():
    rare = np.r_[np.zeros(140, int), np.ones(9, int), 2]
    Z = load_iris().data
    model = RandomForestClassifier(5, max_depth=1, random_state=0).fit(Z, rare)
    assert not (model.predict(Z) == 2).any()
    e = Counterfactual(budget=500)(model, Z[:2], target=2, background=Z)
    assert set(e.status) <= {"not_found", "infeasible"}
    assert not len(e)
    exact = Counterfactual(budget=500, exact=True)(model, Z[:2], target=2, background=Z)
    assert exact.status == ("infeasible",) * 2
    assert "proven" in exact.narrate()
    assert "证明" in exact.narrate("zh")


def test_the_wanted_class_is_the_present_one():
    e = Counterfactual()(FOREST, ROWS, target=0, background=X[::2])
    assert set(e.status) == {"already"}
    assert "already" in e.narrate()
    assert "已" in e.narrate("zh")
    both = Counterfactual()(FOREST, X[:40], target=1, background=X)
    assert {"found", "already"} == set(both.status)


def test_categories_unknown_to_the_data_and_contradictions():
    frame = pd.DataFrame({"age": [30.0, 40, 50, 60], "job": ["clerk", "nurse", "clerk", "nurse"]})
    model = lambda f: np.stack([f.age < 45, f.age >= 45], 1).astype(float)  # noqa: E731
    with pytest.raises(DataError, match="'pilot'") as error:
        Counterfactual()(
            model, frame[:2], background=frame, constraints=Constraints(categories={"job": ["pilot"]})
        )
    assert "'clerk'" in str(error.value)
    with pytest.raises(ParameterError, match="neither rise nor fall"):
        both = Constraints(increase_only=["age"], decrease_only=["age"])
        Counterfactual()(model, frame[:2], background=frame, constraints=both)
    stuck = Constraints(immutable=["age"], ranges={"age": (70, 80)})
    e = Counterfactual()(model, frame[:2], background=frame, constraints=stuck)
    assert e.status == ("infeasible",) * 2
    assert e.reason == ("age",) * 2
    falls = Constraints(decrease_only=["age"])
    e = Counterfactual()(model, frame[:2], target=1, background=frame, constraints=falls)
    assert e.reason == ("decrease_only",) * 2


def test_one_column_of_trees_and_missing_values_in_trees():
    Z = X[:, :1]
    model = RandomForestClassifier(5, max_depth=3, random_state=0).fit(Z, Y)
    e = Counterfactual()(model, Z[model.predict(Z) == 0][:5], target=1, background=Z)
    assert set(e.status) == {"found"}
    assert (model.predict(e.values) == 1).all()
    holed = X[:, :5].copy()
    holed[::3, 1] = np.nan
    boosted = HistGradientBoostingClassifier(max_iter=10).fit(holed, Y)
    rows = holed[boosted.predict(holed) == 0][:9]
    e = Counterfactual()(boosted, rows, target=1, background=holed)
    assert e.status.count("found") == 9
    assert np.isnan(rows[:, 1]).any()
    assert (np.isnan(e.values) == np.isnan(rows[e.of])).all()
    assert (boosted.predict(e.values) == 1).all()
