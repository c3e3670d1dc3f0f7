"""Maskers that hide behind what is likely: neighbours, surroundings, lines, noise; words that replace words; inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid
from pellucid import (
    Background,
    Columns,
    Conditional,
    Fill,
    Grouped,
    Pixels,
    Segments,
    Steps,
    Stretches,
    Windows,
    Words,
)
from pellucid.core.errors import DataError, ParameterError, ShapeError
from pellucid.core.features import Features
from pellucid.core.inpaint import inpainted
from tests.core.test_maskers import coalitions
from tests.methods.test_kernel_shap import data, tangled

few = settings(max_examples=20, deadline=None)
RNG = np.random.default_rng(0)
IMAGES, TABLE = RNG.random((2, 1, 6, 6)), RNG.normal(size=(2, 3))
LABELS = np.kron(np.arange(4).reshape(2, 2), np.ones((3, 3), int))


def both(image: np.ndarray, row: np.ndarray) -> np.ndarray:
    return image[:, 0, :3, :3].mean((1, 2)) * row[:, 0] + row[:, 1]


# -- nearest neighbours ---------------------------------------------------------------------------------------------


@few
@given(rows=st.integers(1, 30), near=st.integers(1, 12), seed=st.integers(0, 1000))
def test_absent_columns_are_those_of_the_nearest_rows(rows, near, seed):
    rng = np.random.default_rng(seed)
    known, x = rng.normal(size=(rows, 4)) * [1, 10, 0.1, 1], rng.normal(size=4)
    hidden = Conditional(known, near).bind(x, Columns.numbered(4))
    spread = np.where(known.std(0) > 0, known.std(0), 1)
    for present, filled in zip(coalitions(4), hidden.fill(coalitions(4)), strict=True):
        assert filled.shape == (min(near, rows), 4)
        np.testing.assert_array_equal(
            filled[:, present], np.broadcast_to(x[present], filled[:, present].shape)
        )
        distance = (((known - x) / spread) ** 2)[:, present].sum(1)
        if present.any() and not present.all():
            nearest = known[np.sort(np.argsort(distance, kind="stable")[:near])]
            np.testing.assert_array_equal(filled[:, ~present], nearest[:, ~present])


def test_as_many_neighbours_as_rows_are_the_background():
    f, (x, background) = tangled(6), data(6)
    near = pellucid.ExactShapley()(f, x, masker=Conditional(background, 5))
    plain = pellucid.ExactShapley()(f, x, masker=Background(background))
    np.testing.assert_allclose(near.values, plain.values, atol=1e-12)


def test_the_rows_asked_about_lie_in_the_data():
    """Where two columns are one, mixed rows leave the line that real rows lie on; neighbours stay on it."""
    a = RNG.normal(size=400)
    known = np.stack([a, a + 0.05 * RNG.normal(size=400), RNG.normal(size=400)], 1)
    x = np.array([2.0, 2.0, 0.0])
    S = np.array([[True, False, True], [False, True, True]])
    off = {}
    for masker in (Conditional(known, 10), Background(known)):
        rows = masker.bind(x, Columns.numbered(3)).fill(S).reshape(-1, 3)
        off[type(masker)] = np.abs(rows[:, 0] - rows[:, 1]).mean()
    assert off[Conditional] < 0.2 * off[Background]


def test_a_column_that_tells_of_another_has_a_value():
    """The model reads one of two columns that go together; behind neighbours they share."""
    a = RNG.normal(size=2000)
    known = np.stack([a, a], 1)
    f, x = (lambda r: r[:, 0]), np.array([[2.0, 2.0]])
    together = pellucid.ExactShapley()(f, x, masker=Conditional(known, 20)).values[0]
    np.testing.assert_allclose(together, [1, 1], atol=0.1)
    apart = pellucid.ExactShapley()(f, x, masker=Background(known)).values[0]
    assert apart[1] == 0


def test_neighbours_in_groups_words_and_gaps():
    known = np.array([[0.0, 1, np.nan], [1, 1, 0.0], [0, 2, 5.0]])
    columns = Columns(("kind", "size", "gap"), categories={"kind": ("a", "b")})
    hidden = Conditional(known, 1).bind(np.array([1.0, 1.5, np.nan]), columns)
    np.testing.assert_array_equal(hidden.fill(np.array([[True, False, False]]))[0, 0], [1, 1, 0])
    np.testing.assert_array_equal(hidden.fill(np.array([[False, False, True]]))[0, 0], [0, 1, np.nan])
    grouped = Columns(tuple("abc"), groups={"pair": ("a", "c")})
    assert Conditional(known, 1).bind(np.ones(3), grouped).players == ("pair", "b")


def test_where_nothing_is_present_rows_are_taken_from_all():
    known = np.arange(100.0)[:, None]
    rows = Conditional(known, 5).bind(np.zeros(1), Columns.numbered(1)).fill(np.array([[False]]))[0, :, 0]
    np.testing.assert_array_equal(rows, [10, 30, 50, 70, 90])


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (lambda: Conditional(np.ones((2, 3)), 0), ParameterError, "at least 1"),
        (lambda: Conditional(np.ones((0, 3))), DataError, "no rows"),
        (lambda: Conditional(np.ones((2, 1, 4, 4))), ParameterError, "in tables"),
        (
            lambda: Conditional(np.ones((2, 5))).bind(np.ones(4), Columns.numbered(4)),
            ShapeError,
            "background has rows",
        ),
    ],
)
def test_neighbours_that_cannot_be(make, kind, text):
    with pytest.raises(kind, match=text):
        make()


# -- k-means --------------------------------------------------------------------------------------------------------


def test_centres_stand_for_all_rows():
    """Of rows in three heaps of unlike size, three weighted centres give nearly the values of all rows."""
    heaps = np.repeat([[0.0, 0], [4, 1], [-2, 6]], [60, 30, 10], 0)
    known = heaps + 0.05 * RNG.normal(size=heaps.shape)
    centres = Background.centres(known, 3)
    assert sorted(centres.weight.round(6).tolist()) == [0.1, 0.3, 0.6]
    f = lambda r: r[:, 0] * r[:, 1] + np.maximum(r[:, 0], 0)  # noqa: E731
    x = np.array([[1.0, 2.0], [3.0, -1.0]])
    everyone = pellucid.ExactShapley()(f, x, masker=Background(known))
    few = pellucid.ExactShapley()(f, x, masker=centres)
    assert few.quality.evals < 0.05 * everyone.quality.evals
    np.testing.assert_allclose(few.values, everyone.values, atol=0.06)
    even = pellucid.ExactShapley()(f, x, masker=Background(centres.data))
    assert np.abs(even.values - everyone.values).max() > 5 * np.abs(few.values - everyone.values).max()
    np.testing.assert_allclose(few.residual, 0, atol=1e-12)
    assert "3 centres" in few.quality.estimand


def test_centres_are_made_of_real_values():
    known = np.stack([RNG.integers(0, 3, 200), RNG.normal(size=200)], 1)
    data = Background.centres(known, 7).data
    assert set(data[:, 0]) <= {0.0, 1.0, 2.0}
    assert set(data[:, 1]) <= set(known[:, 1])
    few = Background.centres(np.array([[1.0], [1.0], [5.0]]), 9)
    np.testing.assert_array_equal(few.data, [[1], [5]])
    np.testing.assert_allclose(few.weight, [2 / 3, 1 / 3])


def test_weights_go_with_groups_inputs_and_every_row():
    """Equal to repeating each row as often as it weighs."""
    f, (x, rows) = tangled(6), data(6)
    weighted = Background(rows, np.array([3, 1, 1, 2, 1]) / 8)
    repeated = Background(np.repeat(rows, [3, 1, 1, 2, 1], 0))
    for method in (pellucid.ExactShapley(), pellucid.Ablation(), pellucid.PermutationShap(budget=40)):
        for change in (lambda m: m, lambda m: Grouped([[0, 3], [2, 4]], m)):
            one, other = (method(f, x, masker=change(m)) for m in (weighted, repeated))
            np.testing.assert_allclose(one.values, other.values, atol=1e-12)
    maskers = (Segments(LABELS, fill=0.0), Background(rows[:2, :3], np.array([0.25, 0.75])))
    e = pellucid.Ablation()(both, (IMAGES, TABLE), masker=maskers)
    mean = rows[:2, :3].T @ [0.25, 0.75]
    np.testing.assert_allclose(e.part["input 1"][:, 1], TABLE[:, 1] - mean[1])


def test_centres_that_cannot_be():
    with pytest.raises(ParameterError, match=r"at least one"):
        Background.centres(np.ones((3, 2)), 0)
    with pytest.raises(ParameterError, match=r"without gaps"):
        Background.centres(np.array([[1.0], [np.nan], [2.0]]), 2)


# -- inpainting -----------------------------------------------------------------------------------------------------


@few
@given(
    height=st.integers(1, 17),
    width=st.integers(1, 17),
    channels=st.sampled_from(["first", "last", "none"]),
    seed=st.integers(0, 100),
)
def test_holes_are_filled_from_what_is_known(height, width, channels, seed):
    rng = np.random.default_rng(seed)
    features = Pixels(channels)
    shape = {"first": (3, height, width), "last": (height, width, 3), "none": (height, width)}[channels]
    image, plane = rng.random(shape), rng.random((5, height, width)) < 0.5
    hole = (
        plane
        if features.axis is None
        else np.broadcast_to(np.expand_dims(plane, features.axis + 1), (5, *shape))
    )
    out = inpainted(image, hole, features.axis)
    assert out.shape == (5, *shape)
    np.testing.assert_array_equal(out[~hole], np.broadcast_to(image, out.shape)[~hole])
    assert out.min() >= image.min() - 1e-12
    assert out.max() <= image.max() + 1e-12
    np.testing.assert_allclose(inpainted(np.full(shape, 0.3), hole, features.axis), 0.3)


def test_an_image_that_is_all_hole_becomes_its_mean_colour():
    image = RNG.random((3, 5, 6))
    out = inpainted(image, np.ones((1, 3, 5, 6), bool), 0)[0]
    np.testing.assert_allclose(out, np.broadcast_to(image.mean((1, 2), keepdims=True), out.shape))


def test_a_hole_in_a_slope_is_nearer_to_it_than_blur_or_the_mean():
    y, x = np.mgrid[:32, :32] / 31
    image = np.stack([y, x, (y + x) / 2])[None]
    labels = np.zeros((32, 32), int)
    labels[10:20, 4:14] = 1
    off = {}
    for fill in ("inpaint", "mean", "blur"):
        hidden = Segments(labels, fill=fill).bind(image[0], Pixels())
        off[fill] = np.abs(hidden.fill(np.array([[True, False]]))[0, 0] - image[0])[:, labels == 1].mean()
    assert off["inpaint"] < 0.06
    assert off["inpaint"] < 0.4 * off["mean"]


def test_what_hides_a_region_depends_on_what_else_is_hidden():
    image = np.zeros((1, 8, 8))
    image[0, :, 6:] = 1.0
    labels = np.repeat([[0, 0, 0, 1, 1, 1, 2, 2]], 8, 0)
    hidden = Segments(labels, fill="inpaint").bind(image, Pixels())
    one, both = hidden.fill(np.array([[True, False, True], [False, False, True]]))[:, 0]
    assert one[0, :, 3].mean() < both[0, :, 3].mean() == 1.0
    assert Segments(labels, fill="inpaint").describe() == "given regions, filled with inpaint"


# -- series ---------------------------------------------------------------------------------------------------------

SERIES = {
    "channels,steps": RNG.normal(size=(3, 20)),
    "steps,channels": RNG.normal(size=(20, 3)),
    "steps": RNG.normal(size=20),
}


@pytest.mark.parametrize("layout", SERIES)
@pytest.mark.parametrize("fill", ["interpolation", "mean", "noise", 0.5])
@pytest.mark.parametrize("channels", ["together", "apart"])
def test_windows_of_a_series(layout, fill, channels):
    x = SERIES[layout]
    hidden = Stretches(6, fill, channels, draws=3).bind(x, Steps(layout=layout))
    S = coalitions(len(hidden.players))
    filled = hidden.fill(S)
    assert filled.shape == (len(S), 3 if fill == "noise" else 1, *x.shape)
    assert len(hidden.players) == 5 * (3 if channels == "apart" and x.ndim > 1 else 1)
    present = S[:, hidden.label]
    for draw in range(filled.shape[1]):
        np.testing.assert_array_equal(filled[:, draw][present], np.broadcast_to(x, present.shape)[present])
    np.testing.assert_array_equal(filled[1], np.broadcast_to(x, filled[1].shape))


def test_a_straight_line_is_what_interpolation_expects():
    line = np.stack([np.arange(24.0), 3 - np.arange(24.0)])[None]
    f = lambda s: (s**2).sum((1, 2))  # noqa: E731
    e = pellucid.Ablation()(f, line, masker=Stretches(8), features=Steps())
    np.testing.assert_allclose(e.values[..., 3:21], 0, atol=1e-9)
    assert (np.abs(e.values[..., :3]) > 1).all()


def test_noise_is_like_the_channel_and_the_same_for_every_coalition():
    x = np.stack([RNG.normal(5, 2, 4000), RNG.normal(-1, 0.1, 4000)])
    hidden = Stretches(4, "noise", draws=5).bind(x, Steps())
    filled = hidden.fill(np.array([[False] * 4, [False, True, True, False]]))
    np.testing.assert_allclose(filled[0].mean((0, 2)), [5, -1], atol=0.1)
    np.testing.assert_allclose(filled[0].std((0, 2)), [2, 0.1], rtol=0.05)
    np.testing.assert_array_equal(filled[0][..., :1000], filled[1][..., :1000])
    with pellucid.options(seed=1):
        other = hidden.fill(np.array([[False] * 4]))
    assert (other[0] != filled[0]).any()


def test_windows_have_names():
    hidden = Stretches(3, channels="apart").bind(np.zeros((2, 7)), Steps(("load", "wind"), unit="day"))
    assert hidden.players[:4] == (
        "load, days 0 to 2",
        "load, days 3 to 5",
        "load, days 6 to 6",
        "wind, days 0 to 2",
    )


def test_a_planted_window_is_found():
    x = 0.1 * RNG.normal(size=(5, 2, 60))
    x[:, 1, 30:36] += 3
    f = lambda s: s[:, 1, 30:36].mean(1)  # noqa: E731
    for fill in ("interpolation", "mean", "noise"):
        e = pellucid.PermutationShap()(f, x, masker=Stretches(10, fill), features=Steps())
        assert (e.player_values.argmax(1) == 5).all(), fill
        assert "steps 30 to 35 (" in e.narrate()
        assert "steps 30 to 35" in e.narrate("zh")
        np.testing.assert_array_equal(e.regions[0], np.tile(np.arange(60) // 6, (2, 1)))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Stretches(fill="spline"), "fill must be one of interpolation, mean, noise"),
        (lambda: Stretches(channels="both"), "together"),
        (lambda: Stretches(0), "at least 1"),
        (lambda: Stretches().bind(np.zeros(4), Columns.numbered(4)), "hide windows of series"),
    ],
)
def test_stretches_that_cannot_be(make, text):
    with pytest.raises(ParameterError, match=text):
        make()


# -- words that replace words ---------------------------------------------------------------------------------------


def scored(texts: list[str]) -> np.ndarray:
    return np.array([2.0 * t.split().count("good") + t.split().count("fine") for t in texts])


def test_an_absent_word_may_be_replaced_by_others_in_turn():
    asked = list[str]()

    def model(texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        return scored(texts)

    e = pellucid.Ablation()(model, "a good film", features=Words(absent=("fine", "bad")))
    np.testing.assert_allclose(e.values, [[-0.5, 1.5, -0.5]])
    assert {"fine good film", "bad good film", "a fine film", "a bad film"} <= set(asked)
    assert "'fine' or 'bad'" in e.quality.estimand


@pytest.mark.parametrize("absent", ["", "[MASK]", ("x", "")])
def test_what_is_there_is_never_replaced(absent):
    seen = list[str]()

    def model(texts: list[str]) -> np.ndarray:
        seen.extend(texts)
        return scored(texts)

    pellucid.ExactShapley()(model, "good good film", features=Words(absent=absent))
    assert "good good film" in seen
    assert {w for t in seen for w in t.split()} <= {"good", "film", "[MASK]", "x"}


def test_replacements_are_words():
    for absent in ((), ("a", 3), 5):
        with pytest.raises(ParameterError, match=r"absent must be text, or several"):
            Words(absent=absent)  # type: ignore[arg-type]


# -- several inputs -------------------------------------------------------------------------------------------------


def test_each_input_has_a_masker_of_its_own():
    background = RNG.normal(size=(4, 3))
    e = pellucid.ExactShapley()(
        both, (IMAGES, TABLE), masker=(Segments(LABELS, fill=0.0), Background(background))
    )
    assert e.players[0] == (
        *(f"input 0: region {k}" for k in range(4)),
        *(f"input 1: x{k}" for k in range(3)),
    )
    for row in range(2):
        mean, (b0, b1, _) = IMAGES[row, 0, :3, :3].mean(), background.mean(0)
        x0, x1, _ = TABLE[row]
        expected = [mean * (x0 + b0) / 2, 0, 0, 0, mean * (x0 - b0) / 2, x1 - b1, 0]
        np.testing.assert_allclose(e.player_values[row], expected, atol=1e-12)
    np.testing.assert_allclose(e.part["input 0"].sum((1, 2, 3)), e.player_values[:, :4].sum(1))
    assert "filled with 0; input 1 4 background rows" in e.quality.estimand


def test_windows_beside_a_table_and_another_number_of_fillings():
    maskers = (Windows((1, 3, 3), (1, 3, 3)), Background(np.zeros((2, 3))))
    e = pellucid.Ablation()(both, (IMAGES, TABLE), masker=maskers)
    np.testing.assert_allclose(e.player_values[:, 0], both(IMAGES, TABLE) - TABLE[:, 1])
    np.testing.assert_allclose(e.part["input 1"][:, 1], TABLE[:, 1])


def test_maskers_by_name():
    import torch
    from torch import nn

    class Net(nn.Module):
        def forward(self, image: Any, row: Any) -> Any:
            return image.mean((1, 2, 3)) * row[:, 0] + row[:, 1]

    inputs = {"image": torch.tensor(IMAGES).float(), "row": torch.tensor(TABLE).float()}
    maskers = {"row": Fill(0.0), "image": Segments(LABELS, fill=0.0)}
    e = pellucid.ExactShapley()(Net(), inputs, masker=maskers)
    assert e.players[0][0] == "image: region 0"
    np.testing.assert_allclose(e.residual, 0, atol=1e-6)


def test_groups_without_a_masker_are_made_of_the_default_ones_players():
    f, (x, background) = tangled(8), data(8)
    e = pellucid.ExactShapley()(f, x, background=background, masker=Grouped(3))
    same = pellucid.ExactShapley()(f, x, masker=Grouped(3, Background(background)))
    np.testing.assert_array_equal(e.player_values, same.player_values)
    words = pellucid.ExactShapley()(scored, "a good film it was", masker=Grouped([["good", "film"]]))
    assert words.players[0] == ("a", "good + film", "it", "was")


# -- bad input ------------------------------------------------------------------------------------------------------

F = lambda v: v.reshape(len(v), -1).sum(1)  # noqa: E731


@pytest.mark.parametrize(
    ("x", "masker", "kind", "text"),
    [
        (np.ones((1, 4)), Segments(), ParameterError, r"Segments hide regions of images. Got table features"),
        (np.ones((1, 4)), Stretches(), ParameterError, r"hide windows of series. Got table features"),
        (np.ones((1, 4)), Background(np.ones((3, 5))), ShapeError, r"rows of shape \(5,\), the data \(4,\)"),
        (
            np.ones((1, 1, 6, 6)),
            Background(np.ones((3, 4))),
            ShapeError,
            r"rows of shape \(4,\), the data \(1, 6, 6\)",
        ),
        (np.ones((1, 1, 6, 6)), Conditional(np.ones((3, 4))), ShapeError, r"rows of shape \(4,\), the data"),
        (np.ones((1, 1, 6, 6)), Stretches(), ParameterError, r"hide windows of series. Got image features"),
        ("some words", Segments(), ParameterError, r"Absent words are left out of a text, or replaced"),
        ("some words", Fill(0.0), ParameterError, r"Absent words are left out of a text, or replaced"),
        (
            np.ones((1, 4)),
            np.ones((3, 4)),
            ParameterError,
            r"This is no masker. Got ndarray.*Pass Background\(rows\)",
        ),
        (np.ones((1, 4)), "blur", ParameterError, r"This is no masker. Got str"),
        (np.ones((1, 4)), (Fill(0.0), Fill(0.0)), ParameterError, r"Several maskers are for several inputs"),
    ],
)
def test_a_masker_of_another_data_type(x, masker, kind, text):
    with pytest.raises(kind, match=text):
        pellucid.PermutationShap()(F if not isinstance(x, str) else scored, x, masker=masker)


def test_maskers_of_inputs_that_there_are_not():
    with pytest.raises(ShapeError, match=r"2 inputs need 2 maskers. Got 3"):
        pellucid.Ablation()(both, (IMAGES, TABLE), masker=(Fill(),) * 3)
    with pytest.raises(ParameterError, match=r"There is no input 'input 9'"):
        pellucid.Ablation()(both, (IMAGES, TABLE), masker={"input 0": Fill(), "input 9": Fill()})
    with pytest.raises(ParameterError, match=r"A masker says itself what hides a feature"):
        pellucid.Ablation()(F, np.ones((1, 4)), masker=Fill(), baseline=0.0)


def test_features_without_a_kind_may_be_hidden_by_number():
    assert Fill(0.0).bind(np.ones((2, 2)), Features()).players[3] == "[1, 1]"
