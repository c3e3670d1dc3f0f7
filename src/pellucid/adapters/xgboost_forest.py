"""XGBoost's trees as a forest: its single-precision comparisons, missing values, categories and dropped trees."""

from __future__ import annotations

import json
import zlib
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import xgboost

from pellucid.core.errors import DataError
from pellucid.core.forest import WORD, Forest, Tree, below
from pellucid.core.forest_check import remembered, verified
from pellucid.core.types import Array, NpArray

from .booster import agreed, coded
from .function import FunctionModel

LINKS: Mapping[str, tuple[str, str]] = {
    "binary:logistic": ("logistic", "log-odds"),
    "binary:logitraw": ("", "log-odds"),
    "binary:hinge": ("", "raw"),
    "reg:logistic": ("each_logistic", "log-odds"),
    "multi:softprob": ("softmax", "logit"),
    "multi:softmax": ("softmax", "logit"),
    "count:poisson": ("exponential", "log"),
    "reg:gamma": ("exponential", "log"),
    "reg:tweedie": ("exponential", "log"),
    "survival:cox": ("exponential", "log"),
    "survival:aft": ("exponential", "log"),
}
"""Objective -> the link from the sum of the trees, and what the sum counts in."""
GROWN = ("gbtree", "dart")
"""Boosters made of trees."""


@dataclass(frozen=True, eq=False)
class XgboostForest(FunctionModel):
    """A booster whose trees can be read.

    Attributes:
        booster: the native object.
        rounds: how many rounds predict; 0 for all.
        blank: the number that stands for a missing value.
        rows: what is made of a table before the booster is given it.
    """

    booster: Any = None
    rounds: int = 0
    blank: float = np.nan
    rows: Callable[[Any], Any] = lambda table: table

    def forest(self) -> Forest:
        return self._read[0]

    def tree_inputs(self, *inputs: Array) -> NpArray:
        rows = self.rows(inputs[0])
        if not hasattr(rows, "columns"):
            return self._known(np.asarray(rows, np.float64))
        forest, categories = self._read
        x = self._known(coded(rows, categories, lambda j, value: _next(categories[j], value)))
        if not any(categories):
            return x

        def margin(part: Any) -> NpArray:
            matrix = xgboost.DMatrix(part, missing=self.blank, enable_categorical=True)
            return self.booster.predict(
                matrix, output_margin=True, iteration_range=(0, self.rounds), validate_features=False
            )

        return agreed(forest, x, rows, margin, self.facts.name)

    def _known(self, x: NpArray) -> NpArray:
        return x if np.isnan(self.blank) else np.where(x == self.blank, np.nan, x)

    @cached_property
    def _read(self) -> tuple[Forest, list[list[Any] | None]]:
        """The forest, and per column the categories that the model was trained on, in the order of their codes."""
        booster, rounds, classes = self.booster, self.rounds, self.facts.classes
        mark = (rounds, zlib.crc32(bytes(booster.save_raw("ubj"))), classes)
        return remembered(booster, mark, lambda: read(booster, rounds, classes))


def read(booster: Any, rounds: int, classes: tuple[str, ...]) -> tuple[Forest, list[list[Any] | None]]:
    """The forest of a booster's first `rounds` rounds, checked against its margin; and its columns' categories."""
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    grown, objective = learner["gradient_booster"], learner["objective"]["name"]
    model = grown.get("gbtree", grown)["model"]
    count = len(model["trees"]) if not rounds else _indptr(model)[rounds]
    weights = grown.get("weight_drop", [1.0] * count)
    trees = [
        _tree(tree, int(feeds), float(weight))
        for tree, feeds, weight in zip(
            model["trees"][:count], model["tree_info"][:count], weights[:count], strict=True
        )
    ]
    link, space = LINKS.get(objective, ("identity", "raw"))
    forest = Forest.of(
        trees,
        base=_base(learner["learner_model_param"], objective),
        columns=booster.num_features(),
        link=link if link != "logistic" or len(classes) == 2 else "each_logistic",
        space=space,
        classes=classes,
    )
    kept = model.get("cats", {}).get("enc") or [{}] * booster.num_features()
    checked = verified(forest, _raw(booster, rounds), f"this {grown['name']} booster")
    return checked, [_category_list(column) for column in kept]


def _next(categories: list[Any] | None, value: Any) -> float:
    """The code that XGBoost gives a category it was not trained on: that of the next one in the order of the words.

    Raises:
        DataError: there is none after it, which XGBoost refuses too.
    """
    known = sorted(categories or (), key=_place)
    at = bisect_left(known, _place(value), key=_place)
    if at == len(known):
        raise DataError("A category is not among those that the model was trained on.", got=repr(value))
    return float((categories or []).index(known[at]))


def _place(value: Any) -> Any:
    """What XGBoost sorts categories by: words by their bytes, which it takes as signed numbers."""
    return bytes((b + 128) % 256 for b in value.encode()) if isinstance(value, str) else value


def _indptr(model: Mapping[str, Any]) -> list[int]:
    """How many trees the first rounds have."""
    if "iteration_indptr" in model:
        return model["iteration_indptr"]
    each = int(model["gbtree_model_param"].get("num_parallel_tree", 1)) * (max(model["tree_info"]) + 1)
    return list(range(0, len(model["trees"]) + 1, max(1, each)))


def _base(sizes: Mapping[str, str], objective: str) -> NpArray:
    """Where the sum starts: the base score, one number or one per output, through the objective's link."""
    given = np.array(json.loads(f"[{sizes['base_score'].strip('[]')}]"), np.float32)
    outputs = max(1, int(sizes["num_class"]), int(sizes.get("num_target", 1)))
    base = np.broadcast_to(given, outputs).astype(np.float64)
    if objective in ("binary:logistic", "reg:logistic"):
        return np.log(base / (1 - base))
    return np.log(base) if LINKS.get(objective, ("",))[0] == "exponential" else base


def _raw(booster: Any, rounds: int) -> Callable[[NpArray], NpArray]:
    def raw(x: NpArray) -> NpArray:
        known = {"feature_names": booster.feature_names, "feature_types": booster.feature_types}
        matrix = xgboost.DMatrix(x, enable_categorical=True, **known)
        return booster.predict(matrix, output_margin=True, iteration_range=(0, rounds))

    return raw


def _tree(tree: Mapping[str, Any], feeds: int, weight: float) -> Tree:
    left = np.array(tree["left_children"])
    threshold = np.array(tree["split_conditions"], np.float32)
    value, wide = threshold, int(tree["tree_param"].get("size_leaf_vector", 1))
    if wide > 1:
        weights = np.array(tree["leaf_weights"], np.float32).reshape(-1, wide)
        value = np.where((left < 0)[:, None], weights[np.where(left < 0, tree["right_children"], 0)], 0)
    return Tree(
        feature=np.where(left < 0, -1, tree["split_indices"]),
        threshold=below(threshold.astype(np.float64), single=True),
        left=left,
        right=np.array(tree["right_children"]),
        value=value.astype(np.float64),
        cover=np.array(tree["sum_hessian"], np.float32),
        missing_left=np.array(tree["default_left"], bool),
        categories=_sets(tree),
        feeds=feeds if wide == 1 else -1,
        weight=weight,
    )


def _sets(tree: Mapping[str, Any]) -> dict[int, tuple[NpArray, bool]]:
    """The codes that go left: all but those chosen for the right, far enough that none of the chosen is left out."""
    found = {}
    spans = zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True)
    for node, start, size in spans:
        right = np.array(tree["categories"][start : start + size], np.int64)
        found[int(node)] = (np.setdiff1d(np.arange((right.max() // WORD + 2) * WORD), right), True)
    return found


def _category_list(column: Mapping[str, Any]) -> list[Any] | None:
    """A column's categories: words, joined with the places where they begin, or numbers; None for no categories."""
    values = column.get("values") or []
    if not values:
        return None
    if "offsets" not in column:
        return values
    joined, at = bytes(v % 256 for v in values), column["offsets"]
    return [joined[a:b].decode() for a, b in pairwise(at)]
