"""Which drawings there are, which of them fit a result, and how one is made."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pellucid.core.errors import CapabilityError, ParameterError, nearest
from pellucid.core.features import Features
from pellucid.results import Explanation

from . import canvas, labels, theme

Size = tuple[float, float]
F = TypeVar("F", bound=Callable[..., Axes])


@dataclass(frozen=True)
class Drawing:
    """One registered drawing.

    Attributes:
        name: what callers ask for.
        result, features: the results it is for.
        function: (e, *, ax, lang, **options) -> ax.
        size: (e, options) -> width and height of the axes in inches, from the data.
        lacks: (e) -> why this result cannot be drawn so, "" where it can.
        leads: (e) -> whether it may be chosen unasked.
        pages: (e, options) -> how many pages it takes.
    """

    name: str
    result: type[Explanation]
    features: type[Features]
    function: Callable[..., Axes]
    size: Callable[[Any, Mapping[str, Any]], Size]
    lacks: Callable[[Any], str]
    leads: Callable[[Any], bool]
    pages: Callable[[Any, Mapping[str, Any]], int]

    @property
    def options(self) -> dict[str, Any]:
        """Its options and their defaults."""
        known = inspect.signature(self.function).parameters
        return {n: p.default for n, p in known.items() if n not in ("e", "ax", "lang")}

    def check(self, how: Mapping[str, Any]) -> None:
        for name in how:
            if name not in self.options:
                listed = ", ".join(self.options)
                raise ParameterError(
                    f"{self.name} has no option {name!r}.",
                    fix=" ".join(p for p in (_guess(name, self.options), f"Its options: {listed}.") if p),
                )


DRAWINGS: list[Drawing] = []


def draws(
    result: type[Explanation],
    features: type[Features] = Features,
    *,
    size: Callable[[Any, Mapping[str, Any]], Size],
    lacks: Callable[[Any], str] = lambda e: "",
    leads: Callable[[Any], bool] = lambda e: True,
    pages: Callable[[Any, Mapping[str, Any]], int] = lambda e, how: 1,
) -> Callable[[F], F]:
    """Register a function `(e, *, ax, lang="en", **options) -> ax` as a drawing, under its own name.

    Args:
        result: the kind of result it draws.
        features: the kind of features it draws; `Features` are all.
        size: width and height in inches of the axes it wants, from the result and the options.
        lacks: why a result cannot be drawn so, "" where it can.
        leads: whether the drawing may be chosen for a result when the caller names none.
        pages: how many pages it takes, from the result and the options.
    """

    def register(function: F) -> F:
        @wraps(function)
        def drawing(e: Any, *, ax: Axes, lang: str = "en", **how: Any) -> Axes:
            lang = labels.readable(lang)
            with theme.dressed():
                before = theme.texts(ax)
                function(e, ax=ax, lang=lang, **how)
                theme.settle(ax, before)
            return ax

        DRAWINGS.append(Drawing(function.__name__, result, features, drawing, size, lacks, leads, pages))
        return cast(F, drawing)

    return register


def draw(
    e: Explanation, kind: str | None = None, *, ax: Axes | None = None, lang: str = "en", **how: Any
) -> Axes:
    """Draw a result on `ax`, or on a figure of its own, sized by the data and known to no global state.

    Args:
        e: the result.
        kind: the drawing's name, one of `kinds(e)`; None takes the first that fits.
        ax: where to draw; the size of its figure is left as it is.
        lang: the language of the labels, "en" or "zh".
        how: options of that drawing.

    Returns:
        The axes. `draw(e).figure.savefig(path)` saves the picture; in a notebook, `draw(e).figure` as the last line
        of a cell shows it.

    Raises:
        ParameterError: no such drawing fits the result, or the drawing has no such option.
        CapabilityError: no drawing at all fits the result.
    """
    drawing = _chosen(e, kind)
    drawing.check(how)
    if ax is not None:
        return drawing.function(e, ax=ax, lang=lang, **how)
    with theme.dressed():
        ax = canvas.own(drawing.size(e, {**drawing.options, **how}))
    drawing.function(e, ax=ax, lang=lang, **how)
    with theme.dressed():
        canvas.wrap(ax)
    return ax


def figure(e: Explanation, kind: str | None = None, *, lang: str = "en", **how: Any) -> Figure:
    """The same as `draw` on a figure of its own, giving that figure: notebooks show it, `savefig` writes it."""
    return cast(Figure, draw(e, kind, lang=lang, **how).figure)


def pages(e: Explanation, kind: str | None = None, *, lang: str = "en", **how: Any) -> Iterator[Figure]:
    """All of a result on as many figures as it takes: every page of every layer, where a drawing has such.

    Args:
        e: the result.
        kind: the drawing's name, one of `kinds(e)`; None takes the first that fits.
        lang: the language of the labels.
        how: options of that drawing; a layer or a page that is named is the only one drawn.
    """
    drawing = _chosen(e, kind)
    drawing.check(how)
    layers = getattr(e, "layers", ()) if "layer" in drawing.options and "layer" not in how else (None,)
    for number in range(len(layers)):
        asked = how if layers[number] is None else {**how, "layer": number}
        count = 1 if "page" in how else drawing.pages(e, {**drawing.options, **asked})
        for page in range(1, count + 1):
            yield figure(e, drawing.name, lang=lang, **asked, **({"page": page} if count > 1 else {}))


def kinds(e: Explanation) -> tuple[str, ...]:
    """Names of the drawings that fit a result, in the order they are preferred in."""
    return tuple(d.name for d in _fitting(e) if not d.lacks(e))


def _fitting(e: Explanation) -> list[Drawing]:
    """Drawings for this kind of result and features: those for these very features first, those for any last."""
    fit = [d for d in DRAWINGS if isinstance(e, d.result) and isinstance(e.features, d.features)]
    return sorted(fit, key=lambda d: type(e.features).__mro__.index(d.features))


def _chosen(e: Explanation, kind: str | None) -> Drawing:
    fit = _fitting(e)
    able = [d for d in fit if not d.lacks(e)]
    if kind is None:
        if not able:
            raise CapabilityError(
                f"No drawing fits {type(e).__name__} of {e.features.kind} features.", got=e.shape
            )
        return next((d for d in able if d.leads(e)), able[0])
    for d in fit:
        if d.name == kind:
            if why := d.lacks(e):
                raise ParameterError(f"{kind} cannot draw this result: {why}.", fix=nearest(kind, kinds(e)))
            return d
    raise ParameterError(
        f"There is no drawing {kind!r} for {type(e).__name__} of {e.features.kind} features.",
        fix=nearest(kind, kinds(e)),
    )


def _guess(name: str, known: Mapping[str, Any]) -> str:
    """The close guess, or nothing: the options are listed anyway."""
    said = nearest(name, known)
    return said if said.startswith("Did") else ""
