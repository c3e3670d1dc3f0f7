"""scikit-learn's tree ensembles as forests: trees, forests, extra trees, boosting, isolation forest, AdaBoost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.forest import Forest, Tree, at_most
from pellucid.core.forest_check import remembered, verified
from pellucid.core.types import Array, NpArray

from .function import FunctionModel
from .unnamed import quiet

Reader = Callable[[Any], Forest]
BITSET = 256
"""Category codes that hist gradient boosting knows."""


@dataclass(frozen=True, eq=False)
class SklearnForest(FunctionModel):
    """A scikit-learn ensemble whose trees can be read.

    Attributes:
        estimator: the fitted ensemble.
    """

    estimator: Any = None

    def forest(self) -> Forest:
        estimator = self.estimator
        read = READERS[known_as(estimator) or ""]
        return remembered(estimator, _grown(estimator), lambda: quiet(read)(estimator))

    def tree_inputs(self, *inputs: Array) -> NpArray:
        preprocessor = getattr(self.estimator, "_preprocessor", None)
        if preprocessor is None:
            return np.asarray(inputs[0], np.float64)
        given = np.asarray(preprocessor.transform(inputs[0]), np.float64)
        out = np.empty_like(given)
        out[:, _places(self.estimator)] = given
        return out


@dataclass(frozen=True, eq=False)
class SklearnSteps(FunctionModel):
    """A scikit-learn pipeline that ends in an ensemble whose trees can be read.

    Attributes:
        estimator: the fitted pipeline.
    """

    estimator: Any = None

    @property
    def _last(self) -> SklearnForest:
        return SklearnForest(self.function, self.facts, None, self.estimator.steps[-1][1])

    def last_forest(self) -> Forest:
        return self._last.forest()

    def last_inputs(self, *inputs: Array) -> NpArray:
        made = quiet(self.estimator[:-1].transform)(inputs[0])
        return self._last.tree_inputs(made.toarray() if hasattr(made, "toarray") else made)


def known_as(estimator: Any) -> str | None:
    """The class among the ancestors of `estimator` that has a reader; None for none."""
    for cls in type(estimator).__mro__:
        if cls.__module__.partition(".")[0] == "sklearn" and cls.__name__ in READERS:
            return cls.__name__
    return None


def _grown(estimator: Any) -> list[Any]:
    """What every fit makes anew."""
    grown = getattr(estimator, "_predictors", getattr(estimator, "estimators_", None))
    if grown is None:
        return [estimator.tree_]
    return [id(grown), len(grown), *(np.ravel(np.asarray(grown, object))[-1:])]


def _tree(
    tree: Any, value: NpArray, columns: NpArray | None = None, *, weight: float, feeds: int = 0
) -> Tree:
    """A scikit-learn `tree_` with what its leaves add; `columns` where it was grown on some of them."""
    feature = tree.feature if columns is None else np.where(tree.feature < 0, -1, columns[tree.feature])
    return Tree(
        feature=np.where(tree.children_left < 0, -1, feature),
        threshold=at_most(tree.threshold, single=True),
        left=tree.children_left,
        right=tree.children_right,
        value=value,
        cover=tree.weighted_n_node_samples,
        missing_left=tree.missing_go_to_left.astype(bool),
        feeds=feeds,
        weight=weight,
    )


def _takes_missing(estimator: Any) -> bool:
    return bool(estimator.__sklearn_tags__().input_tags.allow_nan)


def _classes(estimator: Any) -> tuple[str, ...]:
    classes = getattr(estimator, "classes_", ())
    if isinstance(classes, list):
        raise CapabilityError(
            f"This {type(estimator).__name__} answers {len(classes)} questions at once.",
            fix="Fit one model for each, or use KernelShap.",
        )
    return tuple(map(str, classes))


def _averaged(estimator: Any, trees: Sequence[Any]) -> Forest:
    """Trees whose values are averaged: class shares, or means."""
    classes = _classes(estimator)

    def values(tree: Any) -> NpArray:
        value = tree.value[:, 0, :] if classes else tree.value[:, :, 0]
        return value / value.sum(1, keepdims=True) if classes else value

    outputs = max(len(classes), 1) if classes else trees[0].value.shape[1]
    forest = Forest.of(
        [_tree(t, values(t), weight=1 / len(trees), feeds=-1 if outputs > 1 else 0) for t in trees],
        base=np.zeros(outputs),
        columns=estimator.n_features_in_,
        space="probability" if classes else "raw",
        classes=classes,
        missing=_takes_missing(estimator),
    )
    return verified(
        forest, estimator.predict_proba if classes else estimator.predict, type(estimator).__name__
    )


def _one_tree(estimator: Any) -> Forest:
    return _averaged(estimator, [estimator.tree_])


def _random_forest(estimator: Any) -> Forest:
    return _averaged(estimator, [tree.tree_ for tree in estimator.estimators_])


def _raw(estimator: Any) -> Callable[[NpArray], NpArray]:
    return getattr(estimator, "decision_function", estimator.predict)


def _gradient_boosting(estimator: Any) -> Forest:
    init = getattr(estimator, "init", None)
    if init is not None and init != "zero" and not type(init).__name__.startswith("Dummy"):
        raise CapabilityError(
            f"This {type(estimator).__name__} starts from a {type(init).__name__}, whose part no tree holds.",
            fix="Use KernelShap, or fit it without init.",
        )
    classes, rounds = _classes(estimator), estimator.estimators_
    trees = [
        _tree(tree.tree_, tree.tree_.value[:, 0, 0], weight=estimator.learning_rate, feeds=k)
        for row in rounds
        for k, tree in enumerate(row)
    ]
    outputs = rounds.shape[1]

    def forest(base: NpArray) -> Forest:
        return Forest.of(
            trees,
            base=base,
            columns=estimator.n_features_in_,
            link=("logistic" if outputs == 1 else "softmax") if classes else "identity",
            space="log-odds" if classes else "raw",
            classes=classes,
            missing=False,
        )

    raw, row = _raw(estimator), np.zeros((1, estimator.n_features_in_))
    start = raw(row).reshape(1, -1) - forest(np.zeros(outputs)).predict(row)
    return verified(forest(start[0]), raw, type(estimator).__name__)


def _places(estimator: Any) -> NpArray:
    """The column of the caller's table behind each column that hist gradient boosting's trees see."""
    if getattr(estimator, "_preprocessor", None) is None:
        return np.arange(estimator.n_features_in_)
    by_set = np.asarray(estimator.is_categorical_, bool)
    return np.concatenate([np.flatnonzero(by_set), np.flatnonzero(~by_set)])


def _hist_gradient_boosting(estimator: Any) -> Forest:
    known, row_of = estimator._bin_mapper.make_known_categories_bitsets()
    places, classes = _places(estimator), _classes(estimator)
    trees = [
        _hist_tree(predictor, known, row_of, places, k)
        for row in estimator._predictors
        for k, predictor in enumerate(row)
    ]
    outputs = estimator.n_trees_per_iteration_
    loss = {"poisson": "exponential", "gamma": "exponential"}.get(estimator.loss, "identity")
    forest = Forest.of(
        trees,
        base=np.ravel(estimator._baseline_prediction),
        columns=estimator.n_features_in_,
        link=("logistic" if outputs == 1 else "softmax") if classes else loss,
        space="log-odds" if classes else "log" if loss == "exponential" else "raw",
        classes=classes,
    )

    def raw(x: NpArray) -> NpArray:
        seen = np.ascontiguousarray(x[:, places])
        out = np.tile(np.ravel(estimator._baseline_prediction), (len(x), 1)).astype(np.float64)
        for row in estimator._predictors:
            for k, predictor in enumerate(row):
                out[:, k] += predictor.predict(seen, known_cat_bitsets=known, f_idx_map=row_of, n_threads=1)
        return out

    return verified(forest, raw, type(estimator).__name__)


def _hist_tree(predictor: Any, known: NpArray, row_of: NpArray, places: NpArray, feeds: int) -> Tree:
    """One tree of hist gradient boosting: double thresholds; a category it never saw goes where NaN does."""
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    missing_left = nodes["missing_go_to_left"].astype(bool)
    categories: dict[int, tuple[NpArray, bool]] = {}
    for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf):
        left = _unpacked(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]])
        seen = _unpacked(known[row_of[nodes["feature_idx"][node]]])
        goes = (left & seen) | (~seen if missing_left[node] else np.zeros(BITSET, bool))
        categories[int(node)] = (np.flatnonzero(goes), bool(missing_left[node]))
    return Tree(
        feature=np.where(leaf, -1, places[nodes["feature_idx"]]),
        threshold=nodes["num_threshold"],
        left=nodes["left"].astype(np.int64),
        right=nodes["right"].astype(np.int64),
        value=nodes["value"],
        cover=nodes["count"],
        missing_left=missing_left,
        categories=categories,
        feeds=feeds,
    )


def _unpacked(words: NpArray) -> NpArray:
    """(256,) bools of eight words of 32 bits."""
    return (
        ((np.asarray(words, np.uint32)[:, None] >> np.arange(32, dtype=np.uint32)) & 1).astype(bool).ravel()
    )


def _isolation_forest(estimator: Any) -> Forest:
    """The mean number of splits to isolate a row; few mean an outlier."""
    trees = [
        _tree(tree.tree_, _depths(tree.tree_), np.asarray(columns), weight=1 / len(estimator.estimators_))
        for tree, columns in zip(estimator.estimators_, estimator.estimators_features_, strict=True)
    ]
    forest = Forest.of(
        trees,
        base=0.0,
        columns=estimator.n_features_in_,
        link="",
        space="path length",
        missing=_takes_missing(estimator),
        notes=("explained is the mean number of splits that isolate a row: the fewer, the more unusual",),
    )
    usual = path_length(np.array([estimator.max_samples_]))[0]
    return verified(forest, lambda x: -np.log2(-estimator.score_samples(x)) * usual, type(estimator).__name__)


def _depths(tree: Any) -> NpArray:
    """(nodes,) splits above a node, and those that its rows would still need."""
    above = np.zeros(tree.node_count)
    for node in np.flatnonzero(tree.children_left >= 0):  # parents come before their children
        above[[tree.children_left[node], tree.children_right[node]]] = above[node] + 1
    return above + path_length(tree.n_node_samples)


def path_length(rows: NpArray) -> NpArray:
    """The mean number of splits that isolate one of so many rows in a random tree."""
    n = np.asarray(rows, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        many = 2 * (np.log(n - 1) + np.euler_gamma) - 2 * (n - 1) / n
    return np.where(n <= 1, 0.0, np.where(n <= 2, 1.0, many))


def _ada_boost(estimator: Any) -> Forest:
    """Each tree gives its weight to the class it votes for."""
    classes = _classes(estimator)
    strangers = [type(e).__name__ for e in estimator.estimators_ if not hasattr(e, "tree_")]
    if strangers:
        raise CapabilityError(f"This AdaBoost is made of {strangers[0]}, no tree.", fix="Use KernelShap.")
    many, total = len(classes), float(np.sum(estimator.estimator_weights_))
    trees = []
    for tree, weight in zip(estimator.estimators_, estimator.estimator_weights_, strict=False):
        votes = np.searchsorted(estimator.classes_, tree.classes_)[tree.tree_.value[:, 0, :].argmax(1)]
        votes = np.eye(many)[votes]
        value = (votes - (1 - votes) / (many - 1)) / total / max(1, many - 1)
        value = 2 * value[:, 1] if many == 2 else value
        trees.append(_tree(tree.tree_, value, weight=float(weight), feeds=0 if many == 2 else -1))
    forest = Forest.of(
        trees,
        base=np.zeros(1 if many == 2 else many),
        columns=estimator.n_features_in_,
        link="logistic" if many == 2 else "softmax",
        space="log-odds",
        classes=classes,
        missing=False,
    )
    return verified(forest, lambda x: estimator.decision_function(x) / max(1, many - 1), "AdaBoostClassifier")


def _median_of_trees(estimator: Any) -> Forest:
    raise CapabilityError(
        "AdaBoostRegressor takes the median of its trees, which is no sum of them.",
        fix="Use KernelShap.",
    )


READERS: Mapping[str, Reader] = {
    "BaseDecisionTree": _one_tree,
    "RandomForestClassifier": _random_forest,
    "RandomForestRegressor": _random_forest,
    "ExtraTreesClassifier": _random_forest,
    "ExtraTreesRegressor": _random_forest,
    "GradientBoostingClassifier": _gradient_boosting,
    "GradientBoostingRegressor": _gradient_boosting,
    "HistGradientBoostingClassifier": _hist_gradient_boosting,
    "HistGradientBoostingRegressor": _hist_gradient_boosting,
    "IsolationForest": _isolation_forest,
    "AdaBoostClassifier": _ada_boost,
    "AdaBoostRegressor": _median_of_trees,
}
"""By the name of a scikit-learn class among the ancestors of the estimator."""
