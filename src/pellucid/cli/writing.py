"""A result on disk: the numbers, the pictures, the sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.core.errors import CapabilityError, FileError
from pellucid.results import Attribution, Explanation, Sensitivity

PICTURES = 20
"""Rows that get a picture of their own."""
DPI = 150
BY_ROW = (Attribution, Sensitivity)
"""Results of which each row is told and drawn by itself."""


@dataclass(frozen=True)
class Written:
    """What was written where.

    Attributes:
        folder: where it all is.
        pictures: one per row drawn, then the overall one.
        rows, drawn: how many rows there are, and how many have a picture.
    """

    folder: Path
    pictures: tuple[Path, ...]
    rows: int
    drawn: int


@contextmanager
def folder(place: str | Path) -> Iterator[Path]:
    """The folder to write to, made before the work; it is taken away again where the work leaves it empty.

    Raises:
        FileError: it cannot be made, or nothing can be written in it.
    """
    path = Path(place)
    new = not path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".pellucid"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise FileError(
            f"{path} cannot be written: {error.strerror or error}.", fix="Choose another place with --out."
        ) from error
    try:
        yield path
    finally:
        if new:
            with suppress(OSError):  # it is not empty: there are results
                path.rmdir()


def write(e: Explanation, place: Path, lang: str) -> Written:
    """Write `explanation.npz`, a picture per row and one of all, and `explanation.txt`."""
    e.save(place / "explanation.npz")
    sentences = [f"{head}\n{text}" if head else text for head, text in told(e, lang)]
    text(place / "explanation.txt", "\n\n".join(sentences) + "\n")
    rows, pictures = 0, list[Path]()
    if isinstance(e, BY_ROW):
        rows = len(e)
        for row in range(min(rows, PICTURES)):
            pictures += _drawn(e[row : row + 1], place / f"row-{file_label(e, row)}.png", lang)
    drawn = len(pictures)
    if overall := _overall(e):
        pictures += _drawn(e, place / "overall.png", lang, overall)
    return Written(place, tuple(pictures), rows, drawn)


def told(e: Explanation, lang: str) -> Iterator[tuple[str, str]]:
    """The sentence of each row under the row's label; one without a label for a result over a whole table."""
    if not isinstance(e, BY_ROW):
        yield "", e.narrate(lang)
        return
    for row in range(len(e)):
        yield f"[{e.index[row] if e.index else row}]", e.narrate(lang, row=row)


def file_label(e: Attribution | Sensitivity, row: int) -> str:
    """What a row is called in a file's name: its number with zeros before it, or the picture's name."""
    label = e.index[row] if e.index else row
    known = str(label)
    safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in known.rpartition(".")[0] or known)
    return f"{int(known):04d}" if known.isdigit() else safe


def _overall(e: Explanation) -> str | None:
    """The drawing that shows all of a result at once, where there is one."""
    from pellucid import plots

    if isinstance(e, Sensitivity) or (isinstance(e, Attribution) and len(e) < 2):
        return None
    known = plots.kinds(e)
    named = next((kind for kind in ("importance", "beeswarm", "grid") if kind in known), None)
    return named or (known[0] if known and not isinstance(e, Attribution) else None)


def _drawn(e: Explanation, path: Path, lang: str, kind: str | None = None, **how: Any) -> list[Path]:
    try:
        ax = e.plot(kind, lang=lang, **how)
    except CapabilityError:
        return []  # no drawing fits a result of this shape; its numbers and its sentence are there
    picture(ax, path)
    return [path]


def picture(ax: Any, path: Path) -> Path:
    """Save the figure of some axes.

    Raises:
        FileError: the place cannot be written.
    """
    try:
        ax.figure.savefig(path, dpi=DPI)
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror or error}.") from error
    return path


def text(path: Path, content: str) -> Path:
    """Write a text file.

    Raises:
        FileError: the place cannot be written.
    """
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror or error}.") from error
    return path
