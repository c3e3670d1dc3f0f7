"""LayerCAM: the positive gradients times the activations."""

from __future__ import annotations

from typing import ClassVar

from pellucid.core.field import Field
from pellucid.core.types import Array

from .feature_maps import MapMethod, Maps, positive


class LayerCAM(MapMethod):
    r"""A layer's activations, each weighed by its own gradient where that is positive.

    .. math:: L_p = \operatorname{ReLU}\Bigl(\sum_k \operatorname{ReLU}\Bigl(
              \frac{\partial f}{\partial A^k_p}\Bigr) A^k_p\Bigr)

    Made for early layers, whose maps are fine: weights of single places keep the detail that averages lose. What
    speaks against the target is left out before the maps are added up, so that a place where both meet looks as if
    there were no doubt. The values add up to nothing in particular.

    Shapes: ``x: (n, *features)``, ``values: (n, *places)`` of the layer `at`, by default the last with places.
    Cost: one gradient per row.
    Raises: `LayerError` when no layer has places and `at` names none; `ParameterError` when channels are unclear.

    >>> LayerCAM()(net, images, target=3, at="conv2").values.shape
    (4, 16, 16)
    """

    paper = (
        "Jiang, Zhang, Hou, Cheng, Wei (2021). LayerCAM: Exploring Hierarchical Class Activation Maps for "
        "Localization. doi:10.1109/TIP.2021.3089943"
    )
    title: ClassVar[str] = "LayerCAM"

    def map(self, f: Field, maps: Maps) -> Array:
        return maps.over_channels(positive(maps.gradient()) * maps.values)
