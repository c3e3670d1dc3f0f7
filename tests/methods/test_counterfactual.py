"""Counterfactual: always valid, never breaking a constraint, and near the known optimum."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier

import pellucid
from pellucid import Constraints, Counterfactual, Coupling
from pellucid.core.errors import DataError, ParameterError, TargetError
from pellucid.core.features import Columns
from tests.twins import counterfactuals as twin

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")

RNG = np.random.default_rng(0)
TABLE = RNG.uniform(-1, 1, (400, 4))
WEIGHTS = np.array([2.0, -1.0, 0.5, 0.1])


def logistic(rows: np.ndarray) -> np.ndarray:
    p = 1 / (1 + np.exp(-(rows @ WEIGHTS - 0.5)))
    return np.stack([1 - p, p], 1)


def credit(n: int = 300) -> tuple[pd.DataFrame, object]:
    """A mixed table and a function of its frame: probabilities of refuse and approve."""
    r = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "income": r.normal(40, 12, n),
            "age": r.integers(18, 80, n),
            "debt": r.gamma(2, 4, n),
            "sex": pd.Categorical(r.choice(["f", "m"], n)),
            "job": pd.Categorical(r.choice(["clerk", "engineer", "none"], n)),
        }
    )

    def model(f: pd.DataFrame) -> np.ndarray:
        job = f.job.astype(object).map({"clerk": 0.0, "engineer": 1.0, "none": -1.5}).to_numpy(float)
        score = (f.income - 40) / 8 - (f.debt - 8) / 4 + job + 0.02 * (f.age - 50)
        p = 1 / (1 + np.exp(-score.to_numpy(float)))
        return np.stack([1 - p, p], 1)

    return frame, model


# -- near the known optimum -----------------------------------------------------------------------------------------


def ratio(e: pellucid.Counterfactuals, optimum: np.ndarray) -> tuple[float, float]:
    """Mean and largest distance over the optimum, every row found."""
    assert set(e.status) == {"found"}
    found = e.distance / optimum
    assert (found > 1 - 1e-3).all(), "the optimum is none"
    return float(found.mean()), float(found.max())


def test_a_linear_model_in_a_box_against_the_exact_knapsack():
    rows = TABLE[logistic(TABLE)[:, 1] < 0.4][:60]
    e = Counterfactual(distance="l1")(logistic, rows, target=1, background=TABLE)
    low, high = TABLE.min(0), TABLE.max(0)
    optimum = np.array([twin.knapsack(x, WEIGHTS, 0.5, low, high, np.ones(4)) for x in rows])
    mean, most = ratio(e, optimum)
    assert mean <= 1.05
    assert most <= 1.25


def test_a_box_region():
    inside = lambda rows: (np.abs(rows[:, :2] - 0.5) <= 0.2).all(1).astype(float)  # noqa: E731
    rows = TABLE[inside(TABLE) == 0][:60]
    e = Counterfactual(distance="l1")(inside, rows, target=(0.5, None), background=TABLE)
    optimum = np.maximum(np.abs(rows[:, :2] - 0.5) - 0.2, 0).sum(1)
    mean, most = ratio(e, optimum)
    assert mean <= 1.05
    assert most <= 1.25


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_a_circle(metric):
    nearness = lambda rows: 0.5 - np.hypot(rows[:, 0] - 0.2, rows[:, 1] + 0.1)  # noqa: E731
    rows = TABLE[nearness(TABLE) < -0.05][:60]
    e = Counterfactual(distance=metric)(nearness, rows, target=(0.0, None), background=TABLE)
    mean, most = ratio(e, np.array([twin.to_circle(x[:2], np.array([0.2, -0.1]), 0.5, metric) for x in rows]))
    assert mean <= 1.05
    assert most <= 1.25


def test_a_mixed_table_with_columns_that_stay_and_that_only_rise():
    frame, model = credit()
    rows = frame[model(frame)[:, 1] < 0.4].iloc[:8]
    bounds = Constraints(immutable=["sex"], increase_only=["age"])
    e = Counterfactual()(model, rows, target=1, background=frame, constraints=bounds)
    optimum = np.array([twin.mixed(row, frame, model) for _, row in rows.iterrows()])
    mean, most = ratio(e, optimum)
    assert mean <= 1.05
    assert most <= 1.25


# -- valid, and within the constraints ------------------------------------------------------------------------------


def constraints_at_random(r: np.random.Generator) -> Constraints:
    """Any of them, together."""
    columns = r.permutation(5)
    low = float(r.uniform(-1, 0))
    return Constraints(
        immutable=[int(columns[0])] if r.random() < 0.5 else [],
        increase_only=[int(columns[1])] if r.random() < 0.5 else [],
        decrease_only=[int(columns[2])] if r.random() < 0.5 else [],
        ranges={int(columns[3]): (low, low + 1)} if r.random() < 0.5 else {},
        integers=[4],
        categories={3: [0.0, 1.0, 2.0][: r.integers(2, 4)]} if r.random() < 0.5 else {},
        together=[[0, 1]] if r.random() < 0.3 else [],
        couplings=[Coupling({0: 1.0, 2: -1.0}, high=0.7)] if r.random() < 0.5 else [],
        most_changes=int(r.integers(1, 5)) if r.random() < 0.5 else None,
    )


def rounds_of_rows(count: int) -> None:
    """Rows of random models under random constraints."""
    for seed in range(count):
        r = np.random.default_rng(seed)
        X = np.column_stack(
            [r.uniform(-1, 1, (80, 3)), r.integers(0, 3, (80, 1)), r.integers(-2, 3, (80, 1))]
        )
        w = r.normal(size=(5, 4))

        def model(rows: np.ndarray, w: np.ndarray = w) -> np.ndarray:
            p = 1 / (1 + np.exp(-np.tanh(rows @ w).sum(1)))
            return np.stack([1 - p, p], 1)

        asked = constraints_at_random(r)
        forest = RandomForestClassifier(5, max_depth=4, random_state=seed).fit(X, model(X).argmax(1))
        one, says = (model, lambda z, f=model: f(z).argmax(1)) if seed % 2 else (forest, forest.predict)
        e = Counterfactual(
            distance=str(r.choice(["mad_l1", "l2", "gower"])), k=int(r.integers(1, 3)), budget=2000
        )(one, X[:40], background=X, constraints=asked)
        assert not len(e) or (says(e.values) != says(X[e.of])).all()
        for z, of in zip(e.values, e.of, strict=True):
            assert not twin.broken(asked, X[of], z, X)


def test_a_returned_row_is_valid_and_keeps_every_constraint():
    rounds_of_rows(8)


@pytest.mark.oracle
def test_ten_thousand_rows_keep_every_constraint():
    rounds_of_rows(250)


def test_a_margin_is_kept():
    rows = TABLE[logistic(TABLE)[:, 1] < 0.4][:20]
    e = Counterfactual(margin=0.2)(logistic, rows, target=1, background=TABLE)
    assert (logistic(e.values)[:, 1] >= 0.7).all()
    assert e.distance.mean() > Counterfactual()(logistic, rows, target=1, background=TABLE).distance.mean()


def test_several_classes_and_a_class_per_row():
    r = np.random.default_rng(3)
    w = r.normal(size=(4, 3))
    model = lambda rows: np.exp(rows @ w) / np.exp(rows @ w).sum(1, keepdims=True)  # noqa: E731
    rows, now = TABLE[:12], model(TABLE[:12]).argmax(1)
    e = Counterfactual()(model, rows, target=(now + 1) % 3, background=TABLE, classes=["a", "b", "c"])
    assert [e.label[m] for m in range(len(e))] == [e.wanted[of] for of in e.of]
    other = Counterfactual()(model, rows, background=TABLE)
    assert (model(other.values).argmax(1) != now[other.of]).all()
    assert (other.distance <= e.distance + 1e-2).all()


def test_trees_are_passed_at_their_splits():
    X, y = load_breast_cancer(return_X_y=True)
    forest = RandomForestClassifier(10, max_depth=4, random_state=0).fit(X, y)
    rows = X[forest.predict(X) == 0][:10]
    e = Counterfactual()(forest, rows, target=1, background=X)
    assert (forest.predict(e.values) == 1).all()
    assert set(e.status) == {"found"}


def test_plausible_rows_are_nearer_to_the_data():
    rows = TABLE[logistic(TABLE)[:, 1] < 0.3][:20]
    near = Counterfactual()(logistic, rows, target=1, background=TABLE)
    usual = Counterfactual(plausibility=0.9)(logistic, rows, target=1, background=TABLE)
    assert usual.plausibility.mean() > near.plausibility.mean()


def test_an_own_distance():
    own = lambda x, z: np.abs(z - x).max(1)  # noqa: E731
    rows = TABLE[logistic(TABLE)[:, 1] < 0.4][:10]
    e = Counterfactual(distance=own)(logistic, rows, target=1, background=TABLE)
    np.testing.assert_allclose(e.distance, np.abs(e.values - rows[e.of]).max(1))


def test_costs_turn_the_search_to_other_columns():
    rows = TABLE[logistic(TABLE)[:, 1] < 0.4][:20]
    dear = Constraints(costs={0: 100.0})
    e = Counterfactual(distance="l1")(logistic, rows, target=1, background=TABLE, constraints=dear)
    free = Counterfactual(distance="l1")(logistic, rows, target=1, background=TABLE)
    assert e.changed[:, 0].mean() < free.changed[:, 0].mean()


def test_a_thousand_rows_in_one_call_are_those_of_single_calls():
    rows = np.tile(TABLE[logistic(TABLE)[:, 1] < 0.4][:40], (25, 1))
    e = Counterfactual()(logistic, rows, target=1, background=TABLE)
    assert len(rows) == 1000
    assert set(e.status) == {"found"}
    one = Counterfactual()(logistic, rows[:3], target=1, background=TABLE)
    np.testing.assert_allclose(e.values[:3], one.values)


# -- what cannot be -------------------------------------------------------------------------------------------------


def test_stated_statuses():
    rows = TABLE[logistic(TABLE)[:, 1] < 0.4][:3]

    def ask(**c):
        return Counterfactual()(logistic, rows, target=1, background=TABLE, constraints=Constraints(**c))

    assert set(Counterfactual()(logistic, rows, target=0, background=TABLE).status) == {"already"}
    assert ask(immutable=[0, 1, 2, 3]).reason == ("*",) * 3
    assert ask(immutable=[0], ranges={0: (5, 6)}).reason == ("x0",) * 3
    fixed = ask(immutable=[0, 1, 2])
    assert fixed.status == ("infeasible",) * 3
    assert fixed.reason == ("immutable",) * 3
    for e in (ask(immutable=[0, 1, 2, 3]), fixed):
        assert "possible" in e.narrate() or "without" in e.narrate()
        assert e.plot() is not None
        assert e.narrate("zh")


def test_a_class_the_model_never_predicts_is_not_found():
    never = lambda rows: np.stack([np.ones(len(rows)), np.zeros(len(rows))], 1)  # noqa: E731
    e = Counterfactual(budget=500)(never, TABLE[:2], target=1, background=TABLE)
    assert e.status == ("not_found",) * 2
    assert e.quality.check("found").status != "ok"
    assert "budget" in e.narrate()


def test_one_column_only():
    e = Counterfactual()(
        lambda r: r[:, 0] ** 2, TABLE[:3, :1], target=(None, 0.0001), background=TABLE[:, :1]
    )
    assert set(e.status) == {"found"}
    assert (e.values**2 <= 0.0001 + 1e-12).all()
    assert "boundary" not in pellucid.plots.kinds(e) if hasattr(pellucid, "plots") else True


def test_missing_values_stay_missing():
    frame, _ = credit(50)
    frame = frame[["income", "debt"]].copy()
    frame.iloc[0, 1] = np.nan

    def model(f: pd.DataFrame) -> np.ndarray:
        p = 1 / (1 + np.exp(-(f.income.to_numpy() - 60 - 0.1 * np.nan_to_num(f.debt.to_numpy()))))
        return np.stack([1 - p, p], 1)

    e = Counterfactual()(model, frame.iloc[:2], target=1, background=frame)
    assert e.status[0] == "found"
    assert np.isnan(e.values[0, 1])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        ({"target": 5}, TargetError, "outside"),
        ({"target": "yes"}, TargetError, "yes"),
        ({"target": 1, "constraints": {"immutable": ["nine"]}}, ParameterError, "nine"),
        (
            {"target": 1, "constraints": {"increase_only": [0], "decrease_only": [0]}},
            ParameterError,
            "immutable",
        ),
        ({"target": 1, "constraints": {"ranges": {0: (2, 1)}}}, ParameterError, "empty"),
        ({"target": 1, "constraints": {"categories": {0: ["blue"]}}}, DataError, "blue"),
        ({"target": 1, "constraints": {"most_changes": 0}}, ParameterError, "at least 1"),
        ({"target": 1, "constraints": {"costs": {0: -1}}}, ParameterError, "cost"),
        ({"target": 1, "constraints": {"immutable": "x0"}}, ParameterError, "list"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        given = {**call, "constraints": Constraints(**call.get("constraints", {}))}
        Counterfactual()(logistic, TABLE[:2], background=TABLE, **given)


def test_a_number_needs_a_range_and_one_row_a_background():
    with pytest.raises(TargetError, match="wanted range"):
        Counterfactual()(lambda r: r.sum(1), TABLE[:2], background=TABLE)
    with pytest.raises(DataError, match="background"):
        Counterfactual()(logistic, TABLE[:1], target=1)
    with pytest.raises(ParameterError, match="no distance"):
        Counterfactual(distance="far")(logistic, TABLE[:2], target=1, background=TABLE)
    with pytest.raises(DataError, match="infinity"):
        Counterfactual()(
            RandomForestClassifier(2).fit(TABLE, TABLE[:, 0] > 0), [[np.inf] * 4], background=TABLE
        )


# -- what is said ---------------------------------------------------------------------------------------------------


def test_sentences_and_fragile_changes():
    names = ("income", "x1", "x2", "x3")
    rows = TABLE[logistic(TABLE)[:, 1] < 0.4][:2]
    e = Counterfactual(distance="l1")(
        logistic, rows, target=1, background=TABLE, features=Columns(names), classes=["refuse", "approve"],
        constraints=Constraints(noise={"income": 10.0}),
    )  # fmt: skip
    text, chinese = e.narrate(), e.narrate("zh")
    assert "Had `income` been" in text
    assert "instead of" in text
    assert "the model would have said *approve*" in text
    assert "fragile" in text
    assert "若 `income` 为" in chinese
    assert "脆弱" in chinese
    for word in ("because", "cause", "led to", "should"):
        assert word not in text
    assert e.changes(0)[0].is_fragile


def test_shown_values_differ():
    rows = TABLE[logistic(TABLE)[:, 1] < 0.4][:20]
    e = Counterfactual()(logistic, rows, target=1, background=TABLE)
    for m in range(len(e)):
        assert all(c.before != c.after for c in e.changes(m))


def test_drawings_show_the_turn():
    rows = TABLE[logistic(TABLE)[:, 1] < 0.4][:3]
    e = Counterfactual(distance="l2")(logistic, rows, target=1, background=TABLE)
    for m in range(len(e)):
        lead = e.path_lead[m]
        assert sum((b >= 0) != (a >= 0) for a, b in pairwise(lead)) == 1
    for kind in ("changes", "boundary", "way"):
        for lang in ("en", "zh"):
            ax = e.plot(kind, lang=lang, row=1)
            ax.figure.canvas.draw()
            assert ax.get_title(loc="left")
    with pytest.raises(ParameterError, match="answer"):
        e.plot("changes", row=1, number=3)


# -- several, robust, with gradients --------------------------------------------------------------------------------


def test_several_answers_differ_and_the_first_is_the_cheapest():
    rows = TABLE[logistic(TABLE)[:, 1] < 0.4][:6]
    one = Counterfactual(distance="l1")(logistic, rows, target=1, background=TABLE)
    three = Counterfactual(distance="l1", k=3)(logistic, rows, target=1, background=TABLE)
    for row in range(len(rows)):
        mine = three.of_row(row)
        assert len(mine) == 3
        assert three.distance[mine[0]] <= one.distance[row] * 1.02
        assert (three.distance[list(mine)] <= 2.0 * three.distance[mine[0]] * 1.01).all()
        z = three.values[list(mine)]
        apart = np.abs(z[:, None] - z[None]).sum(2)[np.triu_indices(3, 1)]
        assert apart.min() > 0.1 * three.distance[mine[0]]
    assert "Another way" in three.narrate()
    assert three.plot("changes", row=0, number=2) is not None


def test_what_holds_under_noise_is_farther_and_holds():
    rows = TABLE[logistic(TABLE)[:, 1] < 0.4][:10]
    plain = Counterfactual()(logistic, rows, target=1, background=TABLE)
    firm = Counterfactual(noise=0.2)(logistic, rows, target=1, background=TABLE)
    shaken = np.random.default_rng(7).normal(size=(300, 1, 4)) * TABLE.std(0) * 0.2

    def holds(e: pellucid.Counterfactuals) -> float:
        return float((logistic((e.values + shaken).reshape(-1, 4)).argmax(1) == 1).mean())

    assert holds(firm) > 0.9
    assert holds(plain) < 0.7


def test_retrained_models_agree():
    later = lambda rows: logistic(rows - 0.1)  # noqa: E731
    rows = TABLE[logistic(TABLE)[:, 1] < 0.4][:10]
    e = Counterfactual()(logistic, rows, target=1, background=TABLE, retrained=[later])
    assert (later(e.values).argmax(1) == 1).all()
    assert (logistic(e.values).argmax(1) == 1).all()


def test_a_network_is_searched_by_its_gradients():
    from torch import nn

    from tests import nets

    net = nets.seeded(lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)))
    rows = TABLE.astype(np.float32)
    with nets.torch.no_grad():
        net[2].bias += (
            nets.torch.tensor([0.5, -0.5])
            * (net(nets.torch.tensor(rows)) @ nets.torch.tensor([-1.0, 1.0])).mean()
        )
    e = Counterfactual()(net, rows[:20], background=rows)
    assert e.quality.grads > 0
    assert e.status.count("found") == 20
    said = net(nets.torch.tensor(e.values, dtype=nets.torch.float32)).argmax(1).numpy()
    now = net(nets.torch.tensor(rows[:20])).argmax(1).numpy()
    assert (said != now[e.of]).all()
