"""Occlusion: hide one part, see what changes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.features import Pixels
from pellucid.core.intake import Data
from pellucid.core.masker import Background, Fill, Masker, Windows, per_axis
from pellucid.core.run import current
from pellucid.core.types import NpArray
from pellucid.core.views import Game
from pellucid.methods.params import param

from .family import BACKGROUND_ROWS, GameMethod


class Occlusion(GameMethod):
    r"""Hide one window, column or group at a time: what the output loses is what the part was worth.

    .. math:: \phi_i = v(N) - v(N \setminus \{i\})

    A feature in several windows gets the mean over them. Parts that can stand in for each other look worthless, since
    only one is hidden at a time; the values do not add up to anything.

    Shapes: ``x, values: (n, *features)``.
    Cost: one evaluation per window, column or group and row.
    Raises: `ParameterError` when a window does not fit.

    >>> Occlusion(window=(1, 8, 8), strides=(1, 4, 4))(net, images, target=3).values.shape
    (4, 1, 32, 32)
    """

    paper = "Zeiler, Fergus (2014). Visualizing and Understanding Convolutional Networks. arXiv:1311.2901"
    title: ClassVar[str] = "Occlusion"
    complete: ClassVar[bool] = False
    divided: ClassVar[bool] = False

    window: tuple[int, ...] | int | None = param(
        default=None,
        doc="size of the window on each feature axis; None takes an eighth of an image, and columns one by one",
    )
    strides: tuple[int, ...] | int | None = param(
        default=None, doc="how far it moves; None is half the window"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("window", "strides"):
            value = getattr(self, name)
            if isinstance(value, list):
                object.__setattr__(self, name, tuple(value))
        if self.strides is not None and self.window is None:
            raise ParameterError("strides move a window.", fix="Pass window too.")

    def attribute(self, game: Game) -> NpArray:
        everybody = game.ends[1]
        left_out = game(~np.eye(game.players, dtype=bool))
        game.notes.certify(kind="exact", exact=True)
        return everybody[:, None] - left_out

    def hide(self, data: Data, point: NpArray, background: NpArray | None, given: bool) -> Masker:
        window = self.window
        if background is not None:
            return Background.sample(background, BACKGROUND_ROWS, current().generator())
        if window is None and not isinstance(data.features, Pixels):
            return Fill(point)
        if window is None:
            window = _eighth(data.features, data.x.shape[1:])
        strides = self.strides
        if strides is None:
            sizes = per_axis(window, point.shape, "window")
            strides = tuple(max(1, w // 2) if w < s else w for w, s in zip(sizes, point.shape, strict=True))
        return Windows(window, strides, point)


def _eighth(features: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """All channels, and an eighth of each side of the image."""
    return tuple(s if a == features.axis else max(1, s // 8) for a, s in enumerate(shape))
