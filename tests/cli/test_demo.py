"""The demo: trained once, written in both languages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import pellucid
from pellucid.cli import main
from pellucid.cli.demo import exhibits, page, show, train
from pellucid.cli.texts import texts

SEED = 0


class Reader(HTMLParser):
    """What a browser would load, and what it would read aloud."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.images: list[dict[str, str]] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.lang = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attrs}
        self.tags.append(tag)
        self.images += [given] if tag == "img" else []
        self.links += [given[k] for k in ("href", "src") if k in given]
        self.lang = given.get("lang", self.lang) if tag == "html" else self.lang

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@dataclass
class Shown:
    folder: Path
    sections: tuple[exhibits.Section, ...]
    said: str
    pages: dict[str, str]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """`pellucid demo` as a user runs it, and the same results in Chinese."""
    folder = tmp_path_factory.mktemp("demo")
    kept: list[tuple[exhibits.Section, ...]] = []

    with pytest.MonkeyPatch.context() as patch:
        whole = show.explained
        patch.setattr(show, "explained", lambda w, seed: kept.append(whole(w, seed)) or kept[-1])
        done = CliRunner().invoke(main, ["demo", "--out", str(folder / "en")])
    assert done.exit_code == 0, done.output
    (folder / "zh").mkdir()
    page.write(kept[0], folder / "zh", "zh", SEED)
    pages = {lang: (folder / lang / "index.html").read_text(encoding="utf-8") for lang in ("en", "zh")}
    return Shown(folder, kept[0], done.output, pages)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_needs_nothing_else(shown: Shown, lang: str) -> None:
    html = shown.pages[lang]
    reader = read(html)
    assert not re.search(r"https?://", html) and "@import" not in html and "url(" not in html
    assert not {"script", "link", "iframe", "object"} & set(reader.tags)
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in reader.links)
    assert reader.lang == {"en": "en", "zh": "zh-CN"}[lang]
    assert "$" not in re.sub(r"base64,[^\"]*", "", html)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_picture_is_inside_with_its_sentence(shown: Shown, lang: str) -> None:
    reader = read(shown.pages[lang])
    pictures = {page.embedded(p) for p in (shown.folder / lang).glob("*.png")}
    assert {image["src"] for image in reader.images} == pictures
    text = "".join(reader.words)
    for section in shown.sections:
        for x in section.exhibits:
            sentence = x.result.narrate(lang, row=x.row)
            assert sentence in text
            assert sentence in [image["alt"] for image in reader.images]


def test_chinese_is_chinese(shown: Shown) -> None:
    words = "".join(read(shown.pages["zh"]).words)
    assert "识别错误的数字" in words or "最没有把握的数字" in words
    assert "The model" not in words


def test_the_models_are_good_and_the_accuracy_is_shown(shown: Shown) -> None:
    for section in shown.sections:
        assert float(section.facts["accuracy"]) > 90
        assert f"{section.facts['accuracy']} %" in shown.said
    assert f"{shown.sections[0].facts['accuracy']} %" in shown.pages["en"]


def test_at_least_five_methods_of_each_result_in_a_file(shown: Shown) -> None:
    files = {p.name: pellucid.load(p) for p in (shown.folder / "en").glob("*.npz")}
    assert len({e.provenance.method for e in files.values()}) >= 7
    for section in shown.sections:
        for x in section.exhibits:
            assert np.array_equal(files[x.file].values, x.result.values)
            assert x.file in shown.pages["en"]


def test_a_misread_digit_is_shown_where_there_is_one(shown: Shown) -> None:
    wrong = shown.sections[1]
    assert (wrong.key == "wrong") == (wrong.facts["label"] != wrong.facts["predicted"])


def test_without_a_mistake_the_least_sure_digit_is_shown() -> None:
    scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    t = train.Trained(None, np.zeros((3, 1)), np.array([0, 0, 1]), np.zeros((1, 1)), scores, ("a", "b"))
    assert exhibits.worst(t) == 1
    missed = train.Trained(None, np.zeros((3, 1)), np.array([1, 0, 1]), np.zeros((1, 1)), scores, ("a", "b"))
    assert exhibits.worst(missed) == 0


def test_both_languages_have_the_same_words() -> None:
    def keys(tree: dict[str, object], before: str = "") -> set[str]:
        return {
            key
            for k, v in tree.items()
            for key in (keys(v, f"{before}{k}.") if isinstance(v, dict) else {f"{before}{k}"})
        }

    assert keys(texts("en").tree) == keys(texts("zh").tree)


def test_scans_are_enlarged_without_a_shift() -> None:
    scan = np.zeros((1, 8, 8))
    scan[0, :, 4:] = 1
    large = train.enlarged(scan)
    assert large.shape == (1, 1, 32, 32)
    assert np.allclose(large[0, 0, 0, :14], 0) and np.allclose(large[0, 0, 0, 18:], 1)
    assert large.mean() == pytest.approx(0.5, abs=1e-6)


def test_without_torch_the_pip_line_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    done = CliRunner().invoke(main, ["demo", "--out", str(tmp_path / "demo")])
    assert done.exit_code == 2 and "pip install 'pellucid[torch]'" in done.stderr
    assert not (tmp_path / "demo").exists()
