"""What the input is made of: columns, pixels, tokens or steps; their names, and how to show a row to a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from .errors import ParameterError, ShapeError, nearest
from .types import NpArray


@dataclass(frozen=True)
class Features:
    """Plain numbered features, of any shape; the base of the kinds below."""

    kind: ClassVar[str] = "array"
    KINDS: ClassVar[dict[str, type[Features]]] = {}

    def __init_subclass__(cls) -> None:
        Features.KINDS[cls.__name__] = cls

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise `ShapeError` unless rows of `shape` (without the row axis) are described by these features."""

    def name(self, index: tuple[int, ...]) -> str:
        """What to call the feature at `index` of a row."""
        return "[" + ", ".join(map(str, index)) + "]"

    def to_json(self) -> dict[str, Any]:
        return {"type": type(self).__name__, **asdict(self)}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Features:
        cls = Features.KINDS.get(data["type"], Features)
        return cls(**{k: _tuples(v) for k, v in data.items() if k != "type"})


@dataclass(frozen=True)
class Columns(Features):
    """A table's columns.

    Attributes:
        names: one per column; numbered x0, x1, ... where none are given.
        units: column name -> unit, for display ("mm").
        categories: column name -> the values that codes 0, 1, ... stand for.
        groups: name -> columns that are hidden, shuffled and changed together.
    """

    kind: ClassVar[str] = "table"
    names: tuple[str, ...]
    units: Mapping[str, str] = field(default_factory=dict[str, str])
    categories: Mapping[str, tuple[Any, ...]] = field(default_factory=dict[str, "tuple[Any, ...]"])
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])

    @classmethod
    def numbered(cls, count: int) -> Columns:
        """Columns without names."""
        return cls(_numbered(count))

    def check(self, shape: tuple[int, ...]) -> None:
        if shape != (len(self.names),):
            raise ShapeError(
                f"{len(self.names)} columns are described, the data has {shape[0] if len(shape) == 1 else shape}.",
                fix="Give one name per column.",
            )
        grouped = [c for g in self.groups.values() for c in g]
        for column in (*self.units, *self.categories, *grouped):
            self.position(column)
        twice = [c for c in grouped if grouped.count(c) > 1]
        if twice:
            raise ParameterError(f"Column {twice[0]!r} is in two groups.", fix="Give each column one group.")

    def name(self, index: tuple[int, ...]) -> str:
        return self.names[index[0]]

    def position(self, column: str | int) -> int:
        """The number of a column given by name or number."""
        if isinstance(column, str):
            if column not in self.names:
                raise ParameterError(f"There is no column {column!r}.", fix=nearest(column, self.names))
            return self.names.index(column)
        if not 0 <= column < len(self.names):
            raise ParameterError(f"There is no column {column}.", fix=f"Choose 0..{len(self.names) - 1}.")
        return column

    def only(self, kept: Sequence[int]) -> Columns:
        """Some of the columns, by number, with what is known of them."""
        names = tuple(self.names[k] for k in kept)
        units = {n: u for n, u in self.units.items() if n in names}
        return Columns(names, units, {n: c for n, c in self.categories.items() if n in names})

    def players(self) -> tuple[tuple[str, ...], NpArray]:
        """Names of the players (columns, or groups where given) and, per column, the player it belongs to."""
        if not self.groups:
            return self.names, np.arange(len(self.names))
        grouped = {self.position(c): g for g, columns in self.groups.items() for c in columns}
        players = [("group", grouped[i]) if i in grouped else ("column", n) for i, n in enumerate(self.names)]
        order = list(dict.fromkeys(players))  # a group may be called like a column outside it
        return tuple(name for _, name in order), np.array([order.index(player) for player in players])

    def show(self, column: int, value: float) -> str:
        """A value as a person writes it: "14.2 mm", "female", "missing"."""
        name = self.names[column]
        if not np.isfinite(value):
            return "missing" if np.isnan(value) else str(value)
        known = self.categories.get(name, ())
        if float(value).is_integer() and 0 <= value < len(known):
            return str(known[int(value)])
        unit = self.units.get(name, "")
        return plain(value) + (f" {unit}" if unit else "")


def plain(value: float) -> str:
    """A number as a person writes it, to four digits or to the unit: "14.2", "40360"."""
    size = abs(value)
    return f"{value:.4g}" if size < 1e4 else f"{value:.0f}" if size < 1e12 else f"{value:.3e}"


@dataclass(frozen=True)
class Pixels(Features):
    """An image's pixels.

    Attributes:
        channels: "first", "last", or "none" for (H, W) images.
        mean, std: the normalisation to undo for display, one per channel or one for all.
    """

    kind: ClassVar[str] = "image"
    channels: str = "first"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.channels not in ("first", "last", "none"):
            raise ParameterError("channels must be 'first', 'last' or 'none'.", got=repr(self.channels))
        for name in ("mean", "std"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, tuple(np.atleast_1d(np.asarray(value, float)).tolist()))

    def check(self, shape: tuple[int, ...]) -> None:
        if len(shape) != (2 if self.channels == "none" else 3):
            raise ShapeError(
                f"Pixels(channels={self.channels!r}) describes {2 if self.channels == 'none' else 3} axes a row.",
                got=f"shape {shape}",
            )

    @property
    def axis(self) -> int | None:
        """The channel axis of one row, or None."""
        return {"first": 0, "last": 2, "none": None}[self.channels]

    def size(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """(H, W) of a row of `shape`."""
        spatial = [s for i, s in enumerate(shape) if i != self.axis]
        return spatial[0], spatial[1]

    def plane(self, values: NpArray) -> NpArray:
        """One row's values summed over channels: (H, W)."""
        return values if self.axis is None else values.sum(self.axis)

    def image(self, row: NpArray) -> NpArray:
        """One row as a picture: (H, W, 3), floats in 0..1, normalisation undone.

        Without `mean` and `std`, values in 0..1 are taken as they are, values in 0..255 are divided by 255, and
        anything else is stretched from its smallest to its largest value.
        """
        picture = np.asarray(row, np.float64)
        picture = picture[..., None] if self.axis is None else np.moveaxis(picture, self.axis, -1)
        if self.mean is not None or self.std is not None:
            std = 1.0 if self.std is None else np.asarray(self.std)
            picture = picture * std + (0.0 if self.mean is None else np.asarray(self.mean))
            picture = picture / 255 if picture.max(initial=0) > 2 else picture
        elif picture.min(initial=0) < 0 or picture.max(initial=0) > 255:
            low, high = picture.min(), picture.max()
            picture = (picture - low) / (high - low if high > low else 1)
        elif picture.max(initial=0) > 1:
            picture = picture / 255
        if picture.shape[-1] not in (3, 4):
            picture = np.repeat(picture.mean(-1, keepdims=True), 3, axis=-1)
        return np.clip(picture[..., :3], 0, 1)


@dataclass(frozen=True)
class Tokens(Features):
    """A text's tokens: one tuple of words or pieces per row, shorter rows padded with ""."""

    kind: ClassVar[str] = "text"
    tokens: tuple[tuple[str, ...], ...] = ()

    def name(self, index: tuple[int, ...]) -> str:
        return f"token {index[0]}" + "".join(f", {i}" for i in index[1:])

    def row(self, row: int) -> tuple[str, ...]:
        return self.tokens[row]


@dataclass(frozen=True)
class Steps(Features):
    """A series' time steps.

    Attributes:
        names: one per channel.
        layout: "channels,steps", "steps,channels" or "steps".
        unit: what one step is ("day").
    """

    kind: ClassVar[str] = "series"
    names: tuple[str, ...] = ()
    layout: str = "channels,steps"
    unit: str = "step"

    def check(self, shape: tuple[int, ...]) -> None:
        if len(shape) != self.layout.count(",") + 1:
            raise ShapeError(f"Steps(layout={self.layout!r}) does not describe rows of shape {shape}.")

    def name(self, index: tuple[int, ...]) -> str:
        if self.layout == "steps":
            return f"{self.unit} {index[0]}"
        channel, step = index if self.layout.startswith("channels") else index[::-1]
        return f"{self.names[channel] if self.names else channel} @ {self.unit} {step}"


@dataclass(frozen=True)
class Units(Features):
    """The units of a layer inside a network: where attribution lands with `at=`."""

    kind: ClassVar[str] = "units"
    layer: str = ""


def infer(shape: tuple[int, ...], channels: str = "first", names: Sequence[str] = ()) -> Features:
    """Guess the kind of features from the shape of one row; pass `features=` to say it instead.

    One axis is a table's columns. Three axes with a side of 1, 3 or 4 at either end are an image. Anything else is
    an array without a kind.

    >>> infer((30,)).kind, infer((3, 32, 32)).kind, infer((50, 7)).kind
    ('table', 'image', 'array')
    """
    if len(shape) == 1:
        return Columns(tuple(map(str, names))) if len(names) == shape[0] else Columns.numbered(shape[0])
    if len(shape) == 3:
        ends = {"first": shape[0], "last": shape[2]}
        for side in (channels, "first", "last"):
            if ends[side] in (1, 3, 4):
                return Pixels(side)
    return Features()


@lru_cache(maxsize=64)
def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"x{i}" for i in range(count))


def _tuples(value: Any) -> Any:
    """JSON lists back to tuples, so that loaded features equal the saved ones."""
    if isinstance(value, list):
        return tuple(_tuples(v) for v in value)
    if isinstance(value, dict):
        return {k: _tuples(v) for k, v in value.items()}
    return value
