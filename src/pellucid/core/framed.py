"""A model fitted on frames, seen as a model of a plain matrix."""

from __future__ import annotations

from dataclasses import dataclass

from .forest import Forest
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


@dataclass(frozen=True, eq=False)
class FramedForest(Framed):
    """A tree ensemble fitted on frames: its trees compare the numbers that it makes of the frame."""

    def forest(self) -> Forest:
        return self.model.forest()

    def tree_inputs(self, *inputs: Array) -> NpArray:
        return self.model.tree_inputs(self.codec.decode(inputs[0]))


@dataclass(frozen=True, eq=False)
class FramedStaged(Framed):
    """A model of several steps fitted on frames, with trees at its end."""

    def last_forest(self) -> Forest:
        return self.model.last_forest()

    def last_inputs(self, *inputs: Array) -> NpArray:
        return self.model.last_inputs(self.codec.decode(inputs[0]))
