"""dependence: a column's values against what they contribute, row by row, coloured by the column it acts with."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from pellucid.core.features import Columns
from pellucid.core.types import NpArray
from pellucid.results import Attribution, PairAttribution

from . import captions, labels, theme
from .beeswarm import ENDS, RASTER_ABOVE, piled
from .canvas import colour_bar
from .registry import draws

ASIDE = 0.1
"""Where rows without a value stand, left of the others, as a share of the width."""
NAME = 40
"""Characters of a column's name."""


def _lacks(e: Attribution | PairAttribution) -> str:
    if isinstance(e, PairAttribution) and e.players:
        return "its parts are no columns"
    return "" if len(e) > 1 else "it has a single row"


@draws(Attribution, Columns, size=lambda e, how: (4.4, 3.0), lacks=_lacks, leads=lambda e: False)
@draws(PairAttribution, Columns, size=lambda e, how: (4.4, 3.0), lacks=_lacks, leads=lambda e: False)
def dependence(
    e: Attribution | PairAttribution,
    *,
    ax: Axes,
    lang: str = "en",
    column: str | int | None = None,
    by: str | int | None = None,
) -> Axes:
    """A point per row: the column's value, and its contribution in the units of the explained output.

    Points above one another are rows in which the same value did different things, because of other columns. Colour is
    the value of another column, from its 5th to its 95th percentile; missing values are grey, and rows in which the
    column itself is missing stand left of the others.

    Args:
        e: attributions of a table, or of its pairs.
        ax: where to draw.
        lang: language of the labels.
        column: which column, by name or number; None is the one that contributes most.
        by: the column that colours the points; None is, of pairs, the one that acts most together with the first, and
            else none.
    """
    words, one = labels.words(lang), e.attribution if isinstance(e, PairAttribution) else e
    most = int(np.nan_to_num(np.abs(one.values)).mean(0).argmax())
    k = _position(one, most if column is None else column)
    other = e.partner(k) if by is None and isinstance(e, PairAttribution) else by
    x, y = np.asarray(one.x[:, k], float), np.asarray(one.values[:, k], float)
    known, colours = np.isfinite(x), theme.AGAINST
    if other is not None:
        colours = _coloured(ax, one, _position(one, other))
    aside = _aside(x)
    place = np.where(known, x, aside)
    if _named(one, k):  # points of one category pile up to both sides of it
        ends = float(y.min()), float(y.max())
        place = place + piled(y, ends if ends[0] < ends[1] else (ends[0] - 1, ends[1] + 1))
    size = float(np.clip(2500 / len(x), 5, 18))
    raster = len(x) > RASTER_ABOVE
    ax.scatter(place, y, s=size, c=colours, linewidths=0, alpha=0.85, rasterized=raster)
    ax.axhline(0, color=theme.PLAIN, lw=0.8, zorder=0)
    _ticks(ax, one, k, None if known.all() else aside, words.missing_one)
    ax.set_xlabel(_called(one, k), loc="left", fontsize=theme.BODY)
    ax.set_ylabel(captions.fold(captions.axis(one, words), 2.6, theme.BODY), fontsize=theme.BODY)
    captions.head(ax, captions.method(e, words), captions.about_rows(one, words, len(e)))
    grey = other is not None and np.isnan(np.asarray(one.x[:, _position(one, other)], float)).any()
    together = by is None and other is not None
    captions.foot(ax, e, words, words.acts_with if together else "", words.missing if grey else "")
    return ax


def _position(e: Attribution, column: str | int) -> int:
    features = e.features
    return features.position(column) if isinstance(features, Columns) else int(column)


def _called(e: Attribution, k: int) -> str:
    """The column's name, with its unit."""
    features = e.features
    if not isinstance(features, Columns):
        return e.features.name((k,))
    name = features.names[k]
    unit = features.units.get(name, "")
    return captions.shortened(name, NAME) + (f" ({unit})" if unit else "")


def _named(e: Attribution, k: int) -> tuple[str, ...]:
    """What the column's codes stand for; () where it holds numbers."""
    features = e.features
    if not isinstance(features, Columns):
        return ()
    return tuple(captions.shortened(str(v), 16) for v in features.categories.get(features.names[k], ()))


def _aside(x: NpArray) -> float:
    """Where rows without a value stand."""
    known = x[np.isfinite(x)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    return low - ASIDE * ((high - low) or 1.0)


def _ticks(ax: Axes, e: Attribution, k: int, aside: float | None, missing: str) -> None:
    """Categories by name, and a tick for the rows without a value."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=theme.SMALL)
    names = _named(e, k)
    if names:
        ax.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    elif aside is not None:
        low, high = ax.get_xlim()
        ticks = [t for t in ax.get_xticks() if aside + ASIDE * (high - low) < t <= high]
        ax.set_xticks(ticks, [captions.number(t) for t in ticks])
    if aside is not None:
        at, texts = [*ax.get_xticks(), aside], [*(t.get_text() for t in ax.get_xticklabels()), missing]
        ax.set_xticks(at, texts)


def _coloured(ax: Axes, e: Attribution, k: int) -> NpArray:
    """(rows, 4) the colours of a column's values, with their bar."""
    x = np.asarray(e.x[:, k], float)
    known, names = np.isfinite(x), _named(e, k)
    low, high = np.percentile(x[known], ENDS) if known.any() else (0.0, 1.0)
    if names or low == high:
        low, high = (float(x[known].min()), float(x[known].max())) if known.any() else (0.0, 1.0)
    scale = Normalize(low, high if high > low else low + 1, clip=True)
    colours = theme.LOW_HIGH(scale(np.where(known, x, low)))
    colours[~known] = theme.missing()
    ends = {low: captions.number(low), high: captions.number(high)}
    codes = [c for c in range(len(names)) if low <= c <= high]
    marked = {float(c): names[c] for c in codes} if 0 < len(codes) <= 12 else ends
    colour_bar(
        ax, ScalarMappable(scale, theme.LOW_HIGH), _called(e, k), marked, extend=not names, below=False
    )
    return colours
