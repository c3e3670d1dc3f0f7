"""CAM: the weights of the last dense layer, on the maps that it averages."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.field import Field
from pellucid.core.types import Array

from .feature_maps import MapMethod, Maps

TOLERANCE = 0.01
"""How far, as a share of the largest, weights may differ from place to place and point to point."""


class CAM(MapMethod):
    r"""The last layer's feature maps, each times its weight in the dense layer that reads their averages.

    .. math:: f = b + \sum_k w_k \frac{1}{Z} \sum_p A^k_p, \qquad
              L_p = \operatorname{ReLU}\Bigl(\frac{1}{Z} \sum_k w_k A^k_p\Bigr)

    The map that all others generalise: with ``relu=False`` its values add up to the logit less its bias. It needs a
    network that ends in convolution, global average and one dense layer; any other is refused. There the gradient is
    w / Z at every place, which is where the weights are read, so that HiResCAM and Grad-CAM give the same map.

    Shapes: ``x: (n, *features)``, ``values: (n, *places)`` of the layer `at`, by default the last with places.
    Cost: three gradients per row.
    Raises: `CapabilityError` when more than an average and a dense layer follow; `LayerError` without feature maps.

    >>> CAM()(pooled_net, images, target=3).values.shape
    (4, 32, 32)
    """

    paper = (
        "Zhou, Khosla, Lapedriza, Oliva, Torralba (2016). Learning Deep Features for Discriminative Localization. "
        "arXiv:1512.04150"
    )
    title: ClassVar[str] = "CAM"

    def map(self, f: Field, maps: Maps) -> Array:
        gradient = maps.gradient()
        weights = f.xp.mean(gradient, axis=maps.places, keepdims=True)
        others = [maps.read(f.grad(point)) for point in (f.x * 0, self._elsewhere(f))]
        largest = max(float(f.xp.max(abs(g))) for g in (gradient, *others))
        worst = max(float(f.xp.max(abs(g - weights))) for g in (gradient, *others))
        if worst > TOLERANCE * largest:
            raise CapabilityError(
                f"CAM needs a global average and one dense layer after {f.at!r}, and an output before any softmax.",
                got=f"weights that differ by {worst / largest:.2g} of the largest from place to place",
                fix="Name the layer that is averaged (after its activation) with at=, or use GradCAM or HiResCAM.",
            )
        return maps.over_channels(weights * maps.values)

    def _elsewhere(self, f: Field) -> Array:
        """Activations that no input need give, of both signs: a network that only looks linear shows itself."""
        noise = np.stack([f.run.generator(int(row)).standard_normal(tuple(f.x.shape[1:])) for row in f.rows])
        size = f.norm(f.x).mean() / max(1, int(np.prod(f.x.shape[1:]))) ** 0.5 + 1e-6
        return f.like(3 * size * noise)
