"""Guided Grad-CAM: guided backpropagation where Grad-CAM sees the class."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from pellucid.core.field import Field
from pellucid.core.intake import Data
from pellucid.core.rules import GuidedReLU
from pellucid.core.types import Array
from pellucid.results import Attribution

from .enlarge import Lens
from .feature_maps import MapMethod, positive


class GuidedGradCAM(MapMethod):
    r"""The guided gradient of the input, times the Grad-CAM map enlarged to it.

    .. math:: \phi = r^{\text{guided}} \odot s\Bigl(\operatorname{ReLU}\Bigl(\sum_k \alpha_k A^k\Bigr)\Bigr), \qquad
              \alpha_k = \frac{1}{Z} \sum_{p} \frac{\partial f}{\partial A^k_p}

    with :math:`r` what guided backpropagation brings to the input and :math:`s` linear between the centres of the
    layer's cells. The class comes from the coarse factor alone: the fine one shows edges, and nearly the same ones
    for every class and for a network whose head was randomised. Read where it is, not what it draws.

    Shapes: ``x, values: (n, *features)``; the map is taken at the layer `at`, by default the last with places.
    Cost: two gradients per row.
    Raises: `LayerError` when no layer has places and `at` names none; `ParameterError` when channels are unclear;
    `CapabilityError` when the model is no PyTorch model.

    >>> GuidedGradCAM()(net, images, target=3, at="conv3").values.shape
    (4, 1, 32, 32)
    """

    paper = "Selvaraju et al. (2017). Grad-CAM: Visual Explanations from Deep Networks. arXiv:1610.02391"
    title: ClassVar[str] = "Guided Grad-CAM"
    caution: ClassVar[str] = (
        "Its detail is that of guided backpropagation, which hardly depends on the class."
    )

    def attribute(self, f: Field) -> Array:
        maps, whole = self._maps(f), f.entrance()
        cam = maps.weighted(f.xp.mean(maps.gradient(), axis=maps.places))
        self._check(f, maps, cam)
        f.notes.certify(kind="exact", exact=True)
        f.notes.said.append(f"The map was taken at layer {f.at}.")
        lens = Lens(whole, len(maps.places), first=maps.axis == 1)
        return whole.multipliers(GuidedReLU()) * lens(positive(cam) if self.relu else cam)

    def _result(self, data: Data, f: Field, values: Array) -> Attribution:
        return replace(super()._result(data, f, values), at="", features=data.features, parts=data.parts)
