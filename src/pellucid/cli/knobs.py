"""A method from the words on the command line: its name, and `--set knob=value` read by the method's own fields."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pellucid.core.errors import ParameterError, nearest

if TYPE_CHECKING:
    from pellucid.methods.base import Method

WORDS: Mapping[str, Any] = {
    "true": True,
    "yes": True,
    "on": True,
    "false": False,
    "no": False,
    "off": False,
    "none": None,
}


def method(name: str | None, settings: Sequence[str]) -> Method | None:
    """The method of that name with its knobs set; None where no name is given.

    Args:
        name: as `pellucid methods` lists it.
        settings: "steps=50"; a knob of the method inside another is "of.absolute=true".

    Raises:
        ParameterError: no such method or knob, or a value outside its limits.
    """
    if name is None:
        if settings:
            raise ParameterError("--set turns a knob of a method.", fix="Name the method with --method.")
        return None
    from pellucid.explain import named

    chosen = named(name)
    for setting in settings:
        knob, equals, text = setting.partition("=")
        if not equals or not knob.strip():
            raise ParameterError(
                "--set takes knob=value.", got=repr(setting), fix="Write, say, --set steps=50."
            )
        chosen = _turned(chosen, knob.strip().replace("-", "_"), text.strip())
    return chosen


def _turned(m: Method, knob: str, text: str) -> Method:
    """The method with one knob turned; "of.steps" is a knob of the method in its knob `of`."""
    from pellucid.explain import named
    from pellucid.methods.base import Method
    from pellucid.methods.params import describe

    first, _, inner = knob.partition(".")
    known = [p.name for p in describe(type(m))]
    if first not in known:
        raise ParameterError(f"{type(m).__name__} has no knob {first!r}.", fix=nearest(first, known))
    now = getattr(m, first)
    if inner and not isinstance(now, Method):
        raise ParameterError(f"{type(m).__name__}.{first} is no method, it has no knob {inner!r}.")
    if inner:
        return replace(m, **{first: _turned(now, inner, text)})  # type: ignore[type-var]  # methods are dataclasses
    return replace(m, **{first: named(text) if isinstance(now, Method) else value(text)})  # type: ignore[type-var]


def value(text: str) -> Any:
    """What was written, as Python means it: numbers, tuples, true, none; any other word as it is."""
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
