"""HiResCAM: the gradient times the activation, added up over channels."""

from __future__ import annotations

from typing import ClassVar

from pellucid.core.field import Field
from pellucid.core.types import Array

from .feature_maps import MapMethod, Maps


class HiResCAM(MapMethod):
    r"""A layer's activations, each weighed by its own gradient: what every place of the layer contributes.

    .. math:: L_p = \operatorname{ReLU}\Bigl(\sum_k \frac{\partial f}{\partial A^k_p} A^k_p\Bigr)

    Grad-CAM without the averaging, which may light up places that the network did not use. Where dense layers or
    pooling alone follow, the values with ``relu=False`` add up to the output less its bias, and the map is exact;
    further down it is the gradient times the activation, true to first order only.

    Shapes: ``x: (n, *features)``, ``values: (n, *places)`` of the layer `at`, by default the last with places.
    Cost: one gradient per row.
    Raises: `LayerError` when no layer has places and `at` names none; `ParameterError` when channels are unclear.

    >>> HiResCAM()(net, images, target=3, at="conv3").values.shape
    (4, 8, 8)
    """

    paper = (
        "Draelos, Carin (2021). Use HiResCAM instead of Grad-CAM for Faithful Explanations of Convolutional Neural "
        "Networks. arXiv:2011.08891"
    )
    title: ClassVar[str] = "HiResCAM"

    def map(self, f: Field, maps: Maps) -> Array:
        return maps.over_channels(maps.gradient() * maps.values)
