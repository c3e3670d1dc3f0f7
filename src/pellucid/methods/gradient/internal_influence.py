"""Internal influence: the mean gradient at a layer while the input comes from the baseline."""

from __future__ import annotations

from typing import Any, ClassVar

from pellucid.core.field import Field
from pellucid.core.types import Array

from .along_path import LayerPathMethod
from .quadrature import with_companion


class InternalInfluence(LayerPathMethod):
    r"""How strongly the output hangs on each unit of a layer, averaged on the way from the baseline to the input.

    .. math:: \phi_j(x) = \int_0^1 \frac{\partial f}{\partial h_j}\bigl(x' + \alpha (x - x')\bigr) \, d\alpha

    A gradient: the change of the output per change of the unit, over the inputs on the path instead of at one of
    them, so that saturation at x hides nothing. It is not multiplied by what the unit did, adds up to nothing, and
    large values may belong to units that never change; `Conductance` asks what each contributed.

    Shapes: ``x, baseline: (n, *features)``, ``values: (n, *layer)`` of the layer `at`, by default what the last
    layer with weights reads; half-widths alike.
    Cost: ``steps`` gradients, and as many passes up to the layer, per row.
    Raises: `CapabilityError` when the model has no gradients or layers, or its input is whole numbers.

    >>> InternalInfluence()(net, images, target=3, at="conv2").values.shape
    (4, 8, 16, 16)
    """

    paper = (
        "Leino, Sen, Datta, Fredrikson, Li (2018). Influence-Directed Explanations for Deep Convolutional Networks. "
        "arXiv:1802.03788"
    )
    title: ClassVar[str] = "Internal influence"

    def attribute(self, f: Field) -> Array:
        nodes, weights = with_companion(self.steps)
        fine: Any = 0.0
        coarse: Any = 0.0
        for (_, gradient), weight in zip(self.walk(f, nodes), weights, strict=True):
            fine, coarse = fine + float(weight[0]) * gradient, coarse + float(weight[1]) * gradient
        self.judge(f, fine, fine - coarse)
        return fine
