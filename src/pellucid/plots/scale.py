"""Colour limits: symmetric about zero, cut by the mass of the evidence and not by its largest pixel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from pellucid.core.errors import ParameterError
from pellucid.core.types import NpArray

from . import theme
from .captions import number, signed
from .labels import Words

FAINT = 1e-6
"""A map below this share of the largest of its siblings is drawn blank."""
CLIP = 0.02
"""The share of the total |attribution| that lies beyond the colour limits."""


@dataclass(frozen=True)
class Scale:
    """Where the colours of signed values end.

    Attributes:
        limit: the colour limits are -limit and +limit; 1 where every value is zero.
        peak: the largest |value|.
        clip: the share of the total |attribution| allowed beyond the limits.
    """

    limit: float
    peak: float
    clip: float = CLIP

    @property
    def norm(self) -> Normalize:
        return Normalize(-self.limit, self.limit)

    @property
    def mappable(self) -> ScalarMappable:
        """What a colour bar is made from."""
        return ScalarMappable(self.norm, theme.DIVERGING)

    @property
    def clipped(self) -> bool:
        """Whether values lie beyond the limits."""
        return self.limit < self.peak

    @property
    def ticks(self) -> dict[float, str]:
        """What a colour bar writes: the limits, zero, and the halves."""
        return {s * self.limit: signed(s * self.limit) if s else "0" for s in (-1.0, -0.5, 0.0, 0.5, 1.0)}

    def told(self, words: Words) -> str:
        """The clip in a sentence, as printed on the picture."""
        if self.peak == 0:
            return ""
        if not self.clipped:
            return words.unclipped.format(limit=number(self.limit))
        return words.clipped.format(limit=number(self.limit), share=f"{100 * self.clip:g}")

    def opacity(self, values: NpArray) -> NpArray:
        """Opacity over an image: nothing at zero, nearly full at the limit."""
        return theme.OVERLAY_OPACITY * np.minimum(np.abs(values) / self.limit, 1.0)


def scale(maps: Iterable[NpArray], clip: float = CLIP) -> Scale:
    """One scale for all of `maps`: the values beyond it hold at most the share `clip` of the total |value|.

    Raises:
        ParameterError: the clip is no share.
    """
    if not 0 <= clip < 1:
        raise ParameterError(
            "clip is a share of the total |attribution|.", got=clip, fix="Choose 0 (none) to 0.99."
        )
    size = np.sort(np.concatenate([np.abs(m).ravel() for m in maps]).astype(float))
    size = size[np.isfinite(size)]
    peak = float(size[-1]) if len(size) else 0.0
    if peak == 0:
        return Scale(1.0, 0.0, clip)
    mass = np.cumsum(size / peak)  # relative to the peak, so that tiny values do not underflow
    cut = int(np.searchsorted(mass, (1 - clip) * mass[-1] * (1 - 1e-12)))
    return Scale(float(size[min(cut, len(size) - 1)]), peak, clip)


def blank(values: NpArray, siblings: float, words: Words) -> str:
    """Why a map has nothing to show next to the largest |value| of its siblings; "" where it has something."""
    peak = float(np.abs(values).max(initial=0.0))
    if peak == 0:
        return words.blank
    return words.faint if peak <= FAINT * siblings else ""
