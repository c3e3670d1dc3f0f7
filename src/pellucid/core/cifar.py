"""CIFAR-10 from its official archives, python or binary, packed or unpacked; pickled batches are read, never run."""

from __future__ import annotations

import io
import pickletools
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import FileError, ParameterError
from .types import NpArray

PARTS = {"train": tuple(f"data_batch_{k}" for k in range(1, 6)), "test": ("test_batch",)}
HOMES = ("cifar-10-batches-py", "cifar-10-batches-bin")
ARCHIVES = ("cifar-10-python.tar.gz", "cifar-10-binary.tar.gz")
PIXELS = 3 * 32 * 32


@dataclass(frozen=True, eq=False)
class Cifar10:
    """One part of CIFAR-10.

    Attributes:
        x: (n, 3, 32, 32) images, in 0..1.
        y: (n,) classes by number.
        classes: their names.
    """

    x: NpArray
    y: NpArray
    classes: tuple[str, ...]


def read_cifar10(folder: str | Path, part: str = "test") -> Cifar10:
    """Read CIFAR-10 as it is distributed.

    Args:
        folder: where the archive lies (`cifar-10-python.tar.gz` or `cifar-10-binary.tar.gz`), or what it holds.
        part: "train" (50,000 images) or "test" (10,000).

    Raises:
        FileError: the folder holds neither, or a file of it is damaged.
        ParameterError: an unknown part.
    """
    if part not in PARTS:
        raise ParameterError(f"CIFAR-10 has no part {part!r}.", fix="Choose 'train' or 'test'.")
    files = _files(Path(folder))
    known = [name for name in PARTS[part] if name in files or f"{name}.bin" in files]
    if not known:
        raise FileError(
            f"{folder} holds no {PARTS[part][0]} of CIFAR-10.", fix="Name the folder of the archive."
        )
    pairs = [
        _pickled(files[name](), name) if name in files else _binary(files[f"{name}.bin"](), name)
        for name in known
    ]
    x = np.concatenate([p for p, _ in pairs]).reshape(-1, 3, 32, 32)
    return Cifar10(
        (x / np.float32(255)).astype(np.float32), np.concatenate([y for _, y in pairs]), _names(files)
    )


def _files(folder: Path) -> dict[str, Any]:
    """Name of each batch -> a function that reads it."""
    for home in (*(folder / h for h in HOMES), folder):
        found = {p.name: p.read_bytes for p in home.glob("*") if p.is_file()} if home.is_dir() else {}
        if any(n.startswith(("data_batch", "test_batch")) for n in found):
            return found
    for name in ARCHIVES:
        if (folder / name).is_file():
            return _packed(folder / name)
    if folder.is_file():
        return _packed(folder)
    raise FileError(f"{folder} holds no CIFAR-10.", fix=f"Put {ARCHIVES[0]} or {ARCHIVES[1]} there.")


def _packed(path: Path) -> dict[str, Any]:
    try:
        with tarfile.open(path) as archive:
            members = [m for m in archive.getmembers() if m.isfile()]
            held = {Path(m.name).name: archive.extractfile(m).read() for m in members}  # type: ignore[union-attr]  # files
    except (tarfile.TarError, OSError, EOFError) as error:
        raise FileError(f"{path} cannot be read: {error}.", fix="Download it again.") from error
    return {name: (lambda data=data: data) for name, data in held.items()}


def _binary(data: bytes, name: str) -> tuple[NpArray, NpArray]:
    """Rows of one byte for the class and 3,072 for the pixels."""
    if not data or len(data) % (PIXELS + 1):
        raise FileError(f"{name}.bin is damaged.", got=f"{len(data)} bytes", fix="Download it again.")
    rows = np.frombuffer(data, np.uint8).reshape(-1, PIXELS + 1)
    return rows[:, 1:], rows[:, 0].astype(int)


def _pickled(data: bytes, name: str) -> tuple[NpArray, NpArray]:
    """Pixels and classes of a pickled batch, read without running it."""
    try:
        held = {_text(k): v for k, v in Reader(data).read().items()}
        pixels, labels = held["data"], held["labels"]
        raw = next(v for v in pixels.state if isinstance(v, bytes | str))
        raw = raw.encode("latin-1") if isinstance(raw, str) else raw
        x = np.frombuffer(raw, np.uint8).reshape(-1, PIXELS)
        y = np.array(labels, int)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, StopIteration) as error:
        raise FileError(f"{name} is no batch of CIFAR-10: {error}.", fix="Download it again.") from error
    if len(x) != len(y):
        raise FileError(f"{name} is damaged.", got=f"{len(x)} images and {len(y)} classes")
    return x, y


def _names(files: dict[str, Any]) -> tuple[str, ...]:
    if "batches.meta.txt" in files:
        return tuple(files["batches.meta.txt"]().decode().split())
    if "batches.meta" in files:
        held = {_text(k): v for k, v in Reader(files["batches.meta"]()).read().items()}
        return tuple(map(_text, held["label_names"]))
    return ()


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


@dataclass
class Made:
    """What a pickle would have called for: the function's name, what it was given, and the state set afterwards."""

    name: str
    given: Any = ()
    state: Any = ()


class Reader:
    """Reads the plain data out of a pickle: dictionaries, lists, numbers, texts. Nothing in it is ever called."""

    def __init__(self, data: bytes) -> None:
        self.stack, self.marks, self.memo = list[Any](), list[int](), dict[int, Any]()
        self.steps = list(pickletools.genops(io.BytesIO(data)))

    def read(self) -> Any:
        """The object at the end.

        Raises:
            ValueError: the pickle holds more than plain data and arrays.
        """
        for code, arg, _ in self.steps:
            self._step(code.name, arg)
        return self.stack[-1]

    def _step(self, name: str, arg: Any) -> None:
        if name in ("PROTO", "FRAME", "STOP"):
            return
        if name in CONSTANTS:
            self.stack.append(CONSTANTS[name]())
        elif name in VALUES:
            self.stack.append(arg)
        elif name == "MARK":
            self.marks.append(len(self.stack))
        elif name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memo[len(self.memo) if arg is None else arg] = self.stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[arg])
        else:
            self._build(name, arg)

    def _build(self, name: str, arg: Any) -> None:
        if name.startswith("TUPLE"):
            items = self._marked() if name == "TUPLE" else self._last(int(name[5:]))
            self.stack.append(tuple(items))
        elif name in ("APPENDS", "APPEND"):
            items = self._marked() if name == "APPENDS" else self._last(1)
            self.stack[-1].extend(items)
        elif name in ("SETITEMS", "SETITEM"):
            items = self._marked() if name == "SETITEMS" else self._last(2)
            self.stack[-1].update(zip(items[::2], items[1::2], strict=True))
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            words = arg.split(" ") if name == "GLOBAL" else self._last(2)
            self.stack.append(Made(".".join(map(str, words))))
        elif name == "REDUCE":
            made, given = self._last(2)
            self.stack.append(_encoded(made.name, given))
        elif name == "BUILD":
            (state,) = self._last(1)
            self.stack[-1].state = state
        else:
            raise ValueError(f"it holds {name}")

    def _marked(self) -> list[Any]:
        return self._last(len(self.stack) - self.marks.pop())

    def _last(self, count: int) -> list[Any]:
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return items


def _encoded(name: str, given: Any) -> Any:
    """Bytes as Python 3 writes them for older readers; anything else is only noted."""
    if name == "_codecs.encode":
        return given[0].encode(given[1])
    return Made(name, given)


CONSTANTS = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
}
VALUES = frozenset(
    (
        *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINSTRING", "SHORT_BINSTRING", "BINUNICODE"),
        *("SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BINUNICODE8"),
    )
)
