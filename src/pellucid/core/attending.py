"""What adapters tell of attention: which weights a network's queries gave to its keys, as it ran."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .types import Array, NpArray


@dataclass(frozen=True, eq=False)
class Attended:
    """One attention of a forward pass.

    Attributes:
        name: the block that computed it, "encoder.layer.0.attention.self"; its calls are numbered where it has several.
        kind: the block's class.
        weights: (rows, windows * heads, queries, keys), each query's weights over the keys.
        windows: how many windows each row was cut into, which attend each within themselves.
        gradient: of the explained number with respect to the weights, shaped like them; None where it was not asked.
    """

    name: str
    kind: str
    weights: NpArray
    windows: int = 1
    gradient: NpArray | None = None


@runtime_checkable
class Attentive(Protocol):
    """A network whose attention can be read."""

    def attentions(
        self,
        inputs: tuple[Array, ...],
        places: tuple[str, ...] = (),
        cotangent: Callable[[Array], Array] | None = None,
    ) -> list[Attended]:
        """Every attention of one forward pass, in the order they ran.

        Args:
            inputs: what the network is fed, rows first.
            places: those wanted, by name; () is all of them.
            cotangent: with it, the gradients of `cotangent(output) . output` with respect to the weights come along.
        """
        ...
