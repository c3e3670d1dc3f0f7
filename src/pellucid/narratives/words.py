"""The words of one language, read from its TOML file on first use, and how pieces are put together."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import chain
from string import Formatter
from typing import Any

from pellucid.core.errors import ParameterError

LANGUAGES = ("en", "zh")


@dataclass(frozen=True, eq=False)
class Words:
    """All the text of one language.

    Attributes:
        lang: its code.
        tree: the tables of its file.
    """

    lang: str
    tree: dict[str, Any]

    def find(self, *path: str) -> str | None:
        """The text at `path`, or None."""
        place: Any = self.tree
        for key in path:
            if not isinstance(place, dict) or key not in place:
                return None
            place = place[key]
        return place if isinstance(place, str) else None

    def say(self, *path: str, **values: object) -> str:
        """The text at `path` with its fields filled in."""
        text = self.find(*path)
        if text is None:
            raise KeyError(f"{self.lang}.toml has no text {'.'.join(path)}")
        pieces = chain.from_iterable(
            (literal, "" if name is None else str(values[name]))
            for literal, name, *_ in Formatter().parse(text)
        )
        return join(list(pieces))

    def listed(self, items: Sequence[str]) -> str:
        """Several things in a row: "a, b and c"."""
        if len(items) < 2:
            return "".join(items)
        return join([self.say("list", "comma").join(items[:-1]), self.say("list", "and"), items[-1]])


@cache
def words(lang: str) -> Words:
    """The words of `lang`.

    Raises:
        ParameterError: there is no such language.
    """
    if lang not in LANGUAGES:
        raise ParameterError(
            f"There is no language {lang!r}.",
            fix="Choose " + " or ".join(f'"{known}"' for known in LANGUAGES) + ".",
        )
    home = files(__name__.rpartition(".")[0])
    return Words(lang, tomllib.loads(home.joinpath(f"{lang}.toml").read_text(encoding="utf-8")))


def join(pieces: Sequence[str]) -> str:
    """Put pieces one after another, with a space where Chinese meets Latin letters or digits."""
    text = ""
    for piece in pieces:
        meets = bool(text and piece) and {_script(text[-1]), _script(piece[0])} == {"chinese", "latin"}
        text += (" " if meets else "") + piece
    return text


def _script(character: str) -> str:
    if "\u4e00" <= character <= "\u9fff":
        return "chinese"
    return "latin" if "!" <= character <= "~" else ""
