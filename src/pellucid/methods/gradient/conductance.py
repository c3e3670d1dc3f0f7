"""Conductance: how much of the way from baseline to input flows through each unit of a layer."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pellucid.core.field import Field
from pellucid.core.types import Array

from .along_path import LayerPathMethod
from .integrated_gradients import gap


class Conductance(LayerPathMethod):
    r"""Integrated gradients of the input, split by the units of a layer that they flow through.

    .. math:: \phi_j(x) = \int_0^1 \frac{\partial f}{\partial h_j} \, \frac{d h_j}{d\alpha} \, d\alpha, \qquad
              h = h\bigl(x' + \alpha (x - x')\bigr)

    summed over points of the path as mean gradient times the layer's own change between them. Where all that the
    output knows of the input comes through the layer, the values add up to f(x) - f(x'); a connection beside the
    layer carries its part past it, and the completeness check says how much. Unlike integrated gradients at the
    layer, which go straight from the layer's baseline to its value, the layer is seen on the way that inputs take.

    Shapes: ``x, baseline: (n, *features)``, ``values: (n, *layer)`` of the layer `at`, by default what the last
    layer with weights reads; half-widths alike.
    Cost: ``steps`` + 1 gradients, and as many passes up to the layer, per row.
    Raises: `CapabilityError` when the model has no gradients or layers, or its input is whole numbers.

    >>> Conductance()(net, images, target=3, at="conv2").values.shape
    (4, 8, 16, 16)
    """

    paper = "Dhamdhere, Sundararajan, Yan (2018). How Important Is a Neuron? arXiv:1805.12233"
    title: ClassVar[str] = "Conductance"
    complete: ClassVar[bool] = True

    def attribute(self, f: Field) -> Array:
        fine: Any = 0.0
        coarse: Any = 0.0
        seen: list[tuple[Array, Array]] = []
        for k, point in enumerate(self.walk(f, np.linspace(0, 1, self.steps + 1))):
            seen = [*seen[-2:], point]
            fine = fine + (flow(seen[-2], point) if k else 0.0)
            coarse = coarse + (flow(seen[0], point) if k and k % 2 == 0 else 0.0)
        self.judge(f, fine, fine - coarse)
        f.notes.check(
            "completeness",
            gap(f.numbers(fine), f.numbers(f.output - f.base)),
            warn=0.02,
            fail=0.10,
            meaning="The values do not add up to the change of the output.",
            advice="Raise steps; what a connection beside the layer carries is not in its values.",
        )
        return fine


def flow(start: tuple[Array, Array], end: tuple[Array, Array]) -> Array:
    """Mean gradient times change, of a layer's (value, gradient) at two points."""
    return (start[1] + end[1]) / 2 * (end[0] - start[0])
