"""Guided backpropagation."""

from __future__ import annotations

from typing import ClassVar

from pellucid.core.field import Field
from pellucid.core.rules import GuidedReLU
from pellucid.core.types import Array

from .family import GradientMethod


class GuidedBackprop(GradientMethod):
    r"""The gradient, let through a ReLU only where it and the ReLU's input are both positive.

    .. math:: r_{\text{in}} = r_{\text{out}} \cdot [z > 0] \cdot [r_{\text{out}} > 0]

    at every ReLU, however it is spelled, with :math:`z` its input; every other operation passes its gradient on.
    Sharp pictures of what the first layers see, and little about the class: measured, after the network's head is
    replaced by random numbers they still look 0.66 like themselves, where LRP and Grad-CAM are at 0.1.

    Shapes: ``x, values: (n, *features)``.
    Cost: one gradient per row.
    Raises: `CapabilityError` when the model has no gradients, or is no PyTorch model.

    >>> GuidedBackprop()(net, images, target=3).values.shape
    (4, 1, 32, 32)
    """

    paper = (
        "Springenberg, Dosovitskiy, Brox, Riedmiller (2015). Striving for Simplicity: The All Convolutional Net. "
        "arXiv:1412.6806"
    )
    title: ClassVar[str] = "Guided backpropagation"
    caution: ClassVar[str] = (
        "Hardly depends on the class: with a random head it still looks 0.66 like itself (LRP and Grad-CAM: 0.1)."
    )

    def attribute(self, f: Field) -> Array:
        f.notes.certify(kind="exact", exact=True)
        return f.multipliers(GuidedReLU())
