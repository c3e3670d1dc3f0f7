"""Gradients: which way the input moves each unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core.errors import TargetError
from pellucid.core.features import Units as LayerFeatures
from pellucid.core.network import Network
from pellucid.core.run import tracking
from pellucid.core.types import Array, NpArray
from pellucid.methods.params import param
from pellucid.results import GradientMaps

from .family import InternalsMethod
from .finite import need_finite
from .layout import units_first


class Gradients(InternalsMethod):
    r"""The gradient of each unit of a layer with respect to the input, or to an earlier layer.

    .. math:: G_u(x) = \nabla_x \, a_u\bigl(x, p_u\bigr), \qquad p_u = \arg\max_p a_u(x, p)
              \quad \text{or the mean over all places}

    It tells in which direction, and how fast, a small change of the input moves a unit. A unit of a map is asked at its
    strongest place, so that the picture shows the part of the input that the unit sees there. A gradient of zeros
    (a silent ReLU) says nothing of what would wake the unit. `target` names one unit or several; without it every unit
    of the layer is asked, one backward pass each.

    Shapes: ``values: (n, units, *features)``, or as the layer `wrt` is shaped.
    Cost: one gradient per row and unit.
    Raises: `TargetError` where the layer has no such unit, `CapabilityError` where the model has no gradients.

    >>> Gradients()(net, images, at="conv2", target=(0, 3)).values.shape
    (4, 2, 1, 32, 32)
    """

    paper = (
        "Simonyan, Vedaldi, Zisserman (2014). Deep Inside Convolutional Networks: Visualising Image Classification "
        "Models and Saliency Maps. arXiv:1312.6034"
    )
    takes = ("target",)

    wrt: str = param(default="", doc="the layer to differentiate with respect to; empty is the input")
    at_place: str = param(
        default="strongest", doc="where a unit of a map is asked", choices=("strongest", "mean")
    )

    def places(self, n: Network) -> tuple[str, ...]:
        found = [o.name for o in n.operations if o.parameters and len(o.shape) >= 1]
        return (found[-2] if len(found) > 1 else found[-1],)

    def look(self, n: Network) -> GradientMaps:
        place = n.place
        self.need_gradients(n)
        if self.wrt:
            n.model.check(self.wrt, n.inputs)
        first = n.model.numpy(n.model.capture(n.at_rows(slice(0, 1)), (place,))[place])
        units = _asked(n.aim.spec, units_first(n, place, first).shape[1], place)
        with tracking(n.run, "gradients", n.n * len(units)) as advance:
            parts = [self._of_unit(n, place, u, advance) for u in units]
        values = np.stack(parts, 1)
        flat = values.reshape(n.n, len(units), -1)
        still = float((flat == 0).all(2).mean())
        n.notes.check(
            "silent_units",
            still,
            warn=0.5,
            fail=np.inf,
            meaning=f"{100 * still:.0f} % of the gradients are zero throughout.",
            advice="Name the layer before the activation function, or rows that excite these units.",
        )
        n.notes.certify(kind="exact", exact=True)
        return self.result(
            n,
            GradientMaps,
            f"Gradients of {place} with respect to {self.wrt or 'the input'}",
            values=values,
            layers=(place,),
            kinds=(n.kind(place),),
            shapes=(values.shape,),
            x=n.x,
            wrt=self.wrt,
            unit_numbers=units,
            features=LayerFeatures(self.wrt) if self.wrt else n.features,
        )

    def _of_unit(self, n: Network, place: str, unit: int, advance: Any) -> NpArray:
        """(rows, *shape) the gradient of one unit."""
        parts = list[NpArray]()

        def pull(rows: slice) -> None:
            model, inputs = n.start(rows, self.wrt)
            _, (gradient,) = model[:place].vjp(inputs, lambda y: self._cotangent(n, place, unit, y))
            parts.append(n.model.numpy(gradient))
            need_finite(n, f"The gradient of unit {unit} of {place}", parts[-1], range(rows.start, rows.stop))
            advance(rows.stop - rows.start)

        n.pace.over(n.n, pull)
        n.run.meter.count(n.n, grad=True)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _cotangent(self, n: Network, place: str, unit: int, y: Array) -> Array:
        """One where the unit is asked, zero elsewhere, shaped like the layer's value."""
        values = n.model.numpy(y)
        need_finite(n, place, values)
        numbers = np.arange(values.size).reshape(values.shape)  # where each value of a map lies in the layer
        mine = units_first(n, place, numbers)[:, unit].reshape(len(values), -1)
        out = np.zeros(values.size, values.dtype)
        if self.at_place == "mean":
            out[mine] = 1 / mine.shape[1]
        else:
            strongest = values.ravel()[mine].argmax(1)
            out[mine[np.arange(len(mine)), strongest]] = 1
        return n.model.native(out.reshape(values.shape))


def _asked(spec: Any, count: int, place: str) -> tuple[int, ...]:
    """The units named by `target`, all of them without.

    Raises:
        TargetError: the layer has no such unit.
    """
    if spec is None:
        return tuple(range(count))
    try:
        units = tuple(int(u) for u in np.atleast_1d(np.asarray(spec)))
        if any(u != s for u, s in zip(units, np.atleast_1d(np.asarray(spec)), strict=True)):
            raise ValueError
    except (TypeError, ValueError) as error:
        raise TargetError(
            "Units are named by their numbers.", got=repr(spec), fix="Pass target=3 or target=(0, 3)."
        ) from error
    for u in units:
        if not 0 <= u < count:
            raise TargetError(f"Layer {place} has no unit {u}.", fix=f"Choose 0..{count - 1}.")
    return units
