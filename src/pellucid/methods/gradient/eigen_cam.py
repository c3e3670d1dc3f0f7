"""EigenCAM: the pattern that a layer's feature maps share most."""

from __future__ import annotations

from typing import Any, ClassVar

from pellucid.core.field import Field
from pellucid.core.types import Array
from pellucid.methods.params import param

from .feature_maps import MapMethod, Maps


class EigenCAM(MapMethod):
    r"""The first principal component of a layer's feature maps: what the layer sees, whatever the class.

    .. math:: L = \operatorname{ReLU}\bigl((A - \bar A) \, v_1\bigr), \qquad A - \bar A = U \Sigma V^\top

    with :math:`A` the matrix of places by channels, :math:`\bar A` each channel's mean and :math:`v_1` the first
    right singular vector, its sign such that the map goes with the summed activation (or peaks, where that is flat).
    It asks for no gradient and knows no target: all classes get the same map, which shows what stands out in the
    image and not why it was named so. Never read it as evidence for the class.

    Shapes: ``x: (n, *features)``, ``values: (n, *places)`` of the layer `at`, by default the last with places.
    Cost: one pass through the network, and one singular value decomposition per row.
    Raises: `LayerError` when no layer has places and `at` names none; `ParameterError` when channels are unclear.

    >>> EigenCAM()(net, images, target=3, at="conv3").values.shape
    (4, 8, 8)
    """

    paper = "Muhammad, Yeasin (2020). Eigen-CAM: Class Activation Map using Principal Components. arXiv:2008.00299"
    title: ClassVar[str] = "Eigen-CAM"
    caution: ClassVar[str] = (
        "The same map for every class: it shows what the layer sees, not why a class was given."
    )
    blind: ClassVar[bool] = True

    relu: bool = param(default=True, doc="keep only the places that go with the summed activation")
    centred: bool = param(
        default=True, doc="take each channel's mean off first, as principal components do; the paper does not"
    )

    def map(self, f: Field, maps: Maps) -> Array:
        a, xp = maps.values.reshape((f.n, maps.values.shape[1], -1)), f.xp
        a = a - xp.mean(a, axis=2, keepdims=True) if self.centred else a
        _, sizes, rows = xp.linalg.svd(xp.matrix_transpose(a), full_matrices=False)
        cam = xp.sum(rows[:, 0, :, None] * a, axis=1)
        cam = cam * self._sign(cam, xp.sum(a, axis=1), xp)[:, None]
        second = f.numbers(sizes[:, 1:2].sum(1) / xp.maximum(sizes[:, 0], sizes[:, 0] * 0 + 1e-30))
        f.notes.check(
            "second_pattern",
            second,
            warn=0.9,
            fail=float("inf"),
            meaning="A second pattern is nearly as strong as the first: which one is drawn is close to chance.",
            advice="Name another layer with at=.",
        )
        f.notes.said.append("The map knows no class: it is the same for every target.")
        return cam.reshape((f.n, *maps.values.shape[2:]))

    @staticmethod
    def _sign(cam: Array, summed: Array, xp: Any) -> Array:
        """Such that the map goes with the summed activation; where that is flat (layer norm), its peak is positive."""
        along = xp.sum(cam * summed, axis=1)
        flat = abs(along) < 1e-4 * xp.sum(cam * cam, axis=1)
        peak = xp.max(cam, axis=1) + xp.min(cam, axis=1)
        return xp.where(xp.where(flat, peak, along) < 0, -1.0, 1.0)
