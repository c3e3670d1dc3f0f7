"""Sensitivity analysis: curves equal to their twin, slopes and flips of functions where they are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import pellucid
from pellucid.core.errors import Cancelled, CapabilityError, DataError, ParameterError
from tests.methods.test_kernel_shap import data, tangled
from tests.twins.sensitivity import curve, nearest_turn

few = settings(max_examples=10, deadline=None)
X, Y = load_iris(return_X_y=True)
FOREST = RandomForestClassifier(8, random_state=0).fit(X, Y)


@few
@given(players=st.integers(1, 6), seed=st.integers(0, 10_000))
def test_curves_equal_the_twin(players, seed):
    f, (x, background) = tangled(players, seed), data(players, seed=seed)
    e = pellucid.SensitivityAnalysis(points=7)(f, x, background=background)
    for row, column in np.ndindex(*x.shape):
        points = e.grid[row, column][np.isfinite(e.grid[row, column])]
        assert x[row, column] in points
        np.testing.assert_allclose(
            e.values[row, column, : len(points)], curve(f, x[row], column, points), rtol=1e-12, atol=1e-12
        )
        low, high = background[:, column].min(), background[:, column].max()
        assert points.min() == min(low, x[row, column])
        assert points.max() == max(high, x[row, column])
    assert e.quality.exact


def test_slopes_of_a_line_and_of_a_bend():
    x = np.array([[0.5, 0.25, 1.0]])
    background = np.repeat(np.linspace(0, 1, 50)[:, None], 3, 1)
    f = lambda r: 3 * r[:, 0] + np.maximum(r[:, 1] - 0.5, 0) * 8 - 0 * r[:, 2]  # noqa: E731
    e = pellucid.SensitivityAnalysis(points=21)(f, x - [0, 0, 0.5], background=background)
    np.testing.assert_allclose(e.mean_slope, [[3, 4, 0]], atol=1e-12)
    np.testing.assert_allclose(e.greatest_slope, [[3, 8, 0]], atol=1e-9)
    np.testing.assert_allclose(e.spread, [[3, 4, 0]], atol=1e-12)
    assert e.order(0).tolist() == [1, 0, 2]
    assert (e.becomes == -1).all()
    assert np.isnan(e.flips).all()


def test_flips_are_where_the_decision_turns():
    """On a forest: the nearest values on either side, by the twin's search in very small steps."""
    rows = X[[10, 70, 120]]
    e = pellucid.SensitivityAnalysis(points=60)(FOREST, rows, background=X)
    decides = lambda row: int(FOREST.predict_proba(row[None])[0].argmax())  # noqa: E731
    for row, column in ((0, 3), (1, 2), (1, 3)):
        for side, end in enumerate((X[:, column].min(), X[:, column].max())):
            expected = nearest_turn(decides, rows[row], column, float(end), 200)
            np.testing.assert_allclose(e.flips[row, column, side], expected, atol=2 * 6 / 200)
    at = np.argwhere(np.isfinite(e.flips))
    assert len(at) > 4
    for row, column, side in at:
        turned = rows[row].copy()
        turned[column] = e.flips[row, column, side]
        assert decides(turned) == e.becomes[row, column, side] != decides(rows[row])


def test_a_flip_between_two_points_is_found_by_halving():
    e = pellucid.SensitivityAnalysis(points=3, threshold=0.7)(
        lambda r: r[:, 0] ** 2, np.array([[0.1]]), background=np.linspace(0, 1, 50)[:, None]
    )
    assert e.first_flip[0, 0] == pytest.approx(0.7**0.5, abs=1e-4)
    assert e.first_decision(0, 0) == "≥ 0.7"
    assert e.decisions == ("< 0.7", "≥ 0.7")


def test_the_nearer_of_two_flips_is_the_first():
    e = pellucid.SensitivityAnalysis(points=41, threshold=0.5)(
        lambda r: ((r[:, 0] < -0.5) | (r[:, 0] > 0.2)).astype(float),
        np.zeros((1, 1)),
        background=np.linspace(-1, 1, 50)[:, None],
    )
    np.testing.assert_allclose(e.flips[0, 0], [-0.5, 0.2], atol=1e-4)
    assert e.first_flip[0, 0] == pytest.approx(0.2, abs=1e-4)


def test_steps_to_either_side():
    x = np.array([[5.0, -1.0]])
    e = pellucid.SensitivityAnalysis(points=4, step=0.5)(lambda r: r[:, 0] * r[:, 1], x)
    np.testing.assert_allclose(e.grid[0], [[4, 4.5, 5, 5.5, 6], [-2, -1.5, -1, -0.5, 0]])
    np.testing.assert_allclose(e.mean_slope, [[-1, 5]])


@pytest.fixture(scope="module")
def frame() -> tuple[Any, Any]:
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    table = pandas.DataFrame(
        {
            "age": rng.integers(20, 40, 60),
            "job": pandas.Categorical(rng.choice(["teacher", "doctor", "none"], 60)),
            "income": rng.random(60) * 50,
        },
        index=[f"p{k}" for k in range(60)],
    )
    y = (table["income"] + 20 * (table["job"] == "doctor") > 30).astype(int)
    encode = make_column_transformer((OneHotEncoder(), ["job"]), remainder="passthrough")
    return make_pipeline(encode, LogisticRegression(max_iter=1000)).fit(table, y), table


def test_categories_and_whole_numbers_are_set_to_their_values(frame):
    model, table = frame
    e = pellucid.SensitivityAnalysis()(model, table.iloc[:3], background=table, classes=["no", "yes"])
    assert np.isfinite(e.grid[0, 1]).sum() == 3
    assert np.isnan(e.greatest_slope[:, 1]).all(), "words have no slope"
    ages = e.grid[0, 0][np.isfinite(e.grid[0, 0])]
    assert set(ages) <= set(table["age"])
    flips = e.flips[:, 0][np.isfinite(e.flips[:, 0])]
    assert (flips % 1 == 0).all()
    assert e.index == ("p0", "p1", "p2")
    told = e.to_frame()
    assert told["feature"].tolist()[:3] == ["age", "job", "income"]
    assert set(told["becomes"]) <= {"no", "yes", ""}
    for lang in ("en", "zh"):
        assert "income" in e.narrate(lang)
        for how in ({}, {"feature": "job"}, {"row": 2, "top": 1}):
            e.plot(lang=lang, **how).figure.canvas.draw()


def test_parts_of_an_image_are_faded():
    image = np.ones((1, 1, 4, 4))
    labels = np.kron(np.arange(4).reshape(2, 2), np.ones((2, 2), int))
    e = pellucid.SensitivityAnalysis(points=5)(
        lambda v: v[:, 0, 0, 0] ** 2 + v[:, 0, 3, 3], image, masker=pellucid.Segments(labels, fill=0.0)
    )
    np.testing.assert_allclose(e.values[0, 0], 1 + (1 - np.linspace(0, 1, 5)) ** 2)
    np.testing.assert_allclose(e.mean_slope[0], [-1, 0, 0, -1], atol=1e-12)
    assert e.names == ("region 0", "region 1", "region 2", "region 3")
    assert "hidden" in e.narrate()
    assert e.plot(lang="zh") is not None


def test_saved_and_sliced(tmp_path):
    e = pellucid.SensitivityAnalysis(points=5)(FOREST, X[::50], background=X)
    back = pellucid.load(e.save(tmp_path / "moved"))
    np.testing.assert_array_equal(back.flips, e.flips)
    assert back.decisions == e.decisions
    np.testing.assert_array_equal(e[1].values, e.values[1:2])
    assert e[1].narrate() == back[1].narrate()
    with pytest.raises(ParameterError, match=r"There is no feature 'x9'"):
        e.plot(feature="x9")


def test_a_cancelled_run_gives_the_rows_that_were_finished():
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 40

    with pellucid.options(cancel=stop, batch_size=8), pytest.raises(Cancelled) as caught:
        pellucid.SensitivityAnalysis()(FOREST, X[::5], background=X)
    e: Any = caught.value.result
    assert 0 < len(e) < 30
    whole = pellucid.SensitivityAnalysis()(FOREST, X[::5], background=X)
    np.testing.assert_array_equal(e.values, whole[: len(e)].values)


# -- bad input ------------------------------------------------------------------------------------------------------


def test_what_cannot_be_moved():
    with pytest.raises(ParameterError, match=r"Column 'x1' has a single value here.*background= .* or step="):
        pellucid.SensitivityAnalysis()(lambda r: r.sum(1), np.array([[1.0, 2.0], [2.0, 2.0]]))
    with pytest.raises(CapabilityError, match=r"Words have no range\. Use Ablation"):
        pellucid.SensitivityAnalysis()(lambda t: np.array([float(len(s)) for s in t]), "some words")
    with pytest.raises(ParameterError, match=r"A step must be above zero"):
        pellucid.SensitivityAnalysis(step=-1.0)(FOREST, X[:2])
    with pytest.raises(ParameterError, match=r"neither range nor steps"):
        pellucid.SensitivityAnalysis(step=1.0)(lambda v: v.sum((1, 2, 3)), np.ones((1, 1, 4, 4)))
    with pytest.raises(ParameterError, match=r"several outputs decides for the largest"):
        pellucid.SensitivityAnalysis(threshold=0.5)(FOREST, X[:2], background=X)


def test_a_model_that_fails_on_the_way():
    with pytest.raises(DataError, match=r"NaN or infinity for row 1 with a feature moved"):
        pellucid.SensitivityAnalysis()(
            lambda r: np.where((r[:, 0] > 2) & (r[:, 1] == 1), np.nan, r[:, 0]),
            np.array([[1.0, 0.0], [1.0, 1.0]]),
            background=np.array([[0.0, 0.5], [3.0, 0.7]]),
        )
