"""A model and a table as read, and what methods measure of them, before either is a view or a result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pellucid.core.errors import DataError, ParameterError
from pellucid.core.features import Columns
from pellucid.core.intake import Data
from pellucid.core.model import pace_of, spending
from pellucid.core.run import Pace, Run, batches
from pellucid.core.target import Target, space_of
from pellucid.core.types import Array, NpArray
from pellucid.core.views import STACKED_ROWS, Aim, Blocks, Table

from .places import Place

FIRST_ROWS = 1000
"""Rows asked about as they are, to see what the model gives, where not all are needed."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A model and a table as read, before any view of them.

    Attributes:
        data: the caller's model and rows.
        run: how to run.
        columns: what the rows are made of.
        classes: names of the outputs.
    """

    data: Data
    run: Run
    columns: Columns
    classes: tuple[str, ...]

    @cached_property
    def pace(self) -> Pace:
        """How many rows the model is asked about at once."""
        return pace_of(self.data.model, self.data.inputs, self.data.x[0].nbytes, self.run)

    def outputs(self, X: NpArray) -> NpArray:
        """Rows of numbers -> outputs as NumPy, in batches."""
        return self._told(lambda: X, self.data.model.predict)

    def spent(self, made: Callable[[], NpArray]) -> NpArray:
        """The same of rows that nobody needs afterwards: the model may write to them."""
        model = self.data.model
        return self._told(made, model.spend if spending(model) else model.predict)

    def _told(self, made: Callable[[], NpArray], predict: Callable[[Array], Array]) -> NpArray:
        model, parts = self.data.model, list[NpArray]()
        rows: NpArray | None = made()
        total = len(rows)

        def answer(some: slice) -> None:
            nonlocal rows
            rows = made() if rows is None else rows
            try:  # copied where it is a view, which would hold all of its batch
                parts.append(np.ascontiguousarray(model.numpy(predict(model.native(rows[some])))))
            except Exception:
                rows = None
                raise

        self.pace.over(total, answer)
        self.run.meter.count(total, grad=False)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def answered(self, blocks: Blocks) -> NpArray:
        """The outputs of a table given block by block, as many rows as there are."""
        n, out = len(self.data.x), None
        for part in batches(n, self.run.size(1.0, STACKED_ROWS)):
            y = self.outputs(blocks(part))
            out = np.empty((n, *y.shape[1:]), y.dtype) if out is None else out
            out[part] = y  # a copy: outputs may be views that hold their block
        return out if out is not None else np.zeros(0)

    def first(self, rows: int | None = None) -> NpArray:
        """The outputs of the rows as they are, or of the first of them.

        Raises:
            DataError: the model gives NaN or infinity.
        """
        y = self.outputs(self.data.x[:rows])
        if not np.isfinite(y).all():
            row = int((~np.isfinite(y).reshape(len(y), -1).all(1)).argmax())
            raise DataError(
                f"The output of the model holds NaN or infinity for row {row}.", fix="Check this row."
            )
        return y

    def aim(self, target: Any, y: NpArray) -> Target:
        """The target for outputs like `y`."""
        facts = self.data.model.facts
        return Aim(target, self.classes, facts.space, classifier=facts.classifier).at(y)

    def aims(self, target: Any, y: NpArray) -> tuple[Target, ...]:
        """One target for all rows; without one every output, and of two classes the second."""
        if hasattr(target, "__len__") and not isinstance(target, str | tuple | np.str_) and np.ndim(target):
            raise ParameterError("An effect is of one target for all rows.", fix="Pass one class.")
        if target is not None or y.ndim != 2 or y.shape[1] == 1:
            return (self.aim(target, y),)
        facts = self.data.model.facts
        two = y.shape[1] == 2 and (facts.classifier or space_of(y, facts.space) == "probability")
        return tuple(self.aim(k, y) for k in ((1,) if two else range(y.shape[1])))

    def table(self, goals: Sequence[Target], **more: Any) -> Table:
        """The view of this subject under some targets."""

        def aimed(y: NpArray, rows: NpArray) -> NpArray:
            return np.stack([np.asarray(g.value(y, rows), float) for g in goals], 1)

        def ask(X: NpArray, rows: NpArray) -> NpArray:
            return aimed(self.outputs(X), rows)

        everyone, dtypes = np.arange(len(self.data.x)), getattr(self.data.codec, "dtypes", ())
        given = {
            "run": self.run,
            "X": self.data.x,
            "columns": self.columns,
            "ask": ask,
            "spend": lambda made, rows: aimed(self.spent(made), rows),
            "spends": spending(self.data.model) and not self.data.model.facts.reads_only,
            "predict": lambda X: ask(X, everyone)[:, 0],
            "in_blocks": lambda blocks: np.asarray(goals[0].value(self.answered(blocks), everyone), float),
            "ordered": tuple(bool(getattr(d, "ordered", False)) for d in dtypes),
            "size": self.run.size(1.0, STACKED_ROWS),
            **more,
        }
        return Table(**given)


@dataclass(frozen=True, eq=False)
class Effect:
    """What the model does as one column, or two together, change.

    Attributes:
        place: the columns.
        grid: (points, columns).
        values: (points, targets).
        half_width: (points, targets), NaN where it is not known.
        individual: (rows kept, points, targets).
        count: (points,) rows behind each point.
    """

    place: Place
    grid: NpArray
    values: NpArray
    half_width: NpArray
    individual: NpArray
    count: NpArray


@dataclass(frozen=True, eq=False)
class Joint:
    """How far columns act together.

    Attributes:
        shares: (columns, columns) of the variance, for pairs, and on the diagonal for each with all others.
        strength: (columns, columns) the same as a standard deviation in units of the output.
        half_width: (columns, columns) of the shares.
        measured: (columns, columns) whether it was.
        rows: how many rows it was measured on.
    """

    shares: NpArray
    strength: NpArray
    half_width: NpArray
    measured: NpArray
    rows: int


@dataclass(frozen=True, eq=False)
class Imitation:
    """A simple model fitted to what the model says.

    Attributes:
        form: "tree", "rules" or "linear".
        found: its arrays, as `Surrogate` names them, and the weights of its terms.
        held_out: numbers of the rows that it was not fitted to.
        rows: how many rows it was fitted to.
    """

    form: str
    found: dict[str, NpArray]
    held_out: NpArray
    rows: int
