"""Tables with names and types (pandas, polars, object arrays) as plain matrices, and back as they were.

Methods do arithmetic on a float matrix; the model is given the frame it was fitted on. A column of categories,
strings, booleans or dates becomes codes; a missing value becomes NaN; `decode` restores kind, dtype and names.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from .errors import DataError, ShapeError
from .features import Columns
from .types import NpArray


def kind_of(data: Any) -> str | None:
    """'pandas', 'polars', 'objects', or None for anything that is no frame."""
    root = type(data).__module__.partition(".")[0]
    if root in ("pandas", "polars") and hasattr(data, "columns"):
        return root
    if isinstance(data, np.ndarray) and data.ndim == 2 and data.dtype.kind in "OUS":
        return "objects"
    return None


@dataclass(frozen=True)
class Codec:
    """How one frame's columns become numbers and numbers become that frame again."""

    kind: str
    names: tuple[str, ...]
    dtypes: tuple[Any, ...]
    categories: tuple[tuple[Any, ...] | None, ...]  # per column: what codes stand for, None for numbers
    labels: tuple[Any, ...]  # the frame's own column labels, which need not be strings
    blanks: tuple[Any, ...]  # per column: what stands where a value is missing

    @classmethod
    def of(cls, *frames: Any) -> Codec:
        """Read the columns of one frame, with the categories that appear in any of `frames`."""
        first = frames[0]
        kind = kind_of(first) or "objects"
        labels = tuple(first.columns) if kind != "objects" else tuple(range(first.shape[1]))
        names = tuple(map(str, labels)) if kind != "objects" else tuple(f"x{i}" for i in labels)
        twice = [n for n in names if names.count(n) > 1]
        if twice:
            raise ShapeError(f"Two columns are called {twice[0]!r}.", fix="Give each a name of its own.")
        for other in frames[1:]:
            _check_columns(other, kind, labels, "background")
        columns = [[_column(f, kind, label) for f in frames] for label in labels]
        categories = tuple(_categories(parts) for parts in columns)
        return cls(
            kind,
            names,
            tuple(_widened(parts[0], known) for parts, known in zip(columns, categories, strict=True)),
            categories,
            labels,
            tuple(_blank(parts, kind) for parts in columns),
        )

    @property
    def features(self) -> Columns:
        known = {n: c for n, c in zip(self.names, self.categories, strict=True) if c is not None}
        return Columns(self.names, categories={n: tuple(map(_plain, c)) for n, c in known.items()})

    def encode(self, frame: Any) -> NpArray:
        """The frame as (rows, columns) float64, NaN where missing.

        Raises:
            ShapeError: a column of the codec is not in the frame.
            DataError: a category that the codec does not know.
        """
        _check_columns(frame, self.kind, self.labels, "frame")
        out = np.empty((len(frame), len(self.labels)))
        for j, label in enumerate(self.labels):
            out[:, j] = self._encoded(_column(frame, self.kind, label), j)
        return out

    def _encoded(self, column: Any, j: int) -> NpArray:
        codes = self.categories[j]
        if codes is None and _numeric(getattr(column, "dtype", None)):
            numbers = np.asarray(column, dtype=float)
            if column.dtype.kind in "iu" and (np.abs(numbers) >= 2**53).any():
                raise DataError(
                    f"Column {self.names[j]!r} holds whole numbers too large to calculate with.",
                    fix="Drop it, or pass it as words.",
                )
            return numbers
        values = _objects(column)
        if codes is None:
            return np.array([np.nan if is_missing(v) else float(v) for v in values], float)
        known = {v: float(k) for k, v in enumerate(codes)}
        unknown = [v for v in values if not is_missing(v) and v not in known]
        if unknown:
            raise DataError(f"Column {self.names[j]!r} holds a value not seen before.", got=repr(unknown[0]))
        return np.array([np.nan if is_missing(v) else known[v] for v in values])

    def decode(self, matrix: NpArray) -> Any:
        """A frame of the kind, names and types that `of` read, from (rows, columns) numbers."""
        columns = {label: self._decoded(matrix[:, j], j) for j, label in enumerate(self.labels)}
        if self.kind == "objects":
            return np.stack(list(columns.values()), axis=1) if columns else np.empty((len(matrix), 0), object)
        library = import_module(self.kind)
        if self.kind == "polars":
            return library.DataFrame(
                [self._polars(library, label, v, j) for j, (label, v) in enumerate(columns.items())]
            )
        return library.DataFrame(
            {label: self._pandas(library, v, j) for j, (label, v) in enumerate(columns.items())}
        )

    def _decoded(self, column: NpArray, j: int) -> NpArray:
        codes = self.categories[j]
        if codes is None:
            return column.astype(object) if self.kind == "objects" else column
        known = np.isnan(column) | np.isin(column, np.arange(len(codes)))
        if not known.all():
            raise DataError(
                f"Column {self.names[j]!r} holds categories, and {column[~known][0]:.3g} stands for none of them.",
                fix="Hide it behind background rows, or behind a row that has a category there.",
            )
        table = np.empty(len(codes) + 1, object)
        table[: len(codes)] = codes
        table[-1] = self.blanks[j]
        return table[np.where(np.isnan(column), len(codes), column).astype(int)]

    def _pandas(self, pandas: Any, values: NpArray, j: int) -> Any:
        dtype = self.dtypes[j]
        if self.categories[j] is None and not _fits(values, dtype):
            return values
        return pandas.Series(values, dtype=dtype)

    def _polars(self, polars: Any, label: str, values: NpArray, j: int) -> Any:
        dtype = self.dtypes[j]
        if self.categories[j] is not None:
            return polars.Series(label, list(values), dtype=dtype)
        numbers = [None if np.isnan(v) else v for v in values.tolist()]
        if not dtype.is_integer() or not _whole(values):
            return polars.Series(label, numbers, dtype=dtype if dtype.is_float() else polars.Float64)
        return polars.Series(label, [None if v is None else int(v) for v in numbers], dtype=dtype)


def _check_columns(frame: Any, kind: str, labels: tuple[Any, ...], what: str) -> None:
    """Raise `ShapeError` where a frame lacks columns."""
    missing = [str(c) for c in labels if kind != "objects" and c not in frame.columns]
    if missing:
        raise ShapeError(f"The {what} lacks columns {', '.join(missing)}.", got=list(map(str, frame.columns)))


def _column(frame: Any, kind: str, label: Any) -> Any:
    return frame[:, label] if kind == "objects" else frame[label]


def _objects(column: Any) -> list[Any]:
    return column.to_list() if hasattr(column, "to_list") else column.tolist()


def _categories(parts: list[Any]) -> tuple[Any, ...] | None:
    """What the codes of a column stand for: its declared categories, or the values seen; None for numbers.

    Values that the other frames have beyond the declared ones follow them.
    """
    dtype = getattr(parts[0], "dtype", None)
    if declared := _declared(dtype):
        others = dict.fromkeys(v for part in parts[1:] for v in _objects(part) if not is_missing(v))
        return (*declared, *(v for v in others if v not in declared))
    if _numeric(dtype):
        return None
    seen = {v for part in parts for v in _objects(part) if not is_missing(v)}
    if all(isinstance(v, int | float | np.number) and not isinstance(v, bool | np.bool_) for v in seen):
        return None
    return tuple(sorted(seen, key=lambda v: (str(type(v)), v)))


def _declared(dtype: Any) -> tuple[Any, ...]:
    """The categories that a column's type names."""
    declared = getattr(dtype, "categories", None)
    if declared is None or not hasattr(declared, "__len__"):
        return ()
    return tuple(declared.to_list() if hasattr(declared, "to_list") else declared)


def _widened(column: Any, categories: tuple[Any, ...] | None) -> Any:
    """A column's type, with room for the categories that other frames have."""
    dtype: Any = getattr(column, "dtype", None)
    declared = _declared(dtype)
    if not declared or categories is None or len(categories) == len(declared):
        return dtype
    kind: Any = type(dtype)
    return kind(list(categories), **({"ordered": dtype.ordered} if hasattr(dtype, "ordered") else {}))


def _numeric(dtype: Any) -> bool:
    """Whether a column is plain NumPy numbers, which need no look at each value."""
    return isinstance(dtype, np.dtype) and dtype.kind in "iuf"


def _blank(parts: list[Any], kind: str) -> Any:
    """What a column writes where nothing is: a pipeline may know one kind of nothing and not the other."""
    if getattr(getattr(parts[0], "dtype", None), "kind", "O") == "O":
        for value in (v for part in parts for v in _objects(part)):
            if is_missing(value):
                return value
    return np.nan if kind == "objects" else None


def is_missing(value: Any) -> bool:
    """Whether a frame's entry stands for nothing."""
    if isinstance(value, str):
        return False
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    return value is None or str(value) in ("<NA>", "NaT")


def _whole(values: NpArray) -> bool:
    finite = values[np.isfinite(values)]
    return bool((finite == np.round(finite)).all())


def _fits(values: NpArray, dtype: Any) -> bool:
    """Whether numbers can be given their column's dtype without losing anything."""
    if getattr(dtype, "kind", "f") not in "iu":
        return True
    nullable = not isinstance(dtype, np.dtype)
    return _whole(values) and (nullable or bool(np.isfinite(values).all()))


def _plain(value: Any) -> Any:
    """A category as JSON can hold it."""
    return (
        value.item()
        if isinstance(value, np.generic)
        else value
        if isinstance(value, str | int | float | bool)
        else str(value)
    )
