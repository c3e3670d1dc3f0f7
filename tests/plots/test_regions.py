"""Regions: whole values, outlines where regions meet, numbers on the strongest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

import pellucid
from pellucid.core.errors import ParameterError
from pellucid.plots import theme

LABELS = np.zeros((6, 9), int)
LABELS[:2, :2], LABELS[3:, 4:] = 1, 2
IMAGE = np.random.default_rng(0).random((1, 3, 6, 9))


@pytest.fixture(scope="module")
def e() -> Any:
    """A small region worth 1, a large one worth -2, and the ground worth nothing."""
    f = lambda v: (v[:, 0, 0, 0] != 0) - 2.0 * (v[:, 0, 5, 8] != 0)  # noqa: E731
    return pellucid.ExactShapley()(f, IMAGE, masker=pellucid.Segments(LABELS, fill=0.0))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_strongest_are_outlined_and_numbered(e, lang):
    ax = e.plot("regions", lang=lang)
    ax.figure.canvas.draw()
    words = [t.get_text() for t in ax.texts]
    assert "1" in words
    assert "2" in words
    assert "3" not in words, "what is worth nothing has no number"
    assert any("1: −2, 2: +1" in w for w in words)
    lines = [c for c in ax.collections if isinstance(c, LineCollection)]
    colours = [to_hex(c.get_colors()[0]) for c in lines]
    assert colours.count(theme.FOR) == colours.count(theme.AGAINST) == 1
    small = next(c for c, colour in zip(lines, colours, strict=True) if colour == theme.FOR)
    edges = {tuple(map(tuple, s)) for s in small.get_segments()}
    assert edges == {
        ((-0.5, 1.5), (0.5, 1.5)), ((0.5, 1.5), (1.5, 1.5)),
        ((1.5, -0.5), (1.5, 0.5)), ((1.5, 0.5), (1.5, 1.5)),
    }  # fmt: skip


def test_a_region_has_the_colour_of_its_whole_value(e):
    ax = e.plot("regions", clip=0)
    shown = ax.images[1].get_array()
    np.testing.assert_allclose(shown[LABELS == 1], 1)
    np.testing.assert_allclose(shown[LABELS == 2], -2)


def test_images_that_were_not_hidden_by_regions_have_none():
    e = pellucid.Occlusion()(lambda v: v.sum((1, 2, 3)), IMAGE)
    assert "regions" not in pellucid.plots.kinds(e)
    with pytest.raises(ParameterError, match=r"not hidden region by region"):
        e.plot("regions")


def test_regions_stay_with_their_rows(e, tmp_path):
    two = pellucid.Ablation()(
        lambda v: v[:, 0, 0, 0], np.concatenate([IMAGE, IMAGE]), masker=pellucid.Segments(LABELS)
    )
    np.testing.assert_array_equal(two[1].regions, LABELS[None])
    np.testing.assert_array_equal(pellucid.load(e.save(tmp_path / "regions")).regions, e.regions)
