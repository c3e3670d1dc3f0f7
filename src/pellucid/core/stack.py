"""Copies of a block of rows in which columns are set to other values: one stack for all questions about the block."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from .run import Part, batches
from .types import NpArray


class Stack:
    """Asks about a block of rows with columns set, as many points at once as it holds.

    Args:
        block: (rows, columns).
        points: how many copies of the block it holds.
        whole: the model may write to the stack, so that all of it is copied anew for each question. Else only the
            columns that were set are put back.
    """

    def __init__(self, block: NpArray, points: int, *, whole: bool) -> None:
        self.block, self.whole = block, whole
        self.rows = np.repeat(block[None], points, 0)

    def answers(
        self,
        ask: Callable[[Callable[[], NpArray], NpArray], NpArray],
        owner: NpArray,
        columns: tuple[int, ...],
        values: NpArray,
        told: Part,
    ) -> NpArray:
        """What the model says with `columns` set to (points, rows or 1, columns set): (points, rows, targets).

        Args:
            ask: made rows (m, columns), and for each the number of the row that it stands for -> (m, targets).
            owner: (rows,) those numbers.
            columns: which are set together.
            values: what they are set to.
            told: hears how many points are done.
        """
        n, out = len(self.block), np.zeros((0, 0, 0))
        owners = np.tile(owner, len(self.rows))
        for some in batches(len(values), len(self.rows)):
            now = values[some]
            y = ask(partial(self._made, columns, now), owners[: len(now) * n])
            out = out if out.size else np.empty((len(values), n, y.shape[1]))
            out[some] = y.reshape(len(now), n, -1)
            told.advance(len(now))
        if not self.whole:
            for column in columns:
                self.rows[:, :, column] = self.block[:, column]
        return out

    def _made(self, columns: tuple[int, ...], values: NpArray) -> NpArray:
        rows = self.rows[: len(values)]
        if self.whole:
            rows[...] = self.block
        for axis, column in enumerate(columns):
            rows[:, :, column] = values[:, :, axis]
        return rows.reshape(-1, rows.shape[2])
