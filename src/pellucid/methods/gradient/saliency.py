"""Saliency: the gradient itself."""

from __future__ import annotations

from typing import ClassVar

from pellucid.core.field import Field
from pellucid.core.types import Array
from pellucid.methods.params import param

from .family import GradientMethod


class Saliency(GradientMethod):
    r"""The gradient: how fast the output changes with each feature, right where the row is.

    .. math:: \phi_i(x) = \partial_i f(x) \quad\text{or}\quad |\partial_i f(x)|

    Local in the strict sense: it says what a tiny change would do, not what the feature contributed. Where the model
    is saturated it is zero for features that matter. Noisy on deep networks; smooth it with `NoiseTunnel`.

    Shapes: ``x, values: (n, *features)``.
    Cost: one gradient per row, and nothing else.
    Raises: `CapabilityError` when the model has no gradients.

    >>> Saliency()(net, images, target=3).values.shape
    (4, 1, 32, 32)
    """

    paper = "Simonyan, Vedaldi, Zisserman (2014). Deep Inside Convolutional Networks. arXiv:1312.6034"
    title: ClassVar[str] = "Saliency"

    absolute: bool = param(default=False, doc="take the size of the gradient and drop its sign")

    def attribute(self, f: Field) -> Array:
        gradient = f.grad(f.x)
        f.notes.certify(kind="exact", exact=True)
        return f.xp.abs(gradient) if self.absolute else gradient
