"""Optima: inputs that make objectives large, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.types import NpArray

from .base import Explanation


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Optima(Explanation):
    """Inputs found by climbing: values (objectives, pictures, *features).

    Attributes:
        objectives: what each makes large, as it is read.
        reached: (objectives, pictures) the objective there.
        best: (objectives,) the largest in the data.
        best_row: (objectives,) which row of the data that is.
        typical: (objectives,) the mean over the data.
        examples: (objectives, *features) the best row.
        steady: (objectives, pictures) the objective under small moves that the climb has not seen, on average.
        spectrum: (objectives, pictures) how far the radial power spectrum is from the data's, in their standard
            deviations, on average; NaN where inputs have no places.
        usual_spectrum: the same of a row of the data, in the middle; NaN where inputs have no places.
        neighbours: (objectives, pictures) share of the data that excites the objective at most as much as the five rows
            that are most like the input do, on average.
        agreement: (objectives,) mean cosine between the inputs of one objective, about the data's mean; NaN where there
            is one of each.
        started: where each objective's climb began: "noise"; "example", its best rows in the data; "before", noise
            or examples too, with what goes into its activation function in its stead.
        low, middle, high: (*features) the least, mean and largest values in the data.
        at: the layer that was asked for; "" for the output.
        rows: how many rows of data there were.
    """

    objectives: tuple[str, ...]
    reached: NpArray
    best: NpArray
    best_row: NpArray
    typical: NpArray
    examples: NpArray
    steady: NpArray
    spectrum: NpArray
    usual_spectrum: float
    neighbours: NpArray
    agreement: NpArray
    started: tuple[str, ...]
    low: NpArray
    middle: NpArray
    high: NpArray
    at: str = ""
    rows: int = 0

    def __len__(self) -> int:
        return len(self.objectives) * self.pictures

    @property
    def pictures(self) -> int:
        """How many there are of each objective."""
        return self.values.shape[1]

    @property
    def gain(self) -> NpArray:
        """(objectives, pictures) how far above the data's mean each gets, where the best of the data gets to 1."""
        room = (self.best - self.typical)[:, None]
        return (self.reached - self.typical[:, None]) / np.where(room > 0, room, np.nan)

    def to_frame(self) -> Any:
        """One row per picture, with its numbers."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        count = self.pictures
        numbers = {n: getattr(self, n).ravel() for n in ("reached", "steady", "spectrum", "neighbours")}
        return pandas.DataFrame(
            {
                "objective": np.repeat(np.array(self.objectives, object), count),
                "picture": np.tile(np.arange(count), len(self.objectives)),
                **numbers,
                "best": np.repeat(self.best, count),
                "best_row": np.repeat(self.best_row, count),
                "agreement": np.repeat(self.agreement, count),
                "started": np.repeat(np.array(self.started, object), count),
            }
        )
