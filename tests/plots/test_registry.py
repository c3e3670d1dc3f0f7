"""Which drawing is made of what, on which axes, and what of the reader's world stays as it was."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from pellucid import plots
from pellucid.core.errors import CapabilityError, ParameterError
from pellucid.core.features import Features, Pixels, Units
from pellucid.plots.registry import DRAWINGS
from tests.plots import builders


def test_every_drawing_draws_on_its_own_figure(drawn):
    kind, e = drawn
    ax = plots.draw(e, kind)
    assert ax.figure.get_size_inches().min() > 0.5
    ax.figure.canvas.draw()


def test_every_drawing_draws_on_given_axes_and_leaves_the_figure_size(drawn):
    kind, e = drawn
    figure = Figure(figsize=(9, 5))
    ax = figure.subplots(1, 2)[1]
    assert plots.draw(e, kind, ax=ax) is ax
    assert tuple(figure.get_size_inches()) == (9, 5)
    figure.canvas.draw()


@pytest.mark.parametrize("layout", ["constrained", "compressed", "tight"])
def test_layout_engines_keep_drawings_inside(drawn, layout):
    kind, e = drawn
    figure = Figure(figsize=(12, 7), layout=layout)
    plots.draw(e, kind, ax=figure.subplots())
    figure.canvas.draw()
    box = figure.get_tightbbox(
        figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else None
    )
    assert box.x0 > -0.3
    assert box.y0 > -0.3


def test_the_functions_draw_by_themselves(drawn):
    kind, e = drawn
    ax = Figure().subplots()
    assert getattr(plots, kind)(e, ax=ax) is ax


def test_nothing_global_changes(drawn):
    kind, e = drawn
    before = dict(mpl.rcParams)
    for lang in ("en", "zh"):
        plots.draw(e, kind, lang=lang).figure.canvas.draw()
    assert dict(mpl.rcParams) == before


def test_pyplot_is_never_imported():
    code = (
        "import sys; from tests.plots import builders; from pellucid import plots\n"
        "for kind, make in builders.RESULTS.items(): plots.draw(make(), kind).figure.canvas.draw()\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_first_drawing_that_fits():
    first = {
        "overlay": builders.images(),
        "waterfall": builders.table(3),
        "bar": builders.table(3, base=False),
        "beeswarm": builders.table(8),
        "series": builders.steps(),
        "tokens": builders.text(),
        "importance": builders.importance(),
        "heatmap": builders.attribution(np.ones((1, 4, 5)), Features()),
    }
    for kind, e in first.items():
        assert plots.draw(e).get_title(loc="left") == plots.draw(e, kind).get_title(loc="left")
        fitting = [d for d in DRAWINGS if d.name in plots.kinds(e)]
        chosen = plots.registry._chosen(e, None)
        assert chosen.name == kind
        assert chosen in fitting


def test_kinds_lists_what_fits():
    assert plots.kinds(builders.images()) == ("overlay", "grid", "heatmap", "bar")
    assert plots.kinds(builders.table(1, base=False)) == ("bar",)
    assert plots.kinds(builders.importance()) == ("importance",)
    flat = builders.attribution(np.ones((1, 7)), Units("fc"), at="fc")
    assert plots.kinds(flat) == ("bar",)


def test_a_layer_without_height_and_width_is_no_overlay():
    e = replace(builders.images(1), values=np.ones((1, 10)), at="fc")
    assert plots.kinds(e) == ("bar",)
    wide = replace(builders.images(1), values=np.ones((1, 197, 768)), at="block")
    assert "overlay" not in plots.kinds(wide)


def test_unknown_kind_names_the_nearest():
    with pytest.raises(ParameterError, match="Did you mean 'waterfall'"):
        plots.draw(builders.table(), "waterfal")
    with pytest.raises(ParameterError, match="no base"):
        plots.draw(builders.table(base=False), "waterfall")


def test_unknown_option_names_the_options():
    with pytest.raises(ParameterError, match=r"no option 'tpo'.*Did you mean 'top'.*row, top"):
        plots.draw(builders.table(), "bar", tpo=3)
    with pytest.raises(ParameterError, match="Its options: top"):
        plots.draw(builders.table(9), "beeswarm", colour="red")


def test_wrong_values_of_options():
    with pytest.raises(ParameterError, match=r"Choose 0\.\.2"):
        plots.draw(builders.table(3), "bar", row=3)
    with pytest.raises(ParameterError, match="1 or more"):
        plots.draw(builders.table(3), "bar", top=0)
    with pytest.raises(ParameterError, match="clip is a share"):
        plots.draw(builders.images(), clip=2)
    with pytest.raises(ParameterError, match="no labels in 'de'"):
        plots.draw(builders.table(), lang="de")


def test_no_drawing_at_all():
    class Odd(type(builders.table()).__mro__[1]):
        pass

    e = builders.table()
    odd = Odd(values=e.values, features=e.features, quality=e.quality, provenance=e.provenance)
    type(odd).KINDS.pop("Odd")
    with pytest.raises(CapabilityError, match="No drawing fits Odd"):
        plots.draw(odd)


def test_figure_saves(tmp_path):
    plots.figure(builders.images(), lang="en").savefig(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_every_drawing_says_what_it_takes():
    for d in DRAWINGS:
        assert "Args:" in (d.function.__doc__ or "")
        for option in d.options:
            assert f"        {option}: " in d.function.__doc__


def test_third_parties_register_their_own():
    @plots.draws(type(builders.table()), Pixels, size=lambda e, how: (2, 2))
    def blotch(e, *, ax, lang="en"):
        return ax

    try:
        assert "blotch" in plots.kinds(builders.images())
        assert plots.draw(builders.images(), "blotch").get_title() == ""
    finally:
        DRAWINGS.pop()
