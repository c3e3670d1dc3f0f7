"""Counterfactual methods: a `Query` of many rows, from any model of a table, to `Counterfactuals`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from pellucid.core.constraints import KINDS, Constraints, Limits
from pellucid.core.errors import CapabilityError, DataError, ParameterError, ShapeError
from pellucid.core.features import Columns, Features, Pixels
from pellucid.core.forest import Forest
from pellucid.core.generator import Generator
from pellucid.core.intake import Data, read
from pellucid.core.model import Forested, Staged, differentiable, pace_of
from pellucid.core.run import Pace, Run, current
from pellucid.core.target import space_of
from pellucid.core.types import NpArray
from pellucid.core.views import Query
from pellucid.methods.base import Method, independent_rows, quality
from pellucid.results import ChangedImages, Counterfactuals

from .goals import Goals
from .gradients import gradients
from .picture import Pictures
from .search import Pool, Search

PROVEN = "proven"
"""The reason of a row for which no single kind of constraint forbids all."""
DRAWS = 16
"""Shifts by noise under which an answer must hold."""
RARE = 5.0
"""A changed row that is lonelier than all but this percentage of real rows is unlike the data."""
PROBES = 60
"""Rows by which the columns that trees compare are found among those of the rows."""
BACKGROUND = 5000
"""Real rows that are looked at, at most."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a method found.

    Attributes:
        pool: the changed rows, by row, the cheapest first.
        search: how they were sought.
        bound: (m,) what no distance can be below, NaN where that is not known.
        inside: (m, columns) rows just before the answer turns round.
        impossible: rows for which it is proven that there is none.
    """

    pool: Pool
    search: Search
    bound: NpArray
    impossible: tuple[int, ...] = ()
    inside: NpArray | None = None

    @classmethod
    def of(cls, search: Search, parts: Sequence[Pool]) -> Answers:
        """Put together what was found for blocks of rows."""
        pool = Pool(np.zeros((0, search.q.X.shape[1])), np.zeros(0, int), np.zeros(0))
        for part in parts:
            pool = pool + part
        return cls(pool, search, np.full(len(pool), np.nan))


@dataclass(frozen=True, eq=False)
class Asked:
    """The caller's model and rows as read, and what is wanted of them."""

    data: Data
    run: Run
    background: NpArray
    spec: Any
    classes: tuple[str, ...]
    margin: float
    noise: float = 0.0
    retrained: tuple[Data, ...] = ()

    @cached_property
    def pace(self) -> Pace:
        """Rows per call, by the memory that a row takes."""
        return pace_of(self.data.model, self.data.inputs, self.data.x[0].nbytes, self.run)

    @cached_property
    def outputs(self) -> Callable[[NpArray], NpArray]:
        """Rows of numbers -> outputs as NumPy, in batches."""
        return self._answers(self.data.model)

    @cached_property
    def others(self) -> tuple[Callable[[NpArray], NpArray], ...]:
        """The same of the retrained models."""
        return tuple(self._answers(data.model) for data in self.retrained)

    def _answers(self, model: Any) -> Callable[[NpArray], NpArray]:
        pace, run, kind = self.pace, self.run, self.data.x.dtype

        def ask(rows: NpArray) -> NpArray:
            parts = list[NpArray]()
            pace.over(
                len(rows),
                lambda r: parts.append(model.numpy(model.predict(model.native(rows[r].astype(kind))))),
            )
            run.meter.count(len(rows), grad=False)
            y = parts[0] if len(parts) == 1 else np.concatenate(parts)
            return np.nan_to_num(y, nan=-np.inf)

        return ask

    @cached_property
    def y(self) -> NpArray:
        """The outputs of the rows as they are."""
        y = self.outputs(self.data.x)
        if not np.isfinite(y).all():
            row = int((~np.isfinite(y).reshape(len(y), -1).all(1)).argmax())
            raise DataError(
                f"The output of the model holds NaN or infinity for row {row}.", fix="Check this row."
            )
        return y

    @cached_property
    def goals(self) -> Goals:
        """What is wanted of each row."""
        facts = self.data.model.facts
        if facts.classifier is False and self.y.ndim == 2 and self.y.shape[1] > 1:
            raise CapabilityError(
                f"The model gives {self.y.shape[1]} numbers, none of them a predicted class.",
                fix="Pass a function that gives one of them.",
            )
        return Goals.of(self.spec, self.y, self.classes, space_of(self.y, facts.space), self.margin)

    def query(self, constraints: Constraints, columns: Columns) -> Query:
        """The view."""
        goals, X = self.goals, np.asarray(self.data.x, float)
        kinds, goal = goals.kinds
        y = self.outputs(self.background)
        real = np.stack(
            [goals.lead(y, *np.broadcast_arrays(*kind, np.zeros(len(y), int))[:2]) >= 0 for kind in kinds]
        )
        limits = constraints.bind(columns, X, self.background)

        also = self._also(limits)

        def f(rows: NpArray, own: NpArray) -> NpArray:
            lead = goals.lead(self.outputs(rows), *kinds[goal[own]].T)
            for answers, shift in also:
                fine = np.flatnonzero(lead >= 0)  # where it fails already, nothing makes it hold
                if len(fine):
                    other = goals.lead(answers(rows[fine] + shift), *kinds[goal[own[fine]]].T)
                    lead[fine] = np.minimum(lead[fine], other)
            return lead

        def slope(rows: NpArray, own: NpArray) -> NpArray:
            return gradients(self, rows, lambda y, part: goals.cotangent(y, *kinds[goal[own[part]]].T))

        def conditions(row: int, logs: bool) -> list[list[tuple[NpArray, float]]]:
            index, present = (int(k) for k in kinds[goal[row]])
            return goals.conditions(index, present, self.y.reshape(len(self.y), -1).shape[1], logs)

        lead = goals.lead(self.y, *kinds[goal].T)
        stuck = np.array([bool(limits.contradiction(i)) for i in range(len(X))])
        return Query(
            run=self.run, f=f, X=X, columns=columns, background=self.background, real=real, goal=goal.ravel(),
            limits=limits, open=(lead < 0) & ~stuck, forest=self._forest(X), asked=np.zeros(len(X), int),
            slope=slope if differentiable(self.data.model) and not also else None, outputs=self.outputs,
            conditions=conditions, is_probability=goals.is_probability,
        )  # fmt: skip

    def _also(self, limits: Limits) -> list[tuple[Callable[[NpArray], NpArray], NpArray]]:
        """Under what else the answer must hold: retrained models, and shifts of all numbers by noise."""
        numbers = ~limits.word & ~limits.whole
        spread = np.where(numbers, np.nanstd(self.background, axis=0), 0.0) * self.noise
        draws = self.run.generator(2).normal(size=(DRAWS if self.noise else 0, len(spread))) * spread
        still = np.zeros((1, len(spread)))
        own = [(self.outputs, shift) for shift in draws]
        return own + [(m, shift) for m in self.others for shift in np.concatenate([still, draws])]

    def _forest(self, X: NpArray) -> Forest | None:
        """The model's trees over the columns of the rows, where they compare the very numbers that stand there."""
        model: Any = self.data.model
        if not isinstance(model, Forested | Staged):
            return None
        rng = self.run.generator(4)
        real = np.concatenate([X, self.background])
        mixed = np.take_along_axis(real, rng.integers(0, len(real), (PROBES, real.shape[1])), 0)
        rows = np.concatenate([X[:PROBES], mixed]).astype(self.data.x.dtype)
        try:
            native = self.data.model.native(rows)
            if isinstance(model, Forested):
                forest, seen = model.forest(), model.tree_inputs(native)
            else:
                forest, seen = model.last_forest(), model.last_inputs(native)
        except CapabilityError:
            return None
        place = np.full(forest.columns, -1)
        for c in np.flatnonzero(forest.used):
            same = np.asarray(np.isclose(seen[:, [c]], rows, rtol=1e-6, atol=0, equal_nan=True).all(0))
            if not same.any():
                return None
            place[c] = c if c < len(same) and same[c] else same.argmax()
        inner = forest.feature >= 0
        feature = np.where(inner, place[forest.feature], -1).astype(forest.feature.dtype)
        return replace(forest, feature=feature, columns=X.shape[1])


class QueryMethod(Method, abstract=True):
    """Changes rows of a table until a model answers as wanted: needs only predictions."""

    family: ClassVar[str] = "counterfactuals"
    data: ClassVar[tuple[str, ...]] = ("table",)

    def seek(self, q: Query) -> Answers:
        """The formula: changed rows for the open rows of a query."""
        raise NotImplementedError

    def of_images(self, asked: Asked, space: Any, constraints: Constraints) -> ChangedImages:
        """The same for images, where a method has them among its data."""
        raise NotImplementedError

    def __call__(
        self,
        model: Any,
        x: Any,
        *,
        target: Any = None,
        background: Any = None,
        constraints: Constraints | None = None,
        retrained: Sequence[Any] = (),
        features: Features | None = None,
        classes: Sequence[str] = (),
        output: str | int | None = None,
        space: Any = None,
    ) -> Any:
        """Change rows of `x`: `Counterfactuals`, or `ChangedImages` of images.

        Args:
            model: anything that predicts.
            x: rows, (n, columns), an array or a frame; for some methods images.
            target: the wanted class by number or name, one for all rows or one per row; None is any class but the
                present one. For a model that gives one number, the wanted range (low, high), None where it is open.
            background: real rows, which say what is usual, and of which those with the wanted answer are where the
                search begins; None takes `x`. For images, those whose regions take the place of the image's.
            constraints: what a changed row may look like.
            retrained: further models, which must give the wanted answer too.
            features: names, units, categories.
            classes: names of the outputs.
            output: which of several outputs, by key or position.
            space: for images, what is changed: `Segments` (regions of like colour where None is given), or a
                `Generator` and its codes.

        Raises:
            ShapeError, DataError, TargetError, ParameterError: see their texts.
        """
        run = current().fresh()
        try:
            data = read(model, x, features=features, background=background, output=output)
            with data.model.at_rest():
                names = tuple(map(str, classes)) or data.model.facts.classes
                further = tuple(
                    read(m, x, features=features, background=background, output=output) for m in retrained
                )
                margin, noise = (float(getattr(self, k, 0.0)) for k in ("margin", "noise"))
                asked = Asked(data, run, data.x[:0], target, names, margin, noise, further)
                e = self._answer(asked, background, space, constraints or Constraints())
        except Exception as error:
            self._noted(error, model, x, target=target)
            raise
        return self._finished(e, run)

    def _answer(self, asked: Asked, background: Any, space: Any, constraints: Constraints) -> Any:
        """The result, of a table or of images."""
        data = asked.data
        if "image" in self.data and (isinstance(data.features, Pixels) or isinstance(space, Generator)):
            real = data.x[:0] if background is None else data.like(background)
            return self.of_images(replace(asked, background=real), space, constraints)
        if space is not None:
            raise ParameterError("A space to change in is for images.", got=type(space).__name__)
        if data.x.ndim != 2 or not isinstance(data.features, Columns):
            raise ShapeError(f"{self.title} is for tables, (rows, columns).", got=f"shape {data.x.shape}")
        real = np.asarray(data.x if background is None else data.like(background), float)
        if len(real) < 2:
            raise DataError("One row does not say what is usual.", fix="Pass background=, some real rows.")
        if len(real) > BACKGROUND:
            real = real[asked.run.generator().permutation(len(real))[:BACKGROUND]]
        return self._result(replace(asked, background=real), constraints)

    def _result(self, asked: Asked, constraints: Constraints) -> Counterfactuals:
        columns: Columns = asked.data.features  # type: ignore[assignment]  # __call__ saw to it
        q = asked.query(constraints, columns)
        found = self.seek(q)
        pool, s, facts = found.pool, found.search, asked.data.model.facts
        kept = q.limits.hold(pool.Z, pool.own)
        pool, bound = pool[kept], found.bound[kept]
        inside = np.full(pool.Z.shape, np.nan) if found.inside is None else found.inside[kept]
        status, reason = self._statuses(asked, constraints, q, found)
        y = asked.outputs(pool.Z) if len(pool) else asked.y[:0]
        label, after = asked.goals.told(y)
        said, before = asked.goals.told(asked.y)
        x = q.X[pool.own]
        plausibility = _percentiles(s, pool)
        self._checks(q, status, pool, plausibility)
        independent_rows(q.notes, facts.mixes_rows)
        name = s.distance.name or getattr(s.distance.own, "__name__", "own")
        return Counterfactuals(
            values=pool.Z, of=pool.own, x=q.X, status=status, reason=reason, said=said, before=before,
            wanted=asked.goals.wanted(), label=label, after=after, distance=s.distance(x, pool.Z), metric=name,
            bound=bound, inside=inside, plausibility=plausibility, evaluations=q.asked.copy(), noise=q.limits.noise,
            weight=s.distance.unit, **Pictures.of(q, pool, s.distance).arrays(),
            index=asked.data.index, features=columns,
            quality=quality(q.notes, asked.run, f"the nearest rows with the wanted answer, {name}", None),
            provenance=self._provenance(facts.name, asked.run, (*facts.notes, *q.notes.said)),
            space=space_of(asked.y, facts.space),
        )  # fmt: skip

    def _statuses(
        self, asked: Asked, constraints: Constraints, q: Query, answers: Answers
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What became of each row, and why where nothing did."""
        status, reason = ["not_found"] * len(q.X), [""] * len(q.X)
        found = set(answers.pool.own.tolist())
        for row in range(len(q.X)):
            stuck = q.limits.contradiction(row)
            if row in found:
                status[row] = "found"
            elif not q.open[row]:
                status[row], reason[row] = ("infeasible", stuck) if stuck else ("already", "")
            elif row in answers.impossible:
                status[row], reason[row] = "infeasible", PROVEN
        for kind in KINDS:
            waiting = np.flatnonzero(
                [s == "not_found" or r == PROVEN for s, r in zip(status, reason, strict=True)]
            )
            if not len(waiting) or constraints.without(kind) == constraints:
                continue
            looser = asked.query(constraints.without(kind), q.columns)
            looser.open[:] = np.isin(np.arange(len(q.X)), waiting) & looser.open
            for row in set(self.seek(looser).pool.own.tolist()):
                status[row], reason[row] = "infeasible", kind
        return tuple(status), tuple(reason)

    def _checks(self, q: Query, status: tuple[str, ...], pool: Pool, plausibility: NpArray) -> None:
        missing = np.array([s == "not_found" for s in status], float)
        q.notes.check(
            "found", missing, warn=0, fail=1,
            meaning=f"For {int(missing.sum())} rows nothing was found." if missing.any() else "Something was found.",
            advice="Raise budget, or pass more background rows with the wanted answer." if missing.any() else "",
        )  # fmt: skip
        rare = np.zeros(len(q.X))
        np.maximum.at(rare, pool.own, 100.0 - plausibility)
        q.notes.check(
            "unlike_data", rare, warn=100 - RARE, fail=np.inf,
            meaning="Some changed rows are unlike the real rows with the wanted answer.",
            advice="Pass plausibility=0.5 or so.",
        )  # fmt: skip


def _percentiles(s: Search, pool: Pool) -> NpArray:
    """(m,) the percentage of real rows with the wanted answer that are lonelier among themselves."""
    out = np.full(len(pool), 0.0)
    for goal, real in enumerate(s.real):
        here = s.q.goal[pool.own] == goal
        if len(real) > 1 and here.any():
            some = real[np.linspace(0, len(real) - 1, min(len(real), 1000)).astype(int)]
            usual = np.sort(s.distance.loneliness(some, some, itself=True))
            lonely = s.distance.loneliness(pool.Z[here], some)
            out[here] = 100 * (1 - np.searchsorted(usual, lonely, side="left") / len(usual))
    return out
