"""Ablation-CAM: what the score loses without each feature map."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.field import Field
from pellucid.core.run import batches, tracking
from pellucid.core.types import Array

from .feature_maps import MapMethod, Maps


class AblationCAM(MapMethod):
    r"""A layer's feature maps, each weighed by what the output loses when that map is set to zero.

    .. math:: w_k = f(A) - f(A^{k \to 0}), \qquad L_p = \operatorname{ReLU}\Bigl(\sum_k w_k A^k_p\Bigr)

    No gradients, so that saturation and steps without derivatives do no harm. The paper divides the weights by f(A),
    which turns the map round where a logit is negative and blows it up near zero; here they stay in the output's
    units. Channels that can stand in for each other look small, since one is missed only when both are gone.

    Shapes: ``x: (n, *features)``, ``values: (n, *places)`` of the layer `at`, by default the last with places.
    Cost: one pass through the rest of the network per channel and row.
    Raises: `LayerError` when no layer has places and `at` names none; `ParameterError` when channels are unclear.

    >>> AblationCAM()(net, images, target=3, at="conv3").values.shape
    (4, 8, 8)
    """

    paper = (
        "Desai, Ramaswamy (2020). Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free "
        "Localization. doi:10.1109/WACV45572.2020.9093360"
    )
    title: ClassVar[str] = "Ablation-CAM"

    def map(self, f: Field, maps: Maps) -> Array:
        channels, scores = int(maps.values.shape[1]), list[Array]()
        shape = [channels if a in (0, maps.axis + 1) else 1 for a in range(f.x.ndim + 1)]
        kept = f.like((1 - np.eye(channels)).reshape(shape))
        with tracking(f.run, "channels", channels) as advance:
            for block in batches(channels, max(1, f.rows_per_batch(channels) // f.n)):
                scores.append(f(kept[block] * f.x))
                advance(block.stop - block.start)
        lost = f.output - f.xp.concat(scores)
        return maps.weighted(f.xp.matrix_transpose(lost))
