"""Gradients of the lead, from a model that has gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pellucid.core.types import Array, NpArray

if TYPE_CHECKING:
    from .family import Asked


def gradients(asked: Asked, rows: NpArray, cotangent: Callable[[NpArray, slice], NpArray]) -> NpArray:
    """How fast the lead rises with each column, (m, columns), from one backward pass per batch.

    Args:
        asked: the model.
        rows: (m, columns).
        cotangent: outputs, and which rows they are of -> the derivative of the lead by the outputs.
    """
    model, out = asked.data.model, np.zeros(rows.shape)

    def ask(part: slice) -> None:
        native = model.native(rows[part].astype(asked.data.x.dtype))

        def pulled(y: Array) -> Array:
            found = model.numpy(y)
            return model.native(cotangent(found, part).astype(found.dtype))

        out[part] = model.numpy(model.vjp((native,), pulled)[1][0])

    asked.pace.over(len(rows), ask)
    asked.run.meter.count(len(rows), grad=True)
    return out
