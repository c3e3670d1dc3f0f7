"""What boosters of every library share: columns matched by name, classes side by side, probabilities or margins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError, ShapeError, nearest
from pellucid.core.forest import Forest
from pellucid.core.forest_check import rounding
from pellucid.core.frames import is_missing
from pellucid.core.types import NpArray

MARGINS = ("margin", "raw")
"""Words for the plain sum of the trees, before any link."""
CHECKED = 64
"""Rows of a caller's table on which trees are held against their model."""


@dataclass(frozen=True)
class Scale:
    """What the outputs of an objective count in.

    Attributes:
        usual: what the model says when it is asked.
        margin: what the sum of its trees counts in.
        classes: whether the outputs are classes.
    """

    usual: str = "raw"
    margin: str = "raw"
    classes: bool = False

    @property
    def answers(self) -> tuple[str, str]:
        """What `output=` may name."""
        return ("probability" if self.usual == "probability" else "prediction", "margin")


def wants_margin(output: str | int | None, scale: Scale) -> bool:
    """Whether `output` asks for the sum of the trees and not for what the model usually says.

    Raises:
        CapabilityError: it asks for something else.
    """
    if output is None or output == scale.answers[0]:
        return False
    if output in MARGINS:
        return True
    raise CapabilityError(f"The model has no output {output!r}.", fix=nearest(str(output), scale.answers))


def both(answer: NpArray, space: str) -> NpArray:
    """Two classes behind one number: it speaks for the second, what is left of it for the first."""
    return np.stack([1 - answer if space == "probability" else -answer, answer], axis=1)


def matched(
    rows: Any, names: Sequence[str], *, named: bool, spelt: Callable[[str], str] = lambda name: name
) -> Any:
    """A frame with its columns in the order of the model, matched by name; an array as it is.

    A model that was trained without names takes the columns in the order they have, as its library does.

    Args:
        rows: a frame or an array.
        names: what the model calls its columns.
        named: whether these are the caller's names, and not numbers the library made up.
        spelt: how the library spells a column's name.

    Raises:
        ShapeError: a column that the model was trained on is not there.
    """
    if not hasattr(rows, "columns"):
        return rows
    labels = {spelt(str(label)): label for label in rows.columns}
    lacking = [name for name in names if name not in labels]
    if lacking and named:
        raise ShapeError(
            f"The rows lack the column {lacking[0]!r} that the model was trained on.",
            got=list(map(str, rows.columns)),
            fix=near if (near := nearest(lacking[0], labels)).startswith("Did") else "",
        )
    if lacking or not names or list(labels) == list(names):
        return rows
    return rows[[labels[name] for name in names]]


def worded(rows: Any) -> Any:
    """A pandas frame with its columns of words as categories, as XGBoost and LightGBM take them; else as it is."""
    if not hasattr(rows, "columns") or not hasattr(rows, "astype"):
        return rows
    words = [c for c, kind in rows.dtypes.items() if str(kind) in ("object", "str", "string")]
    return rows.astype(dict.fromkeys(words, "category")) if words else rows


def coded(
    frame: Any, categories: Sequence[Sequence[Any] | None], unseen: Callable[[int, Any], float]
) -> NpArray:
    """A frame as the numbers that trees compare: categories as the codes the model was trained with, gaps as NaN.

    Args:
        frame: pandas or polars, its columns in the order of the model.
        categories: per column what the codes stand for; None for numbers, or where the frame's own codes count.
        unseen: the code of a value that is in none of them, by column.
    """
    out = np.empty((len(frame), len(frame.columns)))
    for j, label in enumerate(frame.columns):
        out[:, j] = _coded(frame[label], categories[j], lambda value, j=j: unseen(j, value))
    return out


def _coded(column: Any, known: Sequence[Any] | None, unseen: Callable[[Any], float]) -> NpArray:
    own = getattr(getattr(column, "cat", None), "categories", None)  # a pandas column of categories
    known = own if known is None else known
    if known is None:
        return floats(column)
    codes = {value: float(code) for code, value in enumerate(known)}

    def code(value: Any) -> float:
        return codes[value] if value in codes else unseen(value)

    if own is None:
        return np.array([np.nan if is_missing(v) else code(v) for v in column.to_list()])
    used, place = np.unique(column.cat.codes.to_numpy(), return_inverse=True)
    return np.array([np.nan if k < 0 else code(own[k]) for k in used])[place]


def floats(column: Any) -> NpArray:
    """A column of numbers, gaps as NaN."""
    if getattr(column.dtype, "kind", "O") in "iufb" and isinstance(column.dtype, np.dtype):
        return np.asarray(column, np.float64)
    values = column.to_list() if hasattr(column, "to_list") else column
    return np.array([np.nan if is_missing(v) else float(v) for v in values], np.float64)


def agreed(forest: Forest, x: NpArray, table: Any, margin: Callable[[Any], Any], name: str) -> NpArray:
    """`x`, once the trees give on some of its rows what the model itself does on those of the caller's table.

    A model is checked once when it is read, and here where categories come in, whose words only the table knows.

    Args:
        forest: the trees.
        x: the table as the trees compare it.
        table: a frame or an array.
        margin: the model's raw prediction for such a table.
        name: of the model.

    Raises:
        CapabilityError: they differ by more than float32 rounds.
    """
    few = np.unique(np.linspace(0, len(x) - 1, CHECKED).astype(int))
    part = table.iloc[few] if hasattr(table, "iloc") else table[few]
    theirs = np.asarray(margin(part), np.float64).reshape(len(few), -1)
    gap = float(np.abs(forest.predict(x[few]) - theirs).max())
    if not gap <= rounding(forest):
        raise CapabilityError(
            f"The trees read from {name} do not give its own prediction for these categories.",
            got=f"a difference of {gap:.3g}",
            fix="Use KernelShap, and report the model's version.",
        )
    return x
