"""Holes in images filled from what surrounds them."""

from __future__ import annotations

import numpy as np

from .types import Bools, NpArray


def inpainted(image: NpArray, hole: Bools, axis: int | None) -> NpArray:
    """An image, (*features), whose holes take the colours around them: averages over coarser and coarser squares.

    The image is halved until nothing is missing, each square the mean of what is known in it; on the way back, holes
    take the coarser image, smoothly enlarged. Near the edge of a hole its colour is that of the edge, deep inside the
    mean of all that surrounds it. An image that is all hole becomes its own mean colour.

    Args:
        image: (*features).
        hole: (m, *features) of bool, what is missing, alike in all channels.
        axis: the channel axis of the image; None for (H, W).

    Returns:
        (m, *features).
    """
    colours = image[..., None] if axis is None else np.moveaxis(image, axis, -1)
    missing = hole if axis is None else np.asarray(hole.take(0, axis + 1))
    known = (~missing).astype(float)[..., None]
    filled = _filled(known * colours, known)
    nothing = missing.reshape(len(missing), -1).all(1)
    filled[nothing] = colours.mean((0, 1))
    out = np.where(missing[..., None], filled, colours).astype(image.dtype)
    return out[..., 0] if axis is None else np.moveaxis(out, -1, axis + 1)


def _filled(total: NpArray, known: NpArray) -> NpArray:
    """(m, H, W, channels) means where something is known, else what the coarser level says.

    Args:
        total: (m, H, W, channels) sums of what is known in each square.
        known: (m, H, W, 1) how much is.
    """
    mean = np.divide(total, known, out=np.zeros_like(total), where=known > 0)
    height, width = known.shape[1:3]
    if (known > 0).all() or (height == 1 and width == 1):
        return mean
    coarse = _filled(_halved(total), _halved(known))
    return np.where(known > 0, mean, _doubled(coarse, (height, width)))


def _halved(array: NpArray) -> NpArray:
    """Sums over squares of two by two; the last row or column of an odd side stands alone."""
    m, height, width, channels = array.shape
    padded = np.zeros((m, height + height % 2, width + width % 2, channels))
    padded[:, :height, :width] = array
    return padded.reshape(m, (height + 1) // 2, 2, (width + 1) // 2, 2, channels).sum((2, 4))


def _doubled(array: NpArray, size: tuple[int, int]) -> NpArray:
    """Twice as large, on straight lines between the centres of the squares, and cut to `size`."""
    for axis, side in ((1, size[0]), (2, size[1])):
        length = array.shape[axis]
        at = np.clip((np.arange(side) + 0.5) / 2 - 0.5, 0, length - 1)
        low = np.minimum(at.astype(int), length - 1)
        high = np.minimum(low + 1, length - 1)
        share = (at - low).reshape([-1 if a == axis else 1 for a in range(4)])
        array = array.take(low, axis) * (1 - share) + array.take(high, axis) * share
    return array
