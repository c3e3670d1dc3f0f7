"""LightGBM's trees as a forest: its kinds of missing value, its sets of categories, averaged forests."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError, DataError
from pellucid.core.forest import Forest, Tree
from pellucid.core.forest_check import remembered, verified
from pellucid.core.types import Array, NpArray

from .booster import coded
from .function import FunctionModel

LINKS: Mapping[str, tuple[str, str]] = {
    "binary": ("logistic", "log-odds"),
    "multiclass": ("softmax", "logit"),
    "multiclassova": ("each_logistic", "log-odds"),
    "cross_entropy": ("each_logistic", "log-odds"),
    "cross_entropy_lambda": ("", "log"),
    "poisson": ("exponential", "log"),
    "gamma": ("exponential", "log"),
    "tweedie": ("exponential", "log"),
}
"""Objective -> the link from the sum of the trees, and what the sum counts in."""
CATEGORICAL, DEFAULT_LEFT = 1, 2
NO_MISSING, ZERO_MISSING, NAN_MISSING = 0, 1, 2


@dataclass(frozen=True, eq=False)
class LightgbmForest(FunctionModel):
    """A booster whose trees can be read.

    Attributes:
        booster: the native object.
        rows: what is made of a table before the booster is given it.
    """

    booster: Any = None
    rows: Callable[[Any], Any] = lambda table: table

    def forest(self) -> Forest:
        return self._read

    @cached_property
    def _read(self) -> Forest:
        booster, text = self.booster, self.booster.model_to_string()
        mark = (zlib.crc32(text.encode()), self.facts.classes)
        return remembered(booster, mark, lambda: read(booster, text, self.facts.classes))

    def tree_inputs(self, *inputs: Array) -> NpArray:
        rows = self.rows(inputs[0])
        if not hasattr(rows, "columns"):
            return np.asarray(rows, np.float64)
        known = list(self.booster.pandas_categorical or [])
        words = [hasattr(rows[label].dtype, "categories") for label in rows.columns]
        if sum(words) != len(known):
            raise DataError(
                f"The model was trained on {len(known)} columns of categories.", got=f"{sum(words)} of them"
            )
        each = iter(known)
        return coded(rows, [next(each) if word else None for word in words], lambda *_: np.nan)


def read(booster: Any, text: str, classes: tuple[str, ...]) -> Forest:
    """The forest of a booster's text, checked against its raw scores.

    Raises:
        CapabilityError: its leaves are linear functions.
    """
    head, *parts = re.split(r"^Tree=\d+$", text.partition("\nend of trees")[0], flags=re.MULTILINE)
    header = _entries(head)
    many = int(header["num_tree_per_iteration"])
    weight = 1 / rounds_averaged(head, len(parts) // many)
    name, _, settings = header.get("objective", "").partition(" ")
    link, space = LINKS.get(name, ("identity", "raw"))
    if ("sigmoid:" in settings and "sigmoid:1" not in settings.split()) or "sqrt" in settings:
        link = ""  # a link of its own
    forest = Forest.of(
        [_tree(_entries(part), k % many, weight) for k, part in enumerate(parts)],
        base=np.zeros(many),
        columns=int(header["max_feature_idx"]) + 1,
        link=link,
        space=space,
        classes=classes,
    )
    return verified(forest, lambda x: booster.predict(x, raw_score=True) * weight, "this LightGBM booster")


def rounds_averaged(head: str, rounds: int) -> int:
    """How many rounds a forest takes the mean of, which its raw scores are the sum of; 1 for what adds up."""
    return max(1, rounds) if "\naverage_output" in head else 1


def _entries(part: str) -> dict[str, str]:
    """The lines "key=value" of a part of the text; a word alone is a key without a value."""
    return {line.partition("=")[0]: line.partition("=")[2] for line in part.splitlines() if line}


def _numbers(entries: Mapping[str, str], key: str, kind: type = float) -> NpArray:
    return np.array(entries.get(key, "").split(), np.float64).astype(kind)


def _tree(entries: Mapping[str, str], feeds: int, weight: float) -> Tree:
    """Splits first and leaves behind them, as the text numbers both from zero and marks leaves by a sign."""
    if int(entries.get("is_linear", "0")):
        raise CapabilityError(
            "This LightGBM model has linear leaves, which no value of a leaf stands for.",
            fix="Train it with linear_tree=False, or use KernelShap.",
        )
    splits, leaf_value = _numbers(entries, "split_feature", int), _numbers(entries, "leaf_value")
    inner = len(splits)
    kinds, threshold = _numbers(entries, "decision_type", int), _numbers(entries, "threshold")
    missing = (kinds >> 2) & 3
    by_set = (kinds & CATEGORICAL) > 0
    default_left = (kinds & DEFAULT_LEFT) > 0
    zero_goes_left = threshold >= 0  # without a kind of missing value, NaN is zero
    leaves = np.zeros(len(leaf_value))

    def padded(values: NpArray) -> NpArray:
        return np.concatenate([values, leaves]).astype(values.dtype)

    def child(key: str) -> NpArray:
        at = _numbers(entries, key, int)
        return padded(np.where(at < 0, inner + ~at, at))

    return Tree(
        feature=np.concatenate([splits, leaves - 1]).astype(int),
        threshold=padded(np.where(by_set, 0.0, threshold)),
        left=child("left_child"),
        right=child("right_child"),
        value=np.concatenate([np.zeros(inner), leaf_value]),
        cover=_cover(entries, len(leaf_value)),
        missing_left=padded(np.where(missing == NO_MISSING, zero_goes_left, default_left) & ~by_set),
        zero_missing=padded((missing == ZERO_MISSING) & ~by_set),
        categories=_sets(entries, threshold, by_set),
        feeds=feeds,
        weight=weight,
    )


def _cover(entries: Mapping[str, str], leaves: int) -> NpArray | None:
    """Training rows at splits and leaves; a tree that never split does not say how many it saw."""
    inner, outer = _numbers(entries, "internal_count"), _numbers(entries, "leaf_count")
    if leaves == 1:
        return np.maximum(outer, 1.0) if len(outer) == 1 else np.ones(1)
    return np.concatenate([inner, outer]) if len(inner) + len(outer) == 2 * leaves - 1 else None


def _sets(entries: Mapping[str, str], threshold: NpArray, by_set: NpArray) -> dict[int, tuple[NpArray, bool]]:
    """The codes that go left, from words of 32 bits."""
    bounds, words = _numbers(entries, "cat_boundaries", int), _numbers(entries, "cat_threshold", np.int64)
    found = {}
    for node in np.flatnonzero(by_set):
        place = int(threshold[node])
        own = words[bounds[place] : bounds[place + 1]]
        bits = ((own[:, None] >> np.arange(32)) & 1).astype(bool).ravel()
        found[int(node)] = (np.flatnonzero(bits), False)
    return found
