"""What the drawings of `Units` share: which layer, what is written over it, how signed numbers are coloured."""

from __future__ import annotations

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from pellucid.core.errors import ParameterError
from pellucid.core.types import NpArray
from pellucid.results import Explanation, GradientMaps, Maps, Units
from pellucid.results.weights import LearnedUnits

from . import labels, theme
from .captions import number, signed
from .inside_labels import say


def layer_line(e: Units, i: int, *more: str) -> str:
    """The second line of a title: the layer, its kind, and what else is said of it."""
    kind = e.kinds[i] if e.kinds else ""
    return " · ".join(p for p in (e.layers[i], kind, *more) if p)


def another(e: Units, i: int, lang: str) -> str:
    """That there are other layers, and how to see them; "" where there are none."""
    return say(lang, "another", i=i + 1, n=len(e.layers)) if len(e.layers) > 1 else ""


def method(e: Explanation, lang: str) -> str:
    """The method's name."""
    return labels.words(lang).method(e.provenance.method, e.provenance.title)


def counts(e: Units) -> str:
    """The key of what the numbers are."""
    if isinstance(e, GradientMaps):
        return "gradient"
    return "weight" if isinstance(e, LearnedUnits) else "activation"


def row_of(e: Maps, row: int) -> int:
    """The number of a row that exists.

    Raises:
        ParameterError: there is no such row.
    """
    if not -len(e.x) <= row < len(e.x):
        raise ParameterError(f"There is no row {row}.", fix=f"Choose 0..{len(e.x) - 1}.")
    return row % len(e.x)


def limit_of(values: NpArray) -> float:
    """The largest |value|, or 0 where there is none."""
    found = np.abs(values[np.isfinite(values)])
    return float(found.max(initial=0.0))


def signed_colours(limit: float) -> ScalarMappable:
    """Colours from -limit to limit, near-white at zero."""
    return ScalarMappable(Normalize(-(limit or 1.0), limit or 1.0), theme.DIVERGING)


def signed_ticks(limit: float) -> dict[float, str]:
    """What the bar of such colours writes."""
    return {s * limit: signed(s * limit) if s else "0" for s in (-1.0, -0.5, 0.0, 0.5, 1.0)}


def positive_colours(limit: float) -> ScalarMappable:
    """Colours from 0 to limit, for numbers without a sign."""
    return ScalarMappable(Normalize(0.0, limit or 1.0), theme.SEQUENTIAL)


def positive_ticks(limit: float) -> dict[float, str]:
    """What the bar of such colours writes."""
    return {s * limit: number(s * limit) for s in (0.0, 0.5, 1.0)}


def coloured(mappable: ScalarMappable, values: NpArray) -> NpArray:
    """Values of any shape as colours (..., 4)."""
    return np.asarray(mappable.get_cmap()(mappable.norm(values)))
