"""Numbers as sentences write them."""

from __future__ import annotations

import doctest

import pytest

from pellucid.narratives import amounts


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1234567, "1,230,000"),
        (999.6, "1,000"),
        (-12.345, "-12.3"),
        (0.5, "0.5"),
        (9.996, "10"),
        (2.5e-7, "2.5 \u00d7 10⁻⁷"),
        (-3e12, "-3 \u00d7 10¹²"),
        (5e-324, "4.94 \u00d7 10⁻³²⁴"),
        (float("nan"), "NaN"),
        (float("-inf"), "-∞"),
    ],
)
def test_a_number_keeps_three_digits(x: float, text: str) -> None:
    assert amounts.number(x) == text


@pytest.mark.parametrize(
    ("x", "text"),
    [(0.123, "12.3"), (1.0, "100.0"), (-0.03, "-3.0"), (0.00996, "1.0"), (0.0042, "0.42"), (-0.0, "0")],
)
def test_points_are_percent_of_a_probability(x: float, text: str) -> None:
    assert amounts.points(x) == text


def test_an_error_is_written_as_its_value() -> None:
    assert amounts.with_error(-0.213, 0.012, "probability") == "21.3 ± 1.2"
    assert amounts.with_error(0.213, 0.00001, "probability") == "21.3 ± 0.001"
    assert amounts.with_error(1.234, 0.0567, "logit") == "1.23 ± 0.057"
    assert amounts.with_error(1.234, None, "raw") == "1.23"


def test_the_examples_run() -> None:
    assert doctest.testmod(amounts).failed == 0
