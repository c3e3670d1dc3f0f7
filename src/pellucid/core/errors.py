"""Every error pellucid raises on purpose: what was wrong, what was given, what to do.

PellucidError
 |- ShapeError          rows, columns or axes do not fit
 |- DataError           a value no model can be explained on: NaN, infinity, no rows
 |- TargetError         the scalar to explain does not exist in the output
 |- LayerError          the layer named is not in the network, or is not reached
 |- ParameterError      a knob outside its limits
 |- CapabilityError     the model cannot do what the method needs
 |- MissingDependency   an optional package is not installed
 |- FileError           a file cannot be read or written
 |- TrustError          a file would run code of its own when opened
 |- Unreliable          strict=True, and a check failed
 |- Cancelled           the caller asked the run to stop
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PellucidError(Exception):
    """Base class: `except PellucidError` catches all of ours and nothing else."""

    def __init__(self, problem: str, *, got: object = None, fix: str = "") -> None:
        self.problem, self.got, self.fix = problem, got, fix
        super().__init__(" ".join(p for p in (problem, f"Got {got}." if got is not None else "", fix) if p))


class ShapeError(PellucidError, ValueError):
    """Rows, columns or axes do not fit."""


class DataError(PellucidError, ValueError):
    """A value no model can be explained on: NaN, infinity, no rows at all."""


class TargetError(PellucidError, ValueError):
    """The scalar to explain does not exist in the output."""


class LayerError(PellucidError, ValueError):
    """The layer named is not in the network, or the forward pass does not reach it."""


class ParameterError(PellucidError, ValueError):
    """A knob outside its limits."""


class CapabilityError(PellucidError, TypeError):
    """The model cannot do what the method needs."""


class MissingDependency(PellucidError, ImportError):
    """An optional package is not installed."""


class FileError(PellucidError, OSError):
    """A file cannot be read or written."""

    def __str__(self) -> str:
        return str(self.args[0])


class TrustError(PellucidError, PermissionError):
    """A file would run code of its own when opened."""

    def __str__(self) -> str:
        return str(self.args[0])


class Unreliable(PellucidError, RuntimeError):
    """A check failed and `strict=True` was asked for."""


class Cancelled(PellucidError, RuntimeError):
    """The caller asked the run to stop.

    Attributes:
        result: what was known by then, as a result of its own: fewer rows, or wider intervals; None where nothing was.
    """

    def __init__(self, problem: str, *, got: object = None, fix: str = "", result: object = None) -> None:
        super().__init__(problem, got=got, fix=fix)
        self.result = result


class PellucidWarning(UserWarning):
    """A check failed: the answer is there, and should not be trusted as it is."""


def nearest(name: str, names: Iterable[str]) -> str:
    """Say which known names are closest to a wrong one: "Did you mean 'conv1'?"."""
    known = [str(n) for n in names]
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(map(repr, close))}?"
    shown = ", ".join(known[:12]) + (f" and {len(known) - 12} more" if len(known) > 12 else "")
    return f"Choose one of {shown}." if known else ""
