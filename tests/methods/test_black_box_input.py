"""What every black-box method says of input it cannot take, and of models that cannot be relied upon."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid
from pellucid.core.errors import Cancelled, CapabilityError, DataError, ShapeError

METHODS = {info.name: info.cls for info in pellucid.methods() if info.family == "perturbation"}
TABLES = [name for name in METHODS if name != "rise"]
COALITIONAL = [name for name in TABLES if name != "sensitivity_analysis"]
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*(more than a tenth|less than half|choose other features|Fewer than five).*:pellucid.PellucidWarning"
)
RNG = np.random.default_rng(0)
X, BACKGROUND = RNG.normal(size=(3, 5)), RNG.normal(size=(8, 5))
IMAGES = RNG.random((2, 1, 8, 8))

every_table = pytest.mark.parametrize("name", TABLES)
every_text = pytest.mark.parametrize("name", COALITIONAL)
every = pytest.mark.parametrize("name", list(METHODS))


def asked(name: str) -> tuple[Any, dict[str, Any]]:
    """Rows a method can take, and what goes with them."""
    return (IMAGES, {"baseline": "mean"}) if name == "rise" else (X, {"background": BACKGROUND})


def summed(rows: np.ndarray) -> np.ndarray:
    return np.tanh(rows.reshape(len(rows), -1)).sum(1)


@every_table
def test_one_player(name):
    """It has all that there is."""
    x, background = X[:, :1], np.linspace(-1, 1, 50)[:, None]
    e = METHODS[name]()(summed, x, background=background)
    assert e.values.shape[:2] == (3, 1)
    assert np.isfinite(e.values[~np.isnan(getattr(e, "grid", e.values))]).all()
    if name not in ("lime", "sensitivity_analysis"):
        known = summed(x) - summed(background).mean()
        np.testing.assert_allclose(e.values.reshape(3), known, atol=1e-9)
    for lang in ("en", "zh"):
        assert e.narrate(lang)
    assert e.plot() is not None


@every_text
def test_a_text_of_one_word(name):
    e = METHODS[name]()(lambda texts: np.array([float(len(t.strip())) for t in texts]), "word")
    if name == "lime":  # its penalty outweighs two distinct samples, and the result says that the line is off
        assert e.quality.check("unexplained").status != "ok"
    else:
        np.testing.assert_allclose(e.values.reshape(-1), [4.0], atol=1e-9)


def test_more_players_than_exact_values_take():
    """The error names the methods to use instead, and they do take them."""
    x = np.ones((1, 21))
    with pytest.raises(
        CapabilityError, match=r"at most 20 players.*Got 21 players\. Use KernelShap or PermutationShap"
    ):
        pellucid.ExactShapley()(summed, x, baseline=0.0)
    for method in (pellucid.KernelShap(), pellucid.PermutationShap()):
        np.testing.assert_allclose(method(summed, x, baseline=0.0).values, np.tanh(1), atol=1e-9)
    grouped = pellucid.ExactShapley()(summed, x, baseline=0.0, masker=pellucid.Grouped(7))
    assert grouped.player_values.shape == (1, 7)
    np.testing.assert_allclose(grouped.values, np.tanh(1), atol=1e-9)


@every_table
@pytest.mark.parametrize("columns", [4, 6])
def test_a_background_with_other_columns(name, columns):
    text = rf"The background has rows of shape \({columns},\), the data \(5,\). Give both the same columns"
    with pytest.raises(ShapeError, match=text):
        METHODS[name]()(summed, X, background=np.ones((4, columns)))


@every_table
def test_a_background_frame_with_other_columns(name):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcde"))
    with pytest.raises(ShapeError, match=r"other columns|lacks|background"):
        METHODS[name]()(summed, table, background=pandas.DataFrame(BACKGROUND, columns=list("abcdz")))


@every
def test_a_model_that_answers_differently_each_time(name):
    """It is found out once, and said in one sentence."""
    rng = np.random.default_rng(1)
    x, how = asked(name)
    noisy = lambda rows: summed(rows) + rng.normal(size=len(rows))  # noqa: E731
    with pytest.warns(pellucid.PellucidWarning) as caught:
        e = METHODS[name]()(noisy, x, **how)
    check = e.quality.check("repeatable")
    assert check.status in ("warn", "fail")
    assert "another output when it is asked about the same row again" in check.meaning
    assert "evaluation mode" in check.advice
    assert len(caught) == 1
    assert [c.name for c in e.quality.checks].count("repeatable") == 1
    for lang, said in (("en", "another output when it is asked again"), ("zh", "再次")):
        assert said in e.narrate(lang) or "checks did not pass" in e.narrate(lang) or lang == "zh"


@every
def test_a_model_that_keeps_to_its_word_is_not_suspected(name):
    x, how = asked(name)
    e = METHODS[name]()(summed, x, **how)
    assert "repeatable" not in [c.name for c in e.quality.checks]


@every_text
@pytest.mark.parametrize("x", ["", " \n ", ["fine words", ""]], ids=["empty", "blank", "one of two"])
def test_an_empty_text(name, x):
    with pytest.raises(DataError, match=r"Text \d holds no words"):
        METHODS[name]()(lambda texts: np.array([float(len(t)) for t in texts]), x)


class Odd(ValueError):
    """An error of the model's own."""


@every
def test_a_model_that_fails_on_some_perturbed_rows(name):
    """Its error arrives intact, with the row named; NaN is named too, and nothing is made of the rest."""
    x, how = asked(name)
    kept = {row.tobytes() for row in x}

    def fails(rows: np.ndarray) -> np.ndarray:
        if any(np.ascontiguousarray(row).tobytes() not in kept for row in rows):
            raise Odd("cannot take this row")
        return summed(rows)

    with pytest.raises(Odd, match=r"cannot take this row") as caught:
        METHODS[name]()(fails, x, **how)
    notes = " ".join(caught.value.__notes__)
    assert "the model was asked about row 0 with" in notes
    assert "pellucid: while" in notes

    def gaps(rows: np.ndarray) -> np.ndarray:
        strange = np.array([np.ascontiguousarray(row).tobytes() not in kept for row in rows])
        return np.where(strange, np.nan, summed(rows))

    with pytest.raises(DataError, match=r"NaN or infinity for row \d with"):
        METHODS[name]()(gaps, x, **how)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "lime"])
def test_a_cancelled_run_gives_the_rows_that_were_finished(name):
    """LIME of a table asks one sample for all rows, so that before its end there is nothing to give."""
    rows = np.repeat(IMAGES, 6, 0) if name == "rise" else RNG.normal(size=(12, 5))
    how = asked(name)[1]
    calls, method = 0, METHODS[name]()

    def counted() -> bool:
        nonlocal calls
        calls += 1
        return False

    with pellucid.options(batch_size=16, cancel=counted):
        whole = method(summed, rows, **how)
    limit, calls = int(0.7 * calls), 0

    def stop() -> bool:
        counted()
        return calls > limit

    with pellucid.options(batch_size=16, cancel=stop), pytest.raises(Cancelled) as caught:
        method(summed, rows, **how)
    e: Any = caught.value.result
    assert 0 < len(e) <= 12
    if len(e) < 12:  # the last of them may have been improved less
        np.testing.assert_array_equal(e.values[:-1], whole[: len(e) - 1].values)
    assert e.narrate()


@every
def test_progress_goes_from_nothing_to_all(name):
    x, how = asked(name)
    seen = list[tuple[int, int]]()
    with pellucid.options(batch_size=16, progress=lambda label, done, total: seen.append((done, total))):
        METHODS[name]()(summed, x, **how)
    done, total = zip(*seen, strict=True)
    assert len(seen) > 1
    assert len(set(total)) == 1
    assert list(done) == sorted(done)
    assert done[-1] == total[-1]
