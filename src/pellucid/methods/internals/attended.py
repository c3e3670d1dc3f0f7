"""What attention is made of: recorded over all rows, followed from layer to layer, laid on an image's patches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pellucid.core.attending import Attended, Attentive
from pellucid.core.errors import CapabilityError, DataError
from pellucid.core.features import Pixels
from pellucid.core.network import Network
from pellucid.core.run import tracking
from pellucid.core.target import Target
from pellucid.core.types import Array, NpArray
from pellucid.methods.gradient.feature_maps import recognised

from .finite import WHERE


def recorded(n: Network, target: Target | None) -> list[Attended]:
    """Every attention wanted, of all rows; with the gradients of a target, where there is one."""
    model, parts = attentive(n), list[list[Attended]]()
    with tracking(n.run, "rows", n.n) as advance:

        def record(rows: slice) -> None:
            numbers = np.arange(rows.start, rows.stop)

            def cotangent(y: Array) -> Array:
                return target.cotangent(y, numbers)  # type: ignore[union-attr]  # only called where there is one

            wanted = None if target is None else cotangent
            parts.append(model.attentions(n.at_rows(rows), n.places, wanted))
            advance(rows.stop - rows.start)

        n.pace.over(n.n, record)
    n.run.meter.count(n.n, grad=target is not None)
    if not parts[0]:
        raise CapabilityError(
            f"{n.model.facts.name} shows no attention.",
            fix="It is seen where a softmax in PyTorch is multiplied with values, and in Keras's attention layers.",
        )
    found = [_together(same) for same in zip(*parts, strict=True)]
    for a in found:
        bad: NpArray = np.logical_not(np.isfinite(a.weights).all((2, 3)))
        if bad.any():
            raise DataError(
                f"The attention of {a.name} holds NaN or infinity in {bad.any(0).sum()} of {bad.shape[1]} heads, for "
                f"{bad.any(1).sum()} of {n.n} rows (the first: row {int(bad.any(1).argmax())}).",
                fix=WHERE,
            )
    return found


def followed(found: list[Attended], layers: list[NpArray], *, rollout: bool) -> list[NpArray]:
    """What each layer's positions hold of the first layer's, layer after layer."""
    odd = next((a for a, w in zip(found, layers, strict=True) if w.shape != layers[0].shape), None)
    if odd is not None or layers[0].shape[2] != layers[0].shape[3]:
        raise CapabilityError(
            f"Layers are followed where all attend to the same positions; {(odd or found[0]).name} does not.",
            fix='Name those that do: at="encoder*".',
        )
    same = np.eye(layers[0].shape[3], dtype=layers[0].dtype)
    held, out = np.broadcast_to(same, layers[0].shape), list[NpArray]()
    for weights in layers:
        if rollout:
            step = weights + same
            held = step / step.sum(-1, keepdims=True) @ held
            out.append(held)
        else:
            held = held + weights @ held
            out.append(held - same)
    return out


def attentive(n: Network) -> Attentive:
    """The network as one whose attention can be read."""
    if not isinstance(n.model, Attentive):
        raise CapabilityError("The attention of this model cannot be read.", got=n.model.facts.name)
    return n.model


def _together(parts: tuple[Attended, ...]) -> Attended:
    """One attention, over all batches."""
    if len(parts) == 1:
        return parts[0]
    gradients = [a.gradient for a in parts if a.gradient is not None]
    return replace(
        parts[0],
        weights=np.concatenate([a.weights for a in parts]),
        gradient=np.concatenate(gradients) if gradients else None,
    )


def grid(n: Network, shapes: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    """The patches of an image that all layers attend to; () where they do not."""
    features = n.features
    if not isinstance(features, Pixels) or n.x.ndim != 4 or len({s[2:] for s in shapes}) != 1:
        return ()
    if shapes[0][2] != shapes[0][3]:
        return ()
    for registers in range(min(6, shapes[0][3] - 1)):
        if found := recognised(shapes[0][3] - registers, n.x, features.channels):
            return found
    return ()
