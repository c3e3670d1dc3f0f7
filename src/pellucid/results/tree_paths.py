"""TreePaths: the way of rows through one tree of an ensemble, split by split, down to the leaf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.features import Columns, plain
from pellucid.core.types import NpArray

from .base import Explanation

DIGITS = range(4, 18)
"""Digits of a number and of the threshold beside it: the fewest that do not turn the comparison round."""
NAMED = 4
"""At most so many categories are named in a condition."""


@dataclass(frozen=True)
class Step:
    """One split on a row's way.

    Attributes:
        column: its name.
        shown: the row's value there, as a person writes it; "" where it is NaN.
        taken: what holds on the side that the row goes to: "≤ 1.75 cm", "= red", "∈ {red, blue}".
        other: what holds on the other side.
        missing: whether the row's value counts as missing there, so that the side is the tree's choice.
        share: of the training weight, that reaches the split; NaN where it is not known.
        other_share: of the training weight, that goes to the other side.
        other_leaves: leaves on the other side.
    """

    column: str
    shown: str
    taken: str
    other: str
    missing: bool
    share: float
    other_share: float
    other_leaves: int


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TreePaths(Explanation):
    """How rows go through one tree of an ensemble.

    Attributes:
        values: (rows, outputs fed) what the leaf reached adds to the raw outputs that the tree feeds.
        x: (rows, columns) the rows.
        tree: the tree's number.
        trees: how many there are.
        targets: names of the outputs that the tree feeds.
        starts: (rows + 1,) the steps of row i are starts[i] to starts[i + 1] of the arrays below.
        node: (steps,) the split's number within the tree.
        column: (steps,) what it splits on.
        threshold: (steps,) values up to it go left; NaN where the split is by category.
        left: (steps,) whether the row goes left.
        missing: (steps,) whether its value counts as missing there.
        inside: (steps,) where the split is by category: whether the row is on the side of those in `sets`.
        sets: per step, the categories that name the condition; () where the split is by threshold.
        share: (steps,) of the training weight, that reaches the split; NaN where it is not known.
        other_share: (steps,) of the training weight, that goes to the other side.
        other_leaves: (steps,) leaves on the other side.
        leaf: (rows,) the number of the leaf within the tree.
        leaf_share: (rows,) of the training weight, that ends in the leaf.
        index: the rows' labels, where they came with some.
    """

    x: NpArray
    tree: int
    trees: int
    targets: tuple[str, ...]
    starts: NpArray
    node: NpArray
    column: NpArray
    threshold: NpArray
    left: NpArray
    missing: NpArray
    inside: NpArray
    sets: tuple[tuple[str, ...], ...]
    share: NpArray
    other_share: NpArray
    other_leaves: NpArray
    leaf: NpArray
    leaf_share: NpArray
    index: tuple[Any, ...] = ()

    def row(self, row: int) -> int:
        """The number itself, where there is such a row.

        Raises:
            ParameterError: there is none.
        """
        if not 0 <= row < len(self):
            raise ParameterError(f"There is no row {row}.", fix=f"Choose 0..{len(self) - 1}.")
        return row

    def steps(self, row: int = 0) -> tuple[Step, ...]:
        """The splits on the way of a row, from the root on."""
        at = self.row(row)
        return tuple(self._step(at, k) for k in range(int(self.starts[at]), int(self.starts[at + 1])))

    def _step(self, row: int, k: int) -> Step:
        column = int(self.column[k])
        value = float(self.x[row, column])
        shown, threshold = self._written(column, value, k)
        taken, other = self._sides(k, threshold)
        return Step(
            self.features.name((column,)),
            shown,
            taken,
            other,
            bool(self.missing[k]),
            float(self.share[k]),
            float(self.other_share[k]),
            int(self.other_leaves[k]),
        )

    def _written(self, column: int, value: float, k: int) -> tuple[str, str]:
        """A row's value and the threshold, with digits enough to see that the one is beyond the other."""
        t, by_number = float(self.threshold[k]), not np.isnan(self.threshold[k])
        unit = self._unit(column)
        digits = DIGITS[0]
        if by_number and np.isfinite(value) and not self.missing[k]:
            keeps = (d for d in DIGITS if (float(f"{value:.{d}g}") <= float(f"{t:.{d}g}")) == self.left[k])
            digits = next(keeps, DIGITS[-1])
        if digits > DIGITS[0]:
            return f"{value:.{digits}g}{unit}", f"{t:.{digits}g}{unit}"
        shown = self.features.show(column, value) if isinstance(self.features, Columns) else plain(value)
        return "" if np.isnan(value) else shown, f"{plain(t)}{unit}" if by_number else ""

    def _unit(self, column: int) -> str:
        if not isinstance(self.features, Columns):
            return ""
        unit = self.features.units.get(self.features.names[column], "")
        return f" {unit}" if unit else ""

    def _sides(self, k: int, threshold: str) -> tuple[str, str]:
        """What holds on the side taken, and on the other."""
        if threshold:
            low, high = f"≤ {threshold}", f"> {threshold}"
            return (low, high) if self.left[k] else (high, low)
        names = self.sets[k]
        if len(names) == 1:
            held, not_held = f"= {names[0]}", f"≠ {names[0]}"
        else:
            more = f", … +{len(names) - NAMED}" if len(names) > NAMED else ""
            listed = "{" + ", ".join(names[:NAMED]) + more + "}"
            held, not_held = f"∈ {listed}", f"∉ {listed}"
        return (held, not_held) if self.inside[k] else (not_held, held)

    def to_frame(self) -> Any:
        """One row per row: the leaf, how many splits lead there, its share, what it adds to each output."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        data: dict[str, Any] = {
            "tree": self.tree,
            "leaf": self.leaf,
            "splits": np.diff(self.starts),
            "share": self.leaf_share,
        }
        for k, target in enumerate(self.targets):
            data[f"adds to {target}"] = self.values[:, k]
        return pandas.DataFrame(data, index=list(self.index) if self.index else range(len(self)))
