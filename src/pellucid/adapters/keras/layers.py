"""The layers of a Keras model, by walking what it holds: the graph of a functional model is only one way to call them.

Sequential, functional, subclassed and nested models are all the same here. A layer's path is made of the names that
Keras knows, `encoder/conv1`; the attributes it was stored under, `encoder.first`, name it too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from pellucid.core.errors import LayerError, nearest


def named(model: Any) -> dict[str, Any]:
    """Path -> layer, containers before what they hold; operations of `keras.ops` in a functional graph are layers too.

    A layer that is held in several places is named once, by the first of them.
    """
    found: dict[str, Any] = {}
    _collect(model, "", found, {id(model)})
    return found


def _collect(parent: Any, path: str, found: dict[str, Any], seen: set[int]) -> None:
    for layer in _parts(parent):
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        name = free = f"{path}/{layer.name}" if path else layer.name
        twin = 1
        while free in found:
            twin += 1
            free = f"{name}~{twin}"
        found[free] = layer
        if isinstance(layer, keras.layers.Layer):
            _collect(layer, free, found, seen)


def _parts(parent: Any) -> list[Any]:
    """What a layer holds directly, input layers left out: they are never called."""
    graph = getattr(parent, "_functional", None)
    held = [
        *(part for part in parent._flatten_layers(include_self=False, recursive=False) if part is not graph),
        *getattr(graph or parent, "operations", ()),
    ]
    return [part for part in held if not isinstance(part, keras.layers.InputLayer)]


def aliases(model: Any, names: Mapping[str, Any]) -> dict[str, str]:
    """The attributes that layers were stored under -> their paths: `block.first`, `blocks.0`."""
    path_of = {id(layer): path for path, layer in names.items()}
    found: dict[str, str] = {}

    def walk(parent: Any, prefix: str, above: frozenset[int]) -> None:
        for attribute, layer in _attributes(parent):
            if id(layer) not in path_of or id(layer) in above:
                continue
            alias = f"{prefix}.{attribute}" if prefix else attribute
            found.setdefault(alias, path_of[id(layer)])
            walk(layer, alias, above | {id(layer)})

    walk(model, "", frozenset({id(model)}))
    return found


def _attributes(parent: Any) -> Iterator[tuple[str, Any]]:
    for name, value in vars(parent).items():
        if name.startswith("_"):
            continue
        if isinstance(value, keras.layers.Layer):
            yield name, value
        elif isinstance(value, list | tuple):
            yield from ((f"{name}.{i}", v) for i, v in enumerate(value) if isinstance(v, keras.layers.Layer))
        elif isinstance(value, Mapping):
            yield from ((f"{name}.{k}", v) for k, v in value.items() if isinstance(v, keras.layers.Layer))


def find(model: Any, name: str) -> tuple[str, Any]:
    """A layer's path and the layer, by its path, the end of it, or the attributes it was stored under.

    Raises:
        LayerError: there is none; it suggests the nearest names.
    """
    names = named(model)
    path = name if name in names else aliases(model, names).get(name) or _ending(name, names)
    if path is None:
        raise LayerError(f"There is no layer {name!r}.", fix=nearest(name, names))
    return path, names[path]


def _ending(name: str, names: Mapping[str, Any]) -> str | None:
    """The only path that ends in that name: a layer of a model inside the model."""
    found = [path for path in names if path.endswith(f"/{name}")]
    return found[0] if len(found) == 1 else None


def cells(model: Any) -> dict[str, str]:
    """The layers inside a recurrent one -> that one. Its loop over time is compiled as one piece, cells and all."""
    names = named(model)
    loops = [path for path, layer in names.items() if isinstance(layer, keras.layers.RNN)]
    return {path: loop for loop in loops for path in names if path.startswith(f"{loop}/")}


def parameters(layer: Any) -> int:
    """How many numbers a layer holds itself, those of layers inside it aside."""
    own = [*getattr(layer, "_trainable_variables", ()), *getattr(layer, "_non_trainable_variables", ())]
    return sum(product(v.shape) for v in own)


def product(shape: tuple[int, ...]) -> int:
    """How many numbers an array of that shape holds."""
    total = 1
    for size in shape:
        total *= int(size)
    return total


def fingerprint(model: Any) -> tuple[Any, ...]:
    """What a compiled pass depends on beyond the weights: the layers, their settings and their activations.

    A caller may take the softmax off the last layer between two explanations; what was compiled before is then stale.
    """
    return tuple(_settings(layer) for layer in (model, *named(model).values()))


def _settings(layer: Any) -> tuple[Any, ...]:
    settings = [id(layer), getattr(layer, "quantization_mode", None)]
    for name, value in vars(layer).items():
        if name.startswith("_") or name == "built":
            continue
        plain = isinstance(value, str | int | float | bool | type(None))
        settings.append((name, value if plain else id(value)))
    return tuple(settings)
