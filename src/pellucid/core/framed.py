"""A model fitted on frames, seen as a model of a plain matrix."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from .frames import Codec
from .model import Facts
from .types import Array, NpArray


@dataclass(frozen=True, eq=False)
class Framed:
    """Rows of numbers in; the model is given the frame it knows, with names, categories and missing values.

    Attributes:
        model: takes frames.
        codec: how numbers become that frame.
    """

    model: Any
    codec: Codec

    @property
    def facts(self) -> Facts:
        return self.model.facts

    def predict(self, *inputs: Array) -> Array:
        return self.model.predict(self.codec.decode(inputs[0]))

    def native(self, array: NpArray) -> Array:
        return array

    def numpy(self, array: Array) -> NpArray:
        return self.model.numpy(array)

    def out_of_memory(self, error: BaseException) -> bool:
        return self.model.out_of_memory(error)

    def at_rest(self) -> AbstractContextManager[None]:
        return self.model.at_rest()
