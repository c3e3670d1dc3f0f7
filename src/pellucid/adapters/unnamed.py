"""Arrays for estimators that were fitted on frames: scikit-learn remarks on their missing names, and need not here."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any


def quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` without scikit-learn's remark that an array carries no column names."""

    def ask(*inputs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="X (does not have valid|has) feature names")
            return function(*inputs)

    return ask
