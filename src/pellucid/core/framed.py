"""A model fitted on frames, seen as a model of a plain matrix."""

from __future__ import annotations

from dataclasses import dataclass

from .frames import Codec
from .types import Array, NpArray
from .wrapped import Wrapped


@dataclass(frozen=True, eq=False)
class Framed(Wrapped):
    """Rows of numbers in; the model is given the frame it knows, with names, categories and missing values.

    Attributes:
        codec: how numbers become that frame.
    """

    codec: Codec

    def predict(self, *inputs: Array) -> Array:
        return self.model.predict(self.codec.decode(inputs[0]))

    def native(self, array: NpArray) -> Array:
        return array
