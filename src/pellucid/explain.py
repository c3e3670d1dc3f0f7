"""The front door: `explain` picks a method for a model and its rows, and says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pellucid.core.callable_module import make_callable
from pellucid.core.errors import CapabilityError, ParameterError, nearest
from pellucid.core.features import Columns, Pixels
from pellucid.core.intake import Data, read
from pellucid.core.model import Forested, differentiable
from pellucid.core.target import LogProb
from pellucid.core.texts import Texts
from pellucid.methods.base import Method
from pellucid.methods.registry import load
from pellucid.results import Explanation


def explain(
    model: Any, x: Any, y: Any = None, *, method: str | Method | None = None, **call: Any
) -> Explanation:
    """Explain what `model` says of the rows `x`, with the method that fits or the one that is named.

    A model with gradients is explained by integrated gradients, trees by TreeSHAP, texts by permutation SHAP, any other
    model by Gaussian-process SHAP; with true values `y` the question is about the whole table, and permutation
    importance answers it. The reason stands in `e.provenance.notes`.

    Args:
        model: a network, an estimator, a pipeline, a function of arrays.
        x: rows, (n, *features): arrays, a frame, pictures.
        y: (n,) true values; asks what the model relies on over all of `x`.
        method: a method, or its name as `pellucid.methods()` lists it.
        call: what the method's call takes: target, baseline, background, features, ...

    Raises:
        ParameterError: an unknown method, or an argument that the method does not take.
        CapabilityError: the model cannot do what the method needs.

    >>> explain(net, images, target=3).provenance.method
    'integrated_gradients'
    """
    given = call if y is None else {**call, "y": y}
    if method is not None:
        chosen, why = named(method), ""
    else:
        try:
            chosen, why = choose(model, x, y, call)
        except Exception as error:
            shape = tuple(getattr(x, "shape", ())) or type(x).__name__
            error.add_note(f"pellucid: while a method was chosen for {type(model).__name__} on x {shape}")
            raise
    _check_arguments(chosen, given)
    result = chosen(model, x, **given)  # type: ignore[operator]  # every family's base can be called
    if not why:
        return result
    return replace(result, provenance=replace(result.provenance, notes=(*result.provenance.notes, why)))


def named(method: str | Method) -> Method:
    """A method by its registered name, with its defaults; a method is given back."""
    if isinstance(method, Method):
        return method
    known = load()
    key = method.replace("-", "_").lower()
    by_class = {cls.__name__.lower(): name for name, cls in known.items()}
    name = key if key in known else by_class.get(key.replace("_", ""))
    if name is None:
        raise ParameterError(f"There is no method {method!r}.", fix=nearest(key, known))
    return known[name]()


def choose(model: Any, x: Any, y: Any, call: dict[str, Any]) -> tuple[Method, str]:
    """The method for this model and data, and the reason in a sentence."""
    known = load()
    if y is not None:
        return known["permutation_importance"](), "Permutation importance, since true values were given."
    data = read(
        model, x, features=call.get("features"), background=call.get("background"), output=call.get("output")
    )
    if differentiable(data.model) and data.x.dtype.kind == "f":
        return known["integrated_gradients"](), "Integrated gradients, since the model has gradients."
    if _walks(data, call):
        return known["tree_shap"](), "TreeSHAP, since the model is a sum of trees."
    if isinstance(data.model, Texts):
        return known["permutation_shap"](), "Permutation SHAP, since the model reads texts."
    if isinstance(data.features, Columns | Pixels):
        why = "Gaussian-process SHAP, since the model can only be asked for predictions."
        return known["gaussian_shap"](), why
    if differentiable(data.model):
        raise CapabilityError(
            "Whole numbers have no gradient.",
            got=_shape(data),
            fix="Name the embedding layer: at='embedding'.",
        )
    return known["occlusion"](), "Occlusion, since the model can only be asked for predictions."


def _walks(data: Data, call: dict[str, Any]) -> bool:
    """Whether TreeSHAP can answer: the model is a sum of trees, and what is asked a difference of their outputs."""
    target = call.get("target")
    if not isinstance(data.model, Forested) or "masker" in call or "baseline" in call:
        return False
    if isinstance(target, LogProb) or (callable(target) and not hasattr(target, "__array__")):
        return False
    try:
        forest = data.model.forest()
    except CapabilityError:
        return False  # the trees do not add up, or cannot be read
    return forest.cover is not None or call.get("background") is not None


def _shape(data: Data) -> str:
    return f"{data.x.dtype} rows of shape {data.x.shape[1:]}"


def _check_arguments(method: Method, given: dict[str, Any]) -> None:
    """Refuse an argument the method's call does not have, by name."""
    import inspect

    taken = [p for p in inspect.signature(method).parameters if p not in ("model", "x", "X")]  # type: ignore[arg-type]
    for name in given:
        if name not in taken:
            raise ParameterError(f"{type(method).__name__} takes no {name!r}.", fix=nearest(name, taken))


__call_target__ = explain
make_callable(__name__)
