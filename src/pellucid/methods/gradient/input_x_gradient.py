"""Input x gradient: the gradient weighed by the input."""

from __future__ import annotations

from typing import ClassVar

from pellucid.core.field import Field
from pellucid.core.types import Array

from .family import GradientMethod


class InputXGradient(GradientMethod):
    r"""The gradient times the input: a linear model's contributions, taken at one point.

    .. math:: \phi_i(x) = x_i \, \partial_i f(x)

    Adds up to f(x) for networks without biases whose activations are piecewise linear, and to nothing in particular
    for others. A feature that is zero gets zero, whatever its absence means.

    Shapes: ``x, values: (n, *features)``.
    Cost: one gradient per row.
    Raises: `CapabilityError` when the model has no gradients.

    >>> InputXGradient()(net, images, target=3).values.shape
    (4, 1, 32, 32)
    """

    paper = "Shrikumar, Greenside, Shcherbina, Kundaje (2016). Not Just a Black Box. arXiv:1605.01713"
    title: ClassVar[str] = "Input x gradient"
    caution: ClassVar[str] = (
        "Saturates, and gives nothing to what is zero: after normalisation, black is not zero."
    )

    def attribute(self, f: Field) -> Array:
        f.notes.certify(kind="exact", exact=True)
        return f.x * f.grad(f.x)
