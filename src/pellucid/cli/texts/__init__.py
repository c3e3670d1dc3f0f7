"""Every word of the command line's results and of the demo's page, in each language."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from pellucid.narratives.words import Words


@cache
def texts(lang: str) -> Words:
    """The words of `lang`, "en" or "zh"."""
    return Words(lang, tomllib.loads(files(__name__).joinpath(f"{lang}.toml").read_text(encoding="utf-8")))
