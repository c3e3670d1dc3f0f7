"""What a changed row of a table may look like: the caller's words, and the same bound to rows of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from .errors import DataError, ParameterError
from .features import Columns
from .types import NpArray

Column = str | int
KINDS = (
    "immutable", "increase_only", "decrease_only", "ranges", "categories", "together", "couplings", "most_changes"
)  # fmt: skip
"""The constraints that can forbid every answer, in the order in which they are suspected."""
SLACK = 1e-9
"""By this share of its terms a coupling may be missed through rounding."""


@dataclass(frozen=True)
class Coupling:
    """A linear condition: `low <= sum of weight * column <= high`.

    >>> Coupling({"debt": 1.0, "income": -0.5}, high=0.0)  # debt at most half of the income
    Coupling(weights={'debt': 1.0, 'income': -0.5}, low=-inf, high=0.0)
    """

    weights: Mapping[Column, float]
    low: float = -np.inf
    high: float = np.inf


@dataclass(frozen=True)
class Constraints:
    """What a changed row may look like; columns by name or number.

    Attributes:
        immutable: columns that stay as they are.
        increase_only, decrease_only: columns that change in one direction.
        ranges: column -> (least, most); without one, the range of the background and the row's own value.
        integers: columns of whole numbers; None takes those that hold nothing else.
        categories: column -> the values that it may take.
        together: columns that change as one, to values that a row of the background has together.
        couplings: linear conditions on several columns.
        most_changes: how many columns, or sets of columns that change together, may change.
        costs: column -> how much dearer a change of it is than it would be; at least 0.
        noise: column -> a change that means nothing; smaller ones are called fragile.

    >>> Constraints(immutable=["sex"], increase_only=["age"], ranges={"age": (18, 90)}).most_changes
    """

    immutable: Sequence[Column] = ()
    increase_only: Sequence[Column] = ()
    decrease_only: Sequence[Column] = ()
    ranges: Mapping[Column, tuple[float, float]] = field(default_factory=dict[Column, tuple[float, float]])
    integers: Sequence[Column] | None = None
    categories: Mapping[Column, Sequence[Any]] = field(default_factory=dict[Column, Sequence[Any]])
    together: Sequence[Sequence[Column]] = ()
    couplings: Sequence[Coupling] = ()
    most_changes: int | None = None
    costs: Mapping[Column, float] = field(default_factory=dict[Column, float])
    noise: Mapping[Column, float] = field(default_factory=dict[Column, float])

    def __post_init__(self) -> None:
        if isinstance(self.immutable, str) or isinstance(self.integers, str):
            raise ParameterError("Columns are given in a list.", fix='Write immutable=["sex"].')
        if self.most_changes is not None and self.most_changes < 1:
            raise ParameterError("most_changes must be at least 1.", got=self.most_changes)
        for name, pair in (*self.ranges.items(), *((c.weights, (c.low, c.high)) for c in self.couplings)):
            if len(pair) != 2 or not pair[0] <= pair[1]:
                raise ParameterError(f"The range of {name!r} is empty.", got=tuple(pair))
        for name, cost in self.costs.items():
            if not cost >= 0:
                raise ParameterError(f"The cost of {name!r} must be at least 0.", got=cost)

    def without(self, kind: str) -> Constraints:
        """The same without one kind of constraint."""
        return replace(self, **{kind: {"ranges": {}, "categories": {}, "most_changes": None}.get(kind, ())})

    def bind(self, columns: Columns, X: NpArray, background: NpArray) -> Limits:
        """The constraints of rows of numbers.

        Args:
            columns: what the rows are made of.
            X: (n, columns) the rows that are changed.
            background: (b, columns) real rows.

        Raises:
            ParameterError: a column that is not there, or one that may rise only and fall only.
            DataError: a category that the data do not know.
        """
        at = columns.position
        both = {at(c) for c in self.increase_only} & {at(c) for c in self.decrease_only}
        if both:
            name = columns.names[both.pop()]
            raise ParameterError(f"Column {name!r} may neither rise nor fall.", fix="Call it immutable.")
        allowed = {at(c): _codes(columns, at(c), values, background) for c, values in self.categories.items()}
        for j, name in enumerate(columns.names):
            if name in columns.categories and j not in allowed:
                allowed[j] = np.arange(len(columns.categories[name]), dtype=float)
        both_sets = np.concatenate([X, background])
        finite = np.where(np.isfinite(both_sets), both_sets, 0.0)
        holds = (finite == np.round(finite)).all(0) & (np.ptp(background, axis=0) >= 2)
        whole = holds if self.integers is None else np.zeros(len(columns.names), bool)
        whole[[at(c) for c in self.integers or ()]] = True
        word = np.isin(np.arange(len(columns.names)), list(allowed))
        low, high = self._box(columns, X, background)
        groups = tuple(np.array([at(c) for c in group]) for group in self.together)
        costs = np.ones(len(columns.names))
        costs[[at(c) for c in self.costs]] = list(self.costs.values())
        weights = np.zeros((len(self.couplings), len(columns.names)))
        for k, coupling in enumerate(self.couplings):
            weights[k, [at(c) for c in coupling.weights]] = list(coupling.weights.values())
        noise = _resolution(background)
        noise[[at(c) for c in self.noise]] = list(self.noise.values())
        return Limits(
            X=X,
            names=columns.names,
            low=low,
            high=high,
            whole=whole & ~word,
            allowed=allowed,
            groups=groups,
            known=tuple(_combinations(background, group) for group in groups),
            weights=weights,
            least=np.array([c.low for c in self.couplings], float),
            most=np.array([c.high for c in self.couplings], float),
            most_changes=self.most_changes or len(columns.names),
            costs=costs,
            noise=np.where(word, 0.0, noise),
        )

    def _box(self, columns: Columns, X: NpArray, background: NpArray) -> tuple[NpArray, NpArray]:
        """The least and the most of every cell."""
        known = np.where(np.isfinite(background), background, np.nan)
        own = np.where(np.isfinite(X), X, 0.0)
        with np.errstate(all="ignore"):
            low = np.fmin(np.nan_to_num(np.nanmin(known, 0), nan=np.inf), own)
            high = np.fmax(np.nan_to_num(np.nanmax(known, 0), nan=-np.inf), own)
        for c, (least, most) in self.ranges.items():
            low[:, columns.position(c)], high[:, columns.position(c)] = least, most
        for names, is_floor, is_ceiling in (
            (self.immutable, True, True),
            (self.increase_only, True, False),
            (self.decrease_only, False, True),
        ):
            j = [columns.position(c) for c in names]
            low[:, j] = np.maximum(low[:, j], own[:, j]) if is_floor else low[:, j]
            high[:, j] = np.minimum(high[:, j], own[:, j]) if is_ceiling else high[:, j]
        return low, high


@dataclass(frozen=True, eq=False)
class Limits:
    """Constraints bound to rows of numbers.

    Attributes:
        X: (n, columns) the rows that are changed.
        names: of the columns.
        low, high: (n, columns) between which a cell stays; missing cells stay missing.
        whole: (columns,) whether a column holds whole numbers.
        allowed: column -> the codes it may take, for columns of categories.
        groups: columns that change as one.
        known: for each group, (rows, its columns) the values that it may take.
        weights, least, most: (couplings, columns) and (couplings,) the linear conditions.
        most_changes: how many columns or groups may change.
        costs: (columns,) factors of the cost.
        noise: (columns,) changes below it mean nothing.
    """

    X: NpArray
    names: tuple[str, ...]
    low: NpArray
    high: NpArray
    whole: NpArray
    allowed: Mapping[int, NpArray]
    groups: tuple[NpArray, ...]
    known: tuple[NpArray, ...]
    weights: NpArray
    least: NpArray
    most: NpArray
    most_changes: int
    costs: NpArray
    noise: NpArray

    @cached_property
    def word(self) -> NpArray:
        """(columns,) whether a column holds categories."""
        return np.isin(np.arange(len(self.names)), list(self.allowed))

    @cached_property
    def units(self) -> NpArray:
        """(columns,) the number of the unit that a column changes with."""
        unit = np.arange(len(self.names))
        for group in self.groups:
            unit[group] = group[0]
        return np.unique(unit, return_inverse=True)[1]

    @cached_property
    def start(self) -> NpArray:
        """(n, columns) the rows, moved only as far as the constraints on single cells ask."""
        return self.nearest(self.X, np.arange(len(self.X)))

    def nearest(self, Z: NpArray, own: NpArray) -> NpArray:
        """Rows with every cell moved to the nearest value it may have.

        Args:
            Z: (m, columns) rows.
            own: (m,) the number of the row that each is a change of.
        """
        x, low, high = self.X[own], self.low[own], self.high[own]
        rounded = np.where(
            self.whole, np.clip(np.round(Z), np.ceil(low), np.floor(high)), np.clip(Z, low, high)
        )
        out = np.where(np.isnan(x) | np.isnan(Z), x, np.where(low == high, low, rounded))
        for j, codes in self.allowed.items():
            fits = np.isin(Z[:, j], codes) & (Z[:, j] >= low[:, j]) & (Z[:, j] <= high[:, j])
            out[:, j] = np.where(fits, Z[:, j], x[:, j])
        for group, known in zip(self.groups, self.known, strict=True):
            own_values = _same(out[:, group], x[:, group]).all(1)
            fits = _same(out[:, None, group], Z[:, None, group]).all((1, 2)) & _is_row(Z[:, group], known)
            keep = own_values | fits
            out[np.ix_(np.flatnonzero(~keep), group)] = x[np.ix_(np.flatnonzero(~keep), group)]
        return out

    def changes(self, Z: NpArray, own: NpArray) -> NpArray:
        """(m, columns) which cells differ from the row's own."""
        return ~_same(Z, self.X[own])

    def count(self, Z: NpArray, own: NpArray) -> NpArray:
        """(m,) how many columns or groups change."""
        return self.by_unit(self.changes(Z, own)).sum(1)

    def by_unit(self, cells: NpArray) -> NpArray:
        """Marks of cells (m, columns) as marks of the units that they belong to (m, units)."""
        if not self.groups:
            return cells
        out = np.zeros((len(cells), self.units.max() + 1), bool)
        for j, unit in enumerate(self.units):
            out[:, unit] |= cells[:, j]
        return out

    def missed(self, Z: NpArray) -> NpArray:
        """(m,) by how much the couplings are missed, as a share of their terms; 0 where they hold."""
        if not len(self.weights):
            return np.zeros(len(Z))
        terms = np.nan_to_num(Z)[:, None] * self.weights
        total, size = terms.sum(2), np.abs(terms).sum(2) + 1e-12
        off = np.maximum(np.maximum(self.least - total, total - self.most), 0.0) / size
        return np.where(off > SLACK, off, 0.0).max(1)

    def hold(self, Z: NpArray, own: NpArray) -> NpArray:
        """(m,) whether a row keeps every constraint."""
        x = self.X[own]
        inside = np.where(np.isnan(x), np.isnan(Z), (self.low[own] <= Z) & (self.high[own] >= Z))
        inside &= ~self.whole | np.isnan(Z) | (np.round(Z) == Z)
        for j, codes in self.allowed.items():
            inside[:, j] &= np.isnan(x[:, j]) | np.isin(Z[:, j], codes)
        fine = inside.all(1) & (self.missed(Z) == 0) & (self.count(Z, own) <= self.most_changes)
        for group, known in zip(self.groups, self.known, strict=True):
            fine &= _same(Z[:, group], x[:, group]).all(1) | _is_row(Z[:, group], known)
        return fine

    def contradiction(self, row: int) -> str:
        """The column of a row that no value fits; "*" where no column may change, "" where all is well."""
        low, high = self.low[row], self.high[row]
        low, high = np.where(self.whole, np.ceil(low), low), np.where(self.whole, np.floor(high), high)
        empty = ~np.isnan(self.X[row]) & (low > high)
        for j, codes in self.allowed.items():
            empty[j] |= not np.isnan(self.X[row, j]) and not ((codes >= low[j]) & (codes <= high[j])).any()
        if empty.any():
            return self.names[int(empty.argmax())]
        return "*" if not (~np.isnan(self.X[row]) & (low < high)).any() else ""


def _same(a: NpArray, b: NpArray) -> NpArray:
    return (a == b) | (np.isnan(a) & np.isnan(b))


def _is_row(values: NpArray, known: NpArray) -> NpArray:
    """(m,) whether values (m, c) are a row of `known`."""
    pairs = {tuple(row) for row in known.tolist()}
    return np.array([tuple(row) in pairs for row in values.tolist()], bool)


def _combinations(background: NpArray, group: NpArray) -> NpArray:
    rows = background[:, group]
    return np.unique(rows[np.isfinite(rows).all(1)], axis=0)


def _codes(columns: Columns, j: int, values: Sequence[Any], background: NpArray) -> NpArray:
    """Allowed values as the codes that stand for them, or as the numbers they are."""
    name = columns.names[j]
    known = columns.categories.get(name)
    choices = list(known) if known is not None else np.unique(background[:, j]).tolist()
    for value in values:
        if value not in choices:
            raise DataError(
                f"Column {name!r} never holds {value!r}.",
                fix=f"Choose among {', '.join(map(repr, choices[:12]))}.",
            )
    return np.array([choices.index(v) if known is not None else v for v in values], float)


def _resolution(background: NpArray) -> NpArray:
    """(columns,) the unit in which each column is written, or a hundredth of its spread where it has none."""
    out = np.nanstd(background, axis=0) / 100
    for decimals in range(4, -4, -1):
        unit = 10.0**-decimals
        steps = background / unit
        written = (np.abs(steps - np.round(steps)) < 1e-6 * np.maximum(1, np.abs(steps))) | np.isnan(steps)
        out = np.where(written.all(0), unit, out)
    return out
