"""What the model says and decides of rows with one feature moved, and where it decides otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pellucid.core.errors import DataError, ParameterError
from pellucid.core.target import space_of
from pellucid.core.types import NpArray

from .family import Asked
from .moving import Ways

HALVINGS = 16
"""How often the place where a decision turns is halved."""


@dataclass(frozen=True, eq=False)
class Found:
    """What was found of some rows.

    Attributes:
        ways: where their features were moved.
        values: (n, features, points) outputs.
        flips, becomes: (n, features, 2) values with another decision below and above, and which it is.
    """

    ways: Ways
    values: NpArray
    flips: NpArray
    becomes: NpArray

    @property
    def again(self) -> NpArray:
        """(n,) the output with the first feature where it is: a second question about the same row."""
        here = self.ways.grid[:, 0] == self.ways.own[:, :1]
        return np.where(here.any(1), self.values[np.arange(len(here)), 0, here.argmax(1)], np.nan)


class Decides:
    """What the model says of variants of rows: the explained number, and what it decides.

    Args:
        asked: the model and the target.
        threshold: of a model of one output, from where on it decides otherwise.
    """

    def __init__(self, asked: Asked, threshold: float | None) -> None:
        self.asked = asked
        y, aim = asked.y, asked.aim
        space = space_of(y, aim.space)
        several = y.ndim == 2 and y.shape[1] > 1 and not aim.layer
        if several and threshold is not None:
            raise ParameterError(
                "A model of several outputs decides for the largest.", fix="Leave threshold out."
            )
        if threshold is None and space == "probability" and not several and not aim.layer:
            threshold = 0.5
        self.threshold = threshold
        self.classes = several and aim.classifier is not False and (space != "raw" or bool(aim.classes))
        self.names: tuple[str, ...] = ()
        if self.classes:
            self.names = aim.classes or tuple(map(str, range(y.shape[1])))
        elif threshold is not None:
            self.names = (f"< {threshold:g}", f"≥ {threshold:g}")

    def decided(self, y: NpArray) -> NpArray:
        """(m,) the number of the decision about each output (m, *outputs), -1 where there is none."""
        if self.classes:
            return y.argmax(1)
        if self.threshold is not None:
            return (y.reshape(len(y), -1)[:, 0] >= self.threshold).astype(int)
        return np.full(len(y), -1)

    def __call__(self, variants: NpArray, which: NpArray) -> tuple[NpArray, NpArray]:
        """The explained number and the decision of variants (m, *features) of the rows numbered `which`."""
        asked, values, decided = self.asked, np.empty(len(variants)), np.empty(len(variants), int)

        def ask(part: slice) -> None:
            rest = (a[which[part]] for a in asked.data.inputs[1:])
            try:
                y = asked.model.predict(asked.model.native(variants[part]), *rest)
            except Exception as error:
                error.add_note(
                    f"pellucid: the model was asked about row {which[part][0]} with a feature moved"
                )
                raise
            values[part] = asked.model.numpy(asked.goal.value(y, which[part]))
            decided[part] = self.decided(asked.model.numpy(y))

        asked.pace.over(len(variants), ask)
        asked.run.meter.count(len(variants), grad=False)
        if not np.isfinite(values).all():
            row = int(which[np.isfinite(values).argmin()])
            raise DataError(
                f"The model returns NaN or infinity for row {row} with a feature moved.",
                fix="Pass a background whose values the model can take.",
            )
        return values, decided


def curves(ways: Ways, say: Decides, advance: Callable[[int], None]) -> tuple[NpArray, NpArray]:
    """(n, features, points) outputs and decisions along the ways."""
    values, decided = np.full(ways.grid.shape, np.nan), np.full(ways.grid.shape, -1)
    cells = np.argwhere(~np.isnan(ways.grid))
    size = max(1, say.asked.pace.size)
    for start in range(0, len(cells), size):
        where = tuple(cells[start : start + size].T)
        values[where], decided[where] = _said(ways, say, where[0], where[1], ways.grid[where])
        advance(len(where[0]))
    return values, decided


def flips(ways: Ways, say: Decides, decided: NpArray) -> tuple[NpArray, NpArray]:
    """(n, features, 2) the nearest values below and above each feature's own with another decision, and which it is."""
    n, features, points = ways.grid.shape
    found, becomes = np.full((n, features, 2), np.nan), np.full((n, features, 2), -1.0)
    known = ~np.isnan(ways.grid)
    at = (known & (ways.grid <= ways.own[..., None])).sum(2) - 1  # where its own value stands
    mine = np.take_along_axis(decided, np.maximum(at, 0)[..., None], 2)
    other = known & (decided != mine) & (at >= 0)[..., None]
    place = np.arange(points)
    below = np.where(other & (place < at[..., None]), place, -1).max(2)
    above = np.where(other & (place > at[..., None]), place, points).min(2)
    for side, (hit, step) in enumerate(((below, 1), (above, -1))):
        where = np.nonzero((hit >= 0) & (hit < points))
        if not len(where[0]):
            continue
        far, near = ways.grid[(*where, hit[where])], ways.grid[(*where, hit[where] + step)]
        what = decided[(*where, hit[where])]
        found[(*where, side)], becomes[(*where, side)] = _turning(
            ways, say, where, (near, far), what, mine[where][:, 0]
        )
    return found, becomes


def _turning(
    ways: Ways,
    say: Decides,
    where: tuple[NpArray, ...],
    between: tuple[NpArray, NpArray],
    becomes: NpArray,
    mine: NpArray,
) -> tuple[NpArray, NpArray]:
    """Halve the distance between a point with the row's own decision and one with another, again and again."""
    (near, far), row, feature = between, where[0], where[1]
    smooth = ways.smooth[feature]
    for _ in range(HALVINGS if smooth.any() else 0):
        middle = np.where(smooth, (near + far) / 2, far)
        _, decided = _said(ways, say, row, feature, middle)
        same = smooth & (decided == mine)
        near, far = np.where(same, middle, near), np.where(same, far, middle)
        becomes = np.where(same, becomes, decided)
    return far, becomes


def _said(
    ways: Ways, say: Decides, row: NpArray, feature: NpArray, values: NpArray
) -> tuple[NpArray, NpArray]:
    """What the model says of one variant for each (row, feature, value); rows ascending."""
    variants = [ways.put(int(r), feature[row == r], values[row == r]) for r in np.unique(row)]
    return say(np.concatenate(variants), ways.rows[row])
