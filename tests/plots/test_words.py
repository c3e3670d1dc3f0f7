"""What is written on pictures, in both languages, and that all of it can be read."""

from __future__ import annotations

import tomllib
import warnings
from dataclasses import fields, replace
from importlib.resources import files
from itertools import pairwise
from string import Formatter

import numpy as np
import pytest
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from pellucid import plots
from pellucid.core.errors import PellucidWarning
from pellucid.core.features import Columns
from pellucid.plots import captions, check_labels, labels, theme
from pellucid.results import Attribution, Importance
from tests.plots import builders

LONG = tuple(
    f"{n} of the nucleus, measured by the second reader and corrected for age [{n} units]" for n in range(12)
)


def said(ax):
    return "\n".join(t.get_text() for t in ax.findobj(Text) if t.get_text())


def cut_off(figure):
    """Texts that reach beyond the figure."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    edge = figure.bbox
    unseen = {tick.label1 for axis in figure.findobj(Axis) for tick in axis.get_major_ticks()}
    unseen -= {tick.label1 for axis in figure.findobj(Axis) for tick in axis._update_ticks()}
    out = []
    for text in figure.findobj(Text):
        if not text.get_text().strip() or not text.get_visible() or text in unseen:
            continue
        box = text.get_window_extent(renderer)
        if box.x0 < edge.x0 or box.y0 < edge.y0 or box.x1 > edge.x1 + 0.5 or box.y1 > edge.y1 + 0.5:
            out.append(text.get_text())
    return out


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_text_is_cut_off(drawn, lang):
    kind, e = drawn
    assert cut_off(plots.figure(e, kind, lang=lang)) == []


def test_long_names_are_not_cut_off():
    for n, kind in ((1, "bar"), (1, "waterfall"), (20, "beeswarm")):
        e = builders.table(n, 12, names=LONG)
        assert cut_off(plots.figure(e, kind)) == []
    assert cut_off(plots.figure(builders.importance(12, names=LONG))) == []
    one_word = tuple(f"{'x' * 150}{i}" for i in range(3))
    assert cut_off(plots.figure(builders.table(1, 3, names=one_word))) == []


def test_long_classes_are_not_cut_off():
    name = "a very long class name, as ImageNet has them, with all of its synonyms in one line " * 2
    for e in (builders.images(1, (8, 8)), builders.table()):
        assert cut_off(plots.figure(replace(e, target=(name,), classes=("cat", name)))) == []


def test_long_names_do_not_overlap():
    ax = plots.draw(builders.table(1, 12, names=LONG), "bar")
    FigureCanvasAgg(ax.figure).draw()
    boxes = [t.get_window_extent() for t in ax.get_yticklabels()]
    assert all(a.y0 >= b.y1 for a, b in pairwise(boxes))


def test_titles_say_method_target_score_and_space(drawn):
    kind, e = drawn
    text = said(plots.draw(e, kind))
    assert e.provenance.title in text
    if kind == "importance":
        assert "importance (accuracy)" in text
        assert "accuracy before shuffling: 0.95" in text
        return
    if isinstance(e, Attribution):
        assert "probability" in text
        assert "dog" in text


def test_titles_say_the_predicted_class():
    e = builders.table()
    assert "dog (predicted): probability 0.9" in said(plots.draw(e))
    other = replace(e, target=("cat",), output=np.array([0.2]))
    assert "cat: probability 0.2; predicted dog: 0.8" in said(plots.draw(other))
    plain = replace(e, scores=None, space="raw", target=("output",))
    assert "output: raw output 0.9" in said(plots.draw(plain))


def test_titles_say_layer_and_cells():
    text = said(plots.draw(builders.cam()))
    assert "at layer layer4.2.conv3" in text
    assert "7x7 cells" in text


def test_rows_are_called_as_in_their_frame():
    e = replace(builders.table(3), index=("ann", "bob", "cy"))
    assert "row bob" in said(plots.draw(e, "bar", row=1))


def test_the_verdict_is_under_every_picture(drawn):
    kind, e = drawn
    quality = replace(e.quality, checks=(builders.CAUTION,))
    e = replace(e, quality=quality)
    assert "caution: The values miss 20 % of their sum." in said(plots.draw(e, kind)).replace("\n", " ")


def test_chinese_labels(drawn, chinese):
    kind, e = drawn
    e = replace(e, quality=replace(e.quality, checks=(builders.CAUTION,)))
    text = said(plots.draw(e, kind, lang="zh"))
    assert "注意：“完备性”检查未通过" in text
    assert "caution" not in text
    if isinstance(e, Attribution | Importance):
        assert ("重要性" if kind == "importance" else "概率") in text


def test_chinese_is_drawn_and_not_replaced_by_boxes(drawn, chinese):
    kind, e = drawn
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.figure(e, kind, lang="zh").canvas.draw()


def test_two_characters_give_two_pictures(chinese):
    def pixels(name):
        figure = plots.figure(builders.table(1, 1, base=False, names=(name,)), "bar")
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba())

    assert (pixels("年") != pixels("月")).any()


def test_without_a_font_labels_are_english_and_the_font_is_named_once(no_chinese):
    with pytest.warns(PellucidWarning, match="apt install fonts-noto-cjk") as found:
        text = said(plots.draw(builders.table(), lang="zh"))
        plots.draw(builders.images(), lang="zh")
    assert "baseline" in text
    assert len(found) == 1


def test_without_a_font_chinese_names_are_warned_of_too(no_chinese):
    with pytest.warns(Warning, match="Chinese|Glyph") as found:
        plots.draw(builders.table(1, 1, names=("年龄",)))
    assert sum(issubclass(w.category, PellucidWarning) for w in found) == 1


def test_both_languages_say_everything():
    for f in fields(labels.Words):
        en, zh = getattr(labels.EN, f.name), getattr(labels.ZH, f.name)
        if isinstance(en, str) and f.name != "caution":  # zh names the check, since its sentence is English
            assert en
            assert zh
            assert _slots(en) == _slots(zh), f.name


def _slots(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_a_dollar_begins_no_formula():
    names = ("price ($)", "fee ($) _x", "a_b^c", r"\frac")
    e = builders.table(1, 4, names=names)
    ax = plots.draw(replace(e, target=("$dog$",)))
    ax.figure.canvas.draw()
    assert "price ($)" in said(ax)


def test_the_readers_own_texts_are_left_alone():
    ax = Figure().subplots()
    mine = ax.text(0, 0, "$x^2$")
    plots.draw(builders.table(), ax=ax)
    assert mine.get_parse_math()


def test_fold():
    room = captions.width("m" * 10, theme.BODY)
    assert captions.fold("aa bb cc", room, theme.BODY) == "aa bb cc"
    assert captions.fold("aaaaaa bbbbbb", room, theme.BODY) == "aaaaaa\nbbbbbb"
    assert captions.fold("m" * 25, room, theme.BODY) == "\n".join(["m" * 10, "m" * 10, "m" * 5])
    assert captions.fold("", room, theme.BODY) == ""


def test_shortened_names_keep_both_ends():
    short = captions.shortened("a" * 100 + "b" * 100)
    assert len(short) == captions.LONGEST
    assert short[0] == "a"
    assert short[-1] == "b"


def test_units_and_categories_are_shown():
    features = Columns(("age", "sex"), units={"age": "years"}, categories={"sex": ("female", "male")})
    e = replace(builders.table(1, 2), features=features, x=np.array([[31.0, 1.0]]))
    text = said(plots.draw(e, "bar"))
    assert "age = 31 years" in text
    assert "sex = male" in text


def test_every_check_that_is_told_in_chinese_has_a_chinese_name_on_pictures():
    told = tomllib.loads(files("pellucid.narratives").joinpath("zh.toml").read_text("utf-8"))["checks"]
    assert set(told) <= set(check_labels.CHINESE)
    assert all(any("一" <= c <= "鿿" for c in name) for name in check_labels.CHINESE.values())
    assert len(set(check_labels.CHINESE.values())) == len(check_labels.CHINESE)


@pytest.mark.parametrize(
    ("lang", "slope", "share"), [("en", "gradient of", "contribution to"), ("zh", "梯度", "贡献")]
)
@pytest.mark.parametrize("kind", ["beeswarm", "bar"])
def test_gradients_are_not_called_contributions(lang, slope, share, kind):
    rows = builders.table(20, 5) if kind == "beeswarm" else builders.table(1, 5)
    smooth = {"of": {"method": "saliency", "absolute": False}, "reduce": "mean"}
    for method, params, word in (
        ("saliency", {}, slope),
        ("noise_tunnel", smooth, slope),
        ("noise_tunnel", {**smooth, "of": {"method": "integrated_gradients"}}, share),
        ("integrated_gradients", {}, share),
    ):
        e = replace(rows, provenance=replace(rows.provenance, method=method, params=params))
        assert word in plots.draw(e, kind, lang=lang).get_xlabel()
