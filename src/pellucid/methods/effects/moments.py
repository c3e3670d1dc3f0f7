"""Mean and spread of values that come in blocks, without keeping them."""

from __future__ import annotations

import numpy as np

from pellucid.core.types import NpArray


class Moments:
    """The mean over rows and its error, block by block (Chan, Golub, LeVeque 1979)."""

    def __init__(self) -> None:
        self.rows = 0
        self.mean: NpArray = np.zeros(())
        self.squares: NpArray = np.zeros(())

    def add(self, y: NpArray) -> None:
        """Take in a block, (points, rows, targets)."""
        along = np.swapaxes(y, 1, 2)  # rows last: of one target they lie side by side
        n, mean = y.shape[1], along.mean(2)
        apart = along - mean[:, :, None]
        squares = np.einsum("ptr,ptr->pt", apart, apart)
        if self.rows:
            gap, total = mean - self.mean, self.rows + n
            squares += self.squares + gap**2 * (self.rows * n / total)
            mean = self.mean + gap * (n / total)
        self.rows, self.mean, self.squares = self.rows + n, mean, squares

    @property
    def half_width(self) -> NpArray:
        """95 % half-widths of the mean of rows drawn at random; NaN for a single row."""
        if self.rows < 2:
            return np.full_like(self.mean, np.nan)
        from scipy.stats import t as student

        error = np.sqrt(self.squares / (self.rows - 1) / self.rows)
        return float(student.ppf(0.975, self.rows - 1)) * error


class GroupedMoments:
    """Mean and variance within groups, over blocks of rows.

    Attributes:
        count: (groups,) rows in each.
        mean: (groups, targets), 0 where there are none.
    """

    def __init__(self, groups: int, targets: int) -> None:
        self.count: NpArray = np.zeros(groups)
        self.mean: NpArray = np.zeros((groups, targets))
        self.squares: NpArray = np.zeros((groups, targets))

    def add(self, index: NpArray, values: NpArray) -> None:
        """Take in a block: (rows,) groups, -1 for none, and (rows, targets) values."""
        index, values = index[index >= 0], values[index >= 0]
        n = np.bincount(index, minlength=len(self.count)).astype(float)
        mean = self._summed(index, values) / np.maximum(n, 1)[:, None]
        squares = self._summed(index, (values - mean[index]) ** 2)
        total = self.count + n
        gap, share = mean - self.mean, (n / np.maximum(total, 1))[:, None]
        self.squares = self.squares + squares + gap**2 * self.count[:, None] * share
        self.mean, self.count = self.mean + gap * share, total

    def _summed(self, index: NpArray, values: NpArray) -> NpArray:
        groups = len(self.count)
        return np.stack([np.bincount(index, v, minlength=groups) for v in values.T], 1)

    @property
    def variance(self) -> NpArray:
        """(groups, targets), NaN where a group has fewer than two rows."""
        few = (self.count < 2)[:, None]
        return np.where(few, np.nan, self.squares / np.maximum(self.count - 1, 1)[:, None])
