"""Results as pages: one HTML file that needs nothing else, not even a network."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from functools import singledispatch
from html import escape
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.colors import to_hex

from pellucid.core.errors import FileError
from pellucid.core.features import Tokens
from pellucid.core.types import NpArray
from pellucid.results import AttentionMaps, Attribution, Explanation

from . import labels, theme, units
from .attention import about, counted, number_of, squares
from .attention_labels import say
from .highlight import html
from .registry import figure

BUDGET = 900_000
"""Bytes of packed weights on a page."""
ROWS = 20
"""Texts that are shown one below the other; `html` and `terminal` show any."""
LEVELS = (255, 63, 31, 15, 7)
"""Steps of the square-root scale, fewer where a page would grow beyond the budget."""


def write(e: Explanation, path: Path, lang: str = "en") -> Path:
    """Write a result as one page.

    Raises:
        FileError: the place cannot be written.
    """
    text = page(e, labels.readable(lang))
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise FileError(
            f"{path} cannot be written: {error.strerror or error}.", fix="Choose another place."
        ) from error
    return path


@singledispatch
def page(e: Explanation, lang: str) -> str:
    """A result as HTML: the sentence and the picture; attention can be walked through."""
    return _whole(escape(e.provenance.title), lang, shown(e, lang), "")


def shown(e: Explanation, lang: str = "en") -> str:
    """A result as a piece of HTML, as notebooks show it: the sentence, and the picture or the highlighted words."""
    said = escape(e.narrate(lang), quote=True)
    if isinstance(e, Attribution) and isinstance(e.features, Tokens) and e.features.tokens:
        texts = [html(e, row, lang=lang) for row in range(min(len(e), ROWS))]
        return f"<p>{said}</p>{''.join(texts)}"
    picture = BytesIO()
    figure(e, lang=labels.readable(lang)).savefig(picture, format="png", dpi=100)
    data = b64encode(picture.getvalue()).decode()
    return f'<p>{said}</p><img alt="{said}" src="data:image/png;base64,{data}">'


@page.register
def _(e: AttentionMaps, lang: str, row: int = 0) -> str:
    row = number_of(e, "row", row, e.rows)
    found = [squares(e, i, row) for i in range(len(e.layers))]
    limit = max(units.limit_of(f) for f in found) or 1.0
    packed, levels = _packed(found, limit)
    names = [[w for w in e.words(row, s[axis]) if w != ""] for s in e.shapes for axis in (2, 3)]
    data = {
        "layers": [
            {"name": name, "heads": len(f), "q": f.shape[1], "keys": f.shape[2]}
            for name, f in zip(e.layers, found, strict=True)
        ],
        "words": names if any(names) else [],
        "limit": limit,
        "levels": levels,
        "dark": to_hex(theme.SEQUENTIAL(1.0)),
        "scale": [[round(255 * c) for c in theme.SEQUENTIAL(t)[:3]] for t in np.linspace(0, 1, 256)],
        "text": {k: say(lang, k) for k in ("layer", "head", "query", "key")},
    }
    said = [e.narrate(lang), about(e, lang, row), say(lang, "lines"), _exact(lang, limit, levels)]
    told = "".join(f"<p>{escape(line)}</p>" for line in said if line)
    title = escape(labels.words(lang).method(e.provenance.method, e.provenance.title))
    body = (
        f'<h1>{title}</h1>{told}<p>{escape(say(lang, counted(e)))} <canvas id="bar" width="256" height="12">'
        f'</canvas> 0 – {limit:.3g}</p><div id="all"><div id="grid" role="listbox"></div>'
        '<div id="one"><h2 id="which"></h2><p id="hint" aria-live="polite"></p><div id="map"></div></div></div>'
    )
    script = f"const D={json.dumps(data, ensure_ascii=False)},P='{packed}';{_part('page.js')}"
    script = script.replace("</", "<\\/")  # a word that ends a script ends this one not
    return _whole(title, lang, body, f"<script>{script}</script>")


def _packed(found: list[NpArray], limit: float) -> tuple[str, int]:
    """The weights in steps of the square-root scale, deflated, as text; and how many steps there are."""
    flat = np.sqrt(np.concatenate([f.ravel() for f in found]) / limit)
    text, levels = "", LEVELS[0]
    for levels in LEVELS:
        text = b64encode(zlib.compress(np.round(flat * levels).astype(np.uint8).tobytes(), 6)).decode()
        if len(text) <= BUDGET:
            break
    return text, levels


def _exact(lang: str, limit: float, levels: int) -> str:
    """How exact the numbers on the page are: half a step at the largest weight."""
    off = f"{limit / levels:.2g}"
    return (
        f"本页将数值四舍五入，误差不超过 ±{off}。"
        if lang == "zh"
        else f"This page rounds them, by at most {off}."
    )


def _part(name: str) -> str:
    """A file of the page that is no Python."""
    return files("pellucid.plots").joinpath(name).read_text("utf-8")


def _whole(title: str, lang: str, body: str, script: str) -> str:
    return (
        f'<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_part('page.css')}</style><body>{body}{script}</body></html>"
    )
