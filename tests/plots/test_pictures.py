"""overlay, heatmap, grid, series, tokens: planes lie where they belong and say what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.lines import Line2D
from matplotlib.text import Text

from pellucid import plots
from pellucid.core.features import Features, Pixels, Steps, Tokens, Units
from pellucid.plots import theme
from tests.plots import builders


def said(ax):
    return "\n".join(t.get_text() for t in ax.findobj(Text) if t.get_text()).replace("\n", " ")


@pytest.mark.parametrize("channels", ["first", "last", "none"])
@pytest.mark.parametrize("size", [(8, 8), (1, 40), (40, 1), (1, 1), (6, 200), (300, 310)])
def test_images_of_any_shape(channels, size):
    e = builders.images(1, size, channels)
    for kind in ("overlay", "heatmap", "grid"):
        figure = plots.figure(e, kind)
        figure.canvas.draw()
        assert figure.get_size_inches().max() < 14
    summed = plots.draw(e, "heatmap").images[0].get_array()
    axis = e.features.axis
    assert np.allclose(summed, e.values[0] if axis is None else e.values[0].sum(axis))


def test_small_images_are_enlarged_by_whole_numbers():
    ax = plots.draw(builders.images(1, (32, 32)))
    ax.figure.canvas.draw()
    zoom = ax.get_window_extent().width / 32
    assert zoom == pytest.approx(round(zoom), abs=0.02)
    assert ax.images[0].get_interpolation() == "nearest"


def test_cells_lie_over_the_pixels_they_stand_for():
    """The peak of a 7x7 map over a 56x56 image covers exactly its 8x8 pixels."""
    values = np.zeros((1, 7, 7))
    values[0, 2, 5] = 1
    e = replace(builders.cam(), values=values)
    ax = plots.draw(e)
    image, cells = ax.images
    assert image.get_extent() == cells.get_extent()
    assert cells.get_extent() == [-0.5, 55.5, 55.5, -0.5]
    ax.figure.canvas.draw()
    picture = np.asarray(ax.figure.canvas.buffer_rgba())[..., :3].astype(int)
    box = ax.get_window_extent()
    top = picture.shape[0] - box.y1
    orange = picture[..., 0] - picture[..., 2] > 100
    rows, columns = np.nonzero(orange[:, : int(box.x1)])
    one = box.width / 7
    assert (columns.min() - box.x0) / one == pytest.approx(5, abs=0.05)
    assert (rows.min() - top) / one == pytest.approx(2, abs=0.05)
    assert (columns.max() + 1 - box.x0) / one == pytest.approx(6, abs=0.05)
    assert (rows.max() + 1 - top) / one == pytest.approx(3, abs=0.05)


def test_a_layer_with_channels_is_summed():
    e = replace(builders.cam(), values=np.random.default_rng(0).normal(size=(1, 64, 7, 7)))
    ax = plots.draw(e)
    assert np.allclose(ax.images[1].get_array(), e.values[0].sum(0))
    assert "7x7 cells, summed over 64 channels" in said(ax)


@pytest.mark.parametrize("kind", ["overlay", "heatmap", "grid"])
def test_zero_maps_say_so(kind):
    e = replace(builders.images(1, (32, 32)), values=np.zeros((1, 3, 32, 32)))
    ax = plots.draw(e, kind)
    assert "Every value is zero" in said(ax)
    assert "clipped" not in said(ax)


def test_faint_maps_are_blank_beside_their_siblings():
    e = builders.images(3)
    values = e.values * np.array([1.0, 1e-9, 1.0]).reshape(3, 1, 1, 1)
    for same in (True, False):
        assert said(plots.draw(replace(e, values=values), "grid", same=same)).count("millionth") == 1
    assert "millionth" in said(plots.draw(replace(e, values=values), row=1))


def test_nan_draws_as_nothing():
    e = builders.images(1)
    values = e.values.copy()
    values[0, 0, 0, 0] = np.nan
    ax = plots.draw(replace(e, values=values))
    assert np.isfinite(ax.images[1].get_array()).all()


def test_the_grid_shares_one_scale():
    e = builders.images(5)
    ax = plots.draw(e, "grid")
    limits = {p.images[1].get_clim() for p in ax.child_axes if len(p.images) == 2}
    assert len(limits) == 1
    own = plots.draw(e, "grid", same=False)
    assert len({p.images[1].get_clim() for p in own.child_axes if len(p.images) == 2}) == 5
    assert said(own).count("ends at ±") == 5


def test_the_grid_takes_the_rows_asked_for():
    def pairs(**how):
        return sum(len(p.images) == 2 for p in plots.draw(builders.images(12), "grid", **how).child_axes)

    assert pairs() == 8
    assert pairs(rows=[3]) == 1
    assert pairs(rows=range(9)) == 9


def test_pairs_of_the_grid_do_not_overlap():
    ax = plots.draw(builders.images(7), "grid")
    boxes = [p.get_window_extent() for p in ax.child_axes if p.images]
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0


def test_arrays_and_units_are_maps_too():
    values = np.random.default_rng(0).normal(size=(1, 16, 5, 9))
    ax = plots.draw(builders.attribution(values, Units("conv"), at="conv", x=np.zeros((1, 4))))
    assert np.allclose(ax.images[0].get_array(), values[0].sum(0))
    assert "5x9 cells, summed over 16 channels" in said(ax)
    assert "5x9 cells" in said(plots.draw(builders.attribution(values[:, 0], Features())))


def test_the_colour_bar_counts_in_the_space_and_writes_its_limits():
    ax = plots.draw(builders.images(1), "heatmap", clip=0.0)
    text = said(ax)
    assert "contribution to dog (probability)" in text
    peak = np.abs(ax.images[0].get_array()).max()
    assert f"+{peak:.3g}" in text
    assert f"−{peak:.3g}" in text


@pytest.mark.parametrize("layout", ["channels,steps", "steps,channels", "steps"])
def test_series_of_every_layout(layout):
    rng = np.random.default_rng(0)
    shape = {"channels,steps": (1, 2, 30), "steps,channels": (1, 30, 2), "steps": (1, 30)}[layout]
    e = builders.attribution(rng.normal(size=shape), Steps(layout=layout), x=rng.normal(size=shape))
    ax = plots.draw(e)
    assert len(ax.images) == (1 if layout == "steps" else 2)
    ground = np.stack([np.asarray(i.get_array())[0] for i in ax.images])
    assert np.allclose(ground, np.atleast_2d(e.values[0].T if layout == "steps,channels" else e.values[0]))


def test_series_keep_the_heaviest_channels():
    ax = plots.draw(builders.steps(12), top=3)
    assert len(ax.images) == 3
    assert "and 9 more channels with less attribution" in said(ax)


def test_series_of_one_step_and_of_constants():
    plots.draw(builders.steps(1, 1)).figure.canvas.draw()
    e = builders.steps(2, 10)
    plots.draw(replace(e, x=e.x * 0)).figure.canvas.draw()
    assert "Every value is zero" in said(plots.draw(replace(e, values=e.values * 0)))


def test_words_are_coloured_and_underlined_by_sign():
    ax = plots.draw(builders.text())
    boxes = [p for p in ax.patches if p.get_width() > 0]
    assert len(boxes) == 5  # the padding is not drawn
    lines = [line for line in ax.findobj(Line2D) if line in ax.lines]
    assert [line.get_color() for line in lines] == [theme.FOR, theme.AGAINST, theme.FOR]
    assert len({line.get_linestyle() for line in lines}) == 2


def test_the_sum_of_words_adds_up():
    e = builders.text()
    text = said(plots.draw(e))
    assert "0.7 (baseline) +0.11 (sum of 5 tokens) +0.09 (residual) = 0.9 (output)" in text
    assert "sum of 5 tokens +0.11" in said(plots.draw(replace(e, base=None)))


def test_words_stay_within_their_lines():
    rng = np.random.default_rng(0)
    words = tuple("word" * int(k) for k in rng.integers(1, 5, size=80))
    e = builders.attribution(rng.normal(size=(1, 80)), Tokens((words,)))
    ax = plots.draw(e)
    ax.figure.canvas.draw()
    boxes = [p.get_window_extent() for p in ax.patches]
    frame = ax.get_window_extent()
    assert min(b.y0 for b in boxes) >= frame.y0 - 1
    assert max(b.x1 for b in boxes) <= frame.x1 + 1
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert a.x1 <= b.x0 + 0.5 or b.x1 <= a.x0 + 0.5 or a.y1 <= b.y0 or b.y1 <= a.y0


def test_words_of_embeddings_are_summed():
    values = np.random.default_rng(0).normal(size=(1, 3, 8))
    e = builders.attribution(values, Tokens((("a", "b", "c"),)))
    plots.draw(e, "tokens").figure.canvas.draw()
    bars = plots.draw(e, "bar").patches
    assert np.allclose(np.sort([b.get_width() for b in bars]), np.sort(values[0].sum(1)))


def test_normalised_images_are_undone():
    e = builders.images(1)
    e = replace(e, features=Pixels("first", (0.5,), (0.25,)), x=(e.x - 0.5) / 0.25)
    left = plots.draw(e, "grid").child_axes[0].images[0].get_array()
    assert np.allclose(left, np.moveaxis(builders.images(1).x[0], 0, -1))
