"""CatBoost's trees as a forest: oblivious or not, splits by number and by single category."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import catboost
import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.forest import Forest, Tree, at_most
from pellucid.core.forest_check import remembered, verified
from pellucid.core.types import Array, NpArray

from .booster import agreed, floats
from .function import FunctionModel

LINKS: Mapping[str, tuple[str, str]] = {
    "Logloss": ("logistic", "log-odds"),
    "CrossEntropy": ("logistic", "log-odds"),
    "MultiClass": ("softmax", "logit"),
    "MultiClassOneVsAll": ("each_logistic", "log-odds"),
    "MultiLogloss": ("each_logistic", "log-odds"),
    "MultiCrossEntropy": ("each_logistic", "log-odds"),
}
"""Loss -> the link from the sum of the trees, and what the sum counts in."""


@dataclass(frozen=True, eq=False)
class CatboostForest(FunctionModel):
    """A CatBoost model whose trees can be read.

    Attributes:
        model: the native object.
        rows: what is made of a table before the model is given it.
    """

    model: Any = None
    rows: Callable[[Any], Any] = lambda table: table

    def forest(self) -> Forest:
        return self._read[0]

    def tree_inputs(self, *inputs: Array) -> NpArray:
        table = self.rows(inputs[0])
        words = self.model.get_cat_feature_indices()
        x = _codes(table, words, self._read[1])
        if not words:
            return x
        margin = partial(_margin, self.model)
        return agreed(self.forest(), x, table, margin, f"this {type(self.model).__name__}")

    @property
    def _read(self) -> tuple[Forest, dict[int, dict[int, int]]]:
        """The forest, and the codes of the categories that its trees ask for."""
        leaves = np.ascontiguousarray(self.model.get_leaf_values())
        mark = (self.model.tree_count_, zlib.crc32(leaves.tobytes()), self.facts.classes)
        return remembered(self.model, mark, lambda: read(self.model, self.facts.classes))


def read(model: Any, classes: tuple[str, ...]) -> tuple[Forest, dict[int, dict[int, int]]]:
    """The forest of a model's JSON export, checked against its raw scores with no category known; and its codes.

    Raises:
        CapabilityError: it splits by statistics of categories, texts or embeddings.
    """
    whole = _exported(model)
    scale, base = whole["scale_and_bias"]
    grower = _Grower(whole["features_info"], model.feature_names_, len(base), scale)
    grown = whole.get("oblivious_trees")
    trees = (
        [grower.nested(tree) for tree in whole["trees"]]
        if grown is None
        else [grower.oblivious(tree) for tree in grown]
    )
    link, space = _link(model)
    columns = len(model.feature_names_)
    forest = Forest.of(trees, base=base, columns=columns, link=link, space=space, classes=classes)
    words = model.get_cat_feature_indices()

    def raw(x: NpArray) -> NpArray:
        if not words:
            return _margin(model, x)
        table = x.astype(object)
        table[:, words] = "a word that no table holds"
        return _margin(model, table)

    # the words behind the categories are not in the model: here none is known, tree_inputs checks the caller's own
    verified(replace(forest, sets=np.zeros_like(forest.sets)), raw, f"this {type(model).__name__}")
    return forest, grower.asked


def _link(model: Any) -> tuple[str, str]:
    loss = str(model.get_all_params().get("loss_function", "")).partition(":")[0]
    if loss in ("Poisson", "Tweedie"):
        return ("exponential" if isinstance(model, catboost.CatBoostRegressor) else "identity"), "log"
    return LINKS.get(loss, ("identity", "raw"))


def _margin(model: Any, table: Any) -> NpArray:
    return np.asarray(catboost.CatBoost.predict(model, table, prediction_type="RawFormulaVal"), np.float64)


def _exported(model: Any) -> Any:
    """The model as its library writes it down in JSON."""
    with TemporaryDirectory() as place:
        path = Path(place) / "model.json"
        model.save_model(str(path), format="json")
        return json.loads(path.read_text("utf-8"))


# -- categories -----------------------------------------------------------------------------------------------------


def _codes(table: Any, words: Sequence[int], known: Mapping[int, Mapping[int, int]]) -> NpArray:
    """A table as the numbers the trees compare: of a category, which of those the trees ask for it is; 0 for none."""
    if not hasattr(table, "columns"):
        columns = [table[:, j] for j in range(table.shape[1])]
    else:
        columns = [table[label] for label in table.columns]
    out = np.empty((len(table), len(columns)))
    for j, column in enumerate(columns):
        if j not in words:
            out[:, j] = floats(column)
            continue
        values = [str(v) for v in (column.to_list() if hasattr(column, "to_list") else column)]
        code = {word: known.get(j, {}).get(mark, 0) for word, mark in hashed(set(values)).items()}
        out[:, j] = [code[v] for v in values]
    return out


def _asked(info: Mapping[str, Any]) -> dict[int, dict[int, int]]:
    """Column -> hash of a category that a tree asks for -> its code, from 1."""
    return {
        f["flat_feature_index"]: {value % 2**32: k for k, value in enumerate(f.get("values", ()), 1)}
        for f in info.get("categorical_features") or ()
    }


def hashed(words: set[str]) -> dict[str, int]:
    """The numbers that CatBoost makes of words, asked of CatBoost itself: it writes them into an export.

    >>> sorted(hashed({"Oslo", "Rome"}))
    ['Oslo', 'Rome']
    """
    if not words:
        return {}
    rows = [[word] for word in sorted(words)]
    with TemporaryDirectory() as place:
        path = Path(place) / "model.json"
        _smallest().save_model(str(path), format="json", pool=catboost.Pool(rows, cat_features=[0]))
        listed = json.loads(path.read_text("utf-8"))["features_info"]["cat_features_hash"]
    return {entry["value"]: entry["hash"] for entry in listed}


@cache
def _smallest() -> Any:
    """A model of one category, whose export can list any others."""
    model = catboost.CatBoost({"iterations": 1, "depth": 1, "verbose": False, "allow_writing_files": False})
    return model.fit(catboost.Pool([["a"], ["b"]], [0, 1], cat_features=[0]))


# -- trees ----------------------------------------------------------------------------------------------------------


class _Grower:
    """Makes trees of an export's, oblivious and nested ones."""

    def __init__(self, info: Mapping[str, Any], names: Sequence[Any], outputs: int, scale: float) -> None:
        self.info, self.names, self.outputs, self.scale = info, names, outputs, scale
        self.asked = _asked(info)
        self.numbers: Sequence[Any] = info.get("float_features") or ()
        self.words: Sequence[Any] = info.get("categorical_features") or ()

    def oblivious(self, tree: Mapping[str, Any]) -> Tree:
        """One split per level, the last at the root, as CatBoost's own contributions have it; nodes as in a heap."""
        splits = [self._split(s) for s in reversed(tree.get("splits") or ())]
        depth = len(splits)
        level = np.floor(np.log2(np.arange(1, 2 ** (depth + 1)))).astype(int)
        node = np.arange(len(level))
        values = np.zeros((len(level), self.outputs))
        values[level == depth] = np.reshape(tree["leaf_values"], (2**depth, self.outputs))
        cover = np.zeros(len(level))
        known = bool(tree.get("leaf_weights"))
        cover[level == depth] = np.asarray(tree["leaf_weights"], float) if known else 0
        for at in node[level < depth][::-1]:
            cover[at] = cover[2 * at + 1] + cover[2 * at + 2]
        at_level = [*splits, _Split()]
        return self._tree(
            [at_level[k] for k in level], 2 * node + 1, 2 * node + 2, values, cover if known else None
        )

    def nested(self, tree: Mapping[str, Any]) -> Tree:
        """Nodes in nodes, the left one before the right."""
        splits: list[_Split] = []
        no, yes, values, cover = list[int](), list[int](), list[Any](), list[float]()

        def walk(node: Mapping[str, Any]) -> int:
            at, leaf = len(splits), "split" not in node
            splits.append(_Split() if leaf else self._split(node["split"]))
            no.append(0)
            yes.append(0)
            values.append(np.broadcast_to(node["value"], self.outputs) if leaf else np.zeros(self.outputs))
            cover.append(float(node.get("weight", 0)) if leaf else 0.0)
            if not leaf:
                no[at], yes[at] = walk(node["left"]), walk(node["right"])
                cover[at] = cover[no[at]] + cover[yes[at]]
            return at

        walk(tree)
        return self._tree(splits, np.array(no), np.array(yes), np.array(values), np.array(cover))

    def _tree(
        self, splits: Sequence[_Split], no: NpArray, yes: NpArray, values: NpArray, cover: NpArray | None
    ) -> Tree:
        """A number beyond the border goes the way of yes, right; so does the category that is asked for, left."""
        by_set = np.array([s.code > 0 for s in splits])
        border = np.array([s.border for s in splits])
        return Tree(
            feature=np.array([s.column for s in splits]),
            threshold=at_most(border, single=True),
            left=np.where(by_set, yes, no),
            right=np.where(by_set, no, yes),
            value=values,
            cover=cover,
            missing_left=np.array([not s.missing_beyond for s in splits]) & ~by_set,
            categories={k: (np.array([s.code]), False) for k, s in enumerate(splits) if s.code},
            feeds=0 if self.outputs == 1 else -1,
            weight=self.scale,
        )

    def _split(self, split: Mapping[str, Any]) -> _Split:
        if split["split_type"] == "FloatFeature":
            feature = self.numbers[split["float_feature_index"]]
            beyond = feature["nan_value_treatment"] == "AsTrue"
            return _Split(feature["flat_feature_index"], split["border"], missing_beyond=beyond)
        if split["split_type"] == "OneHotFeature":
            column = self.words[split["cat_feature_index"]]["flat_feature_index"]
            return _Split(column, code=self.asked[column][split["value"] % 2**32])
        raise self._refusal(split["split_type"])

    def _refusal(self, kind: str) -> CapabilityError:
        used = {
            self.names[self.words[part["cat_feature_index"]]["flat_feature_index"]]
            for statistic in self.info.get("ctrs") or ()
            for part in statistic["elements"]
            if "cat_feature_index" in part
        }
        if not used:
            return CapabilityError(f"A tree splits by {kind}, which no column holds.", fix="Use KernelShap.")
        return CapabilityError(
            f"This model splits by statistics of categories (CTR) of {', '.join(map(repr, sorted(used)))}, "
            "which no column holds.",
            fix="Train it with a larger one_hot_max_size, or use KernelShap.",
        )


@dataclass(frozen=True)
class _Split:
    """What a node asks: whether a number is beyond the border, or a category the one of this code; a leaf nothing."""

    column: int = -1
    border: float = 0.0
    code: int = 0
    missing_beyond: bool = False
