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
from .places import Place, crossed, points_of
from .subject import Effect


class PartialDependence(EffectMethod):
    r"""The mean prediction as a column is set to each of its values, all else in the rows left as it is.

    .. math:: \mathrm{PD}_S(v) = \frac{1}{n} \sum_{i=1}^{n} f\bigl(v, x_{i, \setminus S}\bigr),
              \qquad \mathrm{ICE}_i(v) = f\bigl(v, x_{i, \setminus S}\bigr)

    For one column, or two together. The mean hides what differs between rows: the rows' own curves (ICE) are kept
    beside it, and `e.centred()` starts them all at zero, so that curves that are not parallel show an interaction.
    Where columns move together, setting one alone makes rows that do not occur, and the curve shows what the model
    does there: the check `extrapolation` gives the share of such cells, and accumulated local effects avoid them. The
    half-width is that of a mean over rows drawn at random.

    Shapes: ``X: (n, columns)``, ``values: (points, targets)``, ``individual: (rows kept, points, targets)``.
    Cost: ``n * points`` predictions per column.
    Raises: `DataError` for a column that holds a single value.

    >>> PartialDependence(points=10)(forest, X, columns=["x0", ("x0", "x1")]).columns
    (('x0',), ('x0', 'x1'))
    """

    paper = (
        "Friedman (2001). Greedy Function Approximation. Annals of Statistics 29. doi:10.1214/aos/1013203451; "
        "Goldstein, Kapelner, Bleich, Pitkin (2015). Peeking Inside the Black Box. arXiv:1309.6392"
    )
    title: ClassVar[str] = "Partial dependence"
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
        moments = [Moments() for _ in where]
        curves = [np.empty((len(kept), len(g), len(t.targets))) for g in grids]
        asked = [lambda rows, grid=grid: grid[:, None] for grid in grids]
        for rows, k, y in t.varied(where, asked):
            moments[k].add(y)
            these = slice(*np.searchsorted(kept, [rows.start, rows.stop]))
            curves[k][these] = np.moveaxis(y[:, kept[these] - rows.start], 0, 1)
        t.notes.certify(kind="sampling")
        check_extrapolation(t, where, grids)
        return [
            Effect(place, grid, m.mean, m.half_width, np.full(len(grid), len(t.X)), own_curves)
            for place, grid, m, own_curves in zip(where, grids, moments, curves, strict=True)
        ]

    def grid(self, t: Table, place: Place, own: Mapping[int, NpArray]) -> NpArray:
        """(points, columns) of one place."""
        count = self.points if len(place) == 1 else self.cells
        axes = [own[c] if c in own else points_of(t, c, count, self.trim) for c in place]
        return axes[0][:, None] if len(axes) == 1 else crossed(*axes)
