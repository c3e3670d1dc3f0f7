"""Whatever the caller calls data, read once: rows first, in the model's framework, with what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .arrays import to_numpy
from .errors import CapabilityError, DataError, ParameterError, ShapeError
from .features import Columns, Features, infer
from .framed import Framed, FramedForest, FramedStaged
from .frames import Codec, kind_of
from .model import Forested, Staged, differentiable, wrap
from .packed import Packed, SmoothPacked
from .texts import Words, is_text, read_texts
from .types import Array, NpArray


@dataclass(frozen=True, eq=False)
class Data:
    """The caller's model and rows, ready for a view.

    Attributes:
        model: the model that takes `inputs`.
        inputs: arrays of the model's framework; the first is the one explained.
        x: the first input as NumPy numbers, (n, *features).
        features: what it is made of.
        codec: how a frame became numbers, where it was one.
        index: the frame's row labels.
        frame: its kind.
        parts: for several inputs, name -> shape of one row.
    """

    model: Any
    inputs: tuple[Array, ...]
    x: NpArray
    features: Features
    codec: Codec | None = None
    index: tuple[Any, ...] = ()
    frame: str = ""
    parts: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, "tuple[int, ...]"])

    def flat(self, spec: Any) -> Any:
        """A baseline given per input, as a tuple or dict, packed like the inputs; any other is given back."""
        if not self.parts or not isinstance(spec, tuple | Mapping):
            return spec
        given = list(spec.values() if isinstance(spec, Mapping) else spec)
        if len(given) != len(self.parts):
            raise ShapeError(f"{len(self.parts)} inputs need {len(self.parts)} baselines.", got=len(given))
        n = len(self.x)
        full = [
            np.broadcast_to(np.asarray(g), (n, *s)) for g, s in zip(given, self.parts.values(), strict=True)
        ]
        return np.concatenate([a.reshape(n, -1) for a in full], axis=1)

    def like(self, rows: Any) -> NpArray:
        """Other rows (a background, a baseline's source) as numbers in the same columns."""
        if self.codec is not None and kind_of(rows) is not None:
            return self.codec.encode(rows)
        if self.parts and isinstance(rows, tuple | Mapping):
            parts = [to_numpy(r) for r in (rows.values() if isinstance(rows, Mapping) else rows)]
            rows = np.concatenate([p.reshape(len(p), -1) for p in parts], axis=1)
        array = _array(rows, self.model.facts.channels)
        array = array[None] if array.shape == self.x.shape[1:] else array
        if array.shape[1:] != self.x.shape[1:]:
            raise ShapeError(
                f"The background has rows of shape {array.shape[1:]}, the data {self.x.shape[1:]}.",
                fix="Give both the same columns.",
            )
        if len(array) == 0:
            raise DataError("The background has no rows.", fix="Pass at least one.")
        return array


def read(
    model: Any,
    x: Any,
    *,
    features: Features | Words | None = None,
    background: Any = None,
    output: str | int | None = None,
) -> Data:
    """Wrap the model and read the rows.

    Args:
        model: anything `wrap` takes; a function of tensors where x is a tensor.
        x: NumPy, tensors, a frame, lists, pictures, one row or many; a tuple or dict of these for several inputs;
            a text or several.
        features: what the rows are made of, where the guess from their shape is not wanted; how texts are
            cut.
        background: rows whose categories belong to the same codes.
        output: which of several outputs to explain.

    Raises:
        DataError: no rows, NaN or infinity where the model takes none.
        ShapeError: columns that are not the model's.
    """
    wrapped = _for_tensors(model, x, output) or wrap(model, output=output)
    if is_text(x):
        texts, rows, tokens = read_texts(wrapped, x, features)
        return Data(texts, (rows,), rows, tokens, index=tuple(x.index) if hasattr(x, "iloc") else ())
    if isinstance(features, Words):
        raise ParameterError(
            "Words say how texts are cut.", got=type(x).__name__, fix="Pass texts, or leave features out."
        )
    if isinstance(x, tuple | Mapping) and kind_of(x) is None:
        return _several(wrapped, x, features)
    kind = kind_of(x)
    if kind is not None:
        return _frame(wrapped, x, kind, features, background)
    array, native = _rows(wrapped, x)
    _check_rows(array, wrapped.facts.missing, wrapped.facts.width, wrapped.facts.columns)
    known = features or infer(array.shape[1:], wrapped.facts.channels, wrapped.facts.columns)
    known.check(array.shape[1:])
    return Data(wrapped, (native,), array, known)


def _for_tensors(model: Any, x: Any, output: str | int | None) -> Any:
    """A plain function given tensors is a function of tensors."""
    plain = callable(model) and not hasattr(model, "predict") and not hasattr(model, "named_modules")
    if plain and type(x).__module__.partition(".")[0] == "torch":
        from importlib import import_module

        return import_module("pellucid.adapters.torch.function").wrap(model, x, output=output)
    return None


def _frame(model: Any, x: Any, kind: str, features: Features | None, background: Any) -> Data:
    x = _in_order(x, kind, model.facts.columns)
    codec = Codec.of(*(f for f in (x, background) if f is not None and kind_of(f) == kind))
    matrix = codec.encode(x)
    known = features or codec.features
    known.check(matrix.shape[1:])
    index = tuple(x.index.tolist()) if kind == "pandas" else ()
    kind = "" if kind == "objects" else kind
    if model.facts.frames:
        _check_rows(_numbers(matrix, codec), model.facts.missing_in_frames, model.facts.width, codec.names)
        framed = FramedForest if isinstance(model, Forested) else Framed
        framed = FramedStaged if isinstance(model, Staged) else framed
        return Data(framed(model, codec), (matrix,), matrix, known, codec, index, kind)
    words = [n for n, c in zip(codec.names, codec.categories, strict=True) if c is not None]
    if words:
        raise DataError(
            f"{model.facts.name} takes numbers, column {words[0]!r} holds categories.",
            fix="Encode them as it was trained.",
        )
    _check_rows(matrix, model.facts.missing, model.facts.width, model.facts.columns)
    native = model.native(matrix)
    return Data(model, (native,), model.numpy(native), known, codec, index, kind)


def _in_order(x: Any, kind: str, columns: tuple[str, ...]) -> Any:
    """A frame's columns in the model's own order, where it knows them by name."""
    given = list(map(str, x.columns)) if kind != "objects" else []
    if not set(columns) & set(given) or given == list(columns):
        return x
    spelt = {c if c in columns else c.replace(" ", "_"): c for c in given}  # a library may write no spaces
    lacking = [c for c in columns if c not in spelt]
    if lacking:
        raise ShapeError(f"The frame lacks columns {', '.join(lacking)}.", got=given)
    strange = [c for name, c in spelt.items() if name not in columns]
    if strange:
        raise ShapeError(f"The model does not know the columns {', '.join(strange)}.", fix="Leave them out.")
    labels = {str(label): label for label in x.columns}
    return x[[labels[spelt[c]] for c in columns]]


def _numbers(matrix: NpArray, codec: Codec) -> NpArray:
    """The matrix with 0 for missing categories, which are words like any other to the model."""
    words = np.array([c is not None for c in codec.categories], bool)
    return np.where(words & np.isnan(matrix), 0.0, matrix)


def _several(model: Any, x: Any, features: Features | None) -> Data:
    """A tuple or dict of inputs: those of real numbers are explained together, the others carried along."""
    names = tuple(map(str, x)) if isinstance(x, Mapping) else tuple(f"input {i}" for i in range(len(x)))
    if not names:
        raise DataError("There are no inputs.", fix="Pass at least one array.")
    read_in = [_rows(model, value) for value in (x.values() if isinstance(x, Mapping) else x)]
    lengths = {len(array) for array, _ in read_in}
    if len(lengths) > 1:
        raise ShapeError("The inputs have different numbers of rows.", got=[len(a) for a, _ in read_in])
    for array, _ in read_in:
        _check_rows(array, model.facts.missing, None, ())
    model = _by_name(model, x) if isinstance(x, Mapping) else model
    smooth = differentiable(model)
    real = [array.dtype.kind == "f" or not smooth for array, _ in read_in]
    inputs = tuple(native for _, native in read_in)
    if not any(real) or real == [True]:
        first = read_in[0][0]
        known = features or infer(first.shape[1:], model.facts.channels)
        known.check(first.shape[1:])
        return Data(model, inputs, first, known)
    shapes = tuple(array.shape[1:] if ok else None for (array, _), ok in zip(read_in, real, strict=True))
    packed = (SmoothPacked if smooth else Packed)(model, shapes)
    parts = {n: s for n, s in zip(names, shapes, strict=True) if s is not None}
    labels = tuple(f"{n}{list(i) if i else ''}" for n, s in parts.items() for i in np.ndindex(*s))
    flat = packed.pack(inputs)
    known = features or Columns(labels)
    known.check((len(labels),))
    return Data(packed, flat, model.numpy(flat[0]), known, parts=parts)


def _by_name(model: Any, x: Mapping[Any, Any]) -> Any:
    """The model with its inputs passed by name."""
    if not hasattr(model, "keywords"):
        raise CapabilityError(
            "Inputs by name are for networks.", got=model.facts.name, fix="Pass a tuple of arrays."
        )
    return replace(model, keywords=tuple(x))


def _rows(model: Any, x: Any) -> tuple[NpArray, Array]:
    """X as NumPy and as the model's own array, with a row axis and a type the model takes."""
    tensor = hasattr(x, "detach")
    array: Any = x.detach() if tensor else _array(x, model.facts.channels)
    if array.ndim == 0:
        raise ShapeError("One number is no row.", got=repr(x), fix="Pass rows of features.")
    if len(array) == 0:
        raise DataError(
            "There are no rows to explain.", got=f"shape {tuple(array.shape)}", fix="Pass at least one row."
        )
    array = array[None] if _single(tuple(array.shape), model.facts) else array
    if tensor and hasattr(model, "adopt"):
        native = model.adopt(array)
        return model.numpy(native), native
    array = to_numpy(array)
    if array.dtype.kind in "biu" and not model.facts.tokens:
        array = array.astype(np.float64)
    if array.dtype.kind not in "biuf":
        raise DataError(
            "The data must be numbers.", got=f"dtype {array.dtype}", fix="Pass numbers, or a frame."
        )
    native = model.native(array)
    return (model.numpy(native) if native is not array else array), native


def _single(shape: tuple[int, ...], facts: Any) -> bool:
    """Whether an array of this shape is one row and not a batch of them."""
    if len(shape) == 1:
        return facts.width != 1
    return bool(facts.axes) and len(shape) == min(facts.axes) - 1


def _array(x: Any, channels: str) -> NpArray:
    """Lists, pictures and foreign arrays as one NumPy array."""
    if isinstance(x, list):
        return _listed(x, channels)
    if hasattr(x, "convert") and hasattr(x, "getbands"):
        return _picture(x, channels)[None]
    if kind_of(x) is not None and hasattr(x, "to_numpy"):
        return np.asarray(x.to_numpy(), float)
    if isinstance(x, str):
        raise DataError(
            "Text is no array of numbers.", got=repr(x[:40]), fix="Pass token ids, or rows of numbers."
        )
    try:
        return np.asarray(x.numpy() if hasattr(x, "numpy") and not hasattr(x, "__array__") else x)
    except ValueError as error:
        raise ShapeError("The rows do not have the same shape.", fix="Pass rows of equal length.") from error


def _listed(x: list[Any], channels: str) -> NpArray:
    """A list of pictures, or of rows."""
    if x and hasattr(x[0], "getbands"):
        pictures = [_picture(p, channels) for p in x]
        if len({p.shape for p in pictures}) > 1:
            raise ShapeError(
                "The pictures have different sizes.", got=[p.shape for p in pictures], fix="Resize them."
            )
        return np.stack(pictures)
    return _array(tuple(x), channels)


def _picture(picture: Any, channels: str) -> NpArray:
    """A PIL picture as floats in 0..1, with its channels where the model has them."""
    array = np.asarray(picture.convert("RGB" if len(picture.getbands()) > 1 else "L"), np.float32) / 255
    array = array[..., None] if array.ndim == 2 else array
    return np.moveaxis(array, -1, 0) if channels == "first" else array


def _check_rows(x: NpArray, missing: bool, width: int | None, columns: tuple[str, ...]) -> None:
    if x.ndim == 2 and width is not None and x.shape[1] != width:
        raise ShapeError(
            f"The model takes {width} columns.", got=x.shape[1], fix="Pass the columns it was fitted on."
        )
    if len(x) == 0:
        raise DataError("There are no rows to explain.", got=f"shape {x.shape}", fix="Pass at least one row.")
    if x.dtype.kind != "f":
        return
    bad = np.isinf(x) if missing else ~np.isfinite(x)
    if bad.any():
        row, *rest = (int(i) for i in np.argwhere(bad)[0])
        name = (
            columns[rest[0]]
            if len(rest) == 1 and rest[0] < len(columns)
            else list(rest)
            if len(rest) > 1
            else rest[0]
        )
        what = "NaN" if np.isnan(x[(row, *rest)]) else "infinity"
        raise DataError(
            f"Row {row} holds {what} in {'column' if len(rest) == 1 else 'place'} {name!r}.",
            fix="Fill it in, drop the row, or explain the pipeline that fills it.",
        )
