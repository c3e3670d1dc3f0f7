"""A model seen through another: what a wrapper around a model answers by asking it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from .model import Facts
from .types import Array, NpArray


@dataclass(frozen=True, eq=False)
class Wrapped:
    """The base of models around a model: all but `predict` is asked of it.

    Attributes:
        model: the model inside.
    """

    model: Any

    @property
    def facts(self) -> Facts:
        """What is known of the model inside."""
        return self.model.facts

    def native(self, array: NpArray) -> Array:
        return self.model.native(array)

    def numpy(self, array: Array) -> NpArray:
        return self.model.numpy(array)

    def out_of_memory(self, error: BaseException) -> bool:
        return self.model.out_of_memory(error)

    def at_rest(self) -> AbstractContextManager[None]:
        return self.model.at_rest()
