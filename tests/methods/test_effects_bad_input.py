"""Tables that give an effect nothing to see: every method says so, or gives a result of exactly nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import pellucid
from pellucid.core.errors import DataError, ParameterError, ShapeError

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
X = np.random.default_rng(0).normal(size=(80, 3))
X[:, 1] = 5.0
Y = (X[:, 0] > 0).astype(int)
FRAME = pd.DataFrame({"a": X[:, 0], "job": ["cook"] * 80, "c": X[:, 2]})


def two(rows: np.ndarray) -> np.ndarray:
    p = 1 / (1 + np.exp(-3 * rows[:, 0]))
    return np.stack([1 - p, p], 1)


def three(rows: np.ndarray) -> np.ndarray:
    """The third class has no probability anywhere."""
    return np.concatenate([two(rows), np.zeros((len(rows), 1))], 1)


def of_frames(d: pd.DataFrame) -> np.ndarray:
    return d["a"].to_numpy(float)


IMPORTANCES: dict[str, tuple[Any, dict[str, Any]]] = {
    "permutation": (pellucid.PermutationImportance(repeats=3), {}),
    "conditional": (pellucid.PermutationImportance(repeats=3, conditional=True), {}),
    "Shapley": (pellucid.ShapleyImportance(), {"background": X[:30]}),
    "Sobol": (pellucid.Sobol(), {}),
    "Morris": (pellucid.Morris(), {}),
}


@pytest.mark.parametrize("name", IMPORTANCES)
def test_a_constant_column_has_no_importance(name):
    method, call = IMPORTANCES[name]
    e = method(two, X, target=1, **call)
    np.testing.assert_allclose(np.asarray(e.values)[1], 0, atol=1e-12)
    assert np.asarray(e.values)[0] > 0.1


def test_a_column_of_one_category_has_no_importance():
    e = pellucid.PermutationImportance(repeats=3)(of_frames, FRAME, X[:, 0])
    assert e.names == ("a", "job", "c")
    np.testing.assert_array_equal(e.values[1:], 0)


def test_interactions_leave_a_constant_column_out_and_say_so():
    e = pellucid.HStatistic(rows=20)(two, X)
    assert e.names == ("x0", "x2")
    assert "x1" in e.provenance.notes[-1]
    with pytest.raises(DataError, match="'x1' holds a single value"):
        pellucid.HStatistic(rows=20)(two, X, columns=[0, 1])
    with pytest.raises(DataError, match="two columns that vary"):
        pellucid.HStatistic(rows=20)(two, X[:, :2])


@pytest.mark.parametrize("method", [pellucid.GlobalSurrogate(), pellucid.LocalSurrogateTree()])
def test_surrogates_do_not_ask_about_a_constant_column(method):
    assert method(two, X).values[1] == 0


def test_surrogates_do_not_ask_about_the_only_category():
    e = pellucid.GlobalSurrogate()(of_frames, FRAME)
    assert "job" not in e.narrate()


@pytest.mark.parametrize("name", ["permutation", "Shapley", "Sobol", "Morris"])
def test_a_class_that_is_never_predicted_is_moved_by_nothing(name):
    method, call = IMPORTANCES[name]
    e = method(three, X, target=2, **call)
    np.testing.assert_array_equal(e.values, 0)
    assert "no column" in e.narrate()


def test_the_effect_on_a_class_that_is_never_predicted_is_none():
    for e in (
        pellucid.AccumulatedLocalEffects()(three, X, target=2, columns=0),
        pellucid.PartialDependence()(three, X, target=2, columns=0),
    ):
        assert not e.values.any()
        assert "no effect" in e.narrate()


def test_true_values_that_do_not_fit_are_refused():
    importance = pellucid.PermutationImportance(repeats=2)
    with pytest.raises(ShapeError, match="80 rows and y 78"):
        importance(two, X, Y[:-2])
    with pytest.raises(DataError, match="classes that the model does not know"):
        importance(two, X, 2 * Y)
    with pytest.raises(ParameterError, match="Did you mean 'accuracy'"):
        importance(two, X, Y, score="accuracyy")
