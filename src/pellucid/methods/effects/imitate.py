"""Simple models fitted to what a complex one says: a tree, a list of rules, a sparse linear model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.forest import at_most
from pellucid.core.types import NpArray


@dataclass(frozen=True)
class Sample:
    """What a simple model is fitted to.

    Attributes:
        Z: (rows, terms).
        y: (rows, outputs) what the model says.
        weight: (rows,).
        decides: whether the largest output counts, and not the numbers.
        seed: of the fit.
    """

    Z: NpArray
    y: NpArray
    weight: NpArray
    decides: bool
    seed: int = 0

    def some(self, rows: NpArray) -> Sample:
        """Some of the rows."""
        return Sample(self.Z[rows], self.y[rows], self.weight[rows], self.decides, self.seed)


def as_tree(s: Sample, leaves: int, depth: int) -> dict[str, NpArray]:
    """A decision tree with at most so many leaves and levels, as the arrays of a `Surrogate`."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    how: dict[str, Any] = {"max_leaf_nodes": leaves, "max_depth": depth, "random_state": s.seed}
    if s.decides:
        fitted = DecisionTreeClassifier(**how).fit(s.Z, s.y.argmax(1), sample_weight=s.weight)
    else:
        fitted = DecisionTreeRegressor(**how).fit(s.Z, s.y, sample_weight=s.weight)
    t: Any = fitted.tree_
    output = t.value.reshape(len(t.feature), -1)
    if s.decides:
        every = np.zeros((len(output), s.y.shape[1]))
        every[:, np.asarray(fitted.classes_, int)] = output / output.sum(1, keepdims=True)
        output = every
    return {
        "feature": np.where(t.children_left < 0, -1, t.feature),
        "threshold": at_most(t.threshold, single=True),  # scikit-learn compares in float32
        "left": t.children_left.copy(),
        "right": t.children_right.copy(),
        "output": output,
        "share": t.weighted_n_node_samples / t.weighted_n_node_samples[0],
        "weights": fitted.feature_importances_,
    }


def as_rules(s: Sample, rules: int, conditions: int) -> dict[str, NpArray]:
    """A list of rules, asked in order: each is the clearest leaf of a small tree over the rows that are left."""
    nodes, weights, left = _Nodes(), np.zeros(s.Z.shape[1]), np.arange(len(s.Z))
    total = float(s.weight.sum())
    for _ in range(rules - 1):
        part = s.some(left)
        tree = as_tree(part, 2**conditions, conditions)
        path, leaf = _clearest(tree, part)
        if not path:
            break
        split = [(int(tree["feature"][n]), float(tree["threshold"][n]), goes_left) for n, goes_left in path]
        held = np.ones(len(left), bool)
        for term, threshold, goes_left in split:
            held &= (part.Z[:, term] <= threshold) == goes_left
        inside, outside = part.some(np.flatnonzero(held)), part.some(np.flatnonzero(~held))
        nodes.rule(split, tree["output"][leaf], float(inside.weight.sum()) / total)
        gain = _spread(part) - _spread(inside) - _spread(outside)
        weights[[term for term, _, _ in split]] += gain / len(split)
        left = left[~held]
    nodes.rule([], _said(s.some(left)), float(s.weight[left].sum()) / total)
    return nodes.arrays | {"weights": _shares(weights)}


class _Nodes:
    """A list of rules as it grows: a node per condition, then the leaf; where one fails, on to the next rule."""

    def __init__(self) -> None:
        self.rows = list[tuple[int, float, int, int, NpArray, float, int]]()
        self.rules = 0

    def rule(self, split: list[tuple[int, float, bool]], output: NpArray, share: float) -> None:
        after = len(self.rows) + len(split) + 1
        for term, threshold, goes_left in split:
            ways = (len(self.rows) + 1, after) if goes_left else (after, len(self.rows) + 1)
            self.rows.append((term, threshold, *ways, output, share, self.rules))
        self.rows.append((-1, 0.0, -1, -1, output, share, self.rules))
        self.rules += 1

    @property
    def arrays(self) -> dict[str, NpArray]:
        names = ("feature", "threshold", "left", "right", "output", "share", "rule_of")
        return {
            name: np.array(values) for name, values in zip(names, zip(*self.rows, strict=True), strict=True)
        }


def _clearest(tree: Mapping[str, NpArray], s: Sample) -> tuple[list[tuple[int, bool]], int]:
    """The path to the leaf that takes most of the spread with it: what it says is far from all, for many rows."""
    best, found = 0.0, (list[tuple[int, bool]](), 0)
    stack = [(0, list[tuple[int, bool]]())]
    while stack:
        node, path = stack.pop()
        if tree["feature"][node] >= 0:
            stack += [(int(tree[side][node]), [*path, (node, side == "left")]) for side in ("left", "right")]
            continue
        share = float(tree["share"][node])
        gap = float(((tree["output"][node] - tree["output"][0]) ** 2).sum()) * share / max(1 - share, 1e-9)
        if gap > best:
            best, found = gap, (path, node)
    return found


def _said(s: Sample) -> NpArray:
    y = np.eye(s.y.shape[1])[s.y.argmax(1)] if s.decides else s.y
    return np.average(y, axis=0, weights=s.weight) if s.weight.sum() else y.mean(0)


def _spread(s: Sample) -> float:
    """The weighted squares around what would be said of all."""
    if not len(s.Z):
        return 0.0
    y = np.eye(s.y.shape[1])[s.y.argmax(1)] if s.decides else s.y
    return float((s.weight[:, None] * (y - _said(s)) ** 2).sum())


def as_linear(s: Sample, terms: int) -> dict[str, NpArray]:
    """A linear model of at most so many terms, each next one the term that leaves least unexplained."""
    root = np.sqrt(s.weight / s.weight.sum())[:, None]
    middle, centre = np.average(s.Z, axis=0, weights=s.weight), np.average(s.y, axis=0, weights=s.weight)
    Z, y = root * (s.Z - middle), root * (s.y - centre)
    size = np.sqrt((Z**2).sum(0))
    unit = np.where(
        size > 1e-12 * max(float(size.max(initial=0.0)), 1e-300), Z / np.maximum(size, 1e-300), 0.0
    )
    chosen, rest, left = list[int](), y, unit.copy()
    for _ in range(min(terms, Z.shape[1])):
        gain = ((left.T @ rest) ** 2).sum(1)
        k = int(gain.argmax())
        if gain[k] <= 1e-12 * float((y**2).sum()):
            break
        chosen.append(k)
        direction = left[:, k].copy()
        rest = rest - np.outer(direction, direction @ rest)
        left = left - np.outer(direction, direction @ left)
        length = np.sqrt((left**2).sum(0))
        left = np.where(length > 1e-6, left / np.maximum(length, 1e-300), 0.0)
    coefficients = np.zeros((Z.shape[1], y.shape[1]))
    if chosen:
        coefficients[chosen] = np.linalg.lstsq(Z[:, chosen], y, rcond=None)[0]
    pull = np.sqrt((coefficients**2).sum(1)) * size
    return {
        "coefficients": coefficients,
        "intercept": centre - middle @ coefficients,
        "weights": _shares(pull),
    }


def _shares(weights: NpArray) -> NpArray:
    total = weights.sum()
    return weights / total if total > 0 else weights
