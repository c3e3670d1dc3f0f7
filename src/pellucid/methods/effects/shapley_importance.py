"""Shapley values of many rows, added up: what a model relies on, and in which direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from inspect import signature
from typing import Any, ClassVar

import numpy as np

from pellucid.core.errors import ParameterError, ShapeError
from pellucid.core.features import Columns
from pellucid.core.frames import kind_of
from pellucid.core.run import current
from pellucid.core.types import NpArray
from pellucid.methods.base import Method
from pellucid.methods.params import param
from pellucid.methods.perturbation import KernelShap
from pellucid.results import Attribution, Importance
from pellucid.results.importance import interval

from .family import AttributedMethod

SPARED = ("row_independence", "background_size")
"""Checks of single rows that hold for the whole table too."""


class ShapleyImportance(AttributedMethod):
    r"""The mean size of a column's Shapley value over the rows, and the direction in which it pushes.

    .. math:: I_j = \frac{1}{n} \sum_{i=1}^{n} \lvert \phi_j(x_i) \rvert, \qquad
              d_j = \operatorname{corr}\bigl(x_{ij}, \phi_j(x_i)\bigr)

    In units of the output, whatever the true values are: it tells what moves the prediction, not what makes it right.
    The direction is the correlation of the column's value with its Shapley value, from -1 to 1, near 0 where the
    column pushes both ways; it is not known for categories and groups. The half-width is that of a mean over rows drawn
    at random; errors of the single values raise the mean a little, since their sizes are added.

    Shapes: ``X: (n, columns)``, ``values: (players,)``, ``repeats: (players, rows)``.
    Cost: the inner method's for each row.
    Raises: `ParameterError` for an inner method that gives no attributions.

    >>> ShapleyImportance(rows=10)(forest, X, target=1).direction.shape
    (30,)
    """

    paper = (
        "Lundberg et al. (2020). From Local Explanations to Global Understanding with Explainable AI for Trees. "
        "Nature Machine Intelligence 2. arXiv:1905.04610"
    )
    title: ClassVar[str] = "Shapley importance"

    of: Method | None = param(default=None, doc="what gives the Shapley values of rows; None is Kernel SHAP")
    rows: int = param(default=100, doc="rows, drawn at random, that are explained", min=2)

    def gather(self, model: Any, X: Any, call: Mapping[str, Any]) -> Importance:
        run, count = current(), _count(X)
        rng = run.generator(0)
        drawn = (
            np.arange(count) if self.rows >= count else np.sort(rng.choice(count, self.rows, replace=False))
        )
        around = np.sort(rng.choice(count, min(count, 100), replace=False))
        given = {k: v for k, v in call.items() if v is not None and not (k == "classes" and not len(v))}
        inner = KernelShap() if self.of is None else self.of
        takes = signature(inner).parameters if isinstance(inner, Method) and callable(inner) else ()
        if "x" not in takes or (call["background"] is not None and "background" not in takes):
            raise ParameterError("of= must be a method that explains rows.", got=repr(inner))
        given = {"background": _taken(X, around), **given} if "background" in takes else given
        e = inner(model, _taken(X, drawn), **given)  # type: ignore[operator]  # tested above
        if not isinstance(e, Attribution) or not isinstance(e.features, Columns):
            raise ParameterError(f"{inner.title} gives no values for columns.", got=repr(inner))
        names, phi = _players(e)
        sizes = np.abs(phi).T
        half = interval(sizes)
        kept = tuple(c for c in e.quality.checks if c.name in SPARED)
        estimand = f"{self.title}: mean |{inner.title} value| over {len(phi)} rows"
        return Importance(
            values=sizes.mean(1),
            repeats=np.ascontiguousarray(sizes),
            names=names,
            features=e.features,
            space=e.space,
            score="mean |Shapley value|",
            rows=len(phi),
            direction=_direction(e, names, phi),
            quality=replace(
                e.quality, estimand=estimand, exact=False, half_width=half, error_kind="sampling", checks=kept
            ),
            provenance=self._provenance(e.provenance.model, run, e.provenance.notes),
        )


def _count(X: Any) -> int:
    if isinstance(X, tuple | Mapping) and kind_of(X) is None:  # several inputs, each with its rows
        return _count(next(iter(X.values() if isinstance(X, Mapping) else X)))
    if not hasattr(X, "__len__") or len(X) < 2:
        raise ShapeError("Importance over a table needs two rows.", fix="Pass more rows.")
    return len(X)


def _taken(X: Any, rows: NpArray) -> Any:
    """Some rows of an array, a frame, a list or a tensor, or of several of these."""
    if kind_of(X) == "pandas":
        return X.iloc[rows]
    if isinstance(X, Mapping):
        return {name: _taken(part, rows) for name, part in X.items()}
    if isinstance(X, tuple):
        return tuple(_taken(part, rows) for part in X)
    return [X[i] for i in rows] if isinstance(X, list) else X[rows]


def _players(e: Attribution) -> tuple[tuple[str, ...], NpArray]:
    """Names and (rows, players) of values: of columns, or of the groups they were hidden in."""
    columns = e.features
    if isinstance(columns, Columns) and columns.groups and e.player_values is not None:
        return columns.players()[0], np.asarray(e.player_values, float)
    return columns.names if isinstance(columns, Columns) else (), np.asarray(e.values, float)


def _direction(e: Attribution, names: tuple[str, ...], phi: NpArray) -> NpArray:
    """(players,) correlation of value and Shapley value, NaN for categories, groups, and what does not vary."""
    out = np.full(len(names), np.nan)
    columns = e.features
    if not isinstance(columns, Columns):
        return out
    for k, name in enumerate(names):
        if name not in columns.names or name in columns.categories or name in columns.groups:
            continue
        x, y = np.asarray(e.x, float)[:, columns.position(name)], phi[:, k]
        known = np.isfinite(x) & np.isfinite(y)
        if known.sum() > 2 and np.ptp(x[known]) > 0 and np.ptp(y[known]) > 0:
            out[k] = np.corrcoef(x[known], y[known])[0, 1]
    return out
