"""The reference an attribution is measured against: one point per row."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import to_numpy
from .errors import ParameterError, ShapeError, nearest
from .features import Columns, Features, Pixels
from .run import Run
from .types import NpArray

NAMES = ("zeros", "mean", "min", "max", "blur", "uniform", "sample")
FROM_BACKGROUND = ("mean", "min", "max", "uniform", "sample")
BLUR = 0.1
"""Standard deviation of the `blur` baseline, as a share of the image's longer side."""


def resolve(spec: Any, x: NpArray, features: Features, background: NpArray | None, run: Run) -> NpArray:
    """The baseline for every row of `x`, shaped and typed like it.

    Args:
        spec: None or "zeros"; "mean", "min", "max" (per feature, for categories the commonest; over `background`, or
            over `x` without one; for images without one, per channel of each row); "blur" (images); "uniform" (random
            between the smallest and the largest value); "sample" (a random background row for each row); a number;
            an array for all rows; one row for each.
        x: the rows explained, (n, *features).
        features: what they are made of.
        background: rows that show what is usual, (b, *features).
        run: where random baselines take their numbers from.

    Raises:
        ParameterError: an unknown name, or one that needs what is not there.
        ShapeError: an array that fits neither one row nor all.
    """
    if spec is None:
        return np.zeros_like(x)
    if isinstance(spec, str):
        if spec not in NAMES:
            raise ParameterError(f"There is no baseline {spec!r}.", fix=nearest(spec, NAMES))
        return _named(spec, x, features, background, run).astype(x.dtype, copy=False)
    array = numbers(spec)
    if array.dtype.kind not in "biuf":
        raise ParameterError(
            "A baseline must be numbers.", got=f"dtype {array.dtype}", fix=f"Or one of {', '.join(NAMES)}."
        )
    if array.ndim and array.shape not in (x.shape[1:], x.shape, (1, *x.shape[1:])):
        raise ShapeError(
            f"A baseline must have the shape of a row {x.shape[1:]} or of all rows {x.shape}.",
            got=f"shape {array.shape}",
        )
    return np.ascontiguousarray(np.broadcast_to(array.astype(x.dtype), x.shape))


def check_used(spec: Any) -> None:
    """Refuse a background beside a baseline that is not taken from it: ignored, it would answer another question."""
    if spec not in FROM_BACKGROUND if isinstance(spec, str) else True:
        raise ParameterError(
            "This baseline is not taken from a background.",
            got="None" if spec is None else repr(spec) if isinstance(spec, str | int | float) else "numbers",
            fix=f"Leave background out, or choose one of {', '.join(map(repr, FROM_BACKGROUND))}.",
        )


def numbers(spec: Any) -> NpArray:
    """A baseline given as numbers, whatever kind of array it is."""
    return to_numpy(spec)


def _named(name: str, x: NpArray, features: Features, background: NpArray | None, run: Run) -> NpArray:
    if name == "zeros":
        return np.zeros_like(x)
    if name == "blur":
        return blurred(x, features)
    if name == "sample":
        if background is None:
            raise ParameterError("baseline='sample' draws background rows.", fix="Pass background=.")
        chosen = [run.generator(row).integers(len(background)) for row in range(len(x))]
        return background[chosen]
    if name == "uniform":
        low, high = _extent("min", x, features, background), _extent("max", x, features, background)
        draws = np.stack([run.generator(row).random(x.shape[1:]) for row in range(len(x))])
        return low + (high - low) * draws
    point = _extent(name, x, features, background)
    if isinstance(features, Columns):
        point = _with_categories(point, x if background is None else background, features)
    return np.broadcast_to(point, x.shape)


def _extent(name: str, x: NpArray, features: Features, background: NpArray | None) -> NpArray:
    """The mean, smallest or largest value per feature, or per channel of each image."""
    reduce = {"mean": np.nanmean, "min": np.nanmin, "max": np.nanmax}[name]
    if background is not None or not isinstance(features, Pixels):
        return np.asarray(reduce(x if background is None else background, axis=0, keepdims=True))
    spatial = tuple(a for a in range(1, x.ndim) if features.axis is None or a != features.axis + 1)
    return np.asarray(reduce(x, axis=spatial, keepdims=True))


def _with_categories(point: NpArray, rows: NpArray, features: Columns) -> NpArray:
    """Columns of categories have no mean, least or largest: their commonest stands in."""
    point = np.array(point)
    for name in features.categories:
        codes, counts = np.unique(rows[:, features.position(name)], return_counts=True)
        point[..., features.position(name)] = codes[counts.argmax()]
    return point


def blurred(x: NpArray, features: Features, share: float = BLUR) -> NpArray:
    """Images through a Gaussian of standard deviation `share` of their longer side."""
    if not isinstance(features, Pixels):
        raise ParameterError(
            "Blur needs images.", got=f"{features.kind} features", fix="Pass features=Pixels(...)."
        )
    from scipy.ndimage import gaussian_filter

    sigma = share * max(features.size(x.shape[1:]))
    spread = [
        0.0 if a == 0 or (features.axis is not None and a == features.axis + 1) else sigma
        for a in range(x.ndim)
    ]
    return np.asarray(gaussian_filter(x, spread))
