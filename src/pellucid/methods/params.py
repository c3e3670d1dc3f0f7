"""Knobs of methods: default, documentation and limits in one place, read by validation, command line and docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any

from pellucid.core.errors import ParameterError, nearest


def param(
    *, default: Any, doc: str, min: float | None = None, max: float | None = None, choices: Sequence[str] = ()
) -> Any:
    """A knob of a method.

    Args:
        default: its value where the caller gives none.
        doc: what it does, in half a sentence.
        min: the least it may be.
        max: the most it may be.
        choices: the words it may be.
    """
    metadata = {"doc": doc, "min": min, "max": max, "choices": tuple(choices)}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Param:
    """A knob as documentation, forms and the command line read it."""

    name: str
    default: Any
    doc: str
    min: float | None
    max: float | None
    choices: tuple[str, ...]


def describe(cls: type) -> tuple[Param, ...]:
    """The knobs of a method class, in order."""
    return tuple(
        Param(f.name, None if f.default is MISSING else f.default, **f.metadata) for f in _knobs(cls)
    )


def validate(method: Any) -> None:
    """Raise `ParameterError` for a knob outside its limits."""
    for f in _knobs(type(method)):
        if getattr(method, f.name) is not f.default:
            _validate(method, f)


def _validate(method: Any, f: Field[Any]) -> None:
    value, low, high = getattr(method, f.name), f.metadata["min"], f.metadata["max"]
    name, choices = f"{type(method).__name__}({f.name}=...)", f.metadata["choices"]
    if choices and value not in choices:
        raise ParameterError(
            f"{name} must be one of {', '.join(choices)}.",
            got=repr(value),
            fix=nearest(str(value), choices),
        )
    _check_type(name, value, f.default)
    if is_dataclass(f.default) and not isinstance(value, type(f.default).__mro__[1]):
        raise ParameterError(f"{name} must be a {type(f.default).__mro__[1].__name__}.", got=repr(value))
    whole = isinstance(value, int) and not isinstance(value, bool)
    if low is not None and f.default is None and value is not None and not whole:
        raise ParameterError(f"{name} must be a whole number, or None.", got=repr(value))
    if not isinstance(value, int | float) or isinstance(value, bool):
        return
    if low is not None and not value >= low:
        raise ParameterError(f"{name} must be at least {low}.", got=value)
    if high is not None and not value <= high:
        raise ParameterError(f"{name} must be at most {high}.", got=value)


def _check_type(name: str, value: Any, default: Any) -> None:
    """A number where the default is a number: "50" and None are refused here and not deep inside."""
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ParameterError(f"{name} must be True or False.", got=repr(value))
    elif isinstance(default, int):
        if not isinstance(value, int) or isinstance(value, bool):
            raise ParameterError(f"{name} must be a whole number.", got=repr(value))
    elif isinstance(default, float) and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise ParameterError(f"{name} must be a number.", got=repr(value))


def plain(method: Any) -> Mapping[str, Any]:
    """A method's knobs as JSON holds them; a method inside a method becomes a dictionary with its name."""
    return {f.name: _plain(getattr(method, f.name)) for f in _knobs(type(method))}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {"method": getattr(type(value), "name", type(value).__name__), **plain(value)}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value if isinstance(value, str | int | float | bool) or value is None else repr(value)


@cache
def _knobs(cls: type) -> tuple[Field[Any], ...]:
    return tuple(f for f in fields(cls) if "doc" in f.metadata)  # type: ignore[arg-type]  # every Method is a dataclass
