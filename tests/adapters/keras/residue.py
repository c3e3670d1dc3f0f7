"""What an explanation must leave as it was: weights, the optimizer's state, and the layers' own calls."""

from __future__ import annotations

import hashlib
from typing import Any

import keras

from pellucid.adapters.keras import layers as walk


def hashed(model: Any) -> str:
    """A hash of all weights and of the optimizer's state."""
    variables = [*model.variables, *(model.optimizer.variables if getattr(model, "optimizer", None) else ())]
    digest = hashlib.sha256()
    for v in variables:
        digest.update(keras.ops.convert_to_numpy(v).tobytes())
    return digest.hexdigest()


def shadows(model: Any) -> list[str]:
    """Layers whose calls are still replaced."""
    ours = {"call", "quantized_call", "_compute_attention"}
    return [n for n, layer in walk.named(model).items() if ours & set(vars(layer))]
