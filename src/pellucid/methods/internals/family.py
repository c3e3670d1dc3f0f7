"""Internals: from the caller's network to a `Network`, and from what was seen in it to `Units` or their kin."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

import numpy as np

from pellucid.core.arrays import to_numpy
from pellucid.core.errors import CapabilityError, LayerError, ParameterError, ShapeError, nearest
from pellucid.core.features import Features
from pellucid.core.intake import Data, read
from pellucid.core.model import Differentiable, Inspectable, Model, wrap
from pellucid.core.network import Network
from pellucid.core.packed import Packed
from pellucid.core.place import Place
from pellucid.core.run import Pace, Run, current
from pellucid.core.types import NpArray
from pellucid.core.views import Aim
from pellucid.methods.base import Method, independent_rows, quality, resting
from pellucid.results import Explanation

E = TypeVar("E", bound=Explanation)


class InternalsMethod(Method, abstract=True):
    """Looks inside a network: needs a model with layers.

    Attributes:
        needs_rows: whether it looks at activations, so that rows must be given.
        takes: which of target and y it has a use for; the others are refused.
    """

    family: ClassVar[str] = "internals"
    needs_rows: ClassVar[bool] = True
    takes: ClassVar[tuple[str, ...]] = ()

    def look(self, n: Network) -> Explanation:
        """The formula: what is to be seen at `n.places`."""
        raise NotImplementedError

    def places(self, n: Network) -> tuple[str, ...]:
        """Where it looks when the caller names no place, in the order of the forward pass."""
        raise NotImplementedError

    def need_gradients(self, n: Network) -> None:
        """Refuse a model without gradients."""
        if not isinstance(n.model, Differentiable):
            raise CapabilityError(f"{type(self).__name__} needs gradients.", got=n.model.facts.name)

    def known(self, n: Network) -> tuple[str, ...]:
        """The places that a pattern is held against."""
        if n.inputs:
            return tuple(o.name for o in n.operations)
        return tuple(layer.name for layer in n.model.layers())

    def __call__(
        self,
        model: Any,
        x: Any = None,
        *,
        at: str | Sequence[str] | None = None,
        target: Any = None,
        y: Any = None,
        features: Features | None = None,
        classes: Sequence[str] = (),
        output: str | int | None = None,
    ) -> Any:
        """Look inside `model`.

        Args:
            model: a network with layers.
            x: rows, (n, *features), as arrays, a frame or pictures; may be left out where no data is looked at.
            at: a layer ("conv1"), one of its calls ("relu#2"), a function between layers ("F.relu#2"), several of
                these, or a pattern ("conv*"); None looks where the method sees most.
            target: what is explained of the output, for the methods that look at gradients.
            y: (n,) what each row is, for the methods that compare with it: classes or numbers.
            features: what the rows are made of, where the guess from their shape is not wanted.
            classes: names of the outputs.
            output: which of several outputs, by key or position.

        Raises:
            CapabilityError: the model has no layers to look at.
            LayerError: the layer named is not there, or is not one that this method can look at.
            ParameterError, TargetError, ShapeError, DataError: see their texts.
        """
        return self._call(
            model, x, {}, at=at, target=target, y=y, features=features, classes=classes, output=output
        )

    def _call(
        self,
        model: Any,
        x: Any,
        given: Mapping[str, Any],
        *,
        at: str | Sequence[str] | None = None,
        target: Any = None,
        y: Any = None,
        features: Features | None = None,
        classes: Sequence[str] = (),
        output: str | int | None = None,
    ) -> Any:
        """As `__call__`, with what a method takes beside it."""
        run = current().fresh()
        try:
            self._check_use(x, target, y)
            data = None if x is None else read(model, x, features=features, output=output)
            inner = wrap(model, output=output) if data is None else data.model
            with resting(inner, target):
                n = self._network(inner, data, run, target, y, tuple(map(str, classes)), features)
                n = replace(n, given=given, places=self._places(n, at))
                result = self.look(n)
        except Exception as error:
            self._noted(error, model, x, target=target, at=at)
            raise
        return self._finished(result, run)

    def result(self, n: Network, kind: type[E], what: str, *, values: NpArray, **found: Any) -> E:
        """What was found as a result, with its quality and where it came from."""
        facts = n.model.facts
        if n.inputs:
            independent_rows(n.notes, facts.mixes_rows)
        half = n.notes.half_width
        return kind(
            values=values,
            features=found.pop("features", n.features),
            quality=quality(n.notes, n.run, what, half),
            provenance=self._provenance(facts.name, n.run, (*facts.notes, *n.notes.said)),
            **found,
        )

    def _check_use(self, x: Any, target: Any, y: Any) -> None:
        if x is None and self.needs_rows:
            raise ParameterError(
                f"{type(self).__name__} looks at what rows do inside the network.", fix="Pass rows: x."
            )
        for name, given in (("target", target), ("y", y)):
            if given is not None and name not in self.takes:
                raise ParameterError(f"{type(self).__name__} takes no {name}.", fix=f"Leave {name} out.")

    def _network(
        self,
        model: Model,
        data: Data | None,
        run: Run,
        target: Any,
        y: Any,
        classes: tuple[str, ...],
        features: Features | None,
    ) -> Network:
        inputs: tuple[Any, ...] = () if data is None else data.inputs
        joined: Any = model
        side_by_side = inputs
        if isinstance(model, Packed):
            inputs, model = model.unpack(inputs[0], inputs[1:]), model.model
        if not isinstance(model, Inspectable) or not model.layers():
            raise CapabilityError(
                f"{type(self).__name__} looks inside a network, and this model has no layers.",
                got=model.facts.name,
                fix="Pass the network itself, not a function that calls it.",
            )
        facts = model.facts
        size = run.size(model.bytes_per_row(inputs), memory=facts.memory) if inputs else 1  # type: ignore[attr-defined]
        aim = Aim(
            target,
            classes or facts.classes,
            facts.space,
            getattr(model, "differentiate", None),
            facts.classifier,
        )
        x = np.empty(0) if data is None else data.x
        return Network(
            run=run,
            model=model,
            inputs=inputs,
            x=x,
            aim=aim,
            pace=Pace(run, size, model.out_of_memory),
            truth=None if y is None else _truth(y, len(x)),
            features=data.features if data is not None else features or Features(),
            joined=joined,
            side_by_side=side_by_side,
        )

    def _places(self, n: Network, at: str | Sequence[str] | None) -> tuple[str, ...]:
        if at is None:
            return self.places(n)
        asked = (at,) if isinstance(at, str) else tuple(at)
        if not asked:
            raise ParameterError("No place is named.", fix="Leave at= out, or name one.")
        found: dict[str, None] = {}
        for text in asked:
            found.update(dict.fromkeys(self._matching(n, text)))
        return tuple(found)

    def _matching(self, n: Network, text: str) -> tuple[str, ...]:
        """The places that a name or a pattern means."""
        if "*" in text or "?" in text:
            form = re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."))
            known = self.known(n)
            found = tuple(p for p in known if form.fullmatch(p) or form.fullmatch(Place.parse(p).layer))
            if not found:
                raise LayerError(f"No place here fits {text!r}.", fix=nearest(text, known))
            return found
        if n.inputs:
            n.model.check(text, n.inputs)
        return (text,)


def _truth(y: Any, rows: int) -> NpArray:
    truth = np.asarray(to_numpy(y)).reshape(-1)
    if len(truth) != rows:
        raise ShapeError(f"x has {rows} rows and y {len(truth)}.", fix="Pass one entry per row.")
    return truth
