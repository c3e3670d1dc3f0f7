"""ONNX networks and tree ensembles through onnxruntime as pellucid models."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError, nearest
from pellucid.core.extras import need
from pellucid.core.model import Facts

from .onnx_forest import OnnxForest, ensemble
from .onnx_model import TYPES, OnnxModel, SmoothOnnx

REGRESSORS = ("TreeEnsembleRegressor", "LinearRegressor", "SVMRegressor")
TAKE_MISSING = ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble", "Imputer")
LEARNING = "ai.onnx.ml"
"""The domain of the operators that are no network."""
CONVERTER = ("onnx2torch", "torchvision", "torch")
"""What turns a network into a PyTorch module, for gradients."""


def wrap(model: Any, *, output: str | int | None = None) -> OnnxModel:
    """Wrap a graph: what it gives is explained; of a classifier, the scores of its classes.

    Args:
        model: `onnx.ModelProto`, or an `onnxruntime.InferenceSession`.
        output: which of several outputs, by name or position.

    Raises:
        CapabilityError: there are several outputs, and none is named; or the one named gives words.
        MissingDependency: onnxruntime is not installed.
    """
    session, proto = _opened(model)
    chosen = _chosen(session, output)
    kinds = {node.op_type for node in proto.graph.node} if proto is not None else set[str]()
    learnt = proto is not None and any(node.domain == LEARNING for node in proto.graph.node)
    labels = _labels(proto) if proto is not None else ()
    inputs = session.get_inputs()
    by_column = len(inputs) > 1 and all(list(i.shape[1:]) == [1] for i in inputs)
    facts = Facts(
        name=f"{session.get_modelmeta().graph_name or 'graph'} (onnx)",
        classes=tuple(map(str, labels)),
        columns=tuple(i.name for i in inputs) if by_column else (),
        space="raw?" if learnt else "",
        classifier=False if kinds & set(REGRESSORS) else True if labels else None,
        width=len(inputs) if by_column else _width(inputs),
        missing=bool(kinds & set(TAKE_MISSING)),
        missing_in_frames=bool(kinds & set(TAKE_MISSING)),
        frames=by_column,
        tokens=TYPES.get(inputs[0].type) in (np.int64, np.int32),
        axes=(len(inputs[0].shape),) if inputs[0].shape and not by_column else (),
        gradients="" if learnt else _how_gradients(proto),
    )
    said = (session, facts, chosen, labels, by_column)
    if learnt and ensemble(proto) is not None and len(inputs) == 1:
        return OnnxForest(*said, proto=proto)
    return OnnxModel(*said) if facts.gradients or learnt else SmoothOnnx(*said, proto=proto)


def _opened(model: Any) -> tuple[Any, Any]:
    """A session and the graph behind it, None where it cannot be seen."""
    if hasattr(model, "get_inputs"):
        return model, _graph(model)
    runtime = need("onnxruntime", what="An ONNX model", extra="onnx")
    return runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]), model


def _graph(session: Any) -> Any:
    """The graph that a session was made from, where onnx is there to read it."""
    if find_spec("onnx") is None:
        return None
    onnx = import_module("onnx")
    path, content = getattr(session, "_model_path", None), getattr(session, "_model_bytes", None)
    if path:
        return onnx.load(path)
    return onnx.load_model_from_string(content) if content else None


def _chosen(session: Any, output: str | int | None) -> str:
    """The name of the output explained: the only one of real numbers, or the one that is named."""
    outputs = session.get_outputs()
    names = [o.name for o in outputs]
    if output is not None:
        if output not in (*names, *range(len(names))):
            raise CapabilityError(f"The model has no output {output!r}.", fix=nearest(str(output), names))
        chosen = names.index(output) if isinstance(output, str) else output
    else:
        real = [k for k, o in enumerate(outputs) if o.type.startswith("seq") or _is_real(o.type)]
        found = [names.index("logits")] if "logits" in names else real or list(range(len(names)))
        if len(found) > 1:
            raise CapabilityError(
                f"The model returns {len(names)} outputs: {', '.join(map(repr, names))}.",
                fix="Choose one with output=.",
            )
        chosen = found[0]
    if outputs[chosen].type == "tensor(string)":
        raise CapabilityError(f"Output {names[chosen]!r} gives words, not numbers.", fix="Choose another.")
    return names[chosen]


def _is_real(kind: str) -> bool:
    return kind in ("tensor(float)", "tensor(double)", "tensor(float16)")


def _labels(proto: Any) -> tuple[Any, ...]:
    """The classes that a classifier's node names."""
    for node in proto.graph.node:
        for attribute in node.attribute:
            if node.domain == LEARNING and attribute.name.startswith("classlabels") and attribute.strings:
                return tuple(label.decode() for label in attribute.strings)
            if node.domain == LEARNING and attribute.name.startswith("classlabels") and attribute.ints:
                return tuple(attribute.ints)
    return ()


def _width(inputs: Any) -> int | None:
    """How many columns a table must have, where the graph takes one table and says so."""
    shape = inputs[0].shape
    return shape[1] if len(inputs) == 1 and len(shape) == 2 and isinstance(shape[1], int) else None


def _how_gradients(proto: Any) -> str:
    """What to do for gradients; "" where all that is needed is there."""
    lacking = [name for name in CONVERTER if find_spec(name) is None]
    if proto is None:
        lacking.append("onnx")
    return f"Run: pip install {' '.join(lacking)}, or use a perturbation method." if lacking else ""
