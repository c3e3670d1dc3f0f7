"""ONNX graphs are asked through onnxruntime: the numbers are its own to the last bit."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import pellucid
from pellucid.cli.loading import models
from pellucid.core.errors import CapabilityError, DataError, FileError, MissingDependency, ShapeError
from tests import nets

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")
pandas = pytest.importorskip("pandas")
from onnx import TensorProto, helper  # noqa: E402

X, Y = load_iris(return_X_y=True)
X32 = X.astype(np.float32)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
quiet = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")


def session(graph: Any) -> Any:
    return runtime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])


def said(graph: Any, output: str, **feed: Any) -> Any:
    (y,) = session(graph).run([output], feed)
    return y


def drawn(
    nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: dict[str, Any] | None = None
) -> Any:
    """A graph by hand."""
    constants = [onnx.numpy_helper.from_array(np.asarray(w), n) for n, w in (weights or {}).items()]
    body = helper.make_graph(nodes, "drawn", inputs, outputs, constants)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def tensor(name: str, *shape: Any, kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def network(rows: Any = "n", *, softmax: bool = False) -> Any:
    """A convolution, a rectifier, and a dense layer over eight by eight pixels."""
    rng = np.random.default_rng(0)
    weights = {
        "k": rng.normal(size=(3, 1, 3, 3)).astype(np.float32),
        "w": rng.normal(size=(108, 4)).astype(np.float32) / 5,
        "b": rng.normal(size=4).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("Gemm", ["f", "w", "b"], ["y0" if softmax else "y"]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["y0"], ["y"]))
    return drawn(nodes, [tensor("x", rows, 1, 8, 8)], [tensor("y", rows, 4)], weights)


def pictures(count: int = 5) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(count, 1, 8, 8)).astype(np.float32)


# -- the numbers ----------------------------------------------------------------------------------------------------


def test_a_network_says_what_it_says_itself():
    for graph in (network(), network(softmax=True)):
        x, wrapped = pictures(), pellucid.wrap(graph)
        np.testing.assert_array_equal(wrapped.predict(x), said(graph, "y", x=x))
        np.testing.assert_array_equal(pellucid.wrap(session(graph)).predict(x), said(graph, "y", x=x))
    assert wrapped.facts.name == "drawn (onnx)"
    e = pellucid.Occlusion(window=(1, 4, 4))(network(softmax=True), pictures(2))
    assert (e.space, e.features.kind) == ("probability", "image")
    assert pellucid.Occlusion(window=(1, 4, 4))(network(), pictures(2)).space == "logit"


@pytest.mark.parametrize("zipmap", [True, False], ids=["a dictionary per row", "a matrix"])
@pytest.mark.parametrize("kind", [LogisticRegression, RandomForestClassifier])
def test_a_classifier_gives_the_scores_of_its_classes(kind, zipmap):
    model = kind(random_state=0).fit(X32, NAMES)
    graph = skl2onnx.to_onnx(model, X32[:1], options={"zipmap": zipmap})
    wrapped = pellucid.wrap(graph)
    name = [o.name for o in session(graph).get_outputs()][1]
    own = said(graph, name, X=X32)
    own = np.array([[row[c] for c in model.classes_] for row in own], np.float32) if zipmap else own
    np.testing.assert_array_equal(wrapped.predict(X), own)
    np.testing.assert_allclose(wrapped.predict(X), model.predict_proba(X32), atol=1e-5)
    e = pellucid.Occlusion()(graph, X[::50], target="virginica")
    assert (e.space, e.classes) == ("probability", ("setosa", "versicolor", "virginica"))
    assert (wrapped.facts.classifier, wrapped.facts.width) == (True, 4)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_boosters_with_missing_values(library, tmp_path):
    x = X32.copy()
    x[::5, 2] = np.nan
    if library == "catboost":
        from catboost import CatBoostClassifier

        model = CatBoostClassifier(iterations=5, verbose=False, allow_writing_files=False).fit(x, Y)
        model.save_model(str(tmp_path / "m.onnx"), format="onnx")
        graph = onnx.load(str(tmp_path / "m.onnx"))
    else:
        import onnxmltools as tools
        from lightgbm import LGBMClassifier
        from onnxmltools.convert.common.data_types import FloatTensorType
        from xgboost import XGBClassifier

        model = {"xgboost": XGBClassifier, "lightgbm": LGBMClassifier}[library](n_estimators=5, n_jobs=1).fit(
            x, Y
        )
        convert = {"xgboost": tools.convert_xgboost, "lightgbm": tools.convert_lightgbm}[library]
        graph = convert(model, initial_types=[("X", FloatTensorType([None, 4]))])
    wrapped = pellucid.wrap(graph)
    assert wrapped.facts.missing
    np.testing.assert_allclose(wrapped.predict(x), model.predict_proba(x), atol=1e-5)
    (feed,) = session(graph).get_inputs()
    own = said(graph, session(graph).get_outputs()[1].name, **{feed.name: x})
    own = np.array([list(r.values()) for r in own], np.float32) if isinstance(own, list) else own
    np.testing.assert_array_equal(wrapped.predict(x), own)


def test_a_regressor_gives_numbers():
    model = GradientBoostingRegressor(n_estimators=5).fit(X32[:, :3], X32[:, 3])
    graph = skl2onnx.to_onnx(model, X32[:1, :3])
    np.testing.assert_array_equal(
        pellucid.wrap(graph).predict(X[:, :3]), said(graph, "variable", X=X32[:, :3])
    )
    assert pellucid.Occlusion()(graph, X[:2, :3]).space == "raw"
    assert pellucid.wrap(graph).facts.classifier is False


@quiet
def test_a_pipeline_with_an_input_per_column():
    """Words and numbers side by side: a frame is taken by the names of its columns."""
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = pandas.DataFrame({"a": X[:, 0], "city": np.array(["Lima", "Oslo"])[Y % 2], "b": X[:, 1]})
    columns = ColumnTransformer(
        [("n", StandardScaler(), ["a", "b"]), ("w", OneHotEncoder(handle_unknown="ignore"), ["city"])]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(frame, NAMES)
    one = [None, 1]
    kinds = [("a", FloatTensorType(one)), ("city", StringTensorType(one)), ("b", FloatTensorType(one))]
    graph = skl2onnx.to_onnx(model, initial_types=kinds)
    wrapped = pellucid.wrap(graph)
    assert wrapped.facts.columns == ("a", "city", "b")
    p = wrapped.predict(frame[["b", "city", "a"]])
    np.testing.assert_allclose(p, model.predict_proba(frame), atol=1e-5)
    new = frame.iloc[:3].assign(city="Rome")
    np.testing.assert_allclose(wrapped.predict(new), model.predict_proba(new), atol=1e-5)
    e = pellucid.KernelShap()(graph, frame.iloc[:2], background=frame.iloc[50:60])
    assert e.features.categories["city"] == ("Lima", "Oslo")
    np.testing.assert_allclose(e.residual, 0, atol=1e-6)
    with pytest.raises(ShapeError, match="The rows lack the column 'city'"):
        wrapped.predict(frame.rename(columns={"city": "town"}))


# -- several inputs and outputs -------------------------------------------------------------------------------------


def two_inputs() -> Any:
    nodes = [
        helper.make_node("ReduceSum", ["q", "axis"], ["s"], keepdims=0),
        helper.make_node("ReduceSum", ["x", "axis"], ["t"], keepdims=0),
        helper.make_node("Sub", ["t", "s"], ["y"]),
        helper.make_node("Mul", ["t", "s"], ["z"]),
    ]
    inputs = [tensor("x", "n", 3), tensor("q", "n", 2)]
    return drawn(nodes, inputs, [tensor("y", "n"), tensor("z", "n")], {"axis": np.array([1])})


@quiet
def test_several_inputs_and_outputs():
    graph, rng = two_inputs(), np.random.default_rng(0)
    x, q = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    for output, name in (("y", "y"), ("z", "z"), (1, "z")):
        own = said(graph, name, x=x.astype(np.float32), q=q.astype(np.float32))
        for given in ((x, q), {"x": x, "q": q}, {"q": q, "x": x}):
            e = pellucid.KernelShap()(graph, given, output=output)
            np.testing.assert_array_equal(e.output, own)
    with pytest.raises(
        CapabilityError, match=r"The model returns 2 outputs: 'y', 'z'. Choose one with output="
    ):
        pellucid.wrap(graph)
    with pytest.raises(CapabilityError, match=r"The model has no output 'yy'. Did you mean 'y'"):
        pellucid.wrap(graph, output="yy")
    with pytest.raises(ShapeError, match=r"The model takes the inputs x, q. Got 1 inputs"):
        pellucid.wrap(graph, output="y").predict(x)


def test_a_fixed_number_of_rows():
    """A graph that takes two rows at a time is given two at a time, the last one filled up."""
    x = pictures(5)
    np.testing.assert_allclose(pellucid.wrap(network(2)).predict(x), said(network(), "y", x=x), rtol=1e-5)
    np.testing.assert_allclose(pellucid.wrap(network(1)).predict(x), said(network(), "y", x=x), rtol=1e-5)


# -- gradients ------------------------------------------------------------------------------------------------------


def test_without_a_converter_it_says_what_to_install(monkeypatch):
    from pellucid.adapters import onnx as adapter

    real = adapter.find_spec
    monkeypatch.setattr(adapter, "find_spec", lambda name: None if name == "onnx2torch" else real(name))
    with pytest.raises(
        CapabilityError, match=r"Saliency needs gradients. Got drawn \(onnx\). Run: pip install onnx2torch"
    ):
        pellucid.Saliency()(network(), pictures())
    assert pellucid.explain(network(), pictures(1).reshape(1, 1, 8, 8)).provenance.method == "gaussian_shap"


def test_trees_have_no_gradient():
    model = RandomForestClassifier(3, random_state=0).fit(X32, Y)
    with pytest.raises(CapabilityError, match=r"Use a perturbation method"):
        pellucid.Saliency()(skl2onnx.to_onnx(model, X32[:1]), X)


def test_a_converter_that_cannot_be_imported(monkeypatch):
    """It is there, and what it needs itself is not: said where the gradient is asked for."""
    from pellucid.adapters.torch.converted import converted

    monkeypatch.setitem(sys.modules, "onnx2torch", None)
    with pytest.raises(
        MissingDependency, match=r"need onnx2torch, which cannot be imported.*pip install onnx2torch"
    ):
        converted(network())


def test_gradients_with_a_converter():
    """Against the same network in PyTorch, and central differences of the runtime's own predictions."""
    pytest.importorskip("onnx2torch", exc_type=ImportError)
    graph, x = network(), pictures(3)
    e = pellucid.InputXGradient()(graph, x, target=2)
    wrapped = pellucid.wrap(graph)
    for place in [(0, 0, 3, 3), (1, 0, 5, 2), (2, 0, 7, 7)]:
        step = np.zeros_like(x)
        step[place] = 1e-2
        slope = (wrapped.predict(x + step) - wrapped.predict(x - step))[place[0], 2] / 2e-2
        assert e.values[place] == pytest.approx(slope * x[place], abs=1e-3)
    import torch
    from torch.nn.functional import conv2d

    leaf = torch.tensor(x, requires_grad=True)
    k, w, b = (torch.tensor(onnx.numpy_helper.to_array(c)) for c in graph.graph.initializer)
    (conv2d(leaf, k).relu().flatten(1) @ w + b)[:, 2].sum().backward()
    np.testing.assert_allclose(e.values, x * leaf.grad.numpy(), rtol=1e-4, atol=1e-6)
    with pytest.raises(CapabilityError, match="has no derivative"):
        pellucid.Saliency()(graph, x, target=lambda y: y[:, 0] ** 2)


# -- files and bad input --------------------------------------------------------------------------------------------


def test_a_graph_from_a_file(tmp_path):
    graph = skl2onnx.to_onnx(RandomForestClassifier(3, random_state=0).fit(X32, NAMES), X32[:1])
    onnx.save(graph, tmp_path / "forest.onnx")
    loaded = pellucid.wrap(models.load(str(tmp_path / "forest.onnx")).model)
    np.testing.assert_array_equal(loaded.predict(X), pellucid.wrap(graph).predict(X))
    assert loaded.facts == pellucid.wrap(graph).facts


@pytest.mark.parametrize("content", [b"", b"no graph at all"])
def test_a_file_that_is_no_graph(content, tmp_path):
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(FileError, match=r"bad\.onnx cannot be read"):
        models.load(str(tmp_path / "bad.onnx"))


def test_the_wrong_columns_words_and_parts_of_whole_numbers():
    graph = skl2onnx.to_onnx(LogisticRegression(max_iter=500).fit(X32, Y), X32[:1])
    with pytest.raises(ShapeError, match=r"The model takes 4 columns. Got 3"):
        pellucid.Occlusion()(graph, X[:, :3])
    with pytest.raises(DataError, match=r"takes numbers, column 'a' holds categories"):
        pellucid.Occlusion()(graph, pandas.DataFrame({"a": ["p", "q"], "b": 1.0, "c": 1.0, "d": 1.0}))
    with pytest.raises(DataError, match=r"Row 0 holds NaN"):
        pellucid.Occlusion()(graph, np.full((1, 4), np.nan))
    nodes = [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)]
    whole = drawn(nodes, [tensor("x", "n", 3, kind=TensorProto.INT64)], [tensor("y", "n", 3)])
    with pytest.raises(DataError, match=r"Input 'x' takes whole numbers, and some are not"):
        pellucid.wrap(whole).predict(np.array([[0.5, 1, 2]]))
    words = drawn(
        [helper.make_node("Identity", ["x"], ["y"])],
        [tensor("x", "n", 1, kind=TensorProto.STRING)],
        [tensor("y", "n", 1, kind=TensorProto.STRING)],
    )
    with pytest.raises(CapabilityError, match=r"Output 'y' gives words, not numbers"):
        pellucid.wrap(words)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the exporter
def test_the_torch_network_it_was_exported_from(tmp_path):
    import torch

    net = nets.seeded(nets.Pooled).eval()
    x = torch.rand(3, 1, 32, 32)
    path = str(tmp_path / "net.onnx")
    torch.onnx.export(net, (x,), path, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}})
    ours = pellucid.wrap(models.load(path).model).predict(x.numpy())
    np.testing.assert_allclose(ours, net(x).detach().numpy(), rtol=1e-4, atol=1e-5)
