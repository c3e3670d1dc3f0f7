"""Forest: comparisons folded into thresholds, categories, missing values, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pellucid.core.errors import CapabilityError, ShapeError
from pellucid.core.forest import Forest, Tree, at_most, below
from pellucid.core.forest_check import probe, remembered, verified

single = st.floats(width=32, allow_nan=False, allow_infinity=False)
double = st.floats(allow_nan=False, allow_infinity=False, min_value=-3e38, max_value=3e38)


def near(t: float) -> np.ndarray:
    """Doubles around a threshold and around the half-way points beside it."""
    t32 = np.float32(t)
    with np.errstate(over="ignore"):
        sides = [np.nextafter(t32, np.float32(s)) for s in (-np.inf, np.inf)]
    points = [t, float(t32), *map(float, sides), *((float(t32) + float(s)) / 2 for s in sides)]
    steps = [p for q in points for p in (np.nextafter(q, -np.inf), q, np.nextafter(q, np.inf))]
    return np.array([s for s in steps if np.isfinite(s)])


@given(st.one_of(single, double))
@example(float(np.finfo(np.float32).min))
@example(float(np.finfo(np.float32).max))
def test_comparisons_in_float32_are_kept_to_the_bit(t):
    x = near(t)
    with np.errstate(over="ignore"):
        cast = x.astype(np.float32)
    np.testing.assert_array_equal(x <= at_most(t, single=True), cast.astype(np.float64) <= t)
    np.testing.assert_array_equal(x < t, x <= below(t, single=False))
    np.testing.assert_array_equal(x <= below(t, single=True), cast.astype(np.float64) < t)


def test_infinite_thresholds_stay():
    assert at_most(np.inf, single=True) == np.inf
    assert at_most(-np.inf, single=True) == -np.inf


def stump(**changes) -> Tree:
    """X0 at most 1 gives 10, else 20."""
    parts = {
        "feature": np.array([0, -1, -1]),
        "threshold": np.array([1.0, 0, 0]),
        "left": np.array([1, -1, -1]),
        "right": np.array([2, -1, -1]),
        "value": np.array([0.0, 10, 20]),
        "cover": np.array([4.0, 3, 1]),
    }
    return Tree(**{**parts, **changes})


def test_leaves_weights_and_base():
    f = Forest.of([stump(), stump(weight=0.1)], base=0.5, columns=2)
    np.testing.assert_allclose(f.predict(np.array([[1.0, 9], [1.1, 9]])), [[11.5], [22.5]])
    assert (f.trees, f.depth, f.outputs) == (2, 1, 1)
    assert f.used.tolist() == [True, False]
    assert f.owner.tolist() == [0, 0, 0, 1, 1, 1]


def test_trees_feed_one_output_or_all():
    one = Forest.of([stump(feeds=0), stump(feeds=1, weight=2)], base=[0, 1], columns=1)
    np.testing.assert_allclose(one.predict(np.array([[0.0]])), [[10, 21]])
    both = Forest.of([stump(value=np.array([[0, 0], [1, 2], [3, 4]]), feeds=-1)], base=[0, 0], columns=1)
    np.testing.assert_allclose(both.predict(np.array([[2.0]])), [[3, 4]])


def test_missing_values_and_zeros():
    left = Forest.of([stump(missing_left=np.array([True, False, False]))], base=0, columns=1)
    right = Forest.of([stump()], base=0, columns=1)
    x = np.array([[np.nan]])
    assert left.predict(x) == 10
    assert right.predict(x) == 20
    zero = Forest.of([stump(zero_missing=np.array([True, False, False]))], base=0, columns=1)
    np.testing.assert_array_equal(zero.predict(np.array([[0.0], [1e-36], [0.5]]))[:, 0], [20, 20, 10])


@pytest.mark.parametrize("unseen", [True, False])
def test_categories(unseen):
    tree = stump(categories={0: (np.array([0, 3, 70]), unseen)})
    f = Forest.of([tree], base=0, columns=1)
    x = np.array([0, 1, 3, 3.9, 63, 70, 127, 128, 1e12, -1, np.nan, np.inf])[:, None]
    other = 10.0 if unseen else 20.0
    expected = [10, 20, 10, 10, 20, 10, 20, other, other, other, 20, other]
    np.testing.assert_array_equal(f.predict(x)[:, 0], expected)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"feature": np.array([5, -1, -1])}, "column that is not there"),
        ({"left": np.array([7, -1, -1])}, "child that is not there"),
        ({"left": np.array([2, -1, -1])}, "two parents"),
        ({"left": np.array([0, -1, -1])}, "two parents"),
        ({"threshold": np.array([np.nan, 0, 0])}, "threshold that is no number"),
        ({"value": np.array([0, np.inf, 1])}, "not finite"),
        ({"feeds": 3}, "output that is not there"),
        ({"value": np.zeros((3, 2))}, "wrong width"),
    ],
)
def test_what_is_no_tree_is_refused(changes, fault):
    with pytest.raises(CapabilityError, match=fault):
        Forest.of([stump(**changes)], base=0, columns=1)


def test_no_trees_and_other_columns_are_refused():
    with pytest.raises(CapabilityError, match="no trees"):
        Forest.of([], base=0, columns=1)
    with pytest.raises(ShapeError, match="take 1 columns"):
        Forest.of([stump()], base=0, columns=1).predict(np.zeros((2, 3)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": np.array([np.nextafter(1.0, 2), 0, 0])},
        {"missing_left": np.array([True, False, False])},
        {"value": np.array([0.0, 10, 20.001])},
        {"categories": {0: (np.array([0, 2]), False)}},
    ],
)
def test_a_forest_read_wrongly_is_found_out(wrong):
    truth = Forest.of([stump()], base=0, columns=1)
    assert verified(truth, truth.predict, "a stump") is truth
    with pytest.raises(CapabilityError, match="trees read from a stump do not give its own prediction"):
        verified(Forest.of([stump(**wrong)], base=0, columns=1), truth.predict, "a stump")


def test_the_probe_leaves_out_missing_values_where_the_model_takes_none():
    assert np.isnan(probe(Forest.of([stump()], base=0, columns=2))[:, 0]).any()
    rows = probe(Forest.of([stump()], base=0, columns=2, missing=False))
    assert np.isfinite(rows).all()
    assert (rows[:, 0] == 1).any()
    assert (rows[:, 0] == np.nextafter(1, 2)).any()


def test_a_forest_is_read_once_per_fit():
    class Model:
        fitted = 1

    model, reads = Model(), []

    def read() -> Forest:
        reads.append(1)
        return Forest.of([stump()], base=0, columns=1)

    first = remembered(model, model.fitted, read)
    assert remembered(model, model.fitted, read) is first
    model.fitted = 2
    assert remembered(model, model.fitted, read) is not first
    assert len(reads) == 2
    remembered(7, 1, read)
    assert len(reads) == 3
