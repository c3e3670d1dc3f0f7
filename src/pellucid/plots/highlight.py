"""A text whose words are coloured by their values, as HTML and for a terminal: one renderer, two ways to write it."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from dataclasses import dataclass
from html import escape

import numpy as np
from matplotlib.colors import to_hex

from pellucid.core.errors import CapabilityError
from pellucid.core.features import Tokens
from pellucid.results import Attribution

from . import captions, labels, theme
from .canvas import chosen
from .labels import Words
from .parts_labels import say
from .scale import CLIP, Scale, blank, scale
from .tokens import FAINT, sum_line, words_of

TOP = 6
"""So many of the strongest words have a bar."""
BAR = 60
"""Pixels of the longest bar."""
LONGEST = 200
"""Characters of a word; longer ones lose their middle."""
COLUMNS = 80
"""Width of a terminal that does not say how wide it is."""
HIDDEN = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that turn the direction of what follows."""


@dataclass(frozen=True)
class Piece:
    """A word as it is shown.

    Attributes:
        text: the word, without characters that would do something to the page.
        value: its value.
        colour, ink: of its ground and its letters, (red, green, blue) in 0..1 and a name.
        share: the size of its value as a share of the colour limit, at most 1.
        glued: whether no space stands before it.
    """

    text: str
    value: float
    colour: tuple[float, float, float]
    ink: str
    share: float
    glued: bool


@dataclass(frozen=True)
class Text:
    """One row's text, ready to be written.

    Attributes:
        head: lines above: the method, what was explained.
        pieces: its words.
        limits: of the colours.
        foot: lines below.
        nothing: why nothing is coloured; "" where something is.
        lang, words: the language.
    """

    head: tuple[str, ...]
    pieces: tuple[Piece, ...]
    limits: Scale
    foot: tuple[str, ...]
    nothing: str
    lang: str
    words: Words


def html(e: Attribution, row: int = 0, *, lang: str = "en", clip: float = CLIP) -> str:
    """One row's text as HTML that needs nothing else: words on coloured grounds, the scale, the strongest words.

    Args:
        e: attributions of a text.
        row: which row.
        lang: language of the labels.
        clip: share of the total attribution beyond the colour limits.
    """
    text = _read(e, row, lang, clip)
    head, *more = (escape(line) for line in text.head)
    body = "".join(("" if p.glued else " ") + _span(p) for p in text.pieces)
    foot = "".join(f"<br>{escape(line)}" for line in text.foot)
    scale_line = escape(text.nothing) if text.nothing else _swatches(text)
    return (
        f'<div lang="{lang}" style="font-size:16px;line-height:1.9;max-width:60em;color:{theme.LINE};'
        f'background:{theme.LABEL_BACK};padding:.6em">'
        f'<div style="font-size:13px;line-height:1.5"><b>{head}</b>{"".join(f"<br>{line}" for line in more)}</div>'
        f'<p style="margin:.4em 0;overflow-wrap:anywhere">{body}</p>'
        f'<div style="font-size:12px;line-height:1.6">{scale_line}{foot}</div>'
        f"{'' if text.nothing else _bars(text)}</div>"
    )


def terminal(
    e: Attribution, row: int = 0, *, lang: str = "en", clip: float = CLIP, colour: bool | None = None
) -> str:
    """One row's text for a terminal: words on coloured grounds, or with + and - behind them where there are no colours.

    Args:
        e: attributions of a text.
        row: which row.
        lang: language of the labels.
        clip: share of the total attribution beyond the colour limits.
        colour: whether to colour; None does so on a terminal, unless NO_COLOR is set.
    """
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ if colour is None else colour
    text = _read(e, row, lang, clip)
    wide = shutil.get_terminal_size((COLUMNS, 24)).columns
    lines, line, used = list[str](), "", 0
    for piece in text.pieces:
        written, length = _marked(piece, coloured)
        gap = "" if piece.glued or not line else " "
        if line and used + len(gap) + length > wide:
            lines.append(line)
            line, used, gap = "", 0, ""
        line, used = line + gap + written, used + len(gap) + length
    legend = text.words.underline if coloured else say(text.lang, "signs")
    limit = captions.number(text.limits.limit)
    below = [text.nothing] if text.nothing else [legend, f"±{limit}"]
    return "\n".join([*text.head, "", *lines, line, "", *below, *text.foot])


def _read(e: Attribution, row: int, lang: str, clip: float) -> Text:
    if not isinstance(e.features, Tokens) or not e.features.tokens:
        raise CapabilityError("Words are highlighted in texts.", got=f"{e.features.kind} features")
    words, row = labels.LANGUAGES[labels.known(lang)], chosen(e, row)
    texts, values = words_of(e, row)
    limits = scale([values], clip)
    nothing = blank(values, limits.peak, words)
    pieces = list[Piece]()
    before = " "
    for text, value in zip(texts, values.tolist(), strict=True):
        shown = captions.shortened(_plain(text), LONGEST)
        red, green, blue = theme.DIVERGING(limits.norm(value))[:3]
        glued = not pieces or (theme.is_wide(before) and theme.is_wide(shown[:1] or " "))
        share = min(1.0, abs(value) / limits.limit) if limits.limit > 0 else 0.0
        pieces.append(Piece(shown, value, (red, green, blue), theme.ink((red, green, blue)), share, glued))
        before = shown[-1:] or " "
    head = (captions.method(e, words), captions.about(e, row, words))
    checks = [words.caution.format(meaning=c.meaning, name=c.name) for c in e.quality.caveats]
    foot = (sum_line(e, row, values, words), "" if nothing else limits.told(words), *checks)
    return Text(head, tuple(pieces), limits, tuple(f for f in foot if f), nothing, lang, words)


def _plain(text: str) -> str:
    """A word without control characters and without those that turn the direction of writing."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) == "Cc" or c in HIDDEN else c for c in text
    )


def _span(piece: Piece) -> str:
    line = ""
    if piece.share > FAINT:
        own = theme.FOR if piece.value > 0 else theme.AGAINST  # unseen on a ground of the same colour
        kind = "solid" if piece.value > 0 else "dashed"
        line = f";border-bottom:2px {kind} {own if piece.share < 0.5 else piece.ink}"
    return (
        f'<span title="{captions.signed(piece.value)}" style="background:{to_hex(piece.colour)};color:{piece.ink};'
        f'padding:.1em .15em;border-radius:3px{line}">{escape(piece.text)}</span>'
    )


def _swatches(text: Text) -> str:
    """The colours with their numbers, from against to for."""
    out = list[str]()
    for share in (-1.0, -0.5, 0.0, 0.5, 1.0):
        value = share * text.limits.limit
        colour = theme.DIVERGING(text.limits.norm(value))[:3]
        written = captions.signed(value) if share else "0"
        out.append(
            f'<span style="display:inline-block;min-width:4em;text-align:center;background:{to_hex(colour)};'
            f'color:{theme.ink(colour)}">{written}</span>'
        )
    return f"{''.join(out)} {escape(text.words.underline)}"


def _bars(text: Text) -> str:
    """The strongest words with their values, as bars from a middle line."""
    sizes = np.abs([p.value for p in text.pieces])
    order = [i for i in np.argsort(-sizes, kind="stable")[:TOP].tolist() if sizes[i] > 0]
    largest, rows = float(sizes.max()), ""
    for i in order:
        piece = text.pieces[i]
        length = BAR * abs(piece.value) / largest
        start = BAR if piece.value > 0 else BAR - length
        colour = theme.FOR if piece.value > 0 else theme.AGAINST
        rows += (
            f'<tr><td style="text-align:right;padding-right:.5em">{escape(piece.text)}</td><td>'
            f'<svg width="{2 * BAR}" height="10"><rect x="{start:.1f}" y="1" width="{length:.1f}" height="8" '
            f'fill="{colour}"/><path d="M{BAR} 0V10" stroke="{theme.PLAIN}"/></svg></td>'
            f'<td style="text-align:right">{captions.signed(piece.value)}</td></tr>'
        )
    return f'<table style="border-spacing:0;font-size:13px;line-height:1.35;margin-top:.4em">{rows}</table>'


def _marked(piece: Piece, colour: bool) -> tuple[str, int]:
    """A word as a terminal shows it, and how many columns it takes."""
    length = sum(
        2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1
        for c in piece.text
    )
    if not colour:
        signs = (
            ("+" if piece.value > 0 else "-") * int(np.ceil(3 * piece.share)) if piece.share > FAINT else ""
        )
        return (f"{piece.text}[{signs}]", length + len(signs) + 2) if signs else (piece.text, length)
    if piece.share <= FAINT:
        return piece.text, length
    ground = ";".join(str(round(255 * c)) for c in piece.colour)
    return (
        f"\x1b[48;2;{ground};{30 if piece.ink == theme.ink(theme.LABEL_BACK) else 97}m{piece.text}\x1b[0m",
        length,
    )
