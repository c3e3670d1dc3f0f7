"""Grad-CAM: which places of a convolutional layer speak for the class."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pellucid.core.errors import CapabilityError, LayerError, ParameterError
from pellucid.core.field import Field
from pellucid.core.types import Array
from pellucid.methods.params import param

from .family import GradientMethod

CONVOLUTIONS = (
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "SeparableConv2D",
    "DepthwiseConv2D",
)


class GradCAM(GradientMethod):
    r"""A layer's feature maps, each weighed by its mean gradient: a coarse map of where the class is seen.

    .. math:: \alpha_k = \frac{1}{Z} \sum_{p} \frac{\partial f}{\partial A^k_p}, \qquad
              L_p = \operatorname{ReLU}\Bigl(\sum_k \alpha_k A^k_p\Bigr)

    One value per cell of the layer, not per pixel: as fine as the layer is. `relu` drops the evidence against the
    class; the share that it drops is a check. Averaging the gradients over places is exact only for layers followed
    by nothing but pooling and dense layers.

    Shapes: ``x: (n, *features)``, ``values: (n, *places)`` of the layer `at`.
    Cost: one gradient per row.
    Raises: `LayerError` when no convolution is found and `at` names none; `ParameterError` when channels are unclear.

    >>> GradCAM()(net, images, target=3, at="conv3").values.shape
    (4, 8, 8)
    """

    paper = "Selvaraju et al. (2017). Grad-CAM: Visual Explanations from Deep Networks. arXiv:1610.02391"
    title: ClassVar[str] = "Grad-CAM"
    data: ClassVar[tuple[str, ...]] = ("image", "series", "text")

    relu: bool = param(default=True, doc="keep only the evidence for the target")
    channels: str = param(
        default="auto",
        doc="the axis of the layer's channels; auto is the first after the rows, and asks where a layer has two axes",
        choices=("auto", "first", "last"),
    )

    def place(self, data: Any) -> str:
        if not hasattr(data.model, "layers"):
            raise CapabilityError("Grad-CAM needs a network with layers.", got=data.model.facts.name)
        found = [layer.name for layer in data.model.layers() if layer.kind in CONVOLUTIONS]
        if not found:
            raise LayerError("The network has no convolution.", fix="Name the layer to look at with at=.")
        return found[-1]

    def attribute(self, f: Field) -> Array:
        axis = self._channel_axis(f)
        places = tuple(a for a in range(1, f.x.ndim) if a != axis)
        weights = f.xp.mean(f.grad(f.x), axis=places, keepdims=True)
        cam = f.xp.sum(weights * f.x, axis=axis)
        self._check(f, cam)
        f.notes.certify(kind="exact", exact=True)
        return (cam + abs(cam)) / 2 if self.relu else cam

    def _channel_axis(self, f: Field) -> int:
        if f.x.ndim < 3:
            raise LayerError(
                f"Layer {f.at!r} has no places, only {tuple(f.x.shape[1:])} units.",
                fix="Choose a convolution.",
            )
        if self.channels == "auto" and f.x.ndim == 3:
            raise ParameterError(
                f"Layer {f.at!r} gives {tuple(f.x.shape[1:])}: its channels may be either axis.",
                fix="Pass channels='first' (series) or channels='last' (tokens).",
            )
        first = self.channels == "first" or (self.channels == "auto" and f.channels == "first")
        return 1 if first else f.x.ndim - 1

    def _check(self, f: Field, cam: Array) -> None:
        cells = f.model.numpy(cam).reshape(f.n, -1)
        against = np.where(cells < 0, -cells, 0).sum(1) / np.maximum(np.abs(cells).sum(1), 1e-30)
        if self.relu:
            f.notes.check(
                "negative_evidence",
                against,
                warn=0.5,
                fail=0.999,
                meaning="Most of the layer's evidence speaks against the target and is not in the picture.",
                advice="Look at relu=False, or explain another target.",
            )
        f.notes.check(
            "resolution",
            float(min(cam.shape[1:]) < 4),
            warn=0,
            fail=np.inf,
            meaning=f"The layer has only {'x'.join(map(str, cam.shape[1:]))} cells: the map says little of where.",
            advice="Name an earlier layer with at=.",
        )
