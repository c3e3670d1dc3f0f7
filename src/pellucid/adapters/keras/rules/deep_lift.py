"""DeepLIFT (rescale): each operation's derivative is replaced by its exact multiplier.

The pass at the reference is traced first and written down, operation by operation; the pass at x then finds beside each
of its own the one there. Linear layers need no rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pellucid.adapters.keras.operations import ops
from pellucid.core.errors import CapabilityError
from pellucid.core.types import NpArray

from . import kinds, multipliers
from .attention import attended
from .following import Book, Call, RuledSlice, check_keras, following
from .multipliers import Step

LINEAR = kinds.MOVES | kinds.SUMS | kinds.CONVOLUTIONS | kinds.DENSE | kinds.SHIFTS | kinds.BENDS
BRANCH = "The model takes another path at the baseline than at the input, so the two cannot be compared."
NEARER = "Choose a baseline that takes the same path, or use IntegratedGradients."


def vjp(
    model: Any,
    inputs: tuple[NpArray, ...],
    cotangent: Callable[[NpArray], NpArray],
    wrt: tuple[int, ...],
) -> tuple[NpArray, tuple[NpArray, ...]]:
    """The output at x, and the multipliers of its cotangent for the inputs at `wrt`.

    Args:
        model: a model whose rule compares two passes.
        inputs: those at x, and as many at the reference.
        cotangent: of the output at x.
        wrt: which inputs of the first half.

    Raises:
        CapabilityError: the passes differ in their operations, or, if the rule is strict, one has no rule.
    """
    check_keras()
    program, run = model.compiled("pullback", inputs, wrt, Lifted)
    y, (y0,), back = run(inputs)
    model.rule.seen.references.append(y0)
    model.rule.seen.missing.update(program.missing)
    return y, model.gradients(back(cotangent(y)), [inputs[i] for i in wrt])


class Lifted(RuledSlice):
    """Both passes as one program."""

    def ruled(self, *tensors: Any) -> tuple[Any, tuple[Any, ...]]:
        half = len(tensors) // 2
        self.book = book = LiftBook(self.rule)
        with following(self.model(), book):
            book.begun = self.start is None
            y0 = self.value(*tensors[half:])
            book.at_x, book.begun = True, self.start is None
            y = self.value(*tensors[:half])
        if book.place != len(book.steps):
            raise CapabilityError(BRANCH, fix=NEARER)
        self.refuse(
            book,
            "DeepLIFT",
            "Pass strict=False to go on with its plain gradient, or use IntegratedGradients.",
        )
        return y, (y0,)


@dataclass(eq=False)
class LiftBook(Book):
    """Writes the steps at the reference down, and gives those at x their multipliers.

    Attributes:
        steps: what was calculated at the reference: (name, arguments, value).
        at_x: whether this is the pass at x.
        place: how many steps of it are done.
    """

    steps: list[tuple[str, list[Any], Any]] = field(default_factory=list[Any])
    at_x: bool = False
    place: int = 0

    def layer(self, layer: Any, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kind = kinds.kind(layer)
        if kind in LINEAR or kinds.is_holder(layer):
            return call(*args, **kwargs)
        if kind in kinds.ATTENTION:
            return attended(self, layer, call, args, kwargs)
        given = kinds.several(args)
        with self.alone():
            if kind in kinds.POOLS:
                pool: Call = lambda x: call(x, *args[1:], **kwargs)  # noqa: E731
                return self.step(kind, multipliers.pooled, pool, [args[0]])
            if kind in kinds.PRODUCTS and len(given) > 1:
                return self.product(given)
            if kind in kinds.NORMS and multipliers.trailing(layer, args[0]):
                norm = multipliers.normalised(layer)
                return self.step(kind, norm, lambda x: call(x, *args[1:], **kwargs), [args[0]])
            self.lacks(kind)
            return call(*args, **kwargs)

    def activation(self, name: str, function: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        _, *more = args
        bend: Call = lambda x: function(x, *more, **kwargs)  # noqa: E731
        if name in ("softmax", "log_softmax"):
            axis = kwargs.get("axis", more[0] if more else -1)
            rule = multipliers.softmax(-1 if axis is None else axis, log=name == "log_softmax")
            return self.step(name, rule, bend, [args[0]])
        if name in multipliers.OTHER_SHAPE:
            self.lacks(name)
            return function(*args, **kwargs)
        return self.step(name, multipliers.function(name), bend, [args[0]])

    def matmul(self, a: Any, b: Any) -> Any:
        """A product of two matrices that both depend on the input."""
        with self.alone():
            return self.step("matmul", multipliers.matrices, ops.matmul, [a, b])

    def softmax(self, z: Any) -> Any:
        """Over the last axis."""
        with self.alone():
            return self.step("softmax", multipliers.softmax(-1), lambda x: ops.softmax(x, axis=-1), [z])

    def product(self, factors: list[Any]) -> Any:
        """Element by element, of two or more."""
        total = factors[0]
        for factor in factors[1:]:
            total = self.step("multiply", multipliers.product, ops.multiply, [total, factor])
        return total

    def step(self, name: str, rule: Callable[[Step], Any], function: Call, given: list[Any]) -> Any:
        """One operation: written down at the reference, ruled at x."""
        y = function(*given)
        if not self.at_x:
            self.steps.append((name, [ops.stop_gradient(g) for g in given], ops.stop_gradient(y)))
            return y
        here, self.place = self.place, self.place + 1
        if here >= len(self.steps) or self.steps[here][0] != name:
            self.place = -len(self.steps) - 1  # the passes have parted
            return y
        _, before, y0 = self.steps[here]
        return multipliers.exact(y, rule(Step(function, given, before, ops.stop_gradient(y), y0)))
