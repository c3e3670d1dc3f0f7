"""Interactions: how far columns act together and not each for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.types import NpArray

from .base import Explanation


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Interactions(Explanation):
    """How far columns act together and not each for itself.

    Attributes:
        values: (columns, columns) of each pair, the share of the variance of their joint effect that is no sum of the
            two; on the diagonal, of each column with all others, the share of the output's variance.
        strength: (columns, columns) the same as a standard deviation, in units of the output.
        measured: (columns, columns) which of them were measured.
        names: of the columns.
        targets: names of the explained numbers.
        rows: how many rows it was measured on.
    """

    strength: NpArray
    measured: NpArray
    names: tuple[str, ...]
    targets: tuple[str, ...] = ()
    rows: int = 0

    @property
    def overall(self) -> NpArray:
        """(columns,) the share of the output's variance in which a column acts together with others."""
        return np.diagonal(self.values)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The pairs that were measured, by number, the strongest first."""
        first, second = np.nonzero(np.triu(self.measured, 1))
        order = np.argsort(-self.strength[first, second], kind="stable")
        return tuple((int(first[k]), int(second[k])) for k in order)

    def to_frame(self) -> Any:
        """Columns by columns, NaN where a pair was not measured."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        values = np.where(self.measured, self.values, np.nan)
        return pandas.DataFrame(values, index=list(self.names), columns=list(self.names))
