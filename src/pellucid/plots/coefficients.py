"""coefficients: a sparse linear surrogate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.errors import ParameterError
from pellucid.core.features import Columns, Features
from pellucid.results import Surrogate

from . import captions, labels, marks, theme
from .registry import draws
from .tree import told


def _lacks(e: Surrogate) -> str:
    return "" if e.form == "linear" else f"it is of the form {e.form!r}"


def _used(e: Surrogate) -> list[int]:
    found = [int(k) for k in np.flatnonzero(np.abs(e.coefficients).max(1))]
    return sorted(found, key=lambda k: -float(e.values[e.term_column[k]]))


def _name(e: Surrogate, term: int) -> str:
    column = int(e.term_column[term])
    name = captions.shortened(e.features.name((column,)))
    if not np.isnan(e.term_code[term]) and isinstance(e.features, Columns):
        name += f" = {e.features.show(column, float(e.term_code[term]))}"
    return captions.fold(name, theme.LABEL, theme.BODY)


def _size(e: Surrogate, how: Mapping[str, Any]) -> tuple[float, float]:
    lines = 1 + max((_name(e, k).count("\n") for k in _used(e)), default=0)
    return theme.CHART, max(0.8, len(_used(e)) * marks.row_height(lines))


@draws(Surrogate, Features, size=_size, lacks=_lacks)
def coefficients(e: Surrogate, *, ax: Axes, lang: str = "en", target: int | None = None) -> Axes:
    """The columns of a linear surrogate: bars are the share each has in what it says, with the sign of its coefficient.

    The coefficient itself, per unit of the column, is written beside its bar.

    Args:
        e: a surrogate that is a linear model.
        ax: where to draw.
        lang: language of the labels.
        target: the number of the output; None takes the last, which of two classes is the second.
    """
    words = labels.words(lang)
    count = len(e.targets)
    k = count - 1 if target is None else target
    if not -count <= k < count:
        raise ParameterError(f"There is no target {k}.", fix=f"Choose 0..{count - 1}.")
    used = _used(e)
    slope = e.coefficients[used, k]
    share = 100 * e.values[e.term_column[used]] * np.sign(slope)
    marks.rows(ax, [_name(e, term) for term in used])
    none = np.full(len(used), np.nan)
    if used:
        marks.signed_bars(ax, np.zeros(len(used)), share, none, [False] * len(used))
        marks.valued(ax, np.zeros(len(used)), share, none, [captions.signed(float(v)) for v in slope])
    ax.axvline(0, color=theme.PLAIN, lw=0.8)
    target_name = captions.shortened(e.targets[k], captions.TARGET)
    ax.set_xlabel(words.share_of_model.format(target=target_name), loc="left", fontsize=theme.BODY)
    captions.head(ax, captions.method(e, words), told(e, words))
    captions.foot(ax, e, words, words.written_slope.format(value=captions.number(float(e.intercept[k]))))
    return ax
