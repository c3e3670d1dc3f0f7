"""How a Keras model is called: one input or several, as a list, by position or by name; and which output is meant."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

BESIDE = ("training", "mask", "mask_", "return_attention_scores")
"""Arguments of `call` that are no inputs."""


def call(model: Any, tensors: Sequence[Any], keywords: tuple[str, ...] = ()) -> Any:
    """The model's output in inference mode."""
    if keywords:
        given = dict(zip(keywords, tensors, strict=True))
        if not is_functional(model) and set(keywords) <= set(_arguments(model)):
            return model(**given, training=False)
        return model(given, training=False)
    if len(tensors) > 1 and len(_arguments(model)) > 1 and not is_functional(model):
        return model(*tensors, training=False)
    return model(list(tensors) if len(tensors) > 1 else tensors[0], training=False)


def _arguments(model: Any) -> list[str]:
    """The inputs that a subclassed model's `call` takes one by one."""
    parameters = inspect.signature(type(model).call).parameters.values()
    return [
        p.name
        for p in list(parameters)[1:]
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in BESIDE
    ]


def is_functional(model: Any) -> bool:
    """Whether the model is a graph with inputs of known shapes."""
    return getattr(model, "_functional", None) is not None or hasattr(model, "_inputs_struct")


def outputs(model: Any, y: Any, output: str | int | None) -> Any:
    """What the model gave, by name where an output is asked for by name and the model names a list of them."""
    if not isinstance(y, tuple | list):
        return y
    names = getattr(model, "output_names", None)
    if isinstance(output, str) and names is not None and len(names) == len(y):
        return dict(zip(names, y, strict=True))
    return tuple(y)


def takes(model: Any) -> list[tuple[int | None, ...]]:
    """The shapes of the inputs with rows in front, where the model says so; else none."""
    return [tuple(t.shape) for t in model.inputs] if is_functional(model) else []
