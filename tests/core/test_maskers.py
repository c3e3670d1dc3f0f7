"""Maskers: who the players of a row are, and what takes the place of those that are absent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, label

from pellucid.core.errors import ParameterError, ShapeError
from pellucid.core.features import Columns, Features, Pixels, Steps
from pellucid.core.masker import Background, Fill, Segments, Windows, grid, superpixels

few = settings(max_examples=25, deadline=None)
ROW = np.array([1.0, 2.0, 3.0, 4.0])
IMAGE = np.random.default_rng(0).random((3, 12, 10))
COLUMNS = Columns(tuple("abcd"), groups={"pair": ("b", "d")})


def coalitions(players: int, count: int = 9, seed: int = 0) -> np.ndarray:
    """Nobody, everybody, and some in between."""
    some = np.random.default_rng(seed).random((count, players)) < 0.5
    return np.concatenate([np.zeros((1, players), bool), np.ones((1, players), bool), some])


# -- background -----------------------------------------------------------------------------------------------------


def test_background_rows_take_the_place_of_absent_columns():
    data = np.arange(12.0).reshape(3, 4) * 10
    hidden = Background(data).bind(ROW, Columns.numbered(4))
    filled = hidden.fill(np.array([[True, False, True, False]]))
    np.testing.assert_array_equal(filled, [[[1, 10, 3, 30], [1, 50, 3, 70], [1, 90, 3, 110]]])
    np.testing.assert_array_equal(hidden.fill(np.ones((1, 4), bool))[0], np.broadcast_to(ROW, (3, 4)))
    np.testing.assert_array_equal(hidden.fill(np.zeros((1, 4), bool))[0], data)


def test_groups_come_and_go_together():
    hidden = Background(np.zeros((1, 4))).bind(ROW, COLUMNS)
    assert hidden.players == ("a", "pair", "c")
    np.testing.assert_array_equal(hidden.fill(np.array([[False, True, False]]))[0, 0], [0, 2, 0, 4])
    np.testing.assert_array_equal(hidden.label, [0, 1, 2, 1])


def test_whole_numbers_in_a_background_do_not_cut_the_row():
    filled = (
        Background(np.zeros((1, 4), int)).bind(ROW + 0.5, Columns.numbered(4)).fill(np.ones((1, 4), bool))
    )
    np.testing.assert_array_equal(filled[0, 0], ROW + 0.5)


def test_a_sample_of_a_background():
    data, rng = np.arange(50.0)[:, None], np.random.default_rng(0)
    assert len(Background.sample(data, 10, rng).data) == 10
    assert len(np.unique(Background.sample(data, 10, rng).data)) == 10
    assert Background.sample(data, 50, rng).data is data
    assert Background(data).describe() == "50 background rows"
    assert Background(data[:1]).describe() == "1 background row"


@pytest.mark.parametrize("data", [np.zeros((0, 4)), np.zeros(4)], ids=["no rows", "one axis"])
def test_a_background_is_rows(data):
    with pytest.raises(ShapeError, match=r"at least one"):
        Background(data)


def test_a_background_of_another_width():
    with pytest.raises(ShapeError, match=r"background has rows of shape \(5,\), the data \(4,\)"):
        Background(np.zeros((2, 5))).bind(ROW, Columns.numbered(4))


# -- fill -----------------------------------------------------------------------------------------------------------


def test_fill_with_a_number_or_a_row():
    S = np.array([[True, False, False, True]])
    np.testing.assert_array_equal(Fill(9.0).bind(ROW, Columns.numbered(4)).fill(S)[0, 0], [1, 9, 9, 4])
    np.testing.assert_array_equal(Fill(-ROW).bind(ROW, Columns.numbered(4)).fill(S)[0, 0], [1, -2, -3, 4])
    assert Fill(9.0).describe() == "filled with 9"
    assert Fill(ROW).describe() == "filled with a baseline"


def test_fill_with_labels():
    hidden = Fill(0.0, labels=np.array([7, 7, 2, 2])).bind(ROW, Columns.numbered(4))
    assert hidden.players == ("group 2", "group 7")
    np.testing.assert_array_equal(hidden.fill(np.array([[True, False]]))[0, 0], [0, 0, 3, 4])


def test_a_pixel_is_a_player_with_its_channels_together():
    hidden = Fill(0.0).bind(IMAGE, Pixels())
    assert len(hidden.players) == 120
    assert hidden.players[11] == "pixel (1, 1)"
    S = np.ones((1, 120), bool)
    S[0, 11] = False
    expected = IMAGE.copy()
    expected[:, 1, 1] = 0
    np.testing.assert_array_equal(hidden.fill(S)[0, 0], expected)


@pytest.mark.parametrize(
    ("features", "shape", "players"),
    [
        (Pixels("none"), (4, 5), 20),
        (Pixels("last"), (4, 5, 3), 20),
        (Features(), (2, 3), 6),
        (Steps(), (2, 5), 10),
    ],
)
def test_players_of_other_features(features, shape, players):
    x = np.random.default_rng(0).normal(size=shape)
    hidden = Fill(0.0).bind(x, features)
    assert len(hidden.players) == len(set(hidden.players)) == players
    np.testing.assert_array_equal(hidden.fill(np.ones((1, players), bool))[0, 0], x)
    assert not hidden.fill(np.zeros((1, players), bool)).any()


def test_labels_of_another_shape():
    with pytest.raises(ShapeError, match=r"group map has shape \(3,\), a row \(4,\)"):
        Fill(0.0, labels=np.zeros(3, int)).bind(ROW, Columns.numbered(4))


# -- segments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", ["first", "last", "none"])
@pytest.mark.parametrize("labels", ["superpixels", "grid"])
@pytest.mark.parametrize("fill", ["blur", "mean", 0.25])
def test_segments_fill_their_regions(channels, labels, fill):
    x = {"first": IMAGE, "last": np.moveaxis(IMAGE, 0, -1), "none": IMAGE[0]}[channels]
    features: Any = Pixels(channels)
    hidden = Segments(labels, count=6, fill=fill).bind(x, features)
    axis = features.axis
    spatial = tuple(a for a in range(x.ndim) if a != axis)
    value = (
        gaussian_filter(x, [0 if a == axis else 1.2 for a in range(x.ndim)])
        if fill == "blur"
        else np.broadcast_to(x.mean(spatial, keepdims=True), x.shape)
        if fill == "mean"
        else np.full(x.shape, fill)
    )
    S = coalitions(len(hidden.players))
    filled = hidden.fill(S)
    assert filled.shape == (len(S), 1, *x.shape)
    for present, got in zip(S, filled[:, 0], strict=True):
        np.testing.assert_allclose(got, np.where(present[hidden.label], x, value), atol=1e-12)
    np.testing.assert_array_equal(filled[1, 0], x)


def test_given_regions_are_numbered_from_zero():
    regions = np.full((12, 10), 40)
    regions[:6] = -3
    hidden = Segments(regions, fill=0.0).bind(IMAGE, Pixels())
    assert hidden.players == ("region 0", "region 1")
    np.testing.assert_array_equal(hidden.fill(np.array([[True, False]]))[0, 0, :, :6], IMAGE[:, :6])


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (lambda: Segments("squares"), ParameterError, "'superpixels', 'grid' or an array. Got 'squares'"),
        (
            lambda: Segments(fill="black"),
            ParameterError,
            "'blur', 'inpaint', 'mean' or a number. Got 'black'",
        ),
        (lambda: Segments().bind(ROW, COLUMNS), ParameterError, "regions of images. Got table features"),
        (lambda: Segments(np.zeros((3, 3), int)).bind(IMAGE, Pixels()), ShapeError, r"the image \(12, 10\)"),
    ],
)
def test_segments_that_do_not_fit(make, kind, text):
    with pytest.raises(kind, match=text):
        make()


def sound(labels: np.ndarray, size: tuple[int, int]) -> None:
    """Every pixel has a region, numbers run from 0 without gaps, and each region hangs together."""
    assert labels.shape == size
    assert labels.dtype.kind == "i"
    assert set(np.unique(labels)) == set(range(labels.max() + 1))
    for k in range(labels.max() + 1):
        assert label(labels == k)[1] == 1, f"region {k} falls apart"


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_superpixels_of_photographs(name):
    data = pytest.importorskip("skimage.data")
    try:
        picture = getattr(data, name)()[::8, ::8, :3] / 255
    except (OSError, ConnectionError, ModuleNotFoundError) as error:
        pytest.skip(f"the photograph is not on disk: {error}")
    labels = superpixels(picture, 49)
    sound(labels, picture.shape[:2])
    assert 20 <= labels.max() + 1 <= 80
    assert np.bincount(labels.ravel()).min() >= labels.size // (4 * 60)
    within = sum(picture[labels == k].var(0).sum() * (labels == k).sum() for k in range(labels.max() + 1))
    squares = grid(picture.shape[:2], labels.max() + 1)
    without = sum(picture[squares == k].var(0).sum() * (squares == k).sum() for k in range(squares.max() + 1))
    assert within < without, "regions follow colours better than a grid does"


def test_superpixels_of_digits():
    from sklearn.datasets import load_digits

    for digit in load_digits().images[:5]:
        picture = Pixels("none").image(np.kron(digit, np.ones((4, 4))))
        sound(superpixels(picture, 49), (32, 32))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 2), (3, 5), (8, 8)])
def test_superpixels_of_small_and_plain_images(size, recwarn):
    sound(superpixels(np.zeros((*size, 3)), 49), size)
    sound(superpixels(np.random.default_rng(0).random((*size, 3)), 4), size)
    assert not recwarn.list


def test_superpixels_are_the_same_each_time_and_leave_the_global_stream_alone():
    picture = np.moveaxis(IMAGE, 0, -1)
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    once = superpixels(picture, 9)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    np.testing.assert_array_equal(superpixels(picture, 9), once)


@few
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 120))
def test_grids(height, width, count):
    labels = grid((height, width), count)
    sound(labels, (height, width))
    areas = np.bincount(labels.ravel())
    assert areas.max() <= 4 * areas.min() or areas.min() >= 1
    assert labels.max() + 1 <= height * width


# -- windows --------------------------------------------------------------------------------------------------------


@few
@given(st.data())
def test_windows_cover_every_feature(data):
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=3)))
    window = tuple(data.draw(st.integers(1, s)) for s in shape)
    strides = tuple(data.draw(st.integers(1, w)) for w in window)
    x = np.random.default_rng(0).normal(size=shape)
    hidden = Windows(window, strides, 0.5).bind(x, Features())
    assert hidden.member.any(0).all()
    assert hidden.member.reshape(len(hidden.players), -1).any(1).all()
    S = coalitions(len(hidden.players), 4)
    for present, got in zip(S, hidden.fill(S)[:, 0], strict=True):
        covered = hidden.member[~present].any(0)
        np.testing.assert_array_equal(got, np.where(covered, 0.5, x))
    one_out = hidden.fill(~np.eye(len(hidden.players), dtype=bool))[:, 0]
    np.testing.assert_array_equal(one_out, np.where(hidden.member, 0.5, x))


def test_windows_move_by_their_own_size():
    hidden = Windows(2, None, 0.0).bind(np.arange(6.0), Features())
    assert hidden.players == ("window at 0", "window at 2", "window at 4")


@pytest.mark.parametrize(
    ("masker", "text"),
    [
        (Windows(7), "larger than a row"),
        (Windows(2, 3), "leave gaps"),
        (Windows((2, 2)), "one positive size per axis"),
        (Windows(2, (1, 1)), "one positive size per axis"),
        (Windows(0), "one positive size per axis"),
    ],
)
def test_windows_that_do_not_fit(masker, text):
    with pytest.raises(ParameterError, match=text):
        masker.bind(np.arange(6.0), Features())


# -- spread ---------------------------------------------------------------------------------------------------------


def every_masker() -> list[tuple[Any, np.ndarray, Any]]:
    return [
        (Background(np.zeros((2, 4))), ROW, COLUMNS),
        (Fill(0.0), ROW, Columns.numbered(4)),
        (Fill(0.0, labels=np.array([1, 1, 1, 5])), ROW, Columns.numbered(4)),
        (Fill(0.0), IMAGE, Pixels()),
        (Segments(count=5), IMAGE, Pixels()),
        (Segments("grid", count=5), IMAGE, Pixels()),
        (Windows((3, 4, 5)), IMAGE, Pixels()),
        (Windows((2, 4, 5), (1, 3, 2)), IMAGE, Pixels()),
    ]


@pytest.mark.parametrize(("masker", "x", "features"), every_masker(), ids=range(8))
def test_shared_values_keep_their_sum(masker, x, features):
    hidden = masker.bind(x, features)
    values = np.random.default_rng(3).normal(size=len(hidden.players))
    spread = hidden.spread(values, share=True)
    assert spread.shape == x.shape
    assert spread.sum() == pytest.approx(values.sum())


@pytest.mark.parametrize(("masker", "x", "features"), every_masker(), ids=range(8))
def test_unshared_values_are_the_mean_over_the_players_that_hold_a_feature(masker, x, features):
    hidden = masker.bind(x, features)
    values = np.random.default_rng(3).normal(size=len(hidden.players))
    spread = hidden.spread(values, share=False)
    member = (
        hidden.member
        if hidden.member is not None
        else np.stack([hidden.label == k for k in range(len(hidden.players))])
    )
    weight = member.reshape(len(member), -1)
    expected = (values[:, None] * weight).sum(0) / weight.sum(0)
    np.testing.assert_allclose(spread.ravel(), expected, atol=1e-12)
