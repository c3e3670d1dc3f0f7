"""LightGBM's boosters and scikit-learn wrappers as pellucid models."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import lightgbm

from pellucid.core.errors import CapabilityError
from pellucid.core.model import Facts

from .booster import Scale, both, matched, wants_margin, worded
from .function import FunctionModel
from .lightgbm_forest import LightgbmForest, rounds_averaged

SCALES: Mapping[str, Scale] = {
    "binary": Scale("probability", "log-odds", classes=True),
    "multiclass": Scale("probability", "logit", classes=True),
    "multiclassova": Scale("probability", "log-odds", classes=True),
    "cross_entropy": Scale("probability", "log-odds"),
}
"""What the outputs of an objective count in, where it is not a plain number."""


def wrap(model: Any, *, output: str | int | None = None) -> FunctionModel:
    """Wrap a booster, or a fitted estimator that holds one: probabilities of classes, predictions of numbers.

    Two classes have a column each. Columns of a frame are matched by name; LightGBM itself would take them in the
    order they come. The margin of a forest (`boosting="rf"`) is the mean of its trees, which its predictions come
    from; LightGBM's own raw score is their sum.

    Args:
        model: `lightgbm.Booster`, or an estimator of `lightgbm.sklearn`.
        output: "margin" (or "raw") for the sum of the trees before any link.

    Raises:
        CapabilityError: it is not fitted, or has no such output.
    """
    booster = model if isinstance(model, lightgbm.Booster) else _fitted(model)
    head = booster.model_to_string(num_iteration=1).partition("\nTree=")[0]
    scale = _scale(model, _entry(head, "objective").partition(" ")[0])
    margin = wants_margin(output, scale)
    rounds = booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
    ask = _question(model, scale, margin, rounds_averaged(head, rounds))
    space = scale.margin if margin else scale.usual
    names = booster.feature_name()
    named = not all(re.fullmatch(r"Column_\d+", name) for name in names)

    def prepared(rows: Any) -> Any:
        return worded(matched(rows, names, named=named, spelt=spelt))

    def answer(rows: Any) -> Any:
        y = ask(prepared(rows))
        return both(y, space) if scale.classes and y.ndim == 1 else y

    known = getattr(model, "classes_", range(max(2, int(_entry(head, "num_class") or 1))))
    facts = Facts(
        name=f"{type(model).__name__} (lightgbm)",
        classes=tuple(map(str, known)) if scale.classes else (),
        columns=tuple(names) if named else (),
        space=space,
        classifier=scale.classes,
        width=booster.num_feature(),
        missing=True,
        missing_in_frames=True,
        frames=True,
    )
    return LightgbmForest(answer, facts, booster=booster, rows=prepared)


def spelt(name: str) -> str:
    """A column's name as LightGBM writes it: without spaces."""
    return name.replace(" ", "_")


def _fitted(estimator: Any) -> Any:
    from sklearn.exceptions import NotFittedError

    try:
        return estimator.booster_
    except NotFittedError as error:
        raise CapabilityError(f"{type(estimator).__name__} is not fitted.", fix="Call fit first.") from error


def _entry(head: str, key: str) -> str:
    """One line of a model's text."""
    found = re.search(rf"^{key}=(.*)$", head, re.MULTILINE)
    return found.group(1).strip() if found else ""


def _scale(model: Any, objective: str) -> Scale:
    if objective not in SCALES and hasattr(model, "predict_proba"):  # an objective of the caller's own
        return Scale(classes=True)
    return SCALES.get(objective, Scale())


def _question(model: Any, scale: Scale, margin: bool, rounds: int) -> Callable[[Any], Any]:
    """How a booster or an estimator is asked; raw scores are the sum of so many `rounds` that are averaged."""
    if margin or (scale.classes and scale.usual != "probability"):
        return lambda rows: model.predict(rows, raw_score=True) / rounds
    return getattr(model, "predict_proba", model.predict)
