"""Arrays for estimators that were fitted on frames: scikit-learn remarks on their missing names, and need not here."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np


def quiet(function: Callable[..., Any], *, unnamed: bool = False) -> Callable[..., Any]:
    """`function` without scikit-learn's remark that an array carries no column names.

    Args:
        function: what is asked.
        unnamed: it knows no names, so that there is no remark on an array.
    """

    def ask(*inputs: Any) -> Any:
        if unnamed and all(isinstance(a, np.ndarray) for a in inputs):
            return function(*inputs)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="X (does not have valid|has) feature names")
            return function(*inputs)

    return ask
