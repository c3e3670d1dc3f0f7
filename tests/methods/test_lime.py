"""LIME: equal to a ridge line through its own sample, right where the model is a line, honest where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge

import pellucid
from pellucid.core.errors import ParameterError, ShapeError
from pellucid.methods.perturbation.even_samples import masked
from pellucid.methods.perturbation.neighbours import Neighbours, Points

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 6)) * [1, 2, 3, 1, 1, 1] + [0, 5, 0, 0, 0, 0]
W = np.array([3.0, -2.0, 1.0, 0.5, 0.0, 0.0])


def line(rows: np.ndarray) -> np.ndarray:
    return rows @ W


def bent(rows: np.ndarray) -> np.ndarray:
    return np.tanh(rows[:, 0]) * 2 + rows[:, 1] ** 2 / 10 + rows[:, 2] * rows[:, 3]


# -- tables ---------------------------------------------------------------------------------------------------------


def test_a_line_is_recovered():
    """A column's value is its weight times its distance from the mean; columns that do nothing are not chosen."""
    e = pellucid.LIME(top=4, ridge=0.0)(line, X[:3], background=X)
    np.testing.assert_allclose(e.values, W * (X[:3] - X.mean(0)), atol=1e-6)
    assert e.quality.check("unexplained").value == pytest.approx(0, abs=1e-9)
    assert e.quality.check("stability").value == 0
    assert e.quality.half_width.max() <= 1e-6


def test_it_is_the_weighted_ridge_line_through_its_sample():
    """Rebuilt from the sample with scikit-learn."""
    e = pellucid.LIME(top=6, budget=1024)(bent, X[:2], background=X)
    table = Neighbours(X)
    rows = table.sample(1024, np.random.default_rng(np.random.SeedSequence(0)))
    for x, values in zip(X[:2], e.values, strict=True):
        z, here = ((a - X.mean(0)) / X.std(0) for a in (rows, x))
        weight = np.sqrt(np.exp(-((z - here) ** 2).sum(1) / (0.75**2 * 6)))
        ridge = Ridge(1.0).fit(z, bent(rows), sample_weight=weight)
        np.testing.assert_allclose(values, ridge.coef_ * here, atol=1e-8)
    r2 = 1 - e.quality.check("unexplained").value
    assert 0 < r2 < 1


def test_quarters():
    """With `discretize` a value is the weight of being in the row's quarter."""
    e = pellucid.LIME(top=6, budget=1024, discretize=True)(bent, X[:1], background=X)
    table = Neighbours(X, discretize=True)
    points = Points(table, table.sample(1024, np.random.default_rng(np.random.SeedSequence(0))))
    edges = np.quantile(X, [0.25, 0.5, 0.75], axis=0)
    quarter = lambda rows: sum((rows > edge).astype(int) for edge in edges)  # noqa: E731
    same = (quarter(points.rows) == quarter(X[:1])).astype(float)
    weight = np.sqrt(np.exp(-(6 - same.sum(1)) / (0.75**2 * 6)))
    ridge = Ridge(1.0).fit(same, bent(points.rows), sample_weight=weight)
    np.testing.assert_allclose(e.values[0], ridge.coef_, atol=1e-8)
    assert "in quarters" in e.quality.estimand


def test_the_sample_keeps_each_columns_own_distribution():
    rows = Neighbours(X).sample(2048, np.random.default_rng(1))
    np.testing.assert_allclose(np.sort(rows, 0).mean(0), X.mean(0), atol=0.05)
    assert all(np.isin(rows[:, j], X[:, j]).all() for j in range(6))
    correlation = np.corrcoef(rows.T) - np.eye(6)
    assert np.abs(correlation).max() < 0.05


def test_rows_share_the_model_calls():
    calls = 0

    def counted(rows: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += len(rows)
        return bent(rows)

    e = pellucid.LIME(budget=1000)(counted, X[:20], background=X)
    assert calls == 1000 + 20 + 1
    alone = pellucid.LIME(budget=1000)(bent, X[:1], background=X)
    np.testing.assert_array_equal(e.values[:1], alone.values)


def test_each_row_is_explained_for_its_own_class():
    iris = load_iris()
    forest = RandomForestClassifier(20, random_state=0).fit(iris.data, iris.target)
    rows = iris.data[[0, 60, 120]]
    together = pellucid.LIME()(forest, rows, background=iris.data)
    assert len(set(together.target)) == 3
    for k in range(3):
        alone = pellucid.LIME()(forest, rows[k : k + 1], background=iris.data, target=k)
        np.testing.assert_array_equal(alone.values[0], together.values[k])


def test_two_seeds_choose_alike_or_the_result_says_that_they_do_not():
    iris = load_iris()
    forest = RandomForestClassifier(30, random_state=0).fit(iris.data, iris.target)
    noise = lambda rows: np.sin(50 * rows @ np.arange(1.0, 7.0))  # noqa: E731
    cases = [
        (forest, iris.data, pellucid.LIME(top=2)),
        (bent, X, pellucid.LIME(top=3)),
        (noise, X, pellucid.LIME(top=3)),
    ]
    for model, data, method in cases:
        chosen = []
        for seed in (0, 1):
            with pellucid.options(seed=seed):
                e = method(model, data[::40], background=data)
            chosen.append(e.values != 0)
        jaccard = (chosen[0] & chosen[1]).sum(1) / (chosen[0] | chosen[1]).sum(1)
        doubted = np.isin(np.arange(len(e)), e.quality.check("stability").rows)
        assert (jaccard[~doubted] >= 0.9).all()


def test_noise_is_called_unstable_and_unexplained():
    e = pellucid.LIME(top=2)(lambda rows: np.sin(50 * rows @ np.arange(1.0, 7.0)), X[:2], background=X)
    assert e.quality.check("stability").status != "ok"
    assert e.quality.check("unexplained").status == "fail"
    assert e.quality.verdict == "unreliable"


def test_intervals_hold_what_a_long_run_finds():
    """The 95 % intervals are of the line's coefficients, whatever the line is worth."""
    long = pellucid.LIME(top=6, budget=2**17, ridge=0.0)(bent, X[:3], background=X).values
    inside = []
    for seed in range(40):
        with pellucid.options(seed=seed):
            e = pellucid.LIME(top=6, budget=1000, ridge=0.0)(bent, X[:3], background=X)
        inside.append(np.abs(e.values - long) <= e.quality.half_width)
    assert np.mean(inside) >= 0.90


def test_categories_are_the_rows_own_or_not():
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {"age": rng.normal(40, 10, 400), "town": rng.choice(["north", "south"], 400, p=[0.25, 0.75])}
    )
    model = lambda f: f["age"].to_numpy() / 10 + 2.0 * (f["town"] == "north").to_numpy()  # noqa: E731
    e = pellucid.LIME(ridge=0.0)(model, frame.iloc[:4], background=frame)
    north = (frame["town"] == "north").to_numpy()
    np.testing.assert_allclose(e.values[:, 1], 2.0 * (north[:4] - north.mean()), atol=0.02)
    np.testing.assert_allclose(e.values[:, 0], (frame["age"][:4] - frame["age"].mean()) / 10, atol=1e-6)


# -- parts ----------------------------------------------------------------------------------------------------------


def test_a_planted_patch_is_found():
    images = np.random.default_rng(0).random((8, 1, 32, 32))
    hits = 0
    for k, image in enumerate(images):
        row, column = divmod(k * 5 % 16, 4)
        patch = (slice(None), slice(8 * row, 8 * row + 8), slice(8 * column, 8 * column + 8))
        model = lambda r, patch=patch: np.tanh(r[(slice(None), *patch)].mean((1, 2, 3)) * 3)  # noqa: E731
        masker = pellucid.Segments("grid", count=16, fill=0.0)
        e = pellucid.LIME(top=3)(model, image[None], masker=masker)
        hits += int(np.nanargmax(e.player_values[0])) == 4 * row + column
    assert hits == 8


def test_parts_are_the_weighted_ridge_line_through_the_masks():
    x = np.random.default_rng(0).normal(size=(2, 8))
    f = lambda r: r[:, 0] * r[:, 1] + np.tanh(r[:, 2]) + r[:, 3]  # noqa: E731
    e = pellucid.LIME(budget=512)(f, x, baseline=0.0)
    masks, back = masked(8, 512, np.random.default_rng(np.random.SeedSequence(0)))
    z = masks[back].astype(float)
    weight = np.sqrt(np.exp(-((1 - np.sqrt(z.mean(1))) ** 2) / 0.25**2))
    for row, values in zip(x, e.values, strict=True):
        ridge = Ridge(1.0).fit(z, f(z * row), sample_weight=weight)
        np.testing.assert_allclose(values, ridge.coef_, atol=1e-8)
    assert e.quality.evals <= 2 * 256 + 2  # each mask is asked once


def test_an_additive_game_is_recovered_from_parts():
    x = np.random.default_rng(0).normal(size=(2, 5))
    e = pellucid.LIME(ridge=0.0)(lambda r: r @ np.arange(5.0), x, baseline=0.0)
    np.testing.assert_allclose(e.values, x * np.arange(5.0), atol=1e-9)


def test_series_are_cut_into_windows():
    x = np.random.default_rng(0).normal(size=(2, 3, 100)) + 2
    steps = pellucid.Steps(layout="channels,steps")
    e = pellucid.LIME(top=2)(lambda r: r[:, :, 40:50].sum((1, 2)), x, features=steps)
    assert len(e.players[0]) == 20
    assert (e.values[:, :, 40:50] != 0).all()
    assert (e.values[:, :, :40] == 0).all()
    assert (e.values[:, :, 50:] == 0).all()


# -- edges ----------------------------------------------------------------------------------------------------------


def test_one_column_constant_columns_and_a_constant_model():
    one = pellucid.LIME(ridge=0.0)(lambda r: 2 * r[:, 0], X[:2, :1], background=X[:, :1])
    np.testing.assert_allclose(one.values, 2 * (X[:2, :1] - X[:, :1].mean()), atol=1e-9)
    constant = X.copy()
    constant[:, 3] = 7.0
    e = pellucid.LIME()(line, constant[:2], background=constant)
    np.testing.assert_allclose(e.values[:, 3], 0, atol=1e-9)
    still = pellucid.LIME()(lambda r: np.full(len(r), 0.3), X[:2], background=X)
    assert (still.values == 0).all()
    assert still.quality.verdict == "ok"


@pytest.mark.parametrize("discretize", [False, True])
def test_missing_values_are_taken_where_the_model_takes_them(discretize):
    from sklearn.ensemble import HistGradientBoostingRegressor

    holes = X.copy()
    holes[::7, 2] = np.nan
    model = HistGradientBoostingRegressor(max_iter=10).fit(holes, line(X))
    e = pellucid.LIME(discretize=discretize)(model, holes[:3], background=holes)
    assert np.isfinite(e.values).all()


@pytest.mark.parametrize(
    ("knobs", "word"),
    [
        ({"budget": 10}, "at least 50"),
        ({"top": 0}, "at least 1"),
        ({"ridge": -1.0}, "at least 0"),
        ({"discretize": 3}, "True or False"),
    ],
)
def test_knobs_outside_their_limits_are_refused(knobs, word):
    with pytest.raises(ParameterError, match=word):
        pellucid.LIME(**knobs)


def test_a_background_with_other_columns_is_refused():
    with pytest.raises(ShapeError, match=r"\(5,\)"):
        pellucid.LIME()(line, X[:1], background=X[:, :5])
