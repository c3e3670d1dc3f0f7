"""Several inputs at once: each is hidden by a masker of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import lcm, prod
from typing import Any

import numpy as np

from .errors import ParameterError, ShapeError, nearest
from .features import Features, infer
from .masker import Hidden, Masker
from .types import Bools, NpArray


@dataclass(frozen=True, eq=False)
class Several:
    """The players of several inputs side by side, as the inputs are packed.

    Attributes:
        maskers: one for each input.
        shapes: name -> shape of one row of each.
        channels: where the model's images have their channels.
    """

    maskers: tuple[Masker, ...]
    shapes: Mapping[str, tuple[int, ...]]
    channels: str = "first"

    def bind(self, x: NpArray, features: Features) -> Hidden:
        ends = [0, *accumulate(prod(shape) for shape in self.shapes.values())]
        rows = [x[a:b].reshape(s) for (a, b), s in zip(pairwise(ends), self.shapes.values(), strict=True)]
        each = [
            m.bind(row, infer(row.shape, self.channels)) for m, row in zip(self.maskers, rows, strict=True)
        ]
        cuts = [0, *accumulate(len(h.players) for h in each)]
        names = tuple(f"{n}: {p}" for n, h in zip(self.shapes, each, strict=True) for p in h.players)
        times = lcm(*(h.fillings for h in each))

        def fill(coalitions: Bools) -> NpArray:
            parts = list[NpArray]()
            for h, (a, b) in zip(each, pairwise(cuts), strict=True):
                filled = h.fill(coalitions[:, a:b])
                flat = filled.reshape(*filled.shape[:2], -1)
                parts.append(np.tile(flat, (1, times // flat.shape[1], 1)))
            return np.concatenate(parts, axis=2)

        weight = _weight(each, times)
        if all(h.label is not None for h in each):
            labels = [np.ravel(h.label) + a for h, a in zip(each, cuts, strict=False)]  # type: ignore[operator]
            return Hidden(names, fill, np.concatenate(labels), weight=weight)
        member = np.zeros((len(names), len(x)), bool)
        for h, (a, b), (start, stop) in zip(each, pairwise(cuts), pairwise(ends), strict=True):
            member[a:b, start:stop] = _members(h)
        return Hidden(names, fill, member=member, weight=weight)

    def describe(self) -> str:
        return "; ".join(f"{n} {m.describe()}" for n, m in zip(self.shapes, self.maskers, strict=True))


def _weight(each: Sequence[Hidden], times: int) -> NpArray | None:
    """(times,) how much each filling of all inputs together counts."""
    if all(h.weight is None for h in each):
        return None
    out = np.ones(times)
    for h in each:
        if h.weight is not None:
            out *= np.tile(h.weight, times // len(h.weight))
    return out / out.sum()


def _members(hidden: Hidden) -> Bools:
    """(players, features) which features each player holds."""
    players = len(hidden.players)
    if hidden.member is not None:
        return hidden.member.reshape(players, -1)
    label = np.arange(players) if hidden.label is None else hidden.label.ravel()
    return label == np.arange(players)[:, None]


def chosen(masker: Any, shapes: Mapping[str, tuple[int, ...]], channels: str) -> Masker:
    """What the caller passed as a masker: one, or one for each input, in their order or by name.

    Raises:
        ParameterError: it is none, or there is one of several inputs, or of an input that there is not.
        ShapeError: another number of them than inputs.
    """
    if hasattr(masker, "bind"):
        return masker
    if not isinstance(masker, Mapping | Sequence) or isinstance(masker, str):
        raise ParameterError(
            "This is no masker.",
            got=type(masker).__name__,
            fix="Pass Background(rows), Fill(value), Segments(), Windows(...) or another with bind() and describe().",
        )
    if not shapes:
        raise ParameterError(
            "Several maskers are for several inputs.", got=f"{len(masker)} maskers for one input"
        )
    if isinstance(masker, Mapping):
        strange = [name for name in masker if name not in shapes]
        if strange:
            raise ParameterError(f"There is no input {strange[0]!r}.", fix=nearest(str(strange[0]), shapes))
        masker = [masker[name] for name in shapes if name in masker]
    if len(masker) != len(shapes):
        raise ShapeError(f"{len(shapes)} inputs need {len(shapes)} maskers.", got=len(masker))
    return Several(tuple(chosen(m, {}, channels) for m in masker), shapes, channels)
