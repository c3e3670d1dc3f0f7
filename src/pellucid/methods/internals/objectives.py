"""Objectives of a network at hand: their values on inputs, and their gradients with respect to these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from pellucid.core.errors import TargetError, nearest
from pellucid.core.network import Network
from pellucid.core.objective import Objective, Of
from pellucid.core.target import Margin, Neuron
from pellucid.core.types import Array, NpArray

from .finite import need_finite_objectives
from .layout import units_first
from .moments import is_activation

MOST = 24
"""Units that are asked for where the caller names none."""


@dataclass(frozen=True)
class Wanted:
    """One objective of a network: the sum over places of <weights, value there>.

    Attributes:
        label: how it is called.
        weights: place ("" is the output) -> (*shape of the value of one row).
    """

    label: str
    weights: Mapping[str, NpArray]


def wanted(n: Network) -> tuple[Wanted, ...]:
    """What the caller wants made large; every unit of the place where nothing is named.

    Raises:
        TargetError: the layer has no such unit, or has too many to take all of them.
        LayerError: there is no such layer.
    """
    place, shapes = n.place, dict[str, tuple[int, ...]]()
    asked = _listed(n.aim.spec, n, place, shapes)
    return tuple(_wanted(n, o, shapes) for o in asked)


def before_activation(n: Network, one: Wanted) -> Wanted | None:
    """The same asked of what goes into the activation functions; None where a place is no activation function."""
    if not all(place and is_activation(n.kind(place)) for place in one.weights):
        return None
    return Wanted(one.label, {f"{place}:input": w for place, w in one.weights.items()})


class Answers:
    """Values and gradients of objectives, from passes of the network.

    Attributes:
        n: the network.
        asked: the objectives.
    """

    def __init__(self, n: Network, asked: Sequence[Wanted]) -> None:
        self.n, self.asked = n, tuple(asked)

    def values(self, x: NpArray) -> NpArray:
        """(objectives, rows) of inputs (rows, *features); refused where one is no number."""
        out = np.zeros((len(self.asked), len(x)))
        for place in self._places(range(len(self.asked))):
            mine = [k for k, a in enumerate(self.asked) if place in a.weights]
            weights = np.stack([self.asked[k].weights[place].ravel() for k in mine]).astype(float)

            def look(rows: slice, place: str = place, mine: list[int] = mine, w: NpArray = weights) -> None:
                y = self._model(place).predict(self._native(x[rows]))
                flat = self.n.model.numpy(y).reshape(rows.stop - rows.start, -1)
                out[mine, rows] += w @ flat.T.astype(float)

            self.n.pace.over(len(x), look)
            self.n.run.meter.count(len(x), grad=False)
        need_finite_objectives([a.label for a in self.asked], out)
        return out

    def slopes(self, x: NpArray, of: NpArray) -> tuple[NpArray, NpArray]:
        """The objective numbered `of` (rows,) at each row of x: (rows,), and its gradient there, shaped like x."""
        values, gradient = np.zeros(len(x)), np.zeros(x.shape, x.dtype)
        for place in self._places(set(of.tolist())):
            mine = np.array([k for k in range(len(x)) if place in self.asked[of[k]].weights])
            weights = np.stack([self.asked[of[k]].weights[place] for k in mine])
            self._pull(place, x, mine, weights, values, gradient)
            self.n.run.meter.count(len(mine), grad=True)
        return values, gradient

    def _pull(
        self, place: str, x: NpArray, mine: NpArray, weights: NpArray, values: NpArray, gradient: NpArray
    ) -> None:
        """Add what one place gives to values and gradients of the rows numbered `mine`."""
        model = self._model(place)

        def pull(part: slice) -> None:
            rows, w = mine[part], weights[part]

            def cotangent(y: Array) -> Array:
                found = self.n.model.numpy(y)
                values[rows] += (found.reshape(len(rows), -1).astype(float) * w.reshape(len(rows), -1)).sum(1)
                return self.n.model.native(w.reshape(found.shape).astype(found.dtype))

            _, (slope,) = model.vjp((self._native(x[rows]),), cotangent)
            gradient[rows] += self.n.model.numpy(slope)

        self.n.pace.over(len(mine), pull)

    def _places(self, of: Any) -> tuple[str, ...]:
        return tuple(dict.fromkeys(place for k in of for place in self.asked[k].weights))

    def _model(self, place: str) -> Any:
        return self.n.model[:place] if place else self.n.model

    def _native(self, x: NpArray) -> Array:
        return self.n.model.native(x.astype(self.n.x.dtype, copy=False))


def _listed(spec: Any, n: Network, place: str, shapes: dict[str, tuple[int, ...]]) -> tuple[Objective, ...]:
    """The caller's `target` as objectives."""
    if spec is None:
        count = _units(n, place, _shape(n, place, shapes)).shape[0]
        if count > MOST:
            raise TargetError(
                f"{_said(place)} has {count} units, too many to take all of them.",
                fix="Name some: target=[0, 1, 2].",
            )
        return tuple(Objective(k, at=place) for k in range(count))
    if isinstance(spec, list) and not (spec and all(isinstance(s, float) for s in spec)):
        if not spec:
            raise TargetError("No unit is named.", fix="Leave target out, or name one.")
        return tuple(_objective(s, place) for s in spec)
    if isinstance(spec, range):
        return tuple(_objective(s, place) for s in spec)
    return (_objective(spec, place),)


def _objective(spec: Any, place: str) -> Objective:
    if isinstance(spec, Objective):
        return spec
    if isinstance(spec, Margin):
        return Objective(spec.a) - Objective(spec.b)
    if isinstance(spec, Neuron):
        return Objective(() if spec.index is None else spec.index, at=spec.layer)
    return Objective(spec, at=place)


def _wanted(n: Network, objective: Objective, shapes: dict[str, tuple[int, ...]]) -> Wanted:
    """An objective's weights on the values it is made of."""
    weights = dict[str, NpArray]()
    for weight, place, of in objective.terms:
        shape = _shape(n, place, shapes)
        mine = weight * _weights(n, place, shape, of)
        weights[place] = weights[place] + mine if place in weights else mine
    return Wanted(str(_named(n, objective)), weights)


def _named(n: Network, objective: Objective) -> Any:
    """Its label: class names where they are known."""
    alone = not objective.others and objective.weight == 1 and not objective.at
    if alone and isinstance(objective.of, int) and 0 <= objective.of < len(n.aim.classes):
        return n.aim.classes[objective.of]
    return objective


def _shape(n: Network, place: str, shapes: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    """How the value at a place is shaped, for one row."""
    if place not in shapes:
        row = n.at_rows(slice(0, 1))
        if place:
            n.model.check(place, row)
        value = n.model.capture(row, (place,))[place] if place else n.model.predict(*row)
        shapes[place] = tuple(value.shape[1:])
    return shapes[place]


def _units(n: Network, place: str, shape: tuple[int, ...]) -> NpArray:
    """(units, places) where the values of each unit lie in the value of one row."""
    numbers = np.arange(prod(shape)).reshape(1, *shape)
    found = units_first(n, place, numbers)
    return found.reshape(found.shape[1], -1)


def _weights(n: Network, place: str, shape: tuple[int, ...], of: Of) -> NpArray:
    """(*shape) of one term."""
    out, units, named = np.zeros(prod(shape)), _units(n, place, shape), _said(place)
    if isinstance(of, str):
        of = _numbered(n, of, place)
    if of == () and len(units) == 1:
        of = 0
    if isinstance(of, int):
        if not 0 <= of < len(units):
            raise TargetError(f"{named} has no unit {of}.", fix=f"Choose 0..{len(units) - 1}.")
        out[units[of]] = 1 / units.shape[1]
    elif of and isinstance(of[0], float):
        if len(of) != len(units):
            raise TargetError(
                f"{named} has {len(units)} units, the direction {len(of)} numbers.", fix="Give one per unit."
            )
        out[units] = np.array(of)[:, None] / units.shape[1]
    else:
        out[_place_in(named, tuple(map(int, of)), shape)] = 1
    return out.reshape(shape)


def _place_in(named: str, of: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """The number of a place in a value of this shape."""
    if len(of) != len(shape):
        raise TargetError(
            f"{named} has values of shape {shape} for each row.",
            got=f"the place {of}",
            fix="Several units are a list: target=[0, 1].",
        )
    for axis, (i, size) in enumerate(zip(of, shape, strict=True)):
        if not 0 <= i < size:
            raise TargetError(
                f"{named} has no place {of}: axis {axis} is of size {size}.", fix=f"Choose 0..{size - 1}."
            )
    return int(np.ravel_multi_index(of, shape))


def _said(place: str) -> str:
    return f"Layer {place}" if place else "The output"


def _numbered(n: Network, name: str, place: str) -> int:
    if place:
        raise TargetError(f"Units of layer {place} have no names.", got=repr(name), fix="Give a number.")
    if name not in n.aim.classes:
        known = n.aim.classes
        raise TargetError(
            f"There is no class {name!r}."
            if known
            else f"Class {name!r} has no number: no class names are known.",
            fix=nearest(name, known) if known else "Pass classes=[...] with it.",
        )
    return n.aim.classes.index(name)
