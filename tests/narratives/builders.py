"""Results made by hand, for the narratives' tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core.features import Columns, Features, Pixels
from pellucid.core.types import NpArray
from pellucid.results import Attribution, Check, Importance, Provenance, Quality

TUMOUR = Columns(
    ("worst radius", "mean texture", "menopause", "stage", "area"),
    {"worst radius": "mm"},
    {"menopause": ("before", "after")},
)
PATIENT = np.array([[25.4, 14.1, 1.0, np.nan, 2019.0]])
AMOUNTS = np.array([[0.213, -0.03, 0.11, 0.052, 0.041]])


def attribution(
    method: str = "kernel_shap",
    values: NpArray = AMOUNTS,
    features: Features = TUMOUR,
    *,
    x: NpArray | None = None,
    output: float = 0.97,
    base: float | None = 0.37,
    space: str = "probability",
    classes: tuple[str, ...] = ("benign", "malignant"),
    target: str = "malignant",
    scores: NpArray | str | None = "two",
    half_width: NpArray | None = None,
    exact: bool = False,
    checks: tuple[Check, ...] = (),
    params: dict[str, Any] | None = None,
    title: str = "Some method",
    **rest: Any,
) -> Attribution:
    """An attribution of a tumour's malignancy, unless told otherwise."""
    n = len(values)
    two = np.tile([1 - output, output], (n, 1)) if isinstance(scores, str) else scores
    return Attribution(
        values=values,
        features=features,
        quality=Quality("an estimand", exact=exact, half_width=half_width, checks=checks),
        provenance=Provenance(method, title, params or {}),
        space=space,
        x=np.repeat(PATIENT, n, 0) if x is None and features is TUMOUR else values if x is None else x,
        output=np.full(n, output),
        base=None if base is None else np.full(n, base),
        scores=two,
        classes=classes,
        target=(target,) * n,
        **rest,
    )


def regression(values: NpArray, features: Features, **rest: Any) -> Attribution:
    """An attribution of a single output that is a plain number."""
    given = {
        "output": 152.3,
        "base": 148.0,
        "space": "raw",
        "classes": (),
        "target": "output",
        "scores": None,
    }
    return attribution("integrated_gradients", values, features, **{**given, **rest})


def blob(sign: float = 1.0, place: tuple[int, int] = (1, 1)) -> NpArray:
    """(1, 1, 12, 12): evidence in a 2x2 corner only."""
    image = np.zeros((1, 1, 12, 12))
    image[0, 0, place[0] : place[0] + 2, place[1] : place[1] + 2] = sign
    return image


def picture(method: str = "integrated_gradients", values: NpArray | None = None, **rest: Any) -> Attribution:
    """An attribution of a cat to pixels."""
    given = {"output": 8.2, "base": 1.3, "space": "logit", "classes": ("dog", "cat"), "target": "cat"}
    return attribution(method, blob() if values is None else values, Pixels(), **{**given, **rest})


def importance(
    means: tuple[float, ...] = (0.12, 0.03, 0.001), half: float | None = 0.01, **rest: Any
) -> Importance:
    """An importance of three columns."""
    names = ("age", "income", "noise")[: len(means)]
    given: dict[str, Any] = {"score": "accuracy", "intact": 0.93, "rows": 1200}
    return Importance(
        **{
            "values": np.array(means),
            "repeats": np.array(means)[:, None],
            "names": names,
            "features": Columns(names),
            "quality": Quality("x", half_width=None if half is None else np.full(len(means), half)),
            "provenance": Provenance("permutation_importance", "Permutation importance"),
            **given,
            **rest,
        }
    )


def failed(
    name: str, status: Any = "fail", meaning: str = "It went wrong.", rows: tuple[int, ...] = ()
) -> Check:
    """A check that did not pass."""
    return Check(name, 1.0, 0.1, status, meaning, "Turn something.", rows)
