"""RISE: its formula, the planted patch, its intervals."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid
from pellucid.core.errors import CapabilityError
from pellucid.methods.perturbation.rise import _enlarged

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
IMAGES = np.random.default_rng(0).random((2, 1, 20, 24))


def bright(images: np.ndarray) -> np.ndarray:
    return np.tanh(3 * images[:, :, 4:10, 12:20].mean((1, 2, 3)))


def test_it_is_the_mean_over_its_masks():
    method = pellucid.RISE(budget=200)
    e = method(bright, IMAGES)
    coarse, shift = method._drawn((20, 24), np.random.default_rng(np.random.SeedSequence(0)))
    masks = _enlarged(coarse, shift, (20, 24))
    for image, values in zip(IMAGES, e.values, strict=True):
        v = bright(image * masks[:, None])
        mean = (v[:, None, None] * masks).sum(0) / masks.sum(0)
        np.testing.assert_allclose(values[0], mean - v.mean(), atol=1e-10)
        spread = (((v[:, None, None] - mean) * masks) ** 2).sum(0)
        np.testing.assert_allclose(
            e.quality.half_width[0, 0], 1.96 * np.sqrt(spread) / masks.sum(0), rtol=1e-6
        ) if image is IMAGES[0] else None


def test_masks_are_smooth_and_keep_what_they_should():
    method = pellucid.RISE(budget=400, kept=0.3)
    masks = _enlarged(*method._drawn((30, 40), np.random.default_rng(0)), (30, 40))
    assert masks.min() >= 0
    assert masks.max() <= 1
    assert masks.mean() == pytest.approx(0.3, abs=0.02)
    assert np.abs(np.diff(masks, axis=1)).max() <= 1 / 4
    assert np.ptp(masks.mean(0)) < 0.15  # no place is favoured


def test_a_planted_patch_is_found():
    """The brightest of the map lies in the patch, for every place of it."""
    hits = 0
    for place in range(9):
        row, column = 4 + 8 * (place // 3), 4 + 8 * (place % 3)
        f = lambda r, a=row, b=column: np.tanh(2 * r[:, :, a : a + 8, b : b + 8].mean((1, 2, 3)))  # noqa: E731
        image = np.random.default_rng(place).random((1, 1, 32, 32))
        e = pellucid.RISE(budget=1000)(f, image)
        top = np.unravel_index(int(e.values[0, 0].argmax()), (32, 32))
        hits += row <= top[0] < row + 8 and column <= top[1] < column + 8
    assert hits == 9


def test_channels_and_layouts():
    first = np.random.default_rng(0).random((1, 3, 16, 12))
    f = lambda r: np.tanh(r.reshape(len(r), -1).sum(1) / 100)  # noqa: E731
    a = pellucid.RISE(budget=100)(f, first)
    b = pellucid.RISE(budget=100)(f, np.moveaxis(first, 1, -1), features=pellucid.Pixels("last"))
    np.testing.assert_allclose(np.moveaxis(b.values, -1, 1), a.values, atol=1e-10)
    np.testing.assert_array_equal(a.values[:, 0], a.values[:, 1])
    flat = pellucid.RISE(budget=100)(f, first[:, 0], features=pellucid.Pixels("none"))
    assert flat.values.shape == (1, 16, 12)


@pytest.mark.parametrize("x", [np.ones((2, 5)), np.ones((2, 5, 7))])
def test_what_is_no_image_is_refused(x):
    with pytest.raises(CapabilityError, match=r"RISE masks images.*Pass images"):
        pellucid.RISE()(lambda r: r.reshape(len(r), -1).sum(1), x)
