"""Importance: how much the model relies on each column over a whole table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.types import NpArray

from .base import Explanation


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Importance(Explanation):
    """How much the model relies on each column (or group of columns) over a whole table.

    Attributes:
        values: (players,) the mean over repeats.
        repeats: (players, repeats) what each shuffle gave.
        names: what each player is called.
        score: what is measured: "accuracy", "r2", "squared change of the prediction".
        intact: the score before anything is shuffled; NaN where there is none.
        rows: how many rows it was measured on.
    """

    repeats: NpArray
    names: tuple[str, ...]
    score: str = ""
    intact: float = float("nan")
    rows: int = 0

    @property
    def spread(self) -> NpArray:
        """(players,) the standard deviation over repeats; zero for a single repeat."""
        return self.repeats.std(1, ddof=1) if self.repeats.shape[1] > 1 else np.zeros(len(self.repeats))

    @property
    def order(self) -> NpArray:
        """(players,) player numbers, most important first."""
        return np.argsort(-self.values, kind="stable")

    def to_frame(self) -> Any:
        """One row per player: importance, spread, 95 % half-width, most important first."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        half = self.quality.half_width
        data = {"importance": self.values, "spread": self.spread}
        data["half_width"] = np.full(len(self.values), np.nan) if half is None else half
        return pandas.DataFrame(data, index=list(self.names)).iloc[self.order]
