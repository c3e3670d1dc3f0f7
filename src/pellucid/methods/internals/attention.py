"""Attention: which positions a transformer reads, head by head."""

from __future__ import annotations

import numpy as np

from pellucid.core.attending import Attended
from pellucid.core.errors import CapabilityError, LayerError, ParameterError, nearest
from pellucid.core.features import Pixels
from pellucid.core.network import Network
from pellucid.core.types import NpArray
from pellucid.methods.params import param
from pellucid.results import AttentionMaps
from pellucid.results.units import joined

from .attended import attentive, followed, grid, recorded
from .family import InternalsMethod


class Attention(InternalsMethod):
    r"""The attention weights of any transformer, recorded while it runs as it always does.

    .. math:: A = \mathrm{softmax}\Bigl(\frac{Q K^\top}{\sqrt d} + M\Bigr), \qquad
              R_l = \tfrac12 (\bar A_l + I)\, R_{l-1}, \qquad
              C_l = C_{l-1} + \overline{(\nabla A_l \odot A_l)^+} \, C_{l-1}

    `view="heads"` gives A, "mean" its mean over heads. "rollout" follows the mean through the layers, half of each
    going straight on, as skip connections do: R_l tells which inputs reach each position of layer l. "gradient" weighs
    each head by how the explained output depends on it, and adds up what passes (C_l less the identity); unlike the
    others it depends on the target. A weight tells where a head reads, not what it does with what it finds there: large
    weights may carry nothing, and first positions are often a place to rest. Queries that may look nowhere are zero.

    Shapes: ``values: (layers, rows, heads, queries, keys)``; one layer after another where they differ in shape (see
    `AttentionMaps.layer`); one head for all views but "heads".
    Cost: one pass per row; for "gradient" two, and one back.
    Raises: `CapabilityError` where the model shows no attention, `LayerError` where a place named has none.

    >>> Attention()(transformer, digits).values.shape
    (2, 4, 3, 8, 8)
    """

    paper = (
        "Vaswani et al. (2017). Attention Is All You Need. arXiv:1706.03762; rollout: Abnar, Zuidema (2020). "
        "Quantifying Attention Flow in Transformers. arXiv:2005.00928; gradient: Chefer, Gur, Wolf (2021). Generic "
        "Attention-model Explainability. arXiv:2103.15679"
    )
    takes = ("target",)

    view: str = param(
        default="heads",
        doc="every head, the mean over heads, or what follows it through the layers: rollout, or gradient-weighted",
        choices=("heads", "mean", "rollout", "gradient"),
    )

    def places(self, n: Network) -> tuple[str, ...]:
        return ()

    def known(self, n: Network) -> tuple[str, ...]:
        if "attentions" not in n.notes.memory:
            n.notes.memory["attentions"] = tuple(
                a.name for a in attentive(n).attentions(n.at_rows(slice(0, 1)))
            )
        return n.notes.memory["attentions"]

    def look(self, n: Network) -> AttentionMaps:
        if n.aim.spec is not None and self.view != "gradient":
            raise ParameterError(
                "Only the gradient-weighted view depends on a target.", fix='Choose view="gradient".'
            )
        target = None
        if self.view == "gradient":
            self.need_gradients(n)
            target = n.aim.at(n.outputs())
        found = recorded(n, target)
        layers = [self._viewed(a) for a in found]
        if self.view in ("rollout", "gradient"):
            layers = followed(found, layers, rollout=self.view == "rollout")
        n.notes.certify(kind="exact", exact=True)
        shapes = tuple(a.shape for a in layers)
        labels = set[str]() if target is None else set(target.labels(n.aim.classes, n.n))
        x = n.x if isinstance(n.features, Pixels) else None
        return self.result(
            n,
            AttentionMaps,
            "The attention weights as they ran"
            if self.view in ("heads", "mean")
            else f"Attention by {self.view}",
            values=np.stack(layers) if len(set(shapes)) == 1 else joined(layers),
            layers=tuple(a.name for a in found),
            kinds=tuple(a.kind for a in found),
            shapes=shapes,
            view=self.view,
            windows=tuple(a.windows if self.view == "heads" else 1 for a in found),
            x=x,
            grid=() if any(a.windows > 1 for a in found) else grid(n, shapes),
            target=labels.pop() if len(labels) == 1 else "",
        )

    def _viewed(self, a: Attended) -> NpArray:
        """(rows, heads, queries, keys) one layer as the view has it."""
        if self.view == "heads":
            return a.weights
        if a.windows > 1:
            raise CapabilityError(
                f"{a.name} attends within {a.windows} windows, which have no mean.",
                fix='Choose view="heads".',
            )
        weights = a.weights
        if self.view == "gradient" and a.gradient is not None:
            weights = np.maximum(a.gradient * weights, 0)
        return weights.mean(1, keepdims=True)

    def _matching(self, n: Network, text: str) -> tuple[str, ...]:
        if "*" in text or "?" in text:
            return super()._matching(n, text)
        known = self.known(n)
        inside = tuple(p for p in known if p == text or p.startswith((f"{text}.", f"{text}/", f"{text}#")))
        if not inside:
            raise LayerError(f"{text!r} has no attention.", fix=nearest(text, known))
        return inside
