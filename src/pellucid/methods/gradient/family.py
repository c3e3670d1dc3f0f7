"""Gradient methods: from the caller's network and rows to a `Field`, and from its values to an `Attribution`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from pellucid.core import baseline as baselines
from pellucid.core.errors import CapabilityError, ParameterError
from pellucid.core.features import Features, Pixels, Units
from pellucid.core.field import Field
from pellucid.core.intake import Data, read
from pellucid.core.model import differentiable, layered
from pellucid.core.notes import Notes
from pellucid.core.run import Run, current
from pellucid.core.target import Neuron, space_of
from pellucid.core.types import Array, NpArray
from pellucid.core.views import Aim
from pellucid.methods.base import Method, independent_rows, one, quality, resting
from pellucid.results import Attribution

from .several import averaged, listed


class GradientMethod(Method, abstract=True):
    """Attributes f(x) through its gradient: needs a model with gradients."""

    family: ClassVar[str] = "gradient"
    complete: ClassVar[bool] = False
    """Whether the values add up to f(x) - f(baseline), so that the result carries the base."""

    @property
    def compares(self) -> bool:
        """Whether the formula has a baseline."""
        return self.complete

    @property
    def averages(self) -> bool:
        """Whether the formula averages over a background instead of taking one point from it."""
        return False

    def attribute(self, f: Field) -> Array:
        """The formula: (n, *features) values of f around f.x."""
        raise NotImplementedError

    def place(self, data: Data) -> str:
        """The layer where the attribution lands when the caller names none; "" is the input."""
        return ""

    def __call__(
        self,
        model: Any,
        x: Any,
        *,
        target: Any = None,
        at: str | None = None,
        baseline: Any = None,
        background: Any = None,
        features: Features | None = None,
        classes: Sequence[str] = (),
        output: str | int | None = None,
    ) -> Attribution:
        """Explain rows of `x`.

        Args:
            model: a network with gradients, or a function of tensors.
            x: rows, (n, *features), as arrays, a frame or pictures; a tuple or dict of several inputs.
            target: what is explained: a class number or name, a tuple index, one per row, `Neuron`, `Margin`,
                `LogProb`, a function of the output; None is each row's predicted class.
            at: the layer where the attribution lands; None is the input.
            baseline: the reference point: a name ("zeros", "mean", "blur", ...), a number, a row, or one per row; a
                list of names and arrays is averaged over; None is zeros, or the mean of the background where one is
                given.
            background: rows that show what is usual, for the baselines that are taken from them.
            features: what the rows are made of, where the guess from their shape is not wanted.
            classes: names of the outputs.
            output: which of several outputs, by key or position.

        Raises:
            CapabilityError: the model has no gradients, or no layers where one is named.
            TargetError, LayerError, ShapeError, DataError: see their texts.
        """
        run = current().fresh()
        try:
            data = read(model, x, features=features, background=background, output=output)
            if not differentiable(data.model):
                raise CapabilityError(
                    f"{type(self).__name__} needs gradients.",
                    got=data.model.facts.name,
                    fix=data.model.facts.gradients
                    or "Use a perturbation method, such as KernelShap or Occlusion.",
                )
            with resting(data.model, target):
                place = at or self.place(data)
                if not place and data.x.dtype.kind != "f" and not isinstance(target, Neuron):
                    _refuse_ids(data)
                self._check_reference(baseline, background)
                f = self._field(data, run, target, place, tuple(map(str, classes)))
                usual = None if background is None else data.like(background)
                if usual is not None and baseline is None and not self.averages:
                    baseline = "mean"
                    f.notes.said.append("The baseline is the mean of the background.")
                result = self._result(data, *self._values(f, data, baseline, usual))
        except Exception as error:
            self._noted(error, model, x, target=target, at=at)
            raise
        return self._finished(result, run)

    def _values(self, f: Field, data: Data, baseline: Any, usual: NpArray | None) -> tuple[Field, Array]:
        """The field with its reference, and the values."""
        if usual is not None and self.averages:
            f = replace(f, background=f.model.native(usual))
        elif self.compares:
            given = listed(baseline)
            points = [_baseline(f, data, data.flat(spec), usual) for spec in given]
            if len(points) > 1:
                return averaged(self.attribute, f, points, given)
            f = replace(f, baseline=points[0])
        return f, self.attribute(f)

    def _check_reference(self, baseline: Any, background: Any) -> None:
        """Refuse a baseline or a background that would be ignored."""
        if not self.compares and (baseline is not None or background is not None):
            raise ParameterError(
                f"{type(self).__name__} compares with nothing.", fix="Leave baseline and background out."
            )
        if background is not None and baseline is not None:
            named = [b for b in listed(baseline) if isinstance(b, str) and b in baselines.FROM_BACKGROUND]
            baselines.check_used(None if self.averages else named[0] if named else baseline)

    def _field(self, data: Data, run: Run, target: Any, at: str, classes: tuple[str, ...]) -> Field:
        """The scalar function that is explained, between the layers that were named."""
        model: Any = data.model
        facts = model.facts
        neuron = target if isinstance(target, Neuron) else None
        for place in filter(None, (at, neuron and neuron.layer)):
            if not layered(model):
                raise CapabilityError("This model has no layers to cut at.", got=facts.name)
            model.check(place, data.inputs)
        aim = Aim(target, classes or facts.classes, facts.space, data.model.differentiate, facts.classifier)
        if neuron is not None:
            model = model[: neuron.layer]
            aim = Aim(neuron.index, space="raw", layer=neuron.layer)
        first, *rest = data.inputs
        f = Field(run=run, model=model, aim=aim, x=first, carried=tuple(rest), rows=np.arange(len(data.x)))
        if not at:
            return f
        below = data.model[:at]
        x = f.through(below)
        return replace(
            f,
            model=model[at:],
            whole=model,
            x=x,
            carried=data.inputs,
            at=at,
            below=(data.inputs, below),
            notes=Notes(),
        )

    def _result(self, data: Data, f: Field, values: Array) -> Attribution:
        to, facts = data.model.numpy, data.model.facts
        numbers, y = to(values), to(f.y)
        _check_gradient(f, numbers)
        independent_rows(f.notes, facts.mixes_rows)
        labels = f.target.labels(f.aim.classes, f.n)
        outputs = space_of(y, f.aim.space)
        space = f.target.counts_in(outputs)
        estimand = f"{self.called} of {space} {one(labels)}" + (f" at layer {f.at}" if f.at else "")
        half = None if f.notes.half_width is None else f.numbers(f.notes.half_width)
        return Attribution(
            values=numbers,
            features=_landing(f, data, numbers),
            quality=quality(f.notes, f.run, estimand, half),
            provenance=self._provenance(facts.name, f.run, (*facts.notes, *f.notes.said)),
            space=space,
            x=data.x,
            output=to(f.output),
            base=to(f.base) if self.complete else None,
            target=labels,
            scores=y if y.ndim == 2 and not f.aim.layer else None,
            classes=f.aim.classes,
            score_space=outputs if outputs != space else "",
            at=f.at,
            index=data.index,
            frame=data.frame,
            parts={} if f.at else data.parts,
        )


def _refuse_ids(data: Data) -> None:
    """Whole numbers (token ids) have no gradient; the embedding layer has."""
    layers = data.model.layers() if layered(data.model) else []
    found = [layer.name for layer in layers if "Embedding" in layer.kind]
    raise CapabilityError(
        "Whole numbers have no gradient.",
        got=f"dtype {data.x.dtype}",
        fix=f"Attribute at the embedding: at={found[0]!r}." if found else "Pass floating-point input.",
    )


def _landing(f: Field, data: Data, values: NpArray) -> Features:
    """What the values are about: the input's features, a layer's places on an image, or a layer's units."""
    if not f.at:
        return data.features
    a_map = f.inside is None and values.ndim == data.x.ndim - 1 and values.shape != tuple(f.x.shape)
    if isinstance(data.features, Pixels) and (values.ndim == data.x.ndim or a_map):
        return data.features
    return Units(f.at)


def _baseline(f: Field, data: Data, spec: Any, usual: NpArray | None) -> Array:
    """The reference: at the input, and carried up to the layer where the attribution lands."""
    if f.below is None:
        return f.model.native(baselines.resolve(spec, data.x, data.features, usual, f.run))
    here, there = tuple(f.x.shape[1:]), tuple(data.x.shape[1:])
    given = tuple(np.shape(spec))
    if given in (here, (1, *here), (f.n, *here)) and given not in (there, (1, *there), (f.n, *there)):
        numbers = baselines.numbers(spec)
        return f.like(np.ascontiguousarray(np.broadcast_to(numbers, tuple(f.x.shape))))
    return f.lifted(f.model.native(baselines.resolve(spec, data.x, data.features, usual, f.run)))


def _check_gradient(f: Field, values: NpArray) -> None:
    """Values that are no numbers, or nothing but zeros, say that the gradient tells nothing here."""
    flat = values.reshape(len(values), -1)
    f.notes.check(
        "finite",
        (~np.isfinite(flat)).any(1),
        warn=0,
        fail=0,
        meaning="The gradient holds NaN or infinity in some rows.",
        advice="Look for a square root, a logarithm or a division at zero in the model.",
    )
    f.notes.check(
        "saturation",
        (flat == 0).all(1),
        warn=0,
        fail=1,
        meaning="Every value is zero in some rows: the output does not react to the input there.",
        advice="The model may be saturated (a dead ReLU, a softmax at 0 or 1): explain a logit, or use occlusion.",
    )
