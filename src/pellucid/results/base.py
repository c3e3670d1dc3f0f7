"""Explanation: what every result can do; Quality: how far it can be trusted; Provenance: where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from pellucid.core.features import Features
from pellucid.core.types import NpArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Status = Literal["ok", "warn", "fail"]
ErrorKind = Literal["exact", "sampling", "discretisation", "fit", "unknown"]
Verdict = Literal["ok", "caution", "unreliable"]
VERDICTS: Mapping[Status, Verdict] = {"ok": "ok", "warn": "caution", "fail": "unreliable"}


@dataclass(frozen=True)
class Check:
    """One diagnostic: `value` against `limit`.

    Attributes:
        name: a key, "completeness".
        value: what was measured (the worst row's, where there is one per row).
        limit: where it begins to matter.
        status: "ok", "warn" or "fail".
        meaning: what the number says, in one sentence.
        advice: what to turn when it fails.
        rows: which rows fail, where the check is per row.
    """

    name: str
    value: float
    limit: float
    status: Status
    meaning: str
    advice: str = ""
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Quality:
    """How far the answer can be trusted; on every result.

    Attributes:
        estimand: what the numbers estimate, in words.
        exact: whether they are it, to rounding.
        half_width: 95 % half-widths shaped like the values, or None.
        error_kind: what the error comes from.
        checks: the diagnostics the method's mathematics gives.
        evals, grads: model passes spent, in rows.
        seconds: wall-clock time.
    """

    estimand: str
    exact: bool = False
    half_width: NpArray | None = None
    error_kind: ErrorKind = "unknown"
    checks: tuple[Check, ...] = ()
    evals: int = 0
    grads: int = 0
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """The worst check's status: "ok", "caution" or "unreliable"."""
        found = {c.status for c in self.checks}
        return VERDICTS["fail" if "fail" in found else "warn" if "warn" in found else "ok"]

    @property
    def caveats(self) -> tuple[Check, ...]:
        """The checks that did not pass, worst first."""
        return tuple(sorted((c for c in self.checks if c.status != "ok"), key=lambda c: c.status))

    def of_rows(self, kept: NpArray) -> Quality:
        """The quality of some of the rows: a check that only other rows fail is passed."""
        numbers = {int(old): new for new, old in enumerate(kept)}

        def moved(c: Check) -> Check:
            rows = tuple(numbers[r] for r in c.rows if r in numbers)
            return replace(c, rows=rows, status=c.status if rows or not c.rows else "ok")

        half = None if self.half_width is None else self.half_width[kept]
        return replace(self, half_width=half, checks=tuple(moved(c) for c in self.checks))

    def check(self, name: str) -> Check:
        """The check called `name`; KeyError lists those there are."""
        for c in self.checks:
            if c.name == name:
                return c
        raise KeyError(f"{name!r} is not among the checks {[c.name for c in self.checks]}")


@dataclass(frozen=True)
class Provenance:
    """Where a result came from.

    Attributes:
        method: the method's registered name, "integrated_gradients".
        title: its name as people write it, "Integrated gradients".
        params: its knobs, as JSON holds them.
        model: what was explained, "Net (torch)".
        seed: the seed of everything random.
        version: pellucid's version.
        notes: what a reader must know besides: modes, choices made for the caller.
    """

    method: str
    title: str
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    model: str = ""
    seed: int = 0
    version: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Explanation:
    """The base of all results: frozen, NumPy inside, nothing of the model.

    Attributes:
        values: the numbers of the explanation.
        features: what the input is made of.
        quality: how far the answer can be trusted.
        provenance: where it came from.
        space: what the explained number counts in: "probability", "logit", "log-odds", "raw", "score".
    """

    KINDS: ClassVar[dict[str, type[Explanation]]] = {}

    values: NpArray
    features: Features
    quality: Quality
    provenance: Provenance
    space: str = "raw"

    def __init_subclass__(cls) -> None:
        Explanation.KINDS[cls.__name__] = cls

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NpArray:
        """`numpy.asarray(e)` gives the values."""
        return np.array(self.values, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        """In one line: what it is, of which shape, and how far it can be trusted."""
        shape = "x".join(map(str, self.shape))
        return f"<{type(self).__name__} {self.provenance.title}, {shape}: {self.quality.verdict}>"

    def __str__(self) -> str:
        """`print(e)` tells it."""
        return self.narrate()

    def _repr_html_(self) -> str:
        """In a notebook the result shows itself: the sentence, and the picture or the highlighted words."""
        from pellucid import plots  # the same upward call as in `plot`

        return plots.shown(self)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape)

    def __len__(self) -> int:
        return len(self.values)

    def plot(self, kind: str | None = None, *, ax: Axes | None = None, lang: str = "en", **how: Any) -> Axes:
        """Draw the result; `kind` names one of its drawings, the first that fits without.

        Raises:
            ParameterError: no drawing of that name fits this result.
        """
        from pellucid import plots  # one of the three upward calls

        return plots.draw(self, kind, ax=ax, lang=lang, **how)

    def narrate(self, lang: str = "en", row: int | None = None) -> str:
        """Tell the result in a sentence, in English ("en") or Chinese ("zh"); one row, or the first."""
        from pellucid import narratives  # one of the three upward calls

        return narratives.tell(self, lang, row=row)

    def save(self, path: str | Path, *, lang: str = "en") -> Path:
        """Write arrays and a JSON header to one `.npz` file; `pellucid.load` reads it again.

        A path that ends in `.html` gets a page that tells and shows the result in `lang`, with nothing to fetch.

        Raises:
            FileError: the place cannot be written.
        """
        if Path(path).suffix == ".html":
            from pellucid import plots  # the same upward call as in `plot`

            return plots.write(self, Path(path), lang)
        from .files import save

        return save(self, Path(path))

    def to_frame(self) -> Any:
        """The values as a pandas frame (or polars, where the data came as one)."""
        raise NotImplementedError
