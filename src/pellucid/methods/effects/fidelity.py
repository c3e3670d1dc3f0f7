"""How faithfully a simple model imitates, and whether other rows would have given another."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Table

from .imitate import Sample

DOUBTFUL, BAD = 0.9, 0.6
"""Below the first, what a simple model says is not always the model; below the second, hardly."""
FEW = 20
"""Held-out rows that a fidelity should stand on."""
REFITS = 5
RESAMPLES = 200
UNSTABLE = 0.5
"""Mean overlap of the columns that two fits use, below which they are a matter of chance."""


def faithful(said: NpArray, y: NpArray, weight: NpArray, decides: bool) -> tuple[float, float]:
    """Fidelity and its 95 % half-width over the rows: the share decided alike, or R² over all outputs."""
    fidelity = _fidelity(said, y, weight, decides)
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(y), (RESAMPLES, len(y))) if len(y) <= 20_000 else np.zeros((0, 0), int)
    again = [_fidelity(said[d], y[d], weight[d], decides) for d in draws]
    if not again:
        return fidelity, 1.96 * float(np.sqrt(max(fidelity * (1 - fidelity), 0) / len(y)))
    low, high = np.percentile(again, [2.5, 97.5])
    return fidelity, float(high - low) / 2


def _fidelity(said: NpArray, y: NpArray, weight: NpArray, decides: bool) -> float:
    if decides:
        return float(np.average(said.argmax(1) == y.argmax(1), weights=weight))
    spread = float((weight[:, None] * (y - np.average(y, axis=0, weights=weight)) ** 2).sum())
    missed = float((weight[:, None] * (y - said) ** 2).sum())
    if spread == 0:
        return 1.0 if missed == 0 else 0.0
    return 1 - missed / spread


def check_fidelity(t: Table, fidelity: float, rows: int, decides: bool) -> None:
    """Note where the simple model is not the model, and where that stands on few rows."""
    what = f"agrees with the model on {100 * fidelity:.0f} % of" if decides else f"has R² {fidelity:.2f} on"
    t.notes.check(
        "fidelity",
        1 - fidelity,
        warn=1 - DOUBTFUL,
        fail=1 - BAD,
        meaning=f"The simple model {what} the {rows} rows it was not fitted to.",
        advice="Give it more leaves or another form, or do not read it as the model.",
    )
    t.notes.check(
        "few_held_out",
        float(FEW - rows),
        warn=0,
        fail=np.inf,
        meaning=f"Its fidelity stands on {rows} rows.",
        advice="Pass more rows." if rows < FEW else "",
    )


def check_stable(t: Table, s: Sample, fit: Callable[[Sample], Mapping[str, NpArray]]) -> None:
    """Note where fits to resampled rows use other columns."""
    used = list[NpArray]()
    for k in range(REFITS):
        rows = t.rng(1, k).integers(0, len(s.Z), len(s.Z))
        used.append(fit(s.some(rows))["weights"] > 0)
    pairs = [(a, b) for i, a in enumerate(used) for b in used[:i]]
    overlap = float(
        np.mean([(a & b).sum() / max(int((a | b).sum()), 1) if (a | b).any() else 1.0 for a, b in pairs])
    )
    t.notes.check(
        "refits",
        1 - overlap,
        warn=1 - UNSTABLE,
        fail=np.inf,
        meaning=f"Fitted to other rows it shares {100 * overlap:.0f} % of the columns it looks at.",
        advice="Read its predictions and not its choice of columns, or make it smaller.",
    )
