"""bar, waterfall, beeswarm, importance: the numbers drawn are the numbers of the result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.text import Text

from pellucid import plots
from pellucid.core.features import Columns, Features
from tests.plots import builders


def names(ax):
    return [t.get_text() for t in ax.get_yticklabels()]


def lengths(ax):
    return np.array([p.get_width() for p in ax.patches])


def said(ax):
    return "\n".join(t.get_text() for t in ax.findobj(Text) if t.get_text())


def test_bars_are_the_largest_values_and_the_sum_of_the_rest():
    e = builders.table(2, 30, base=False)
    ax = plots.draw(e, "bar", row=1, top=7)
    order = np.argsort(-np.abs(e.values[1]))
    assert np.allclose(lengths(ax)[:7], e.values[1][order[:7]])
    assert np.isclose(lengths(ax)[7], e.values[1][order[7:]].sum())
    assert names(ax)[7] == "and 23 more: sum"
    assert np.isclose(lengths(ax).sum(), e.values[1].sum())


@pytest.mark.parametrize("p", [1, 3, 10, 11])
def test_few_features_are_all_listed(p):
    ax = plots.draw(builders.table(1, p, base=False), "bar")
    assert len(ax.patches) == p
    assert "more" not in said(ax)


def test_bars_take_the_players_where_parts_were_hidden():
    e = builders.images(2)
    players = (("sky", "cat"), ("sky", "cat", "tree"))
    e = replace(e, players=players, player_values=np.array([[1.0, -2.0, np.nan], [1.0, 2.0, 3.0]]))
    assert names(plots.draw(e, "bar")) == ["cat", "sky"]
    assert names(plots.draw(e, "bar", row=1)) == ["tree", "cat", "sky"]


def test_bars_take_groups_of_columns_with_their_half_widths():
    features = Columns(("a", "b", "c"), groups={"ab": ("a", "b")})
    e = builders.attribution(
        [[0.2, 0.2, 0.1]], features, base=np.array([0.4]), half=np.array([[0.02, 0.02, 0.05]])
    )
    e = replace(e, player_values=np.array([[0.4, 0.1]]))
    ax = plots.draw(e, "bar")
    assert names(ax) == ["ab", "c"]
    whiskers = ax.collections[0].get_segments()
    assert np.allclose([np.ptp(w[:, 0]) for w in whiskers], [0.08, 0.1])


def test_whiskers_are_the_half_widths():
    e = builders.table(1, 4, base=False, half=np.full((1, 4), 0.05))
    ax = plots.draw(e, "bar")
    assert np.allclose([np.ptp(w[:, 0]) for w in ax.collections[0].get_segments()], 0.1)
    assert "whiskers: 95 % interval" in said(ax)
    assert "whiskers" not in said(plots.draw(builders.table(), "bar"))


def test_signs_are_written():
    text = said(plots.draw(builders.attribution([[0.5, -0.25]], Columns.numbered(2)), "bar"))
    assert "+0.5" in text
    assert "−0.25" in text


def test_zero_bars_say_so():
    assert "every value is zero" in said(
        plots.draw(builders.attribution([[0.0, 0.0]], Columns.numbered(2)), "bar")
    )


def test_bars_of_missing_values_draw():
    e = builders.attribution([[0.5, np.nan]], Columns.numbered(2), x=[[np.nan, 1.0]])
    ax = plots.draw(e, "bar")
    assert np.isfinite(lengths(ax)).all()
    assert "x0 = missing" in said(ax)


def test_three_hundred_features_and_words():
    ax = plots.draw(builders.table(1, 300), "bar", top=300)
    assert len(ax.patches) == 300
    assert names(plots.draw(builders.text(), "bar"))[0] == "not [3]"
    assert names(plots.draw(builders.attribution([[[1.0, 2.0]]], Features()), "bar")) == ["[0, 1]", "[0, 0]"]


def test_the_waterfall_leads_from_base_to_output():
    e = builders.table(2, 30)
    ax = plots.draw(e, "waterfall", row=1, top=5)
    bars = ax.patches
    assert names(ax)[0] == "baseline"
    assert names(ax)[-1] == "output"
    assert np.isclose(bars[1].get_x(), e.base[1])
    ends = [p.get_x() + p.get_width() for p in bars]
    for before, bar in zip(ends[:-1], bars[1:], strict=True):
        assert np.isclose(before, bar.get_x())
    assert np.isclose(ends[-1], e.output[1])


def test_the_waterfall_shows_what_is_missing():
    whole = builders.table(1, 4)
    assert "residual (not attributed)" not in names(plots.draw(whole, "waterfall"))
    lacking = replace(whole, output=whole.output + 0.2)
    ax = plots.draw(lacking, "waterfall")
    assert names(ax)[-2] == "residual (not attributed)"
    assert np.isclose(lengths(ax)[-2], 0.2)


def test_the_beeswarm_has_every_row_at_its_value():
    e = builders.table(40, 6)
    ax = plots.draw(e, "beeswarm", top=4)
    order = np.argsort(-np.abs(e.values).mean(0))
    assert names(ax) == [f"x{i}" for i in order[:4]]
    for strip, column in zip(ax.collections, order, strict=False):
        assert np.allclose(strip.get_offsets()[:, 0], e.values[:, column])
    assert "2 more features are not shown" in said(ax)
    assert "feature value" in said(ax)


def test_the_beeswarm_is_the_same_every_time_and_stays_in_its_strips():
    e = builders.table(500, 3)
    one, two = (plots.draw(e, "beeswarm") for _ in range(2))
    for y, (a, b) in enumerate(zip(one.collections, two.collections, strict=True)):
        assert np.array_equal(a.get_offsets(), b.get_offsets())
        assert np.abs(a.get_offsets()[:, 1] - y).max() < 0.5


def test_points_of_the_beeswarm_do_not_hide_one_another():
    e = builders.attribution(np.zeros((20, 1)), Columns.numbered(1))
    offsets = plots.draw(e, "beeswarm").collections[0].get_offsets()
    assert len(np.unique(np.round(offsets, 6), axis=0)) == 20


def test_many_points_become_a_picture():
    assert not plots.draw(builders.table(100, 10), "beeswarm").collections[0].get_rasterized()
    assert plots.draw(builders.table(300, 10), "beeswarm").collections[0].get_rasterized()


def test_the_beeswarm_takes_missing_and_constant_columns():
    e = builders.table(20, 3)
    x = e.x.copy()
    x[:, 0], x[:5, 1], x[:, 2] = np.nan, np.nan, 1.0
    assert "grey: missing" in said(plots.draw(replace(e, x=x), "beeswarm"))


def test_importance_is_sorted_with_whiskers_and_repeats():
    e = builders.importance(6, 5)
    ax = plots.draw(e)
    assert names(ax) == [f"column {i}" for i in e.order]
    assert np.allclose(lengths(ax), e.values[e.order])
    dots = ax.collections[0].get_offsets()
    assert np.allclose(np.sort(dots[:, 0]), np.sort(e.repeats.ravel()))
    whiskers = [np.ptp(w[:, 0]) for w in ax.collections[1].get_segments()]
    assert np.allclose(whiskers, 2 * e.quality.half_width[e.order])


def test_importance_that_may_be_none_is_pale_and_says_so():
    e = builders.importance(6, 5)
    ax = plots.draw(e)
    doubtful = np.abs(e.values) <= e.quality.half_width
    assert doubtful.any()
    assert said(ax).count("(includes 0)") == doubtful.sum()
    colours = {p.get_facecolor() for p in ax.patches}
    assert len(colours) == 2
    assert "pale: the 95 % interval includes 0" in said(ax)


def test_importance_of_one_repeat_and_of_many_columns():
    assert "repeats" not in said(plots.draw(builders.importance(3, 1)))
    ax = plots.draw(builders.importance(300), top=20)
    assert len(ax.patches) == 20
    assert "280 more features are not shown" in said(ax)
