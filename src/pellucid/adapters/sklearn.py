"""scikit-learn estimators and pipelines, and boosters that follow their manners, as pellucid models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.model import Facts

from .function import FunctionModel
from .sklearn_forest import SklearnForest, SklearnSteps, known_as
from .unnamed import quiet


def wrap(estimator: Any, *, output: str | int | None = None) -> FunctionModel:
    """Wrap a fitted estimator: probabilities of a classifier, predictions of a regressor.

    Raises:
        CapabilityError: it is not fitted, or can be asked for nothing.
    """
    function, space = _question(estimator)
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    classes = getattr(estimator, "classes_", getattr(last, "classes_", ()))
    if getattr(function, "__name__", "") == "predict":
        classes = ()
    elif space == "raw" and len(classes) == 2:
        function = _both(function)
    facts = Facts(
        name=f"{type(last).__name__} (scikit-learn)",
        classes=tuple(map(str, classes)) if not isinstance(classes, list) else (),
        columns=tuple(map(str, getattr(estimator, "feature_names_in_", ()))),
        space=space,
        classifier=space == "probability" or bool(len(classes)),
        width=getattr(estimator, "n_features_in_", None),
        missing=_takes_missing(estimator),
        missing_in_frames=_takes_missing(estimator),
        frames=True,
        reads_only=_reads_only(estimator),
    )
    if known_as(estimator):
        return SklearnForest(quiet(function), facts, output, estimator)
    if last is not estimator and len(estimator.steps) > 1 and known_as(last):
        return SklearnSteps(quiet(function), facts, output, estimator)
    unnamed = facts.reads_only and not facts.columns
    return FunctionModel(quiet(function, unnamed=unnamed), facts, output)


def _question(estimator: Any) -> tuple[Callable[..., Any], str]:
    """What to ask an estimator, and what its answer counts in."""
    _check_fitted(estimator)
    for name, space in (("predict_proba", "probability"), ("decision_function", "raw"), ("predict", "raw")):
        if hasattr(estimator, name) and not (name == "decision_function" and _is_outlier(estimator)):
            return getattr(estimator, name), space
    raise CapabilityError(
        f"{type(estimator).__name__} has neither predict nor predict_proba.", fix="Fit a predictor."
    )


def _both(score: Callable[..., Any]) -> Callable[..., Any]:
    """A decision function of two classes speaks for the second: its negative speaks for the first."""

    def ask(*inputs: Any) -> Any:
        second = score(*inputs)
        return np.stack([-second, second], axis=1)

    return ask


def _check_fitted(estimator: Any) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise CapabilityError(f"{type(estimator).__name__} is not fitted.", fix="Call fit first.") from error
    except TypeError:
        return  # a lookalike that cannot be asked


def _is_outlier(estimator: Any) -> bool:
    return getattr(estimator, "_estimator_type", "") == "outlier_detector"


def _reads_only(estimator: Any) -> bool:
    """Whether it is one of scikit-learn's own, nothing of the caller's inside: those never write to their input."""
    own = type(estimator).__module__.startswith("sklearn.") and not hasattr(estimator, "steps")
    return own and not any("__" in name or callable(v) for name, v in estimator.get_params().items())


def _takes_missing(estimator: Any) -> bool:
    """Whether missing values may be passed: to a step that fills them in, or by the tags of every step."""
    steps = [step for _, step in estimator.steps] if hasattr(estimator, "steps") else [estimator]
    if any(hasattr(step, "transformers") or "Imputer" in type(step).__name__ for step in steps):
        return True
    return all(
        not hasattr(step, "__sklearn_tags__") or step.__sklearn_tags__().input_tags.allow_nan
        for step in steps
    )
