"""Scores of a model's outputs against true values: ours, scikit-learn's by name, or the caller's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.errors import DataError, ParameterError, ShapeError, nearest
from pellucid.core.target import space_of
from pellucid.core.types import NpArray

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


@dataclass(frozen=True)
class Scored:
    """Scores to take, each with the true values as it wants them."""

    scores: tuple[Score, ...]
    truths: tuple[NpArray, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What they are called."""
        return tuple(s.name for s in self.scores)

    @property
    def chance(self) -> NpArray:
        """(scores,) what a model that knows nothing gets."""
        return np.array([s.chance(y) for s, y in zip(self.scores, self.truths, strict=True)])

    def taken(self, outputs: NpArray) -> NpArray:
        """(scores,) of the outputs of all rows."""
        return np.array([s.function(y, outputs) for s, y in zip(self.scores, self.truths, strict=True)])


def scored(asked: Any, y: Any, outputs: NpArray, classes: Sequence[str]) -> Scored:
    """The score or scores asked for, with the true values as each of them wants them."""
    truth = np.asarray(y.detach().cpu() if hasattr(y, "detach") else y).reshape(-1)
    if len(truth) != len(outputs):
        raise ShapeError(f"X has {len(outputs)} rows and y {len(truth)}.", fix="Pass one true value per row.")
    several = asked if isinstance(asked, tuple | list) else [asked]
    if not several:
        raise ParameterError("There is no score in the list.", fix=f"Choose among {', '.join(SCORES)}.")
    found = [_score(s, truth, outputs, classes) for s in several]
    names = [s.name for s, _ in found]
    if len(set(names)) < len(names):
        raise ParameterError("A score is asked for twice.", got=names)
    return Scored(tuple(s for s, _ in found), tuple(t for _, t in found))


def _score(
    asked: str | Scorer | None, truth: NpArray, outputs: NpArray, classes: Sequence[str]
) -> tuple[Score, NpArray]:
    """One score, and the true values as it wants them."""
    name = asked or ("accuracy" if outputs.ndim == 2 and outputs.shape[1] > 1 else "r2")
    if callable(name):
        return Score(getattr(name, "__name__", "score"), name, lambda _: float("nan")), truth
    if not isinstance(name, str):
        raise ParameterError("A score is a name or a function (y, outputs) -> number.", got=repr(name))
    if name in SCORES:
        return SCORES[name], _truth(name, truth, outputs, classes)
    return _of_sklearn(name, truth, outputs, classes)


def _of_sklearn(name: str, truth: NpArray, outputs: NpArray, classes: Sequence[str]) -> tuple[Score, NpArray]:
    """One of scikit-learn's scores, and the true values as it wants them."""
    from .answered import by_scorer, scorer_names  # scikit-learn is slow to import

    known = scorer_names()
    if name not in known:
        raise ParameterError(
            f"There is no score {name!r}, here or in scikit-learn.", fix=nearest(name, [*SCORES, *known])
        )
    function = by_scorer(name)
    grouped = outputs.ndim == 2 and outputs.shape[1] > 1

    def chance(y: NpArray) -> float:
        return function(y, knows_nothing(y, outputs))

    return Score(name, function, chance), _class_numbers(
        truth, classes, outputs.shape[1]
    ) if grouped else truth


def knows_nothing(y: NpArray, outputs: NpArray) -> NpArray:
    """The outputs of a model that knows only how often each class occurs, or the mean."""
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        share = np.bincount(y, minlength=outputs.shape[1]) / len(y)
        return np.broadcast_to(share, outputs.shape)
    return np.full(outputs.shape, y.mean())


def _truth(name: str, truth: NpArray, outputs: NpArray, classes: Sequence[str]) -> NpArray:
    """The true values as a score of ours wants them: class numbers, or plain numbers."""
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
