"""Arrays of other libraries as NumPy, whatever their precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from .types import NpArray


def to_numpy(array: Any) -> NpArray:
    """A tensor, a frame's column or a list as NumPy; half precision, which NumPy lacks, becomes float32."""
    if not hasattr(array, "detach"):
        return np.asarray(array)
    array = array.detach().cpu()
    return (array.float() if array.is_floating_point() and array.element_size() < 4 else array).numpy()
