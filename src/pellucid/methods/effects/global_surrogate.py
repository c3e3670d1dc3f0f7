"""A simple model in place of a complex one, over a whole table."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Table
from pellucid.methods.params import param

from .family import SurrogateMethod
from .fidelity import check_fidelity, check_stable, faithful
from .imitate import Sample, as_linear, as_rules, as_tree
from .subject import Imitation

MOST_ROWS = 50_000
"""A simple model is fitted to so many rows at most."""


class GlobalSurrogate(SurrogateMethod):
    r"""A small tree, list of rules or linear model, fitted to what the model says and held against it on other rows.

    .. math:: \hat g = \arg\min_{g \in G} \sum_{i \in \text{fit}} L\bigl(f(x_i), g(x_i)\bigr),
              \qquad \text{fidelity} = 1 - \frac{\sum_{i \in \text{held out}} (f(x_i) - \hat g(x_i))^2}
                                              {\sum_{i \in \text{held out}} (f(x_i) - \bar f)^2}

    A person reads the simple model; how far it is the complex one is its fidelity, on rows that it was not fitted to:
    the share of rows decided alike for classes, and R² for numbers. Below 0.9 the check `fidelity` warns: then the
    simple model tells a story of its own. It is not unique, and the check `refits` says how often other rows lead
    to other columns. Categories are asked one by one; a class that the model never predicts is named.

    Shapes: ``X: (n, columns)``, ``values: (columns,)``, ``output: (nodes, outputs)``.
    Cost: ``n`` predictions.
    Raises: `DataError` where the model says the same of every row.

    >>> GlobalSurrogate(size=4)(forest, X).measure
    'agreement'
    """

    paper = (
        "Craven, Shavlik (1996). Extracting Tree-Structured Representations of Trained Networks. NIPS 8. "
        "https://papers.nips.cc/paper/1152; Molnar (2022). Interpretable Machine Learning, ch. Global Surrogate. "
        "https://christophm.github.io/interpretable-ml-book/global.html"
    )
    title: ClassVar[str] = "Global surrogate"

    form: str = param(default="tree", doc="the simple model", choices=("tree", "rules", "linear"))
    size: int = param(default=8, doc="leaves, rules or columns at most", min=1)
    depth: int = param(default=4, doc="levels of the tree, or half as many conditions of a rule", min=1)
    held_out: float = param(default=0.3, doc="share of rows kept for the fidelity", min=0.05, max=0.9)

    def imitate(self, t: Table, terms: Callable[[NpArray], NpArray], y: NpArray, decides: bool) -> Imitation:
        order = t.rng(0).permutation(len(t.X))[:MOST_ROWS]
        cut = min(max(1, round(self.held_out * len(order))), len(order) - 1)
        held, fitted = np.sort(order[:cut]), np.sort(order[cut:])
        weight = np.ones(len(t.X))
        s = Sample(terms(t.X[fitted]), y[fitted], weight[fitted], decides, t.run.seed)
        found = self.fit(s)
        check_stable(t, s, self.fit)
        return Imitation(self.form, found, held, len(fitted))

    def judged(self, t: Table, said: NpArray, y: NpArray, decides: bool) -> tuple[float, float]:
        fidelity = faithful(said, y, np.ones(len(y)), decides)
        check_fidelity(t, fidelity[0], len(y), decides)
        return fidelity

    def fit(self, s: Sample) -> dict[str, NpArray]:
        """The simple model, fitted."""
        if self.form == "linear":
            return as_linear(s, self.size)
        if self.form == "rules":
            return as_rules(s, self.size, max(1, self.depth // 2))
        return as_tree(s, max(2, self.size), self.depth)
