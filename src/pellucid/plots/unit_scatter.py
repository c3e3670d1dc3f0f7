"""unit_scatter: a unit's activation against a feature of the input, or against what went into its function."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.errors import ParameterError
from pellucid.core.features import Columns, Features
from pellucid.core.types import NpArray
from pellucid.results import ActivationUnits

from . import captions, labels, theme, units
from .inside_labels import say
from .registry import draws


@draws(ActivationUnits, Features, size=lambda e, how: (3.6, 3.0), leads=lambda e: False)
def unit_scatter(
    e: ActivationUnits,
    *,
    ax: Axes,
    lang: str = "en",
    layer: str | int = 0,
    unit: int = 0,
    against: str | int | None = None,
) -> Axes:
    """A unit's activation, a point per sampled row.

    Args:
        e: statistics of one or more layers.
        ax: where to draw.
        lang: language of the labels.
        layer: which layer, by name or number.
        unit: which of its units.
        against: a column of the input, by name or number (of the flattened row); None is what went into the activation
            function, where the layer is one, and else the first column.
    """
    i, words = e.number(layer), labels.words(lang)
    at = e.unit(i, unit)
    x, name = _against(e, at, against, lang)
    y = e.sample[:, at]
    many = len(y) > 300
    ax.scatter(x, y, s=9 if many else 16, color=theme.AGAINST, alpha=0.5 if many else 0.8, linewidths=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=theme.SMALL)
    ax.locator_params(nbins=6)
    ax.set_ylabel(say(lang, "activation"), fontsize=theme.BODY)
    ax.set_xlabel(captions.shortened(name, 60), loc="left", fontsize=theme.BODY)
    captions.head(ax, units.method(e, lang), units.layer_line(e, i, say(lang, "unit_of", unit=unit)))
    sampled = say(lang, "sample", n=len(y), of=e.rows)
    captions.foot(ax, e, words, sampled)
    return ax


def _against(e: ActivationUnits, at: int, against: str | int | None, lang: str) -> tuple[NpArray, str]:
    if against is None and np.isfinite(e.before[:, at]).all():
        return e.before[:, at], say(lang, "pre")
    flat = e.sample_x.reshape(len(e.sample_x), -1)
    if isinstance(e.features, Columns):
        column = e.features.position(against or 0)
        return flat[:, column], e.features.names[column]
    if isinstance(against, str) or not 0 <= (against or 0) < flat.shape[1]:
        raise ParameterError(f"There is no feature {against!r}.", fix=f"Choose 0..{flat.shape[1] - 1}.")
    return flat[:, against or 0], f"{say(lang, 'feature')} {against or 0}"
