"""Layer-wise relevance propagation: what goes back is the relevance itself, shaped like the inputs.

Relevance is x times a derivative, so that sums, moves and poolings need no rule. Biases are told by a number for each
row that is one, and what a rule gives to inputs that are zero by ones laid beside the inputs: more inputs of the
program, whose derivatives are what they received.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pellucid.adapters.keras.operations import ops
from pellucid.core.lrp import Composite, LayerRule, Ledger
from pellucid.core.types import NpArray

from . import kinds, multipliers, passes_on
from .affine import Affine, affine, depthwise, outside, propagate
from .attention import attended
from .following import Book, Call, RuledSlice, check_keras, following

PLAIN = kinds.MOVES | kinds.SUMS | kinds.POOLS | kinds.BENDS
HANDED = kinds.names(
    "Flatten Reshape Permute GetItem Flip ZeroPadding* Cropping* Identity "
    "Dropout SpatialDropout* GaussianNoise GaussianDropout"
)
"""Layers that may come before a first layer: the ones beside the input go through them as the input does."""


def vjp(
    model: Any,
    inputs: tuple[NpArray, ...],
    cotangent: Callable[[NpArray], NpArray],
    wrt: tuple[int, ...],
) -> tuple[NpArray, tuple[NpArray, ...]]:
    """The output y, and the relevance y * cotangent(y) carried back to `inputs[i]` for i in `wrt`.

    Raises:
        CapabilityError: nothing leads from the output to the input; or a layer has no rule, and the composite is
            strict.
    """
    check_keras()
    rule: Composite = model.rule
    chosen = [inputs[i] for i in wrt]
    beside = [np.ones_like(a) for a in chosen] if _has_first(rule) and model.start is None else []
    given = (*inputs, np.ones(len(inputs[0]), chosen[0].dtype), *beside)
    told = (*wrt, *range(len(inputs), len(given)))
    program, run = model.compiled("pullback", given, told, Relevances, own=len(inputs), chosen=wrt)
    y, (left,), back = run(given)
    seed = cotangent(y)
    grads = model.gradients(back(seed), [given[i] for i in told])
    found, bias, direct = grads[: len(wrt)], grads[len(wrt)], grads[len(wrt) + 1 :]
    relevance = [a * g for a, g in zip(chosen, found, strict=True)]
    if direct:
        relevance = [r + d for r, d in zip(relevance, direct, strict=True)]
    _account(rule.ledger, program.missing, y * seed, relevance, bias, bool(left.any()))
    return y, tuple(relevance)


def _has_first(rule: Composite) -> bool:
    return rule.first is not None or rule.first_dense is not None


def _account(
    ledger: Ledger | None,
    missing: dict[str, None],
    start: NpArray,
    relevance: list[NpArray],
    bias: NpArray,
    left: bool,
) -> None:
    """Write this batch into the rule's ledger."""
    if ledger is None:
        return
    rows = len(start)
    flat = np.concatenate([r.reshape(rows, -1).astype(float) for r in relevance], 1)
    ledger.start += start.reshape(rows, -1).astype(float).sum(1).tolist()
    ledger.received += flat.sum(1).tolist()
    ledger.absolute += np.abs(flat).sum(1).tolist()
    ledger.constant += bias.astype(float).tolist()
    ledger.outside |= left
    ledger.unruled += [name for name in missing if name not in ledger.unruled]


@dataclass(eq=False)
class Relevances(RuledSlice):
    """A pass whose gradient times input is relevance.

    Attributes:
        own: how many of the program's inputs are the model's.
        chosen: which of them relevance goes to.
    """

    own: int = 1
    chosen: tuple[int, ...] = (0,)

    def ruled(self, *tensors: Any) -> tuple[Any, tuple[Any, ...]]:
        own, ones, beside = tensors[: self.own], tensors[self.own], tensors[self.own + 1 :]
        self.book = book = RelevanceBook(self.rule, ones=ones, begun=self.start is None)
        if self.start is not None:
            book.before(own[1:])
        if beside:
            book.beside = {id(own[i]): (own[i], u) for i, u in zip(self.chosen, beside, strict=True)}
        with following(self.model(), book):
            y = self.value(*own)
        self.refuse(
            book,
            "Layer-wise relevance propagation",
            "Pass strict=False to expand it to first order, or use IntegratedGradients.",
        )
        return y, (ops.zeros_like(ones) if book.left is None else book.left,)


@dataclass(eq=False)
class RelevanceBook(Book):
    """What a composite says along one pass.

    Attributes:
        ones: (rows,) ones, by which biases are told.
        beside: inputs, and what only moved from there, with the ones beside them; by identity.
        maps: what dense layers and convolutions gave, before any activation, with the map; by identity.
        left: (rows,) how much of a row left the box of a z-box rule.
        old: what was there before the slice starts, by identity: constants, whose relevance goes where a bias's goes.
    """

    ones: Any = None
    beside: dict[int, tuple[Any, Any]] = field(default_factory=dict[int, Any])
    maps: dict[int, tuple[Any, Affine, LayerRule]] = field(default_factory=dict[int, Any])
    left: Any = None
    old: dict[int, Any] = field(default_factory=dict[int, Any])

    def before(self, value: Any) -> None:
        if self.begun:
            return
        for tensor in value if isinstance(value, list | tuple) else [value]:
            self.old[id(tensor)] = tensor

    def layer(self, layer: Any, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kind = kinds.kind(layer)
        if self.old and not kinds.is_holder(layer):
            with self.alone():
                args = tuple(self.told(a) for a in args)
        if kind in kinds.CONVOLUTIONS or kind in kinds.DENSE:
            return self.mapped(layer, kind, args[0])
        if kind in PLAIN or kinds.is_holder(layer):
            return self.moved(kind, call, args, kwargs)
        if kind in kinds.ATTENTION:
            return attended(self, layer, call, args, kwargs)
        with self.alone():
            if kind in kinds.SHIFTS:
                return self.shifted(layer, kind, call, args, kwargs)
            if kind in kinds.PRODUCTS and len(kinds.several(args)) > 1:
                return passes_on.product(kinds.several(args))
            if kind in kinds.NORMS and multipliers.trailing(layer, args[0]):
                return passes_on.normalised(layer, args[0], call(*args, **kwargs), self.ones)
            self.lacks(kind)
            return call(*args, **kwargs)

    def activation(self, name: str, function: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        bend: Call = lambda x: function(x, *args[1:], **kwargs)  # noqa: E731
        if name in passes_on.OF_DEGREE_ONE:
            return bend(args[0])
        if name in ("softmax", "log_softmax"):
            return passes_on.expanded(bend, args[0], self.ones)
        if name in multipliers.OTHER_SHAPE:
            self.lacks(name)
            return bend(args[0])
        return passes_on.elementwise(bend, args[0], self.ones)

    def matmul(self, a: Any, b: Any) -> Any:
        """A product of two matrices that both depend on the input: they share equally."""
        with self.alone():
            half = (ops.matmul(a, ops.stop_gradient(b)) + ops.matmul(ops.stop_gradient(a), b)) / 2
            return multipliers.exact(ops.matmul(a, b), half)

    def softmax(self, z: Any) -> Any:
        """Over the last axis."""
        with self.alone():
            return passes_on.expanded(lambda x: ops.softmax(x, axis=-1), z, self.ones)

    def told(self, value: Any) -> Any:
        """An argument; where it is from before the slice starts, with its relevance as a bias's."""
        if isinstance(value, list | tuple):
            return type(value)(self.told(v) for v in value)
        return passes_on.constant(value, self.ones) if id(value) in self.old else value

    # -- maps ---------------------------------------------------------------------------------------------------------

    def mapped(self, layer: Any, kind: str, x: Any) -> Any:
        """A dense layer or a convolution, and the activation in it."""
        with self.alone():
            if kind.startswith("Separable"):
                x = self.by_rule(depthwise(layer, x), x)
            m = affine(layer, x)
            y = self.by_rule(m, x)
        linear = getattr(layer.activation, "__name__", "linear") == "linear"
        return y if layer.activation is None or linear else layer.activation(y)

    def by_rule(self, m: Any, x: Any) -> Any:
        """The output of a map, by the composite's rule for it."""
        composite: Any = self.rule
        first = self.beside.get(id(x))
        usual, at_input = (
            (composite.conv, composite.first) if m.conv else (composite.dense, composite.first_dense)
        )
        rule = at_input if first is not None and at_input is not None else usual
        z = m.z
        m = replace(m, ones=passes_on.per_row(self.ones, z), tap=None if first is None else first[1])
        y = propagate(rule, m, z)
        self.maps[id(y)] = (y, m, rule)
        left = outside(rule, m)
        if left is not None:
            self.left = left if self.left is None else ops.maximum(self.left, left)
        return y

    def shifted(
        self, layer: Any, kind: str, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """A batch normalisation becomes part of the map before it; alone, what it adds is a bias."""
        x = args[0]
        before = self.maps.get(id(x))
        if before is not None and kind == "BatchNormalization":
            merged = _merged(before[1], layer)
            if merged is not None:
                y = propagate(before[2], merged, merged.z)
                self.maps[id(y)] = (y, merged, before[2])
                return y
        y = passes_on.shifted(lambda t: call(t, *args[1:], **kwargs), x, self.ones)
        if id(x) in self.beside:
            self.beside[id(y)] = (y, self.beside[id(x)][1])
        return y

    def moved(self, kind: str, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What needs no rule; where it moves an input, the ones beside it move too."""
        y = call(*args, **kwargs)
        first = self.beside.get(id(args[0])) if args and kind in HANDED else None
        if first is not None:
            with self.alone():
                beside = call(first[1], *args[1:], **kwargs)
                # what is put around the input has ones too, which are nobody's
                whole = beside + ops.stop_gradient(1 - beside)
            self.beside[id(y)] = (y, whole)
        return y


def _merged(m: Affine, layer: Any) -> Affine | None:
    """The map with a batch normalisation in it; None where it normalises another axis than the outputs."""
    axis = layer.axis[0] if isinstance(layer.axis, list | tuple) else layer.axis
    ndim = len(m.x.shape)
    shape = m.channels if m.conv else (1,) * (ndim - 1) + (-1,)
    if m.outputs is None or shape.index(-1) != axis % ndim:
        return None
    scale = ops.rsqrt(ops.convert_to_tensor(layer.moving_variance) + layer.epsilon)
    scale = scale * ops.convert_to_tensor(layer.gamma) if layer.scale else scale
    shift = -ops.convert_to_tensor(layer.moving_mean) * scale
    shift = shift + ops.convert_to_tensor(layer.beta) if layer.center else shift
    return m.scaled(scale, shift, shape)
