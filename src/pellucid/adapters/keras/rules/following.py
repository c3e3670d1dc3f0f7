"""A pass whose layers follow a rule: what a rule is asked, and how it is asked everywhere.

Layers are shadowed, as `cut` does it. Activation functions, fused into a layer, in a layer of their own or called as
`keras.ops.relu`, are all `keras.src.backend.nn.<activation>` in the end: this is the one place inside Keras that is
replaced, while a pass is traced. Inside layers that the caller wrote, the other functions there are watched, so that
what has no rule can be named.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
from keras.src import backend

from pellucid.adapters.keras import cut, layers
from pellucid.adapters.keras.passes import Slice
from pellucid.core.errors import CapabilityError
from pellucid.core.rules import Rule

from .kinds import names

Call = Callable[..., Any]
MODULES = ("nn", "numpy", "math")
"""Where Keras keeps the functions of its backend."""
ACTIVATIONS = names(
    "relu relu6 leaky_relu elu selu celu gelu silu sigmoid tanh softplus softsign softmax log_softmax log_sigmoid "
    "hard_sigmoid hard_silu hard_tanh tanh_shrink hard_shrink soft_shrink squareplus threshold sparsemax sparse_plus "
    "sparse_sigmoid glu exp log sqrt square abs clip sin cos"
)
"""Functions of one tensor that a rule is asked about wherever they are called."""
MOVES = names(
    "reshape transpose concatenate stack split squeeze expand_dims add subtract negative mean sum pad broadcast_to "
    "repeat tile flip roll moveaxis swapaxes take getitem ravel average_pool copy array_split hstack vstack unstack "
    "zeros ones full zeros_like ones_like full_like arange linspace eye shape ndim size array asarray identity "
    "less less_equal greater greater_equal equal not_equal logical_and logical_or logical_not isnan isfinite isinf "
    "cast convert_to_tensor one_hot diagonal tril triu"
)
"""Functions that are linear, or that give no numbers to differentiate: every rule takes their plain gradient."""


@dataclass(eq=False)
class Book:
    """What a rule says along one pass. A kind of rule is a subclass.

    Attributes:
        rule: the rule.
        missing: what has no rule, with the layer it is in.
        inside: the layers being called, the innermost last: (path, whether the caller wrote it).
        quiet: above zero while functions are the rule's own business.
        begun: whether the pass has come to where the slice starts; what runs before is the same for every rule.
    """

    rule: Rule
    missing: dict[str, None] = field(default_factory=dict[str, None])
    inside: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])
    quiet: int = 0
    begun: bool = True

    def layer(self, layer: Any, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a layer gives, with the rule's way back; by default the layer's own."""
        return call(*args, **kwargs)

    def activation(self, name: str, function: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What an activation function gives, with the rule's way back; the tensor is the first argument."""
        return function(*args, **kwargs)

    def begin(self) -> None:
        """The pass comes to where the slice starts."""
        self.begun = True

    def before(self, value: Any) -> None:
        """A value that no rule is asked about: from before the slice starts, or inside a layer that is one step."""

    def lacks(self, what: str) -> None:
        """Note that there is no rule for it, here."""
        path = self.inside[-1][0] if self.inside else ""
        self.missing[f"{what} in {path!r}" if path else what] = None

    @contextmanager
    def within(self, path: str, custom: bool) -> Iterator[None]:
        """While open, what is called belongs to that layer."""
        self.inside.append((path, custom))
        try:
            yield
        finally:
            self.inside.pop()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While open, functions are called as they are."""
        self.quiet += 1
        try:
            yield
        finally:
            self.quiet -= 1

    def called(self, name: str, function: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A function of the backend, called by a layer or by the caller's own code."""
        if self.quiet or not self.begun:
            return function(*args, **kwargs)
        with self.alone():
            if name in ACTIVATIONS:
                if not args:
                    args, kwargs = (kwargs["x"],), {k: v for k, v in kwargs.items() if k != "x"}
                return self.activation(name, function, args, kwargs)
            if self.inside and self.inside[-1][1] and name not in MOVES:
                self.lacks(f"keras.ops.{name}")
            return function(*args, **kwargs)


@contextmanager
def following(model: Any, book: Book, *, every_layer: bool = True) -> Iterator[None]:
    """While open, the layers and the activations of `model` ask `book`."""
    with ExitStack() as stack:
        if every_layer:
            for path, layer in layers.named(model).items():
                stack.enter_context(cut.shadowed(layer, _asked(book, path, layer)))
        for name in MODULES:
            stack.enter_context(_replaced(getattr(backend, name), book))
        yield


def _asked(book: Book, path: str, layer: Any) -> cut.Hook:
    def hook(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if book.quiet or not book.begun:
            out = call(*args, **kwargs)
            book.before(out)
            return out
        with book.within(path, written_by_caller(layer)):
            return book.layer(layer, call, args, kwargs)

    return hook


@contextmanager
def _replaced(module: Any, book: Book) -> Iterator[None]:
    """While open, the functions of a module of Keras's backend ask `book`."""
    before = {n: f for n, f in vars(module).items() if inspect.isfunction(f) and not n.startswith("_")}

    def asking(name: str, function: Call) -> Call:
        def ask(*args: Any, **kwargs: Any) -> Any:
            return book.called(name, function, args, kwargs)

        return ask

    try:
        for name, function in before.items():
            setattr(module, name, asking(name, function))
        yield
    finally:
        for name, function in before.items():
            setattr(module, name, function)


def written_by_caller(layer: Any) -> bool:
    """Whether what the layer does is code that Keras does not ship."""
    return not type(layer).__module__.startswith("keras.")


class Seen(Book):
    """Notes which activations it was asked about."""

    def activation(self, name: str, function: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.missing[name] = None
        return function(*args, **kwargs)


_checked: set[str] = set()


def check_keras() -> None:
    """Raise `CapabilityError` unless this version of Keras still calls its activations where rules look for them."""
    if keras.__version__ in _checked:
        return
    seen = Seen(Rule())
    with following(None, seen, every_layer=False):
        keras.activations.relu(keras.ops.ones((1, 1)))
        keras.ops.tanh(keras.ops.ones((1, 1)))
    if set(seen.missing) != {"relu", "tanh"}:
        raise CapabilityError(
            f"Keras {keras.__version__} calls its activations in another way than backward rules know.",
            fix="Use a method without backward rules, such as IntegratedGradients, or an earlier Keras.",
        )
    _checked.add(keras.__version__)


@dataclass(eq=False)
class RuledSlice(Slice):
    """The program of a slice that follows a rule.

    Attributes:
        rule: the rule, as a value.
        missing: what has no rule, known once the pass was traced.
        book: what the pass is followed by, while it is traced.
    """

    rule: Rule = field(default_factory=Rule)
    missing: dict[str, None] = field(default_factory=dict[str, None])
    book: Book | None = None

    def __call__(self, values: Sequence[Any], *tensors: Any) -> tuple[Any, tuple[Any, ...]]:
        with self.scope(values):
            return self.ruled(*tensors)

    def begin(self) -> None:
        if self.book is not None:
            self.book.begin()

    def ruled(self, *tensors: Any) -> tuple[Any, tuple[Any, ...]]:
        """The value of the slice, and what else is to be known of the pass."""
        raise NotImplementedError

    def refuse(self, book: Book, title: str, fix: str) -> None:
        """Take over what `book` lacked, and refuse it if the rule is strict."""
        self.book = None
        self.missing.update(book.missing)
        if book.missing and self.rule.strict:
            raise CapabilityError(f"{title} has no rule for {', '.join(book.missing)}.", fix=fix)
