"""Rows whose present features are their own, and whose absent ones are those of rows behind them.

The same coalitions are asked of many rows over the same background. Then what shows through where features are absent
is the same for all of them: it is made once, and each row is laid over it bit by bit, in one pass over the memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .types import Bools, NpArray

LONG = 4096
"""Numbers that a row of memory should have, for passes over it to run at full speed."""
_BITS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


@dataclass(frozen=True, eq=False)
class Mixed:
    """Coalitions (m, players) -> rows (m, b, *features): x where a feature's player is present, else the rows behind.

    Attributes:
        x: (*features).
        behind: (b, *features), of the same dtype.
        label: (*features) of int, the player that holds each feature.
    """

    x: NpArray
    behind: NpArray
    label: NpArray

    def __call__(self, coalitions: Bools) -> NpArray:
        return np.where(self.present(coalitions)[:, None], self.x, self.behind)

    def present(self, coalitions: Bools) -> Bools:
        """(m, *features) of bool, in the order of the memory; 1 for axes along which the players are the same."""
        lean = self.label[tuple(slice(0, 1) if step == 0 else slice(None) for step in self.label.strides)]
        return coalitions.take(lean.ravel(), axis=1).reshape(len(coalitions), *lean.shape)

    def like(self, other: Any) -> bool:
        """Whether another filling has the same rows behind it, and the same players before them."""
        return (
            isinstance(other, Mixed)
            and other.behind is self.behind
            and (other.label is self.label or np.array_equal(other.label, self.label))
        )


class Overlay:
    """Some coalitions over the same rows behind, ready for any row to be laid over them.

    Args:
        mixed: any of the rows.
        coalitions: (m, players).
        repeated: the rows behind, each at least m times, from `repeated`.
    """

    def __init__(self, mixed: Mixed, coalitions: Bools, repeated: NpArray) -> None:
        self.kind, self.shape, self.dtype = _bits(mixed.behind), mixed.x.shape, mixed.behind.dtype
        present = np.broadcast_to(mixed.present(coalitions), (len(coalitions), *self.shape))
        self.kept = np.where(present, ~self.kind(0), self.kind(0))
        size, rows = self.kept.size, len(mixed.behind)
        self.side = next((k for k in range(1, rows) if rows % k == 0 and k * size >= LONG), rows)
        behind = np.ascontiguousarray(repeated[:, :size]).reshape(-1, self.side * size)
        self.absent = behind & np.tile(~self.kept.ravel(), self.side)

    def over(self, fills: Sequence[Mixed]) -> NpArray:
        """(rows * b * m, *features), in memory of their own."""
        out = np.empty((len(fills), *self.absent.shape), self.kind)
        for row, fill in enumerate(fills):
            own = np.tile((self.kept & fill.x.view(self.kind)).ravel(), self.side)
            np.bitwise_or(self.absent, own, out=out[row])
        return out.view(self.dtype).reshape(-1, *self.shape)


def repeated(mixed: Mixed, times: int) -> NpArray:
    """(b, times * features) the bits of the rows behind, each repeated."""
    behind = mixed.behind.view(_bits(mixed.behind)).reshape(len(mixed.behind), -1)
    return np.tile(behind, times)


def _bits(array: NpArray) -> Any:
    return _BITS[array.itemsize]


def shared(fills: Sequence[Any]) -> list[Mixed] | None:
    """The fillings, if all have the same several rows behind them and can be overlaid; else None."""
    first = fills[0]
    if not isinstance(first, Mixed) or len(first.behind) < 2 or first.behind.itemsize not in _BITS:
        return None
    return list(fills) if all(first.like(f) for f in fills) else None


def averaged(answers: NpArray) -> NpArray:
    """The mean over the second axis of (rows, b, m), added up in its order whatever the other axes are."""
    if answers.shape[2] == 1:  # a single column would be added up in another order
        return np.add.accumulate(answers, axis=1)[:, -1] / answers.shape[1]
    return np.add.reduce(answers, axis=1) / answers.shape[1]
