"""A forest held against the model it was read from: the check that always runs, once per model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from weakref import ref

import numpy as np

from .errors import CapabilityError
from .forest import WORD, Forest
from .types import NpArray

ROWS = 64
"""Rows made for the check."""

T = TypeVar("T")

_read: dict[int, tuple[ref[Any], Any, Any]] = {}
"""By a model's id, since not every model can be hashed: the model, its fingerprint, and what was read of it."""


def remembered(model: Any, fingerprint: Any, read: Callable[[], T]) -> T:
    """What was read from `model`, its forest and what belongs to it; again only where the fingerprint changed.

    Args:
        model: the caller's model; it is not kept alive.
        fingerprint: what changes with every fit and can be compared, for instance the list of trees.
        read: reads and checks it.
    """
    key = id(model)
    known = _read.get(key)
    if known is not None and known[0]() is model and known[1] == fingerprint:
        return known[2]
    found = read()
    try:
        alive = ref(model, lambda _: _read.pop(key, None))
    except TypeError:  # it cannot be referred to weakly
        return found
    _read[key] = (alive, fingerprint, found)
    return found


def verified(forest: Forest, raw: Callable[[NpArray], NpArray], name: str) -> Forest:
    """The forest, once it predicts what the model does on rows made from its own thresholds.

    Each value is a threshold, a neighbour of one, a category or a missing value, so that a wrong comparison, direction
    or category shows.

    Args:
        forest: what was read.
        raw: (n, columns) -> the model's raw prediction, (n,) or (n, outputs), in the order of the forest's outputs.
        name: of the model.

    Raises:
        CapabilityError: they differ by more than float32 rounds.
    """
    rows = probe(forest)
    theirs = np.asarray(raw(rows), np.float64).reshape(len(rows), -1)
    ours = forest.predict(rows)
    if theirs.shape != ours.shape:
        raise CapabilityError(
            f"The trees of {name} give {ours.shape[1]} outputs, the model {theirs.shape[1]}.",
            fix="Use KernelShap, and report the model's version.",
        )
    gap = float(np.abs(ours - theirs).max())
    if not gap <= rounding(forest):
        raise CapabilityError(
            f"The trees read from {name} do not give its own prediction.",
            got=f"a difference of {gap:.3g}",
            fix="Use KernelShap, and report the model's version.",
        )
    return forest


def rounding(forest: Forest) -> float:
    """What float32 may lose in adding up the leaves."""
    return 2e-6 * forest.scale


def probe(forest: Forest, rows: int = ROWS) -> NpArray:
    """(rows, columns) values at, just above and around the forest's own thresholds."""
    rng = np.random.default_rng(0)
    x = np.zeros((rows, forest.columns))
    inner = np.flatnonzero((forest.feature >= 0) & (forest.owner >= 0))
    for column in np.flatnonzero(forest.used):
        nodes = inner[forest.feature[inner] == column]
        picked = rng.choice(nodes, rows)
        value = np.where(np.isfinite(forest.threshold[picked]), forest.threshold[picked], 0.0)
        moved = rng.integers(0, 4, rows)
        value = np.where(moved == 1, np.nextafter(value, np.inf), value)
        value = np.where(moved == 2, value + rng.normal(size=rows), value)
        by_set = forest.words[picked] > 0
        codes = rng.integers(0, forest.words[picked] * WORD + 1)
        few = rng.random(rows) < 0.75
        value = np.where(by_set, np.where(few, codes % 8, codes), value)
        if forest.missing:
            value[rng.random(rows) < 0.1] = np.nan
        x[:, column] = value
    return x
