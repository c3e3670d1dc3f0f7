"""Networks of torchvision and timm by their names, prepared and with the classes they were trained with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from pellucid.core.errors import FileError, MissingDependency, nearest

from .data import Look
from .models import Loaded


def named(library: str, name: str, *, trained: bool = True) -> Loaded:
    """The network that `library:name` stands for, with its weights where they can be had.

    Args:
        library: "torchvision" or "timm".
        name: as the library lists it.
        trained: whether its own weights are wanted, and not those of the caller's file.

    Raises:
        MissingDependency: the library is not installed.
        FileError: it has no network of that name.
    """
    return _LIBRARIES[library](name, trained)


def _torchvision(name: str, trained: bool) -> Loaded:
    library = _imported("torchvision.models", f"torchvision:{name}")
    _check(name, library.list_models(), "torchvision")
    weights = library.get_model_weights(name).DEFAULT
    bare = partial(library.get_model, name)
    model, note = _made(partial(bare, weights=weights) if trained else bare, bare)
    preset = weights.transforms()
    side = preset.crop_size[0]
    look = Look((side, side), mean=tuple(preset.mean), std=tuple(preset.std))
    return Loaded(model, look=look, classes=tuple(weights.meta.get("categories", ())), note=note)


def _timm(name: str, trained: bool) -> Loaded:
    library = _imported("timm", f"timm:{name}")
    _check(name, (*library.list_models(), *library.list_pretrained()), "timm")
    bare = partial(library.create_model, name)
    model, note = _made(partial(bare, pretrained=True) if trained else bare, bare)
    config = library.data.resolve_model_data_config(model)
    look = Look(tuple(config["input_size"][1:]), mean=tuple(config["mean"]), std=tuple(config["std"]))
    classes = tuple(model.pretrained_cfg.get("label_names") or ())
    if not classes and model.num_classes == 1000:
        known = library.data.ImageNetInfo()
        classes = tuple(known.index_to_description(k) for k in range(1000))
    return Loaded(model, look=look, classes=classes, note=note)


_LIBRARIES: Mapping[str, Callable[[str, bool], Loaded]] = {"torchvision": _torchvision, "timm": _timm}


def _imported(module: str, what: str) -> Any:
    library = module.partition(".")[0]
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDependency(
            f"{what} needs {library}: {error}.", fix=f"Run: pip install {library}"
        ) from error


def _check(name: str, names: Iterable[str], library: str) -> None:
    if name not in (known := list(names)):
        raise FileError(f"{library} has no network {name!r}.", fix=nearest(name, known))


def _made(wanted: Callable[[], Any], bare: Callable[[], Any]) -> tuple[Any, str]:
    """The network, ready to be asked; with random weights, the same each time, where its own cannot be had."""
    import torch

    try:
        return wanted().eval(), ""
    except OSError as error:  # no connection, no space
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return bare().eval(), f"its weights could not be had ({type(error).__name__}): they are random"
