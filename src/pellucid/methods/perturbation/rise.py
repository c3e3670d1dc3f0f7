"""RISE."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pellucid.core.errors import Cancelled, CapabilityError
from pellucid.core.features import Pixels
from pellucid.core.intake import Data
from pellucid.core.masker import Fill, Masker
from pellucid.core.run import batches
from pellucid.core.types import NpArray
from pellucid.core.views import Game
from pellucid.methods.params import param

from .family import GameMethod

CHUNK = 64
"""Masks that are made at once."""


class RISE(GameMethod):
    r"""What a pixel brings on average: the mean output over soft random masks that keep it, less that over all masks.

    .. math:: \phi(\lambda) = \frac{\sum_k f(x \odot M_k + x' \odot (1 - M_k)) \, M_k(\lambda)}{\sum_k M_k(\lambda)}
              - \frac{1}{K} \sum_k f(x \odot M_k + x' \odot (1 - M_k))

    A mask is a coarse grid of zeros and ones, enlarged smoothly and shifted at random, so edges are soft and no grid
    shows. The values rank places; they do not add up to anything, and their sign says only whether a pixel helps more
    or less than the average pixel. All rows share the masks. The half-width is that of a mean over masks.

    Shapes: ``x, values: (n, *features)``; a pixel's value is divided among its channels.
    Cost: ``budget`` evaluations per row.
    Raises: `CapabilityError` for anything but images.

    >>> RISE(budget=200)(net, images, target=3).values.shape
    (4, 1, 32, 32)
    """

    paper = "Petsiuk, Das, Saenko (2018). RISE: Randomized Input Sampling for Explanation. arXiv:1806.07421"
    title: ClassVar[str] = "RISE"
    complete: ClassVar[bool] = False
    data: ClassVar[tuple[str, ...]] = ("image",)

    budget: int = param(default=4000, doc="random masks, each asked once per row", min=50)
    cells: int = param(default=7, doc="cells of the coarse grid along each side", min=2)
    kept: float = param(default=0.5, doc="share of the cells that a mask keeps", min=0.05, max=0.95)

    def hide(self, data: Data, point: NpArray, background: NpArray | None, given: bool) -> Masker:
        if not isinstance(data.features, Pixels) or background is not None:
            raise CapabilityError(
                "RISE masks images against one baseline.",
                got="background rows" if background is not None else f"{data.features.kind} features",
                fix="Pass images, or use LIME or PermutationShap.",
            )
        return Fill(point)

    def attribute(self, game: Game) -> NpArray:
        label, fill = game.hidden[0].label, [h.fill for h in game.hidden]
        if label is None or label.ndim < 2:
            raise CapabilityError("RISE masks the pixels of images.", fix="Leave masker out, or pass Fill.")
        ends = np.array([[False], [True]]).repeat(game.players, 1)
        hidden, shown = np.moveaxis(np.stack([f(ends)[:, 0] for f in fill]), 1, 0)[:, :, None]
        size = _plane(label)
        coarse, shift = game.once("masks", lambda: self._drawn(size, game.rng))
        sums = np.zeros((5, len(game), game.players))  # of m, v m, m², v m², v² m² over the masks m
        total, done = np.zeros((len(game), 1)), 0
        for part in batches(self.budget, CHUNK):
            masks = _enlarged(coarse[part], shift[part], size).reshape(-1, game.players)
            soft = masks[:, label].astype(shown.dtype)
            try:
                v = game.points(hidden + soft * (shown - hidden))
            except Cancelled:
                if not done:
                    raise
                game.notes.stopped = True
                break
            done = part.stop
            total += v.sum(1, keepdims=True)
            squares = masks**2
            sums += np.stack(
                [np.ones_like(v) @ masks, v @ masks, np.ones_like(v) @ squares, v @ squares, v**2 @ squares]
            )
        kept, with_pixel, square, once, twice = sums
        mean = with_pixel / kept
        spread = np.maximum(twice - 2 * mean * once + mean**2 * square, 0.0)
        game.notes.certify(half_width=1.96 * np.sqrt(spread) / kept, kind="sampling")
        return mean - total / done

    def calls(self, players: int) -> int:
        return self.budget

    def _drawn(self, size: tuple[int, int], rng: np.random.Generator) -> tuple[NpArray, NpArray]:
        """Coarse grids of zeros and ones, and how far each is shifted in pixels."""
        coarse = rng.random((self.budget, self.cells + 1, self.cells + 1)) < self.kept
        cell = np.array([-(-s // self.cells) for s in size])
        return coarse.astype(float), rng.integers(0, cell, (self.budget, 2))


def _plane(label: NpArray) -> tuple[int, int]:
    """Height and width of the image whose pixels are the players; channels lie first or last."""
    sides = [s for axis, s in enumerate(label.shape) if not (np.ptp(label, axis=axis) == 0).all()]
    return (sides[0], sides[1]) if len(sides) == 2 else (label.shape[0], label.shape[1])


def _enlarged(coarse: NpArray, shift: NpArray, size: tuple[int, int]) -> NpArray:
    """(k, H, W) coarse grids enlarged with straight lines between the centres of their cells, and shifted."""
    cells = coarse.shape[1] - 1
    weights = list[NpArray]()
    for axis, side in enumerate(size):
        cell = -(-side // cells)
        at = np.clip((np.arange(side) + shift[:, axis, None] + 0.5) / cell - 0.5, 0, cells)
        weights.append(np.maximum(1 - np.abs(at[:, :, None] - np.arange(cells + 1)), 0))
    return np.matmul(np.matmul(weights[0], coarse), weights[1].transpose(0, 2, 1))
