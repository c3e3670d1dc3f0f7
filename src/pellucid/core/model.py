"""What pellucid knows of a model: arrays in, arrays out, rows first; and where the adapters live."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol, TypeGuard, runtime_checkable
from weakref import WeakKeyDictionary

from .errors import CapabilityError
from .forest import Forest
from .run import MEMORY, Pace, Run
from .types import Array, NpArray


@dataclass(frozen=True)
class LayerInfo:
    """One layer of a network: its path, its kind, the shape it gives for one row, its parameter count."""

    name: str
    kind: str
    shape: tuple[int, ...] | None = None
    parameters: int = 0


@dataclass(frozen=True)
class Facts:
    """What an adapter knows of a model beyond its arithmetic.

    Attributes:
        name: how the model is called in results.
        classes: names of the outputs, where the model has them.
        columns: names of the input columns, where the model has them.
        space: "probability", "logit", "log-odds" or "raw": what the output counts in; "" and "raw?" where only
            the outputs tell (see `pellucid.core.target.space_of`).
        classifier: whether the outputs are classes; None where nothing says so.
        width: how many columns the model takes, where it says so.
        missing: whether missing values (NaN) may be passed.
        missing_in_frames: whether they may be in a frame's columns of numbers.
        frames: whether the model wants the frame it was fitted on, not a matrix.
        channels: where images have their channels, "first" or "last".
        tokens: whether whole numbers are tokens to embed, and not counts to cast to floats.
        axes: how many axes the input may have, rows included; () where nothing says so.
        mixes_rows: the layer that makes a row's output depend on the rows beside it, or "".
        memory: bytes of activations that a batch may hold.
        reads_only: whether the model is known never to write to what it is given.
        gradients: what to do for gradients, where the model could have them and has not.
        notes: what a reader of the result must know ("was in training mode; explained in eval mode").
    """

    name: str
    classes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    space: str = "raw"
    classifier: bool | None = None
    width: int | None = None
    missing: bool = False
    missing_in_frames: bool = False
    frames: bool = False
    channels: str = "first"
    tokens: bool = False
    axes: tuple[int, ...] = ()
    mixes_rows: str = ""
    memory: int = MEMORY
    reads_only: bool = False
    gradients: str = ""
    notes: tuple[str, ...] = ()


@runtime_checkable
class Model(Protocol):
    """The least a model can do. Everything black-box needs only this."""

    facts: Facts

    def predict(self, *inputs: Array) -> Array:
        """(n, ...) each -> (n, *outputs), arrays of the model's own framework."""
        ...

    def native(self, array: NpArray) -> Array:
        """NumPy -> the model's framework, device and float type."""
        ...

    def numpy(self, array: Array) -> NpArray:
        """The model's framework -> NumPy, float32 or float64."""
        ...

    def out_of_memory(self, error: BaseException) -> bool:
        """Whether this error means that a smaller batch may pass."""
        ...

    def at_rest(self) -> AbstractContextManager[None]:
        """While open the model is ready to be explained; when closed it is exactly as it was found."""
        ...


@runtime_checkable
class Spending(Model, Protocol):
    """A model that copies its inputs, unless it is told that it need not."""

    def spend(self, *inputs: Array) -> Array:
        """`predict`, of arrays that nobody needs afterwards: the model may write to them and keep them."""
        ...


@runtime_checkable
class Differentiable(Model, Protocol):
    """A model with gradients."""

    def vjp(
        self, inputs: tuple[Array, ...], cotangent: Callable[[Array], Array], wrt: tuple[int, ...] = (0,)
    ) -> tuple[Array, tuple[Array, ...]]:
        """The output, and `cotangent(output)` pulled back to the inputs numbered in `wrt`."""
        ...

    def differentiate(self, function: Callable[[Array], Array], y: Array) -> Array:
        """The derivative of sum(function(y)) with respect to y."""
        ...

    def bytes_per_row(self, inputs: tuple[Array, ...]) -> float:
        """Memory that one row's activations take in a gradient, measured on the first row."""
        ...


@runtime_checkable
class Layered(Protocol):
    """A network that can be cut: `model["conv1":"conv4"]` runs from one layer's value to another's."""

    def __getitem__(self, cut: slice) -> Any: ...
    def layers(self, inputs: tuple[Array, ...] = ()) -> list[LayerInfo]:
        """The layers as defined; with inputs, those that run on them, in that order, with their shapes."""
        ...

    def check(self, place: str, inputs: tuple[Array, ...]) -> None:
        """Raise `LayerError` unless `place` names one value in the forward pass."""
        ...


@runtime_checkable
class Forested(Protocol):
    """A model that is a sum of decision trees.

    A model has these two where its trees can be read at all; `forest` still refuses, by name, what adds up otherwise
    (linear leaves, a median of trees).
    """

    def forest(self) -> Forest:
        """The ensemble as flat arrays, held against the model's own raw prediction once per model.

        Raises:
            CapabilityError: the trees cannot be read, or do not add up to the prediction.
        """
        ...

    def tree_inputs(self, *inputs: Array) -> NpArray:
        """The model's input, (n, columns), as the numbers that its trees compare: categories as their codes there."""
        ...


@runtime_checkable
class Staged(Protocol):
    """A model of several steps, the last of which is a sum of decision trees over what those before it make of a row.

    Its trees need not be over the columns of the rows, so that it is not `Forested`.
    """

    def last_forest(self) -> Forest:
        """The trees of the last step, as `Forested.forest` gives them."""
        ...

    def last_inputs(self, *inputs: Array) -> NpArray:
        """The numbers that these trees compare, (n, their columns)."""
        ...


def wrapped(model: Any) -> TypeGuard[Model]:
    """Whether it is a pellucid model already."""
    return _is(model, Model)


def differentiable(model: Any) -> TypeGuard[Differentiable]:
    """Whether the model has gradients."""
    return _is(model, Differentiable)


def spending(model: Any) -> TypeGuard[Spending]:
    """Whether the model copies what `predict` is given, and need not."""
    return _is(model, Spending)


def layered(model: Any) -> TypeGuard[Layered]:
    """Whether the model is a network that can be cut."""
    return _is(model, Layered)


def pace_of(model: Model, inputs: tuple[Array, ...], row_bytes: float, run: Run) -> Pace:
    """Rows per call of a model that is only asked for predictions, by the memory that a row takes.

    Args:
        model: the model.
        inputs: rows, of which the first is measured.
        row_bytes: bytes of one row.
        run: how to run.
    """
    if differentiable(model):
        size = run.size(model.bytes_per_row(tuple(a[:1] for a in inputs)), memory=model.facts.memory)
    else:
        size = run.black_box(row_bytes, model.facts.memory)
    return Pace(run, size, model.out_of_memory)


_known: WeakKeyDictionary[type, dict[Any, bool]] = WeakKeyDictionary()


def _is(model: Any, protocol: Any) -> bool:
    """`isinstance` with a protocol looks up every name of it at each call; here once for each class of model."""
    known = _known.setdefault(type(model), {})
    if protocol not in known:
        known[protocol] = isinstance(model, protocol)
    return known[protocol]


@dataclass(frozen=True)
class Operation:
    """One step of a forward pass as it ran: a layer's call, or a function's between the layers.

    Attributes:
        name: its place, "conv1", "relu#2" or, for a function, "F.relu#2" (see `pellucid.core.place`).
        kind: the layer's class or the function's name.
        shape: of its value, for one row; () where it gives no single array.
        sources: numbers of the steps whose values it takes; -1, -2, ... are the model's inputs.
        layer: whether it is a layer and not a function.
        parameters: how many numbers it learned; 0 where an earlier step counts them.
        multiplications: multiply-adds for one row.
        window: for convolutions and pooling, per axis of the map: (size, stride, dilation, cells added in front).
    """

    name: str
    kind: str
    shape: tuple[int, ...] = ()
    sources: tuple[int, ...] = ()
    layer: bool = True
    parameters: int = 0
    multiplications: int = 0
    window: tuple[tuple[int, int, int, int], ...] = ()


@runtime_checkable
class Inspectable(Layered, Protocol):
    """A network that can be looked into: what the methods of `pellucid.methods.internals` need of an adapter."""

    def weights(self, layer: str) -> dict[str, NpArray]:
        """What a layer learned, by the name of each array; {} where it learned nothing.

        Layouts are the same for every framework: kernels of a convolution (out, in, *window), transposed ones too,
        with `in` counted per group; matrices (out, in); one row per token in an embedding; vectors as they are. The
        array that a layer multiplies with is called "weight", its constant "bias".
        """
        ...

    def operations(self, inputs: tuple[Array, ...]) -> list[Operation]:
        """The steps of a forward pass on the first row, in the order they run."""
        ...

    def capture(self, inputs: tuple[Array, ...], places: tuple[str, ...]) -> dict[str, Array]:
        """The values at several places in one forward pass, as they were when they were given."""
        ...


ADAPTERS: Mapping[str, str] = {  # root package of a class in the model's MRO -> the module that wraps it
    "keras": "pellucid.adapters.keras",
    "tf_keras": "pellucid.adapters.keras",
    "torch": "pellucid.adapters.torch",
    "sklearn": "pellucid.adapters.sklearn",
    "xgboost": "pellucid.adapters.xgboost",
    "lightgbm": "pellucid.adapters.lightgbm",
    "catboost": "pellucid.adapters.catboost",
    "onnx": "pellucid.adapters.onnx",
    "onnxruntime": "pellucid.adapters.onnx",
}


GROUP = "pellucid.adapters"
"""Entry point group by which other packages add adapters: root package of a class -> a module with a `wrap`."""


@cache
def declared() -> Mapping[str, str]:
    """The adapters of other packages, as they are installed."""
    from importlib.metadata import entry_points

    return {point.name: point.module for point in entry_points(group=GROUP)}


def wrap(model: Any, *, output: str | int | None = None) -> Model:
    """Wrap `model` by the first class in its MRO that an adapter knows, ours or an installed one; import nothing else.

    Args:
        model: a network, an estimator, a pipeline, a function of arrays, or a model already wrapped.
        output: which of several outputs to explain, by key or position.

    Raises:
        CapabilityError: nothing knows how to call it.
    """
    if wrapped(model):
        return model
    for cls in type(model).__mro__:
        root = cls.__module__.partition(".")[0]
        if home := ADAPTERS.get(root) or declared().get(root):
            return _adapter(home, root).wrap(model, output=output)
    if callable(model) or hasattr(model, "predict"):
        return import_module("pellucid.adapters.function").wrap(model, output=output)
    raise CapabilityError(
        "This is no model pellucid knows.",
        got=type(model).__name__,
        fix="Pass a function of an array instead.",
    )


def _adapter(home: str, root: str) -> Any:
    """The module of an adapter."""
    try:
        return import_module(home)
    except ImportError as error:
        if root not in ADAPTERS:
            error.add_note(
                f"pellucid: the adapter {home!r} is declared for {root!r} by an installed package."
            )
        raise
