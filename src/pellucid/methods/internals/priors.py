"""Where inputs are sought: numbers in bounds, or the principal components of the caller's own data; exact adjoints."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from pellucid.core.types import NpArray

EDGE = 0.02
"""Share of the data's range that a start keeps from its ends, where a sigmoid is flat."""
COMPONENTS = 64
"""Principal components that are kept at most."""
TINY = 1e-12
EDGE_OF_BALL = 1e-4
"""Share of a ball's radius by which its surface is thick."""


class Prior(Protocol):
    """A way to write inputs: parameters z to inputs x, and gradients back."""

    def start(self, count: int, rng: np.random.Generator) -> NpArray:
        """Parameters of `count` inputs to begin with, (count, ...)."""
        ...

    def at(self, x: NpArray) -> NpArray:
        """Parameters whose inputs are x, as nearly as can be."""
        ...

    def picture(self, z: NpArray) -> NpArray:
        """(count, *features)."""
        ...

    def inside(self, z: NpArray) -> NpArray:
        """The nearest parameters that are like the data's; their inputs are those of z."""
        ...

    def pull(self, z: NpArray, x: NpArray, gradient: NpArray) -> NpArray:
        """The gradient with respect to z, from that with respect to the inputs x that z gives."""
        ...


class Range:
    """Numbers without bounds to numbers inside the data's range, element by element.

    Attributes:
        low, high: the ends, shaped to go with inputs.
    """

    def __init__(self, data: NpArray, axes: tuple[int, ...]) -> None:
        """`axes` are those over which the data share a range."""
        self.low, self.high = data.min(axes, keepdims=True), data.max(axes, keepdims=True)
        self.width = np.maximum(self.high - self.low, TINY).astype(data.dtype)

    def into(self, y: NpArray) -> NpArray:
        """Any numbers -> numbers in the range."""
        return self.low + self.width / (1 + np.exp(-np.clip(y, -60, 60)))

    def out(self, x: NpArray) -> NpArray:
        """Back again; what lies at an end is moved a little inside."""
        share = np.clip((x - self.low) / self.width, EDGE, 1 - EDGE)
        return np.log(share / (1 - share))

    def slope(self, x: NpArray) -> NpArray:
        """The derivative of `into` where it gives x."""
        share = (x - self.low) / self.width
        return self.width * share * (1 - share)


def shared(data: NpArray) -> tuple[int, ...]:
    """Axes over which data have one range: rows, and places of each channel; columns of a table have their own."""
    return (0,) if data.ndim == 2 else (0, *range(2, data.ndim))


class Values:
    """Each number of its own, kept inside the data's range: x = low + width * sigmoid(z)."""

    def __init__(self, data: NpArray) -> None:
        self.range, self.shape, self.dtype = Range(data, shared(data)), data.shape[1:], data.dtype

    def start(self, count: int, rng: np.random.Generator) -> NpArray:
        return 0.01 * rng.standard_normal((count, *self.shape)).astype(self.dtype)

    def at(self, x: NpArray) -> NpArray:
        return self.range.out(x)

    def picture(self, z: NpArray) -> NpArray:
        return self.range.into(z)

    def inside(self, z: NpArray) -> NpArray:
        return z

    def pull(self, z: NpArray, x: NpArray, gradient: NpArray) -> NpArray:
        return gradient * self.range.slope(x)


class Balls:
    """Groups of numbers, each inside the ball where whitened data of its size lie: |z| <= sqrt(size)."""

    def __init__(self, group: NpArray) -> None:
        """`group` (dimensions,) numbers the group of each, from 0 without gaps."""
        self.group, self.order = group, np.argsort(group, kind="stable")
        counts = np.bincount(group)
        self.starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self.radius = np.sqrt(counts)

    def into(self, z: NpArray) -> NpArray:
        """(count, dimensions) z itself, or where the balls end in its direction."""
        shrunk = np.minimum(1, self.radius / self._lengths(z)).astype(z.dtype)
        return z * shrunk[:, self.group]

    def pull(self, z: NpArray, gradient: NpArray) -> NpArray:
        """The adjoint of the derivative of `into`: outside of a ball only directions along it count.

        On its surface the derivative has two sides, and a gradient that leads out is on that side.
        """
        length, along = self._lengths(z), self._sums(z * gradient)
        out = (length > self.radius * (1 + EDGE_OF_BALL)) | (
            (length > self.radius * (1 - EDGE_OF_BALL)) & (along > 0)
        )
        inward = np.where(out, along / length**2, 0).astype(z.dtype)
        shrunk = np.where(out, self.radius / length, 1).astype(z.dtype)
        return (gradient - inward[:, self.group] * z) * shrunk[:, self.group]

    def _sums(self, z: NpArray) -> NpArray:
        """(count, groups)."""
        if len(self.starts) == 1:
            return z.sum(1, keepdims=True)
        return np.add.reduceat(z[:, self.order], self.starts, axis=1)

    def _lengths(self, z: NpArray) -> NpArray:
        return np.sqrt(np.maximum(self._sums(z * z), TINY))


class Components:
    """Whitened principal components of the data, inside the ball where these lie: x = clip(mean + z L)."""

    def __init__(self, data: NpArray, most: int = COMPONENTS) -> None:
        flat = data.reshape(len(data), -1)
        self.shape, self.mean = data.shape[1:], flat.mean(0)
        _, s, axes = np.linalg.svd(flat - self.mean, full_matrices=False)
        kept = max(1, min(most, len(data) - 1, int((s > 1e-6 * s[0]).sum())))
        self.lines = (axes[:kept] * (s[:kept, None] / np.sqrt(max(len(data) - 1, 1)))).astype(data.dtype)
        self.ball = Balls(np.zeros(kept, int))
        ends = Range(data, shared(data))
        self.low, self.high = (
            np.broadcast_to(end[0], data.shape[1:]).reshape(-1) for end in (ends.low, ends.high)
        )

    def start(self, count: int, rng: np.random.Generator) -> NpArray:
        return 0.1 * rng.standard_normal((count, len(self.lines))).astype(self.lines.dtype)

    def at(self, x: NpArray) -> NpArray:
        lengths = (self.lines**2).sum(1)  # the lines are at right angles
        return (x.reshape(len(x), -1) - self.mean) @ self.lines.T / np.maximum(lengths, TINY)

    def picture(self, z: NpArray) -> NpArray:
        flat = self.mean + self.ball.into(z) @ self.lines
        return np.clip(flat, self.low, self.high).reshape(len(z), *self.shape)

    def inside(self, z: NpArray) -> NpArray:
        return self.ball.into(z)

    def pull(self, z: NpArray, x: NpArray, gradient: NpArray) -> NpArray:
        flat = self.mean + self.ball.into(z) @ self.lines
        free = (flat > self.low) & (flat < self.high)
        return self.ball.pull(z, (gradient.reshape(len(z), -1) * free) @ self.lines.T)
