"""Small results of effects, built by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core.features import Columns
from pellucid.results import Curve, Interactions, Provenance, Quality, Surrogate, TreePaths


def effects(
    *columns: tuple[str, ...],
    targets: tuple[str, ...] = ("dog",),
    method: str = "partial_dependence",
    **more: Any,
) -> Curve:
    """Effects of columns: numbers a, b, c, and d, whose values are words."""
    rng = np.random.default_rng(3)
    axes = {c: np.arange(3.0) if c == "d" else np.linspace(-1, 1, 6) for c in "abcd"}
    grids = [
        np.pad(np.stack(np.meshgrid(*(axes[c] for c in p), indexing="ij"), -1).reshape(-1, len(p)),
               ((0, 0), (0, 2 - len(p))), constant_values=np.nan)
        for p in columns
    ]  # fmt: skip
    grid = np.concatenate(grids)
    values = np.nansum(np.tanh(grid), 1)[:, None] * np.linspace(1, 0.3, len(targets))
    data = np.column_stack([rng.normal(size=(40, 3)), rng.integers(0, 3, 40)])
    given: dict[str, Any] = {
        "count": np.full(len(grid), 40),
        "individual": values + 0.3 * rng.normal(size=(8, 1, 1)),
        "quality": Quality("test", half_width=np.full(values.shape, 0.1)),
        **more,
    }
    return Curve(
        values=values,
        features=Columns(tuple("abcd"), {"a": "mm"}, {"d": ("low", "middle", "very high indeed")}),
        provenance=Provenance(method, "Partial dependence"),
        space="probability",
        grid=grid,
        of=np.repeat(np.arange(len(grids)), [len(g) for g in grids]),
        columns=columns,
        targets=targets,
        kept=np.arange(8),
        data_columns=tuple("abcd"),
        data=data,
        data_kept=data[:8],
        rows=40,
        **given,
    )


def interactions(p: int = 6) -> Interactions:
    """Columns of which the first two interact most."""
    rng = np.random.default_rng(4)
    values = 0.3 * rng.random((p, p)) ** 2
    values = (values + values.T) / 2
    values[0, 1] = values[1, 0] = 0.8
    return Interactions(
        values=values,
        features=Columns.numbered(p),
        quality=Quality("test", half_width=0.1 * values),
        provenance=Provenance("h_statistic", "H-statistic"),
        strength=values / 3,
        measured=np.ones((p, p), bool),
        names=tuple(f"column {i}" for i in range(p)),
        targets=("dog",),
        rows=60,
    )


def surrogate(form: str = "tree", **more: Any) -> Surrogate:
    """A stand-in for a classifier of cats and dogs: two questions, or two rules, or two terms."""
    given: dict[str, Any] = {
        "feature": np.array([0, 1, -1, -1, -1]),
        "threshold": np.array([1.5, 0.5, 0, 0, 0]),
        "left": np.array([1, 2, -1, -1, -1]),
        "right": np.array([4, 3, -1, -1, -1]),
        "output": np.array([[0.5, 0.5], [0.5, 0.5], [0.9, 0.1], [0.3, 0.7], [0.0, 1.0]]),
        "share": np.array([1.0, 0.6, 0.4, 0.2, 0.4]),
        "rule_of": np.array([0, 0, 0, 1, 1]) if form == "rules" else np.zeros(0, int),
    }
    if form == "rules":
        given |= {
            "feature": np.array([0, 1, -1, -1]),
            "threshold": np.array([1.5, 0.5, 0, 0]),
            "left": np.array([1, 3, -1, -1]),
            "right": np.array([3, 2, -1, -1]),
            "output": np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.2, 0.8]]),
            "share": np.array([0.4, 0.4, 0.4, 0.6]),
            "rule_of": np.array([0, 0, 0, 1]),
        }
    if form == "linear":
        given = {"coefficients": np.array([[0.1, -0.1], [-0.4, 0.4]]), "intercept": np.array([0.3, 0.7])}
    return Surrogate(
        values=np.array([0.7, 0.3]),
        features=Columns(("a", "b"), {"a": "cm"}, {"b": ("long", "short")}),
        quality=Quality("test"),
        provenance=Provenance("global_surrogate", "Global surrogate"),
        form=form,
        targets=("cat", "dog"),
        decides=True,
        fidelity=0.93,
        fidelity_half_width=0.02,
        held_out=np.arange(60),
        rows=140,
        term_column=np.array([0, 1]),
        term_code=np.array([np.nan, 1.0]),
        **{**given, **more},
    )


def paths(outputs: int = 1, **more: Any) -> TreePaths:
    """Two rows through a tree: the one over two splits, a missing value among them, the other over one."""
    given: dict[str, Any] = {
        "values": np.array([[0.25], [-0.5]]) * np.ones(outputs),
        "x": np.array([[2.0, 1.0], [1.0, np.nan]]),
        "starts": np.array([0, 1, 3]),
        "node": np.array([0, 0, 1]),
        "column": np.array([0, 0, 1]),
        "threshold": np.array([1.5, 1.5, np.nan]),
        "left": np.array([False, True, True]),
        "missing": np.array([False, False, True]),
        "inside": np.array([False, False, True]),
        "sets": ((), (), ("short",)),
        "share": np.array([1.0, 1.0, 0.6]),
        "other_share": np.array([0.6, 0.4, 0.2]),
        "other_leaves": np.array([2, 1, 1]),
        "leaf": np.array([4, 2]),
        "leaf_share": np.array([0.4, 0.4]),
    }
    return TreePaths(
        features=Columns(("a", "b"), {"a": "cm"}, {"b": ("long", "short")}),
        quality=Quality("test"),
        provenance=Provenance("decision_path", "Decision path"),
        space="log-odds",
        tree=3,
        trees=10,
        targets=("dog",) if outputs == 1 else tuple(map(str, range(outputs))),
        **{**given, **more},
    )


RESULTS = {
    "path": paths,
    "curve": lambda: effects(("a",)),
    "curves": lambda: effects(("a",), ("d",), ("b",), ("c",), targets=("cat", "dog")),
    "effect_map": lambda: effects(("a", "d")),
    "graph": interactions,
    "tree": surrogate,
    "rules": lambda: surrogate("rules"),
    "coefficients": lambda: surrogate("linear"),
}
"""For each drawing, a result it is made for."""
