"""Where a method writes down how good its answer is, while it computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .types import NpArray


@dataclass
class Notes:
    """A method's own account of its answer; the base turns it into `Quality`.

    Attributes:
        half_width: 95 % half-widths, shaped like the answer.
        error_kind: "exact", "sampling", "discretisation", "fit" or "unknown".
        exact: whether the answer is the estimand, to rounding.
        checks: (name, value, limit for a warning, limit for a failure, meaning, advice, rows) as `check` takes them.
        said: sentences for the provenance.
        memory: what a view learned and keeps (its batch size).
        stopped: whether the caller cancelled while the answer was being improved.
    """

    half_width: Any = None
    error_kind: str = "unknown"
    exact: bool = False
    checks: list[Finding] = field(default_factory=list["Finding"])
    said: list[str] = field(default_factory=list[str])
    memory: dict[str, Any] = field(default_factory=dict[str, Any])
    stopped: bool = False

    def certify(self, *, half_width: Any = None, kind: str, exact: bool = False) -> None:
        """State the error of the answer: its 95 % half-widths and what they come from."""
        self.half_width, self.error_kind, self.exact = half_width, kind, exact

    def check(
        self, name: str, values: Any, *, warn: float, fail: float, meaning: str, advice: str = ""
    ) -> None:
        """Hold a measured value, or one per row, against its limits; larger is worse."""
        per_row = np.atleast_1d(np.asarray(values, float))
        worst = float(per_row.max(initial=-np.inf))  # NaN where one is
        if worst <= warn:
            self.checks.append(Finding(name, worst, warn, "ok", meaning, advice))
            return
        bad = ~(per_row <= warn)
        status = "warn" if (per_row <= fail).all() else "fail"
        rows = tuple(np.flatnonzero(bad).tolist()) if np.ndim(values) else ()
        limit = fail if status == "fail" else warn
        self.checks.append(Finding(name, worst, limit, status, meaning, advice, rows))


@dataclass(frozen=True)
class Finding:
    """One check as a method found it; the fields of `pellucid.results.Check`."""

    name: str
    value: float
    limit: float
    status: str
    meaning: str
    advice: str = ""
    rows: tuple[int, ...] = ()

    @property
    def severity(self) -> tuple[int, float]:
        """How bad it is: the greater of two is the worse."""
        return ("ok", "warn", "fail").index(self.status), self.value


def merged(notes: list[Notes], places: Sequence[Sequence[int] | NpArray] | None = None) -> Notes:
    """One account of many rows: the worst of each check, with the rows where it fails.

    Args:
        notes: one account for each group of rows.
        places: the rows of each group, by their place in the whole; None where each is one row.
    """
    out = Notes(error_kind=notes[0].error_kind, exact=all(n.exact for n in notes))
    kinds = {n.error_kind for n in notes if not n.exact}
    out.error_kind = kinds.pop() if kinds else notes[0].error_kind
    out.said = list(dict.fromkeys(sentence for n in notes for sentence in n.said))
    found: dict[str, list[tuple[list[int], Finding]]] = {}
    for group, n in enumerate(notes):
        own = [group] if places is None else [int(place) for place in places[group]]
        for f in n.checks:
            failing = [own[r] for r in f.rows] if f.rows else own if f.status != "ok" else []
            found.setdefault(f.name, []).append((failing, f))
    for entries in found.values():
        _, worst = max(entries, key=lambda e: e[1].severity)
        out.checks.append(replace(worst, rows=tuple(sorted(r for rows, _ in entries for r in rows))))
    return out
