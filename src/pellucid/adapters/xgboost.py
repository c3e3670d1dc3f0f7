"""XGBoost's boosters and scikit-learn wrappers as pellucid models."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xgboost

from pellucid.core.errors import CapabilityError
from pellucid.core.model import Facts

from .booster import Scale, both, matched, wants_margin, worded
from .function import FunctionModel
from .xgboost_forest import GROWN, XgboostForest

SCALES: Mapping[str, Scale] = {
    "binary:logistic": Scale("probability", "log-odds", classes=True),
    "binary:logitraw": Scale("log-odds", "log-odds", classes=True),
    "binary:hinge": Scale("raw", "raw", classes=True),
    "multi:softprob": Scale("probability", "logit", classes=True),
    "multi:softmax": Scale("probability", "logit", classes=True),
    "reg:logistic": Scale("probability", "log-odds"),
}
"""What the outputs of an objective count in, where it is not a plain number."""
LABELS = ("binary:hinge",)
"""Objectives whose predictions are labels, which say nothing of how sure the model is: the margin is explained."""


def wrap(model: Any, *, output: str | int | None = None) -> FunctionModel:
    """Wrap a booster, or a fitted estimator that holds one: probabilities of classes, predictions of numbers.

    Two classes have a column each. A booster predicts with all its trees, an estimator with those up to its best
    iteration, as they do when they are asked themselves.

    Args:
        model: `xgboost.Booster`, or an estimator of `xgboost.sklearn`.
        output: "margin" (or "raw") for the sum of the trees before any link.

    Raises:
        CapabilityError: it is not fitted, or has no such output.
    """
    booster = model if isinstance(model, xgboost.Booster) else _fitted(model)
    settings = json.loads(booster.save_config())["learner"]
    objective, sizes = settings["objective"]["name"], settings["learner_model_param"]
    scale, classes = _outputs(model, SCALES.get(objective, Scale()), sizes)
    margin = wants_margin(output, scale) or objective in LABELS
    if isinstance(model, xgboost.Booster):
        ask = _booster(booster, objective, margin)
    else:
        ask = _estimator(model, scale, margin)
    space = scale.margin if margin else scale.usual
    names = tuple(booster.feature_names or ())

    def prepared(rows: Any) -> Any:
        return worded(matched(rows, names, named=bool(names)))

    def answer(rows: Any) -> Any:
        y = ask(prepared(rows))
        return both(y, space) if scale.classes and y.ndim == 1 else y

    facts = Facts(
        name=f"{type(model).__name__} (xgboost)",
        classes=classes,
        columns=names,
        space=space,
        classifier=scale.classes,
        width=booster.num_features(),
        missing=True,
        missing_in_frames=True,
        frames=True,
        notes=(f"{objective} predicts labels; its margin was explained.",) * (objective in LABELS),
    )
    if settings["gradient_booster"]["name"] not in GROWN:
        return FunctionModel(answer, facts)
    rounds = 0 if isinstance(model, xgboost.Booster) else _rounds(model)
    blank = getattr(model, "missing", np.nan)
    return XgboostForest(answer, facts, booster=booster, rounds=rounds, blank=blank, rows=prepared)


def _fitted(estimator: Any) -> Any:
    from sklearn.exceptions import NotFittedError

    try:
        return estimator.get_booster()
    except NotFittedError as error:
        raise CapabilityError(f"{type(estimator).__name__} is not fitted.", fix="Call fit first.") from error


def _rounds(estimator: Any) -> int:
    """How many rounds an estimator predicts with: up to the best one where it stopped early; 0 for all."""
    try:
        return int(estimator.best_iteration) + 1
    except AttributeError:
        return 0


def _outputs(model: Any, scale: Scale, sizes: Mapping[str, str]) -> tuple[Scale, tuple[str, ...]]:
    """What the outputs count in and the names of the classes; several labels at once are numbers, not classes."""
    if int(sizes.get("num_target", 1)) > 1:
        return Scale(scale.usual, scale.margin), ()
    if not scale.classes and hasattr(model, "predict_proba"):  # a classifier with an objective of its own
        scale = Scale(classes=True)
    if not scale.classes:
        return scale, ()
    known = getattr(model, "classes_", range(max(2, int(sizes["num_class"]))))
    return scale, tuple(map(str, known))


def _booster(booster: Any, objective: str, margin: bool) -> Callable[[Any], Any]:
    """How a booster is asked; arrays are given its names and kinds of columns."""
    softmax = objective == "multi:softmax" and not margin  # its own answer would be labels

    def ask(rows: Any) -> Any:
        known = {}
        if not hasattr(rows, "columns"):
            known = {"feature_names": booster.feature_names, "feature_types": booster.feature_types}
        matrix = xgboost.DMatrix(rows, enable_categorical=True, **known)
        y = booster.predict(matrix, output_margin=margin or softmax)
        if not softmax:
            return y
        from scipy.special import softmax as normalised

        return normalised(y, axis=1)

    return ask


def _estimator(model: Any, scale: Scale, margin: bool) -> Callable[[Any], Any]:
    """How an estimator is asked."""
    if margin or (scale.classes and scale.usual != "probability"):
        return lambda rows: model.predict(rows, output_margin=True)
    return getattr(model, "predict_proba", model.predict)
