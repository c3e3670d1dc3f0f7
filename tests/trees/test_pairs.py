"""TreeShap(interactions=True): a matrix for each row, what it adds up to, how it draws, tells and saves itself."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import ensemble

import pellucid
from pellucid.core.errors import ParameterError
from pellucid.results import PairAttribution
from tests.twins import trees as twin

pandas = pytest.importorskip("pandas")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 5)).round(2)
Y = 3 * np.sign(X[:, 0]) * np.sign(X[:, 1]) + 0.3 * X[:, 0] + X[:, 2]
MODEL = ensemble.HistGradientBoostingRegressor(max_iter=20, max_depth=4).fit(X, Y)
FOREST = ensemble.RandomForestClassifier(4, max_depth=4, random_state=0).fit(X, np.digitize(Y, [-0.5, 0.5]))


@pytest.mark.parametrize("background", [None, X[50:58]], ids=["alone", "background"])
@pytest.mark.parametrize(("model", "target"), [(MODEL, None), (FOREST, 2)], ids=["boosting", "forest"])
def test_values_are_those_of_every_coalition(model, target, background):
    e = pellucid.TreeShap(interactions=True)(model, X[:2], background=background, target=target)
    forest = pellucid.wrap(model).forest()
    expected = np.stack([twin.interactions(forest, row, background)[..., target or 0] for row in X[:2]])
    assert isinstance(e, PairAttribution)
    np.testing.assert_allclose(e.values, expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(e.residual, 0, atol=1e-12)
    alone = pellucid.TreeShap()(model, X[:2], background=background, target=target)
    np.testing.assert_allclose(e.attribution.values, alone.values, rtol=0, atol=1e-12)
    np.testing.assert_allclose(e.attribution.residual, 0, atol=1e-12)


@pytest.fixture(scope="module")
def e() -> PairAttribution:
    names = pellucid.Columns(("a", "b", "c", "d", "e"))
    return pellucid.TreeShap(interactions=True)(MODEL, X, features=names)


def test_the_pair_that_acts_together_is_found(e):
    assert e.pairs[0] == (0, 1)
    assert e.partner("a") == 1
    assert e.partner("b") == 0
    assert 0 < e.shared < 1
    assert e.quality.check("additivity").value < 1e-12


def test_rows_of_it_are_results(e):
    assert len(e[:3]) == 3
    np.testing.assert_array_equal(e[7].values, e.values[7:8])
    with pytest.raises(IndexError, match="Row 999 is not among the 200 rows"):
        e[999]


def test_saved_and_loaded(e, tmp_path):
    back = pellucid.load(e.save(tmp_path / "pairs"))
    assert isinstance(back, PairAttribution)
    np.testing.assert_array_equal(back.values, e.values)
    assert back.narrate("zh") == e.narrate("zh")


def test_it_tells_itself(e):
    text = e.narrate()
    assert "According to TreeSHAP over 200 rows, pairs of columns" in text
    assert "a and b (" in text
    assert e.narrate(row=3).startswith("According to TreeSHAP, pairs")
    assert "a 和 b" in e.narrate("zh")
    flat = ensemble.RandomForestRegressor(1, max_depth=1).fit(X, X[:, 0])
    assert "no column acts together" in pellucid.TreeShap(interactions=True)(flat, X).narrate()


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("row", [None, 3])
def test_it_draws_itself(e, lang, row):
    ax = e.plot(lang=lang, top=4, row=row)
    image = ax.images[0].get_array()
    assert image.shape == (4, 4)
    if row is None:
        assert image.min() >= 0
    else:
        assert image.min() < 0 < image.max()
        np.testing.assert_allclose(image, image.T)
    ax.figure.canvas.draw()
    with pytest.raises(ParameterError, match="no row 999"):
        e.plot(row=999)


def test_frames(e):
    frame = e.to_frame()
    assert list(frame.index) == list("abcde")
    np.testing.assert_allclose(frame.loc["a", "b"], 2 * np.abs(e.values[:, 0, 1]).mean())


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_dependence(e, lang):
    """Values against contributions, coloured by the column that acts most together with the first."""
    ax = e.plot("dependence", column="b", lang=lang)
    points = ax.collections[0]
    whole = e.attribution.values[:, 1]
    np.testing.assert_allclose(points.get_offsets(), np.column_stack([X[:, 1], whole]))
    assert any(child.get_ylabel() == "a" for child in ax.child_axes)
    assert len(np.unique(points.get_facecolor(), axis=0)) > 100
    most = np.abs(e.attribution.values).mean(0).argmax()
    assert e.plot("dependence", lang=lang).get_xlabel() == e.names[most]
    alone = e.attribution.plot("dependence", column="b", lang=lang)
    assert not alone.child_axes
    other = e.attribution.plot("dependence", column="b", by="c", lang=lang)
    assert any(child.get_ylabel() == "c" for child in other.child_axes)
    with pytest.raises(ParameterError, match="single row"):
        e[3].plot("dependence")


def test_dependence_of_categories_and_missing_values():
    frame = pandas.DataFrame(
        {
            "a": np.where(X[:, 0] > 1, np.nan, X[:, 0]),
            "b": pandas.Categorical(np.where(X[:, 1] > 0, "up", "down")),
        }
    )
    model = ensemble.HistGradientBoostingRegressor(max_iter=9, categorical_features="from_dtype").fit(
        frame, Y
    )
    e = pellucid.TreeShap(interactions=True)(model, frame)
    gaps = np.isnan(frame["a"].to_numpy())
    ax = e.plot("dependence", column="a")
    x = ax.collections[0].get_offsets()[:, 0]
    assert (x[gaps] < x[~gaps].min()).all()
    assert "missing" in [t.get_text() for t in ax.get_xticklabels()]
    ax = e.plot("dependence", column="b")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["down", "up"]
    codes = (frame["b"] == "up").to_numpy()
    assert (np.abs(ax.collections[0].get_offsets()[:, 0] - codes) < 0.5).all()
