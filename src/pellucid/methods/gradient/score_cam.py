"""Score-CAM: how well the input scores where each feature map lights it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.field import Field
from pellucid.core.run import batches, tracking
from pellucid.core.types import Array

from .enlarge import Lens
from .feature_maps import MapMethod, Maps, ratio


class ScoreCAM(MapMethod):
    r"""A layer's feature maps, each weighed by the output for the input seen through that map alone.

    .. math:: w_k = \operatorname{softmax}_k f\bigl(x \odot s(A^k)\bigr), \qquad
              L_p = \operatorname{ReLU}\Bigl(\sum_k w_k A^k_p\Bigr)

    with :math:`s` enlarging a map to the input (between the centres of its cells) and stretching it to 0..1. No
    gradients. The masked inputs are dimmed to zero, which after normalisation is not black, and look like nothing
    the network has learned. The softmax of logits often leaves all weight to one channel; a check says so.

    Shapes: ``x: (n, *features)``, ``values: (n, *places)`` of the layer `at`, by default the last with places.
    Cost: one pass per channel and row.
    Raises: `LayerError` when no layer has places and `at` names none; `ParameterError` when channels are unclear.

    >>> ScoreCAM()(net, images, target=3, at="conv3").values.shape
    (4, 8, 8)
    """

    paper = (
        "Wang et al. (2020). Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks. "
        "arXiv:1910.01279"
    )
    title: ClassVar[str] = "Score-CAM"

    def map(self, f: Field, maps: Maps) -> Array:
        whole, xp = f.entrance(), f.xp
        channels, scores = int(maps.values.shape[1]), list[Array]()
        lens, of_each = Lens(whole, len(maps.places), first=maps.axis == 1), xp.moveaxis(maps.values, 1, 0)
        with tracking(f.run, "channels", channels) as advance:
            for block in batches(channels, max(1, whole.rows_per_batch(channels) // f.n)):
                scores.append(whole(stretched(f, lens(of_each[block])) * whole.x))
                advance(block.stop - block.start)
        score = xp.matrix_transpose(xp.concat(scores))
        weights = xp.exp(score - xp.max(score, axis=1, keepdims=True))
        weights = weights / xp.sum(weights, axis=1, keepdims=True)
        f.notes.check(
            "one_channel",
            f.numbers(xp.max(weights, axis=1)),
            warn=0.95,
            fail=np.inf,
            meaning="Nearly all weight is on a single channel: the map is that channel's, and not the layer's.",
            advice="Explain a probability or LogProb, whose softmax is flatter, or use AblationCAM.",
        )
        return maps.weighted(weights)


def stretched(f: Field, masks: Array) -> Array:
    """Each mask (channels, n, ...) from 0 at its least to 1 at its most; a flat one is 0."""
    flat = masks.reshape((*masks.shape[:2], -1))
    low, high = f.xp.min(flat, axis=2, keepdims=True), f.xp.max(flat, axis=2, keepdims=True)
    return ratio(flat - low, high - low).reshape(masks.shape)
