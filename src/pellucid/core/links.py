"""Links: from a tree ensemble's raw prediction to the output the model gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from .types import NpArray


def identity(raw: NpArray) -> NpArray:
    """(n, outputs) as they are."""
    return raw


def logistic(raw: NpArray) -> NpArray:
    """(n, 1) log-odds of the second class -> (n, 2) probabilities; (n, 1) gives both classes."""
    p = 1 / (1 + np.exp(-np.clip(raw[:, 0], -700, 700)))
    return np.stack([1 - p, p], axis=1)


def softmax(raw: NpArray) -> NpArray:
    """(n, classes) scores -> probabilities."""
    e = np.exp(raw - raw.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def exponential(raw: NpArray) -> NpArray:
    """Logarithms of a mean -> the mean."""
    return np.exp(np.clip(raw, None, 700))


def each_logistic(raw: NpArray) -> NpArray:
    """(n, outputs) log-odds, each on its own."""
    return 1 / (1 + np.exp(-np.clip(raw, -700, 700)))


def one_against_rest(raw: NpArray) -> NpArray:
    """(n, classes) log-odds of each class against the rest -> probabilities that add up to one."""
    p = each_logistic(raw)
    return p / p.sum(1, keepdims=True)


LINKS: Mapping[str, Callable[[NpArray], NpArray]] = {
    "identity": identity,
    "logistic": logistic,
    "softmax": softmax,
    "exponential": exponential,
    "each_logistic": each_logistic,
    "one_against_rest": one_against_rest,
}
"""By the name that a `Forest` gives; "" (no link) is not among them."""
