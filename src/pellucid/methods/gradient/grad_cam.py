"""Grad-CAM: which places of a layer speak for the class."""

from __future__ import annotations

from typing import ClassVar

from pellucid.core.field import Field
from pellucid.core.types import Array

from .feature_maps import MapMethod, Maps


class GradCAM(MapMethod):
    r"""A layer's feature maps, each weighed by its mean gradient: a coarse map of where the class is seen.

    .. math:: \alpha_k = \frac{1}{Z} \sum_{p} \frac{\partial f}{\partial A^k_p}, \qquad
              L_p = \operatorname{ReLU}\Bigl(\sum_k \alpha_k A^k_p\Bigr)

    One value per cell of the layer, not per pixel: as fine as the layer is. `relu` drops the evidence against the
    class; the share that it drops is a check. Averaging the gradients over places is exact only for layers followed
    by nothing but pooling and dense layers; elsewhere it can show places that the network did not use (`HiResCAM`).
    Of a transformer, name the layer (the last one that attention still reads): tokens are laid out on their grid.

    Shapes: ``x: (n, *features)``, ``values: (n, *places)`` of the layer `at`, by default the last with places.
    Cost: one gradient per row.
    Raises: `LayerError` when no layer has places and `at` names none; `ParameterError` when channels are unclear.

    >>> GradCAM()(net, images, target=3, at="conv3").values.shape
    (4, 8, 8)
    """

    paper = "Selvaraju et al. (2017). Grad-CAM: Visual Explanations from Deep Networks. arXiv:1610.02391"
    title: ClassVar[str] = "Grad-CAM"

    def map(self, f: Field, maps: Maps) -> Array:
        return maps.weighted(f.xp.mean(maps.gradient(), axis=maps.places))
