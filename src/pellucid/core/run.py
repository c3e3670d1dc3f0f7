"""How a computation runs: seed, batches, memory, progress, cancelling. One place, nowhere else."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

import numpy as np

from .errors import Cancelled, ParameterError

MEMORY = 96 * 2**20
"""Bytes of activations that an automatic batch may hold on a processor, where more is no faster."""
LARGEST = 4096
"""Rows in the largest automatic batch."""
CACHED = 2 * 2**20
"""Bytes of rows that a model which is only asked for predictions is given at once: they stay in the cache."""
FEWEST = 2048
"""Rows that it is given at once if memory allows, however wide they are: a call costs something too."""
MOST = 65536
"""Rows that it is given at once at most."""
PATIENCE = 2.0
"""Seconds before a bar appears on a terminal."""

Progress = Callable[[str, int, int], None]
"""What a progress callback receives: label, done, total (in model passes of one row)."""


@dataclass(frozen=True)
class Run:
    """The options of one computation; change them with `pellucid.options(...)`.

    Attributes:
        seed: every random number comes from it and from the row's number.
        batch_size: rows per model call; None chooses by measured memory.
        progress: True for a bar after two seconds on a terminal, False for silence, or a callback.
        cancel: asked between batches; True stops the run with `Cancelled`.
        strict: raise `Unreliable` where a check fails, instead of warning.
    """

    seed: int = 0
    batch_size: int | None = None
    progress: bool | Progress = True
    cancel: Callable[[], bool] | None = None
    strict: bool = False
    meter: Meter = field(default_factory=lambda: Meter(), compare=False, repr=False)

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if name == "batch_size" and value is None:
                continue
            if not isinstance(value, int | np.integer) or isinstance(value, bool):
                raise ParameterError(f"{name} must be a whole number.", got=repr(value))
            if value < least:
                raise ParameterError(f"{name} must be at least {least}.", got=value)

    def generator(self, *key: int) -> np.random.Generator:
        """A stream of random numbers of its own for each key (a row, a repeat): same key, same numbers."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def size(self, bytes_per_row: float, largest: int = LARGEST, memory: int = MEMORY) -> int:
        """Rows per batch: as asked, or as many as fit into `memory`, at most `largest`."""
        if self.batch_size is not None:
            return self.batch_size
        return int(min(largest, max(1, memory // max(bytes_per_row, 1.0))))

    def black_box(self, row_bytes: float, memory: int = MEMORY) -> int:
        """Rows per call of a model that is only asked for predictions, and works on some copies of a row."""
        most = self.size(4 * row_bytes, MOST, memory)
        if self.batch_size is not None:
            return most
        return min(most, max(FEWEST, int(CACHED // max(row_bytes, 1.0))))

    def fresh(self) -> Run:
        """The same options with its own count of passes."""
        return replace(self, meter=Meter())


@dataclass
class Meter:
    """Counts what a run costs and shows how far it is."""

    evals: int = 0
    grads: int = 0
    started: float = field(default_factory=time.monotonic)

    def count(self, rows: int, *, grad: bool) -> None:
        """Add model passes, in rows."""
        if grad:
            self.grads += rows
        else:
            self.evals += rows

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started


_current: ContextVar[Run | None] = ContextVar("pellucid_run", default=None)


def current() -> Run:
    """The options in force here: those of the innermost `options(...)`."""
    return _current.get() or Run()


@contextmanager
def options(
    *,
    seed: int | None = None,
    batch_size: int | None = None,
    progress: bool | Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    strict: bool | None = None,
) -> Iterator[Run]:
    """Change how everything inside the `with` block runs.

    >>> with options(seed=7, batch_size=32) as run:
    ...     run.seed, run.batch_size
    (7, 32)
    """
    given = {"seed": seed, "batch_size": batch_size, "progress": progress, "cancel": cancel, "strict": strict}
    run = replace(current(), **{k: v for k, v in given.items() if v is not None})
    token = _current.set(run)
    try:
        yield run
    finally:
        _current.reset(token)


@contextmanager
def global_streams_kept() -> Iterator[None]:
    """Whatever a model draws from the global random streams, the caller's go on where they were."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 (the caller's, not ours)
    try:
        yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


def batches(total: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` rows that cover `total` rows.

    >>> [(s.start, s.stop) for s in batches(5, 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))


def even(total: int, most: int) -> int:
    """The size of the fewest batches of at most `most` that cover `total`, all about as large.

    >>> even(100, 70)
    50
    """
    return max(1, -(-total // max(1, -(-total // most))))


class Pace:
    """A batch size that halves when memory runs out and stays halved."""

    def __init__(self, run: Run, size: int, out_of_memory: Callable[[BaseException], bool]) -> None:
        self.run, self.size, self.out_of_memory = run, size, out_of_memory

    def over(self, total: int, step: Callable[[slice], None]) -> None:
        """Call `step` on consecutive slices of `total` rows, smaller ones after an out-of-memory error."""
        start = 0
        while start < total:
            stop_if_cancelled(self.run)
            rows = slice(start, min(start + self.size, total))
            try:
                step(rows)
            except Exception as error:
                if not self.out_of_memory(error) or rows.stop - rows.start == 1:
                    raise
                self.size = max(1, (rows.stop - rows.start) // 2)
                continue
            start = rows.stop


def stop_if_cancelled(run: Run) -> None:
    """Raise `Cancelled` when the caller asked for it."""
    if run.cancel is not None and run.cancel():
        raise Cancelled("The run was cancelled.")


@contextmanager
def tracking(run: Run, label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yield `advance(n)`: feeds the callback, or a bar on a terminal once the work is seen to be long."""
    done = 0
    bar = _Bar(label, total) if run.progress is True and _interactive() else None

    def advance(n: int) -> None:
        nonlocal done
        done += n
        if callable(run.progress):
            run.progress(label, min(done, total), total)
        elif bar is not None:
            bar.show(min(done, total))

    try:
        yield advance
    finally:
        if bar is not None:
            bar.close()


class Part:
    """A part of a tracked whole: its own steps, told in the whole's units.

    Attributes:
        tell: the whole's `advance`.
        worth: what the part counts for in the whole.
        steps: how many steps it takes, or less.
    """

    def __init__(self, tell: Callable[[int], None], *, worth: int, steps: int) -> None:
        self.tell, self.worth, self.steps = tell, worth, steps
        self.done = self.told = 0

    def advance(self, steps: int) -> None:
        """Some steps are done."""
        self.done += steps
        self._tell(min(self.worth, self.worth * self.done // max(1, self.steps)))

    def finish(self) -> None:
        """All is done, in however many steps."""
        self._tell(self.worth)

    def _tell(self, reached: int) -> None:
        if reached > self.told:
            self.tell(reached - self.told)
            self.told = reached


@contextmanager
def announced(run: Run, what: str) -> Iterator[None]:
    """Say on a terminal that `what` is going on, once it takes longer than `PATIENCE`: for work without steps."""

    def say() -> None:
        if run.progress is True and _interactive():
            sys.stderr.write(f"pellucid: {what} ...\n")

    timer = threading.Timer(PATIENCE, say)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _interactive() -> bool:
    if "ipykernel" in sys.modules:
        return True
    return hasattr(sys.stderr, "isatty") and sys.stderr.isatty()


class _Bar:
    """A `rich` progress bar that appears only when the work takes longer than `PATIENCE`."""

    def __init__(self, label: str, total: int) -> None:
        self.label, self.total, self.started = label, total, time.monotonic()
        self.progress: object = None

    def show(self, done: int) -> None:
        if self.progress is None and time.monotonic() - self.started > PATIENCE:
            from rich.console import Console
            from rich.progress import Progress as RichProgress

            self.progress = RichProgress(console=Console(stderr=True), transient=True)
            self.task = self.progress.add_task(self.label, total=self.total)
            self.progress.start()
        if self.progress is not None:
            self.progress.update(self.task, completed=done)  # type: ignore[attr-defined]  # set above

    def close(self) -> None:
        if self.progress is not None:
            self.progress.stop()  # type: ignore[attr-defined]  # set in show
