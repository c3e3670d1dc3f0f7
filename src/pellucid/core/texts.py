"""Texts as rows of numbers: each occurrence of a word has a number of its own, and 0 stands for a word that is absent.

A model that takes strings is thus asked about hidden words as any other about hidden columns. What stands between words
(spaces, punctuation) stays where it is; where nothing stands between two words that are left, a space is put there, so
that an absent word never glues its neighbours together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import CapabilityError, DataError, ParameterError
from .features import Features, Tokens
from .masker import Hidden
from .types import Array, NpArray
from .wrapped import Wrapped

HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
MARKS = r"!-/:-@\[-`{-~\u2000-\u206f\u3000-\u303f\uff00-\uffef"
LETTERS = rf"(?:(?![{HAN}])\w)+"
WORD = re.compile(rf"[{HAN}]|\d+(?:[.,]\d+)+|{LETTERS}(?:['\u2019]{LETTERS})*|[^\w\s{MARKS}]+")
"""A Chinese character, a number, a word with its apostrophes, or a run of symbols that are no punctuation (emoji)."""


@dataclass(frozen=True)
class Words:
    """How texts are cut, and what an absent word leaves.

    Attributes:
        split: a function text -> pieces in their order, or a tokenizer of the transformers or tokenizers library, whose
            pieces are put together to words; None takes words, and Chinese one character at a time.
        absent: what takes the place of an absent word: "" for nothing, a token such as "[MASK]", or several words,
            which take it in turn and are averaged over.
    """

    split: Any = None
    absent: str | tuple[str, ...] = ""

    def __post_init__(self) -> None:
        several = (
            isinstance(self.absent, tuple) and self.absent and all(isinstance(a, str) for a in self.absent)
        )
        if not isinstance(self.absent, str) and not several:
            raise ParameterError(
                "absent must be text, or several in a tuple.",
                got=repr(self.absent),
                fix="Pass '' or '[MASK]'.",
            )
        if self.split is not None and (
            isinstance(self.split, str) or not (callable(self.split) or hasattr(self.split, "encode"))
        ):
            raise ParameterError("split must be a function or a tokenizer.", got=type(self.split).__name__)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the words of a text begin and end.

        >>> [("It's 很好!")[a:b] for a, b in Words().spans("It's 很好!")]
        ["It's", '很', '好']
        """
        if self.split is None:
            return [m.span() for m in WORD.finditer(text)]
        found = _offsets(self.split, text)
        return _found(self.split(text), text) if found is None else _joined(found, text)


@dataclass(frozen=True, eq=False)
class Texts(Wrapped):
    """A model of strings, asked about rows of word numbers.

    A row holds its words' numbers, and 0 behind its last word. Where a word is absent its number is negative, and
    larger by as many words as there are for each replacement but the first.

    Attributes:
        words: every word there is, by number from 1 on.
        before: what stands between each of them and the word before it in its text.
        after: what follows the last word of a text; "" for the others.
        absent: what takes the place of a word that is absent, one or several in turn.
    """

    words: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    absent: tuple[str, ...]

    def predict(self, *inputs: Array) -> Array:
        return self.model.predict([self.text(row) for row in np.asarray(inputs[0]).tolist()])

    def native(self, array: NpArray) -> Array:
        return array

    def text(self, row: Sequence[int], spaced: bool = False) -> str:
        """The text that a row stands for; `spaced` widens every space between words."""
        parts, between, last, gap = list[str](), "", "", False
        for word in row:
            if not word:
                break
            way, number = divmod(abs(int(word)) - 1, len(self.words))
            absent = self.absent[way]
            between += self.before[number]
            if word < 0 and not absent:
                gap, between = True, between + self.after[number]
                continue
            if gap and parts and _joins(last, between, self.words[number]):
                between += " "
            if spaced and any(c.isspace() for c in between):
                between += " "
            last = self.words[number] if word > 0 else absent
            parts += [between, last]
            between, gap = self.after[number], False
        return "".join([*parts, between])


@dataclass(frozen=True, eq=False)
class Unsaid:
    """Absent words are left out of their text, or replaced, as the texts were read.

    Attributes:
        texts: the model that knows them.
    """

    texts: Texts

    def bind(self, x: NpArray, features: Features) -> Hidden:
        there = np.flatnonzero(x)
        names = tuple(self.texts.words[int(x[place]) - 1] for place in there)
        member = np.zeros((len(there), len(x)), bool)
        member[np.arange(len(there)), there] = True

        def fill(coalitions: NpArray) -> NpArray:
            ways = len(self.texts.words) * np.arange(len(self.texts.absent))[:, None]
            rows = np.zeros((len(coalitions), len(ways), len(x)), x.dtype)
            rows[..., there] = np.where(coalitions[:, None], x[there], -(x[there] + ways))
            return rows

        return Hidden(names, fill, member=member)

    def describe(self) -> str:
        if self.texts.absent == ("",):
            return "absent words left out"
        return f"absent words replaced by {' or '.join(map(repr, self.texts.absent))}"


def _joins(last: str, between: str, word: str) -> bool:
    """Whether two words would be read as one, now that what stood between them is gone.

    >>> _joins("a", "", "b"), _joins("3", ".", "5"), _joins("3", ", ", "5")
    (True, True, False)
    """
    return not between or WORD.fullmatch(last + between + word) is not None


def is_text(x: Any) -> bool:
    """Whether `x` is a text or a list, an array or a series of texts."""
    if isinstance(x, str):
        return True
    if isinstance(x, np.ndarray):
        return x.ndim == 1 and len(x) > 0 and isinstance(x[0], str)
    if hasattr(x, "to_list") and hasattr(x, "dtype") and not hasattr(x, "columns"):
        x = x.to_list()
    return isinstance(x, list) and len(x) > 0 and all(isinstance(text, str) for text in x)


def read_texts(model: Any, x: Any, words: Any) -> tuple[Texts, NpArray, Tokens]:
    """Texts as a model of numbers, their rows (n, most words), and their words as features.

    Args:
        model: takes a list of strings.
        x: a text or several.
        words: how they are cut; None for the default.

    Raises:
        DataError: a text without words.
        ParameterError: `words` are no `Words`.
    """
    texts = [x] if isinstance(x, str) else [str(text) for text in x]
    words = Words() if words is None else words
    if not isinstance(words, Words):
        raise ParameterError(
            "Texts are made of words.", got=type(words).__name__, fix="Pass features=Words(...)."
        )
    spans = [words.spans(text) for text in texts]
    for row, found in enumerate(spans):
        if not found:
            raise DataError(f"Text {row} holds no words.", got=repr(texts[row][:40]), fix="Leave it out.")
    known, before, after = list[str](), list[str](), list[str]()
    rows = np.zeros((len(texts), max(map(len, spans))), np.int64)
    for row, (text, found) in enumerate(zip(texts, spans, strict=True)):
        end = 0
        for place, (start, stop) in enumerate(found):
            known.append(text[start:stop])
            before.append(text[end:start])
            after.append("")
            rows[row, place], end = len(known), stop
        after[-1] = text[end:]
    tokens = tuple(tuple(known[number - 1] if number else "" for number in row) for row in rows.tolist())
    absent = (words.absent,) if isinstance(words.absent, str) else words.absent
    return Texts(model, tuple(known), tuple(before), tuple(after), absent), rows, Tokens(tokens)


def _offsets(tokenizer: Any, text: str) -> list[tuple[int, int]] | None:
    """Where a tokenizer's pieces begin and end; None for a plain function."""
    if hasattr(tokenizer, "convert_ids_to_tokens"):
        try:
            found = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)["offset_mapping"]
        except NotImplementedError as error:
            raise CapabilityError(
                "This tokenizer does not say where its pieces are.", fix="Load the fast one: use_fast=True."
            ) from error
    elif hasattr(tokenizer, "encode") and not callable(tokenizer):
        found = tokenizer.encode(text, add_special_tokens=False).offsets
    else:
        return None
    return [(int(start), int(stop)) for start, stop in found if stop > start]


def _joined(pieces: Sequence[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """Pieces of one word put together: those that touch without being words of their own."""
    words = [m.span() for m in WORD.finditer(text)]
    out = list[tuple[int, int]]()
    for start, stop in pieces:
        while start < stop and text[start].isspace():  # some pieces begin with the space before them
            start += 1
        inside = next(((a, b) for a, b in words if a <= start and stop <= b), (start, stop))
        if start < stop and (not out or inside[0] >= out[-1][1]):
            out.append(inside)
    return out


def _found(pieces: Any, text: str) -> list[tuple[int, int]]:
    """Where the pieces that a function gave stand in the text, one after another."""
    out, end = list[tuple[int, int]](), 0
    if isinstance(pieces, str) or not all(isinstance(piece, str) for piece in pieces):
        raise ParameterError("split must give a list of words.", got=repr(pieces)[:60])
    for piece in pieces:
        start = text.find(piece.strip(), end) if piece.strip() else -1
        if start < 0:
            if piece.strip():
                raise ParameterError(
                    f"The word {piece!r} is not in the text where it should be.",
                    fix="Split without changing it.",
                )
            continue
        end = start + len(piece.strip())
        out.append((start, end))
    return out
