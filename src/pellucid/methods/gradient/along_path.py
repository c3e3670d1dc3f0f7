"""What methods share that walk a path in the input and watch a layer on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError, ParameterError
from pellucid.core.field import Field
from pellucid.core.intake import Data
from pellucid.core.run import Run, batches, tracking
from pellucid.core.types import Array, NpArray
from pellucid.methods.params import param

from .family import GradientMethod


class LayerPathMethod(GradientMethod, abstract=True):
    """The straight path from the baseline to the input, seen from a layer: `f.inner` of points of the input."""

    steps: int = param(default=64, doc="points on the path from baseline to input, an even number", min=2)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps % 2:
            raise ParameterError(
                f"{type(self).__name__}(steps=...) must be even.",
                got=self.steps,
                fix="Every second point makes the rule that tells the error.",
            )

    @property
    def compares(self) -> bool:
        return True

    def place(self, data: Data) -> str:
        """What the last layer with weights reads: the network's last hidden units."""
        if not hasattr(data.model, "layers"):
            raise CapabilityError(f"{self.title} needs a network with layers.", got=data.model.facts.name)
        weighted = [layer.name for layer in data.model.layers(data.inputs) if layer.parameters]
        if not weighted:
            raise CapabilityError("The network has no layer with weights.", fix="Name a layer with at=.")
        return f"{weighted[-1]}:input"

    def _field(self, data: Data, run: Run, target: Any, at: str, classes: tuple[str, ...]) -> Field:
        if data.x.dtype.kind != "f":
            raise CapabilityError(
                f"{self.title} walks from the baseline to the input, and there is no way between whole numbers.",
                got=f"dtype {data.x.dtype}",
                fix=f"Use IntegratedGradients with at={at!r}.",
            )
        return super()._field(data, run, target, at, classes).entrance()

    def walk(self, f: Field, nodes: NpArray) -> Iterator[tuple[Array, Array]]:
        """The layer's value and df/d(layer), (n, *layer) each, at the nodes one after another."""
        step = f.x - f.baseline
        with tracking(f.run, "gradients", len(nodes) * f.n) as advance:
            for block in batches(len(nodes), max(1, f.rows_per_batch(len(nodes)) // f.n)):
                alpha = f.like(nodes[block]).reshape((-1,) + (1,) * f.x.ndim)
                values, gradients = f.inner(f.baseline + alpha * step)
                yield from ((values[k], gradients[k]) for k in range(int(values.shape[0])))
                advance((block.stop - block.start) * f.n)

    def judge(self, f: Field, values: Array, change: Array) -> None:
        """State the error: `change` is what the rule on every second point would have said otherwise."""
        f.notes.certify(half_width=2 * abs(change), kind="discretisation")
        f.notes.check(
            "discretisation",
            f.norm(change) / np.maximum(f.norm(values), 1e-30),
            warn=0.05,
            fail=0.20,
            meaning="Half as many points on the path would have changed the values by more than a twentieth.",
            advice="Raise steps.",
        )
