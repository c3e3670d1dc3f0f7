"""Asking more and more until the error is small enough, row by row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pellucid.core.errors import Cancelled
from pellucid.core.types import NpArray
from pellucid.core.views import Game

Ask = Callable[[Game, int, int], NpArray]
"""(game, from, to) -> (rows, to - from, ...) the answers of the next units: pairs, orders, masks."""

Solve = Callable[[Game, NpArray], tuple[NpArray, NpArray]]
"""(game, answers so far) -> (rows, players, ...) values, and half-widths like them."""


def doubling(first: int, last: int) -> list[int]:
    """`first`, twice as many, ... and `last`.

    >>> doubling(20, 100)
    [20, 40, 80, 100]
    """
    sizes = [min(first, last)]
    while sizes[-1] < last:
        sizes.append(min(2 * sizes[-1], last))
    return sizes


def in_rounds(
    game: Game, sizes: Sequence[int], ask: Ask, solve: Solve, tolerance: float
) -> tuple[NpArray, NpArray, NpArray]:
    """Values, half-widths and the units asked, of rows that stop where their standard error is small enough.

    Args:
        game: the rows.
        sizes: how many units each round has asked when it ends.
        ask: asks some units.
        solve: turns all answers into values and half-widths.
        tolerance: the standard error to stop at, as a share of the largest value; 0 asks everything.

    Where the run is cancelled after the first round, the answers of the rounds before count, and the notes say so.
    """
    values = half = np.zeros(0)
    spent = np.zeros(len(game), int)
    active, answers = np.arange(len(game)), None
    steps = sizes if tolerance > 0 or game.run.cancel is not None else sizes[-1:]
    _ = game.ends  # asked first: without them nothing can be made of the rest
    done = 0
    for size in steps:
        part = game.only(active)
        try:
            new = ask(part, done, size)
        except Cancelled:
            if answers is None:
                raise
            game.notes.stopped = True
        else:
            answers = new if answers is None else np.concatenate([answers, new], axis=1)
            done = size
        last = size == steps[-1] or game.notes.stopped
        if not last and tolerance <= 0:
            continue
        found = solve(part, answers)
        if not values.size:
            values, half = (np.zeros((len(game), *one.shape[1:])) for one in found)
        values[active], half[active] = found
        spent[active] = done
        settled = _largest(half[active]) <= 1.96 * tolerance * _largest(np.abs(values[active]))
        if last or settled.all():
            break
        active, answers = active[~settled], answers[~settled]
    return values, half, spent


def _largest(sizes: NpArray) -> NpArray:
    return sizes.reshape(len(sizes), -1).max(1)
