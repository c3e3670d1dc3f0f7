"""Shapley importance: sizes and directions of the inner method's values over rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pellucid import Columns, KernelShap, Occlusion, Saliency, ShapleyImportance
from pellucid.core.errors import CapabilityError, ParameterError, ShapeError

quiet = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")


@pytest.fixture(scope="module")
def X() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(60, 3))


def line(rows: np.ndarray) -> np.ndarray:
    return 3 * rows[:, 0] - rows[:, 1]


@quiet
def test_of_a_linear_model(X):
    """The Shapley value of column j is w_j (x_j - mean of the background)."""
    e = ShapleyImportance(rows=60)(line, X, background=X)
    wanted = np.abs((X - X.mean(0)) * [3, -1, 0])
    np.testing.assert_allclose(e.repeats, wanted.T, atol=1e-9)
    np.testing.assert_allclose(e.values, wanted.mean(0), atol=1e-9)
    half = 2.001 * wanted.std(0, ddof=1) / np.sqrt(60)  # t of 59 degrees of freedom
    np.testing.assert_allclose(e.quality.half_width, half, rtol=1e-3, atol=1e-9)
    np.testing.assert_allclose(e.direction[:2], [1, -1], atol=1e-9)
    assert "moved most by x0" in e.narrate()
    assert "影响最大的是 x0" in e.narrate("zh")


@quiet
def test_rows_are_drawn_and_the_inner_method_is_a_knob(X):
    e = ShapleyImportance(of=Occlusion(), rows=7)(line, X, background=X)
    assert e.repeats.shape == (3, 7)
    assert e.rows == 7
    assert "Occlusion" in e.quality.estimand
    again = ShapleyImportance(of=Occlusion(), rows=7)(line, X, background=X)
    np.testing.assert_array_equal(e.repeats, again.repeats)


@quiet
def test_groups_and_categories_have_no_direction(X):
    columns = Columns(("a", "b", "c"), groups={"ab": ("a", "b")})
    e = ShapleyImportance(rows=10)(line, X, background=X[:20], features=columns)
    assert e.names == ("ab", "c")
    assert np.isnan(e.direction[0])
    d = pd.DataFrame({"job": ["cook", "pilot"] * 20, "pay": np.arange(40.0)})
    e = ShapleyImportance(of=KernelShap(), rows=10)(
        lambda f: f.pay.to_numpy() + 5 * (f.job == "cook").to_numpy(), d
    )
    assert np.isnan(e.direction[0])
    assert e.direction[1] > 0.99


def test_bad_input(X):
    with pytest.raises(ShapeError, match="two rows"):
        ShapleyImportance()(line, X[:1])
    with pytest.raises(CapabilityError):
        ShapleyImportance(of=Saliency())(line, X)
    with pytest.raises(ParameterError, match="rows"):
        ShapleyImportance(rows=1)
    with pytest.raises(ParameterError, match="explains rows"):
        ShapleyImportance(of="shap")(line, X)
