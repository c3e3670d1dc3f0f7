"""Deconvolution."""

from __future__ import annotations

from typing import ClassVar

from pellucid.core.field import Field
from pellucid.core.rules import DeconvolutionReLU
from pellucid.core.types import Array

from .family import GradientMethod


class Deconvolution(GradientMethod):
    r"""The gradient, where a ReLU passes back what is positive in it, whatever the ReLU's own input was.

    .. math:: r_{\text{in}} = r_{\text{out}} \cdot [r_{\text{out}} > 0]

    at every ReLU, however it is spelled; every other operation passes its gradient on. What the network would draw
    for the output if all its units were awake: measured, after the network's head is replaced by random numbers the
    pictures still look 0.53 like themselves, so they say little about the class.

    Shapes: ``x, values: (n, *features)``.
    Cost: one gradient per row.
    Raises: `CapabilityError` when the model has no gradients, or is no PyTorch model.

    >>> Deconvolution()(net, images, target=3).values.shape
    (4, 1, 32, 32)
    """

    paper = "Zeiler, Fergus (2014). Visualizing and Understanding Convolutional Networks. arXiv:1311.2901"
    title: ClassVar[str] = "Deconvolution"
    caution: ClassVar[str] = (
        "Hardly depends on the class: with a random head it still looks 0.53 like itself (LRP and Grad-CAM: 0.1)."
    )

    def attribute(self, f: Field) -> Array:
        f.notes.certify(kind="exact", exact=True)
        return f.multipliers(DeconvolutionReLU())
