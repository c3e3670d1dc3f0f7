"""Names for the kinds of arrays and values that cross the borders between parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = Any
"""An array of the model's own framework: operators, shape, dtype, and the functions of its `xp` namespace."""

NpArray: TypeAlias = npt.NDArray[Any]
"""A NumPy array: what black-box views and results hold."""

Bools: TypeAlias = npt.NDArray[np.bool_]
"""Coalitions: (m, players), True where a player keeps its value."""

Filling: TypeAlias = Callable[[Bools], NpArray]
"""Coalitions (m, players) -> rows with the absent players hidden (m, b, *features), b fillings each."""
