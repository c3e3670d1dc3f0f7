"""A target reads one scalar per row from a model's output: its value, and its derivative."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from .errors import TargetError, nearest
from .types import Array, NpArray


class Target(Protocol):
    """What methods explain: `value` is (n,), `cotangent` is d value / d y, shaped like y.

    `labels` names it for each row, and `counts_in` says what it counts in where the outputs count in `space`.
    """

    def value(self, y: Array, rows: NpArray) -> Array: ...
    def cotangent(self, y: Array, rows: NpArray) -> Array: ...
    def labels(self, classes: Sequence[str], rows: int) -> tuple[str, ...]: ...
    def counts_in(self, space: str) -> str: ...


Differentiate = Callable[[Callable[[Array], Array], Array], Array]
"""The derivative of sum(fn(y)) with respect to y, by the model's own framework."""


@dataclass(frozen=True)
class Neuron:
    """A unit inside the network as the thing explained: `Neuron("conv4", (17, 3, 3))`.

    An index shorter than the activation's axes sums the axes left over (a whole channel, say).
    """

    layer: str
    index: int | tuple[int, ...] | None = None


@dataclass(frozen=True)
class Margin:
    """The lead of class `a` over class `b`: y[a] - y[b]."""

    a: int | str
    b: int | str


@dataclass(frozen=True)
class LogProb:
    """The logarithm of a class's probability; a model that outputs logits is passed through log-softmax."""

    index: int | str


Spec = Any
"""What a caller may pass as `target`: None, int, tuple, class name, one per row, Neuron, Margin, LogProb, callable."""


@dataclass(frozen=True)
class Output:
    """One output unit (or the sum over the axes an index leaves open), the same for all rows or one per row."""

    index: NpArray  # (1 or n, axes) of int
    of: str = ""  # the layer, for a unit inside the network

    def value(self, y: Array, rows: NpArray) -> Array:
        if y.ndim == 1:
            return y
        index = self.index if len(self.index) == 1 else self.index[rows]
        rest = (int(i) for i in index[0]) if len(index) == 1 else index.T
        picked = y[(slice(None) if len(index) == 1 else np.arange(y.shape[0]), *rest)]
        return picked if picked.ndim == 1 else picked.reshape((y.shape[0], -1)).sum(1)

    def cotangent(self, y: Array, rows: NpArray) -> Array:
        if y.ndim == 1:
            return y * 0 + 1
        index = self.index if len(self.index) == 1 else self.index[rows]
        chosen = np.zeros((len(index), *y.shape[1:]), bool)
        chosen[(np.arange(len(index)), *index.T)] = True
        return _like(y, chosen)

    def labels(self, classes: Sequence[str], rows: int) -> tuple[str, ...]:
        names = [_name(tuple(row), classes) for row in self.index.tolist()]
        names = names * rows if len(names) == 1 else names
        return tuple(f"{self.of} {name}" for name in names) if self.of else tuple(names)

    def counts_in(self, space: str) -> str:
        return space


@dataclass(frozen=True)
class Difference:
    """y[a] - y[b] of two outputs."""

    a: Output
    b: Output

    def value(self, y: Array, rows: NpArray) -> Array:
        return self.a.value(y, rows) - self.b.value(y, rows)

    def cotangent(self, y: Array, rows: NpArray) -> Array:
        return self.a.cotangent(y, rows) - self.b.cotangent(y, rows)

    def labels(self, classes: Sequence[str], rows: int) -> tuple[str, ...]:
        pairs = zip(self.a.labels(classes, rows), self.b.labels(classes, rows), strict=True)
        return tuple(f"{a} - {b}" for a, b in pairs)

    def counts_in(self, space: str) -> str:
        return space


@dataclass(frozen=True)
class Logarithm:
    """log p of one class: of probabilities as they are, of logits through log-softmax."""

    of: Output
    probabilities: bool

    def value(self, y: Array, rows: NpArray) -> Array:
        from array_api_compat import array_namespace

        if y.ndim != 2:
            raise TargetError(
                "LogProb needs one axis of classes.",
                got=f"outputs of shape {tuple(y.shape[1:])}",
                fix="Pass an index.",
            )
        xp, picked = array_namespace(y), self.of.value(y, rows)
        if self.probabilities:
            return xp.log(picked)
        top = xp.max(y, axis=1)
        return picked - top - xp.log(xp.sum(xp.exp(y - top[:, None]), axis=1))

    def cotangent(self, y: Array, rows: NpArray) -> Array:
        from array_api_compat import array_namespace

        xp, mask = array_namespace(y), self.of.cotangent(y, rows)
        if self.probabilities:
            return mask / self.of.value(y, rows)[:, None]
        e = xp.exp(y - xp.max(y, axis=1)[:, None])
        return mask - e / xp.sum(e, axis=1)[:, None]

    def labels(self, classes: Sequence[str], rows: int) -> tuple[str, ...]:
        return tuple(f"log p({name})" for name in self.of.labels(classes, rows))

    def counts_in(self, space: str) -> str:
        return "raw"


@dataclass(frozen=True)
class Custom:
    """A function of the whole output, (n, ...) -> (n,), written in the model's own framework."""

    function: Callable[[Array], Array]
    differentiate: Differentiate | None

    def value(self, y: Array, rows: NpArray) -> Array:
        out = self.function(y)
        if tuple(getattr(out, "shape", ())) != (y.shape[0],):
            raise TargetError(
                "A target function must give one number per row.",
                got=f"shape {tuple(getattr(out, 'shape', ()))} for {y.shape[0]} rows",
                fix="Return an array of shape (rows,).",
            )
        return out

    def cotangent(self, y: Array, rows: NpArray) -> Array:
        if self.differentiate is None:
            raise TargetError(
                "This model cannot differentiate a target function.", fix="Pass a class instead."
            )
        return self.differentiate(lambda z: self.value(z, rows), y)

    def labels(self, classes: Sequence[str], rows: int) -> tuple[str, ...]:
        return (getattr(self.function, "__name__", "target"),) * rows

    def counts_in(self, space: str) -> str:
        return "raw"


def space_of(y: Array, space: str) -> str:
    """What outputs like `y` count in: as the adapter says, and "probability" where rows add up to 1.

    Args:
        y: (n, *outputs).
        space: the adapter's word, or "" for networks, whose outputs are else logits, or "raw?" for functions, whose
            outputs are else raw.
    """
    if space not in ("", "raw?"):
        return space
    if y.ndim != 2 or y.shape[1] < 2:
        return "raw"
    total = y.sum(1)
    if bool((y >= 0).all()) and bool((abs(total - 1) < 1e-3).all()):
        return "probability"
    return "logit" if space == "" else "raw"


def scalar(spec: Spec) -> Spec:
    """A target that came as an array without axes, as a plain number."""
    return spec.item() if hasattr(spec, "item") and np.ndim(spec) == 0 else spec


def resolve(
    spec: Spec,
    y: Array,
    *,
    classes: Sequence[str] = (),
    space: str = "raw",
    differentiate: Differentiate | None = None,
) -> Target:
    """Turn what the caller passed as `target` into a Target for outputs like `y`.

    Args:
        spec: see `Spec`; None takes the class each row is predicted as, or the only output.
        y: the model's output for all rows, (n, *outputs).
        classes: names of the classes, for names and labels.
        space: what y counts in, as `space_of` takes it; of probabilities LogProb takes the plain logarithm.
        differentiate: how the framework differentiates a target function.

    Raises:
        TargetError: an index or name outside the output, or a number of targets unlike the number of rows.
    """
    spec = scalar(spec)
    if spec is None:
        return predicted(y)
    if isinstance(spec, Margin):
        return Difference(_output(spec.a, y, classes), _output(spec.b, y, classes))
    if isinstance(spec, LogProb):
        return Logarithm(_output(spec.index, y, classes), space_of(y, space) == "probability")
    if callable(spec) and not hasattr(spec, "__array__"):
        return Custom(spec, differentiate)
    return _output(spec, y, classes)


def predicted(y: Array) -> Output:
    """The class with the largest output in each row, or the only output."""
    if y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1):
        return Output(np.zeros((1, 0), int))
    if y.ndim == 2:
        from array_api_compat import array_namespace, to_device

        winner = array_namespace(y).argmax(y, axis=1)
        return Output(np.asarray(to_device(winner, "cpu") if hasattr(winner, "device") else winner)[:, None])
    raise TargetError(
        f"The output has {y.ndim - 1} axes {tuple(y.shape[1:])}, so no class is predicted for a whole row.",
        fix="Pass target= an index into them; the axes left open are summed.",
    )


def neuron_output(index: int | tuple[int, ...] | None, y: Array, layer: str) -> Output:
    """The unit of an activation that a `Neuron` names; None sums the whole layer."""
    return replace(_output(() if index is None else index, y, ()), of=layer)


def _output(spec: Any, y: Array, classes: Sequence[str]) -> Output:
    if isinstance(spec, str | np.str_):
        return _checked(np.array([[_position(str(spec), classes)]]), y)
    if isinstance(spec, int | np.integer) and not isinstance(spec, bool):
        return _checked(np.array([[int(spec)]]), y)
    if isinstance(spec, tuple) and all(isinstance(i, int | np.integer) for i in spec):
        return _checked(np.array([spec], int).reshape(1, len(spec)), y)
    if isinstance(spec, Mapping) or not hasattr(spec, "__len__"):
        raise TargetError(
            "This is not a target.", got=repr(spec), fix="Pass a class number, a name, or one per row."
        )
    return _checked(_per_row(spec, len(y), classes), y)


def _per_row(spec: Any, n: int, classes: Sequence[str]) -> NpArray:
    listed = list(spec.detach().cpu() if hasattr(spec, "detach") else spec)
    if listed and isinstance(listed[0], str | np.str_):
        listed = [_position(str(v), classes) for v in listed]
    if len({np.shape(v) for v in listed}) > 1:
        raise TargetError(
            "The targets of the rows have different numbers of indices.", fix="Give each as many."
        )
    index = np.asarray([np.asarray(v) for v in listed])
    if len(index) != n:
        raise TargetError(
            f"{len(index)} targets were given for {n} rows.", fix="Pass one target, or one per row."
        )
    if index.dtype.kind not in "iu":
        raise TargetError("Targets must be whole numbers or names.", got=f"dtype {index.dtype}")
    return index.reshape(n, -1)


def _position(name: str, classes: Sequence[str]) -> int:
    if name in classes:
        return list(classes).index(name)
    if not classes:
        raise TargetError(
            f"Class {name!r} has no number: no class names are known.", fix="Pass classes=[...] with it."
        )
    raise TargetError(f"There is no class {name!r}.", fix=nearest(name, classes))


def _checked(index: NpArray, y: Array) -> Output:
    sizes = tuple(y.shape[1:])
    if index.shape[1] > len(sizes) and not (len(sizes) == 0 and not index.any()):
        raise TargetError(
            f"The target has {index.shape[1]} indices, the output {len(sizes)} axes.",
            got=tuple(index[0].tolist()),
        )
    for axis, size in enumerate(sizes[: index.shape[1]]):
        column = index[:, axis]
        if (bad := column[(column >= size) | (column < -size)]).size:
            raise TargetError(
                f"Target {bad[0]} is outside output axis {axis} of size {size}.", fix=f"Choose 0..{size - 1}."
            )
    index = index[:, : len(sizes)].astype(int, copy=False)
    if index.min(initial=0) < 0:
        index = np.where(index < 0, index + np.array(sizes[: index.shape[1]], int), index)
    return Output(index)


def _name(index: tuple[int, ...], classes: Sequence[str]) -> str:
    if len(index) == 1:
        return str(classes[index[0]]) if index[0] < len(classes) else str(index[0])
    return str(index) if index else "output"


def _like(y: Array, mask: NpArray) -> Array:
    """A NumPy mask, of one row or of all, as an array of y's framework, device, shape and dtype."""
    from array_api_compat import array_namespace, device

    xp = array_namespace(y)
    return xp.zeros_like(y) + xp.asarray(mask, dtype=y.dtype, device=device(y))
