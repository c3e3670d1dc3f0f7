"""Weights: the matrices of a network."""

from __future__ import annotations

from pellucid.core.features import Columns
from pellucid.core.network import Network
from pellucid.core.types import NpArray
from pellucid.results import WeightUnits
from pellucid.results.units import joined

from .learned import LearnedMethod, arrays, judged, kinds


class Weights(LearnedMethod):
    r"""The weight matrices of layers, a row per unit, a column per input.

    .. math:: z_o = b_o + \sum_{i} W_{o i} \, a_i

    The numbers are W. A weight says how strongly a unit reacts to one unit more of an input, not how much that input
    matters: an input that hardly varies moves nothing, however large its weight. Rows of zeros (dead units) and equal
    rows (units that do the same work twice) are named. Inputs of a first layer go by the names of the data's columns,
    the rows of a last layer by those of the classes.

    Shapes: ``values: (out, in)`` for one layer; kernels as ``(out, in * window)``; for several, see `Units.layer`.
    Cost: no pass of the model.
    Raises: `LayerError` where a layer named has no weights.

    >>> Weights()(net, at="fc").values.shape
    (10, 128)
    """

    paper = (
        "Rumelhart, Hinton, Williams (1986). Learning representations by back-propagating errors. Nature 323. "
        "doi:10.1038/323533a0"
    )

    def fits(self, array: NpArray) -> bool:
        return array.ndim >= 2

    def look(self, n: Network) -> WeightUnits:
        found = arrays(n)
        matrices = {p: found[p][2].reshape(len(found[p][2]), -1) for p in n.places}
        return self.result(
            n,
            WeightUnits,
            "The weights as they are",
            values=joined(list(matrices.values())),
            layers=n.places,
            kinds=kinds(n, n.places),
            shapes=tuple(m.shape for m in matrices.values()),
            **judged(n, lambda p: matrices[p]),
            **_names(n, matrices),
        )


def _names(n: Network, matrices: dict[str, NpArray]) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Names of the first layer's inputs and of the last layer's units, where they are known."""
    every = list(arrays(n))
    columns = n.features.names if isinstance(n.features, Columns) else n.model.facts.columns
    classes = n.aim.classes
    inputs = tuple(
        tuple(columns) if p == every[0] and len(columns) == m.shape[1] else () for p, m in matrices.items()
    )
    outputs = tuple(classes if p == every[-1] and len(classes) == len(m) else () for p, m in matrices.items())
    return {"inputs": inputs, "outputs": outputs}
