"""Sensitivity: what the model says as one feature of a row is moved and all others stay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.core.errors import ParameterError, nearest
from pellucid.core.features import Columns, Tokens, plain
from pellucid.core.types import NpArray

from .attribution import best_class
from .base import Explanation


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Sensitivity(Explanation):
    """What the model says of each row as one feature is moved and all others stay.

    Attributes:
        values: (n, features, points) the output at each point; NaN where a feature has fewer points.
        grid: (n, features, points) where the feature is put, ascending, its own value among them; for what is no
            column, the share of it that is hidden.
        own: (n, features) where it is.
        flips: (n, features, 2) the nearest values below and above its own at which the model decides otherwise; NaN
            where it does not.
        becomes: (n, features, 2) the number of that decision among `decisions`; -1 where there is none.
        decided: (n,) the number of the decision about the row as it is; -1 where the model makes none.
        decisions: what the decisions are called.
        x: (n, *features) of the input, as numbers.
        output: (n,) the explained number at x.
        target: what was explained, one label per row.
        scores: (n, classes) the model's outputs at x, where they are classes.
        classes: names of these outputs.
        score_space: what they count in, where the explained number counts in something else; "" is `space`.
        players: names of what is moved in each row, where it is no column.
        index: the rows' own labels in the frame they came from.
        frame: the kind of frame they came in, "pandas", "polars" or "".
    """

    grid: NpArray
    own: NpArray
    flips: NpArray
    becomes: NpArray
    decided: NpArray
    x: NpArray
    output: NpArray
    decisions: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    scores: NpArray | None = None
    classes: tuple[str, ...] = ()
    score_space: str = ""
    players: tuple[tuple[str, ...], ...] = ()
    index: tuple[Any, ...] = ()
    frame: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What is moved."""
        players: list[tuple[str, ...]] = list(self.players)
        if players and len(set(players)) == 1:
            return players[0]
        count = self.values.shape[1]
        return tuple(f"part {i}" if self.players else self.features.name((i,)) for i in range(count))

    def number(self, feature: int | str) -> int:
        """The number of a feature given by number or name.

        Raises:
            ParameterError: there is no such feature.
        """
        if isinstance(feature, str):
            if feature not in self.names:
                raise ParameterError(f"There is no feature {feature!r}.", fix=nearest(feature, self.names))
            return self.names.index(feature)
        if not 0 <= feature < len(self.names):
            raise ParameterError(f"There is no feature {feature}.", fix=f"Choose 0..{len(self.names) - 1}.")
        return int(feature)

    def is_category(self, feature: int) -> bool:
        """Whether the values of a feature stand for words, which have no slope."""
        return (
            not self.players
            and isinstance(self.features, Columns)
            and self.names[feature] in self.features.categories
        )

    def shown(self, feature: int, value: float) -> str:
        """A value of a feature as a person writes it."""
        if self.players:
            return f"{100 * value:.0f} %"
        return self.features.show(feature, value) if isinstance(self.features, Columns) else plain(value)

    @property
    def spread(self) -> NpArray:
        """(n, features) how far the output moves: the largest less the smallest on the way."""
        low, high = (
            np.where(np.isnan(self.values), np.inf, self.values),
            np.nan_to_num(self.values, nan=-np.inf),
        )
        return np.maximum(high.max(2) - low.min(2), 0.0)

    @property
    def slopes(self) -> NpArray:
        """(n, features, points - 1) change of the output per unit from each point to the next; NaN for categories."""
        step = np.diff(self.grid, axis=2)
        out = np.full(step.shape, np.nan)
        np.divide(np.diff(self.values, axis=2), step, out=out, where=np.nan_to_num(step) > 0)
        out[:, np.array([self.is_category(k) for k in range(self.own.shape[1])], bool)] = np.nan
        return out

    @property
    def mean_slope(self) -> NpArray:
        """(n, features) the mean change of the output per unit, from the first point to the last, with its sign."""
        steps = np.where(np.isnan(self.slopes), 0.0, np.diff(self.grid, axis=2))
        wide = np.nansum(steps, 2)
        total = np.nansum(np.nan_to_num(self.slopes) * np.nan_to_num(steps), 2)
        return np.divide(total, wide, out=np.full(wide.shape, np.nan), where=wide > 0)

    @property
    def greatest_slope(self) -> NpArray:
        """(n, features) the slope from a point to the next that is largest in size, with its sign."""
        at = np.nan_to_num(np.abs(self.slopes), nan=-1.0).argmax(2)
        return np.take_along_axis(self.slopes, at[..., None], 2)[..., 0]

    @property
    def first_flip(self) -> NpArray:
        """(n, features) the value nearest to its own at which the model decides otherwise; NaN where it does not."""
        away = np.nan_to_num(np.abs(self.flips - self.own[..., None]), nan=np.inf)
        return np.take_along_axis(self.flips, away.argmin(2)[..., None], 2)[..., 0]

    def first_decision(self, row: int, feature: int) -> str:
        """What the model decides at the first flip; "" where there is none."""
        away = np.nan_to_num(np.abs(self.flips[row, feature] - self.own[row, feature]), nan=np.inf)
        number = int(self.becomes[row, feature, int(away.argmin())])
        return self.decisions[number] if number >= 0 else ""

    def order(self, row: int) -> NpArray:
        """(features,) numbers of the features, the one that moves the row's output most first."""
        return np.argsort(-self.spread[row], kind="stable")

    def predicted(self, row: int) -> tuple[str, float] | None:
        """The class the model gave the row, and its score; None where the outputs are no classes."""
        return best_class(self, row)

    def __getitem__(self, key: Any) -> Sensitivity:
        """`e[3]` and `e[2:5]` give rows as a result of their own."""
        try:
            kept = np.atleast_1d(np.arange(len(self))[key])
        except IndexError as error:
            raise IndexError(f"Row {key} is not among the {len(self)} rows of this result.") from error

        def each(t: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(t[i] for i in kept) if t else t

        features = self.features
        if isinstance(features, Tokens):
            features = replace(features, tokens=each(features.tokens))
        arrays = ("values", "grid", "own", "flips", "becomes", "decided", "x", "output")
        return replace(
            self,
            **{name: getattr(self, name)[kept] for name in arrays},
            features=features,
            target=each(self.target),
            scores=None if self.scores is None else self.scores[kept],
            players=each(self.players),
            index=each(self.index),
            quality=self.quality.of_rows(kept),
        )

    def to_frame(self) -> Any:
        """One row per row and feature: its value, the lowest and highest output, the slopes, the first flip."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        n, count = self.own.shape
        rows, features = (a.ravel().tolist() for a in np.indices((n, count)))
        return pandas.DataFrame(
            {
                "row": [self.index[r] for r in rows] if self.index else rows,
                "feature": [self.names[k] for k in features],
                "value": [self.shown(k, v) for k, v in zip(features, self.own.ravel(), strict=True)],
                "lowest": np.nan_to_num(self.values, nan=np.inf).min(2).ravel(),
                "highest": np.nan_to_num(self.values, nan=-np.inf).max(2).ravel(),
                "mean slope": self.mean_slope.ravel(),
                "greatest slope": self.greatest_slope.ravel(),
                "first flip": self.first_flip.ravel(),
                "becomes": [self.first_decision(r, k) for r, k in zip(rows, features, strict=True)],
            }
        )
