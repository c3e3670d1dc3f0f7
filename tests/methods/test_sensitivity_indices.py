"""Sobol indices and Morris screening, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid
from pellucid.core.errors import ParameterError

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
RNG = np.random.default_rng(0)
BOX = RNG.uniform(-np.pi, np.pi, (4096, 4))
UNIT = RNG.uniform(size=(500, 4))


def ishigami(r: np.ndarray) -> np.ndarray:
    return np.sin(r[:, 0]) + 7 * np.sin(r[:, 1]) ** 2 + 0.1 * r[:, 2] ** 4 * np.sin(r[:, 0])


@pytest.mark.parametrize(
    ("order", "expected"), [("total", [0.5576, 0.4424, 0.2437, 0.0]), ("first", [0.3139, 0.4424, 0.0, 0.0])]
)
def test_ishigami(order, expected):
    e = pellucid.Sobol(order=order)(ishigami, BOX)
    np.testing.assert_allclose(e.values, expected, atol=0.03)
    assert e.score == "share of the variance"


def test_a_column_without_effect_has_exactly_no_total_share():
    assert pellucid.Sobol()(ishigami, BOX[:200]).values[3] == 0


def test_additive_functions_have_equal_first_and_total_shares():
    f = lambda r: r @ np.array([3.0, -2.0, 0.0, 1.0])  # noqa: E731
    first, total = (pellucid.Sobol(order=o)(f, BOX).values for o in ("first", "total"))
    expected = np.array([9, 4, 0, 1]) * BOX.var(0) / (np.array([9, 4, 0, 1]) * BOX.var(0)).sum()
    np.testing.assert_allclose(total, expected, atol=0.02)
    np.testing.assert_allclose(first, expected, atol=0.04)


def test_intervals_of_shares_hold_what_a_long_run_finds():
    long = pellucid.Sobol(repeats=200)(ishigami, BOX[:300]).values
    inside = []
    for seed in range(30):
        with pellucid.options(seed=seed + 1):
            e = pellucid.Sobol()(ishigami, BOX[:300])
        inside.append(np.abs(e.values - long) <= e.quality.half_width)
    assert np.mean(inside) >= 0.88


def test_morris_of_a_line_is_its_weights_times_the_range():
    e = pellucid.Morris()(lambda r: r @ np.array([3.0, -2.0, 0.0, 1.0]), UNIT)
    np.testing.assert_allclose(e.values, np.array([3, 2, 0, 1]) * np.ptp(UNIT, axis=0), rtol=0.05, atol=1e-12)
    assert e.values[2] == 0
    assert e.score == "mean absolute change per range"


def test_morris_spread_tells_of_interactions():
    e = pellucid.Morris(paths=100)(lambda r: r[:, 0] * r[:, 1] + r[:, 2], UNIT)
    assert e.spread[2] < 0.05 * e.values[2]
    assert e.spread[0] > 0.2 * e.values[0]


@pytest.mark.parametrize("method", [pellucid.Sobol(), pellucid.Morris()], ids=lambda m: m.name)
def test_groups_move_together_and_true_values_are_refused(method):
    features = pellucid.Columns(tuple("abcd"), groups={"pair": ("a", "b")})
    e = method(lambda r: r[:, 0] - r[:, 1] + r[:, 3], UNIT, features=features)
    assert e.names == ("pair", "c", "d")
    assert e.values[1] == 0
    assert "shuffled" not in e.narrate()
    assert "打乱" not in e.narrate("zh")
    with pytest.raises(ParameterError, match=r"no use for true values"):
        method(lambda r: r.sum(1), UNIT, UNIT.sum(1))


def test_a_constant_model_has_no_shares():
    assert not pellucid.Sobol()(lambda r: np.full(len(r), 0.3), UNIT).values.any()
    assert not pellucid.Morris()(lambda r: np.full(len(r), 0.3), UNIT).values.any()
