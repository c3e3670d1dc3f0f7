"""Partial dependence, with the individual curves behind it (ICE)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Table
from pellucid.methods.params import param

from .extrapolation import check_extrapolation
from .family import EffectMethod
from .moments import Moments
from .places import Place, crossed, is_category, points_of
from .subject import Effect

ENOUGH = 100
"""Rows from which the spread between rows is taken, where the mean itself needs none of them."""


class PartialDependence(EffectMethod):
    r"""The mean prediction as a column is set to each of its values, all else in the rows left as it is.

    .. math:: \mathrm{PD}_S(v) = \frac{1}{n} \sum_{i=1}^{n} f\bigl(v, x_{i, \setminus S}\bigr),
              \qquad \mathrm{ICE}_i(v) = f\bigl(v, x_{i, \setminus S}\bigr)

    For one column, or two together. The mean hides what differs between rows: the rows' own curves (ICE) are kept
    beside it, and `e.centred()` starts them all at zero, so that curves that are not parallel show an interaction.
    Where columns move together, setting one alone makes rows that do not occur, and the curve shows what the model
    does there: the check `extrapolation` gives the share of such cells, and accumulated local effects avoid them. The
    half-width is that of a mean over rows drawn at random. Of a tree ensemble the trees are walked instead of asked:
    the same numbers, for all columns in one pass.

    Shapes: ``X: (n, columns)``, ``values: (points, targets)``, ``individual: (rows kept, points, targets)``.
    Cost: ``n * points`` predictions per column; for a sum of trees one walk of the rows for all columns.
    Raises: `DataError` for a column that holds a single value.

    >>> PartialDependence(points=10)(forest, X, columns=["x0", ("x0", "x1")]).columns
    (('x0',), ('x0', 'x1'))
    """

    paper = (
        "Friedman (2001). Greedy Function Approximation. Annals of Statistics 29. doi:10.1214/aos/1013203451; "
        "Goldstein, Kapelner, Bleich, Pitkin (2015). Peeking Inside the Black Box. arXiv:1309.6392"
    )
    title: ClassVar[str] = "Partial dependence"
    walks: ClassVar[bool] = True
    says: ClassVar[str] = "the mean prediction with the column set"

    points: int = param(default=50, doc="points of one column; one with fewer values is set to each", min=2)
    cells: int = param(default=15, doc="points of each of two columns", min=2)
    trim: float = param(
        default=0.05, doc="share of rows left out beyond each end of the points", min=0, max=0.45
    )
    ice: int = param(default=100, doc="rows, drawn at random, whose own curves are kept", min=0)

    def kept(self, t: Table) -> NpArray:
        n = len(t.X)
        return np.arange(n) if self.ice >= n else np.sort(t.rng(0).choice(n, self.ice, replace=False))

    def trace(self, t: Table, where: tuple[Place, ...], own: Mapping[int, NpArray]) -> list[Effect]:
        grids = [self.grid(t, place, own) for place in where]
        kept = self.kept(t)
        found = self._walked(t, where, grids, kept)
        asked = [k for k in range(len(where)) if k not in found]
        found |= dict(
            zip(asked, _asked(t, [where[k] for k in asked], [grids[k] for k in asked], kept), strict=True)
        )
        t.notes.certify(kind="sampling")
        check_extrapolation(t, where, grids)
        return [found[k] for k in range(len(where))]

    def _walked(
        self, t: Table, where: tuple[Place, ...], grids: list[NpArray], kept: NpArray
    ) -> dict[int, Effect]:
        """The effects of single columns of numbers, by walking the trees, where there are trees."""
        if t.walk is None:
            return {}
        numbers = {
            k: where[k][0]
            for k in range(len(where))
            if len(where[k]) == 1 and not is_category(t, where[k][0])
        }
        points = {column: np.ascontiguousarray(grids[k][:, 0]) for k, column in numbers.items()}
        sample = (
            kept if len(kept) >= ENOUGH else t.rng(1).choice(len(t.X), min(len(t.X), ENOUGH), replace=False)
        )
        found = t.walk.effects(points, kept, sample)
        count = {k: np.full(len(grids[k]), len(t.X)) for k in numbers}
        return {
            k: Effect(where[k], grids[k], *found[column], count=count[k]) for k, column in numbers.items()
        }

    def grid(self, t: Table, place: Place, own: Mapping[int, NpArray]) -> NpArray:
        """(points, columns) of one place."""
        count = self.points if len(place) == 1 else self.cells
        axes = [own[c] if c in own else points_of(t, c, count, self.trim) for c in place]
        return axes[0][:, None] if len(axes) == 1 else crossed(*axes)


def _asked(t: Table, where: list[Place], grids: list[NpArray], kept: NpArray) -> list[Effect]:
    """The effects by asking the model about every row at every point."""
    if not where:
        return []
    moments = [Moments() for _ in where]
    curves = [np.empty((len(g), len(kept), len(t.targets))) for g in grids]
    questions = [lambda rows, grid=grid: grid[:, None] for grid in grids]
    for rows, k, y in t.varied(where, questions):
        moments[k].add(y)
        these = slice(*np.searchsorted(kept, [rows.start, rows.stop]))
        whole = these.stop - these.start == y.shape[1]
        curves[k][:, these] = y if whole else y[:, kept[these] - rows.start]
    return [
        Effect(place, grid, m.mean, m.half_width, np.moveaxis(own, 0, 1), count=np.full(len(grid), len(t.X)))
        for place, grid, m, own in zip(where, grids, moments, curves, strict=True)
    ]
