"""A model from a file or a factory. A file that would run code of its own is opened only where it is trusted."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pellucid.core.errors import FileError, ParameterError, PellucidError, TrustError, nearest
from pellucid.core.extras import need

from . import keras_files

FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")

ZOOS = ("torchvision", "timm")
"""Libraries whose networks are known by name."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model from a file.

    Attributes:
        model: what `pellucid.explain` takes.
        batch_size: how many rows it takes at once, where it says so.
        look: how pictures are prepared for it, a `Look`, where it says so.
        classes: names of its outputs, where it says so.
        note: what a reader must know of it.
    """

    model: Any
    batch_size: int | None = None
    look: Any = None
    classes: tuple[str, ...] = ()
    note: str = ""


def load(
    source: str, weights: str | None = None, *, trust: bool = False, backend: str | None = None
) -> Loaded:
    """The model that `--model` and `--weights` name.

    Args:
        source: a file, a SavedModel's folder, "package.module:factory", or a network's name: "app:VGG16",
            "torchvision:resnet18", "timm:resnet18".
        weights: a file of weights for the factory's model.
        trust: whether files that may run code are opened.
        backend: which framework Keras runs on.

    Raises:
        FileError: it cannot be read, or its kind is not known.
        TrustError: opening it could run code, and it is not trusted.
    """
    library, _, name = source.partition(":")
    if library in ZOOS and FACTORY.fullmatch(source.replace(".", "_")):
        from .zoo import named

        network = named(library, name, trained=weights is None)
        return network if weights is None else replace(network, model=_filled(network.model, weights, trust))
    if library == "app" and name.isidentifier() and not _has_app():
        return _application(name, weights, backend)
    if FACTORY.fullmatch(source) and not Path(source).exists():
        return Loaded(_made(source, weights, trust))
    if weights is not None:
        raise ParameterError(
            "--weights belong to a factory.",
            got=f"--model {source}",
            fix="Pass --model package.module:factory.",
        )
    if keras_files.is_saved_model(Path(source)):
        return Loaded(keras_files.from_folder(Path(source), trust, backend))
    path = existing(source)
    if path.suffix.lower() in keras_files.ENDINGS:
        return Loaded(guarded(path, lambda: keras_files.from_file(path, trust, backend)))
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        raise FileError(
            f"{path.name} is no model file pellucid knows.",
            fix=f"Pass {', '.join((*_OPENERS, *keras_files.ENDINGS))} or package.module:factory.",
        )
    return guarded(path, lambda: opener(path, trust))


def existing(path: str | Path) -> Path:
    """The path of a file that is there.

    Raises:
        FileError: it is not there, or is a folder.
    """
    path = Path(path)
    if path.is_file():
        return path
    if path.is_dir():
        raise FileError(f"{path} is a folder.", fix="Pass a file.")
    names = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    close = nearest(path.name, names)
    raise FileError(f"There is no file {path}.", fix=close if close.startswith("Did") else "")


def guarded(path: Path, read: Callable[[], Any]) -> Any:
    """What `read` gives; whatever a foreign reader raises becomes a `FileError` that names the file."""
    try:
        return read()
    except PellucidError:
        raise
    except Exception as error:
        raise FileError(f"{path} cannot be read: {type(error).__name__}: {_first(error)}") from error


def _first(error: Exception) -> str:
    """The first line of a message, at most two hundred characters of it."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    text = lines[0].strip() if lines else "no message"
    return text if len(text) <= 200 else text[:199] + "…"


# -- a factory ----------------------------------------------------------------------------------------------


def _made(source: str, weights: str | None, trust: bool) -> Any:
    """The model that a factory makes, with its weights; a model, or a function of rows, is taken as it is."""
    found = _found(source)
    made = _is_factory(found)
    model = found() if made else found
    if made and hasattr(model, "named_modules"):
        model.eval()  # it is ours: nobody trains it
    if weights is None:
        return model
    if not hasattr(model, "load_state_dict"):
        raise ParameterError(f"{source} makes no network that takes weights.", got=type(model).__name__)
    return _filled(model, weights, trust)


def _filled(model: Any, weights: str, trust: bool) -> Any:
    """The network with the weights of a file."""
    path = existing(weights)
    from .torch_files import fill

    guarded(path, lambda: fill(model, path, trust))
    return model


def _found(source: str) -> Any:
    module, _, name = source.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        place: Any = import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # the module is there, and something that it imports is not
        raise FileError(f"There is no module {module!r} to import.", fix=f"Looked in {here} too.") from error
    for part in name.split("."):
        if not hasattr(place, part):
            raise FileError(f"Module {module!r} has no {part!r}.", fix=nearest(part, _public(place)))
        place = getattr(place, part)
    return place


def _public(place: Any) -> list[str]:
    return [n for n in dir(place) if not n.startswith("_")]


def _is_factory(found: Any) -> bool:
    """Whether it can be called without arguments to make a model; a function that needs rows is a model itself."""
    if not (inspect.isclass(found) or inspect.isroutine(found)):
        return False
    needed = [p for p in inspect.signature(found).parameters.values() if p.default is p.empty]
    return not [p for p in needed if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


# -- networks of keras.applications ---------------------------------------------------------------------------


def _application(name: str, weights: str | None, backend: str | None) -> Loaded:
    from .data import Look

    model, size = keras_files.application(name, None if weights is None else existing(weights), backend)
    return Loaded(model, look=Look(size))


def _has_app() -> bool:
    """Whether `app` is a module of the caller's, as many are called."""
    return Path("app.py").exists() or Path("app").is_dir() or find_spec("app") is not None


# -- files --------------------------------------------------------------------------------------------------


def _skops(path: Path, trust: bool) -> Loaded:
    from .sklearn_files import skops

    return Loaded(skops(path, trust))


def _pickled(path: Path, trust: bool) -> Loaded:
    _check_trusted(path, trust)
    import joblib

    return Loaded(joblib.load(path))


def _torch_pickled(path: Path, trust: bool) -> Loaded:
    _check_trusted(path, trust)
    from .torch_files import pickled

    return Loaded(pickled(path))


def _check_trusted(path: Path, trust: bool) -> None:
    if not trust:
        raise TrustError(
            f"{path.name} is a pickle: opening it runs whatever code it holds.",
            fix="Pass --trust if you know where it comes from, or save the model as skops, .pt2 or safetensors.",
        )


def _exported(path: Path, trust: bool) -> Loaded:
    from .exported import exported

    model, batch_size = exported(path, trust)
    return Loaded(model, batch_size)


def _booster(path: Path, trust: bool) -> Loaded:
    from .booster_files import booster

    return Loaded(booster(path))


def _onnx(path: Path, trust: bool) -> Loaded:
    runtime = need("onnxruntime", what="An .onnx model", extra="onnx")
    return Loaded(runtime.InferenceSession(path, providers=["CPUExecutionProvider"]))


def _weights_alone(path: Path, trust: bool) -> Loaded:
    raise FileError(
        f"{path.name} holds weights, not a model.",
        fix=f"Pass --model package.module:factory --weights {path}.",
    )


_OPENERS: Mapping[str, Callable[[Path, bool], Loaded]] = {
    ".pt2": _exported,
    ".skops": _skops,
    ".json": _booster,
    ".ubj": _booster,
    ".txt": _booster,
    ".cbm": _booster,
    ".onnx": _onnx,
    ".joblib": _pickled,
    ".pkl": _pickled,
    ".pickle": _pickled,
    ".pt": _torch_pickled,
    ".pth": _torch_pickled,
    ".safetensors": _weights_alone,
}
