"""One feature of a row moved and all others kept: where to, and what the row then is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.features import Columns, Features
from pellucid.core.masker import Masker
from pellucid.core.types import NpArray


@dataclass(frozen=True, eq=False)
class Places:
    """Where the columns of a table are set.

    Attributes:
        points: for each column, values.
        offsets: (steps,) what is added to a row's own value instead, for columns that have steps; None for points.
        stepped, smooth: (columns,) which columns have steps, and which values between two points.
    """

    points: tuple[NpArray, ...]
    offsets: NpArray | None
    stepped: NpArray
    smooth: NpArray

    @classmethod
    def along(cls, known: NpArray, columns: Columns, count: int, trim: float, step: float | None) -> Places:
        """Through the range of rows `known` (b, columns), or by steps to either side.

        Categories, and whole numbers that have few values, are set to each value that there is.

        Raises:
            ParameterError: a column has a single value and no step is given, or the step is none.
        """
        if step is not None and not (np.isfinite(step) and step > 0):
            raise ParameterError("A step must be above zero.", got=step)
        points, words, whole = list[NpArray](), list[bool](), list[bool]()
        for column, name in enumerate(columns.names):
            values = np.unique(known[:, column][~np.isnan(known[:, column])]).astype(float)
            words.append(name in columns.categories)
            whole.append(len(values) <= count and bool((values % 1 == 0).all()))
            if len(values) < 2 and step is None:
                raise ParameterError(
                    f"Column {name!r} has a single value here, so it has no range.",
                    fix="Pass background= rows of the data, or step=.",
                )
            if not words[-1] and not whole[-1]:
                low, high = np.nanquantile(known[:, column], [trim, 1 - trim])
                values = np.linspace(low, high, count)
            points.append(values)
        half = max(1, count // 2)
        offsets = None if step is None else step * np.arange(-half, half + 1)
        is_word = np.array(words, bool)
        return cls(tuple(points), offsets, ~is_word, ~is_word & ~np.array(whole, bool))

    def of(self, column: int, own: float) -> NpArray:
        """The points of a column in a row where it is `own`."""
        points = self.points[column]
        if self.offsets is not None and self.stepped[column]:
            points = own + self.offsets
        return points if np.isnan(own) else np.union1d(points, [own])


@dataclass(frozen=True, eq=False)
class Ways:
    """Where each feature of some rows is moved.

    Attributes:
        rows: the caller's numbers of the rows.
        grid: (n, features, points) ascending, NaN behind the last.
        own: (n, features) where each is.
        smooth: (features,) whether there are values between two points.
        put: row, features (m,) and values (m,) -> variants (m, *features) of that row.
        names: what is moved in each row.
    """

    rows: NpArray
    grid: NpArray
    own: NpArray
    smooth: NpArray
    put: Callable[[int, NpArray, NpArray], NpArray]
    names: tuple[tuple[str, ...], ...]

    @classmethod
    def of_columns(cls, x: NpArray, rows: NpArray, columns: Columns, places: Places) -> Ways:
        """Columns of rows (n, columns) set to points of their own, the row's value among them."""
        points = [[places.of(k, float(own)) for k, own in enumerate(row)] for row in x]
        grid = np.full((*x.shape, max(len(p) for row in points for p in row)), np.nan)
        for row, column in np.ndindex(*x.shape):
            grid[row, column, : len(points[row][column])] = points[row][column]

        def put(row: int, which: NpArray, values: NpArray) -> NpArray:
            out = np.repeat(x[row][None], len(which), 0)
            out[np.arange(len(which)), which] = values
            return out

        return cls(rows, grid, x.astype(float), places.smooth, put, (columns.names,) * len(x))

    @classmethod
    def fading(
        cls, x: NpArray, rows: NpArray, maskers: Sequence[Masker], features: Features, points: int
    ) -> Ways:
        """Parts of rows faded from what they are to what hides them."""
        bound = [masker.bind(row, features) for masker, row in zip(maskers, x, strict=True)]
        hidden = [h.fill(~np.eye(len(h.players), dtype=bool)).mean(1) for h in bound]
        most = max(map(len, hidden))
        grid = np.full((len(x), most, points), np.nan)
        for row, parts in enumerate(hidden):
            grid[row, : len(parts)] = np.linspace(0, 1, points)

        def put(row: int, which: NpArray, values: NpArray) -> NpArray:
            share = values.reshape(-1, *[1] * x[row].ndim)
            return (x[row] + share * (hidden[row][which] - x[row])).astype(x.dtype)

        names = tuple(h.players for h in bound)
        return cls(rows, grid, np.zeros((len(x), most)), np.ones(most, bool), put, names)
