"""Forests read from ONNX graphs give the runtime's own sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import pellucid
from pellucid.core.errors import CapabilityError
from pellucid.core.links import LINKS

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")
from onnx import TensorProto, helper  # noqa: E402

X, Y = load_iris(return_X_y=True)
X = X.astype(np.float32)
GAPS = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X).astype(np.float32)
twenty = settings(max_examples=20, deadline=None, derandomize=True)


def converted(model: Any) -> Any:
    """A fitted model as a graph, by the tool for its library."""
    library = type(model).__module__.partition(".")[0]
    if library == "sklearn":
        return skl2onnx.to_onnx(model, X[:1])
    import onnxmltools
    from onnxmltools.convert.common.data_types import FloatTensorType

    convert = getattr(onnxmltools, f"convert_{library}")
    return convert(model, initial_types=[("X", FloatTensorType([None, 4]))])


def same(graph: Any, x: Any) -> Any:
    """The forest, whose link leads to what the graph gives."""
    wrapped = pellucid.wrap(graph)
    forest = wrapped.forest()
    assert forest.link
    p = LINKS[forest.link](forest.predict(wrapped.tree_inputs(x)))
    np.testing.assert_allclose(p, wrapped.predict(x).reshape(p.shape), rtol=1e-5, atol=1e-6)
    assert wrapped.forest() is forest
    return forest


def grown() -> list[tuple[str, Any]]:
    from lightgbm import LGBMClassifier, LGBMRegressor
    from xgboost import XGBClassifier, XGBRegressor

    knobs: dict[str, Any] = {"n_estimators": 4, "n_jobs": 1}
    light: dict[str, Any] = {**knobs, "verbose": -1, "min_child_samples": 5}
    two, numbers = (Y > 0).astype(int), Y + X[:, 0].astype(float)
    return [
        ("tree", DecisionTreeClassifier(random_state=0).fit(X, Y)),
        ("forest", RandomForestClassifier(4, random_state=0).fit(X, Y)),
        ("forest of numbers", RandomForestRegressor(4, random_state=0).fit(X, numbers)),
        ("boosting of two", GradientBoostingClassifier(n_estimators=4).fit(X, two)),
        ("boosting of three", GradientBoostingClassifier(n_estimators=4).fit(X, Y)),
        ("xgboost", XGBRegressor(**knobs).fit(GAPS, numbers)),
        ("xgboost of two", XGBClassifier(**knobs).fit(GAPS, two)),
        ("xgboost of three", XGBClassifier(**knobs).fit(GAPS, Y)),
        ("lightgbm", LGBMRegressor(**light).fit(GAPS, numbers)),
        ("lightgbm of two", LGBMClassifier(**light).fit(GAPS, two)),
        ("lightgbm of three", LGBMClassifier(**light).fit(GAPS, Y)),
    ]


@pytest.mark.parametrize(("name", "model"), grown(), ids=[name for name, _ in grown()])
def test_converted_models(name, model):
    forest = same(converted(model), GAPS if "boost" not in type(model).__name__.lower() else X)
    if "xgboost" in name or "lightgbm" in name:
        same(converted(model), GAPS)
        own = pellucid.wrap(model).forest()
        np.testing.assert_allclose(forest.predict(GAPS), own.predict(GAPS), atol=1e-5)


@pytest.mark.parametrize("task", ["numbers", "two", "three"])
def test_what_catboost_exports(task, tmp_path):
    import catboost

    kind = catboost.CatBoostRegressor if task == "numbers" else catboost.CatBoostClassifier
    y = {"numbers": Y + X[:, 0], "two": (Y > 0).astype(int), "three": Y}[task]
    model = kind(iterations=4, depth=3, verbose=False, allow_writing_files=False).fit(GAPS, y)
    model.save_model(str(tmp_path / "m.onnx"), format="onnx")
    same(onnx.load(str(tmp_path / "m.onnx")), GAPS)


def test_a_forest_of_two_classes_speaks_for_the_second():
    """One sum for both: the runtime gives 1 - p and p."""
    graph = converted(RandomForestClassifier(4, random_state=0).fit(X, (Y > 0).astype(int)))
    wrapped = pellucid.wrap(graph)
    forest = wrapped.forest()
    np.testing.assert_allclose(forest.predict(X)[:, 0], wrapped.predict(X)[:, 1], atol=1e-6)
    assert (forest.outputs, forest.space, forest.classes) == (1, "probability", ("0", "1"))


# -- random ensembles, every way to compare -------------------------------------------------------------------------

ORDERED = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT")


def random_tree(rng: Any, depth: int, modes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Nodes numbered as they are met; two columns of numbers, one of codes."""
    nodes: list[dict[str, Any]] = []

    def grow(left: int) -> int:
        at = len(nodes)
        nodes.append({"mode": "LEAF", "column": 0, "value": 0.0, "yes": 0, "no": 0, "tracks": 0})
        if left and (left == depth or rng.random() < 0.8):
            mode = str(rng.choice(modes))
            codes = mode in ("BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
            value = float(rng.integers(0, 5)) if codes else float(np.float32(rng.normal()))
            column, tracks = 2 if codes else int(rng.integers(2)), int(rng.integers(2))
            yes, no = grow(left - 1), grow(left - 1)
            nodes[at] = {
                "mode": mode,
                "column": column,
                "value": value,
                "yes": yes,
                "no": no,
                "tracks": tracks,
            }
        return at

    grow(depth)
    return nodes


def rows(rng: Any, thresholds: Any) -> np.ndarray:
    """At thresholds, beside them, elsewhere, and gaps."""
    at = np.asarray(thresholds, np.float32)
    near = rng.choice(np.concatenate([at, np.nextafter(at, np.float32(9)), [0.0, 1.0]]), (60, 3))
    x = np.where(rng.random((60, 3)) < 0.5, near, rng.normal(size=(60, 3))).astype(np.float32)
    x[:, 2] = rng.integers(0, 7, 60)
    x[rng.random((60, 3)) < 0.2] = np.nan
    return x


def graph_of(node: Any, version: int) -> Any:
    body = helper.make_graph(
        [node],
        "random",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", None])],
    )
    sets = [helper.make_opsetid("ai.onnx.ml", version), helper.make_opsetid("", 19)]
    return helper.make_model(body, opset_imports=sets, ir_version=9)


@twenty
@given(
    st.integers(0, 10_000),
    st.integers(1, 5),
    st.sampled_from([1, 3]),
    st.sampled_from(["SUM", "AVERAGE"]),
    st.booleans(),
)
def test_random_regressors(seed, depth, targets, how, categories):
    rng = np.random.default_rng(seed)
    modes = (*ORDERED, "BRANCH_EQ", "BRANCH_NEQ") if categories else ORDERED
    trees = [random_tree(rng, depth, modes) for _ in range(4)]
    flat = [(t, k, node) for t, tree in enumerate(trees) for k, node in enumerate(tree)]
    leaves = [
        (t, k, target, float(rng.normal()))
        for t, k, n in flat
        for target in range(targets)  # the runtime adds no base where no leaf votes for a target
        if n["mode"] == "LEAF"
    ]
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=targets,
        aggregate_function=how,
        base_values=[float(v) for v in rng.normal(size=targets)],
        nodes_treeids=[t for t, _, _ in flat],
        nodes_nodeids=[k for _, k, _ in flat],
        nodes_featureids=[n["column"] for *_, n in flat],
        nodes_modes=[n["mode"] for *_, n in flat],
        nodes_values=[n["value"] for *_, n in flat],
        nodes_truenodeids=[n["yes"] for *_, n in flat],
        nodes_falsenodeids=[n["no"] for *_, n in flat],
        nodes_missing_value_tracks_true=[n["tracks"] for *_, n in flat],
        target_treeids=[leaf[0] for leaf in leaves],
        target_nodeids=[leaf[1] for leaf in leaves],
        target_ids=[leaf[2] for leaf in leaves],
        target_weights=[leaf[3] for leaf in leaves],
    )
    same(graph_of(node, 3), rows(rng, [n["value"] for *_, n in flat]))


@twenty
@given(st.integers(0, 10_000), st.integers(1, 5), st.sampled_from([1, 3]), st.sampled_from([0, 1]))
def test_random_ensembles_of_the_one_operator(seed, depth, targets, how):
    """`TreeEnsemble`, with splits by sets of members."""
    rng = np.random.default_rng(seed)
    modes = (*ORDERED, "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
    inner, leaves, roots, members = list[Any](), list[Any](), list[int](), list[float]()
    for tree in (random_tree(rng, depth, modes) for _ in range(4)):
        places = {}
        for k, node in enumerate(tree):
            places[k] = len(leaves) if node["mode"] == "LEAF" else len(inner)
            (leaves if node["mode"] == "LEAF" else inner).append((node, places, tree))
        roots.append(places[0])
    names = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
    for node, _, _ in inner:
        if node["mode"] == "BRANCH_MEMBER":
            members += [*map(float, rng.choice(6, 3, replace=False)), np.nan]

    def way(key: str) -> dict[str, Any]:
        return {
            f"nodes_{'true' if key == 'yes' else 'false'}nodeids": [p[n[key]] for n, p, _ in inner],
            f"nodes_{'true' if key == 'yes' else 'false'}leafs": [
                int(t[n[key]]["mode"] == "LEAF") for n, _, t in inner
            ],
        }

    def floats(name: str, values: Any) -> Any:
        return onnx.numpy_helper.from_array(np.asarray(values, np.float32), name)

    node = helper.make_node(
        "TreeEnsemble",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=targets,
        aggregate_function=how,
        post_transform=0,
        tree_roots=roots,
        nodes_featureids=[n["column"] for n, *_ in inner],
        nodes_modes=onnx.numpy_helper.from_array(
            np.array([names.index(n["mode"]) for n, *_ in inner], np.uint8), "modes"
        ),
        nodes_splits=floats("splits", [n["value"] for n, *_ in inner]),
        # behind a split by members the runtime takes these directions from another node
        nodes_missing_value_tracks_true=[n["tracks"] * (not members) for n, *_ in inner],
        leaf_targetids=[int(rng.integers(targets)) for _ in leaves],
        leaf_weights=floats("weights", rng.normal(size=len(leaves))),
        **({"membership_values": floats("members", members)} if members else {}),
        **way("yes"),
        **way("no"),
    )
    same(graph_of(node, 5), rows(rng, [n["value"] for n, *_ in inner]))


# -- refused --------------------------------------------------------------------------------------------------------


def test_the_largest_of_the_trees_is_no_sum():
    graph = converted(RandomForestRegressor(2, random_state=0).fit(X, Y))
    graph.graph.node[0].attribute.append(helper.make_attribute("aggregate_function", "MAX"))
    graph.opset_import[0].version = 3
    with pytest.raises(CapabilityError, match=r"This ensemble takes the max of its trees"):
        pellucid.wrap(graph).forest()


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), RandomForestClassifier(2, random_state=0)),
        LogisticRegression(max_iter=500),
    ],
    ids=["scaled", "no trees"],
)
def test_what_is_more_than_trees_is_no_forest(model):
    assert not hasattr(pellucid.wrap(converted(model.fit(X, Y))), "forest")
