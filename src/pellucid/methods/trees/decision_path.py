"""The decision path of rows through one tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pellucid.core.errors import ParameterError
from pellucid.core.features import Features
from pellucid.core.forest import Forest
from pellucid.core.intake import Data, read
from pellucid.core.run import Run, current
from pellucid.core.views import Trees
from pellucid.methods.base import Method, quality
from pellucid.methods.params import param
from pellucid.results import TreePaths

from .family import agreeing, trees
from .following import steps


class DecisionPath(Method):
    r"""The way of rows through one tree of an ensemble: each split, the row's value there, the leaf.

    .. math:: f(x) = b + \sum_t w_{t, \ell_t(x)}, \qquad \ell_t(x) = \text{the leaf of tree } t \text{ reached by } x

    One of the ensemble's trees is read as it stands, and what its leaf adds to the raw outputs is told: the learning
    rate, the tree's weight and the averaging of a forest are multiplied in. Missing values go where the tree sends
    them, which is named. Of a single decision tree this is the whole explanation; one tree of many is an example of how
    the ensemble decides, and no account of its answer, which is the sum over all trees: see `TreeShap`.

    Shapes: ``values: (n, outputs that the tree feeds)``.   Cost: no model calls beside one check per model.
    Raises: `CapabilityError` where the model is no sum of trees; `ParameterError` where there is no such tree.

    >>> e = DecisionPath(tree=2)(forest, X)
    >>> e.trees, e.steps(0)[0].column
    (5, 'x13')
    >>> bool((e.leaf == forest.estimators_[2].apply(X)).all())
    True
    """

    paper: ClassVar[str] = (
        "Breiman, Friedman, Olshen & Stone (1984). Classification and Regression Trees. doi:10.1201/9781315139470"
    )
    title: ClassVar[str] = "Decision path"
    family: ClassVar[str] = "trees"
    data: ClassVar[tuple[str, ...]] = ("table",)

    tree: int = param(default=0, doc="the number of the tree, the first grown is 0", min=0)

    def __call__(
        self,
        model: Any,
        x: Any,
        *,
        target: Any = None,
        features: Features | None = None,
        classes: Sequence[str] = (),
        output: str | int | None = None,
    ) -> TreePaths:
        """Follow the rows of `x`.

        Args:
            model: a tree ensemble of scikit-learn, XGBoost, LightGBM, CatBoost or ONNX.
            x: rows, (n, columns), an array or a frame.
            target: nothing takes it here; a leaf's values are given for every output.
            features: names, units and categories of the columns.
            classes: names of the classes.
            output: which of several outputs, by key or position.

        Raises:
            CapabilityError: the model is no sum of trees.
            ParameterError: there is no such tree, or a target is given.
        """
        if target is not None:
            raise ParameterError(
                "A way through a tree has no target.", fix="Read the leaf's value of that output."
            )
        run = current().fresh()
        try:
            data = read(model, x, features=features, output=output)
            with data.model.at_rest():
                view = trees(data, None, run)
                result = self._followed(view, data, tuple(map(str, classes)), run)
        except Exception as error:
            self._noted(error, model, x)
            raise
        return self._finished(result, run)

    def _followed(self, view: Trees, data: Data, classes: tuple[str, ...], run: Run) -> TreePaths:
        f, facts = view.forest, data.model.facts
        if self.tree >= f.trees:
            raise ParameterError(f"There is no tree {self.tree}.", fix=f"Choose 0..{f.trees - 1}.")
        found = steps(f, self.tree, view.x, data)
        run.meter.count(len(data.x), grad=False)
        view.notes.certify(kind="exact", exact=True)
        agreeing(view, data)
        estimand = (
            f"the leaf that each row reaches in tree {self.tree}, and what it adds to the {f.space} output"
        )
        return TreePaths(
            **found,
            features=data.features,
            quality=quality(view.notes, run, estimand, None),
            provenance=self._provenance(facts.name, run, (*facts.notes, *f.notes, *view.notes.said)),
            space=f.space,
            x=data.x,
            tree=int(self.tree),
            trees=f.trees,
            targets=_targets(f, self.tree, classes or facts.classes or f.classes),
            index=data.index,
        )


def _targets(f: Forest, tree: int, classes: Sequence[str]) -> tuple[str, ...]:
    """Names of the outputs that a tree feeds; one score of two classes is that of the second."""
    if f.outputs == 1:
        return (classes[1] if len(classes) == 2 else "output",)
    named = classes if len(classes) == f.outputs else [f"output {k}" for k in range(f.outputs)]
    fed = int(f.feeds[tree])
    return tuple(map(str, named)) if fed < 0 else (str(named[fed]),)
