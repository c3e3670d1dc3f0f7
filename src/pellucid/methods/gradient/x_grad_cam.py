"""XGradCAM: gradients averaged with the activations as weights."""

from __future__ import annotations

from typing import ClassVar

from pellucid.core.field import Field
from pellucid.core.types import Array

from .feature_maps import MapMethod, Maps, ratio


class XGradCAM(MapMethod):
    r"""Grad-CAM with each channel's gradient averaged where the channel is active.

    .. math:: \alpha_k = \sum_p \frac{A^k_p}{\sum_q A^k_q} \frac{\partial f}{\partial A^k_p}, \qquad
              L_p = \operatorname{ReLU}\Bigl(\sum_k \alpha_k A^k_p\Bigr)

    With these weights the maps (``relu=False``) add up to the sum of gradient times activation, as HiResCAM's do, so
    that ReLU networks without biases are conserved. Made for activations that are not negative, after a ReLU: where a
    channel's activations cancel, its weight has no meaning, and a check says so.

    Shapes: ``x: (n, *features)``, ``values: (n, *places)`` of the layer `at`, by default the last with places.
    Cost: one gradient per row.
    Raises: `LayerError` when no layer has places and `at` names none; `ParameterError` when channels are unclear.

    >>> XGradCAM()(net, images, target=3, at="conv3").values.shape
    (4, 8, 8)
    """

    paper = (
        "Fu, Hu, Dong, Guo, Gao, Li (2020). Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of "
        "CNNs. arXiv:2008.02312"
    )
    title: ClassVar[str] = "XGrad-CAM"

    def map(self, f: Field, maps: Maps) -> Array:
        total = maps.over_places(maps.values)
        size = maps.over_places(abs(maps.values))
        share = f.xp.max(ratio(abs(total) * -1.0 + size, size).reshape((f.n, -1)), axis=1)
        f.notes.check(
            "cancelling",
            f.numbers(share),
            warn=0.9,
            fail=float("inf"),
            meaning="Some channel's activations cancel to less than a tenth, so that its weight means little.",
            advice="Name a layer whose activations are not negative (after its ReLU) with at=.",
        )
        return maps.over_channels(ratio(maps.over_places(maps.values * maps.gradient()), total) * maps.values)
