"""Activations: what units do over a whole data set, gathered in one pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pellucid.core.network import Network
from pellucid.core.types import NpArray
from pellucid.methods.params import param
from pellucid.results import ActivationUnits

from .family import InternalsMethod
from .finite import need_finite
from .layout import units_first
from .moments import Moments, ends_of, is_activation

KEPT = 64 * 2**20
"""Bytes of inputs that a result keeps, to show the rows that excite a unit."""
SATURATED = 0.5
"""A unit is saturated that spends more than this share at the ends of its activation function."""


class Activations(InternalsMethod):
    r"""What each unit does over a data set: mean, spread, zeros, saturation, and the rows that excite it most.

    .. math:: \mu_u = \frac{1}{N} \sum_{i, p} a_u(x_i, p), \qquad
              \sigma_u^2 = \frac{1}{N} \sum_{i, p} \bigl(a_u(x_i, p) - \mu_u\bigr)^2

    Rows are read once, batch by batch, and forgotten, so that memory does not grow with their number. Places of a map
    count as so many values of its unit. A unit is called dead that gives the same for every row: dead on these data,
    that is, and other data may wake it. The rows that excite a unit show what it answers to and not what it is for;
    units may answer to several things. Without a place named, all activation functions are looked at.

    Shapes: ``values: (units,)``, layer after layer; `ActivationUnits` tells the rest.
    Cost: one pass of the model over the rows, and one over the sample.
    Raises: `LayerError` where a place named is not reached.

    >>> Activations()(net, images, at="conv2").values.shape
    (8,)
    """

    paper = (
        "Zhou, Khosla, Lapedriza, Oliva, Torralba (2015). Object Detectors Emerge in Deep Scene CNNs. "
        "arXiv:1412.6856"
    )

    top: int = param(default=8, doc="rows kept for each unit, those with its largest values", min=1)
    sample: int = param(default=400, doc="rows whose activations are kept, for scatter plots", min=1)

    def places(self, n: Network) -> tuple[str, ...]:
        found = [o.name for o in n.operations if is_activation(o.kind) and o.shape]
        return tuple(found or [o.name for o in n.operations if o.parameters and o.shape])

    def look(self, n: Network) -> ActivationUnits:
        moments = {p: Moments(min(self.top, n.n), ends_of(n.kind(p))) for p in n.places}
        for rows, values in n.stream(*n.places):
            for place, moment in moments.items():
                need_finite(n, place, values[place], range(rows.start, rows.stop))
                moment.add(rows.start, units_first(n, place, values[place]))
        found = {
            name: np.concatenate([getattr(m, name) for m in moments.values()])
            for name in ("mean", "spread", "low", "high", "zeros", "saturated", "top_rows", "top_values")
        }
        shown = _fitting(n, found["top_rows"])
        rows, sample, before = self._sampled(n)
        counts = [len(m.mean) for m in moments.values()]
        self._judge(n, found, sum(counts))
        n.notes.certify(kind="exact", exact=True)
        return self.result(
            n,
            ActivationUnits,
            f"Statistics of activations over {n.n} rows",
            values=found.pop("mean"),
            layers=n.places,
            kinds=tuple(map(n.kind, n.places)),
            shapes=tuple((c,) for c in counts),
            **found,
            rows=n.n,
            shown=shown,
            x=n.x[shown],
            sampled=rows,
            sample=sample,
            before=before,
            sample_x=n.x[rows],
        )

    def _sampled(self, n: Network) -> tuple[NpArray, NpArray, NpArray]:
        """Rows spread over the data, what the units give for them, and what went into activation functions there."""
        rows = np.unique(np.linspace(0, n.n - 1, min(self.sample, n.n)).round().astype(int))
        few = replace(n, inputs=tuple(a[rows] for a in n.inputs), x=n.x[rows])
        into = {p: f"{p}:input" for p in n.places if is_activation(n.kind(p))}
        values = few.values(*n.places, *into.values())
        after, before = list[NpArray](), list[NpArray]()
        for k, place in enumerate(n.places):
            given = units_first(n, place, values[place])
            flat = given.reshape(*given.shape[:2], -1)
            spots = n.run.generator(k).integers(flat.shape[2], size=len(rows))
            after.append(flat[np.arange(len(rows)), :, spots])
            went = values[into[place]] if place in into else None
            if went is not None:
                need_finite(n, into[place], went, rows.tolist())
            if went is None or went.shape != values[place].shape:
                before.append(np.full(after[-1].shape, np.nan))
                continue
            flat = units_first(n, place, went).reshape(flat.shape)
            before.append(flat[np.arange(len(rows)), :, spots])
        return rows, np.concatenate(after, 1), np.concatenate(before, 1)

    def _judge(self, n: Network, found: dict[str, NpArray], count: int) -> None:
        dead = int((found["high"] <= found["low"]).sum())
        n.notes.check(
            "dead_units",
            float(dead),
            warn=0,
            fail=np.inf,
            meaning=f"{dead} of {count} units give the same for every one of the {n.n} rows.",
            advice="Look at their weights and biases; other data may still move them." if dead else "",
        )
        full = int((np.nan_to_num(found["saturated"]) > SATURATED).sum())
        n.notes.check(
            "saturated_units",
            full / count,
            warn=0.1,
            fail=np.inf,
            meaning=f"{full} of {count} units spend most of the data at the ends of their activation function.",
            advice="Smaller weights or normalised inputs keep them where they can learn.",
        )


def _fitting(n: Network, top: NpArray) -> NpArray:
    """The rows whose inputs are kept: those that excite some unit, the strongest of each first, as memory allows."""
    most = max(1, int(KEPT // max(1, n.x[:1].nbytes)))
    kept = np.unique(top)
    columns = top.shape[1]
    while len(kept) > most and columns > 1:
        columns -= 1
        kept = np.unique(top[:, :columns])
    if len(kept) > most:
        kept = np.unique(top[:, 0])[:most]
        n.notes.said.append(f"The inputs of {most} rows are kept, not of all that excite some unit.")
    return kept
