"""Stretches of a series: windows along its steps, and what an absent one leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import ParameterError
from .features import Features, Steps
from .masker import Hidden
from .run import current
from .types import Bools, NpArray

FILLS = ("interpolation", "mean", "noise")


@dataclass(frozen=True, eq=False)
class Stretches:
    """Windows along the steps of a series are its players, through all channels or in each by itself.

    Attributes:
        count: about how many windows, all of one length but the last.
        fill: "interpolation" (a straight line between what is present on either side), "mean" (each channel's own),
            "noise" (independent numbers of each channel's mean and spread, averaged over `draws`), or a number.
        channels: "together", or "apart" for players of each channel.
        draws: how many series of noise stand in for one coalition.
    """

    count: int = 20
    fill: str | float = "interpolation"
    channels: str = "together"
    draws: int = 10

    def __post_init__(self) -> None:
        if isinstance(self.fill, str) and self.fill not in FILLS:
            raise ParameterError(f"fill must be one of {', '.join(FILLS)}, or a number.", got=repr(self.fill))
        if self.channels not in ("together", "apart"):
            raise ParameterError("channels must be 'together' or 'apart'.", got=repr(self.channels))
        if self.count < 1 or self.draws < 1:
            raise ParameterError("count and draws must be at least 1.", got=(self.count, self.draws))

    def bind(self, x: NpArray, features: Features) -> Hidden:
        if not isinstance(features, Steps):
            raise ParameterError(
                "Stretches hide windows of series.",
                got=f"{features.kind} features",
                fix="Pass features=Steps(...).",
            )
        features.check(x.shape)
        axis = features.layout.split(",").index("steps")
        series = np.moveaxis(np.atleast_2d(x) if x.ndim == 1 else x, axis if x.ndim > 1 else -1, -1)
        channels, steps = series.shape
        length = -(-steps // min(self.count, steps))
        window = np.arange(steps) // length
        windows = int(window[-1]) + 1
        apart = self.channels == "apart" and channels > 1
        label = window + windows * np.arange(channels)[:, None] * apart
        names = self._names(features, channels if apart else 1, steps, length)
        like = (lambda a: a[..., 0, :]) if x.ndim == 1 else (lambda a: np.moveaxis(a, -1, axis - x.ndim))
        label = np.broadcast_to(label, series.shape)

        def fill(coalitions: Bools) -> NpArray:
            return like(self._filled(series, coalitions[:, label])).astype(x.dtype)

        return Hidden(names, fill, np.ascontiguousarray(like(label)))

    def _names(self, features: Steps, channels: int, steps: int, length: int) -> tuple[str, ...]:
        spans = [f"{features.unit}s {a} to {min(a + length, steps) - 1}" for a in range(0, steps, length)]
        if channels == 1:
            return tuple(spans)
        return tuple(
            f"{features.names[c] if features.names else c}, {s}" for c in range(channels) for s in spans
        )

    def _filled(self, series: NpArray, present: Bools) -> NpArray:
        """(m, b, channels, steps)."""
        if self.fill == "interpolation":
            return np.stack([bridged(series, there) for there in present])[:, None]
        if self.fill == "noise":
            rng = current().generator(
                0, 1
            )  # the same noise for every coalition: they differ in what is present alone
            noise = rng.standard_normal((self.draws, *series.shape))
            value = series.mean(-1, keepdims=True) + series.std(-1, keepdims=True) * noise
            return np.where(present[:, None], series, value)
        value = series.mean(-1, keepdims=True) if self.fill == "mean" else float(self.fill)
        return np.where(present, series, value)[:, None]

    def describe(self) -> str:
        what = {
            "interpolation": "bridged by straight lines",
            "mean": "filled with each channel's mean",
            "noise": f"filled with noise like the channel's, {self.draws} draws",
        }
        return f"windows {what[self.fill] if isinstance(self.fill, str) else f'filled with {self.fill:g}'}"


def bridged(series: NpArray, present: Bools) -> NpArray:
    """A series (channels, steps) whose absent steps lie on straight lines between those present on either side.

    Before the first and behind the last present step its value goes on; a channel without any takes its mean.

    >>> bridged(np.array([[0.0, 9.0, 9.0, 3.0]]), np.array([[True, False, False, True]]))
    array([[0., 1., 2., 3.]])
    """
    out, places = series.astype(float), np.arange(series.shape[1])
    for line, there in zip(out, present, strict=True):
        if there.all():
            continue
        line[~there] = np.interp(places[~there], places[there], line[there]) if there.any() else line.mean()
    return out
