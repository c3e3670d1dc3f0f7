"""Views: what a method sees of (model, data, target). Methods never see a framework, a batch or a device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from . import target as targets
from .errors import DataError, TargetError
from .forest import Forest
from .masker import Hidden
from .notes import Notes
from .run import Pace, Run, batches, current, stop_if_cancelled, tracking
from .target import Target
from .types import Array, Bools, NpArray

BLACK_BOX_ROWS = 65536
"""Rows in the largest automatic batch of a model that is only asked for predictions."""


@dataclass(frozen=True)
class Aim:
    """What the caller wants explained, before any output is known.

    Attributes:
        spec: see `pellucid.core.target.Spec`.
        classes: names of the outputs.
        space: what the outputs count in; "" where they tell it themselves.
        differentiate: how the framework differentiates a target function.
        classifier: False where several outputs are numbers and no classes, so that none is predicted.
        layer: the layer whose unit `spec` is an index of (a `Neuron`); "" for the network's output.
    """

    spec: Any = None
    classes: tuple[str, ...] = ()
    space: str = ""
    differentiate: targets.Differentiate | None = None
    classifier: bool | None = None
    layer: str = ""

    def at(self, y: Array, rows: slice = slice(None)) -> Target:
        """The target for the outputs `y` of the rows in `rows`."""
        if self.layer:
            return targets.neuron_output(self.spec, y, self.layer)
        spec = targets.scalar(self.spec)
        if spec is None and self.classifier is False and y.ndim == 2 and y.shape[1] > 1:
            raise TargetError(
                f"The model gives {y.shape[1]} numbers, none of them a predicted class.",
                fix=f"Pass target=0 to {y.shape[1] - 1}.",
            )
        if spec is not None and hasattr(spec, "__len__") and not isinstance(spec, str | tuple | np.str_):
            spec = spec[rows]
        return targets.resolve(
            spec,
            y,
            classes=self.classes,
            probabilities=targets.space_of(y, self.space) == "probability",
            differentiate=self.differentiate,
        )


@dataclass(frozen=True, eq=False)
class View:
    """What all views carry: how to run, and where a method writes down how good its answer is."""

    run: Run = field(default_factory=current)
    notes: Notes = field(default_factory=Notes)


@dataclass(frozen=True, eq=False, kw_only=True)
class Game(View):
    """v(S): the explained number of one row when only the players in S keep their values.

    Attributes:
        f: rows (m, *features) -> (m,).
        hidden: how players are hidden in this row.
        row: the caller's row number; random numbers go by it.
        pace: rows per call of f.
    """

    f: Callable[[NpArray], NpArray]
    hidden: Hidden
    row: int = 0
    pace: Pace

    @property
    def players(self) -> int:
        """How many players."""
        return len(self.hidden.players)

    @cached_property
    def rng(self) -> np.random.Generator:
        """This row's random numbers."""
        return self.run.generator(self.row)

    @cached_property
    def ends(self) -> tuple[float, float]:
        """V of nobody and v of everybody."""
        nobody = self(np.zeros((1, self.players), bool))
        everybody = self(np.ones((1, self.players), bool))
        return float(nobody[0]), float(everybody[0])

    def __call__(self, coalitions: Bools) -> NpArray:
        """V of each coalition, (m, players) -> (m,); the fillings of a coalition are averaged."""
        out = np.empty(len(coalitions))
        fillings = self.hidden.fill(coalitions[:1]).shape[1] if len(coalitions) else 1
        for part in batches(len(coalitions), max(1, self.pace.size // fillings)):
            rows = self.hidden.fill(coalitions[part])
            out[part] = self._asked(rows.reshape(-1, *rows.shape[2:])).reshape(rows.shape[:2]).mean(1)
        return out

    def _asked(self, rows: NpArray) -> NpArray:
        """F of rows (m, *features) -> (m,)."""
        v = np.empty(len(rows))

        def ask(part: slice) -> None:
            v[part] = self.f(rows[part])

        self.pace.over(len(rows), ask)
        self.run.meter.count(len(rows), grad=False)
        if not np.isfinite(v).all():
            raise DataError(
                f"The model returns NaN or infinity for row {self.row} with features hidden.",
                fix="Choose another masker or background, whose rows the model can take.",
            )
        return v


@dataclass(frozen=True, eq=False, kw_only=True)
class Table(View):
    """A model scored on a table: what global, model-agnostic methods see.

    Attributes:
        X: (n, columns).
        score: rows (m, columns) -> one number, where higher means that the model does better; rows as in X.
        predict: rows -> (m,) the explained number.
        players: names of the columns or groups.
        label: (columns,) the player of each column.
        scored: whether there is a score.
        chance: the score of a model that knows nothing, or NaN.
        intact: the score of X as it is, or NaN.
    """

    X: NpArray
    score: Callable[[NpArray], float]
    predict: Callable[[NpArray], NpArray]
    players: tuple[str, ...]
    label: NpArray
    scored: bool = True
    chance: float = float("nan")
    intact: float = float("nan")

    def rng(self, *key: int) -> np.random.Generator:
        """Random numbers for one player, one repeat, ...: by key, so the order of work does not matter."""
        return self.run.generator(*key)

    def track(self, items: Sequence[Any]) -> Iterator[Any]:
        """Go through `items` with progress, stopping where the caller cancels."""
        with tracking(self.run, "scores", len(items)) as advance:
            for item in items:
                stop_if_cancelled(self.run)
                yield item
                advance(1)


@dataclass(frozen=True, eq=False, kw_only=True)
class Trees(View):
    """A tree ensemble and rows as its trees compare them: what the methods that walk trees see.

    Attributes:
        forest: the ensemble as flat arrays.
        x: (n, columns) float64, the rows to explain, as the trees compare them (see `Forested.tree_inputs`).
        background: (b, columns) rows that stand in for hidden columns, in the same form; None for none.
    """

    forest: Forest
    x: NpArray
    background: NpArray | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Query(View):
    """A wanted change of the decision on rows of a table: what counterfactual methods see.

    Attributes:
        predict: rows -> (m,) the explained number, wanted above `threshold`.
        X: (n, columns) the rows to change.
        background: (b, columns) real rows.
        threshold: where the decision flips.
    """

    predict: Callable[[NpArray], NpArray]
    X: NpArray
    background: NpArray
    threshold: float = 0.5
