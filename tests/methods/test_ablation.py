"""Ablation: equal to its twin one by one and in groups; groups of any masker's players."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid
from pellucid import Background, Columns, Fill, Grouped, Pixels, Segments, Windows
from pellucid.core.errors import ParameterError
from pellucid.core.features import Features
from tests.methods.test_kernel_shap import data, singles, tangled
from tests.twins.shapley import left_out, marginal

few = settings(max_examples=15, deadline=None)


@few
@given(players=st.integers(1, 9), seed=st.integers(0, 10_000))
def test_one_by_one_equals_the_twin(players, seed):
    f, (x, background) = tangled(players, seed), data(players, seed=seed)
    e = pellucid.Ablation()(f, x, background=background)
    for row, values in zip(x, e.values, strict=True):
        np.testing.assert_allclose(
            values, left_out(players, marginal(f, row, background, singles(players))), atol=1e-10
        )
    assert e.quality.exact
    assert e.quality.evals == len(x) * (1 + (players + 2) * len(background))


def test_groups_of_columns_equal_the_twin():
    f, (x, background) = tangled(5), data(5)
    columns = Columns(tuple("abcde"), groups={"pair": ("b", "d")})
    e = pellucid.Ablation()(f, x, background=background, features=columns)
    for row, values in zip(x, e.player_values, strict=True):
        np.testing.assert_allclose(
            values, left_out(4, marginal(f, row, background, [[0], [1, 3], [2], [4]])), atol=1e-10
        )
    np.testing.assert_array_equal(e.values[:, 1], e.values[:, 3])


def test_columns_that_correlate_are_left_out_together():
    """One of two copies looks worthless; together they are worth what they carry."""
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, 60))
    rows = np.stack([a, b, a + 0.01 * rng.normal(size=60), c], 1)
    f = lambda r: np.maximum(r[:, 0], r[:, 2])  # noqa: E731
    x = np.array([[3.0, 0.0, 3.0, 0.0]])
    alone = pellucid.Ablation()(f, x, baseline=0.0).values[0]
    np.testing.assert_array_equal(alone, 0)
    together = pellucid.Ablation(groups=3)(f, x, background=rows)
    assert together.players[0] == ("x0 + x2", "x1", "x3")
    assert together.player_values[0, 0] > 2
    assert not together.player_values[0, 1:].any()


def test_words_are_left_out_in_spans():
    f = lambda texts: np.array([float("very good" in " ".join(t.split())) for t in texts])  # noqa: E731
    e = pellucid.Ablation(groups=2)(f, "a very good film")
    assert e.players[0] == ("a + very", "good + film")
    np.testing.assert_array_equal(e.values, 1)
    np.testing.assert_array_equal(pellucid.Ablation()(f, "a very good film").values, [[0, 1, 1, 0]])


def test_regions_are_left_out_together():
    labels = np.kron(np.arange(16).reshape(4, 4), np.ones((2, 2), int))
    e = pellucid.Ablation(groups=4)(
        lambda v: v[:, 0, :4, :4].sum((1, 2)), np.ones((1, 1, 8, 8)), masker=Segments(labels, fill=0.0)
    )
    np.testing.assert_array_equal(e.values[0, 0, :4, :4], 16)
    assert not e.values[0, 0, 4:].any()
    assert not e.values[0, 0, :, 4:].any()


def test_more_groups_than_players_leave_out_one_by_one():
    f, (x, background) = tangled(4), data(4)
    np.testing.assert_array_equal(
        pellucid.Ablation(groups=9)(f, x, background=background).values,
        pellucid.Ablation()(f, x, background=background).values,
    )


# -- groups of any masker -------------------------------------------------------------------------------------------

X = np.arange(6.0)
IMAGE = np.random.default_rng(0).random((1, 6, 6))


@pytest.mark.parametrize(
    ("masker", "x", "features"),
    [
        (Background(np.zeros((4, 6))), X, Columns.numbered(6)),
        (Fill(9.0), X, Features()),
        (Windows(2, 1), X, Features()),
        (Segments("grid", count=6, fill=0.0), IMAGE, Pixels()),
    ],
    ids=["background", "fill", "windows", "segments"],
)
@pytest.mark.parametrize("groups", [1, 3, [[0, 2], [4]]], ids=str)
def test_a_group_is_hidden_when_its_members_are(masker, x, features, groups):
    inner, hidden = masker.bind(x, features), Grouped(groups, masker).bind(x, features)
    group = Grouped(groups, masker)._group(inner)
    assert len(hidden.players) == group.max() + 1
    S = np.random.default_rng(0).random((7, len(hidden.players))) < 0.5
    np.testing.assert_array_equal(hidden.fill(S), inner.fill(S[:, group]))
    values = np.random.default_rng(1).normal(size=len(hidden.players))
    assert hidden.spread(values, share=True).sum() == pytest.approx(values.sum())


def test_groups_by_name_and_what_they_are_called():
    hidden = Grouped([["c", "a"]], Fill(0.0)).bind(np.ones(4), Columns(tuple("abcd")))
    assert hidden.players == ("a + c", "b", "d")
    many = Grouped(1, Fill(0.0)).bind(np.ones(6), Columns.numbered(6))
    assert many.players == ("x0 + x1 + x2 + 3 more",)
    assert Grouped(2, Fill(0.0)).describe() == "filled with 0, in groups"


def test_groups_go_with_any_method():
    f, (x, background) = tangled(22), data(22)
    e = pellucid.ExactShapley()(f, x, masker=Grouped(6, Background(background)))
    assert e.player_values.shape == (2, 6)
    np.testing.assert_allclose(e.residual, 0, atol=1e-10)


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        (0, "at least one group"),
        ([[0], [0]], "in two groups"),
        ([[7]], "no player 7"),
        ([["z"]], "no player 'z'"),
    ],
)
def test_groups_that_cannot_be(groups, text):
    with pytest.raises(ParameterError, match=text):
        Grouped(groups, Fill(0.0)).bind(np.ones(4), Columns(tuple("abcd")))


def test_knobs_of_ablation():
    with pytest.raises(ParameterError, match=r"groups.*at least 1"):
        pellucid.Ablation(groups=0)
