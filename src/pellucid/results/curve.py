"""Curve: what the model says as a column, or two together, change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.features import Columns, plain
from pellucid.core.types import NpArray

from .base import Explanation


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Curve(Explanation):
    """What the model says, on average, as a column, or two together, change: one or more effects.

    The points of all effects stand one after another; `of` says which effect each belongs to, and `e["age"]` or
    `e["age", "income"]` is a curve of that effect alone.

    Attributes:
        values: (points, targets).
        grid: (points, 1 or 2) where the columns are set; NaN in the second place of effects of one column.
        of: (points,) the effect each point belongs to.
        columns: per effect, the names of its columns.
        targets: names of the explained numbers.
        count: (points,) rows behind each point: all of them, or those of the interval that ends there.
        individual: (rows kept, points, targets) the rows' own curves.
        kept: (rows kept,) the numbers of these rows.
        data_columns: the columns that `data` holds.
        data: (rows shown, columns) where the data lie, a sample.
        data_kept: (rows kept, columns) where the rows kept lie.
        rows: how many rows it was measured on.
        is_centred: whether the curves were moved to start at zero.
    """

    grid: NpArray
    of: NpArray
    columns: tuple[tuple[str, ...], ...]
    targets: tuple[str, ...]
    count: NpArray
    individual: NpArray
    kept: NpArray
    data_columns: tuple[str, ...]
    data: NpArray
    data_kept: NpArray
    rows: int = 0
    is_centred: bool = False

    def number(self, effect: int | str | tuple[str, ...]) -> int:
        """The number of an effect given by number or by its columns.

        Raises:
            ParameterError: there is no such effect.
        """
        known = {self.name(k): k for k in range(len(self.columns))}
        if isinstance(effect, int | np.integer):
            if not -len(known) <= effect < len(known):
                raise ParameterError(f"There is no effect {effect}.", fix=f"Choose 0..{len(known) - 1}.")
            return int(effect) % len(known)
        wanted = " × ".join(effect) if isinstance(effect, tuple) else effect
        if wanted not in known:
            raise ParameterError(f"There is no effect of {wanted!r}.", fix=f"There are {', '.join(known)}.")
        return known[wanted]

    def name(self, effect: int) -> str:
        """What an effect is called: its column, or both."""
        return " × ".join(self.columns[effect])

    def __getitem__(self, effect: int | str | tuple[str, ...]) -> Curve:
        k = self.number(effect)
        these = self.of == k
        half = self.quality.half_width
        return replace(
            self,
            values=self.values[these],
            grid=self.grid[these][:, : max(1, len(self.columns[k]))],
            of=np.zeros(int(these.sum()), int),
            columns=(self.columns[k],),
            count=self.count[these],
            individual=self.individual[:, these],
            quality=replace(self.quality, half_width=None if half is None else half[these]),
        )

    def centred(self) -> Curve:
        """The same with every curve moved to start at zero at its first point; half-widths are not known then."""
        first = np.searchsorted(self.of, self.of)
        return replace(
            self,
            values=self.values - self.values[first],
            individual=self.individual - self.individual[:, first],
            quality=replace(self.quality, half_width=None),
            is_centred=True,
        )

    @property
    def ranges(self) -> NpArray:
        """(effects, targets) how far the values of each effect spread."""
        return np.stack([np.ptp(self.values[self.of == k], axis=0) for k in range(len(self.columns))])

    @property
    def order(self) -> NpArray:
        """(effects,) numbers of the effects, the widest first."""
        return np.argsort(-self.ranges.max(1), kind="stable")

    def shown(self, column: str, values: NpArray) -> list[str]:
        """Values of a column as a person writes them."""
        if not isinstance(self.features, Columns):
            return [plain(float(v)) for v in values]
        place = self.features.position(column)
        return [self.features.show(place, float(v)) for v in values]

    def is_category(self, column: str) -> bool:
        """Whether the values of a column stand for words."""
        return isinstance(self.features, Columns) and column in self.features.categories

    def to_frame(self) -> Any:
        """One row per point: effect, where its columns are, rows behind it, then each target and its half-width."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        named = [self.columns[k] for k in self.of]
        data: dict[str, Any] = {"effect": [self.name(k) for k in self.of], "rows": self.count}
        for axis in range(self.grid.shape[1]):
            words = [
                self.shown(n[axis], self.grid[i : i + 1, axis])[0] if axis < len(n) else ""
                for i, n in enumerate(named)
            ]
            data["at" if axis == 0 else "and at"] = words
        half = self.quality.half_width
        for k, target in enumerate(self.targets):
            data[target] = self.values[:, k]
            data[f"± {target}"] = np.full(len(self.values), np.nan) if half is None else half[:, k]
        return pandas.DataFrame(data)
