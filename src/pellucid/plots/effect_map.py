"""effect_map: the effect of two columns together, as a map over both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize

from pellucid.core.errors import ParameterError
from pellucid.core.features import Features
from pellucid.core.types import NpArray
from pellucid.results import Curve

from . import captions, labels, theme
from .canvas import colour_bar
from .curve import widest
from .registry import draws
from .scale import scale

SIDE = (3.6, 3.0)
"""Inches of the axes."""


def _lacks(e: Curve) -> str:
    return "" if any(len(c) == 2 for c in e.columns) else "its effects are of one column each"


def _size(e: Curve, how: Mapping[str, Any]) -> tuple[float, float]:
    return SIDE


@draws(Curve, Features, size=_size, lacks=_lacks, leads=lambda e: all(len(c) == 2 for c in e.columns))
def effect_map(
    e: Curve,
    *,
    ax: Axes,
    lang: str = "en",
    effect: int | str | tuple[str, str] | None = None,
    target: int = 0,
) -> Axes:
    """What the model says, on average, over two columns; dots are rows, and cells without dots are guesses.

    Effects that are measured from zero have colours that diverge from it; mean outputs go from pale to dark.

    Args:
        e: effects, some of two columns.
        ax: where to draw.
        lang: language of the labels.
        effect: which effect, by number or columns; None takes the widest.
        target: the number of the output that is drawn.
    """
    words = labels.words(lang)
    one = e[widest(e, 2) if effect is None else e.number(effect)]
    if len(one.columns[0]) != 2:
        raise ParameterError("A map is of two columns.", got=one.columns[0], fix="Draw it as 'curve'.")
    if not -len(e.targets) <= target < len(e.targets):
        raise ParameterError(f"There is no target {target}.", fix=f"Choose 0..{len(e.targets) - 1}.")
    (x, x_at, x_names), (y, y_at, y_names) = (_axis(one, k) for k in (0, 1))
    table = one.values[:, target].reshape(len(x), len(y))
    colours, norm, ticks = _colours(one, table)
    edges = _edges(x_at), _edges(y_at)
    ax.pcolormesh(*edges, table.T, cmap=colours, norm=norm, rasterized=True)
    _dots(ax, one, (x, x_at, x_names), (y, y_at, y_names))
    ax.set(xlim=(edges[0][0], edges[0][-1]), ylim=(edges[1][0], edges[1][-1]))
    ax.tick_params(labelsize=theme.SMALL)
    if x_names:
        ax.set_xticks(x_at, x_names, rotation=35, ha="right", rotation_mode="anchor", fontsize=theme.SMALL)
    if y_names:
        ax.set_yticks(y_at, y_names, fontsize=theme.SMALL)
    names = [captions.shortened(n) for n in one.columns[0]]
    ax.set_xlabel(
        captions.fold(names[0], captions.inches(ax)[0], theme.BODY), loc="left", fontsize=theme.BODY
    )
    ax.set_ylabel(captions.fold(names[1], captions.inches(ax)[1], theme.BODY), fontsize=theme.BODY)
    colour_bar(ax, ScalarMappable(norm, colours), _counts(one, target, words), ticks, below=False)
    captions.head(ax, captions.method(e, words), words.rows.format(n=e.rows))
    captions.foot(ax, e, words, words.points)
    return ax


def _axis(e: Curve, k: int) -> tuple[NpArray, NpArray, tuple[str, ...]]:
    """Points of an axis, where they are drawn, and the names of categories."""
    _, first = np.unique(e.grid[:, k], return_index=True)
    points = e.grid[np.sort(first), k]
    column = e.columns[0][k]
    if not e.is_category(column):
        return points, points, ()
    return (
        points,
        np.arange(len(points), dtype=float),
        tuple(captions.shortened(n, 22) for n in e.shown(column, points)),
    )


def _edges(at: NpArray) -> NpArray:
    """Cells around points: they meet half way."""
    if len(at) == 1:
        return np.array([at[0] - 0.5, at[0] + 0.5])
    middle = (at[1:] + at[:-1]) / 2
    return np.concatenate([[at[0] - (middle[0] - at[0])], middle, [at[-1] + (at[-1] - middle[-1])]])


def _colours(e: Curve, table: NpArray) -> tuple[Colormap, Normalize, dict[float, str]]:
    if _is_mean(e):
        low, high = float(table.min()), float(table.max())
        high = high if high > low else low + 1.0
        ticks = {v: captions.number(v) for v in (low, (low + high) / 2, high)}
        return theme.SEQUENTIAL, Normalize(low, high), ticks
    limits = scale([table], 0.0)
    return theme.DIVERGING, limits.norm, limits.ticks


def _counts(e: Curve, target: int, words: labels.Words) -> str:
    name, mean = captions.shortened(e.targets[target], captions.TARGET), _is_mean(e)
    if name in ("", "output"):
        text = words.mean_outputs if mean else words.effects_on
    else:
        text = words.mean_output if mean else words.change_of
    return text.format(target=name, space=words.space(e.space))


def _is_mean(e: Curve) -> bool:
    """Whether the values are outputs, and not measured from zero."""
    return e.provenance.method == "partial_dependence" and not e.is_centred


def _dots(ax: Axes, e: Curve, *both: tuple[NpArray, NpArray, tuple[str, ...]]) -> None:
    """Where the rows are; those of categories shaken a little, so that they can be told apart."""
    shake = np.random.default_rng(0)
    spots = list[NpArray]()
    for (points, at, names), column in zip(both, e.columns[0], strict=True):
        seen = e.data[:, e.data_columns.index(column)]
        if names:
            known = {float(p): a for p, a in zip(points, at, strict=True)}
            seen = np.array([known.get(float(v), np.nan) for v in seen])
            seen = seen + shake.uniform(-0.3, 0.3, len(seen))
        spots.append(seen)
    ax.scatter(
        *spots, s=8, color=theme.DOT, alpha=0.6, linewidths=0.4, edgecolors=theme.LABEL_BACK,
        rasterized=len(spots[0]) > 500,
    )  # fmt: skip
