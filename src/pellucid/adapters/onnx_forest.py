"""ONNX tree ensembles as a forest: the classifier, the regressor, and the one operator that followed them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.forest import Forest, Tree, at_most, below
from pellucid.core.forest_check import probe, remembered, verified
from pellucid.core.links import LINKS
from pellucid.core.target import space_of
from pellucid.core.types import Array, NpArray

from .onnx_model import TYPES, OnnxModel

ENSEMBLES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble")
PASSING = ("Cast", "Identity", "ZipMap", "Reshape", "Squeeze", "Flatten")
"""Operators around an ensemble that leave its numbers as they are."""
MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
"""What a split asks, by the number that `TreeEnsemble` gives it."""
LEQ, LT, GTE, GT, EQ, NEQ, MEMBER = range(len(MODES))
TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")


@dataclass(frozen=True, eq=False)
class OnnxForest(OnnxModel):
    """A graph that is one tree ensemble.

    Attributes:
        proto: the graph.
    """

    proto: Any = None

    def forest(self) -> Forest:
        return remembered(self.session, self.output, lambda: read(self))

    def tree_inputs(self, *inputs: Array) -> NpArray:
        (table,) = self._feed(inputs).values()
        return table.astype(np.float64)


@dataclass(frozen=True)
class Nodes:
    """All nodes of all trees, leaves among them.

    Attributes:
        feature, mode, value: what a split asks.
        yes, no: where it leads.
        missing_yes: whether a missing value counts as a yes.
        leaf: whether it is a leaf.
        votes: (nodes, outputs) what a leaf adds.
        roots: the first node of each tree.
        members: split -> the values it asks for.
    """

    feature: NpArray
    mode: NpArray
    value: NpArray
    yes: NpArray
    no: NpArray
    missing_yes: NpArray
    leaf: NpArray
    votes: NpArray
    roots: NpArray
    members: Mapping[int, NpArray]


def ensemble(proto: Any) -> Any:
    """The node that is all of a graph's arithmetic, or None where there is more to it."""
    found = [node for node in proto.graph.node if node.op_type in ENSEMBLES]
    others = [node for node in proto.graph.node if node.op_type not in (*ENSEMBLES, *PASSING)]
    return found[0] if len(found) == 1 and not others else None


def read(model: OnnxForest) -> Forest:
    """The forest of a graph, checked against its sum in the runtime.

    Raises:
        CapabilityError: the trees are not added up, or a split asks what no forest can.
    """
    node = ensemble(model.proto)
    given = {a.name: _value(a) for a in node.attribute}
    nodes = _one_operator(given) if node.op_type == "TreeEnsemble" else _two_operators(given)
    inputs = model.session.get_inputs()[0]
    single = TYPES[inputs.type] != np.float64
    how = _named(given.get("aggregate_function", "SUM"), AGGREGATES)
    if how not in ("SUM", "AVERAGE"):
        raise CapabilityError(f"This ensemble takes the {how.lower()} of its trees.", fix="Use KernelShap.")
    outputs, count = nodes.votes.shape[1], len(nodes.roots)
    weight = 1 / count if how == "AVERAGE" else 1.0
    base = np.asarray(given.get("base_values", given.get("base_values_as_tensor", [0.0])), np.float64)
    asked = max(inputs.shape[1] if len(inputs.shape) > 1 and isinstance(inputs.shape[1], int) else 0, 1)
    forest = Forest.of(
        [_tree(nodes, int(root), single, weight) for root in nodes.roots],
        base=np.broadcast_to(base if len(base) in (1, outputs) else base[-1:], outputs),
        columns=max(asked, int(nodes.feature.max(initial=0)) + 1),
        classes=model.facts.classes,
        missing=True,
    )
    verified(forest, _raw(node, model, outputs), model.facts.name)
    return _linked(forest, model, _named(given.get("post_transform", "NONE"), TRANSFORMS))


def _value(attribute: Any) -> Any:
    onnx = import_module("onnx")
    value = onnx.helper.get_attribute_value(attribute)
    return onnx.numpy_helper.to_array(value) if hasattr(value, "raw_data") else value


def _named(value: Any, names: tuple[str, ...]) -> str:
    return names[value] if isinstance(value, int) else value.decode() if isinstance(value, bytes) else value


def _raw(node: Any, model: OnnxForest, outputs: int) -> Callable[[NpArray], NpArray]:
    """The runtime's own sum of the trees, without what a classifier makes of it."""
    onnx, runtime = import_module("onnx"), import_module("onnxruntime")
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    if copy.op_type == "TreeEnsembleClassifier":
        copy.op_type = "TreeEnsembleRegressor"
    del copy.output[:], copy.input[:], copy.attribute[:]
    copy.input.append("x")
    copy.output.append("y")
    kept = [
        a for a in node.attribute if not a.name.startswith(("classlabels", "post_transform", "n_targets"))
    ]
    for attribute in kept:
        added = copy.attribute.add()
        added.CopyFrom(attribute)
        added.name = attribute.name.replace("class_", "target_")
        if added.name == "target_ids":
            places = np.unique(attribute.ints) if outputs == 1 else np.arange(outputs)
            added.ints[:] = np.searchsorted(places, attribute.ints).tolist()
    copy.attribute.append(onnx.helper.make_attribute("n_targets", outputs))
    kind = model.session.get_inputs()[0].type
    element = onnx.TensorProto.DOUBLE if TYPES[kind] == np.float64 else onnx.TensorProto.FLOAT
    result = element if copy.op_type == "TreeEnsemble" else onnx.TensorProto.FLOAT
    body = onnx.helper.make_graph(
        [copy],
        "sum",
        [onnx.helper.make_tensor_value_info("x", element, [None, None])],
        [onnx.helper.make_tensor_value_info("y", result, [None, None])],
    )
    graph = onnx.helper.make_model(
        body, opset_imports=model.proto.opset_import, ir_version=model.proto.ir_version
    )
    session = runtime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    dtype = np.float64 if element == onnx.TensorProto.DOUBLE else np.float32
    return lambda x: session.run(None, {"x": x.astype(dtype)})[0]


def _linked(forest: Forest, model: OnnxForest, transform: str) -> Forest:
    """The forest with its link, where that leads to what the model itself gives."""
    one = forest.outputs == 1
    known = {
        "NONE": "identity",
        "SOFTMAX": "softmax",
        "LOGISTIC": "logistic" if one and forest.classes else "each_logistic",
    }
    link, x = known.get(transform, ""), probe(forest)
    theirs = model.predict(x)
    if link:
        ours = LINKS[link](forest.predict(x)).reshape(len(x), -1)
        same = ours.shape == theirs.reshape(len(x), -1).shape and np.allclose(
            ours, theirs.reshape(len(x), -1), atol=1e-4
        )
        link = link if same else ""
    space = {"SOFTMAX": "logit", "LOGISTIC": "log-odds"}.get(transform)
    return replace(forest, link=link, space=space or space_of(theirs, "raw?"))


# -- nodes ----------------------------------------------------------------------------------------------------------


def _two_operators(given: Mapping[str, Any]) -> Nodes:
    """The nodes of a classifier or a regressor, which are named by tree and number."""
    trees, numbers = (np.asarray(given[f"nodes_{k}"], np.int64) for k in ("treeids", "nodeids"))
    stride = int(numbers.max()) + 1
    keys = trees * stride + numbers
    order = np.argsort(keys)

    def place(tree: NpArray, number: NpArray | int) -> NpArray:
        return order[
            np.searchsorted(keys[order], np.asarray(tree) * stride + np.asarray(number)).clip(
                0, len(keys) - 1
            )
        ]

    modes = [mode.decode() for mode in given["nodes_modes"]]
    leaf = np.array([mode == "LEAF" for mode in modes])
    what = "class" if "class_ids" in given else "target"
    ids = np.asarray(given[f"{what}_ids"], np.int64)
    labels = given.get("classlabels_strings", given.get("classlabels_int64s", ()))
    alone = len(labels) == 2 and len(np.unique(ids)) == 1  # one sum speaks for both classes
    votes = np.zeros((len(keys), 1 if alone else len(labels) or given.get("n_targets", 1)))
    at = place(np.asarray(given[f"{what}_treeids"]), np.asarray(given[f"{what}_nodeids"]))
    np.add.at(votes, (at, np.zeros_like(ids) if alone else ids), _either(given, f"{what}_weights"))
    tracks = given.get("nodes_missing_value_tracks_true") or np.zeros(len(keys))
    _, first = np.unique(trees, return_index=True)
    roots = place(trees[np.sort(first)], 0) if (numbers == 0).sum() == len(first) else np.sort(first)
    return Nodes(
        feature=np.asarray(given["nodes_featureids"], np.int64),
        mode=np.array([LEQ if mode == "LEAF" else MODES.index(mode) for mode in modes]),
        value=_either(given, "nodes_values"),
        yes=place(trees, np.asarray(given["nodes_truenodeids"])),
        no=place(trees, np.asarray(given["nodes_falsenodeids"])),
        missing_yes=np.asarray(tracks, bool),
        leaf=leaf,
        votes=votes,
        roots=roots,
        members={},
    )


def _either(given: Mapping[str, Any], name: str) -> NpArray:
    """Numbers in single precision, or in double as a tensor."""
    return np.asarray(given.get(name, given.get(f"{name}_as_tensor", ())), np.float64)


def _one_operator(given: Mapping[str, Any]) -> Nodes:
    """The nodes of `TreeEnsemble`: splits, and leaves behind them."""
    features = np.asarray(given["nodes_featureids"], np.int64)
    inner, weights = len(features), np.asarray(given["leaf_weights"], np.float64)
    leaves = len(weights)
    votes = np.zeros((inner + leaves, given.get("n_targets", 1)))
    votes[inner + np.arange(leaves), np.asarray(given["leaf_targetids"])] = weights

    def child(way: str) -> NpArray:
        at = np.asarray(given[f"nodes_{way}nodeids"])
        return np.concatenate([at + inner * np.asarray(given[f"nodes_{way}leafs"]), np.zeros(leaves, int)])

    def padded(values: Any, kind: Any) -> NpArray:
        return np.concatenate([np.asarray(values, kind), np.zeros(leaves, kind)])

    modes = np.asarray(given["nodes_modes"]).astype(int)
    sets = np.asarray(given.get("membership_values", ()), np.float64)
    each = np.split(sets, np.flatnonzero(np.isnan(sets)) + 1)
    asking = np.flatnonzero(modes == MEMBER)
    return Nodes(
        feature=padded(features, np.int64),
        mode=padded(modes, np.int64),
        value=padded(given["nodes_splits"], np.float64),
        yes=child("true"),
        no=child("false"),
        missing_yes=padded(given.get("nodes_missing_value_tracks_true") or np.zeros(inner), bool),
        leaf=np.arange(inner + leaves) >= inner,
        votes=votes,
        roots=np.asarray(given["tree_roots"]),
        members={int(n): s[~np.isnan(s)] for n, s in zip(asking, each, strict=False)},
    )


# -- trees ----------------------------------------------------------------------------------------------------------


def _tree(nodes: Nodes, root: int, single: bool, weight: float) -> Tree:
    """One tree, level by level; a node that several lead to is there for each of them."""
    at, left, right = _levels(nodes, root)
    leaf, mode = nodes.leaf[at], nodes.mode[at]
    value = nodes.value[at]
    turned = ~leaf & np.isin(mode, (GT, GTE))  # a yes is on the right
    strict = np.isin(mode, (LT, GTE))
    by_set = ~leaf & np.isin(mode, (EQ, NEQ, MEMBER))
    turned |= ~leaf & (mode == NEQ)
    outputs = nodes.votes.shape[1]
    return Tree(
        feature=np.where(leaf, -1, nodes.feature[at]),
        threshold=np.where(strict, below(value, single=single), at_most(value, single=single)),
        left=np.where(turned, right, left),
        right=np.where(turned, left, right),
        value=nodes.votes[at],
        missing_left=(nodes.missing_yes[at] | (mode == NEQ)) ^ turned,  # NaN differs from any number
        categories={int(k): (_members(nodes, int(at[k])), False) for k in np.flatnonzero(by_set)},
        feeds=0 if outputs == 1 else -1,
        weight=weight,
    )


def _levels(nodes: Nodes, root: int) -> tuple[NpArray, NpArray, NpArray]:
    """The nodes that a root leads to, and where in that list their yes and no are."""
    front, found = np.array([root]), list[NpArray]()
    lefts, rights, size = list[NpArray](), list[NpArray](), 1
    while len(front):
        inner = ~nodes.leaf[front]
        count = int(inner.sum())
        left, right = np.full(len(front), -1), np.full(len(front), -1)
        left[inner], right[inner] = size + np.arange(count), size + count + np.arange(count)
        found.append(front)
        lefts.append(left)
        rights.append(right)
        size += 2 * count
        front = np.concatenate([nodes.yes[front[inner]], nodes.no[front[inner]]])
        if len(found) > len(nodes.leaf):
            raise CapabilityError("A tree of this ensemble leads back to itself.")
    return np.concatenate(found), np.concatenate(lefts), np.concatenate(rights)


def _members(nodes: Nodes, node: int) -> NpArray:
    """The codes that a split asks for."""
    asked = nodes.members.get(node, nodes.value[node : node + 1])
    if (asked < 0).any() or (asked != np.round(asked)).any():
        raise CapabilityError(
            "A split of this ensemble asks whether a value equals a number that is no code of a category.",
            got=asked.tolist(),
            fix="Use KernelShap.",
        )
    return asked.astype(np.int64)
