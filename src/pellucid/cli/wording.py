"""What the user wrote after --row, --target, --classes and --baseline, as values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pellucid.core.errors import ParameterError

ROWS = re.compile(r"-?\d+|-?\d*:-?\d*(:-?\d*)?")
ARRAYS = (".npy", ".npz")


def rows(text: str | None, count: int) -> list[int]:
    """Row numbers: "3", "0:8", "1,4", or several of these; None is every row.

    Raises:
        ParameterError: it is not written so, or there is no such row.
    """
    if text is None:
        return list(range(count))
    chosen = list[int]()
    for part in text.replace(" ", "").split(","):
        if not ROWS.fullmatch(part):
            raise ParameterError("--row is not understood.", got=repr(text), fix="Write 3, 0:8 or 1,4.")
        chosen += _sliced(part, count) if ":" in part else [_numbered(int(part), count)]
    if not chosen:
        raise ParameterError(f"--row {text} takes none of the {count} rows.", fix=f"Choose 0..{count - 1}.")
    return chosen


def _sliced(part: str, count: int) -> range:
    start, stop, step, *_ = [int(p) if p else None for p in part.split(":")] + [None]
    if step == 0:
        raise ParameterError("--row cannot go on by steps of 0.", got=repr(part))
    return range(count)[start:stop:step]


def _numbered(row: int, count: int) -> int:
    if not -count <= row < count:
        raise ParameterError(f"There is no row {row}.", fix=f"Choose 0..{count - 1}.")
    return row % count


def target(text: str | None, classes: Sequence[str]) -> Any:
    """A class by its name where names are known, else by its number; "2,5" is an index into the output's axes."""
    if text is None or text in classes:
        return text
    if re.fullmatch(r"-?\d+(,-?\d+)*", text.replace(" ", "")):
        index = tuple(int(part) for part in text.split(","))
        return index[0] if len(index) == 1 else index
    return text


def listed(text: str | None) -> tuple[str, ...]:
    """Names between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) if text else ()


def numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    """Numbers between commas.

    Raises:
        ParameterError: one of them is none.
    """
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise ParameterError(
            f"{option} takes numbers.", got=repr(text), fix="Write, say, 0.5,0.5,0.5."
        ) from error


def baseline(text: str | None) -> Any:
    """A number, an array from a file, or a name that the library knows."""
    if text is None:
        return None
    if Path(text.partition(":")[0]).suffix.lower() in ARRAYS:
        from .loading.data import array

        return array(text)
    try:
        return float(text)
    except ValueError:
        return text


def output(text: str | None) -> str | int | None:
    """One of several outputs, by position or key."""
    return int(text) if text is not None and re.fullmatch(r"\d+", text) else text


def size(text: str | None) -> tuple[int, int] | None:
    """Height and width: "224" or "224x320".

    Raises:
        ParameterError: it is not written so.
    """
    if text is None:
        return None
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)?", text.lower()):
        raise ParameterError("--size is not understood.", got=repr(text), fix="Write 224, or 224x320.")
    sides = [int(side) for side in text.lower().split("x")]
    return sides[0], sides[-1]
