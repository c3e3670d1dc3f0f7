"""Kernels: what the convolutions of a network look for."""

from __future__ import annotations

from typing import ClassVar

from pellucid.core.errors import LayerError
from pellucid.core.network import Network
from pellucid.core.types import NpArray
from pellucid.results import KernelUnits
from pellucid.results.units import joined

from .learned import LearnedMethod, arrays, judged, kinds


class Kernels(LearnedMethod):
    r"""The kernels of convolutions: what each output channel looks for in each input channel.

    .. math:: z_o(p) = b_o + \sum_{i} \sum_{q} W_{o i q} \, a_i(p + q)

    The numbers are W, kernel by kernel. In a first layer that takes colours a kernel is a small colour picture, drawn
    around mid grey, which stands for zero; deeper kernels have one plane per input channel, and no picture of their
    own: their inputs are features, not colours. Channels are drawn by the length of their kernels, longest first.
    A kernel that looks like noise may come from too little training, and a regular one may still matter little to
    the output.

    Shapes: ``values: (out, in, *window)`` for one layer; for several, see `Units.layer`.
    Cost: no pass of the model.
    Raises: `LayerError` where a layer named is no convolution.

    >>> Kernels()(net, at="conv1").values.shape
    (4, 1, 3, 3)
    """

    paper = (
        "Krizhevsky, Sutskever, Hinton (2012). ImageNet Classification with Deep Convolutional Neural Networks. "
        "doi:10.1145/3065386"
    )
    data: ClassVar[tuple[str, ...]] = ("image", "series")

    def fits(self, array: NpArray) -> bool:
        return array.ndim >= 3

    def look(self, n: Network) -> KernelUnits:
        found = arrays(n)
        for place in n.places:
            if not self.fits(found[place][2]):
                convolutions = [p for p, (_, _, a) in found.items() if self.fits(a)]
                raise LayerError(
                    f"Layer {place!r} is no convolution.",
                    got=f"{kinds(n, (place,))[0]} with weights {found[place][2].shape}",
                    fix=f"Choose {', '.join(convolutions[:6])}, or show it with Weights."
                    if convolutions
                    else "Show it with Weights.",
                )
        kernels = [found[p][2] for p in n.places]
        return self.result(
            n,
            KernelUnits,
            "The kernels as they are",
            values=joined(kernels),
            layers=n.places,
            kinds=kinds(n, n.places),
            shapes=tuple(k.shape for k in kernels),
            **judged(n, lambda p: found[p][2].reshape(len(found[p][2]), -1)),
        )
