"""What is known of a Keras model beyond its arithmetic, and the adapter around it."""

from __future__ import annotations

import re
from typing import Any

import keras

from pellucid.core.errors import CapabilityError
from pellucid.core.model import Facts

from . import calling, layers
from .backends import backend
from .model import KerasModel

GENERIC = ("Functional", "Model", "Sequential")
"""Classes whose names say nothing of a model; its own name does."""
PROBABILITIES = ("softmax", "sigmoid")


def wrap(model: Any, *, output: str | int | None = None) -> KerasModel:
    """Wrap a Keras 3 model.

    Raises:
        CapabilityError: it belongs to Keras 2, has no weights yet, or is no model.
    """
    _refuse_legacy(model)
    if not isinstance(model, keras.layers.Layer):
        raise CapabilityError(
            f"{type(model).__name__} belongs to Keras and is no model.", fix="Pass a model or a layer."
        )
    if not model.built:
        raise CapabilityError(
            f"{type(model).__name__} has no weights yet.",
            fix="Call it once on data, fit it, or load its weights.",
        )
    backend()
    dtype = "float64" if model.compute_dtype == "float64" else "float32"
    return KerasModel(model, facts(model, output), dtype, output)


def _refuse_legacy(model: Any) -> None:
    """Keras 2 lives on as `tf_keras`, and as versions of `keras` before 3."""
    roots = {cls.__module__.partition(".")[0] for cls in type(model).__mro__}
    if "tf_keras" in roots or not hasattr(keras, "StatelessScope"):
        raise CapabilityError(
            f"{type(model).__name__} is a model of Keras 2, whose layers cannot be reached.",
            fix="Save it with model.save('model.h5') and load it with Keras 3, or explain model.predict.",
        )


def facts(model: Any, output: str | int | None = None) -> Facts:
    """What a model tells without being run."""
    parts = list(layers.named(model).values()) or [model]
    shapes = calling.takes(model)
    tokens = any(isinstance(part, keras.layers.Embedding) for part in parts)
    shape = shapes[0] if len(shapes) == 1 else ()
    layout = next((d for part in parts if (d := getattr(part, "data_format", None))), "channels_last")
    return Facts(
        name=f"{_name(model)} (keras on {keras.backend.backend()})",
        space="probability" if _gives_probabilities(model, parts, output) else "",
        width=shape[1] if len(shape) == 2 and not tokens else None,
        channels="first" if layout == "channels_first" else "last",
        tokens=tokens,
        axes=(len(shape),) if shape else () if shapes else _axes(parts),
    )


def _name(model: Any) -> str:
    name = type(model).__name__
    return re.sub(r"_\d+$", "", model.name) if name in GENERIC else name


def _axes(parts: list[Any]) -> tuple[int, ...]:
    """How many axes the input of a subclassed model may have, as its first layer with weights tells."""
    first = next((part for part in parts if layers.parameters(part)), None)
    for kind, axes in (("Conv1D", 3), ("Conv2D", 4), ("Conv3D", 5)):
        if isinstance(first, getattr(keras.layers, kind)):
            return (axes,)
    return (3, 2) if isinstance(first, keras.layers.Dense) else ()


def _gives_probabilities(model: Any, parts: list[Any], output: str | int | None) -> bool:
    """Whether the last thing the model does is a softmax or a sigmoid."""
    last = parts[-1]
    if calling.is_functional(model):
        number = output if isinstance(output, int) else 0
        if isinstance(output, str) and output in model.output_names:
            number = list(model.output_names).index(output)
        found = model.outputs
        last = found[number]._keras_history.operation if -len(found) <= number < len(found) else last
        while isinstance(last, keras.Model):
            last = last.outputs[0]._keras_history.operation if calling.is_functional(last) else parts[-1]
            if last is parts[-1]:
                break
    does = getattr(last, "activation", None)
    kind = getattr(does, "__name__", type(last).__name__).lower()
    return kind in PROBABILITIES
