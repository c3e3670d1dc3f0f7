"""Rows from a file: a frame from csv or parquet, an array from npy or npz, pictures from images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pellucid.core.errors import DataError, FileError, ParameterError, nearest
from pellucid.core.extras import need

from .models import existing, guarded

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
TABLES = (".csv", ".tsv", ".parquet")
ARRAYS = (".npy", ".npz")


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows from a file.

    Attributes:
        x: a frame, an array, or a list of pictures.
        labels: what each row is called: its number in the file, or the picture's name.
        source: the file or files.
    """

    x: Any
    labels: tuple[Any, ...]
    source: str

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def is_frame(self) -> bool:
        return hasattr(self.x, "columns")

    @property
    def is_table(self) -> bool:
        """Whether a row is one axis of numbers or words."""
        return self.is_frame or getattr(self.x, "ndim", 0) == 2

    def take(self, rows: Sequence[int]) -> Rows:
        """Some of the rows."""
        if isinstance(self.x, list):
            x: Any = [self.x[r] for r in rows]
        else:
            x = self.x.iloc[list(rows)] if self.is_frame else self.x[list(rows)]
        return replace(self, x=x, labels=tuple(self.labels[r] for r in rows))

    def column(self, name: str, option: str) -> Any:
        """One column's values.

        Raises:
            ParameterError: the rows have no such column.
        """
        if not self.is_frame:
            raise ParameterError(
                f"{option} names a column; {self.source} has none.", fix="Pass a csv or parquet file."
            )
        columns = [str(c) for c in self.x.columns]
        if name not in columns:
            raise ParameterError(f"{self.source} has no column {name!r}.", fix=nearest(name, columns))
        return self.x[name].to_numpy()

    def checked(self, missing: bool) -> Rows:
        """The rows, where the model takes what is missing in them.

        Raises:
            DataError: a frame's value is missing, and the model takes none.
        """
        if missing or not self.is_frame:
            return self
        holes = self.x.isna().to_numpy()
        if holes.any():
            row, column = (int(i) for i in divmod(int(holes.argmax()), holes.shape[1]))
            raise DataError(
                f"Row {self.labels[row]} holds NaN in column {self.x.columns[column]!r}.",
                fix="Fill it in, leave the row out, or explain the pipeline that fills it.",
            )
        return self

    def without(self, names: Sequence[str], option: str = "--drop", *, missing_ok: bool = False) -> Rows:
        """The rows without some columns."""
        for name in () if missing_ok else names:
            self.column(name, option)
        kept = [c for c in self.x.columns if c not in names] if names and self.is_frame else None
        return self if kept is None else replace(self, x=self.x[kept])

    def fitted_to(self, columns: Sequence[str]) -> Rows:
        """The columns a model was fitted on, in its order.

        Raises:
            DataError: there are others, or some are missing.
        """
        if not self.is_frame or not columns:
            return self
        here = [str(c) for c in self.x.columns]
        if lacking := [c for c in columns if c not in here]:
            raise DataError(
                f"{self.source} lacks the column {lacking[0]!r} that the model was fitted on.",
                got=f"{len(here)} columns, the model takes {len(columns)}",
                fix=nearest(lacking[0], here),
            )
        if extra := [c for c in here if c not in columns]:
            raise DataError(
                f"The model was not fitted on column {extra[0]!r} of {self.source}.",
                got=f"{len(here)} columns, the model takes {len(columns)}",
                fix=f"Leave it out with --drop {extra[0]!r}.",
            )
        return replace(self, x=self.x[list(columns)])


@dataclass(frozen=True)
class Look:
    """How pictures are prepared: as the model was trained.

    Attributes:
        size: height and width to resize to.
        grey: whether they become a single channel.
        mean, std: what is taken off each channel, and what it is divided by, in 0..1.
    """

    size: tuple[int, int] | None = None
    grey: bool = False
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    @property
    def asked(self) -> bool:
        return self != Look()


def read(sources: Sequence[str], look: Look | None = None) -> Rows:
    """Rows from the files that `--data` names.

    Args:
        sources: a csv, parquet, npy or npz file ("file.npz:name" for one of several arrays), or pictures: files or a
            folder.
        look: how pictures are prepared.

    Raises:
        FileError: a file is missing, unreadable, or of an unknown kind.
    """
    look = look or Look()
    if are_pictures(sources):
        return _pictures([p for s in sources for p in _picture_paths(s)], sources, look)
    if look.asked:
        raise ParameterError("--size, --gray, --mean and --std are for pictures.", got=sources[0])
    if _ending(sources[0]) in TABLES:
        path = existing(sources[0])
        frame = guarded(path, lambda: _frame(path))
        return Rows(frame, tuple(frame.index), path.name)
    x = array(sources[0])
    if x.ndim == 0:
        raise FileError(f"{sources[0]} holds one number, no rows.")
    return Rows(x, tuple(range(len(x))), Path(sources[0]).name)


def are_pictures(sources: Sequence[str]) -> bool:
    """Whether `--data` names pictures."""
    return len(sources) > 1 or Path(sources[0]).is_dir() or _ending(sources[0]) in PICTURES


def _ending(source: str) -> str:
    return Path(source).suffix.lower()


def _frame(path: Path) -> Any:
    pandas = need("pandas", what=f"Reading {path.suffix}", extra="frames")
    if path.suffix.lower() == ".parquet":
        need("pyarrow", what="Reading .parquet", extra="frames")
        frame = pandas.read_parquet(path).reset_index(drop=True)
    else:
        frame = pandas.read_csv(path, sep="\t" if path.suffix.lower() == ".tsv" else ",")
        if str(frame.columns[0]).startswith("Unnamed: 0"):  # an index written without a name
            frame = frame.iloc[:, 1:]
    frame.columns = [str(c) for c in frame.columns]
    if not len(frame):
        raise FileError(f"{path} has no rows.")
    return frame


def array(source: str) -> Any:
    """An array from "file.npy", "file.npz" or "file.npz:name".

    Raises:
        FileError: it is not there or not readable, or holds several arrays and none is named.
    """
    import numpy as np

    name = ""
    if not Path(source).exists() and ".npz:" in source.lower():
        source, _, name = source.rpartition(":")
    path = existing(source)
    if path.suffix.lower() not in ARRAYS:
        raise FileError(
            f"{path.name} is no data file pellucid knows.",
            fix=f"Pass {', '.join((*TABLES, *ARRAYS))}, or pictures.",
        )
    found = guarded(path, lambda: np.load(path, allow_pickle=False))
    if not hasattr(found, "files"):
        return found
    with found:
        if not name and len(found.files) == 1:
            name = found.files[0]
        if name not in found.files:
            listed = ", ".join(found.files)
            problem = (
                f"{path.name} holds no array {name!r}." if name else f"{path.name} holds several arrays."
            )
            raise FileError(problem, got=listed, fix=f"Name one: {path.name}:{found.files[0]}.")
        return guarded(path, lambda: found[name])


# -- pictures -----------------------------------------------------------------------------------------------


def _picture_paths(source: str) -> list[Path]:
    """A picture, or all pictures of a folder in the order of their names."""
    path = Path(source)
    if not path.is_dir():
        path = existing(source)
        if path.suffix.lower() not in PICTURES:
            raise FileError(f"{path.name} is no picture.", fix="Several --data are for pictures.")
        return [path]
    found = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURES)
    if not found:
        raise FileError(f"The folder {path} holds no pictures.", fix=f"Known are {', '.join(PICTURES)}.")
    return found


def _pictures(paths: list[Path], sources: Sequence[str], look: Look) -> Rows:
    need("PIL", what="Reading pictures", extra="files")
    pictures = [guarded(p, lambda p=p: _picture(p, look)) for p in paths]
    name = sources[0] if len(sources) == 1 else f"{len(paths)} pictures"
    return Rows(pictures, tuple(p.name for p in paths), name)


def _picture(path: Path, look: Look) -> Any:
    from PIL import Image

    with Image.open(path) as opened:
        colours = len(opened.getbands()) > 1 or opened.mode == "P"
        picture = opened.convert("L" if look.grey or not colours else "RGB")
    if look.size is not None:
        height, width = look.size
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    return picture


def normalised(pictures: list[Any], look: Look, channels: str) -> Any:
    """Pictures as one array, (n, channels, height, width) or channels last, normalised as the model was trained."""
    import numpy as np

    if len({p.size for p in pictures}) > 1:
        raise DataError("The pictures have different sizes.", fix="Give them one with --size.")
    stacked = np.stack([np.asarray(p, np.float32) / 255 for p in pictures])
    stacked = stacked[..., None] if stacked.ndim == 3 else stacked
    for option, given in (("--mean", look.mean), ("--std", look.std)):
        if given is not None and len(given) not in (1, stacked.shape[-1]):
            raise ParameterError(f"{option} takes one number per channel.", got=given)
    mean, std = (np.asarray(given, np.float32) for given in (look.mean or (0.0,), look.std or (1.0,)))
    stacked = (stacked - mean) / std
    return np.moveaxis(stacked, -1, 1) if channels == "first" else stacked
