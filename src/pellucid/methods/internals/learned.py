"""What Kernels and Weights share: which arrays a layer learned, and which of its units learned nothing, or the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.core.errors import LayerError, nearest
from pellucid.core.network import Network
from pellucid.core.types import NpArray

from .family import InternalsMethod
from .finite import need_finite_weights

DEAD = 1e-6
"""A unit whose weights are this much smaller than the largest of its layer does nothing."""
ALIKE = 1e-3
"""Two units learned the same where their difference is this small a share of the longer one."""
BLOCK = 1024
"""Units compared at a time."""


class LearnedMethod(InternalsMethod, abstract=True):
    """Looks at what layers learned: needs no rows."""

    needs_rows = False

    def known(self, n: Network) -> tuple[str, ...]:
        return tuple(arrays(n))

    def places(self, n: Network) -> tuple[str, ...]:
        found = tuple(name for name, (_, _, a) in arrays(n).items() if self.fits(a))
        if not found:
            raise LayerError(f"{n.model.facts.name} has no layer that {type(self).__name__} can show.")
        return found

    def fits(self, array: NpArray) -> bool:
        """Whether an array can be shown."""
        raise NotImplementedError

    def _matching(self, n: Network, text: str) -> tuple[str, ...]:
        found = arrays(n)
        if "*" in text or "?" in text:
            fitting = tuple(p for p in super()._matching(n, text) if self.fits(found[p][2]))
            if not fitting:
                raise LayerError(f"No layer that fits {text!r} is one that {type(self).__name__} can show.")
            return fitting
        if text in found:
            return (text,)
        layers = [layer.name for layer in n.model.layers()]
        if text not in layers:
            raise LayerError(f"There is no layer {text!r}.", fix=nearest(text, layers))
        inside = tuple(p for p, (layer, _, _) in found.items() if layer == text)
        if not inside:
            n.model.weights(text)  # a layer that cannot be reached says so
            raise LayerError(f"Layer {text!r} has no weights of its own.", fix=_elsewhere(found, text))
        return inside


def arrays(n: Network) -> dict[str, tuple[str, str, NpArray]]:
    """Name -> (layer, array's name, array): a layer's own weights go by the layer's name."""
    if "arrays" not in n.notes.memory:
        found: dict[str, tuple[str, str, NpArray]] = {}
        for layer in n.model.layers():
            for name, array in n.model.weights(layer.name).items():
                if array.ndim >= 2 and array.size:
                    found[layer.name if name == "weight" else f"{layer.name}.{name}"] = (
                        layer.name,
                        name,
                        array,
                    )
        n.notes.memory["arrays"] = found
    return n.notes.memory["arrays"]


def kinds(n: Network, places: tuple[str, ...]) -> tuple[str, ...]:
    """The class of each layer."""
    known: dict[str, str] = {layer.name: layer.kind for layer in n.model.layers()}
    found = arrays(n)
    return tuple(known[found[p][0]] for p in places)


def _elsewhere(found: dict[str, Any], text: str) -> str:
    inside = [p for p in found if p.startswith(f"{text}.")]
    return f"Look at {', '.join(inside[:3])}." if inside else nearest(text, found)


def idle(lines: NpArray) -> tuple[int, ...]:
    """Units, one per line, whose numbers are all zero next to the largest of the layer."""
    size = np.sqrt((lines.astype(float) ** 2).sum(1))
    return tuple(np.flatnonzero(size <= DEAD * size.max(initial=0.0)).tolist())


def alike(lines: NpArray, skip: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Pairs of units with the same numbers; each unit is paired with the first that equals it."""
    lines = lines.astype(float)
    squares, pairs = (lines**2).sum(1), list[tuple[int, int]]()
    taken = np.zeros(len(lines), bool)
    taken[list(skip)] = True
    for start in range(0, len(lines), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(lines)))
        product = lines[rows] @ lines.T
        apart = squares[rows, None] + squares[None] - 2 * product
        close = apart <= ALIKE**2 * np.maximum(squares[rows, None], squares[None])
        close &= np.arange(len(lines))[None] > rows[:, None]
        for i, j in np.argwhere(close).tolist():
            if not taken[j] and not taken[start + i] and _equal(lines[start + i], lines[j]):
                pairs.append((start + i, j))
                taken[j] = True
    return tuple(pairs)


def _equal(a: NpArray, b: NpArray) -> bool:
    """The same, without the rounding of squares."""
    return float(((a - b) ** 2).sum()) <= ALIKE**2 * max(float((a**2).sum()), float((b**2).sum()))


def judged(n: Network, lines: Callable[[str], NpArray]) -> dict[str, Any]:
    """The dead and the duplicated units of every place, noted as checks."""
    for place in n.places:
        need_finite_weights(place, lines(place))
    dead = {p: idle(lines(p)) for p in n.places}
    twins = {p: alike(lines(p), dead[p]) for p in n.places}
    total = sum(len(lines(p)) for p in n.places)
    _count(n, "dead_weights", dead, total, "learned nothing: all their weights are (nearly) zero")
    _count(n, "same_weights", twins, total, "learned what another unit of their layer has learned")
    n.notes.certify(kind="exact", exact=True)
    return {"dead": tuple(dead.values()), "twins": tuple(twins.values())}


def _count(n: Network, name: str, found: dict[str, Any], total: int, what: str) -> None:
    count = sum(len(f) for f in found.values())
    first = next(((p, f[0]) for p, f in found.items() if f), None)
    which = ""
    if first is not None:
        place, unit = first
        which = f" (the first: {unit if isinstance(unit, int) else unit[1]} of {place})"
    n.notes.check(
        name,
        float(count),
        warn=0,
        fail=np.inf,
        meaning=f"{count} of {total} units {what}{which}.",
        advice="They can be removed, or the layer is wider than it needs to be." if count else "",
    )
