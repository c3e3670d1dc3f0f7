"""The demo's page: one file that needs nothing else, its pictures inside it, no network and no script."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from pellucid import __version__
from pellucid.cli.texts import texts
from pellucid.cli.writing import picture, text
from pellucid.narratives.words import Words
from pellucid.narratives.words import words as told_in
from pellucid.plots import theme

from .exhibits import Exhibit, Section

CODE = """import pellucid

e = pellucid.explain(model, rows)  # a network, an estimator, a pipeline, a function of arrays
e.plot().figure.savefig("why.png")
print(e.narrate("{lang}"), e.quality.verdict)

e = pellucid.load("{file}")  # and so are the results of this page read again"""
SCAN = 8
"""How many times the scan is enlarged."""
WIDE = ("tumour", "forest")
"""Sections whose pictures are charts."""


@dataclass(frozen=True)
class Page:
    """What was written: the page itself, how many pictures, and the explanations."""

    path: Path
    pictures: int
    explanations: tuple[str, ...]


def write(sections: Sequence[Section], place: Path, lang: str, seed: int) -> Page:
    """Write pictures, explanations, `sentences.txt` and `index.html`.

    Raises:
        FileError: the place cannot be written.
    """
    w = texts(lang)
    saved = _saved(sections, place)
    cards = [_cards(s, place, lang, w) for s in sections]
    sentences = [f"{w.say('demo', 'section', s.key)}\n\n{_listed(s, lang, w)}" for s in sections]
    text(place / "sentences.txt", "\n\n\n".join(sentences) + "\n")
    names = [*saved, "sentences.txt"]
    words = {
        key: escape(w.say("demo", key))
        for key in ("title", "lead", "contents", "next", "next_text", "files", "files_text")
    }
    html = Template(files("pellucid.cli.demo").joinpath("page.html").read_text(encoding="utf-8")).substitute(
        words,
        lang={"zh": "zh-CN"}.get(lang, lang),
        colour_for=theme.FOR,
        colour_against=theme.AGAINST,
        links="".join(
            f'<li><a href="#{s.key}">{escape(w.say("demo", "section", s.key))}</a></li>' for s in sections
        ),
        sections="\n".join(_section(s, c, w) for s, c in zip(sections, cards, strict=True)),
        code=escape(CODE.format(lang=lang, file=saved[0])),
        names="".join(f"<li><code>{escape(name)}</code></li>" for name in names),
        made=escape(w.say("demo", "made", version=__version__, seed=seed)),
    )
    return Page(text(place / "index.html", html), sum(map(len, cards)), tuple(saved))


def _saved(sections: Iterable[Section], place: Path) -> list[str]:
    """Every explanation once, in order."""
    by_name = {x.file: x.result for s in sections for x in s.exhibits}
    for name, result in by_name.items():
        result.save(place / name)
    return list(by_name)


def _listed(s: Section, lang: str, w: Words) -> str:
    return "\n\n".join(f"{_heading(x, lang, w)}\n{x.result.narrate(lang, row=x.row)}" for x in s.exhibits)


def _heading(x: Exhibit, lang: str, w: Words) -> str:
    """The method as the sentences call it, and the class it was asked about where that is not the predicted one."""
    p = x.result.provenance
    name = told_in(lang).find("methods", p.method) or p.title
    name = name[:1].upper() + name[1:]
    return w.say("demo", "true_class", method=name, label=x.of) if x.of else name


# -- html ---------------------------------------------------------------------------------------------------


def _section(s: Section, cards: Sequence[str], w: Words) -> str:
    wide = " wide" if s.key in WIDE else ""
    title = escape(w.say("demo", "section", s.key))
    intro = escape(w.say("demo", "section", f"{s.key}_text", **s.facts))
    return (
        f'<section id="{s.key}">\n<h2>{title}</h2>\n<p class="intro">{intro}</p>\n'
        f'<div class="cards{wide}">\n{"".join(cards)}</div>\n</section>'
    )


def _cards(s: Section, place: Path, lang: str, w: Words) -> list[str]:
    first = [_scan(s, place, w)] if s.image is not None else []
    return [*first, *(_card(x, place, lang, w) for x in s.exhibits)]


def _scan(s: Section, place: Path, w: Words) -> str:
    """The digit itself."""
    from matplotlib.image import imsave

    name = place / f"{s.key}.png"
    enlarged = s.image.repeat(SCAN, 0).repeat(SCAN, 1)  # type: ignore[union-attr]  # asked for where there is one
    imsave(name, enlarged, cmap=theme.GREYS, vmin=0, vmax=1)
    told = escape(w.say("demo", "saw", **s.facts))
    return (
        f'<figure><div class="sheet"><img class="scan" src="{embedded(name)}" alt="{told}"></div>'
        f"<figcaption><p>{told}</p></figcaption></figure>\n"
    )


def _card(x: Exhibit, place: Path, lang: str, w: Words) -> str:
    how: dict[str, Any] = {} if x.row is None else {"row": x.row}
    name = picture(x.result.plot(x.kind, lang=lang, **how), place / f"{x.name}.png")
    sentence = escape(x.result.narrate(lang, row=x.row))
    result = x.result if x.row is None else x.result[x.row : x.row + 1]  # type: ignore[index]  # attributions
    verdict = result.quality.verdict
    trust = w.say("demo", "quality", verdict=w.say("demo", "verdict", verdict))
    return (
        f'<figure><div class="sheet"><img src="{embedded(name)}" alt="{sentence}"></div><figcaption>'
        f"<h3>{escape(_heading(x, lang, w))}</h3>"
        f'<p class="about">{escape(w.say("demo", "about", x.about))}</p><p>{sentence}</p>'
        f'<p class="verdict {verdict}">{escape(trust)}</p></figcaption></figure>\n'
    )


def embedded(path: Path) -> str:
    """A picture as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
