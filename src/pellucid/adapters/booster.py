"""What boosters of every library share: columns matched by name, classes side by side, probabilities or margins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError, ShapeError, nearest
from pellucid.core.types import NpArray

MARGINS = ("margin", "raw")
"""Words for the plain sum of the trees, before any link."""


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
