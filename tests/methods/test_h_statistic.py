"""The H-statistic: the twin, and functions whose interactions are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid
from pellucid import HStatistic
from pellucid.core.errors import DataError, ParameterError
from tests.twins import effects as twin

ALL = 10**6


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_it_is_its_twin(seed):
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(12, 3)), rng.normal(size=(3, 2))

    def f(rows: np.ndarray) -> np.ndarray:
        return np.tanh(rows @ w).prod(1) + rows[:, 0]

    e = HStatistic(rows=ALL)(f, X)
    np.testing.assert_allclose(e.values, twin.h_statistic(f, X), atol=1e-10)


def test_what_adds_up_does_not_interact():
    X = np.random.default_rng(0).normal(size=(200, 3))
    e = HStatistic()(lambda r: r[:, 0] ** 2 + np.sin(r[:, 1]) + r[:, 2], X)
    np.testing.assert_allclose(e.values, 0, atol=1e-20)
    assert "add up" in e.narrate()
    assert "没有交互" in e.narrate("zh")


def test_a_product_is_interaction_alone():
    """Of x0 x1 + x2 with independent columns half of the variance is interaction, all of it between x0 and x1."""
    X = np.random.default_rng(1).normal(size=(600, 3))
    e = HStatistic(rows=300)(lambda r: r[:, 0] * r[:, 1] + r[:, 2], X)
    assert e.values[0, 1] > 0.95
    assert abs(e.overall[0] - 0.5) < 0.1
    np.testing.assert_allclose(e.values[2], 0, atol=1e-12)
    assert e.pairs[0] == (0, 1)
    assert e.strength[0, 1] == pytest.approx(1, abs=0.15)
    assert abs(e.overall[0] - 0.5) <= 1.5 * e.quality.half_width[0, 0]


def test_pairs_among_the_most_interacting_columns_only():
    X = np.random.default_rng(2).normal(size=(50, 6))
    e = HStatistic(rows=20, top=2)(lambda r: r[:, 3] * r[:, 5] + r[:, 0], X)
    assert e.pairs == ((3, 5),)
    assert e.measured.sum() == 6 + 2
    assert np.isnan(e.to_frame().loc["x0", "x1"])


def test_blocks_do_not_show_and_columns_are_chosen():
    X = np.random.default_rng(3).normal(size=(40, 4))
    f = lambda r: np.stack([r.prod(1), r[:, 0] * r[:, 1]], 1)  # noqa: E731
    whole = HStatistic(rows=15)(f, X, columns=["x1", "x0"], target=1)
    assert whole.names == ("x1", "x0")
    with pellucid.options(batch_size=7):
        e = HStatistic(rows=15)(f, X, columns=["x1", "x0"], target=1)
    np.testing.assert_allclose(e.values, whole.values, atol=1e-12)


def test_bad_input():
    X = np.random.default_rng(4).normal(size=(20, 2))
    X[:, 1] = 1
    with pytest.raises(DataError, match="two columns that vary"):
        HStatistic()(lambda r: r.sum(1), X)
    with pytest.raises(ParameterError, match="no column 'z'"):
        HStatistic()(lambda r: r.sum(1), X, columns=["z", "x0"])
