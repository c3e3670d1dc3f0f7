"""The wanted answer: a class, any other class, or a range of a number; and how far an output is beyond it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core import target as targets
from pellucid.core.errors import CapabilityError, TargetError
from pellucid.core.types import NpArray

OTHER = -1
"""Stands for any class but the present one."""
FLOOR = 1e-6
"""Probabilities below this are taken for it, so that their logarithm is finite."""
SLACK = {4: 1e-5, 2: 1e-2}
"""By bytes of an output: how far classes must be apart, so that another batch does not turn them round; else 1e-9."""
SHORT = -1e-12
"""The lead of an answer that is not the wanted one, at most."""


@dataclass(frozen=True, eq=False)
class Goals:
    """What is wanted of each row.

    Attributes:
        index: (n,) the wanted class, or `OTHER`; zeros for ranges.
        present: (n,) the class that is predicted; zeros for ranges.
        box: (low, high) of the wanted range; None for classes.
        margin: how far beyond.
        is_probability: whether outputs are probabilities, whose lead is taken in log-odds.
        scale: what one unit of lead is, for outputs of other kinds.
        classes: names of the outputs.
    """

    index: NpArray
    present: NpArray
    box: tuple[float, float] | None
    margin: float
    is_probability: bool
    scale: float
    classes: tuple[str, ...]

    @classmethod
    def of(cls, spec: Any, y: NpArray, classes: tuple[str, ...], space: str, margin: float) -> Goals:
        """What the caller wants, for rows with outputs `y`.

        Raises:
            TargetError: a class that there is not, or no range where the model gives a number.
        """
        n = len(y)
        flat = y.reshape(n, -1)
        if flat.shape[1] == 1:
            spread = float(np.std(flat)) or 1.0
            zeros = np.zeros(n, int)
            return cls(zeros, zeros, _range(spec), margin, False, spread, ())
        present = flat.argmax(1)
        index = np.full(n, OTHER)
        if targets.scalar(spec) is not None:
            chosen = targets.resolve(spec, flat, classes=classes)
            if not isinstance(chosen, targets.Output):
                raise TargetError(
                    "A wanted answer is a class.", got=repr(spec), fix="Pass its name or number."
                )
            index = np.broadcast_to(chosen.index[:, 0], (n,)).copy()
        ordered = np.sort(flat, axis=1)
        spread = float(np.std(ordered[:, -1] - ordered[:, -2])) or 1.0
        return cls(index, present, None, margin, space == "probability", spread, classes)

    @property
    def kinds(self) -> tuple[NpArray, NpArray]:
        """(goals, 2) the different pairs of wanted and present class that matter, and (n,) which each row has."""
        present = np.where(self.index == OTHER, self.present, 0)
        return np.unique(np.column_stack([self.index, present]), axis=0, return_inverse=True)

    def lead(self, y: NpArray, index: NpArray, present: NpArray) -> NpArray:
        """How far outputs are beyond the wanted answer, at least 0 where it is reached.

        Args:
            y: (m, *outputs).
            index: (m,) the wanted class.
            present: (m,) the present class.
        """
        flat = y.reshape(len(y), -1)
        if self.box is not None:
            low, high = self.box
            gap = np.minimum(flat[:, 0] - low, high - flat[:, 0]) - self.margin
            reached = gap >= 0
            return np.where(reached, np.maximum(gap, 0) / self.scale, np.minimum(gap / self.scale, SHORT))
        at, other = np.arange(len(y)), index == OTHER
        own = np.where(other, present, index)
        held = flat[at, own]
        rest = flat.copy()
        rest[at, own] = -np.inf
        rival = rest.max(1)
        wanted, against = np.where(other, rival, held), np.where(other, held, rival)
        with np.errstate(invalid="ignore"):
            gap = np.nan_to_num(wanted - against - 2 * self.margin, nan=-np.inf)
        reached = gap >= SLACK.get(flat.dtype.itemsize, 1e-9)
        if self.is_probability:
            offset = np.log((0.5 + self.margin) / (0.5 - self.margin))
            gap = np.log(np.maximum(wanted, FLOOR)) - np.log(np.maximum(against, FLOOR)) - offset
        else:
            gap = gap / self.scale
        return np.where(reached, np.maximum(gap, 0.0), np.minimum(gap, SHORT))

    def cotangent(self, y: NpArray, index: NpArray, present: NpArray) -> NpArray:
        """The derivative of the lead by the outputs, shaped like them."""
        flat = y.reshape(len(y), -1)
        out, at = np.zeros(flat.shape), np.arange(len(y))
        if self.box is not None:
            low, high = self.box
            out[:, 0] = np.where(flat[:, 0] - low <= high - flat[:, 0], 1.0, -1.0) / self.scale
            return out.reshape(y.shape)
        other = index == OTHER
        own = np.where(other, present, index)
        rest = flat.copy()
        rest[at, own] = -np.inf
        rival = rest.argmax(1)
        wanted, against = np.where(other, rival, own), np.where(other, own, rival)
        out[at, wanted], out[at, against] = 1.0, -1.0
        scale = np.maximum(flat, FLOOR) if self.is_probability else self.scale
        return (out / scale).reshape(y.shape)

    def conditions(
        self, index: int, present: int, outputs: int, logs: bool
    ) -> list[list[tuple[NpArray, float]]]:
        """Ways to reach the wanted answer: in each, factors of the outputs' scores and the least they add up to.

        Args:
            index: the wanted class.
            present: the present class.
            outputs: how many there are.
            logs: whether the scores are logarithms of probabilities.

        Raises:
            CapabilityError: a margin that is not linear in such scores.
        """
        if self.box is not None:
            low, high = self.box
            sides = ((1.0, low + self.margin), (-1.0, self.margin - high))
            return [[(np.array([sign]), least) for sign, least in sides if np.isfinite(least)]]
        if logs and self.margin and outputs > 2:
            raise CapabilityError(
                "A margin is linear in log-odds for two classes only.",
                got=f"{outputs} classes",
                fix="Leave it out.",
            )
        least = 2 * self.margin
        if logs:
            least = float(np.log((0.5 + self.margin) / (0.5 - self.margin)))
        one = np.eye(outputs)
        if index == OTHER:
            return [[(one[k] - one[present], least)] for k in range(outputs) if k != present]
        return [[(one[index] - one[k], least) for k in range(outputs) if k != index]]

    def told(self, y: NpArray) -> tuple[tuple[str, ...], NpArray]:
        """What the model says in words, and its number for that: names and (m,)."""
        flat = y.reshape(len(y), int(np.prod(y.shape[1:])))
        if self.box is not None:
            return ("",) * len(y), flat[:, 0].astype(float)
        best = flat.argmax(1)
        return tuple(self.name(int(k)) for k in best), flat[np.arange(len(y)), best].astype(float)

    def name(self, k: int) -> str:
        """The name of a class; "" for any other."""
        if k == OTHER:
            return ""
        return self.classes[k] if k < len(self.classes) else str(k)

    def wanted(self) -> tuple[str, ...]:
        """What is wanted of each row, in words; a range as "low..high", any other class as ""."""
        if self.box is None:
            return tuple(self.name(int(k)) for k in self.index)
        low, high = ("" if np.isinf(v) else f"{v:g}" for v in self.box)
        return (f"{low}..{high}",) * len(self.index)


def _range(spec: Any) -> tuple[float, float]:
    """The wanted range of a number: (low, high), None where it is open."""
    if (
        not isinstance(spec, tuple | list)
        or len(spec) != 2
        or not all(v is None or isinstance(v, int | float | np.number) for v in spec)
    ):
        raise TargetError(
            "The model gives one number, so a wanted range is needed.",
            got=repr(spec),
            fix="Pass target=(low, high), with None where it is open.",
        )
    low, high = (
        (-np.inf if spec[0] is None else float(spec[0])),
        (np.inf if spec[1] is None else float(spec[1])),
    )
    if not low <= high:
        raise TargetError("The wanted range is empty.", got=repr(spec))
    return low, high
