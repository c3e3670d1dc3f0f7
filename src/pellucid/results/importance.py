"""Importance: how much the model relies on each column over a whole table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pellucid.core.errors import ParameterError, nearest
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
        scores: names of all scores, where there are several; the first is that of `values`.
        by_score: (scores, players, repeats) what each shuffle gave in each score.
        intacts: each score before anything is shuffled.
        direction: (players,) from -1 to 1, how a column's value goes with its effect; NaN where it is not known.
    """

    repeats: NpArray
    names: tuple[str, ...]
    score: str = ""
    intact: float = float("nan")
    rows: int = 0
    scores: tuple[str, ...] = ()
    by_score: NpArray = field(default_factory=lambda: np.zeros((0, 0, 0)))
    intacts: tuple[float, ...] = ()
    direction: NpArray = field(default_factory=lambda: np.zeros(0))

    def of(self, score: str) -> Importance:
        """The importance in another of the scores that were asked for.

        Raises:
            ParameterError: there is no such score.
        """
        if score not in self.scores:
            raise ParameterError(f"There is no score {score!r}.", fix=nearest(score, self.scores))
        k = self.scores.index(score)
        repeats = self.by_score[k]
        return replace(
            self,
            values=repeats.mean(1),
            repeats=repeats,
            score=score,
            intact=self.intacts[k],
            quality=replace(self.quality, half_width=interval(repeats)),
        )

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
        if len(self.direction):
            data["direction"] = self.direction
        return pandas.DataFrame(data, index=list(self.names)).iloc[self.order]


def interval(repeats: NpArray) -> NpArray | None:
    """(players,) 95 % half-widths of the mean over repeats, (players, repeats); None for a single one."""
    count = repeats.shape[1]
    if count < 2:
        return None
    from scipy.stats import t as student

    return student.ppf(0.975, count - 1) * repeats.std(1, ddof=1) / count**0.5
