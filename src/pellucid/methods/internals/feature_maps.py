"""Feature maps: what a layer gives for an input."""

from __future__ import annotations

from itertools import product

import numpy as np

from pellucid.core.errors import LayerError
from pellucid.core.model import Operation
from pellucid.core.network import Network
from pellucid.core.types import NpArray
from pellucid.results.maps import Maps
from pellucid.results.units import joined

from .family import InternalsMethod
from .finite import need_finite
from .layout import units_first


class FeatureMaps(InternalsMethod):
    r"""What each unit of a layer gives for an input, place by place; for pooling, what went in and what was kept.

    .. math:: a_u(p) \quad \text{for every unit } u \text{ and place } p, \qquad
              \text{max pooling: } p^*_u(q) = \arg\max_{p \in \text{window}(q)} a_u(p)

    The numbers are the layer's own, bit for bit. A map that is bright somewhere says that its unit reacts there, not
    that the output depends on it; a blank map says that the unit is silent for these rows, not that it is dead. Maps
    drawn on one scale can be compared; each on its own scale, they cannot. Tokens of an image are laid out on their
    grid; a dense layer has units and no places.

    Shapes: ``values: (n, units, *places)`` for one layer; for several, see `Units.layer`.
    Cost: one pass of the model.
    Raises: `LayerError` where a place named is not reached.

    >>> FeatureMaps()(net, images, at="conv2").values.shape
    (4, 8, 16, 16)
    """

    paper = (
        "Yosinski, Clune, Nguyen, Fuchs, Lipson (2015). Understanding Neural Networks Through Deep Visualization. "
        "arXiv:1506.06579"
    )

    def places(self, n: Network) -> tuple[str, ...]:
        for axes in (3, 2, 1):
            found = [o.name for o in n.operations if len(o.shape) == axes]
            if found:
                return (found[-1],)
        raise LayerError("No step of this network gives an array.")

    def look(self, n: Network) -> Maps:
        pools = {p: n.step(p) for p in n.places if "pool" in n.kind(p).lower() and not p.endswith(":input")}
        inputs = {p: f"{p}:input" for p in pools}
        values = n.values(*n.places, *inputs.values())
        for place, found in values.items():
            need_finite(n, place, found)
        maps = [units_first(n, p, values[p]) for p in n.places]
        before = [units_first(n, p, values[inputs[p]]) if p in inputs else np.empty(0) for p in n.places]
        kept = [_kept(pools.get(p), b, m) for p, b, m in zip(n.places, before, maps, strict=True)]
        n.notes.certify(kind="exact", exact=True)
        return self.result(
            n,
            Maps,
            f"The values at {', '.join(n.places)}",
            values=joined(maps),
            layers=n.places,
            kinds=tuple(map(n.kind, n.places)),
            shapes=tuple(m.shape for m in maps),
            x=n.x,
            before=np.concatenate([b.ravel() for b in before]) if pools else None,
            before_shapes=tuple(b.shape if b.size else () for b in before) if pools else (),
            kept=np.concatenate([k.ravel() for k in kept]) if pools else None,
        )


def _kept(pool: Operation | None, before: NpArray, after: NpArray) -> NpArray:
    """The place in its map that each value of max pooling was taken from; -1 where none was chosen."""
    if pool is None or "max" not in pool.kind.lower() or not pool.window or before.ndim < 3:
        return np.full(after.shape, -1)
    best, place = np.full(after.shape, -np.inf), np.full(after.shape, -1)
    sides = before.shape[2:]
    for offset in product(*(range(size) for size, *_ in pool.window)):
        lines = [
            np.arange(count) * stride - padding + o * dilation
            for o, count, (_, stride, dilation, padding) in zip(
                offset, after.shape[2:], pool.window, strict=True
            )
        ]
        cells = np.meshgrid(*lines, indexing="ij")
        inside = np.all([(c >= 0) & (c < side) for c, side in zip(cells, sides, strict=True)], 0)
        flat = np.where(inside, np.ravel_multi_index(cells, sides, mode="clip"), 0)
        value = np.where(inside, before.reshape(*before.shape[:2], -1)[:, :, flat], -np.inf)
        better = value > best
        best, place = np.where(better, value, best), np.where(better, flat, place)
    return place
