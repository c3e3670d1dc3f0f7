"""Highlighted words: one renderer for pages and terminals, escaped, in both languages."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import pellucid
from pellucid import plots
from pellucid.core.errors import CapabilityError, ParameterError

NASTY = 'good <script>alert(1)</script> & "bad" it\'s \x1b[31mred \u202etfel 很好'


def points(texts: list[str]) -> np.ndarray:
    return np.array([2.0 * ("good" in t) - t.count("bad") + t.count("好") for t in texts])


def result(text: Any, words: Any = None) -> Any:
    return pellucid.Ablation()(points, text, features=words)


def spoken(page: str) -> str:
    """What a browser shows of a page, without tags."""

    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.text, self.tags = list[str](), list[str]()

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.tags.append(tag)

        def handle_data(self, data: str) -> None:
            self.text.append(data)

    reader = Reader()
    reader.feed(page)
    assert "script" not in reader.tags
    return "".join(reader.text)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_words_are_escaped(lang):
    e = result([NASTY], pellucid.Words(split=lambda t: t.split(" ")))
    page = plots.html(e, lang=lang)
    assert "<script>alert(1)</script>" in spoken(page)
    assert "\x1b" not in page
    assert "\u202e" not in page
    for colour in (True, False):
        written = plots.terminal(e, lang=lang, colour=colour)
        assert "\u202e" not in written
        assert not re.sub(r"\x1b\[(0|48;2;\d+;\d+;\d+;(30|97))m", "", written).count("\x1b")
        assert ("\x1b" in written) == colour


def test_both_write_the_same_words_and_signs():
    e = result("a good bad film")
    page, written = plots.html(e), plots.terminal(e, colour=False)
    assert "a good[+++] bad[--] film" in written
    shown = spoken(page)
    for told in ("a good bad film", "Ablation", "+2", "−1", "sum of 4 tokens", "orange, underlined: for"):
        assert told in shown
    spans = re.findall(r'<span title="[^"]*" style="([^"]*)">(\w+)</span>', page)
    by_word = {word: style for style, word in spans}
    assert "solid" in by_word["good"]
    assert "dashed" in by_word["bad"]
    assert "border-bottom" not in by_word["a"]


def test_chinese_words_stand_together_and_latin_ones_apart():
    e = result("很好GPT好")
    assert "很好[+++] GPT 好[+++]" in plots.terminal(e, colour=False, lang="zh")
    shown = spoken(plots.html(e, lang="zh"))
    assert "很好 GPT 好" in shown
    assert "消融法" in shown


def test_lines_are_as_wide_as_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    e = result("好" * 40 + " good" * 12)
    body = plots.terminal(e, colour=False).split("\n\n")[1]
    width = [sum(2 if c > "\u2e80" else 1 for c in line) for line in body.splitlines()]
    assert len(width) > 3
    assert max(width) <= 30


def test_colours_follow_the_terminal(monkeypatch):
    e = result("good film")
    assert "\x1b" not in plots.terminal(e), "no terminal here"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert "\x1b" in plots.terminal(e)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in plots.terminal(e)


def test_a_text_of_zeros_says_so():
    e = result("nothing here")
    for written in (plots.html(e), plots.terminal(e)):
        assert "Every value is zero" in written


def test_notebooks_and_pages_show_words(tmp_path):
    e = result(["good film", "bad <b>film</b>"])
    shown = e._repr_html_()
    assert "<img" not in shown
    assert shown.count("sum of") == 2
    page = e.save(tmp_path / "words.html", lang="zh").read_text("utf-8")
    assert "个词元之和" in page
    assert "<b>film" not in page


def test_only_texts_have_words():
    e = pellucid.Ablation()(lambda r: r.sum(1), np.ones((1, 3)))
    for write in (plots.html, plots.terminal):
        with pytest.raises(CapabilityError, match=r"Words are highlighted in texts. Got table"):
            write(e)
    with pytest.raises(ParameterError, match=r"no labels in 'fr'"):
        plots.html(result("good"), lang="fr")
