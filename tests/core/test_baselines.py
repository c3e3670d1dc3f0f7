"""Baselines: the reference point of each row, by name, number or array."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from pellucid.core.baseline import NAMES, resolve
from pellucid.core.errors import ParameterError, ShapeError
from pellucid.core.features import Columns, Features, Pixels
from pellucid.core.run import Run

TABLE = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
IMAGES = np.random.default_rng(1).normal(size=(4, 2, 6, 8))


def of(
    spec: Any, x: np.ndarray = TABLE, features: Any = None, background: Any = None, seed: int = 0
) -> np.ndarray:
    known = features or (Columns.numbered(3) if x is TABLE else Pixels())
    return resolve(spec, x, known, background, Run(seed=seed))


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("blur", "sample")])
@pytest.mark.parametrize("background", [None, np.arange(12.0).reshape(4, 3)], ids=["alone", "background"])
def test_shape_and_type_are_those_of_the_rows(name, background):
    out = of(name, background=background)
    assert out.shape == TABLE.shape
    assert out.dtype == TABLE.dtype


def test_nothing_is_zeros():
    assert not of(None).any()
    assert not of("zeros").any()


@pytest.mark.parametrize(("name", "function"), [("mean", np.mean), ("min", np.min), ("max", np.max)])
def test_per_column_over_the_rows_or_the_background(name, function):
    background = np.random.default_rng(2).normal(size=(7, 3))
    np.testing.assert_allclose(of(name), np.broadcast_to(function(TABLE, 0), TABLE.shape), rtol=1e-6)
    np.testing.assert_allclose(
        of(name, background=background), np.broadcast_to(function(background, 0), TABLE.shape), rtol=1e-6
    )


@pytest.mark.parametrize(("name", "function"), [("mean", np.mean), ("min", np.min), ("max", np.max)])
def test_per_channel_of_each_image(name, function):
    found = of(name, IMAGES)
    np.testing.assert_allclose(found, np.broadcast_to(function(IMAGES, (2, 3), keepdims=True), IMAGES.shape))
    last = np.moveaxis(IMAGES, 1, -1)
    np.testing.assert_allclose(of(name, last, Pixels("last")), np.moveaxis(found, 1, -1))
    grey = IMAGES[:, 0]
    np.testing.assert_allclose(
        of(name, grey, Pixels("none")), np.broadcast_to(function(grey, (1, 2), keepdims=True), grey.shape)
    )


def test_per_pixel_over_a_background_of_images():
    background = np.random.default_rng(3).normal(size=(3, 2, 6, 8))
    np.testing.assert_allclose(of("mean", IMAGES, background=background)[2], background.mean(0))


def test_missing_values_are_left_out_of_the_mean():
    x = np.array([[1.0, np.nan, 2.0], [3.0, 5.0, 4.0]])
    np.testing.assert_allclose(resolve("mean", x, Columns.numbered(3), None, Run())[0], [2, 5, 3])


def test_blur_smooths_places_and_leaves_channels_apart():
    np.testing.assert_allclose(of("blur", IMAGES), gaussian_filter(IMAGES, [0, 0, 0.8, 0.8]))
    last = np.moveaxis(IMAGES, 1, -1)
    np.testing.assert_allclose(of("blur", last, Pixels("last")), gaussian_filter(last, [0, 0.8, 0.8, 0]))
    np.testing.assert_allclose(
        of("blur", IMAGES[:, 0], Pixels("none")), gaussian_filter(IMAGES[:, 0], [0, 0.8, 0.8])
    )


def test_uniform_lies_between_the_smallest_and_the_largest():
    out = of("uniform", background=np.array([[0.0, 10, 20], [1, 11, 21]]))
    assert (out >= [0, 10, 20]).all()
    assert (out <= [1, 11, 21]).all()
    assert len(np.unique(out)) == out.size


def test_random_baselines_follow_seed_and_row():
    background = np.random.default_rng(2).normal(size=(50, 3))
    for name in ("uniform", "sample"):
        once = of(name, background=background, seed=3)
        np.testing.assert_array_equal(of(name, background=background, seed=3), once)
        assert (of(name, background=background, seed=4) != once).any()
        few = resolve(name, TABLE[:2], Columns.numbered(3), background, Run(seed=3))
        np.testing.assert_array_equal(few, once[:2])


def test_sample_takes_rows_of_the_background():
    background = np.arange(30.0).reshape(10, 3)
    out = of("sample", background=background)
    assert all((row == background).all(1).any() for row in out)


@settings(deadline=None)
@given(st.floats(-1e6, 1e6))
def test_a_number(number):
    np.testing.assert_array_equal(of(number), np.full(TABLE.shape, np.float32(number)))


def test_arrays():
    row, rows = np.array([1, 2, 3]), np.arange(15).reshape(5, 3)
    np.testing.assert_array_equal(of(row), np.broadcast_to(row, (5, 3)))
    np.testing.assert_array_equal(of(row[None]), np.broadcast_to(row, (5, 3)))
    np.testing.assert_array_equal(of(rows), rows)
    np.testing.assert_array_equal(of([1.0, 2.0, 3.0]), np.broadcast_to(row, (5, 3)))
    np.testing.assert_array_equal(of(torch.tensor(rows, requires_grad=False)), rows)
    np.testing.assert_array_equal(of(torch.ones(3, requires_grad=True)), np.ones((5, 3)))
    assert of(row).flags["C_CONTIGUOUS"]
    assert of(row).flags["WRITEABLE"]


@pytest.mark.parametrize("shape", [(2,), (4,), (2, 3), (5, 2), (1, 5, 3), (6, 3)])
def test_an_array_that_fits_neither_one_row_nor_all(shape):
    with pytest.raises(ShapeError) as caught:
        of(np.ones(shape))
    assert str(caught.value) == (
        f"A baseline must have the shape of a row (3,) or of all rows (5, 3). Got shape {shape}."
    )


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(ParameterError, match=r"There is no baseline 'zeroes'. Did you mean 'zeros'?"):
        of("zeroes")


def test_blur_is_for_images():
    with pytest.raises(ParameterError, match=r"Blur needs images. Got table features. Pass features=Pixels"):
        of("blur")
    with pytest.raises(ParameterError, match=r"Got array features"):
        of("blur", np.ones((2, 3, 3)), Features())


def test_sample_needs_a_background():
    with pytest.raises(ParameterError, match=r"Pass background="):
        of("sample")


@pytest.mark.parametrize("spec", [["a", "b", "c"], {"x": 1}, object()], ids=["words", "dict", "object"])
def test_what_is_no_number(spec):
    with pytest.raises(ParameterError, match=r"A baseline must be numbers"):
        of(spec)
