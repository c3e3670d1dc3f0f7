"""Changed images: images near the caller's that a model answers otherwise, and what is different in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.features import Pixels
from pellucid.core.types import NpArray

from .base import Explanation


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ChangedImages(Explanation):
    """Images near the caller's that a model answers otherwise; none, one or more for each image.

    Attributes:
        values: (found, *image) the changed images.
        of: (found,) the number of the image that each is a change of.
        x: (n, *image) the images as they are; with a generator, as it draws them.
        status: per image, "found", "already" (it has the wanted answer) or "not_found" (in the budget).
        said: per image, what the model says of it; "" for numbers.
        before: (n,) the model's number for that.
        wanted: per image, the answer asked for.
        label: per changed image, what the model says of it; "" for numbers.
        after: (found,) the model's number for that.
        distance: (found,) from the image: the mean change of a pixel or its root mean square; with a generator, of the
            numbers of its code.
        metric: "l1" or "l2".
        amounts: (found, columns) how far each region is on the way to its filling, or the change of each number of the
            code; 0 beyond the columns that an image has.
        columns: (found,) how many regions, or numbers of the code, an image has.
        regions: (found, H, W) the region of each pixel; (found, 0, 0) where a generator draws.
        evaluations: (n,) questions about each image.
        index: labels of the images.
    """

    of: NpArray
    x: NpArray
    status: tuple[str, ...]
    said: tuple[str, ...]
    before: NpArray
    wanted: tuple[str, ...]
    label: tuple[str, ...]
    after: NpArray
    distance: NpArray
    metric: str
    amounts: NpArray
    columns: NpArray
    regions: NpArray
    evaluations: NpArray
    index: tuple[Any, ...] = ()

    def of_row(self, row: int) -> tuple[int, ...]:
        """Numbers of the changed images that belong to one of the caller's.

        Raises:
            ParameterError: there is no such image.
        """
        if not 0 <= row < len(self.x):
            raise ParameterError(f"There is no row {row}.", fix=f"Choose 0..{len(self.x) - 1}.")
        return tuple(np.flatnonzero(self.of == row).tolist())

    @property
    def is_drawn(self) -> bool:
        """Whether a generator draws the images."""
        return self.regions.size == 0

    @property
    def counts(self) -> NpArray:
        """(found,) how many regions, or numbers of the code, are different."""
        return (self.amounts != 0).sum(1)

    @property
    def difference(self) -> NpArray:
        """(found, *image) changed less unchanged."""
        return self.values.astype(float) - self.x[self.of]

    def plane(self, number: int) -> NpArray:
        """(H, W) one difference, its channels summed."""
        return (
            self.features.plane(self.difference[number])
            if isinstance(self.features, Pixels)
            else self.difference[number]
        )

    def area(self, number: int) -> float:
        """The share of pixels that are different."""
        off = self.difference[number]
        axis = self.features.axis if isinstance(self.features, Pixels) else None
        return float(((off != 0) if axis is None else (off != 0).any(axis)).mean())

    def to_frame(self) -> Any:
        """One line per changed image: which image, what the model says, distance, and how much was changed."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        return pandas.DataFrame(
            {
                "row": [self.index[r] if self.index else int(r) for r in self.of],
                "answer": list(self.label),
                "value": self.after,
                "distance": self.distance,
                "changes": self.counts,
                "area": [self.area(m) for m in range(len(self))],
            }
        )
