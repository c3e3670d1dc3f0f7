"""Linear decomposition: layers as linear maps, around a row and over a data set."""

from __future__ import annotations

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.core.network import Network
from pellucid.core.run import stop_if_cancelled
from pellucid.core.types import NpArray
from pellucid.methods.params import param
from pellucid.results import LinearUnits

from .family import InternalsMethod
from .finite import need_finite
from .linear_fits import end_to_end, entrywise, jacobian, least_squares, r2_score
from .moments import is_activation

STEP = 1e-3
"""How far from the row the local map is tried, as a share of the row's length."""


class LinearDecomposition(InternalsMethod):
    r"""What layers are as linear maps: exactly around one row, at best over all rows, and for the whole network.

    .. math:: y = W x + b, \quad W = \frac{\partial y}{\partial x}\Big|_{x}, \; b = y - W x, \qquad
              \min_{A, c} \sum_i \lVert y_i - A x_i - c \rVert^2

    Around a row W and b are the layer's Jacobian and constant: for piecewise-linear layers they are the layer itself as
    long as no ReLU switches, for others its tangent. Over all rows the best single map is fitted by least squares on
    half of them; its R² on the other half says how nearly linear the layer is on these data (activation functions are
    fitted entry by entry). With fewer rows than inputs the fit is not determined, and its R² says little. The
    effective weights of the whole network are its Jacobian at the row: a linear model that is right there and nowhere
    else.

    Shapes: ``values: (layers,)``, R²; W and b by `LinearUnits.local`.
    Cost: one gradient per output of each layer at the row, two passes over the rows.
    Raises: `ParameterError` where the row is not there.

    >>> LinearDecomposition()(net, images, at="fc").effective.shape
    (10, 1, 32, 32)
    """

    paper = (
        "Montufar, Pascanu, Cho, Bengio (2014). On the Number of Linear Regions of Deep Neural Networks. "
        "arXiv:1402.1869"
    )

    row: int = param(default=0, doc="the row that the maps are taken at", min=0)
    largest: int = param(default=2_000_000, doc="entries of a matrix that is kept", min=1)

    def places(self, n: Network) -> tuple[str, ...]:
        return tuple(
            o.name
            for o in n.operations
            if o.shape
            and len(o.sources) == 1
            and (o.parameters or is_activation(o.kind) or "pool" in o.kind.lower())
            and not o.name.endswith("]")
        )

    def look(self, n: Network) -> LinearUnits:
        self.need_gradients(n)
        if self.row >= n.n:
            raise ParameterError(f"There is no row {self.row}.", fix=f"Choose 0..{n.n - 1}.")
        r2, single, fitted = self._fits(n)
        local = [self._local(n, f"{p}:input", p) for p in n.places]
        kept = [m for m in local if m is not None]
        effective, y, x = jacobian(n, self.row)
        need_finite(n, "The output", y[None], (self.row,))
        self._judge(n, effective, y, x)
        return self.result(
            n,
            LinearUnits,
            "R² of the best single linear map of each layer, on held-out rows",
            values=r2,
            layers=n.places,
            kinds=tuple(map(n.kind, n.places)),
            single=single,
            row=self.row,
            maps=end_to_end([w.ravel() for w, _, _ in kept]),
            map_shapes=tuple(() if m is None else m[0].shape for m in local),
            biases=end_to_end([y - w @ x for w, y, x in kept]),
            points=end_to_end([x for _, _, x in kept]),
            outcomes=end_to_end([y for _, y, _ in kept]),
            effective=effective.reshape(len(effective), *n.x.shape[1:]),
            effective_bias=y - effective @ x,
            x=n.x[self.row],
            outputs=y,
            classes=n.aim.classes,
            fitted=fitted,
            held=n.n - fitted,
        )

    def _fits(self, n: Network) -> tuple[NpArray, tuple[bool, ...], int]:
        """R² of each layer, whether it was fitted entry by entry, and how many rows were fitted."""
        fitted = max(1, n.n // 2)
        order = n.run.generator().permutation(n.n)
        seen, held = order[:fitted], order[fitted:] if n.n > 1 else order
        scores, single, wide = list[float](), list[bool](), 0
        for place in n.places:
            stop_if_cancelled(n.run)
            into = f"{place}:input"
            found = n.values(into, place)
            for where, values in found.items():
                need_finite(n, where, values)
            x, y = (found[p].reshape(n.n, -1).astype(float) for p in (into, place))
            alone = is_activation(n.kind(place)) and x.shape == y.shape
            single.append(alone)
            wide += not alone and x.shape[1] >= fitted
            fit = (entrywise if alone else least_squares)(x[seen], y[seen])
            scores.append(r2_score(y[held], fit(x[held])))
        n.notes.check(
            "underdetermined",
            float(wide),
            warn=0,
            fail=np.inf,
            meaning=f"{wide} of {len(n.places)} layers take more numbers than there are rows to fit them on.",
            advice="Give more rows, or look at layers with fewer inputs." if wide else "",
        )
        return np.array(scores), tuple(single), fitted

    def _local(self, n: Network, start: str, stop: str) -> tuple[NpArray, NpArray, NpArray] | None:
        """(W, y, x) of a layer at the row; None where W is too large to keep."""
        found = n.model.capture(n.at_rows(slice(self.row, self.row + 1)), (start, stop))
        size = [int(np.prod(found[p].shape)) for p in (start, stop)]
        return jacobian(n, self.row, start, stop) if size[0] * size[1] <= self.largest else None

    def _judge(self, n: Network, w: NpArray, y: NpArray, x: NpArray) -> None:
        """Whether the map still holds a little away from the row."""
        step = n.run.generator(1).normal(size=len(x))
        step *= STEP * max(float(np.linalg.norm(x)), 1.0) / max(float(np.linalg.norm(step)), 1e-300)
        moved = n.model.native((x + step).astype(n.x.dtype).reshape(1, *n.x.shape[1:]))
        model, inputs = n.start(slice(self.row, self.row + 1))
        there = n.model.numpy(model.predict(moved, *inputs[1:]))[0].ravel()
        change = float(np.linalg.norm(there - y))
        missed = float(np.linalg.norm(there - (y + w @ step))) / max(change, 1e-12)
        n.notes.check(
            "tangent",
            missed,
            warn=0.1,
            fail=np.inf,
            meaning=f"A step of {STEP:g} of the row's length away, the effective weights miss {100 * missed:.0f} % "
            "of the change.",
            advice="The network bends here: read the weights as a tangent, or smooth them over several rows.",
        )
        n.notes.certify(kind="exact", exact=True)
