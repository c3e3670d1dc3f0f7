"""Partition SHAP: Owen values by their definition, and trees that join what belongs together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid
from pellucid.core.features import Features
from pellucid.core.hierarchy import hierarchy
from pellucid.core.masker import Background, Fill, Segments
from tests.methods.test_kernel_shap import data, singles, tangled
from tests.twins.shapley import marginal

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
RNG = np.random.default_rng(0)


def every_order(tree: Any) -> list[list[int]]:
    """All orders that keep the branches of a tree together."""
    if isinstance(tree, int):
        return [[tree]]
    left, right = every_order(tree[0]), every_order(tree[1])
    return [a + b for a in left for b in right] + [b + a for a in left for b in right]


def owen(tree: Any, players: int, value: Any) -> np.ndarray:
    """The mean gain over all these orders."""
    out, orders = np.zeros(players), every_order(tree)
    for order in orders:
        present: frozenset[int] = frozenset()
        for player in order:
            out[player] += value(present | {player}) - value(present)
            present |= {player}
    return out / len(orders)


@pytest.mark.parametrize("players", [1, 2, 3, 6])
def test_owen_values_by_their_definition(players):
    f, (x, background) = tangled(players), data(players)
    e = pellucid.PartitionShap()(f, x, background=background)
    tree = hierarchy(Background(background).bind(x[0], pellucid.Columns.numbered(players)))
    for row, values in zip(x, e.values, strict=True):
        expected = owen(tree, players, marginal(f, row, background, singles(players)))
        np.testing.assert_allclose(values, expected, atol=1e-10)
    assert e.quality.exact


def test_more_players_are_sampled_and_the_intervals_hold_the_owen_values():
    f, (x, background) = tangled(9), data(9, rows=1)
    tree = hierarchy(Background(background).bind(x[0], pellucid.Columns.numbered(9)))
    expected = owen(tree, 9, marginal(f, x[0], background, singles(9)))
    inside = []
    for seed in range(60):
        with pellucid.options(seed=seed):
            e = pellucid.PartitionShap()(f, x, background=background)
        assert not e.quality.exact
        np.testing.assert_allclose(e.residual, 0, atol=1e-10)
        inside.append(np.abs(e.values[0] - expected) <= e.quality.half_width[0])
    assert np.mean(inside) >= 0.90


def test_correlated_columns_are_joined_first():
    rows = RNG.normal(size=(200, 6))
    rows[:, 1] = rows[:, 0] + 0.1 * rows[:, 1]
    rows[:, 4] = -rows[:, 2] + 0.1 * rows[:, 4]
    tree = hierarchy(Background(rows).bind(rows[0], pellucid.Columns.numbered(6)))
    assert "(0, 1)" in str(tree)
    assert "(2, 4)" in str(tree)


def test_twins_share_what_one_of_them_would_have():
    """Of two columns that say the same, a model that reads either has both blamed, and the others as they were."""
    rows = RNG.normal(size=(100, 5))
    rows[:, 1] = rows[:, 0]
    either = lambda r: np.maximum(r[:, 0], r[:, 1]) + r[:, 2] * r[:, 3]  # noqa: E731
    e = pellucid.PartitionShap()(either, rows[:3], background=rows[:20])
    np.testing.assert_allclose(e.values[:, 0], e.values[:, 1], atol=1e-10)
    np.testing.assert_array_equal(e.values[:, 4], 0)


def test_regions_and_words_are_joined_to_their_neighbours():
    image = RNG.random((1, 16, 16))
    tree = hierarchy(Segments("grid", count=4, fill=0.0).bind(image, pellucid.Pixels()))
    assert sorted(map(sorted, tree)) in ([[0, 1], [2, 3]], [[0, 2], [1, 3]])
    assert hierarchy(Fill(0.0).bind(np.arange(5.0), Features())) == (((0, 1), 2), (3, 4))


def test_rows_with_trees_of_their_own():
    images = RNG.random((3, 1, 16, 16))
    f = lambda r: np.tanh(r[:, 0, :8].mean((1, 2)) * r[:, 0, 8:].mean((1, 2)))  # noqa: E731
    e = pellucid.PartitionShap()(f, images, features=pellucid.Pixels())
    np.testing.assert_allclose(e.residual, 0, atol=1e-10)
    alone = pellucid.PartitionShap()(f, images[1:2], features=pellucid.Pixels())
    np.testing.assert_array_equal(alone.values, e.values[1:2])


def test_texts():
    f = lambda texts: np.array([2.0 * ("very good" in t) - ("bad" in t) for t in texts])  # noqa: E731
    e = pellucid.PartitionShap()(f, "a very good film, not bad")
    words = dict(zip(e.features.row(0), e.values[0], strict=True))
    assert words["very"] == words["good"] == pytest.approx(1)
    assert words["bad"] == pytest.approx(-1)
    assert words["a"] == words["film"] == words["not"] == 0
