"""Grad-CAM++: positive gradients, averaged by how much each place matters to the score."""

from __future__ import annotations

from typing import ClassVar

from pellucid.core.field import Field
from pellucid.core.types import Array

from .feature_maps import MapMethod, Maps, positive, ratio


class GradCAMPlusPlus(MapMethod):
    r"""Grad-CAM with weights of single places, so that several objects of a class, or small ones, count alike.

    .. math:: w_k = \sum_p \frac{(g^k_p)^2}{2 (g^k_p)^2 + \sum_q A^k_q \, (g^k_p)^3} \operatorname{ReLU}(g^k_p),
              \qquad L_p = \operatorname{ReLU}\Bigl(\sum_k w_k A^k_p\Bigr), \qquad
              g^k_p = \frac{\partial f}{\partial A^k_p}

    The fraction, 1 / (2 + sum A g), comes from the second and third derivatives of exp f in a ReLU network, where
    they are powers of g. All weights are positive: evidence against the class is not seen, also not with
    ``relu=False``. Where activations are negative the fraction can blow up or turn its sign, and a check says so.

    Shapes: ``x: (n, *features)``, ``values: (n, *places)`` of the layer `at`, by default the last with places.
    Cost: one gradient per row.
    Raises: `LayerError` when no layer has places and `at` names none; `ParameterError` when channels are unclear.

    >>> GradCAMPlusPlus()(net, images, target=3, at="conv3").values.shape
    (4, 8, 8)
    """

    paper = (
        "Chattopadhyay, Sarkar, Howlader, Balasubramanian (2018). Grad-CAM++: Improved Visual Explanations for Deep "
        "Convolutional Networks. arXiv:1710.11063"
    )
    title: ClassVar[str] = "Grad-CAM++"

    def map(self, f: Field, maps: Maps) -> Array:
        g = maps.gradient()
        bottom = 2 + maps.over_places(maps.values) * g
        f.notes.check(
            "denominator",
            -f.numbers(f.xp.min(f.xp.where(g > 0, bottom, 2.0).reshape((f.n, -1)), axis=1)),
            warn=-0.05,
            fail=float("inf"),
            meaning="Some weights are divided by nearly nothing or by a negative number.",
            advice="Name a layer whose activations are not negative (after its ReLU) with at=, or use HiResCAM.",
        )
        return maps.weighted(f.xp.sum(ratio(positive(g), bottom), axis=maps.places))
