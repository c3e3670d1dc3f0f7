"""PairAttribution: how much each feature, and each pair of features together, moved the explained number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.features import Columns, Tokens
from pellucid.core.types import NpArray

from .attribution import Attribution
from .base import Explanation


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PairAttribution(Explanation):
    """How much each column of each row moved the explained number by itself, and each pair of columns together.

    Where parts of rows are hidden that are no columns (words, regions, groups), these are what the lines stand for.

    Attributes:
        values: (n, columns, columns), symmetric: half of each pair's interaction on either side of the diagonal, what
            a column does by itself on it. A row's matrix adds up to output - base, each of its lines to the column's
            attribution. NaN where a row has fewer parts than another.
        x: (n, *features) of the input, as numbers.
        output: (n,) the explained number at x.
        base: (n,) it with every column hidden.
        target: what was explained, one label per row.
        scores: (n, classes) the model's outputs at x, where they are classes.
        classes: names of these outputs.
        score_space: what they count in, where the explained number counts in something else; "" is `space`.
        players: names of the hidden parts of each row, where they are no columns.
        regions: (n, H, W) of int, for images hidden region by region: the part of each pixel; for series likewise.
        index: the rows' own labels in the frame they came from.
        frame: the kind of frame they came in, "pandas", "polars" or "".
    """

    x: NpArray
    output: NpArray
    base: NpArray
    target: tuple[str, ...] = ()
    scores: NpArray | None = None
    classes: tuple[str, ...] = ()
    score_space: str = ""
    players: tuple[tuple[str, ...], ...] = ()
    regions: NpArray | None = None
    index: tuple[Any, ...] = ()
    frame: str = ""

    @property
    def residual(self) -> NpArray:
        """(n,) what is missing to completeness: output - base - sum of values."""
        return self.output - self.base - np.nansum(self.values, (1, 2))

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns or parts are called; parts of one name are numbered, those that differ by row too."""
        count = self.values.shape[1]
        if not self.players:
            return tuple(self.features.name((i,)) for i in range(count))
        if len(set(self.players)) > 1:
            return tuple(f"part {i}" for i in range(count))
        mine = self.players[0]
        twice = {name for name in mine if mine.count(name) > 1}
        return tuple(f"{n} ({mine[: i + 1].count(n)})" if n in twice else n for i, n in enumerate(mine))

    @property
    def attribution(self) -> Attribution:
        """Each column's or part's attribution, its share of its interactions included."""
        return Attribution(
            values=np.nansum(self.values, 2),
            features=Columns(self.names) if self.players else self.features,
            quality=replace(self.quality, half_width=None),
            provenance=self.provenance,
            space=self.space,
            x=np.ones(self.values.shape[:2]) if self.players else self.x,
            output=self.output,
            base=self.base,
            target=self.target,
            scores=self.scores,
            classes=self.classes,
            score_space=self.score_space,
            index=self.index,
            frame=self.frame,
        )

    @property
    def strength(self) -> NpArray:
        """(columns, columns) mean sizes over rows: of whole interactions, and on the diagonal of what is left."""
        mean = np.abs(np.nan_to_num(self.values)).mean(0)
        return mean + mean * (1 - np.eye(len(mean)))

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """All pairs by number, the strongest first."""
        first, second = np.triu_indices(self.values.shape[1], 1)
        order = np.argsort(-self.strength[first, second], kind="stable")
        return tuple((int(first[k]), int(second[k])) for k in order)

    @property
    def shared(self) -> float:
        """The share of pairs in all that is attributed, by size."""
        sizes = np.abs(np.nan_to_num(self.values)).sum(0)
        total = float(sizes.sum())
        return float(1 - np.trace(sizes) / total) if total > 0 else 0.0

    def partner(self, column: str | int) -> int:
        """The number of the column that acts most together with this one."""
        features = Columns(self.names) if self.players else self.features
        if not isinstance(features, Columns):
            raise CapabilityError("Columns are chosen from tables only.", got=f"{features.kind} features")
        k = features.position(column)
        mine = self.strength[k].copy()
        mine[k] = -1.0
        return int(mine.argmax())

    def __getitem__(self, key: Any) -> PairAttribution:
        """`e[3]` and `e[2:5]` give rows as a result of their own."""
        try:
            kept = np.atleast_1d(np.arange(len(self))[key])
        except IndexError as error:
            raise IndexError(f"Row {key} is not among the {len(self)} rows of this result.") from error

        def each(t: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(t[i] for i in kept) if t else t

        players, quality, features = each(self.players), self.quality.of_rows(kept), self.features
        width = max(map(len, players)) if players else self.values.shape[1]
        half = None if quality.half_width is None else quality.half_width[:, :width, :width]
        if isinstance(features, Tokens):
            features = replace(features, tokens=each(features.tokens))
        return replace(
            self,
            values=self.values[kept][:, :width, :width],
            features=features,
            x=self.x[kept],
            output=self.output[kept],
            base=self.base[kept],
            target=each(self.target),
            scores=None if self.scores is None else self.scores[kept],
            players=players,
            regions=None if self.regions is None else self.regions[kept],
            index=each(self.index),
            quality=replace(quality, half_width=half),
        )

    def to_frame(self) -> Any:
        """Columns by columns: the mean size of each interaction over the rows, and of what columns do by themselves."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        return pandas.DataFrame(self.strength, index=list(self.names), columns=list(self.names))
