"""CatBoost's models as pellucid models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import catboost
import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.model import Facts

from .booster import Scale, both, matched, wants_margin
from .catboost_forest import CatboostForest
from .function import FunctionModel

SCALES: Mapping[str, Scale] = {
    "Logloss": Scale("probability", "log-odds", classes=True),
    "CrossEntropy": Scale("probability", "log-odds", classes=True),
    "MultiClass": Scale("probability", "logit", classes=True),
    "MultiClassOneVsAll": Scale("probability", "log-odds", classes=True),
    "MultiLogloss": Scale("probability", "log-odds"),
    "MultiCrossEntropy": Scale("probability", "log-odds"),
}
"""What the outputs of a loss count in, where it is not a plain number."""


def wrap(model: Any, *, output: str | int | None = None) -> FunctionModel:
    """Wrap a fitted model: probabilities of classes, predictions of numbers.

    Columns of a frame are matched by name. In an array of floats the categories that the model was trained on as whole
    numbers are passed as such.

    Args:
        model: `catboost.CatBoost` or one of its estimators.
        output: "margin" (or "raw") for the sum of the trees before any link.

    Raises:
        CapabilityError: it is not fitted, or has no such output.
    """
    if not model.is_fitted():
        raise CapabilityError(f"{type(model).__name__} is not fitted.", fix="Call fit first.")
    scale = _scale(model)
    margin = wants_margin(output, scale)
    ask = _question(model, scale, margin)
    space = scale.margin if margin else scale.usual
    names = list(map(str, model.feature_names_))
    named = names != [str(i) for i in range(len(names))]
    words = list(model.get_cat_feature_indices())

    def prepared(rows: Any) -> Any:
        return _whole(matched(rows, names, named=named), words)

    def answer(rows: Any) -> Any:
        y = ask(prepared(rows))
        return both(y, space) if scale.classes and y.ndim == 1 else y

    facts = Facts(
        name=f"{type(model).__name__} (catboost)",
        classes=tuple(map(str, model.classes_)) if scale.classes else (),
        columns=tuple(names) if named else (),
        space=space,
        classifier=scale.classes,
        width=len(names),
        missing=True,
        missing_in_frames=True,
        frames=True,
    )
    return CatboostForest(answer, facts, model=model, rows=prepared)


def _scale(model: Any) -> Scale:
    loss = str(model.get_all_params().get("loss_function", "")).partition(":")[0]
    if loss not in SCALES and len(model.classes_) > 1:  # a loss of the caller's own
        return Scale(classes=True)
    return SCALES.get(loss, Scale())


def _question(model: Any, scale: Scale, margin: bool) -> Callable[[Any], Any]:
    """How a model is asked."""
    if margin or (scale.classes and scale.usual != "probability"):
        return lambda rows: catboost.CatBoost.predict(model, rows, prediction_type="RawFormulaVal")
    if scale.usual == "probability":
        return lambda rows: catboost.CatBoost.predict(model, rows, prediction_type="Probability")
    return model.predict


def _whole(rows: Any, words: list[int]) -> Any:
    """An array of floats with whole numbers in the columns of categories, which CatBoost takes no floats in."""
    if not words or hasattr(rows, "columns") or rows.dtype.kind != "f":
        return rows
    out = rows.astype(object)
    for j in words:
        numbers = rows[:, j]
        whole = np.isfinite(numbers) & (numbers == np.round(numbers))
        out[whole, j] = numbers[whole].astype(int)
    return out
