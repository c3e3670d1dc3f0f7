"""The words of a family of drawings, filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Phrases:
    """Says what stands in a table, key -> (English, Chinese).

    >>> say = Phrases({"row": ("row {row}", "第 {row} 行")})
    >>> say("en", "row", row=7)
    'row 7'
    """

    text: Mapping[str, tuple[str, str]]

    def __call__(self, lang: str, key: str, **values: object) -> str:
        """The text of a key, filled in."""
        return self.text[key][lang == "zh"].format(**values)
