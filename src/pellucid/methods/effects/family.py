"""Effects: what the model does over a whole table, from a `Table`, to an `Importance`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pellucid.core.errors import DataError, ParameterError, ShapeError, nearest
from pellucid.core.features import Columns, Features
from pellucid.core.intake import Data, read
from pellucid.core.run import Pace, Run, current
from pellucid.core.target import space_of
from pellucid.core.types import NpArray
from pellucid.core.views import BLACK_BOX_ROWS, Aim, Table
from pellucid.methods.base import Method, independent_rows, quality
from pellucid.results import Importance

Scorer = Callable[[NpArray, NpArray], float]
"""(y, outputs) -> one number, higher is better."""


@dataclass(frozen=True)
class Score:
    """A score by name: what it is called, how it is taken, and what a model that knows nothing gets."""

    name: str
    function: Scorer
    chance: Callable[[NpArray], float]


def accuracy(y: NpArray, outputs: NpArray) -> float:
    """Share of rows whose largest output is the true class; y holds class numbers."""
    return float(np.mean(outputs.argmax(1) == y))


def r2(y: NpArray, outputs: NpArray) -> float:
    """Coefficient of determination: 1 - residual variance / variance of y."""
    residual = np.sum((y - outputs.reshape(len(y))) ** 2)
    return float(1 - residual / np.sum((y - y.mean()) ** 2))


def neg_mse(y: NpArray, outputs: NpArray) -> float:
    """Mean squared error, negated so that higher is better."""
    return -float(np.mean((y - outputs.reshape(len(y))) ** 2))


def neg_log_loss(y: NpArray, outputs: NpArray) -> float:
    """Mean logarithm of the true class's probability; y holds class numbers, outputs probabilities."""
    return float(np.mean(np.log(np.clip(outputs[np.arange(len(y)), y], 1e-15, 1))))


SCORES: dict[str, Score] = {
    "accuracy": Score("accuracy", accuracy, lambda y: float(np.bincount(y).max() / len(y))),
    "r2": Score("R²", r2, lambda y: 0.0),
    "neg_mse": Score("negative mean squared error", neg_mse, lambda y: -float(np.var(y))),
    "neg_log_loss": Score(
        "negative log loss", neg_log_loss, lambda y: float(np.mean(np.log(np.bincount(y)[y] / len(y))))
    ),
}


class TableMethod(Method, abstract=True):
    """Measures what a model does over a whole table: needs only predictions."""

    family: ClassVar[str] = "effects"
    data: ClassVar[tuple[str, ...]] = ("table",)

    def measure(self, t: Table) -> NpArray:
        """The formula: (players, repeats)."""
        raise NotImplementedError

    def __call__(
        self,
        model: Any,
        X: Any,
        y: Any = None,
        *,
        score: str | Scorer | None = None,
        target: Any = None,
        features: Features | None = None,
        classes: Sequence[str] = (),
        output: str | int | None = None,
    ) -> Importance:
        """Measure on rows of `X`.

        Args:
            model: anything that predicts.
            X: rows, (n, columns), an array or a frame; held-out rows, or what the model memorised is measured.
            y: (n,) true values or classes; None measures how far the prediction itself moves.
            score: "accuracy", "r2", "neg_mse", "neg_log_loss", or a function (y, outputs) -> number, higher better;
                None takes accuracy for classes and R² for numbers.
            target: without y: which output moves; None is each row's predicted class, or the only output.
            features: names, units, and groups of columns that are shuffled together.
            classes: names of the outputs, where y holds names.
            output: which of several outputs, by key or position.

        Raises:
            ShapeError: X and y differ in rows, or X is no table.
            ParameterError: an unknown score.
        """
        run = current().fresh()
        try:
            if y is None and score is not None:
                raise ParameterError("A score compares with true values.", fix="Pass y.")
            if y is not None and target is not None:
                raise ParameterError("With y the score says what is measured.", fix="Leave target or y out.")
            data = read(model, X, features=features, output=output)
            if data.x.ndim != 2 or not isinstance(data.features, Columns):
                raise ShapeError(f"{self.title} is for tables, (rows, columns).", got=f"shape {data.x.shape}")
            with data.model.at_rest():
                result = self._measured(data, run, y, score, target, tuple(map(str, classes)))
        except Exception as error:
            self._noted(error, model, X, target=target)
            raise
        return self._finished(result, run)

    def _measured(
        self, data: Data, run: Run, y: Any, score: Any, target: Any, classes: tuple[str, ...]
    ) -> Importance:
        facts, columns = data.model.facts, data.features
        outputs = _asker(data, run)
        first = outputs(data.x)
        if not np.isfinite(first).all():
            row = int((~np.isfinite(first).reshape(len(first), -1).all(1)).argmax())
            raise DataError(
                f"The output of the model holds NaN or infinity for row {row}.", fix="Check this row."
            )
        goal = Aim(target, classes or facts.classes, facts.space, classifier=facts.classifier).at(first)
        everyone = np.arange(len(data.x))
        how, truth = (None, everyone) if y is None else _score(score, y, first, classes or facts.classes)
        players, label = columns.players() if isinstance(columns, Columns) else ((), everyone)
        t = Table(
            run=run,
            X=data.x,
            score=lambda X: how.function(truth, outputs(X)) if how else float("nan"),
            predict=lambda X: np.asarray(goal.value(outputs(X), everyone), float),
            players=players,
            label=label,
            scored=how is not None,
            chance=how.chance(truth) if how else float("nan"),
            intact=how.function(truth, first) if how else float("nan"),
        )
        repeats = self.measure(t)
        independent_rows(t.notes, facts.mixes_rows)
        space = space_of(first, facts.space)
        what = how.name if how else f"squared change of the {'output' if space == 'raw' else space}"
        return Importance(
            values=repeats.mean(1),
            features=columns,
            quality=quality(
                t.notes,
                run,
                f"{self.title}: drop of {what}" if how else f"{self.title}: {what}",
                t.notes.half_width,
            ),
            provenance=self._provenance(facts.name, run, (*facts.notes, *t.notes.said)),
            space="score" if how else space,
            repeats=repeats,
            names=players,
            score=what,
            intact=t.intact,
            rows=len(data.x),
        )


def _asker(data: Data, run: Run) -> Callable[[NpArray], NpArray]:
    """Rows of numbers -> outputs as NumPy, in batches."""
    model = data.model
    largest = BLACK_BOX_ROWS
    per_row = model.bytes_per_row(data.inputs) if hasattr(model, "bytes_per_row") else data.x[0].nbytes * 4
    pace = Pace(run, run.size(per_row, largest, model.facts.memory), model.out_of_memory)

    def ask(X: NpArray) -> NpArray:
        parts = list[NpArray]()
        pace.over(len(X), lambda rows: parts.append(model.numpy(model.predict(model.native(X[rows])))))
        run.meter.count(len(X), grad=False)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    return ask


def _score(score: Any, y: Any, outputs: NpArray, classes: Sequence[str]) -> tuple[Score, NpArray]:
    """The score to take, and the true values as it wants them."""
    truth = np.asarray(y.detach().cpu() if hasattr(y, "detach") else y).reshape(-1)
    if len(truth) != len(outputs):
        raise ShapeError(f"X has {len(outputs)} rows and y {len(truth)}.", fix="Pass one true value per row.")
    name = score or ("accuracy" if outputs.ndim == 2 and outputs.shape[1] > 1 else "r2")
    if not isinstance(name, str):
        return Score(getattr(name, "__name__", "score"), name, lambda _: float("nan")), truth
    if name not in SCORES:
        raise ParameterError(f"There is no score {name!r}.", fix=nearest(name, SCORES))
    return SCORES[name], _truth(name, truth, outputs, classes)


def _truth(name: str, truth: NpArray, outputs: NpArray, classes: Sequence[str]) -> NpArray:
    """The true values as a score by name wants them: class numbers, or plain numbers."""
    grouped = outputs.ndim == 2 and outputs.shape[1] > 1
    of_classes = name in ("accuracy", "neg_log_loss")
    if of_classes != grouped:
        wants, instead = ("one output per class", "r2") if of_classes else ("a single output", "accuracy")
        raise ParameterError(
            f"{name} needs {wants}.", got=f"outputs {outputs.shape}", fix=f"Use {instead!r}."
        )
    if not of_classes and not np.issubdtype(truth.dtype, np.number):
        raise ParameterError(f"{name} needs numbers as y.", got=f"dtype {truth.dtype}")
    if name == "neg_log_loss" and space_of(outputs, "") != "probability":
        raise ParameterError(
            "neg_log_loss needs probabilities.", got="outputs that do not add up to 1", fix="Use 'accuracy'."
        )
    return _class_numbers(truth, classes, outputs.shape[1]) if of_classes else truth


def _class_numbers(truth: NpArray, classes: Sequence[str], count: int) -> NpArray:
    """True classes as numbers of outputs: by name where names are known."""
    known = {name: i for i, name in enumerate(classes)}
    named = [known.get(str(v)) for v in truth]
    if classes and all(n is not None for n in named):
        return np.array(named, int)
    if truth.dtype.kind in "biu" or (truth.dtype.kind == "f" and (truth == np.round(truth)).all()):
        numbers = truth.astype(int)
        if numbers.min() >= 0 and numbers.max() < count:
            return numbers
    raise DataError(
        "y holds classes that the model does not know.", got=repr(truth[0]), fix="Pass the model's classes."
    )
