"""Statistics of units gathered batch by batch, in memory that does not grow with the rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pellucid.core.types import NpArray

ENDS: Mapping[str, tuple[float, float]] = {
    "sigmoid": (0.0, 1.0),
    "hardsigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hardtanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu6": (0.0, 6.0),
}
"""Where activation functions end."""
# fmt: off
OTHERS = (
    "relu", "leakyrelu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "swish", "hardswish",
    "mish", "softplus", "tanhshrink", "softshrink", "hardshrink", "threshold", "logsigmoid",
)
# fmt: on
"""Activation functions without two ends."""
NEAR = 0.01
"""A value this close to an end, as a share of their distance, is saturated."""


def plain(kind: str) -> str:
    """A kind as the tables here write it: LeakyReLU and leaky_relu alike."""
    return kind.lower().replace("_", "")


def is_activation(kind: str) -> bool:
    """Whether a step is an activation function."""
    return plain(kind) in ENDS or plain(kind) in OTHERS


def ends_of(kind: str) -> tuple[float, float] | None:
    """Where an activation function ends; None where it does not."""
    return ENDS.get(plain(kind))


class Moments:
    """Mean, spread, extremes, zeros and the rows with the largest values of each unit of a layer.

    Batches are merged as by Chan, Golub and LeVeque (1979), which loses no digits however many there are.

    Attributes:
        mean, spread, low, high: (units,) each.
        zeros, saturated: (units,) shares.
        top_rows, top_values: (units, top) the rows with the largest values.
    """

    def __init__(self, top: int, ends: tuple[float, float] | None) -> None:
        self.top, self.ends, self.count = top, ends, 0

    def add(self, first: int, values: NpArray) -> None:
        """Add the values (rows, units, *places) of a batch that starts at row `first`."""
        flat = values.reshape(*values.shape[:2], -1).astype(np.float64)
        count = flat.shape[0] * flat.shape[2]
        mean = flat.mean((0, 2))
        squares = ((flat - mean[:, None]) ** 2).sum((0, 2))
        if not self.count:
            self._begin(flat.shape[1])
        total = self.count + count
        apart = mean - self.mean
        self._squares += squares + apart**2 * (self.count * count / total)
        self.mean = self.mean + apart * (count / total)
        self.low = np.minimum(self.low, flat.min((0, 2)))
        self.high = np.maximum(self.high, flat.max((0, 2)))
        self._zeros += (flat == 0).sum((0, 2))
        if self.ends is not None:
            near = NEAR * (self.ends[1] - self.ends[0])
            self._full += ((flat <= self.ends[0] + near) | (flat >= self.ends[1] - near)).sum((0, 2))
        self.count = total
        self._rank(first, flat.max(2).T)

    @property
    def spread(self) -> NpArray:
        return np.sqrt(self._squares / self.count)

    @property
    def zeros(self) -> NpArray:
        return self._zeros / self.count

    @property
    def saturated(self) -> NpArray:
        return self._full / self.count if self.ends is not None else np.full(len(self.mean), np.nan)

    def _begin(self, units: int) -> None:
        self.mean, self._squares = np.zeros(units), np.zeros(units)
        self.low, self.high = np.full(units, np.inf), np.full(units, -np.inf)
        self._zeros, self._full = np.zeros(units), np.zeros(units)
        self.top_values, self.top_rows = np.empty((units, 0)), np.empty((units, 0), int)

    def _rank(self, first: int, peaks: NpArray) -> None:
        """Keep the rows with the largest values, the earlier of equals first."""
        values = np.concatenate([self.top_values, peaks], 1)
        rows = np.concatenate(
            [self.top_rows, np.broadcast_to(first + np.arange(peaks.shape[1]), peaks.shape)], 1
        )
        kept = np.argsort(-values, 1, kind="stable")[:, : self.top]
        self.top_values = np.take_along_axis(values, kept, 1)
        self.top_rows = np.take_along_axis(rows, kept, 1)
