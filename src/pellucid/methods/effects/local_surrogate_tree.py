"""A small tree in place of the model, around one row."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Table
from pellucid.methods.params import param

from .family import SurrogateMethod
from .fidelity import check_fidelity, faithful
from .imitate import Sample, as_tree
from .subject import Imitation


class LocalSurrogateTree(SurrogateMethod):
    r"""A small tree fitted to what the model says of rows like one row, near ones counting more.

    .. math:: \hat g = \arg\min_{g \in \text{trees}} \sum_s \pi(z_s) \bigl( f(z_s) - g(z_s) \bigr)^2, \qquad
              \pi(z) = e^{-d(x, z)^2 / w^2}

    Neighbours take each column from the row itself or, at random, from another row of the table; the distance d is the
    root mean square difference in standard deviations, a different category counting as one. Where the row lies in
    the tree tells which conditions hold for it, and the sides not taken what would change it. The fidelity is that on
    neighbours not fitted to, with the same weights; the width decides how local it is, and other neighbours may give
    another tree.

    Shapes: ``X: (n, columns)``, ``values: (columns,)``, ``output: (nodes, outputs)``.
    Cost: ``samples`` predictions.
    Raises: `ParameterError` for a row that is not there; `DataError` where the model says the same all around it.

    >>> LocalSurrogateTree(size=3)(forest, X, row=2).row
    2
    """

    paper = (
        "Ribeiro, Singh, Guestrin (2016). Why Should I Trust You? arXiv:1602.04938; "
        "Guidotti et al. (2018). Local Rule-Based Explanations of Black Box Decision Systems. arXiv:1805.10820"
    )
    title: ClassVar[str] = "Local surrogate tree"
    local: ClassVar[bool] = True

    size: int = param(default=5, doc="leaves at most", min=2)
    depth: int = param(default=3, doc="levels at most", min=1)
    samples: int = param(default=2000, doc="neighbours made", min=50)
    width: float = param(default=0.75, doc="where the weight falls to 1/e, in standard deviations", min=0.01)

    def around(self, t: Table, row: int) -> NpArray:
        rng = t.rng(row)
        other = t.X[rng.integers(0, len(t.X), self.samples)]
        return np.where(rng.random((self.samples, t.X.shape[1])) < 0.5, t.X[row], other)

    def imitate(self, t: Table, terms: Callable[[NpArray], NpArray], y: NpArray, decides: bool) -> Imitation:
        order = np.arange(len(t.X))
        held, fitted = order[::4], np.setdiff1d(order, order[::4])
        s = Sample(terms(t.X[fitted]), y[fitted], self.weights(t)[fitted], decides, t.run.seed)
        return Imitation("tree", as_tree(s, self.size, self.depth), held, len(fitted))

    def judged(self, t: Table, said: NpArray, y: NpArray, decides: bool) -> tuple[float, float]:
        fidelity = faithful(said, y, self.weights(t)[::4], decides)
        check_fidelity(t, fidelity[0], len(y), decides)
        return fidelity

    def weights(self, t: Table) -> NpArray:
        """(neighbours,) how much each counts; the first row is the one explained."""
        words = np.array([n in t.columns.categories for n in t.columns.names])
        X = np.nan_to_num(np.asarray(t.X, float))
        spread = X.std(0)
        gap = np.where(words, X[0] != X, (X - X[0]) / np.where(spread > 0, spread, 1))
        return np.exp(-(gap**2).mean(1) / self.width**2)
