"""The demo from beginning to end, telling how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from pellucid.cli.texts import texts
from pellucid.narratives.words import Words

from . import exhibits, train
from .exhibits import Section
from .page import write

T = TypeVar("T")


def run(place: Path, lang: str, seed: int) -> None:
    """Train, explain, write; each step says what it did and how long it took."""
    w = texts(lang)
    sections = explained(w, seed)
    click.echo(w.say("demo", "writing"))
    page, seconds = timed(lambda: write(sections, place, lang, seed))
    click.echo(
        w.say(
            "demo",
            "written",
            folder=f"{place}/",
            pictures=page.pictures,
            files=len(page.explanations),
            seconds=seconds,
        )
    )
    click.echo(w.say("demo", "open", path=str(page.path.resolve())))


def explained(w: Words, seed: int) -> tuple[Section, ...]:
    """Train both models and explain them."""
    train.check_torch()
    from threadpoolctl import threadpool_limits

    with threadpool_limits(
        1
    ):  # so small models gain nothing from more threads, and wait for them on a busy computer
        return _explained(w, seed)


def _explained(w: Words, seed: int) -> tuple[Section, ...]:
    digits = _trained(w, "digits", "1,347", lambda: train.digits(seed))
    tumours = _trained(w, "forest", "426", lambda: train.tumours(seed))
    click.echo(w.say("demo", "explaining"))
    sections, seconds = timed(lambda: exhibits.collect(digits, tumours, seed))
    results = {x.file: x.result.provenance.method for s in sections for x in s.exhibits}
    methods = len(set(results.values()))
    click.echo(w.say("demo", "explained", count=len(results), methods=methods, seconds=seconds))
    return sections


def _trained(w: Words, key: str, rows: str, work: Callable[[], train.Trained]) -> train.Trained:
    click.echo(w.say("demo", f"training_{key}", rows=rows))
    t, seconds = timed(work)
    told = w.say(
        "demo", f"trained_{key}", accuracy=f"{100 * t.accuracy:.1f}", rows=f"{len(t.X):,}", seconds=seconds
    )
    click.echo(told)
    return t


def timed(work: Callable[[], T]) -> tuple[T, str]:
    """What `work` gives, and the seconds it took, as text."""
    start = time.perf_counter()
    done = work()
    return done, f"{time.perf_counter() - start:.1f}"
