"""scikit-learn's scorers by name, asked about outputs that are already there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from pellucid.core.errors import ParameterError
from pellucid.core.types import NpArray


class _Answered(BaseEstimator):
    """An estimator that has answered already: scorers ask it as they ask any."""

    def __init__(self, outputs: Any = None) -> None:
        self.outputs = outputs

    def fit(self, X: Any, y: Any) -> Any:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True


class _Numbers(RegressorMixin, _Answered):
    def predict(self, X: Any) -> NpArray:
        return np.asarray(self.outputs).reshape(len(X))


class _Classes(ClassifierMixin, _Answered):
    @property
    def classes_(self) -> NpArray:
        return np.arange(self.outputs.shape[1])

    def predict(self, X: Any) -> NpArray:
        return np.asarray(self.outputs).argmax(1)

    def predict_proba(self, X: Any) -> NpArray:
        return np.asarray(self.outputs)


def scorer_names() -> list[str]:
    """The scores that scikit-learn knows."""
    from sklearn.metrics import get_scorer_names

    return list(get_scorer_names())


def by_scorer(name: str) -> Callable[[NpArray, NpArray], float]:
    """A scorer of scikit-learn as a function (y, outputs) -> number; classes are numbers of outputs.

    Raises:
        ParameterError: the scorer cannot be taken of these outputs.
    """
    from sklearn.metrics import get_scorer

    scorer = get_scorer(name)

    def function(y: NpArray, outputs: NpArray) -> float:
        grouped = outputs.ndim == 2 and outputs.shape[1] > 1
        answered = (_Classes if grouped else _Numbers)(outputs)
        try:
            return float(scorer(answered, np.zeros((len(y), 1)), y))
        except (ValueError, TypeError, AttributeError) as error:
            raise ParameterError(
                f"{name} cannot be taken of these outputs: {error}.",
                got=f"outputs {outputs.shape}",
                fix="Choose 'accuracy', 'neg_log_loss' or 'balanced_accuracy' for classes, 'r2' for numbers.",
            ) from error

    return function
