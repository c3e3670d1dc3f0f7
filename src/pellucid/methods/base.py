"""Method: a frozen set of knobs plus one function of a view. Subclassing registers it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, dataclass_transform

from pellucid import __version__
from pellucid.core.errors import PellucidWarning, Unreliable
from pellucid.core.notes import Notes
from pellucid.core.run import Run, global_streams_kept
from pellucid.results import Check, Explanation, Provenance, Quality

from .params import param, plain, validate

METHODS: dict[str, type[Method]] = {}
"""Registered methods by name; `pellucid.methods.registry.load()` fills it."""

E = TypeVar("E", bound=Explanation)


@dataclass_transform(frozen_default=True, field_specifiers=(param,))
class Method:
    """The base of all methods.

    Subclassing makes a frozen dataclass of the knobs and registers it under its file's name. A family's base states
    the view it hands over and the result it gives back; a method adds its formula.

    Attributes:
        paper: author, year, title and number of the source.
        title: its name as people write it.
        name: its registered name.
        family: what it sees.
        data: kinds of features it is meant for.
        caution: where it is known to mislead, in a sentence; "" where nothing is known.
    """

    paper: ClassVar[str] = ""
    title: ClassVar[str] = ""
    name: ClassVar[str] = ""
    family: ClassVar[str] = ""
    data: ClassVar[tuple[str, ...]] = ("table", "image", "text", "series")
    caution: ClassVar[str] = ""

    def __init_subclass__(cls, abstract: bool = False, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        dataclass(frozen=True)(cls)
        if not abstract:
            cls.name = cls.__module__.rpartition(".")[2]
            cls.title = cls.__dict__.get("title") or _spaced(cls.__name__)
            METHODS[cls.name] = cls

    def __post_init__(self) -> None:
        validate(self)

    @property
    def called(self) -> str:
        """What a result of this method is headed with: the title, unless a knob makes it another method."""
        return self.title

    def _noted(self, error: Exception, model: Any, x: Any, **asked: Any) -> None:
        """Say on the error, whoever raised it, what was being done."""
        given = ", ".join(f"{k}={v!r}" for k, v in asked.items() if v is not None)
        shape = tuple(getattr(x, "shape", ())) or type(x).__name__
        note = f"pellucid: while {self} explained {type(model).__name__} on x {shape}{', ' + given if given else ''}"
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)

    def _provenance(self, model: str, run: Run, said: tuple[str, ...]) -> Provenance:
        return Provenance(self.name, self.called, plain(self), model, run.seed, __version__, said)

    def _finished(self, e: E, run: Run) -> E:
        """Warn once, or raise under `strict`, where a check did not pass."""
        if e.quality.verdict == "ok":
            return e
        worst = e.quality.caveats[0]
        sentence = f"{self.title}: {worst.meaning} {worst.advice}".strip()
        if run.strict and e.quality.verdict == "unreliable":
            raise Unreliable(sentence, got=f"{worst.name} {worst.value:.3g}, limit {worst.limit:.3g}")
        warnings.warn(sentence, PellucidWarning, stacklevel=3)
        return e


def _calls(given: Any) -> bool:
    """Whether this is a function, or holds one."""
    return callable(given) or (isinstance(given, list | tuple) and any(map(callable, given)))


def resting(model: Any, *theirs: Any) -> AbstractContextManager[Any]:
    """The model at rest; a function of the caller's that comes with it may draw random numbers, as the model may."""
    return _with_streams(model) if any(map(_calls, theirs)) else model.at_rest()


@contextmanager
def _with_streams(model: Any) -> Iterator[None]:
    with global_streams_kept(), model.at_rest():
        yield


def quality(notes: Notes, run: Run, estimand: str, half_width: Any) -> Quality:
    """A method's notes and a run's meter as the result's `Quality`."""
    return Quality(
        estimand=estimand,
        exact=notes.exact,
        half_width=half_width,
        error_kind=notes.error_kind,  # type: ignore[arg-type]  # the methods write the words of ErrorKind
        checks=tuple(Check(**vars(f)) for f in notes.checks),
        evals=run.meter.evals,
        grads=run.meter.grads,
        seconds=round(run.meter.seconds, 6),
    )


def summary(cls: type[Method]) -> str:
    """The first line of a method's docstring."""
    return (cls.__doc__ or "").strip().partition("\n")[0]


def _spaced(name: str) -> str:
    """CamelCase as words: IntegratedGradients -> Integrated gradients."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z]|$)|[A-Z][a-z]*", name)
    return " ".join(w if i == 0 or w.isupper() else w.lower() for i, w in enumerate(words))


def one(labels: tuple[str, ...]) -> str:
    """What is explained, in a word: the label all rows share, or that each has its own."""
    return labels[0] if len(set(labels)) == 1 else "of each row's target"


def independent_rows(notes: Notes, layer: str) -> None:
    """Fail the check where a row's output depends on the rows that happen to be beside it."""
    notes.check(
        "row_independence",
        float(bool(layer)),
        warn=0,
        fail=0,
        meaning=f"Layer {layer!r} takes its statistics from the batch, so a row's output depends on its neighbours."
        if layer
        else "Each row is treated on its own.",
        advice="Give the normalisation running statistics before explaining." if layer else "",
    )
