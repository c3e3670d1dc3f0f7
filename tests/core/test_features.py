"""Features: names, players, and how a row is shown to a person."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.core.errors import ParameterError, ShapeError
from pellucid.core.features import Columns, Features, Pixels, Steps, Tokens, Units, infer

RNG = np.random.default_rng(0)


# -- columns --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        (0, 14.21, "14.21 mm"),
        (0, 14.0, "14 mm"),
        (0, 123456.7, "123457 mm"),
        (0, 1e15, "1.000e+15 mm"),
        (0, 0.000123456, "0.0001235 mm"),
        (0, -3.5, "-3.5 mm"),
        (0, np.nan, "missing"),
        (0, np.inf, "inf"),
        (1, 1.0, "female"),
        (1, 0.0, "male"),
        (1, np.nan, "missing"),
        (1, 0.5, "0.5"),
        (1, 7.0, "7"),
        (1, -1.0, "-1"),
        (2, 0.5, "0.5"),
    ],
)
def test_values_as_a_person_writes_them(column, value, text):
    columns = Columns(("width", "sex", "age"), units={"width": "mm"}, categories={"sex": ("male", "female")})
    assert columns.show(column, value) == text


def test_columns_are_found_by_name_and_number():
    columns = Columns(("width", "sex"))
    assert columns.position("sex") == 1
    assert columns.position(0) == 0
    with pytest.raises(ParameterError, match=r"There is no column 'widthh'. Did you mean 'width'?"):
        columns.position("widthh")
    with pytest.raises(ParameterError, match=r"There is no column 2. Choose 0..1."):
        columns.position(2)


def test_numbered_columns():
    assert Columns.numbered(3).names == ("x0", "x1", "x2")


def test_columns_describe_rows_of_their_width():
    Columns(("a", "b")).check((2,))
    with pytest.raises(
        ShapeError, match=r"2 columns are described, the data has 3. Give one name per column"
    ):
        Columns(("a", "b")).check((3,))
    with pytest.raises(ShapeError, match=r"2 columns are described"):
        Columns(("a", "b")).check((2, 2))
    for wrong in ({"units": {"c": "mm"}}, {"categories": {"c": ("x",)}}, {"groups": {"g": ("a", "c")}}):
        with pytest.raises(ParameterError, match=r"There is no column 'c'"):
            Columns(("a", "b"), **wrong).check((2,))


def test_players_are_columns_and_groups_in_their_order():
    columns = Columns(tuple("abcde"), groups={"late": ("e", "b"), "one": ("c",)})
    names, label = columns.players()
    assert names == ("a", "late", "one", "d")
    np.testing.assert_array_equal(label, [0, 1, 2, 3, 1])


def test_a_group_named_like_a_column_outside_it_does_not_swallow_that_column():
    """Refused, or kept apart: never four columns hidden where two were named."""
    columns = Columns(tuple("abc"), groups={"c": ("a", "b")})
    try:
        columns.check((3,))
        _, label = columns.players()
    except ParameterError:
        return
    assert label[2] != label[0]


def test_a_column_in_two_groups_is_refused():
    columns = Columns(tuple("abc"), groups={"first": ("a", "b"), "second": ("b", "c")})
    with pytest.raises(ParameterError, match=r"'b'"):
        columns.check((3,))


# -- pixels ---------------------------------------------------------------------------------------------------------


def laid_out(picture: np.ndarray, channels: str) -> np.ndarray:
    """(H, W, C) with the channels where they belong."""
    return {"first": np.moveaxis(picture, -1, 0), "last": picture, "none": picture[..., 0]}[channels]


@pytest.mark.parametrize("channels", ["first", "last"])
def test_pictures_in_colour(channels):
    picture = RNG.random((5, 7, 3))
    np.testing.assert_allclose(Pixels(channels).image(laid_out(picture, channels)), picture)


@pytest.mark.parametrize("channels", ["first", "last", "none"])
def test_pictures_in_grey_have_three_equal_channels(channels):
    picture = RNG.random((5, 7, 1))
    shown = Pixels(channels).image(laid_out(picture, channels))
    assert shown.shape == (5, 7, 3)
    np.testing.assert_allclose(shown, np.repeat(picture, 3, -1))


@pytest.mark.parametrize("channels", ["first", "last"])
def test_normalisation_is_undone(channels):
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    picture = RNG.random((5, 7, 3))
    normal = laid_out((picture - mean) / std, channels)
    np.testing.assert_allclose(Pixels(channels, mean, std).image(normal), picture, atol=1e-12)


def test_normalisation_by_one_number_for_all_channels():
    picture = RNG.random((5, 7, 3))
    np.testing.assert_allclose(Pixels("last", 0.5, 0.25).image((picture - 0.5) / 0.25), picture, atol=1e-12)
    np.testing.assert_allclose(
        Pixels("none", 0.5, 0.25).image((picture[..., 0] - 0.5) / 0.25)[..., 1], picture[..., 0]
    )
    np.testing.assert_allclose(Pixels("last", mean=0.5).image(picture - 0.5), picture)
    np.testing.assert_allclose(Pixels("last", std=0.5).image(picture / 0.5), picture)
    assert Pixels("last", 0.5).mean == (0.5,)
    assert Pixels("last", np.array([0.1, 0.2, 0.3], np.float32)) == Pixels(
        "last", tuple(np.array([0.1, 0.2, 0.3], np.float32).astype(float).tolist())
    )


def test_normalisation_in_bytes():
    picture = RNG.random((5, 7, 3))
    mean, std = (123.7, 116.3, 103.5), (58.4, 57.1, 57.4)
    shown = Pixels("last", mean, std).image((picture * 255 - mean) / std)
    np.testing.assert_allclose(shown, picture, atol=1e-12)


def test_bytes_are_divided_by_255():
    picture = RNG.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    np.testing.assert_allclose(Pixels("last").image(picture), picture / 255)


def test_anything_else_is_stretched():
    picture = RNG.normal(size=(5, 7, 3)) * 40
    shown = Pixels("last").image(picture)
    assert shown.min() == 0
    assert shown.max() == 1
    np.testing.assert_allclose(np.corrcoef(shown.ravel(), picture.ravel())[0, 1], 1)
    np.testing.assert_array_equal(Pixels("last").image(np.full((2, 2, 3), -4.0)), np.zeros((2, 2, 3)))


def test_four_channels_lose_the_last_and_two_are_averaged():
    picture = RNG.random((5, 7, 4))
    np.testing.assert_allclose(Pixels("last").image(picture), picture[..., :3])
    np.testing.assert_allclose(Pixels("last").image(picture[..., :2])[..., 0], picture[..., :2].mean(-1))


@settings(deadline=None)
@given(st.sampled_from(["first", "last", "none"]), st.floats(-300, 300), st.floats(0, 300))
def test_pictures_lie_between_0_and_1(channels, shift, scale):
    x = np.random.default_rng(0).normal(size=(4, 5) if channels == "none" else (4, 5, 3)) * scale + shift
    shown = Pixels(channels).image(np.moveaxis(x, -1, 0) if channels == "first" else x)
    assert shown.shape == (4, 5, 3)
    assert shown.min() >= 0
    assert shown.max() <= 1


def test_planes_and_sizes():
    assert (
        Pixels("first").size((3, 5, 7))
        == Pixels("last").size((5, 7, 3))
        == Pixels("none").size((5, 7))
        == (5, 7)
    )
    np.testing.assert_array_equal(Pixels("first").plane(np.ones((3, 5, 7))), np.full((5, 7), 3))
    np.testing.assert_array_equal(Pixels("none").plane(np.ones((5, 7))), np.ones((5, 7)))


def test_pixels_that_do_not_fit():
    with pytest.raises(ParameterError, match=r"channels must be 'first', 'last' or 'none'. Got 'middle'"):
        Pixels("middle")
    with pytest.raises(ShapeError, match=r"describes 3 axes a row. Got shape \(5, 7\)"):
        Pixels().check((5, 7))
    with pytest.raises(ShapeError, match=r"describes 2 axes a row. Got shape \(1, 5, 7\)"):
        Pixels("none").check((1, 5, 7))


# -- tokens, steps, names -------------------------------------------------------------------------------------------


def test_names():
    assert Features().name((2, 3)) == "[2, 3]"
    assert Tokens().name((4,)) == "token 4"
    assert Tokens().name((4, 7)) == "token 4, 7"
    assert Steps(("heart", "breath"), unit="day").name((1, 30)) == "breath @ day 30"
    assert Steps(("heart", "breath"), "steps,channels").name((30, 1)) == "breath @ step 30"
    assert Steps(layout="steps", unit="hour").name((3,)) == "hour 3"
    assert Steps().name((1, 3)) == "1 @ step 3"
    assert Tokens((("a", "b"), ("c", ""))).row(1) == ("c", "")


def test_steps_describe_their_layout():
    Steps().check((2, 10))
    Steps(layout="steps").check((10,))
    with pytest.raises(ShapeError, match=r"does not describe rows of shape \(10,\)"):
        Steps().check((10,))


# -- guessed --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "channels", "expected"),
    [
        ((4,), "first", Columns.numbered(4)),
        ((3, 32, 40), "first", Pixels("first")),
        ((32, 40, 3), "first", Pixels("last")),
        ((32, 40, 3), "last", Pixels("last")),
        ((3, 40, 3), "first", Pixels("first")),
        ((3, 40, 3), "last", Pixels("last")),
        ((1, 8, 8), "last", Pixels("first")),
        ((4, 9, 9), "first", Pixels("first")),
        ((2, 9, 9), "first", Features()),
        ((50, 7), "first", Features()),
        ((2, 3, 4, 5), "first", Features()),
        ((), "first", Features()),
    ],
)
def test_guessed_from_the_shape(shape, channels, expected):
    assert infer(shape, channels) == expected
    infer(shape, channels).check(shape)


def test_names_are_taken_where_there_are_as_many_as_columns():
    assert infer((2,), names=("a", "b")) == Columns(("a", "b"))
    assert infer((3,), names=("a", "b")) == Columns.numbered(3)


# -- files ----------------------------------------------------------------------------------------------------------

KINDS: list[Any] = [
    Features(),
    Columns(("a", "b", "c")),
    Columns(("a", "b", "Größe"), {"a": "mm"}, {"b": ("x", "y", 3, True)}, {"g": ("a", "b")}),
    Pixels(),
    Pixels("last", (0.1, 0.2, 0.3), (1, 2, 3)),
    Pixels("none", 0.5, 0.5),
    Tokens((("good", "day"), ("bad", ""))),
    Steps(("x", "y"), "steps,channels", "hour"),
    Units("conv1"),
]


@pytest.mark.parametrize("features", KINDS, ids=lambda f: type(f).__name__)
def test_round_trip_through_json(features):
    text = json.dumps(features.to_json())
    again = Features.from_json(json.loads(text))
    assert type(again) is type(features)
    assert again == features


def test_every_kind_is_known_by_its_name():
    assert set(Features.KINDS) == {"Columns", "Pixels", "Tokens", "Steps", "Units"}
