"""How numbers are written in a sentence: few digits, the same in every language."""

from __future__ import annotations

from math import floor, isfinite, log10

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SMALLEST, LARGEST = 1e-4, 1e9
"""Outside these a number is written with a power of ten."""
SURE = 0.9995
"""From here on a probability would round to 1, which it is not."""


def number(x: float, digits: int = 3) -> str:
    """`x` to `digits` significant digits, thousands separated, without zeros that say nothing.

    >>> number(12345), number(0.000123456), number(-0.0)
    ('12,300', '0.000123', '0')
    """
    if not isfinite(x):
        return {"inf": "∞", "-inf": "-∞"}.get(str(float(x)), "NaN")
    if x == 0:
        return "0"
    rounded = float(f"{x:.{digits - 1}e}")
    power = floor(log10(abs(rounded)))
    if not SMALLEST <= abs(rounded) < LARGEST:
        mantissa, _, exponent = f"{x:.{digits - 1}e}".partition("e")
        return f"{_short(mantissa)} \u00d7 10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    return _short(f"{rounded:,.{max(0, digits - 1 - power)}f}")


def points(x: float) -> str:
    """A change of a probability in percentage points: one decimal, or two digits where it is under one point.

    >>> points(0.123), points(0.03), points(0.00412), points(-0.0)
    ('12.3', '3.0', '0.41', '0')
    """
    percent = 100 * x
    return f"{percent:.1f}" if isfinite(percent) and abs(percent) >= 0.995 else number(percent, 2)


def probability(p: float) -> str:
    """A probability; never 1 or 0 unless it is.

    >>> probability(0.97), probability(0.99996), probability(0.0002), probability(1.0)
    ('0.97', '> 0.999', '< 0.001', '1')
    """
    if SURE <= p < 1:
        return "> 0.999"
    return "< 0.001" if 0 < p < 0.001 else number(p)


def percent(share: float) -> str:
    """A share of a whole, in percent, without the sign.

    >>> percent(0.634), percent(0.004), percent(0.99), percent(1.0)
    ('63', '< 1', '99', '100')
    """
    if 0 < share < 0.01:
        return "< 1"
    return "> 99" if 0.99 < share < 1 - 1e-9 else f"{100 * share:.0f}"


def worth(x: float, space: str) -> str:
    """An output as the space it counts in writes it."""
    return probability(x) if space == "probability" else number(x)


def change(x: float, space: str) -> str:
    """The size of a change of an output, without its sign: points for a probability, else the number."""
    return points(abs(x)) if space == "probability" else number(abs(x))


def with_error(x: float, half_width: float | None, space: str) -> str:
    """The size of a change and its 95 % half-width, where there is one: "21.3 ± 1.2"."""
    if half_width is None:
        return change(x, space)
    if space != "probability":
        return f"{number(abs(x))} ± {number(half_width, 2)}"
    one_decimal = abs(x) >= 0.01 and half_width >= 0.0005
    return f"{points(abs(x))} ± {f'{100 * half_width:.1f}' if one_decimal else points(half_width)}"


def _short(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
