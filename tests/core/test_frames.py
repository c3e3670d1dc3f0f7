"""Frames become numbers and frames again: same kind, names, types, categories and missing values."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.core.errors import DataError, PellucidError, ShapeError
from pellucid.core.frames import Codec, kind_of

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
from pandas.testing import assert_frame_equal  # noqa: E402
from polars.testing import assert_frame_equal as assert_polars_equal  # noqa: E402

few = settings(max_examples=30, deadline=None)

PANDAS: dict[str, Any] = {
    "int64": pandas.Series([3, 1, 2], dtype="int64"),
    "int8": pandas.Series([3, 1, -2], dtype="int8"),
    "uint8": pandas.Series([3, 1, 255], dtype="uint8"),
    "float64": pandas.Series([0.5, np.nan, 2.0]),
    "float32": pandas.Series([0.5, np.nan, 2.0], dtype="float32"),
    "bool": pandas.Series([True, False, True]),
    "one bool": pandas.Series([True, True, True]),
    "nullable boolean": pandas.Series([True, None, False], dtype="boolean"),
    "nullable Int64": pandas.Series([3, None, 2], dtype="Int64"),
    "nullable UInt8": pandas.Series([3, 1, None], dtype="UInt8"),
    "nullable Float64": pandas.Series([0.5, None, 2.0], dtype="Float64"),
    "string": pandas.Series(["b", None, "a"], dtype="string"),
    "str": pandas.Series(["b", "c", "a"]),
    "str missing": pandas.Series(["b", np.nan, "a"], dtype="str"),
    "object words": pandas.Series(["b", None, "a"], dtype=object),
    "object words and NaN": pandas.Series(["b", np.nan, "a"], dtype=object),
    "category": pandas.Series(["b", None, "a"], dtype=pandas.CategoricalDtype(["a", "b", "unused"])),
    "ordered": pandas.Series(
        ["low", "high", "low"], dtype=pandas.CategoricalDtype(["low", "high"], ordered=True)
    ),
    "category of numbers": pandas.Series([10, 20, 10], dtype="category"),
    "datetime": pandas.Series(pandas.to_datetime(["2026-01-02", None, "2025-01-01"])),
    "datetime with zone": pandas.Series(
        pandas.to_datetime(["2026-01-02", "2025-01-01", "2024-01-01"], utc=True)
    ),
    "timedelta": pandas.Series(pandas.to_timedelta([1, 2, None], unit="D")),
}
POLARS: dict[str, Any] = {
    "Int64": polars.Series([3, None, 2], dtype=polars.Int64),
    "UInt8": polars.Series([3, 1, 255], dtype=polars.UInt8),
    "Float64": polars.Series([0.5, None, 2.0]),
    "Float32": polars.Series([0.5, None, 2.0], dtype=polars.Float32),
    "Boolean": polars.Series([True, None, False]),
    "String": polars.Series(["b", None, "a"]),
    "Categorical": polars.Series(["b", None, "a"], dtype=polars.Categorical),
    "Enum": polars.Series(["b", None, "a"], dtype=polars.Enum(["a", "b", "unused"])),
    "Date": polars.Series([date(2026, 1, 2), None, date(2025, 1, 1)]),
    "Datetime": polars.Series([datetime(2026, 1, 2, 3), None, datetime(2025, 1, 1)]),
}


def round_trip(frame: Any) -> Any:
    codec = Codec.of(frame)
    matrix = codec.encode(frame)
    assert matrix.dtype == np.float64
    assert matrix.shape == frame.shape
    return codec.decode(matrix)


def test_kinds():
    assert kind_of(pandas.DataFrame({"a": [1]})) == "pandas"
    assert kind_of(polars.DataFrame({"a": [1]})) == "polars"
    assert kind_of(np.array([["a", 1]], object)) == "objects"
    assert kind_of(np.array([["a", "b"]])) == "objects"
    for other in (np.ones((2, 2)), [[1]], {"a": [1]}, np.array(["a"]), None, pandas.Series([1])):
        assert kind_of(other) is None


@pytest.mark.parametrize("name", PANDAS)
def test_pandas_columns_come_back_as_they_were(name):
    frame = pandas.DataFrame({"before": [1.0, 2.0, 3.0], name: PANDAS[name]})
    assert_frame_equal(round_trip(frame), frame)


@pytest.mark.parametrize("name", POLARS)
def test_polars_columns_come_back_as_they_were(name):
    frame = polars.DataFrame({"before": [1.0, 2.0, 3.0], name: POLARS[name]})
    assert_polars_equal(round_trip(frame), frame)


def test_all_columns_together():
    frame = pandas.DataFrame(PANDAS)
    assert_frame_equal(round_trip(frame), frame)
    frame = polars.DataFrame(POLARS)
    assert_polars_equal(round_trip(frame), frame)


@few
@given(
    st.lists(
        st.tuples(
            st.integers(-(2**31), 2**31),
            st.floats(allow_infinity=False),
            st.sampled_from(["a", "b", "中", "", None]),
            st.booleans(),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_any_pandas_frame(rows):
    frame = pandas.DataFrame([*rows, (1, 1.0, "a", True)], columns=["whole", "real", "word", "yes"])
    assert_frame_equal(round_trip(frame), frame)


def test_object_arrays_come_back():
    array = np.array([["b", 1, None], ["a", 2.5, True], ["b", np.nan, False]], object)
    back = round_trip(array)
    assert back.dtype == object
    assert back[:, 0].tolist() == ["b", "a", "b"]
    assert back[:2, 1].tolist() == [1, 2.5]
    assert np.isnan(back[2, 1])
    assert back[1:, 2].tolist() == [True, False]
    assert back[0, 2] is None or np.isnan(back[0, 2])


def test_arrays_of_words_come_back():
    array = np.array([["b", "x"], ["a", "y"]])
    assert round_trip(array).tolist() == array.tolist()


# -- codes ----------------------------------------------------------------------------------------------------------


def test_codes_are_declared_or_sorted_categories():
    frame = pandas.DataFrame(
        {
            "declared": pandas.Categorical(["z", "a"], categories=["z", "q", "a"]),
            "seen": ["z", "a"],
            "yes": [True, False],
            "number": [7, 8],
        }
    )
    codec = Codec.of(frame)
    np.testing.assert_array_equal(codec.encode(frame), [[0, 1, 1, 7], [2, 0, 0, 8]])
    assert codec.features.categories == {
        "declared": ("z", "q", "a"),
        "seen": ("a", "z"),
        "yes": (False, True),
    }
    assert codec.features.show(0, 2.0) == "a"
    assert codec.features.names == ("declared", "seen", "yes", "number")


def test_other_frames_bring_their_categories():
    rows, background = pandas.DataFrame({"w": ["b"]}), pandas.DataFrame({"w": ["c", "a", "b"]})
    codec = Codec.of(rows, background)
    np.testing.assert_array_equal(codec.encode(rows), [[1]])
    np.testing.assert_array_equal(codec.encode(background), [[2], [0], [1]])


def test_a_value_not_seen_before_is_named():
    codec = Codec.of(pandas.DataFrame({"w": ["a", "b"]}))
    with pytest.raises(DataError, match=r"Column 'w' holds a value not seen before. Got 'zebra'."):
        codec.encode(pandas.DataFrame({"w": ["zebra"]}))


def test_a_frame_that_lacks_columns_is_refused_by_name():
    codec = Codec.of(pandas.DataFrame({"a": [1], "b": [2], "c": [3]}))
    with pytest.raises(ShapeError, match=r"The frame lacks columns a, c. Got \['b'\]"):
        codec.encode(pandas.DataFrame({"b": [1]}))


def test_columns_in_another_order_are_found_by_name():
    codec = Codec.of(pandas.DataFrame({"a": [1.0], "b": [2.0]}))
    np.testing.assert_array_equal(codec.encode(pandas.DataFrame({"b": [5.0], "a": [6.0]})), [[6, 5]])


def test_whole_numbers_stay_whole_unless_that_loses_something():
    """A mean between two whole numbers, or a missing value, needs a float."""
    codec = Codec.of(pandas.DataFrame({"n": pandas.Series([1, 2], dtype="int32")}))
    assert codec.decode(np.array([[1.0]]))["n"].dtype == "int32"
    assert codec.decode(np.array([[1.5]]))["n"].tolist() == [1.5]
    assert codec.decode(np.array([[np.nan]]))["n"].isna().all()
    polar = Codec.of(polars.DataFrame({"n": [1, 2]}))
    assert polar.decode(np.array([[1.0], [np.nan]]))["n"].to_list() == [1, None]
    assert polar.decode(np.array([[1.5]]))["n"].to_list() == [1.5]


def test_a_code_between_two_categories_is_not_taken_for_the_lower_one():
    """A mean of codes is no category: it is refused, or rounded to the nearest, but never cut down in silence."""
    codec = Codec.of(pandas.DataFrame({"w": ["a", "b", "c"]}))
    try:
        back = codec.decode(np.array([[1.9]]))
    except PellucidError:
        return
    assert back["w"].tolist() == ["c"]


def test_a_code_that_stands_for_nothing_is_refused():
    codec = Codec.of(pandas.DataFrame({"w": ["a", "b", "c"]}))
    for code in (-1.0, 7.0, 3.0):
        with pytest.raises(PellucidError):
            codec.decode(np.array([[code]]))


# -- labels ---------------------------------------------------------------------------------------------------------


def test_labels_that_are_no_strings():
    frame = pandas.DataFrame([[1.0, "x"], [2.0, "y"]], columns=[2020, 2021])
    assert_frame_equal(round_trip(frame), frame, check_column_type=False)
    assert Codec.of(frame).names == ("2020", "2021")


def test_columns_of_two_levels():
    frame = pandas.DataFrame([[1.0, 2.0]], columns=pandas.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    assert_frame_equal(round_trip(frame), frame)


def test_two_columns_of_one_name_are_refused_in_words():
    frame = pandas.DataFrame([[1.0, 2.0]], columns=["a", "a"])
    with pytest.raises(PellucidError, match=r"'a'"):
        round_trip(frame)


def test_a_word_that_looks_missing_is_a_word():
    frame = pandas.DataFrame({"w": pandas.Series(["NaT", "<NA>", "x"], dtype=object)})
    assert_frame_equal(round_trip(frame), frame)


def test_whole_numbers_too_large_for_a_float_are_not_changed_in_silence():
    frame = pandas.DataFrame({"id": [2**53 + 1, 2**53 + 3]})
    try:
        back = round_trip(frame)
    except PellucidError:
        return
    assert_frame_equal(back, frame)


def test_a_column_of_nothing_but_missing_values():
    frame = pandas.DataFrame({"a": [1.0, 2.0], "nothing": pandas.Series([None, None], dtype=object)})
    back = round_trip(frame)
    assert back["nothing"].isna().all()
    assert back["nothing"].dtype == object
    polar = polars.DataFrame({"a": [1.0, 2.0], "nothing": polars.Series([None, None], dtype=polars.Null)})
    assert round_trip(polar)["nothing"].null_count() == 2


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_categories_that_only_the_second_frame_declares(kind):
    """Rows with a new category beside a background with the usual ones: the column has room for both."""
    library = pytest.importorskip(kind)
    words = (["Paris", "Oslo"], ["Lima", "Oslo", "Rome"])
    if kind == "pandas":
        first, second = (library.DataFrame({"city": library.Categorical(w)}) for w in words)
    else:
        first, second = (library.DataFrame({"city": library.Series(w, dtype=library.Enum(w))}) for w in words)
    codec = Codec.of(first, second)
    assert sorted(codec.features.categories["city"]) == ["Lima", "Oslo", "Paris", "Rome"]
    for frame, listed in zip((first, second), words, strict=True):
        back = codec.decode(codec.encode(frame))
        assert list(back["city"]) == listed
        assert set(back["city"].dtype.categories) == {"Lima", "Oslo", "Paris", "Rome"}
