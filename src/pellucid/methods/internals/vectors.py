"""A layer's activations as one vector per row, and what each row is, as text."""

from __future__ import annotations

from pellucid.core.network import Network
from pellucid.core.types import NpArray

from .finite import need_finite
from .layout import units_first

INPUT = "input"
"""The place that is the input itself."""


def last_hidden(n: Network) -> tuple[str, ...]:
    """What goes into the last layer with weights: the network's own summary of the data."""
    learned = [i for i, o in enumerate(n.operations) if o.parameters]
    if not learned:
        return (INPUT,)
    source = next((s for s in n.operations[learned[-1]].sources if s >= 0), None)
    while source is not None and "dropout" in n.operations[source].kind.lower():
        source = next((s for s in n.operations[source].sources if s >= 0), None)
    return (INPUT,) if source is None else (n.operations[source].name,)


def vectors(n: Network, place: str) -> NpArray:
    """(n, units) the values at a place; units of maps by their mean over the map."""
    if place == INPUT:
        return n.x.reshape(n.n, -1).astype(float)
    found = n.values(place)[place]
    need_finite(n, place, found)
    values = units_first(n, place, found)
    if values.ndim > 2:
        n.notes.said.append(f"Units of {place} are maps; each counts by its mean.")
    return values.reshape(*values.shape[:2], -1).mean(2).astype(float)


def truth_of(n: Network) -> tuple[str, ...]:
    """True classes as text, by name where names are known."""
    if n.truth is None:
        return ()
    names = n.aim.classes
    whole = n.truth.dtype.kind in "iu" or (n.truth.dtype.kind == "f" and (n.truth == n.truth.round()).all())
    if not whole:
        return tuple(map(str, n.truth.tolist()))
    numbers = n.truth.astype(int).tolist()
    return tuple(names[k] if 0 <= k < len(names) else str(k) for k in numbers)
