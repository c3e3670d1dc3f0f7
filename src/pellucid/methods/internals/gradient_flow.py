"""Gradient flow: how large the gradient is from layer to layer."""

from __future__ import annotations

import numpy as np

from pellucid.core.errors import DataError
from pellucid.core.network import Network
from pellucid.core.types import Array, NpArray
from pellucid.results import FlowUnits

from .family import InternalsMethod
from .finite import need_finite

FADED = 1e-3
"""A gradient this much smaller at the first layer than at the last has vanished; the inverse has exploded."""


class GradientFlow(InternalsMethod):
    r"""How large the gradient of the output is at each layer: whether it vanishes or explodes on its way back.

    .. math:: g_l(x) = \sqrt{\frac{1}{d_l} \sum_{j=1}^{d_l}
              \Bigl( \frac{\partial f}{\partial a_{l, j}} (x) \Bigr)^2}

    The size is that of a typical entry, so that layers of different widths can be compared; the length of the whole
    gradient stands beside it. A gradient that shrinks by orders of magnitude towards the first layer starves the
    layers there of learning; one that grows makes steps there unstable. It is the gradient of the explained output,
    not of a loss: a loss scales all layers alike, and leaves their proportions.

    Shapes: ``values: (layers, n)``.
    Cost: one gradient per row and layer.
    Raises: `CapabilityError` where the model has no gradients.

    >>> GradientFlow()(net, images, at="conv*").values.shape
    (3, 4)
    """

    paper = (
        "Glorot, Bengio (2010). Understanding the difficulty of training deep feedforward neural networks. "
        "https://proceedings.mlr.press/v9/glorot10a.html"
    )
    takes = ("target",)

    def places(self, n: Network) -> tuple[str, ...]:
        found = [o.name for o in n.operations if o.shape and o.layer and any(s >= -1 for s in o.sources)]
        learned = [o.name for o in n.operations if o.shape and o.parameters]
        return tuple(learned or found)

    def look(self, n: Network) -> FlowUnits:
        self.need_gradients(n)
        y = n.outputs()
        if not np.isfinite(y).all():
            row = int((~np.isfinite(y).reshape(len(y), -1).all(1)).argmax())
            raise DataError(f"The output holds NaN or infinity for row {row}.", fix="Check this row.")
        target = n.aim.at(y)
        sizes = [self._sizes(n, place, target) for place in n.places]
        values = np.stack([rms for rms, _ in sizes])
        typical = values.mean(1)
        ratio = typical[0] / typical[-1] if len(typical) > 1 and typical[-1] > 0 else 1.0
        n.notes.check(
            "vanishing",
            1 / max(ratio, 1e-300),
            warn=1 / FADED,
            fail=np.inf,
            meaning=f"The gradient at {n.places[0]} is {ratio:.2g} times that at {n.places[-1]}.",
            advice="Skip connections, normalisation or other activation functions keep it up.",
        )
        n.notes.check(
            "exploding",
            ratio,
            warn=1 / FADED,
            fail=np.inf,
            meaning=f"The gradient at {n.places[0]} is {ratio:.2g} times that at {n.places[-1]}.",
            advice="Smaller weights, normalisation or clipping hold it down.",
        )
        n.notes.certify(kind="exact", exact=True)
        named = set(target.labels(n.aim.classes, n.n))
        label = named.pop() if len(named) == 1 else ""
        return self.result(
            n,
            FlowUnits,
            f"Size of the gradient of {label or 'each target'} at each layer",
            values=values,
            norms=np.stack([norm for _, norm in sizes]),
            layers=n.places,
            kinds=tuple(map(n.kind, n.places)),
            shapes=((n.n,),) * len(n.places),
            target=label,
        )

    def _sizes(self, n: Network, place: str, target: object) -> tuple[NpArray, NpArray]:
        """(rows,) the root mean square of the gradient at a place, and its length."""
        below, above = n.model[:place], n.model[place:]
        found = list[NpArray]()

        def pull(rows: slice) -> None:
            inputs = n.at_rows(rows)
            numbers = np.arange(rows.start, rows.stop)

            def cotangent(y: Array) -> Array:
                return target.cotangent(y, numbers)  # type: ignore[attr-defined]  # a Target

            _, (gradient,) = above.vjp((below.predict(*inputs), *inputs), cotangent)
            need_finite(n, f"The gradient at {place}", n.model.numpy(gradient), range(rows.start, rows.stop))
            flat = n.model.numpy(gradient).reshape(rows.stop - rows.start, -1).astype(float)
            found.append(np.stack([np.sqrt((flat**2).mean(1)), np.sqrt((flat**2).sum(1))]))

        n.pace.over(n.n, pull)
        n.run.meter.count(n.n, grad=True)
        rms, norm = np.concatenate(found, 1)
        return rms, norm
