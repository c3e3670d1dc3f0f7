"""Architecture: the network as it ran, step by step."""

from __future__ import annotations

import numpy as np

from pellucid.core.features import Pixels
from pellucid.core.model import Operation
from pellucid.core.network import Network
from pellucid.results import ForwardPass

from .family import InternalsMethod
from .moments import is_activation

MIXES = ("attention", "adaptive", "mean", "sum", "lstm", "gru", "rnn", "softmax", "matmul", "bmm", "einsum")
"""Parts of the names of steps whose values may depend on every place."""
FLAT = ("linear", "dense")
"""Parts of the names of steps that read the last axis."""

Reach = tuple[tuple[int, ...], tuple[int, ...]] | None
"""Receptive field and step length per side, in pixels; None is the whole input."""


class Architecture(InternalsMethod):
    r"""The network as it runs: layers and functions in order, skips, shapes, parameters, receptive fields, compute.

    .. math:: r_{out} = r_{in} + d (k - 1) \, j_{in}, \qquad j_{out} = s \, j_{in}

    The steps are recorded from a pass over the first row, not guessed from how the modules are nested: functions
    between the layers and skips are there, a layer that is called twice is there twice, one that never runs is not. The
    receptive field r of a step (window k, dilation d, stride s) is what its values can depend on; what they do depend
    on is mostly less. Compute counts the multiply-adds of products and convolutions. Another row may take another way
    through a network that branches on its data.

    Shapes: ``values: (steps, 2)``, parameters and multiply-adds.
    Cost: one pass of the model on one row.
    Raises: `CapabilityError` where the model has no layers.

    >>> Architecture()(net, images).names[:3]
    ('conv1', 'F.relu#1', 'F.max_pool2d#1')
    """

    paper = (
        "Araujo, Norris, Sim (2019). Computing Receptive Fields of Convolutional Neural Networks. Distill. "
        "https://distill.pub/2019/computing-receptive-fields"
    )

    def places(self, n: Network) -> tuple[str, ...]:
        return tuple(o.name for o in n.operations)

    def look(self, n: Network) -> ForwardPass:
        steps = n.operations
        n.run.meter.count(1, grad=False)
        n.notes.certify(kind="exact", exact=True)
        return self.result(
            n,
            ForwardPass,
            "The steps of a forward pass",
            values=np.array([[o.parameters, o.multiplications] for o in steps], float).reshape(-1, 2),
            names=tuple(o.name for o in steps),
            kinds=tuple(o.kind for o in steps),
            shapes=tuple(o.shape for o in steps),
            sources=tuple(o.sources for o in steps),
            layers=tuple(o.layer for o in steps),
            fields=_fields(n),
            input_shape=tuple(n.x.shape[1:]),
        )


def _fields(n: Network) -> tuple[tuple[int, ...], ...]:
    """The receptive field of each step; () for inputs without height and width."""
    if not isinstance(n.features, Pixels):
        return ((),) * len(n.operations)
    sides = n.features.size(n.x.shape[1:])
    reach: list[Reach] = []
    for o in n.operations:
        sources = [reach[s] if s >= 0 else ((1, 1), (1, 1)) for s in o.sources]
        shapes = [n.operations[s].shape if s >= 0 else n.x.shape[1:] for s in o.sources]
        reach.append(_reach(o, sources, shapes))
    return tuple(sides if r is None else tuple(map(min, r[0], sides)) for r in reach)


def _reach(o: Operation, sources: list[Reach], shapes: list[tuple[int, ...]]) -> Reach:
    """What a step's values can depend on."""
    if not sources or None in sources:
        return None
    known = [s for s in sources if s is not None]
    field = tuple(max(s[0][k] for s in known) for k in range(2))
    jump = tuple(max(s[1][k] for s in known) for k in range(2))
    if len(o.window) == 2:
        field = tuple(f + d * (k - 1) * j for f, j, (k, _, d, _) in zip(field, jump, o.window, strict=True))
        return field, tuple(j * s for j, (_, s, _, _) in zip(jump, o.window, strict=True))
    kind = o.kind.lower()
    if any(word in kind for word in MIXES) and not is_activation(o.kind):
        return None
    if any(word in kind for word in FLAT):
        return (field, jump) if len(o.shape) > 1 and len(shapes[0]) == len(o.shape) else None
    return field, jump
