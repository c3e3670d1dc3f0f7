"""Linear maps by least squares, and rows that are each asked for one output."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pellucid.core.network import Network
from pellucid.core.types import Array, NpArray


def jacobian(
    n: Network, row: int, start: str = "", stop: str | None = None
) -> tuple[NpArray, NpArray, NpArray]:
    """(W, y, x) between two places at a row: a copy of the row for each output, asked for it alone."""
    model, inputs = n.start(slice(row, row + 1), start)
    model = model[:stop] if stop else model
    x, y = n.model.numpy(inputs[0])[0].ravel(), n.model.numpy(model.predict(*inputs))[0].ravel()
    lines = np.empty((len(y), len(x)))

    def pull(rows: slice) -> None:
        count = rows.stop - rows.start
        copies = tuple(repeated(a, count) for a in inputs)
        lines[rows] = n.model.numpy(model.vjp(copies, one_each(n, rows.start))[1][0]).reshape(count, -1)

    n.pace.over(len(y), pull)
    n.run.meter.count(len(y), grad=True)
    return lines, y.astype(float), x.astype(float)


def repeated(a: Array, count: int) -> Array:
    """Copies of a single row."""
    return a[np.zeros(count, int)]


def one_each(n: Network, first: int) -> Callable[[Array], Array]:
    """Asks the first copy of the row for output `first`, the next for the next."""

    def cotangent(y: Array) -> Array:
        out = np.zeros((len(y), int(np.prod(y.shape[1:]))), np.float32)
        out[np.arange(len(y)), first + np.arange(len(y))] = 1
        return n.model.native(out.reshape(tuple(y.shape)))

    return cotangent


def least_squares(x: NpArray, y: NpArray) -> Callable[[NpArray], NpArray]:
    """The linear map with the least squares, of those the shortest; by rows where these are fewer than the inputs."""
    mean, level = x.mean(0), y.mean(0)
    centred = x - mean
    if x.shape[1] <= len(x):
        w = np.linalg.lstsq(centred, y - level, rcond=None)[0]
        return lambda a: level + (a - mean) @ w
    weights = np.linalg.pinv(centred @ centred.T, rcond=1e-10, hermitian=True) @ (y - level)
    return lambda a: level + ((a - mean) @ centred.T) @ weights


def entrywise(x: NpArray, y: NpArray) -> Callable[[NpArray], NpArray]:
    """The same with each entry by itself."""
    mean, level = x.mean(0), y.mean(0)
    spread = ((x - mean) ** 2).sum(0)
    slope = ((x - mean) * (y - level)).sum(0) / np.where(spread > 0, spread, 1)
    return lambda a: level + (a - mean) * slope


def r2_score(y: NpArray, fit: NpArray) -> float:
    """The share of the variance, over all entries, that a fit explains."""
    total = float(((y - y.mean(0)) ** 2).sum())
    missed = float(((y - fit) ** 2).sum())
    return 1 - missed / total if total > 0 else float(missed <= 1e-12)


def end_to_end(arrays: list[NpArray]) -> NpArray:
    """Arrays one after another."""
    return np.concatenate(arrays) if arrays else np.empty(0)
