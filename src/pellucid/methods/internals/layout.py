"""Which axis of a layer's values counts its units, and how tokens lie on an image."""

from __future__ import annotations

import numpy as np

from pellucid.core.features import Pixels
from pellucid.core.network import Network
from pellucid.core.types import NpArray
from pellucid.methods.gradient.feature_maps import recognised

MAPPING = ("conv", "1d", "2d", "3d", "pool", "upsampl", "pad")
"""Parts of the names of steps whose channels are those of maps."""
MIXING = (
    "linear",
    "dense",
    "layernorm",
    "layer_norm",
    "embedding",
    "attention",
    "lstm",
    "gru",
    "rnn",
    "einsum",
)
"""Parts of the names of steps whose last axis counts units."""


def units_first(n: Network, place: str, values: NpArray) -> NpArray:
    """(rows, units, *places): a layer's values with its units on axis 1, tokens of an image on their grid."""
    if values.ndim <= 2:
        return values.reshape(len(values), -1)
    last = counts_last(n, place, values.ndim - 1)
    maps = np.moveaxis(values, -1, 1) if last else values
    if maps.ndim == 3 and last and isinstance(n.features, Pixels) and n.x.ndim == 4:
        image = np.empty((1, *n.x.shape[1:]))
        grid = recognised(maps.shape[2], image, n.features.channels)
        if grid is not None:
            extra = maps.shape[2] - grid[0] * grid[1]
            return maps[:, :, extra:].reshape(*maps.shape[:2], *grid)
    return maps


def counts_last(n: Network, place: str, axes: int) -> bool:
    """Whether the last axis of a value counts its units, as in dense layers; else the first does, as in maps."""
    channels_last = n.model.facts.channels == "last"
    step = n.step(place)
    while step is not None:
        kind = step.kind.lower()
        if any(word in kind for word in MIXING):
            return True
        if any(word in kind for word in MAPPING):
            return channels_last
        source = next((s for s in step.sources if s >= 0), None)
        step = None if source is None else n.operations[source]
    return channels_last if axes >= 3 else True
