"""Keras models from files, on the backend that is asked for, and the networks of `keras.applications`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError, FileError, ParameterError, TrustError, nearest
from pellucid.core.extras import need
from pellucid.core.model import wrap

BACKENDS = ("tensorflow", "jax", "torch")
ENDINGS = (".keras", ".h5", ".hdf5")
SAVED = "saved_model.pb"
"""What a folder of TensorFlow's SavedModel holds."""


def running(backend: str | None, what: str) -> Any:
    """Keras, on the backend that is asked for; else on its own choice, or on one that is installed.

    Raises:
        ParameterError: Keras runs on another backend in this process already.
        MissingDependency: Keras, or the backend, is not installed.
    """
    if backend is not None and "keras" not in sys.modules:
        need(backend, what=f"--backend {backend}", extra="keras")
        os.environ["KERAS_BACKEND"] = backend
    elif "KERAS_BACKEND" not in os.environ and find_spec("tensorflow") is None:
        os.environ["KERAS_BACKEND"] = next((b for b in BACKENDS if find_spec(b)), "tensorflow")
    keras = need("keras", what=what, extra="keras")
    now = keras.backend.backend()
    if backend is not None and now != backend:
        raise ParameterError(
            f"Keras runs on {now} in this process already.",
            got=f"--backend {backend}",
            fix="Start anew with it.",
        )
    return keras


def from_file(path: Path, trust: bool, backend: str | None) -> Any:
    """The model in a .keras or .h5 file, whatever backend it was saved on.

    Raises:
        TrustError: the file holds code of its own, and is not trusted.
    """
    keras = running(backend, f"A {path.suffix} model")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=not trust)
    except ValueError as error:
        if "safe_mode" not in str(error) and "unsafe" not in str(error).lower():
            raise
        raise TrustError(
            f"{path.name} holds code of its own (a Lambda layer).",
            fix="Pass --trust if you know where it comes from.",
        ) from error


def is_saved_model(path: Path) -> bool:
    """Whether a folder is a SavedModel."""
    return (path / SAVED).is_file()


def from_folder(path: Path, trust: bool, backend: str | None) -> Callable[[Any], Any]:
    """A SavedModel as a function of rows: its layers are not to be seen.

    Raises:
        TrustError: it is not trusted: a graph of TensorFlow may read and write files.
        CapabilityError: Keras runs on another backend.
    """
    if not trust:
        raise TrustError(
            f"{path.name} is a SavedModel: what its graph does to your files cannot be told.",
            fix="Pass --trust if you know where it comes from, or save the model as .keras.",
        )
    keras = running(backend, "A SavedModel")
    if keras.backend.backend() != "tensorflow":
        raise CapabilityError(
            "A SavedModel runs on TensorFlow alone.",
            got=keras.backend.backend(),
            fix="Pass --backend tensorflow.",
        )
    layer = keras.layers.TFSMLayer(str(path), call_endpoint=_endpoint(path))

    def saved_model(rows: Any) -> Any:
        y = layer(np.asarray(rows, "float32"))
        y = next(iter(y.values())) if isinstance(y, dict) and len(y) == 1 else y
        return {k: v.numpy() for k, v in y.items()} if isinstance(y, dict) else y.numpy()

    return saved_model


def _endpoint(path: Path) -> str:
    """`serve`, as Keras exports it, or TensorFlow's own `serving_default`."""
    import tensorflow as tf

    signatures = list(tf.saved_model.load(str(path)).signatures)
    if not signatures:
        raise FileError(f"{path.name} has no signature to call.")
    return "serve" if "serve" in signatures else signatures[0]


# -- keras.applications ---------------------------------------------------------------------------------------------


def application(name: str, weights: Path | None, backend: str | None) -> tuple[Any, tuple[int, int]]:
    """A network of `keras.applications` for pictures in 0..1, and the size of picture it was trained on.

    Its own preparation of pictures is part of it. Where its weights cannot be had they are random, and it says so.

    Raises:
        FileError: there is no network of that name.
    """
    keras = running(backend, f"app:{name}")
    known = {n: f for n, f in vars(keras.applications).items() if n[:1].isupper() and callable(f)}
    if name not in known:
        raise FileError(f"keras.applications has no {name!r}.", fix=nearest(name, known))
    net, notes = _with_weights(known[name], name, weights)
    height, width = net.input_shape[1:3]
    size = (height or 224, width or 224)
    home = next(
        m for m in vars(keras.applications).values() if hasattr(m, "preprocess_input") and hasattr(m, name)
    )
    x = keras.Input((*size, 3))
    model = keras.Model(x, net(_prepared(keras, home.preprocess_input, x)), name=net.name)
    wrapped: Any = wrap(model)
    classes = _classes(home, net) if not notes else ()
    facts = replace(wrapped.facts, classes=classes, notes=(*wrapped.facts.notes, *notes), space="probability")
    return replace(wrapped, facts=facts), size


def _with_weights(make: Callable[..., Any], name: str, weights: Path | None) -> tuple[Any, tuple[str, ...]]:
    if weights is not None:
        return make(weights=str(weights)), ()
    try:
        return make(weights="imagenet"), ()
    except Exception:  # noqa: BLE001  # Keras raises a plain Exception where a file cannot be fetched
        said = f"The weights of {name} could not be had: they are random, and so is what it says."
        return make(weights=None), (said,)


def _prepared(keras: Any, prepare: Callable[[Any], Any], x: Any) -> Any:
    """Pictures in 0..1 as the network wants them: its preparation is a scale and a shift of each channel.

    Raises:
        CapabilityError: it is another one.
    """
    zero = prepare(np.zeros((1, 1, 1, 3), "float32"))[0, 0, 0]
    single = np.eye(3, dtype="float32").reshape(3, 1, 1, 3) * 255
    each = prepare(single.copy())[:, 0, 0] - zero
    turned = not np.count_nonzero(np.diag(each)[[0, 2]])
    each = each[:, ::-1] if turned else each
    if np.count_nonzero(each - np.diag(np.diag(each))):
        raise CapabilityError("This network prepares its pictures in a way that is not known.")
    x = keras.ops.flip(x, axis=-1) if turned else x
    return keras.layers.Rescaling(np.diag(each).tolist(), zero.tolist(), name="prepared")(x)


def _classes(home: Any, net: Any) -> tuple[str, ...]:
    """Names of the thousand classes, where they can be had."""
    if net.output_shape[-1] != 1000:
        return ()
    try:
        found = home.decode_predictions(np.eye(1000, dtype="float32"), top=1)
    except Exception:  # noqa: BLE001  # as above
        return ()
    return tuple(name for ((_, name, _),) in found)
