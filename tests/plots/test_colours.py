"""Colours: zero has one, limits are symmetric, the sign outlives colour blindness, the size outlives grey print."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from pellucid import plots
from pellucid.plots import labels, theme
from pellucid.plots.scale import blank, scale
from tests.plots import builders


def grey(colours):
    return theme.luminance(np.asarray(colours)[..., :3])


def test_the_diverging_map_darkens_with_size_on_both_sides():
    shades = grey(theme.DIVERGING(np.linspace(0, 1, 257)))
    assert (np.diff(shades[:129]) > 0).all()
    assert (np.diff(shades[128:]) < 0).all()
    assert shades[128] > 0.9


def test_the_middle_of_the_map_is_zero():
    assert np.allclose(theme.DIVERGING(0.5)[:3], to_rgb(theme.ZERO), atol=1e-3)


@pytest.mark.parametrize("name", ["SEQUENTIAL", "LOW_HIGH"])
def test_unsigned_maps_darken(name):
    assert (np.diff(grey(getattr(theme, name)(np.linspace(0, 1, 64)))) < 0).all()


def test_signs_differ_in_grey_and_for_the_colour_blind():
    pair = np.array([to_rgb(theme.FOR), to_rgb(theme.AGAINST)])
    light = np.sort(grey(pair))
    assert (light[1] + 0.05) / (light[0] + 0.05) > 1.5
    # Red and green seen as one (deuteranopia, Viénot 1999, on linear light): blue against yellow is left.
    linear = pair**2.2
    seen = linear @ np.array([[0.29, 0.71, 0.0], [0.29, 0.71, 0.0], [-0.02, 0.02, 1.0]]).T
    assert np.abs(seen[0] - seen[1]).max() > 0.2


def test_limits_are_symmetric(drawn):
    kind, e = drawn
    ax = plots.draw(e, kind)
    for each in (ax, *ax.child_axes):
        for image in each.images:
            if image.cmap in (theme.DIVERGING, theme.SIGNS):
                low, high = image.get_clim()
                assert low == -high


def test_limits_hold_all_but_the_clip_of_the_mass():
    values = np.random.default_rng(0).normal(size=(50, 50)) ** 3
    for clip in (0.0, 0.02, 0.4):
        found = scale([values], clip)
        beyond = np.abs(values)[np.abs(values) > found.limit].sum() / np.abs(values).sum()
        assert beyond <= clip + 1e-9
        assert found.limit in np.abs(values)
    assert scale([values], 0.0).limit == np.abs(values).max()


def test_limits_of_odd_maps():
    assert scale([np.zeros((3, 3))]).limit == 1
    assert scale([np.array([[0.0, 5.0]])]).limit == 5
    assert scale([np.full((2, 2), 1e-300)]).limit == pytest.approx(1e-300)
    assert scale([np.array([np.nan, 2.0, np.inf])]).limit == 2


def test_the_clip_is_told():
    words = labels.EN
    assert "nothing is clipped" in scale([np.ones(3)]).told(words)
    values = np.concatenate([np.full(10_000, 1.0), [50.0]])
    assert "±1: the top 2 % of total |attribution| is clipped" in scale([values]).told(words)


def test_blank_says_why():
    assert blank(np.zeros((2, 2)), 1.0, labels.EN) == labels.EN.blank
    assert blank(np.full((2, 2), 1e-8), 1.0, labels.EN) == labels.EN.faint
    assert blank(np.full((2, 2), 1e-8), 1e-8, labels.EN) == ""


def test_zero_is_transparent_and_opacity_grows():
    found = scale([np.array([1.0, 2.0, 4.0])], 0.0).opacity(np.array([0.0, -1.0, 2.0, 9.0]))
    assert found[0] == 0
    assert (np.diff(found) > 0).all()
    assert found[-1] == theme.OVERLAY_OPACITY


def test_only_the_theme_has_colours_and_fonts():
    colour = re.compile(r"#[0-9a-fA-F]{6}\b|['\"](black|white|red|green|blue|orange|grey|gray|k|r|g|b)['\"]")
    font = re.compile(r"DejaVu|Noto|fontfamily=['\"]|fontsize=['\"\d]")
    for path in sorted(Path(theme.__file__).parent.glob("*.py")):
        if path.name != "theme.py":
            text = path.read_text(encoding="utf-8")
            assert not colour.search(text), path.name
            assert not font.search(text), path.name


def test_whiskers_and_texts_follow_the_readers_style():
    import matplotlib as mpl

    with mpl.rc_context({"text.color": "white", "figure.facecolor": "black"}):
        figure = plots.figure(builders.RESULTS["bar"](), "bar")
    assert figure.get_facecolor()[:3] == (0, 0, 0)
