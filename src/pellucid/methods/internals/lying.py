"""How inputs lie in memory: channels first wherever they are climbed, as the network takes them elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.core.features import Pixels, Steps
from pellucid.core.network import Network
from pellucid.core.types import NpArray


@dataclass(frozen=True)
class Lying:
    """How rows lie.

    Attributes:
        channels: where a row has its channels: "first", "last", "none"; "" where it has no places.
    """

    channels: str

    @classmethod
    def of(cls, n: Network) -> Lying:
        """As the features say; maps without a kind as the model has them."""
        if isinstance(n.features, Pixels):
            return cls(n.features.channels)
        if isinstance(n.features, Steps):
            return cls({"channels,steps": "first", "steps,channels": "last"}.get(n.features.layout, "none"))
        return cls(n.model.facts.channels if n.x.ndim == 4 else "")

    def first(self, x: NpArray) -> NpArray:
        """(rows, channels, *places) of rows as the network takes them; rows without places as they are."""
        if self.channels == "last":
            return np.ascontiguousarray(np.moveaxis(x, -1, 1))
        return x[:, None] if self.channels == "none" else x

    def back(self, x: NpArray) -> NpArray:
        """As the network takes them."""
        if self.channels == "last":
            return np.ascontiguousarray(np.moveaxis(x, 1, -1))
        return x[:, 0] if self.channels == "none" else x
