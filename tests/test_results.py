"""Results: rows and columns of them, their quality, and the files they are kept in."""

from __future__ import annotations

import io
import json
import pickle
import warnings
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import numpy as np
import pytest

import pellucid
from pellucid import Attribution, Check, Columns, Importance, Quality
from pellucid.core.errors import CapabilityError, FileError, ParameterError, PellucidError
from pellucid.core.notes import Notes, merged
from pellucid.results import Provenance
from pellucid.results.base import Explanation

RNG = np.random.default_rng(0)
CHECKS = (
    Check("fine", 0.1, 0.5, "ok", "Fine."),
    Check("late", 0.7, 0.5, "warn", "Late.", "Hurry.", rows=(1,)),
    Check("lost", 2.0, 1.0, "fail", "Lost.", "Look.", rows=(0, 2)),
    Check("whole", 2.0, 1.0, "warn", "All of it.", "Change."),
)


def attribution(**how: Any) -> Attribution:
    """Three rows of three columns, with everything a result may carry."""
    values = RNG.normal(size=(3, 3))
    known: dict[str, Any] = {
        "values": values,
        "features": Columns(("age", "width", "sex"), {"width": "mm"}, {"sex": ("m", "f")}),
        "quality": Quality(
            "values of something", half_width=np.abs(values) / 10, error_kind="sampling", checks=CHECKS
        ),
        "provenance": Provenance(
            "kernel_shap", "Kernel SHAP", {"budget": 300}, "Net (torch)", 3, "0.1", ("a", "b")
        ),
        "space": "probability",
        "x": RNG.normal(size=(3, 3)),
        "output": np.array([0.9, 0.2, 0.5]),
        "base": np.array([0.1, 0.2, 0.3]),
        "target": ("cat", "dog", "cat"),
        "scores": np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]]),
        "classes": ("cat", "dog"),
        "players": (("a", "b"), ("c",), ("d", "e")),
        "player_values": np.array([[1.0, 2], [3, np.nan], [4, 5]]),
        "index": ("r0", "r1", 7),
        "frame": "pandas",
    }
    return Attribution(**{**known, **how})


def importance(repeats: np.ndarray | None = None) -> Importance:
    repeats = np.array([[0.1, 0.3], [0.5, 0.5], [0.0, -0.2]]) if repeats is None else repeats
    return Importance(
        values=repeats.mean(1),
        features=Columns(("a", "b", "c")),
        quality=Quality("drop of accuracy", half_width=None),
        provenance=Provenance("permutation_importance", "Permutation importance"),
        repeats=repeats,
        names=("a", "b", "c"),
        score="accuracy",
        rows=20,
    )


# -- quality --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ((), "ok"),
        (CHECKS[:1], "ok"),
        (CHECKS[:2], "caution"),
        (CHECKS, "unreliable"),
        (CHECKS[2:3], "unreliable"),
    ],
)
def test_the_verdict_is_the_worst_check(checks, verdict):
    assert Quality("x", checks=checks).verdict == verdict


def test_caveats_are_worst_first_and_checks_are_found_by_name():
    quality = Quality("x", checks=CHECKS)
    assert [c.name for c in quality.caveats] == ["lost", "late", "whole"]
    assert quality.check("late") is CHECKS[1]
    with pytest.raises(KeyError, match=r"'lat' is not among the checks"):
        quality.check("lat")


def test_quality_of_some_rows():
    """A check that only other rows fail is passed; one without rows stays; numbers follow the rows."""
    e = attribution()
    middle = e[1].quality
    assert middle.check("lost").status == "ok"
    assert middle.check("late").status == "warn"
    assert middle.check("late").rows == (0,)
    assert middle.check("whole").status == "warn"
    assert middle.verdict == "caution"
    last = e[[2, 0]].quality
    assert last.check("lost").rows == (1, 0)
    assert last.check("late").status == "ok"
    np.testing.assert_array_equal(last.half_width, e.quality.half_width[[2, 0]])


def test_limits_of_a_check():
    """At the limit a value passes; NaN never does."""
    notes = Notes()
    for name, values in {
        "at": 0.5,
        "over": 0.6,
        "far": [0.1, 0.6, 1.1],
        "nan": [0.1, np.nan],
        "none": [],
    }.items():
        notes.check(name, values, warn=0.5, fail=1.0, meaning="m")
    found = {c.name: c for c in notes.checks}
    assert {k: c.status for k, c in found.items()} == {
        "at": "ok",
        "over": "warn",
        "far": "fail",
        "nan": "fail",
        "none": "ok",
    }
    assert found["far"].rows == (1, 2)
    assert found["far"].value == 1.1
    assert found["far"].limit == 1.0
    assert found["over"].limit == 0.5
    assert found["over"].rows == ()
    assert np.isnan(found["nan"].value)


def test_notes_of_rows_are_merged():
    rows = []
    for value, exact in ((0.1, True), (0.7, False), (0.6, False)):
        notes = Notes()
        notes.certify(kind="exact" if exact else "sampling", exact=exact)
        notes.check("size", value, warn=0.5, fail=1, meaning=f"is {value}")
        notes.said.append("said once")
        rows.append(notes)
    both = merged(rows)
    assert (both.exact, both.error_kind) == (False, "sampling")
    assert both.said == ["said once"]
    (check,) = both.checks
    assert (check.status, check.value, check.rows) == ("warn", 0.7, (1, 2))
    assert merged(rows[:1]).exact


# -- rows and columns -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "rows"),
    [
        (0, [0]),
        (-1, [2]),
        (slice(None, 2), [0, 1]),
        (slice(None, None, -1), [2, 1, 0]),
        ([2, 0], [2, 0]),
        (np.array([True, False, True]), [0, 2]),
        (slice(3, None), []),
    ],
    ids=str,
)
def test_rows(key, rows):
    e = attribution()
    part = e[key]
    assert len(part) == len(rows)
    for name in ("values", "x", "output", "base", "scores", "player_values"):
        np.testing.assert_array_equal(getattr(part, name), getattr(e, name)[rows], err_msg=name)
    for name in ("target", "players", "index"):
        assert getattr(part, name) == tuple(getattr(e, name)[i] for i in rows)
    assert part.provenance is e.provenance


@pytest.mark.parametrize("key", [3, -4, [0, 5]], ids=str)
def test_rows_that_are_not_there(key):
    with pytest.raises(IndexError, match=r"is not among the 3 rows of this result"):
        attribution()[key]


def test_going_through_rows():
    e = attribution()
    assert [row.target for row in e] == [("cat",), ("dog",), ("cat",)]


def test_columns():
    e = attribution()
    one = e[:, "width"]
    np.testing.assert_array_equal(one.values, e.values[:, [1]])
    np.testing.assert_array_equal(one.x, e.x[:, [1]])
    np.testing.assert_array_equal(one.quality.half_width, e.quality.half_width[:, [1]])
    assert one.features.names == ("width",)
    assert one.base is None
    two = e[1, ["sex", 0]]
    np.testing.assert_array_equal(two.values, e.values[[1]][:, [2, 0]])
    assert two.features.show(0, 1.0) == "f"
    with pytest.raises(ParameterError, match=r"There is no column 'wdth'. Did you mean 'width'"):
        e[:, "wdth"]


def test_chosen_columns_describe_themselves():
    """Units and categories of columns that were left out do not come along."""
    part = attribution()[:, "width"]
    part.features.check((1,))
    assert part.narrate()


def test_columns_of_pictures():
    e = attribution(values=RNG.normal(size=(3, 2, 2)), features=pellucid.Pixels("none"))
    with pytest.raises(CapabilityError, match=r"Columns are chosen from tables only. Got image features"):
        e[:, "width"]


def test_tokens_follow_their_rows():
    e = attribution(features=pellucid.Tokens((("a", "b", "c"), ("d", "e", "f"), ("g", "h", ""))))
    assert e[[2, 0]].features.tokens == (("g", "h", ""), ("a", "b", "c"))


# -- arrays, frames, sums -------------------------------------------------------------------------------------------


def test_arrays():
    e = attribution()
    assert np.asarray(e) is e.values or np.shares_memory(np.asarray(e), e.values)
    assert not np.shares_memory(np.array(e), e.values)
    assert np.asarray(e, np.float32).dtype == np.float32
    np.testing.assert_array_equal(e + np.asarray(e) if hasattr(e, "__add__") else np.add(e, e), 2 * e.values)
    assert e.shape == (3, 3)


def test_residual():
    e = attribution()
    np.testing.assert_allclose(e.residual, e.output - e.base - e.values.sum(1))
    assert attribution(base=None).residual is None


def test_predicted():
    e = attribution()
    assert e.predicted(1) == ("dog", 0.8)
    assert attribution(scores=None).predicted(0) is None
    assert attribution(classes=(), space="raw").predicted(0) is None
    assert attribution(classes=()).predicted(1) == ("1", 0.8)


def test_parts_of_several_inputs():
    e = attribution(parts={"left": (2,), "right": (1, 1)})
    np.testing.assert_array_equal(e.part["left"], e.values[:, :2])
    np.testing.assert_array_equal(e.part["right"], e.values[:, 2:].reshape(3, 1, 1))


def test_frames():
    pandas = pytest.importorskip("pandas")
    e = attribution()
    frame = e.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == ["age", "width", "sex"]
    assert list(frame.index) == ["r0", "r1", 7]
    assert list(e[[2, 0]].to_frame().index) == [7, "r0"]
    assert list(attribution(index=()).to_frame().index) == [0, 1, 2]
    polars = pytest.importorskip("polars")
    assert isinstance(attribution(frame="polars").to_frame(), polars.DataFrame)


def test_importance():
    e = importance()
    np.testing.assert_allclose(e.spread, [0.02**0.5, 0, 0.02**0.5])
    np.testing.assert_array_equal(e.order, [1, 0, 2])
    assert list(e.to_frame().index) == ["b", "a", "c"]
    assert not importance(np.array([[1.0], [2.0], [3.0]])).spread.any()


def test_results_are_frozen_and_pickle():
    e = attribution()
    with pytest.raises(FrozenInstanceError):
        e.space = "raw"
    with pytest.raises(FrozenInstanceError):
        e.quality.exact = True
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(e)).values, e.values)


# -- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "e", [attribution(), attribution(base=None, scores=None, player_values=None), importance()], ids=range(3)
)
def test_files(e, tmp_path):
    back = pellucid.load(e.save(str(tmp_path / "why.npz")))
    for f in fields(e):
        mine, read = getattr(e, f.name), getattr(back, f.name)
        if f.name == "quality":
            mine, read = replace(mine, half_width=None), replace(read, half_width=None)
            mine, read = vars(mine), vars(read)
        if isinstance(mine, np.ndarray):
            np.testing.assert_array_equal(read, mine)
        elif not (isinstance(mine, float) and np.isnan(mine)):
            assert read == mine, f.name
    half = e.quality.half_width
    assert (half is None and back.quality.half_width is None) or (half == back.quality.half_width).all()


@pytest.mark.parametrize("name", ["why", "why.npz", "why.v1", "пример", "解释.npz"])
def test_endings(name, tmp_path):
    path = attribution().save(tmp_path / name)
    assert path.exists()
    assert path.name == (name if "." in name else name + ".npz")
    assert len(pellucid.load(path)) == 3


def test_odd_labels_are_kept_in_words(tmp_path):
    pandas = pytest.importorskip("pandas")
    labels = (pandas.Timestamp("2026-01-02"), np.int64(3), ("a", 1))
    back = pellucid.load(attribution(index=labels).save(tmp_path / "why"))
    assert back.index == ("2026-01-02 00:00:00", 3, ("a", 1))


def test_types_of_arrays_are_kept(tmp_path):
    e = attribution(values=np.ones((3, 3), np.float32))
    assert pellucid.load(e.save(tmp_path / "why")).values.dtype == np.float32


def refused(path: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(FileError) as caught:
            pellucid.load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def npz(path: Any, **arrays: Any) -> Any:
    np.savez_compressed(path, **arrays)
    return path


def test_no_such_file(tmp_path):
    assert "is not a readable result" in refused(tmp_path / "nothing.npz")
    refused(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"\x80\x04\x95pickle"], ids=range(5)
)
def test_files_of_something_else(tmp_path, content):
    path = tmp_path / "why.npz"
    path.write_bytes(content)
    assert "Pass a file written by save()." in refused(path)


def test_an_array_of_something_else(tmp_path):
    path = tmp_path / "why.npy"
    np.save(path, np.ones(3))
    refused(path)


def test_an_archive_of_something_else(tmp_path):
    assert "holds no pellucid result" in refused(npz(tmp_path / "a.npz", x=np.ones(3)))


@pytest.mark.parametrize(
    "header",
    [b"{", b"\xff\xfe", b"[]", b"3", b"{}", b'{"type": "Attribution", "pellucid": 1}'],
    ids=["half", "no text", "list", "number", "empty", "no quality"],
)
def test_a_header_that_says_nothing(tmp_path, header):
    refused(npz(tmp_path / "why.npz", header=np.frombuffer(header, np.uint8), values=np.ones(3)))


def header_of(path: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    with np.load(path) as file:
        arrays = {k: file[k] for k in file.files}
    return json.loads(arrays.pop("header").tobytes()), arrays


def rewritten(path: Any, arrays: dict[str, Any], header: dict[str, Any]) -> Any:
    return npz(path, **arrays, header=np.frombuffer(json.dumps(header).encode(), np.uint8))


@pytest.mark.parametrize("change", [{"pellucid": 99}, {"type": "Novel"}, {"pellucid": None}], ids=str)
def test_another_version(tmp_path, change):
    path = attribution().save(tmp_path / "why")
    header, arrays = header_of(path)
    assert "was written by another version" in refused(rewritten(path, arrays, {**header, **change}))


def test_an_array_is_missing(tmp_path):
    path = attribution().save(tmp_path / "why")
    header, arrays = header_of(path)
    del arrays["values"]
    refused(rewritten(path, arrays, header))


def test_a_damaged_file_is_refused_wherever_it_is_damaged(tmp_path):
    """Cut short at any place, or with a byte turned over at any place: our error, or the same result."""
    path = attribution().save(tmp_path / "why.npz")
    whole = path.read_bytes()
    outcomes: set[str] = set()
    for place in range(0, len(whole), 23):
        for content in (whole[:place], whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]):
            path.write_bytes(content)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    pellucid.load(path)
            except FileError:
                continue
            except Exception as error:  # noqa: BLE001  (the kinds are listed below)
                outcomes.add(f"{type(error).__name__}: {error}"[:60])
    assert not outcomes


def test_nothing_is_unpickled(tmp_path):
    """A file with a pickle inside is refused before it can do anything."""
    gone = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> Any:
            return open, (str(gone), "w")

    path = attribution().save(tmp_path / "why")
    header, arrays = header_of(path)
    arrays["x"] = np.array([Evil()], object)
    refused(rewritten(path, arrays, header))
    assert not gone.exists()
    buffer = io.BytesIO()
    pickle.dump(Evil(), buffer)
    (tmp_path / "evil.npz").write_bytes(buffer.getvalue())
    refused(tmp_path / "evil.npz")
    assert not gone.exists()


def test_what_cannot_be_kept_without_a_pickle_is_refused(tmp_path):
    e = attribution(x=np.array([[object()] * 3] * 3, object))
    with pytest.raises(PellucidError):
        e.save(tmp_path / "why")


# -- kinds ----------------------------------------------------------------------------------------------------------


def test_kinds_of_results_are_known_by_name():
    assert Explanation.KINDS["Attribution"] is Attribution
    assert Explanation.KINDS["Importance"] is Importance


def test_to_xarray():
    xarray = pytest.importorskip("xarray")
    array = attribution().to_xarray()
    assert isinstance(array, xarray.DataArray)
    assert array.dims == ("row", "feature")
    assert array.sel(feature="sex").shape == (3,)
    assert list(array.target.values) == ["cat", "dog", "cat"]
