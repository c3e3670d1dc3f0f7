"""The search in a forest's cells: the compiled walk against plain predictions, and what it finds against the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from pellucid import Constraints, Counterfactual, Counterfactuals
from pellucid.core.constraints import Constraints as Asked
from pellucid.core.errors import CapabilityError
from pellucid.core.features import Columns
from pellucid.core.intake import read
from pellucid.core.run import current
from pellucid.methods.counterfactuals import family
from pellucid.methods.counterfactuals.board import Board
from pellucid.methods.counterfactuals.conditions import linear
from pellucid.methods.counterfactuals.distance import Distance
from tests.twins import counterfactuals as twin

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")


def coded(n: int = 240) -> tuple[pd.DataFrame, np.ndarray]:
    """A mixed table with a missing value now and then, and three classes."""
    r = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "income": r.normal(40, 12, n).round(1),
            "age": r.integers(18, 80, n).astype(float),
            "job": r.choice(["clerk", "engineer", "none", "nurse"], n),
        }
    )
    score = frame.income / 12 + frame.job.map({"clerk": 0, "engineer": 1, "none": -1.5, "nurse": 0.4})
    return frame, np.digitize(score + 0.01 * frame.age, [3.0, 4.2])


def a_board(model, x, background, target, constraints=None) -> Board:
    data = read(model, x, background=background)
    asked = family.Asked(
        data,
        current().fresh(),
        np.asarray(data.like(background), float),
        target,
        data.model.facts.classes,
        0.0,
    )
    assert isinstance(data.features, Columns)
    q = asked.query(constraints or Asked(), data.features)
    board = Board.of(q, Distance.of("mad_l1", q.background, q.limits))
    assert board is not None
    return board


def models() -> dict[str, tuple]:
    X, y = load_iris(return_X_y=True)
    frame, z = coded()
    holed = X.copy()
    holed[::7, 2] = np.nan
    as_codes = frame.assign(job=frame.job.astype("category"))
    boosted = HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype")
    return {
        "forest of three classes": (RandomForestClassifier(6, max_depth=4, random_state=0).fit(X, y), X),
        "boosting of three classes": (GradientBoostingClassifier(n_estimators=3, random_state=0).fit(X, y), X),
        "two classes": (RandomForestClassifier(6, random_state=0).fit(X, y > 0), X),
        "missing values": (HistGradientBoostingClassifier(max_iter=8).fit(holed, y), holed),
        "sets of categories": (boosted.fit(as_codes, z), as_codes),
        "sets, two classes": (HistGradientBoostingClassifier(**boosted.get_params()).fit(as_codes, z > 0), as_codes),
    }  # fmt: skip


@pytest.mark.parametrize("name", models())
def test_one_walk_tells_what_every_single_change_gives(name):
    from pellucid.methods.counterfactuals.exchanges import Task, within
    from pellucid.methods.counterfactuals.scan import Desk, scan

    model, X = models()[name]
    board = a_board(model, X[:12], X, 1)
    q, begin = board.q, board.begin
    rows = np.flatnonzero(q.open)[:4]
    value, cost = board.values(rows)
    for way in linear(q, board.forest, int(rows[0])) or ():
        wood = board.wood(way)
        size, nodes = int(begin[-1]), len(wood.feature)
        desk = Desk(
            np.zeros((size + len(begin), len(wood.base))), np.zeros(size), np.zeros(nodes, np.int64),
            np.zeros((nodes, 3), np.int64), np.zeros(len(wood.base)), np.zeros((len(begin) - 1, 2), np.int64),
        )  # fmt: skip
        for k, row in enumerate(rows):
            home = board.cells(q.X[[row]])[0]
            within(wood, desk, Task(cost[k], home, home, len(home)), home, np.inf)
            own = scan(wood, desk, home)
            tried, leads = [q.X[row]], [own]
            for j in np.flatnonzero(home >= 0):
                for cell in range(begin[j + 1] - begin[j]):
                    if np.isfinite(cost[k, begin[j] + cell]):
                        tried.append(np.where(np.arange(len(home)) == j, value[k, begin[j] + cell], q.X[row]))
                        leads.append(desk.lead[begin[j] + cell])
            sums = board.forest.predict(np.array(tried))
            plain = np.min([sums @ factors - least for factors, least in way], 0)
            assert len(tried) > 10
            np.testing.assert_allclose(leads, plain, atol=1e-6)


def test_cells_find_rows_no_dearer_than_questions_alone(monkeypatch):
    X, y = load_breast_cancer(return_X_y=True)
    forest = RandomForestClassifier(12, max_depth=6, random_state=0).fit(X[::2], y[::2])
    rows = X[1::2][forest.predict(X[1::2]) == 0][:8]
    free = Constraints(immutable=[0], increase_only=[1])
    few = Constraints(immutable=[0], increase_only=[1], most_changes=6)

    def ask(bounds: Constraints) -> Counterfactuals:
        return Counterfactual()(forest, rows, target=1, background=X[::2], constraints=bounds)

    by_cells, by_cells_few = ask(free), ask(few)
    monkeypatch.setattr(Board, "of", lambda q, distance: None)
    asked, asked_few = ask(free), ask(few)
    for e, plain in ((by_cells, asked), (by_cells_few, asked_few)):
        assert set(e.status) == set(plain.status) == {"found"}
        assert (e.distance <= plain.distance * (1 + 1e-3)).all()
    assert by_cells.distance.mean() < asked.distance.mean()
    assert by_cells.evaluations.sum() < asked.evaluations.sum() / 10
    assert (by_cells_few.counts <= 6).all()


def test_a_pipeline_that_codes_words_is_read_to_its_trees():
    frame, y = coded()
    coder = make_column_transformer((OrdinalEncoder(), ["job"]), remainder="passthrough")
    model = make_pipeline(coder, RandomForestClassifier(8, max_depth=4, random_state=0)).fit(frame, y > 0)
    rows = frame[model.predict(frame) == 0].iloc[:6]
    e = Counterfactual(exact=True)(model, rows, target=1, background=frame)
    spread = {c: float(np.median(np.abs(frame[c] - frame[c].median()))) for c in ("income", "age")}
    splits = {c: [] for c in ("income", "age")}
    for tree in model[1].estimators_:
        for j, c in ((1, "income"), (2, "age")):
            splits[c] += tree.tree_.threshold[tree.tree_.feature == j].tolist()
    ages = np.arange(18, 80)
    for m, (_, x) in enumerate(rows.iterrows()):
        past = [*splits["income"], *np.nextafter(np.float32(splits["income"]), np.float32(np.inf)), x.income]
        income = np.array(past, float)
        income = income[(income >= frame.income.min()) & (income <= frame.income.max())]
        best = np.inf
        for job in frame.job.unique():
            a, b = np.meshgrid(income, ages)
            tried = pd.DataFrame({"income": a.ravel(), "age": b.ravel().astype(float), "job": job})
            cost = (
                np.abs(tried.income - x.income) / spread["income"] + np.abs(tried.age - x.age) / spread["age"]
            )
            best = min(best, float((cost + (job != x.job))[model.predict(tried) == 1].min()))
        assert e.distance[m] == pytest.approx(best, rel=1e-4)
        assert e.bound[m] == pytest.approx(best, rel=1e-3)
    found = Counterfactual()(model, rows, target=1, background=frame)
    assert (found.distance <= e.distance * 1.25).all()


def test_steps_that_change_the_numbers_are_searched_by_questions():
    X, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)).fit(X, y)
    e = Counterfactual()(model, X[:4], target=1, background=X)
    assert set(e.status) == {"found"}
    assert (model.predict(e.values) == 1).all()
    with pytest.raises(CapabilityError, match="linear"):
        Counterfactual(exact=True)(model, X[:1], target=1, background=X)


def test_trees_under_a_link_that_is_not_linear():
    X, _ = load_iris(return_X_y=True)
    counts = HistGradientBoostingRegressor(loss="poisson", max_iter=5).fit(X[:, :3], np.round(X[:, 3] * 3))
    e = Counterfactual()(counts, X[:4, :3], target=(3.0, None), background=X[:, :3])
    assert set(e.status) == {"found"}
    assert (counts.predict(e.values) >= 3.0).all()
    with pytest.raises(CapabilityError, match="linear"):
        Counterfactual(exact=True)(counts, X[:1, :3], target=(3.0, None), background=X[:, :3])


@pytest.mark.parametrize("distance", ["l1", "l2", "gower", "mad_l1"])
def test_rows_in_cells_are_at_the_very_splits(distance):
    X, y = load_iris(return_X_y=True)
    model = RandomForestClassifier(5, max_depth=3, random_state=0).fit(X, y)
    e = Counterfactual(distance=distance)(model, X[:6], target=2, background=X)
    assert (model.predict(e.values) == 2).all()
    for z, of in zip(
        e.values, e.of, strict=True
    ):  # a step back of a hundredth turns the answer round, in each column
        for j in np.flatnonzero(z != X[of]):
            back = z.copy()
            back[j] += 0.01 * (X[of, j] - z[j])
            assert model.predict(back[None])[0] != 2
    assert not any(twin.broken(Constraints(), X[of], z, X) for z, of in zip(e.values, e.of, strict=True))
