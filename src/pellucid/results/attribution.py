"""Attribution: how much each feature of each row moved the explained number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.features import Columns, Tokens
from pellucid.core.types import NpArray

from .base import Explanation


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Attribution(Explanation):
    """How much each feature of each row moved the explained number.

    Attributes:
        values: (n, *features), as the input is shaped, or as the layer `at` is.
        x: (n, *features) of the input, as numbers.
        output: (n,) the explained number at x.
        base: (n,) the explained number at the baseline, or with every feature hidden; None where the method has none.
        target: what was explained, one label per row.
        scores: (n, classes) the model's outputs at x, where they are one axis of classes.
        classes: names of these outputs.
        score_space: what they count in, where the explained number counts in something else; "" is `space`.
        at: the layer where the attribution lands; "" is the input.
        players: names of the hidden parts, where the method hides parts.
        player_values: (n, players), NaN-padded where rows have different numbers of players.
        regions: (n, H, W) of int, for images hidden region by region: the player of each pixel; for series hidden by
            windows, shaped like them.
        index: the rows' own labels in the frame they came from.
        frame: the kind of frame they came in, "pandas", "polars" or "".
        parts: for several inputs, name -> shape of one row; the values then hold them one after another.
    """

    x: NpArray
    output: NpArray
    base: NpArray | None = None
    target: tuple[str, ...] = ()
    scores: NpArray | None = None
    classes: tuple[str, ...] = ()
    score_space: str = ""
    at: str = ""
    players: tuple[tuple[str, ...], ...] = ()
    player_values: NpArray | None = None
    regions: NpArray | None = None
    index: tuple[Any, ...] = ()
    frame: str = ""
    parts: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, "tuple[int, ...]"])

    @property
    def residual(self) -> NpArray | None:
        """(n,) what is missing to completeness: output - base - sum of values; None without a base."""
        if self.base is None:
            return None
        return self.output - self.base - self.values.reshape(len(self.values), -1).sum(1)

    @property
    def part(self) -> dict[str, NpArray]:
        """For several inputs: name -> values (n, *shape of that input)."""
        out: dict[str, NpArray] = {}
        start = 0
        for name, shape in self.parts.items():
            size = int(np.prod(shape))
            out[name] = self.values[:, start : start + size].reshape(len(self), *shape)
            start += size
        return out

    def predicted(self, row: int) -> tuple[str, float] | None:
        """The class the model gave the row, and its score; None where the outputs are no classes."""
        return best_class(self, row)

    def __getitem__(self, key: Any) -> Attribution:
        """`e[3]` and `e[2:5]` give rows as a result of their own; `e[:, "age"]` the one column's values kept."""
        rows, columns = key if isinstance(key, tuple) else (key, None)
        try:
            kept = np.atleast_1d(np.arange(len(self))[rows])
        except IndexError as error:
            raise IndexError(f"Row {rows} is not among the {len(self)} rows of this result.") from error
        chosen = self._rows(kept)
        return chosen if columns is None else chosen._columns(columns)

    def _rows(self, kept: NpArray) -> Attribution:
        def pick(a: NpArray | None) -> NpArray | None:
            return None if a is None else a[kept]

        def each(t: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(t[i] for i in kept) if t else t

        features = self.features
        if isinstance(features, Tokens):
            features = replace(features, tokens=each(features.tokens))
        return replace(
            self,
            values=self.values[kept],
            x=self.x[kept],
            output=self.output[kept],
            base=pick(self.base),
            target=each(self.target),
            scores=pick(self.scores),
            players=each(self.players),
            player_values=pick(self.player_values),
            regions=pick(self.regions),
            index=each(self.index),
            features=features,
            quality=self.quality.of_rows(kept),
        )

    def _columns(self, columns: Any) -> Attribution:
        if not isinstance(self.features, Columns):
            raise CapabilityError(
                "Columns are chosen from tables only.", got=f"{self.features.kind} features"
            )
        names = [columns] if isinstance(columns, str | int) else list(columns)
        kept = [self.features.position(c) for c in names]
        half = self.quality.half_width
        return replace(
            self,
            values=self.values[:, kept],
            x=self.x[:, kept],
            base=None,
            players=(),
            player_values=None,
            parts={},
            features=self.features.only(kept),
            quality=replace(self.quality, half_width=None if half is None else half[:, kept]),
        )

    def to_frame(self) -> Any:
        """One row per row, one column per feature, in the kind of frame (and with the index) the data came in."""
        from pellucid.core.extras import need

        flat = self.values.reshape(len(self), -1)
        names = [self.features.name(i) for i in np.ndindex(*self.values.shape[1:])]
        if self.frame == "polars":
            return need("polars", what="A polars frame", extra="frames").DataFrame(flat, schema=names)
        pandas = need("pandas", what="A frame", extra="frames")
        return pandas.DataFrame(flat, columns=names, index=list(self.index) if self.index else None)

    def to_shap(self) -> Any:
        """The same numbers as a `shap.Explanation`, for shap's own plots."""
        from pellucid.core.extras import need

        shap = need("shap", what="to_shap()", extra="all")
        names = list(self.features.names) if isinstance(self.features, Columns) else None
        return shap.Explanation(self.values, base_values=self.base, data=self.x, feature_names=names)

    def to_xarray(self) -> Any:
        """The values as an `xarray.DataArray` with the rows' targets as a coordinate."""
        from pellucid.core.extras import need

        xarray = need("xarray", what="to_xarray()", extra="all")
        axes = ["row", *(f"axis_{i}" for i in range(1, self.values.ndim))]
        if isinstance(self.features, Columns) and self.values.ndim == 2:
            axes[1] = "feature"
        coords: dict[str, Any] = {"target": ("row", list(self.target))} if self.target else {}
        if axes[-1] == "feature":
            coords["feature"] = list(self.features.names)  # type: ignore[attr-defined]  # Columns, tested above
        return xarray.DataArray(self.values, dims=axes, coords=coords, name=self.provenance.method)


def best_class(e: Any, row: int) -> tuple[str, float] | None:
    """The class with the largest of a result's `scores` in a row, and its score; None where they are no classes."""
    space = e.score_space or e.space
    if e.scores is None or e.scores.shape[1] < 2 or (space == "raw" and not e.classes):
        return None
    best = int(e.scores[row].argmax())
    return (e.classes[best] if best < len(e.classes) else str(best)), float(e.scores[row, best])
