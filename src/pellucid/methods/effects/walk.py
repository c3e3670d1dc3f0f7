"""A model that is a sum of trees, walked instead of asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.links import LINKS
from pellucid.core.model import Forested
from pellucid.core.run import Run, batches, stop_if_cancelled, tracking
from pellucid.core.target import Difference, Output, Target
from pellucid.core.types import NpArray
from pellucid.methods.trees.ways import Ways, dependence, own_curves, walkable, ways

from .moments import Moments
from .subject import Subject

CHECKED = 64
"""Rows on which the trees are held against the model's own output."""
TOLERANCE = 1e-6
HELD = 1 << 21
"""Numbers of the rows' own curves that are held at once."""


@dataclass(frozen=True, eq=False)
class Walk:
    """A forest and a table, walked with one column free.

    Attributes:
        ways: the forest.
        x: (n, columns) the rows.
        answer: raw predictions (m, outputs) -> (m, targets).
        linear: whether the answer to a mean is the mean of the answers.
        run: how to run.
    """

    ways: Ways
    x: NpArray
    answer: Callable[[NpArray], NpArray]
    linear: bool
    run: Run

    def effects(
        self, points: Mapping[int, NpArray], kept: NpArray, sample: NpArray
    ) -> dict[int, tuple[NpArray, NpArray, NpArray]]:
        """Of each column the mean answers and their half-widths, (points, targets), and the rows' own curves.

        Args:
            points: column -> its points, in order.
            kept: the rows whose own curves are wanted.
            sample: rows that tell how far rows differ, where all rows need not be followed singly.
        """
        if not self.linear or len(kept) == len(self.x):  # every row is followed anyway
            return {column: self._followed(column, grid, kept) for column, grid in points.items()}
        mean = dependence(self.ways, self.x, dict(points), self.run)
        found = dict[int, tuple[NpArray, NpArray, NpArray]]()
        for column, grid in points.items():
            curves = self.curves(column, grid, kept)
            seen = curves if sample is kept else self.curves(column, grid, sample)
            moments = Moments()
            moments.add(np.moveaxis(seen, 0, 1))
            half = moments.half_width * np.sqrt(len(seen) / len(self.x))
            found[column] = self.answer(mean[column]), half, curves
        return found

    def _followed(self, column: int, grid: NpArray, kept: NpArray) -> tuple[NpArray, NpArray, NpArray]:
        """The same by following every row, block by block: the mean of a curved function of the trees."""
        moments, parts = Moments(), list[NpArray]()
        size = max(1, HELD // (len(grid) * self.ways.forest.outputs))
        with tracking(self.run, "trees", len(self.x)) as advance:
            for rows in batches(len(self.x), size):
                stop_if_cancelled(self.run)
                curves = self.curves(column, grid, np.arange(rows.start, rows.stop))
                moments.add(np.moveaxis(curves, 0, 1))
                parts.append(curves[kept[(kept >= rows.start) & (kept < rows.stop)] - rows.start])
                advance(rows.stop - rows.start)
        return moments.mean, moments.half_width, np.concatenate(parts)

    def curves(self, column: int, grid: NpArray, rows: NpArray) -> NpArray:
        """(rows, points, targets) the rows' own curves."""
        raw = own_curves(self.ways.forest, np.ascontiguousarray(self.x[rows]), column, grid)
        answers = self.answer(raw.reshape(-1, raw.shape[2]))
        return answers.reshape(len(rows), len(grid), answers.shape[1])


def walk_of(s: Subject, goals: Sequence[Target], y: NpArray) -> Walk | None:
    """The model's trees, where they give its own output `y` for the first rows and compare the table's own numbers."""
    model = s.data.model
    if not isinstance(model, Forested):
        return None
    try:
        forest = model.forest()
    except CapabilityError:  # it adds up otherwise, and is asked like any other model
        return None
    link = LINKS.get(forest.link)
    if link is None or not walkable(forest):
        return None
    x = np.ascontiguousarray(model.tree_inputs(*s.data.inputs), np.float64)
    if x.shape != s.data.x.shape or not np.array_equal(x, s.data.x, equal_nan=True):
        return None
    shape = y.shape

    def outputs(raw: NpArray) -> NpArray:
        found = link(raw)
        return found[:, 0] if len(shape) == 1 else found

    ours, theirs = outputs(forest.predict(x[:CHECKED])), y[:CHECKED]
    if ours.shape != theirs.shape or np.abs(ours - theirs).max() > TOLERANCE * max(1.0, np.abs(theirs).max()):
        return None

    def answer(raw: NpArray) -> NpArray:
        found = outputs(raw)
        return np.stack([np.asarray(g.value(found, np.zeros(len(raw), int)), float) for g in goals], 1)

    linear = forest.link == "identity" and all(isinstance(g, Output | Difference) for g in goals)
    return Walk(ways(forest), x, answer, linear, s.run)
