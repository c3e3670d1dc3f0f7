"""Tree methods: a `Trees` view of any ensemble that can be read as a forest, to an `Attribution`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from pellucid.core.errors import CapabilityError, DataError
from pellucid.core.features import Columns, Features
from pellucid.core.forest import Forest
from pellucid.core.intake import Data, read
from pellucid.core.links import LINKS
from pellucid.core.model import Forested
from pellucid.core.run import Run, current
from pellucid.core.types import NpArray
from pellucid.core.views import Trees
from pellucid.methods.base import Method, one, quality
from pellucid.results import Attribution, PairAttribution

from .aim import TreeAim
from .answer import Answer

CHECKED = 64
"""Rows on which the forest is held against the model's own output, once per model."""

_held: WeakKeyDictionary[Forest, float] = WeakKeyDictionary()


class TreeMethod(Method, abstract=True):
    """Attributes the raw prediction of a tree ensemble: needs its trees."""

    family: ClassVar[str] = "trees"
    data: ClassVar[tuple[str, ...]] = ("table",)

    def attribute(self, t: Trees, aim: TreeAim) -> Answer:
        """The formula: values (n, columns) of what `aim` picks out of the raw outputs."""
        raise NotImplementedError

    def __call__(
        self,
        model: Any,
        x: Any,
        *,
        target: Any = None,
        background: Any = None,
        features: Features | None = None,
        classes: Sequence[str] = (),
        output: str | int | None = None,
    ) -> Attribution | PairAttribution:
        """Explain rows of `x`.

        Args:
            model: a tree ensemble of scikit-learn, XGBoost, LightGBM, CatBoost or ONNX.
            x: rows, (n, columns), an array or a frame.
            target: which output: a class number or name, one per row, or a `Margin` of two; None is each row's
                predicted class, or the only output, which of two classes is the second.
            background: rows that stand in for hidden columns, averaged over, all of them.
            features: names, units, and groups of columns whose values are added up.
            classes: names of the classes.
            output: which of several outputs, by key or position.

        Raises:
            CapabilityError: the model is no sum of trees.
            TargetError, ShapeError, DataError, ParameterError: see their texts.
        """
        run = current().fresh()
        try:
            data = read(model, x, features=features, background=background, output=output)
            with data.model.at_rest():
                result = self._explained(data, target, background, tuple(map(str, classes)), run)
        except Exception as error:
            self._noted(error, model, x, target=target)
            raise
        return self._finished(result, run)

    def _explained(
        self, data: Data, target: Any, background: Any, classes: tuple[str, ...], run: Run
    ) -> Attribution | PairAttribution:
        view = trees(data, background, run)
        facts, forest = data.model.facts, view.forest
        aim = TreeAim(target, forest, classes or facts.classes, facts.classifier)
        answer = self.attribute(view, aim)
        run.meter.count(len(data.x), grad=False)
        self._checked(view, data, answer)
        labels = aim.labels(answer.raw)
        link = LINKS.get(forest.link)
        scores = None if link is None or not aim.classes else link(answer.raw)
        estimand = f"{self.called} of {answer.space} {one(labels)}, {answer.said}"
        known: dict[str, Any] = {
            "values": answer.values,
            "features": data.features,
            "quality": quality(view.notes, run, estimand, None),
            "provenance": self._provenance(facts.name, run, (*facts.notes, *forest.notes, *view.notes.said)),
            "space": answer.space,
            "x": data.x,
            "output": answer.output,
            "base": answer.hidden,
            "target": labels,
            "scores": scores,
            "classes": aim.classes,
            "score_space": "probability" if scores is not None and answer.space != "probability" else "",
            "index": data.index,
            "frame": data.frame,
        }
        if answer.values.ndim == 3:
            return PairAttribution(**known)
        players, player_values = _grouped(data.features, answer.values)
        return Attribution(**known, players=players, player_values=player_values)

    def _checked(self, view: Trees, data: Data, answer: Answer) -> None:
        """Say how far the values add up on every row, and how near the forest is to the model's own output."""
        notes, forest = view.notes, view.forest
        notes.certify(kind="exact", exact=True)
        gap = np.abs(answer.output - answer.hidden - answer.values.reshape(len(data.x), -1).sum(1))
        notes.check(
            "additivity",
            gap / forest.scale,
            warn=1e-9,
            fail=1e-6,
            meaning="The values of a row should add up to its prediction less the base.",
            advice="Please report the model: its trees are read or walked wrongly.",
        )
        agreeing(view, data, answer.raw)


def agreeing(view: Trees, data: Data, raw: NpArray | None = None) -> None:
    """Say how near the forest is to the model's own output, held against it once; `raw` is its raw prediction."""
    forest = view.forest
    if forest not in _held:
        ours = forest.predict(view.x[:CHECKED]) if raw is None else raw[:CHECKED]
        _held[forest] = _apart(data, forest, ours)
    view.notes.check(
        "prediction",
        _held[forest],
        warn=1e-4,
        fail=1e-2,
        meaning="The forest that was read should give the model's own output.",
        advice="Use KernelShap, and report the model's version.",
    )


def trees(data: Data, background: Any, run: Run) -> Trees:
    """The view of the rows and the background as the model's trees compare them.

    Raises:
        CapabilityError: the model is no sum of trees.
        DataError: the background is empty.
    """
    model: Any = data.model
    if not isinstance(data.model, Forested):
        raise CapabilityError(
            f"{model.facts.name} is no tree ensemble that can be read.",
            fix="Use KernelShap, or explain the last step of a pipeline on the rows that reach it.",
        )
    forest = model.forest()
    x = np.asarray(model.tree_inputs(*data.inputs), np.float64)
    if background is None:
        return Trees(run=run, forest=forest, x=x)
    rows = data.like(background)
    if len(rows) == 0:
        raise DataError("The background has no rows.", fix="Pass at least one.")
    if not forest.missing and not np.isfinite(rows).all():
        row = int(np.argwhere(~np.isfinite(rows))[0, 0])
        raise DataError(f"Row {row} of the background holds NaN or infinity.", fix="Leave it out.")
    known = np.asarray(model.tree_inputs(model.native(rows)), np.float64)
    return Trees(run=run, forest=forest, x=x, background=known)


def _apart(data: Data, forest: Forest, raw: NpArray) -> float:
    """The largest difference between the model's output and that of its forest, on a few rows."""
    link = LINKS.get(forest.link)
    if link is None:
        return 0.0
    theirs = np.asarray(data.model.numpy(data.model.predict(*(a[: len(raw)] for a in data.inputs))), float)
    ours = link(raw)
    theirs = theirs.reshape(len(raw), -1)
    if theirs.shape != ours.shape:
        return 0.0  # the model was asked for something else than its forest gives, for instance labels
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max()))


def _grouped(features: Features, values: NpArray) -> tuple[tuple[tuple[str, ...], ...], NpArray | None]:
    """Names and values of the groups of columns, where there are any: the sum over their columns."""
    if not isinstance(features, Columns) or not features.groups:
        return (), None
    names, label = features.players()
    sums = np.zeros((len(values), len(names)))
    np.add.at(sums.T, label, values.T)
    return (names,) * len(values), sums
