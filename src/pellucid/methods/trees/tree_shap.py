"""TreeSHAP."""

from __future__ import annotations

from importlib import import_module
from typing import ClassVar

from pellucid.core.errors import CapabilityError, ParameterError
from pellucid.core.target import Margin
from pellucid.core.views import Trees
from pellucid.methods.params import param

from .aim import TreeAim
from .answer import Answer
from .family import TreeMethod


class TreeShap(TreeMethod):
    r"""Exact Shapley values of a tree ensemble's raw prediction, for every row of a large table.

    .. math:: \phi_j = \sum_{S \not\ni j} \frac{|S|!\,(p - |S| - 1)!}{p!} \bigl(v(S \cup j) - v(S)\bigr)

    What v(S) is when the columns outside S are hidden is the `mode`. *Interventional*: the mean prediction over the
    rows of a background, hidden columns taken from them; it says what the model does, and gives nothing to a column
    that the model ignores. *Path-dependent*: at a split on a hidden column both ways are taken, by the share of
    training weight that went there; it needs no background, but lets columns that go together share, and depends on how
    the trees were grown. Neither says what a change of the column would do in the world.

    The prediction is the raw one, where trees add up: log-odds for most boosted classifiers, probabilities for forests.
    With `output="probability"`, for interventional values alone, each background row's values of log-odds are scaled by
    the slope between the two probabilities and averaged. They add up to the probability, but they are not the Shapley
    values of it, which `KernelShap` gives.

    Values of columns in a group are added up. Additivity is checked on every row. With `interactions` the result is a
    `PairAttribution`: Shapley interaction values of all pairs, whose lines add up to the values of the columns.

    Shapes: ``values: (n, columns)``, or ``(n, columns, columns)`` for pairs.
    Cost: no model calls; the trees are walked once per block of rows, or looked up.
    Raises: `CapabilityError` where the model is no sum of trees, or holds no training weights; `ParameterError` where
    the background does not go with the mode.

    >>> e = TreeShap()(forest, X)
    >>> abs(e.residual).max() < 1e-12
    np.True_
    >>> TreeShap()(forest, X, background=X).quality.estimand[:41]
    "TreeSHAP of probability of each row's tar"
    """

    paper: ClassVar[str] = (
        "Lundberg et al. (2020). From local explanations to global understanding with explainable AI for trees. Nature "
        "Machine Intelligence 2. doi:10.1038/s42256-019-0138-9; quadrature: arXiv:2605.04497; tables: arXiv:2604.10569"
    )
    title: ClassVar[str] = "TreeSHAP"

    mode: str = param(
        default="auto",
        doc="how columns are hidden; auto is interventional where a background is given",
        choices=("auto", "path_dependent", "interventional"),
    )

    interactions: bool = param(
        default=False, doc="whether every pair of columns is asked for what it does together"
    )

    output: str = param(
        default="raw",
        doc="what is explained: the sum of the trees, or, against a background, its probability",
        choices=("raw", "probability"),
    )

    def attribute(self, t: Trees, aim: TreeAim) -> Answer:
        self._check(t)
        engine = import_module(".engine", __package__)
        if self.output == "probability" and t.forest.space != "probability":
            self._check_chances(t, aim)
            t.notes.said.append("log-odds scaled to probabilities beside each background row")
            return engine.chances(t, aim.weights, self.title)
        return engine.explain(t, aim.weights, self.title, pairs=self.interactions)

    def _check_chances(self, t: Trees, aim: TreeAim) -> None:
        if t.background is None:
            raise ParameterError(
                "Values of a probability need a background.", fix="Pass background= rows of the data."
            )
        if t.forest.link != "logistic" or self.interactions or isinstance(aim.spec, Margin):
            raise CapabilityError(
                "Values of a probability are for one of two classes behind one score, column by column.",
                fix="Leave output='probability' out, or use KernelShap, which asks the model for probabilities.",
            )

    def _check(self, t: Trees) -> None:
        if self.mode == "interventional" and t.background is None:
            raise ParameterError(
                "Interventional values need a background.", fix="Pass background= rows of the data."
            )
        if self.mode == "path_dependent" and t.background is not None:
            raise ParameterError(
                "Path-dependent values take no background.", fix="Leave it out, or use mode='interventional'."
            )
        if t.background is None and t.forest.cover is None:
            raise CapabilityError(
                "The model does not say how much training weight reached each node, which path-dependent values need.",
                fix="Pass background= rows of the data.",
            )
