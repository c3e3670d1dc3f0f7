"""Occlusion: what the output loses when one column, group or window is hidden."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

import pellucid
from pellucid.core.errors import ParameterError, ShapeError

few = settings(max_examples=20, deadline=None)
WEIGHTS = np.random.default_rng(7).normal(size=(2, 9, 7))


def product_of_sums(images: np.ndarray) -> np.ndarray:
    """A function of images (n, 2, 9, 7) that is not linear."""
    return np.tanh((images * WEIGHTS).sum((1, 2, 3))) * images[:, 1].mean((1, 2)) + images[:, 0, 0, 0]


def images(n: int = 2, shape: tuple[int, ...] = (2, 9, 7), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, *shape))


def slow(f: Any, x: np.ndarray, window: Any, strides: Any, value: Any) -> np.ndarray:
    """One window at a time; a feature gets the mean over the windows that hold it."""
    out = []
    for row in x:
        total, held = np.zeros(row.shape), np.zeros(row.shape)
        reach = [
            range(0, s - w + d if (s - w) % d else s - w + 1, d)
            for s, w, d in zip(row.shape, window, strides, strict=True)
        ]
        for place in np.array(np.meshgrid(*reach, indexing="ij")).reshape(row.ndim, -1).T:
            where = tuple(slice(a, a + w) for a, w in zip(place, window, strict=True))
            hidden = row.copy()
            hidden[where] = np.broadcast_to(value, row.shape)[where]
            total[where] += f(row[None])[0] - f(hidden[None])[0]
            held[where] += 1
        out.append(total / held)
    return np.stack(out)


# -- tables ---------------------------------------------------------------------------------------------------------


def curved(rows: np.ndarray) -> np.ndarray:
    return rows[:, 0] * rows[:, 1] + np.exp(rows[:, 2]) + rows[:, 3] ** 2


def test_columns_are_hidden_one_by_one():
    x = np.random.default_rng(0).normal(size=(3, 4))
    e = pellucid.Occlusion()(curved, x)
    for j in range(4):
        hidden = x.copy()
        hidden[:, j] = 0
        np.testing.assert_allclose(e.values[:, j], curved(x) - curved(hidden), atol=1e-12)
    assert e.base is None
    assert e.residual is None
    assert e.quality.exact
    assert e.quality.evals == 3 + 3 * (2 + 4)  # the rows, the two ends of each game, one per column


@pytest.mark.parametrize(
    ("baseline", "value"),
    [
        (None, lambda x: np.zeros(x.shape)),
        ("zeros", lambda x: np.zeros(x.shape)),
        ("mean", lambda x: np.broadcast_to(x.mean(0), x.shape)),
        ("min", lambda x: np.broadcast_to(x.min(0), x.shape)),
        ("max", lambda x: np.broadcast_to(x.max(0), x.shape)),
        (2.5, lambda x: np.full(x.shape, 2.5)),
        ([1.0, 2.0, 3.0, 4.0], lambda x: np.broadcast_to([1.0, 2, 3, 4], x.shape)),
        (np.arange(12.0).reshape(3, 4), lambda x: np.arange(12.0).reshape(3, 4)),
    ],
    ids=["none", "zeros", "mean", "min", "max", "number", "row", "per row"],
)
def test_baselines(baseline, value):
    """A hidden column takes the baseline of its row."""
    x = np.random.default_rng(0).normal(size=(3, 4))
    point = value(x)
    e = pellucid.Occlusion()(curved, x, baseline=baseline)
    for j in range(4):
        hidden = x.copy()
        hidden[:, j] = point[:, j]
        np.testing.assert_allclose(e.values[:, j], curved(x) - curved(hidden), atol=1e-12)


def test_a_uniform_baseline_lies_within_the_data_and_follows_the_seed():
    x = np.random.default_rng(0).normal(size=(3, 4))
    once = pellucid.Occlusion()(curved, x, baseline="uniform").values
    np.testing.assert_array_equal(pellucid.Occlusion()(curved, x, baseline="uniform").values, once)
    with pellucid.options(seed=1):
        assert (pellucid.Occlusion()(curved, x, baseline="uniform").values != once).any()


def test_background_rows_are_averaged_over():
    rng = np.random.default_rng(0)
    x, background = rng.normal(size=(2, 4)), rng.normal(size=(6, 4))
    e = pellucid.Occlusion()(curved, x, background=background)
    for i, j in np.ndindex(2, 4):
        hidden = np.repeat(x[i : i + 1], 6, 0)
        hidden[:, j] = background[:, j]
        assert e.values[i, j] == pytest.approx(curved(x[i : i + 1])[0] - curved(hidden).mean())
    assert "6 background rows" in e.quality.estimand


@pytest.mark.parametrize("baseline", ["sample", "mean", "min"])
def test_a_baseline_may_be_taken_from_a_background(baseline):
    """Without a background "sample" asks for one: the advice can be followed."""
    x = np.random.default_rng(0).normal(size=(2, 4))
    if baseline == "sample":
        with pytest.raises(ParameterError, match=r"Pass background="):
            pellucid.Occlusion()(curved, x, baseline=baseline)
    background = np.full((3, 4), 2.0)
    e = pellucid.Occlusion()(curved, x, baseline=baseline, background=background)
    np.testing.assert_allclose(e.values, pellucid.Occlusion()(curved, x, baseline=2.0).values)


def test_groups_are_hidden_together():
    """Every column of a group shows the group's value: nothing is divided, since nothing adds up."""
    x = np.random.default_rng(0).normal(size=(2, 4))
    features = pellucid.Columns(tuple("abcd"), groups={"pair": ("a", "b")})
    e = pellucid.Occlusion()(curved, x, features=features)
    hidden = x.copy()
    hidden[:, :2] = 0
    np.testing.assert_allclose(e.values[:, 0], curved(x) - curved(hidden))
    np.testing.assert_allclose(e.values[:, 1], e.values[:, 0])
    assert e.players[0] == ("pair", "c", "d")
    np.testing.assert_allclose(e.player_values[:, 0], e.values[:, 0])


@few
@given(
    w=st.lists(st.floats(-10, 10), min_size=1, max_size=8), seed=st.integers(0, 1000), base=st.floats(-2, 2)
)
def test_a_linear_model_gives_weight_times_distance(w, seed, base):
    x = np.random.default_rng(seed).normal(size=(2, len(w)))
    e = pellucid.Occlusion()(lambda r: r @ np.array(w), x, baseline=base)
    np.testing.assert_allclose(e.values, np.array(w) * (x - base), atol=1e-9)


# -- images ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "strides"),
    [
        ((2, 3, 3), (2, 3, 3)),  # borders: 7 is no multiple of 3
        ((1, 3, 3), (1, 1, 1)),
        ((2, 4, 4), (1, 3, 2)),
        ((2, 9, 7), (2, 9, 7)),  # one window over all
        ((1, 1, 1), (1, 1, 1)),
        ((2, 5, 2), (2, 4, 2)),
    ],
)
def test_windows_and_strides(window, strides):
    x = images()
    e = pellucid.Occlusion(window=window, strides=strides)(product_of_sums, x, baseline=0.3)
    np.testing.assert_allclose(e.values, slow(product_of_sums, x, window, strides, 0.3), atol=1e-12)


@few
@given(st.data())
def test_any_window_that_fits(data):
    shape = (2, 9, 7)
    window = tuple(data.draw(st.integers(1, s)) for s in shape)
    strides = tuple(data.draw(st.integers(1, w)) for w in window)
    x = images(1)
    e = pellucid.Occlusion(window=window, strides=strides)(product_of_sums, x, baseline=0.0)
    np.testing.assert_allclose(e.values, slow(product_of_sums, x, window, strides, 0.0), atol=1e-12)


def test_every_pixel_is_hidden_also_at_the_border():
    """The last window is cut where the image ends."""
    x = images(1, (1, 8, 8))
    e = pellucid.Occlusion(window=(1, 3, 3), strides=(1, 3, 3))(lambda r: r.sum((1, 2, 3)), x)
    assert (e.values != 0).all()
    np.testing.assert_allclose(e.values[0, 0, 6:, 6:], x[0, 0, 6:, 6:].sum())


def test_strides_default_to_half_the_window():
    x = images()
    e = pellucid.Occlusion(window=(2, 4, 3))(product_of_sums, x)
    np.testing.assert_allclose(e.values, slow(product_of_sums, x, (2, 4, 3), (2, 2, 1), 0.0), atol=1e-12)


def test_a_number_stands_for_all_axes():
    x = images(1, (5, 5))
    f = lambda r: r.sum((1, 2)) ** 2  # noqa: E731
    one = pellucid.Occlusion(window=2, strides=1)(f, x)
    np.testing.assert_array_equal(one.values, pellucid.Occlusion(window=(2, 2), strides=(1, 1))(f, x).values)


def test_images_default_to_windows_of_an_eighth_through_all_channels():
    x = images(1, (3, 16, 24))
    e = pellucid.Occlusion()(lambda r: (r**2).sum((1, 2, 3)), x)
    expected = slow(lambda r: (r**2).sum((1, 2, 3)), x, (3, 2, 3), (3, 1, 1), 0.0)
    np.testing.assert_allclose(e.values, expected, atol=1e-10)
    assert isinstance(e.features, pellucid.Pixels)


def test_channels_last():
    first = images(1, (3, 16, 16))
    last = np.moveaxis(first, 1, -1)
    f = lambda r: np.tanh(r.reshape(len(r), -1).sum(1)) + (r**2).reshape(len(r), -1).sum(1)  # noqa: E731
    a = pellucid.Occlusion()(f, first)
    b = pellucid.Occlusion()(f, last, features=pellucid.Pixels("last"))
    np.testing.assert_allclose(np.moveaxis(b.values, -1, 1), a.values, atol=1e-10)


def test_a_blurred_baseline():
    x = images(1, (1, 8, 8))
    e = pellucid.Occlusion(window=(1, 4, 4), strides=(1, 4, 4))(
        lambda r: r.sum((1, 2, 3)), x, baseline="blur"
    )
    soft = gaussian_filter(x, [0, 0, 0.8, 0.8])
    corner = (x - soft)[0, 0, :4, :4].sum()
    np.testing.assert_allclose(e.values[0, 0, :4, :4], corner, atol=1e-10)


def test_segments_and_grids_hide_regions():
    x = np.abs(images(1, (1, 8, 8)))
    masker = pellucid.Segments("grid", count=4, fill=0.0)
    e = pellucid.Occlusion()(lambda r: r.sum((1, 2, 3)), x, masker=masker)
    np.testing.assert_allclose(e.values[0, 0, :4, :4], x[0, 0, :4, :4].sum())
    np.testing.assert_allclose(e.values[0, 0, 4:, 4:], x[0, 0, 4:, 4:].sum())
    assert e.players[0] == tuple(f"region {i}" for i in range(4))


def test_background_rows_of_images():
    x, background = images(1, (1, 4, 4)), images(3, (1, 4, 4), seed=5)
    f = lambda r: (r**2).sum((1, 2, 3))  # noqa: E731
    e = pellucid.Occlusion()(f, x, background=background)
    np.testing.assert_allclose(e.values[0], x[0] ** 2 - (background**2).mean(0), atol=1e-12)


def test_series_and_arrays_without_a_kind():
    x = images(2, (5, 3))
    f = lambda r: (r**2).sum((1, 2))  # noqa: E731
    np.testing.assert_allclose(pellucid.Occlusion()(f, x).values, x**2, atol=1e-12)
    steps = pellucid.Occlusion(window=(2, 3), strides=(2, 3))(
        f, x, features=pellucid.Steps(layout="steps,channels")
    )
    np.testing.assert_allclose(steps.values, slow(f, x, (2, 3), (2, 3), 0.0), atol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_the_batch_size_does_not_matter(batch_size):
    x = images(3)
    method = pellucid.Occlusion(window=(2, 3, 3), strides=(1, 2, 2))
    whole = method(product_of_sums, x)
    with pellucid.options(batch_size=batch_size):
        np.testing.assert_allclose(method(product_of_sums, x).values, whole.values, atol=1e-12)


# -- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("knobs", "text"),
    [
        ({"window": (2, 10, 3)}, "larger than a row"),
        ({"window": (1, 2, 2), "strides": (1, 3, 2)}, "leave gaps"),
        ({"window": (3, 3)}, "one positive size per axis"),
        ({"window": (3, 3), "strides": (1, 1)}, "one positive size per axis"),
        ({"window": (2, 3, 3), "strides": (1, 1)}, "one positive size per axis"),
        ({"window": (2, 0, 3)}, "one positive size per axis"),
        ({"window": 0}, "one positive size per axis"),
        ({"window": -2}, "one positive size per axis"),
    ],
)
def test_windows_that_do_not_fit(knobs, text):
    with pytest.raises(ParameterError, match=text):
        pellucid.Occlusion(**knobs)(product_of_sums, images())


@pytest.mark.parametrize("window", ["abc", 2.5, (1.5, 2, 2)])
def test_windows_that_are_no_sizes(window):
    with pytest.raises(ParameterError, match=r"window"):
        pellucid.Occlusion(window=window)(product_of_sums, images())


def test_a_numpy_number_is_a_size():
    x = images(1, (5, 5))
    e = pellucid.Occlusion(window=np.int64(2), strides=np.int64(1))(lambda r: r.sum((1, 2)), x)
    assert e.values.shape == x.shape


def test_strides_without_a_window_are_refused():
    with pytest.raises(ParameterError, match=r"Pass window too"):
        pellucid.Occlusion(strides=2)


def test_a_background_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match=r"background has rows of shape"):
        pellucid.Occlusion()(curved, np.ones((2, 4)), background=np.ones((3, 5)))


def test_lists_become_tuples_so_that_methods_compare():
    assert pellucid.Occlusion(window=[1, 2, 2]) == pellucid.Occlusion(window=(1, 2, 2))
