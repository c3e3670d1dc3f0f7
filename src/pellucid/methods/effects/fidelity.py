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
RESAMPLES, MOST_RESAMPLED = 200, 20_000
"""Resamples, and the rows of one; of more rows the spread is scaled by the root of how many."""
UNSTABLE = 0.5
"""Mean overlap of the columns that two fits use, below which they are a matter of chance."""


def faithful(said: NpArray, y: NpArray, weight: NpArray, decides: bool) -> tuple[float, float]:
    """Fidelity and its 95 % half-width over the rows: the share decided alike, or R² over all outputs.

    Of a share it is the farther end of Wilson's interval, over the rows that the weights are worth: rows that all agree
    are still few rows. Of R² it is that of the resampled rows.
    """
    fidelity = _fidelity(said, y, weight, decides)
    if decides:
        return fidelity, _wilson(fidelity, float(weight.sum() ** 2 / (weight**2).sum()))
    rng = np.random.default_rng(0)
    drawn = min(len(y), MOST_RESAMPLED)
    draws = (rng.integers(0, len(y), drawn) for _ in range(RESAMPLES))
    again = [_fidelity(said[d], y[d], weight[d], decides) for d in draws]
    low, high = np.percentile(again, [2.5, 97.5])
    return fidelity, float(high - low) / 2 * np.sqrt(drawn / len(y))


def _wilson(share: float, rows: float) -> float:
    """How far the farther end of Wilson's 95 % interval lies from a share of so many rows."""
    z2 = 1.96**2
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = np.sqrt(z2 * (share * (1 - share) / rows + z2 / (4 * rows**2))) / (1 + z2 / rows)
    return float(max(share - (middle - half), middle + half - share))


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
