"""What is explained of a forest's raw outputs: one of them, or a difference of two, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.forest import Forest
from pellucid.core.target import Difference, Neuron, Output, Target
from pellucid.core.types import NpArray
from pellucid.core.views import Aim


@dataclass(frozen=True, eq=False)
class TreeAim:
    """The caller's target as a mix of raw outputs.

    Attributes:
        spec: see `pellucid.core.target.Spec`.
        forest: the ensemble.
        classes: names of the model's classes.
        classifier: whether its outputs are classes.
    """

    spec: Any
    forest: Forest
    classes: tuple[str, ...] = ()
    classifier: bool | None = None

    @property
    def speaks_for_two(self) -> bool:
        """Whether the one raw output is the score of the second of two classes."""
        return self.forest.outputs == 1 and len(self.classes) == 2

    def weights(self, raw: NpArray) -> NpArray:
        """(n, outputs) how much each raw output counts in what is explained of each row."""
        y = self._outputs(raw)
        goal = self._goal(y)
        picked = np.asarray(goal.cotangent(y, np.arange(len(y))), float)
        if not self.speaks_for_two:
            return picked
        second = picked[:, 1:] - picked[:, :1]
        return second / 2 if isinstance(goal, Difference) else second

    def labels(self, raw: NpArray) -> tuple[str, ...]:
        """What is explained of each row, by name."""
        return self._goal(self._outputs(raw)).labels(self.classes, len(raw))

    def _outputs(self, raw: NpArray) -> NpArray:
        return np.concatenate([-raw, raw], axis=1) if self.speaks_for_two else raw

    def _goal(self, y: NpArray) -> Target:
        if isinstance(self.spec, Neuron):
            raise CapabilityError("Trees have no layers.", fix="Name a class as the target.")
        spec = 1 if self.spec is None and self.speaks_for_two else self.spec
        goal = Aim(spec, self.classes, "raw", None, self.classifier).at(y)
        if not isinstance(goal, Output | Difference):
            raise CapabilityError(
                "Trees add up to raw outputs, and the target is no difference of these.",
                got=repr(self.spec),
                fix="Name a class or a Margin, or use KernelShap.",
            )
        return goal
