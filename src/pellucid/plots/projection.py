"""projection: rows as points of a plane, coloured by class, by prediction, or by error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.errors import ParameterError
from pellucid.core.features import Features
from pellucid.core.types import NpArray
from pellucid.results import Projected

from . import captions, labels, theme, units
from .inside_labels import say
from .registry import draws

NAMED = 24
"""Classes that are written into the picture at most."""


def _lacks(e: Projected) -> str:
    return "" if e.values.shape[1] >= 2 else "it has a single component"


@draws(Projected, Features, size=lambda e, how: (5.0, 4.4), lacks=_lacks)
def projection(
    e: Projected,
    *,
    ax: Axes,
    lang: str = "en",
    colour: str | None = None,
    mark: Sequence[int] = (),
    axes: tuple[int, int] = (0, 1),
) -> Axes:
    """A point per row; colours are classes, whose names stand where their points are.

    Args:
        e: rows as points.
        ax: where to draw.
        lang: language of the labels.
        colour: "truth", "predicted" or "error"; None takes the first of these that is known.
        mark: rows to circle and number.
        axes: which two components.
    """
    words = labels.words(lang)
    x, y = (e.values[:, _axis(e, k)] for k in axes)
    by = _chosen(e, colour)
    many = len(x) > 500
    size = 9 if many else 18
    named = e.truth if by == "truth" else e.predicted if by == "predicted" else ()
    if by == "error":
        wrong = e.wrong
        ax.scatter(x[~wrong], y[~wrong], s=size, color=theme.PALE, linewidths=0, rasterized=many)
        ax.scatter(x[wrong], y[wrong], s=2 * size, color=theme.FOR, marker="X", linewidths=0, zorder=3)
    elif named:
        _classes(ax, x, y, np.array(named), size, many)
    else:
        ax.scatter(x, y, s=size, color=theme.AGAINST, alpha=0.6, linewidths=0, rasterized=many)
    for row in mark:
        if not 0 <= row < len(x):
            raise ParameterError(f"There is no row {row}.", fix=f"Choose 0..{len(x) - 1}.")
        ax.scatter(x[row], y[row], s=60, facecolor="none", edgecolor=theme.LINE, linewidths=1, zorder=4)
        ax.annotate(
            str(e.index[row] if e.index else row),
            (x[row], y[row]),
            (5, 5),
            textcoords="offset points",
            fontsize=theme.SMALL,
            zorder=5,
        )
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=theme.SMALL)
    ax.set_xlabel(_axis_name(e, axes[0], lang), loc="left", fontsize=theme.BODY)
    ax.set_ylabel(_axis_name(e, axes[1], lang), fontsize=theme.BODY)
    about = [say(lang, "place_input") if e.at == "input" else e.at, say(lang, "over_rows", n=len(x))]
    about.append(say(lang, f"coloured_{by}") if by else "")
    captions.head(ax, f"{units.method(e, lang)}: {_how(e)}", " · ".join(a for a in about if a))
    told = say(lang, "errors", k=int(e.wrong.sum()), n=len(x)) if by == "error" else ""
    captions.foot(ax, e, words, told, "" if len(e.explained) else say(lang, "only_neighbours"))
    return ax


def _how(e: Projected) -> str:
    return {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}[str(e.provenance.params.get("by", "pca"))]


def _axis(e: Projected, k: int) -> int:
    if not 0 <= k < e.values.shape[1]:
        raise ParameterError(f"There is no component {k}.", fix=f"Choose 0..{e.values.shape[1] - 1}.")
    return k


def _axis_name(e: Projected, k: int, lang: str) -> str:
    if not len(e.explained):
        return say(lang, "axis", k=k + 1)
    return say(lang, "axis_of", k=k + 1, share=f"{100 * e.explained[k]:.1f}")


def _chosen(e: Projected, colour: str | None) -> str:
    known = [
        name
        for name, there in (
            ("truth", bool(e.truth)),
            ("predicted", bool(e.predicted)),
            ("error", bool(e.truth) and bool(e.predicted)),
        )
        if there
    ]
    if colour is None:
        return known[0] if known else ""
    if colour not in known:
        raise ParameterError(
            f"This result cannot be coloured by {colour!r}.",
            fix=f"Choose {' or '.join(known)}." if known else "Pass y, or a model that classifies.",
        )
    return colour


def _classes(ax: Axes, x: NpArray, y: NpArray, named: NpArray, size: float, many: bool) -> None:
    colours = theme.classes()
    found = sorted(set(named.tolist()), key=lambda n: (not n.isdigit(), int(n) if n.isdigit() else 0, n))
    for k, name in enumerate(found):
        rows = named == name
        ax.scatter(
            x[rows],
            y[rows],
            s=size,
            color=colours[k % len(colours)],
            alpha=0.75,
            linewidths=0,
            rasterized=many,
        )
    for name in found[:NAMED]:
        rows = named == name
        ax.text(
            float(np.median(x[rows])),
            float(np.median(y[rows])),
            captions.shortened(name, 20),
            ha="center",
            va="center",
            fontsize=theme.SMALL,
            fontweight="bold",
            zorder=5,
            bbox={"facecolor": theme.LABEL_BACK, "edgecolor": "none", "alpha": 0.75, "pad": 1},
        )
