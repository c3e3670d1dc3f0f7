"""Effects: what the model does over a whole table, from a `Table`, to an `Importance` or a `Curve`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from pellucid.core.errors import DataError, ParameterError, ShapeError
from pellucid.core.features import Columns, Features
from pellucid.core.intake import Data, read
from pellucid.core.run import current
from pellucid.core.target import space_of
from pellucid.core.types import NpArray
from pellucid.core.views import Table
from pellucid.methods.base import E, Method, independent_rows, quality, resting
from pellucid.results import Curve, Importance, Interactions, Surrogate

from .imitation import imitated
from .places import Place, grids_given, places
from .scores import Scorer, scored
from .subject import FIRST_ROWS, Effect, Imitation, Joint, Subject


class TableMethod(Method, abstract=True):
    """Measures what a model does over a whole table: needs only predictions."""

    family: ClassVar[str] = "effects"
    data: ClassVar[tuple[str, ...]] = ("table",)

    def _answered(self, model: Any, X: Any, said: Mapping[str, Any], work: Callable[[Subject], E]) -> E:
        """Read what the caller gave, work on it, and note on any error what was being done."""
        run = current().fresh()
        try:
            data = read(model, X, features=said["features"], output=said["output"])
            columns = self._columns(data)
            classes = tuple(map(str, said["classes"])) or data.model.facts.classes
            with resting(data.model, *said.values()):
                return work(Subject(data, run, columns, classes))
        except Exception as error:
            self._noted(error, model, X, target=said["target"])
            raise

    def _columns(self, data: Data) -> Columns:
        if data.x.ndim != 2 or not isinstance(data.features, Columns):
            raise ShapeError(f"{self.title} is for tables, (rows, columns).", got=f"shape {data.x.shape}")
        return data.features

    def facts(self, s: Subject, t: Table, estimand: str, space: str) -> dict[str, Any]:
        """What every result has besides its values."""
        facts = s.data.model.facts
        if not any(c.name == "row_independence" for c in t.notes.checks):
            independent_rows(t.notes, facts.mixes_rows)
        return {
            "features": s.columns,
            "quality": quality(t.notes, s.run, estimand, t.notes.half_width),
            "provenance": self._provenance(facts.name, s.run, (*facts.notes, *t.notes.said)),
            "space": space,
        }


class ImportanceMethod(TableMethod, abstract=True):
    """Measures how much a model relies on each column or group of columns."""

    measures: ClassVar[str] = ""  # what is measured where true values play no part

    def measure(self, t: Table) -> NpArray:
        """The formula: (players, repeats, scores)."""
        raise NotImplementedError

    def __call__(
        self,
        model: Any,
        X: Any,
        y: Any = None,
        *,
        score: str | Scorer | Sequence[str | Scorer] | None = None,
        target: Any = None,
        features: Features | None = None,
        classes: Sequence[str] = (),
        output: str | int | None = None,
    ) -> Importance:
        """Measure on rows of `X`.

        Args:
            model: anything that predicts.
            X: rows, (n, columns), an array or a frame; held-out rows, or what the model memorised is measured.
            y: (n,) true values or classes; None measures how far the prediction itself moves.
            score: "accuracy", "r2", "neg_mse", "neg_log_loss", any other name that scikit-learn's scorers have, or a
                function (y, outputs) -> number, higher better; several of them in a list; None takes accuracy for
                classes and R² for numbers.
            target: without y: which output moves; None is each row's predicted class, or the only output.
            features: names, units, and groups of columns that are shuffled together.
            classes: names of the outputs, where y holds names.
            output: which of several outputs, by key or position.

        Raises:
            ShapeError: X and y differ in rows, or X is no table.
            ParameterError: an unknown score.
        """
        said = {"features": features, "classes": classes, "output": output, "target": target, "score": score}
        e = self._answered(model, X, said, lambda s: self._measured(s, y, score, target))
        return self._finished(e, current())

    def _measured(self, s: Subject, y: Any, score: Any, target: Any) -> Importance:
        if y is None and score is not None:
            raise ParameterError("A score compares with true values.", fix="Pass y.")
        if y is not None and target is not None:
            raise ParameterError("With y the score says what is measured.", fix="Leave target or y out.")
        first = s.first()
        how = None if y is None else scored(score, y, first, s.classes)
        players, label = s.columns.players()
        more: dict[str, Any] = {"players": players, "label": label, "scored": how is not None}
        if how:
            more |= {"chance": how.chance, "intact": how.taken(first)}
            more["score"] = lambda X: how.taken(s.outputs(X))
            more["in_blocks"] = lambda blocks: how.taken(s.answered(blocks))
        t = s.table([s.aim(target, first)], **more)
        found = self.measure(t)
        space = space_of(first, s.data.model.facts.space)
        moved = f"squared change of the {'output' if space == 'raw' else space}"
        what = how.names[0] if how else self.measures or moved
        estimand = f"{self.title}: drop of {what}" if how else f"{self.title}: {what}"
        return Importance(
            values=found[..., 0].mean(1),
            repeats=np.ascontiguousarray(found[..., 0]),
            names=players,
            score=what,
            intact=float(t.intact[0]),
            rows=len(s.data.x),
            scores=how.names if how else (),
            by_score=np.ascontiguousarray(np.moveaxis(found, 2, 0))
            if how
            else np.zeros((0, *found.shape[:2])),
            intacts=tuple(map(float, t.intact)) if how else (),
            **self.facts(s, t, estimand, "score" if how else space),
        )


class EffectMethod(TableMethod, abstract=True):
    """Traces what a model does as a column, or two together, change."""

    says: ClassVar[str] = "the prediction"
    walks: ClassVar[bool] = False

    def trace(self, t: Table, where: tuple[Place, ...], own: Mapping[int, NpArray]) -> list[Effect]:
        """The formula: an effect for each place, on the caller's own grid for the columns in `own`."""
        raise NotImplementedError

    def kept(self, t: Table) -> NpArray:
        """Numbers of the rows whose own curves are kept."""
        return np.zeros(0, int)

    def __call__(
        self,
        model: Any,
        X: Any,
        *,
        columns: Any = None,
        grid: Mapping[str, Any] | None = None,
        target: Any = None,
        features: Features | None = None,
        classes: Sequence[str] = (),
        output: str | int | None = None,
    ) -> Curve:
        """Trace the effect over rows of `X`.

        Args:
            model: anything that predicts.
            X: rows, (n, columns), an array or a frame.
            columns: a column by name or number, or a list of them, each of which may be a pair:
                ["age", ("age", "sex")]; None takes every column that varies.
            grid: own points by column name, instead of those chosen.
            target: a class; None takes every output, and of two classes the second.
            features: names, units, categories.
            classes: names of the outputs.
            output: which of several outputs, by key or position.

        Raises:
            ShapeError: X is no table.
            DataError: a column asked for holds one value only.
            ParameterError: an unknown column, three columns together, or points that no category has.
        """
        said = {"features": features, "classes": classes, "output": output, "target": target}
        e = self._answered(model, X, said, lambda s: self._traced(s, columns, grid or {}, target))
        return self._finished(e, current())

    def _traced(self, s: Subject, columns: Any, grid: Mapping[str, Any], target: Any) -> Curve:
        y = s.first(FIRST_ROWS)
        goals, facts = s.aims(target, y), s.data.model.facts
        from .walk import walk_of  # what compiles its kernels is slow to import

        named = tuple(g.labels(s.classes, 1)[0] for g in goals)
        t = s.table(goals, targets=named, walk=walk_of(s, goals, y) if self.walks else None)
        own = grids_given(s.columns, grid)
        where = places(t, columns, own)
        found = self.trace(t, where, own)
        space = goals[0].counts_in(space_of(y, facts.space))
        width = np.concatenate([e.half_width for e in found])
        t.notes.half_width = width if np.isfinite(width).any() else None
        kept, pair = self.kept(t), max(len(p) for p in where)
        used = sorted({c for p in where for c in p})
        rug = np.linspace(0, len(t.X) - 1, min(len(t.X), FIRST_ROWS)).astype(int)
        return Curve(
            values=np.concatenate([e.values for e in found]),
            grid=np.concatenate(
                [np.pad(e.grid, ((0, 0), (0, pair - e.grid.shape[1])), constant_values=np.nan) for e in found]
            ),
            of=np.repeat(np.arange(len(found)), [len(e.grid) for e in found]),
            columns=tuple(tuple(s.columns.names[c] for c in e.place) for e in found),
            targets=t.targets,
            count=np.concatenate([e.count for e in found]),
            individual=np.concatenate([e.individual for e in found], axis=1),
            kept=kept,
            data_columns=tuple(s.columns.names[c] for c in used),
            data=np.asarray(t.X[rug][:, used], float),
            data_kept=np.asarray(t.X[kept][:, used], float),
            rows=len(t.X),
            **self.facts(s, t, f"{self.title}: {self.says} over {len(t.X)} rows", space),
        )


class AttributedMethod(TableMethod, abstract=True):
    """Adds up over a table what a method says of single rows."""

    def gather(self, model: Any, X: Any, call: Mapping[str, Any]) -> Importance:
        """The formula: attributions of rows of X, called with `call`, as an importance."""
        raise NotImplementedError

    def __call__(
        self,
        model: Any,
        X: Any,
        *,
        background: Any = None,
        target: Any = None,
        features: Features | None = None,
        classes: Sequence[str] = (),
        output: str | int | None = None,
    ) -> Importance:
        """Measure on rows of `X`.

        Args:
            model: anything that predicts.
            X: rows, (n, columns), an array or a frame.
            background: rows that stand in for hidden columns; rows of X without.
            target: a class; None takes each row's predicted class, or the only output.
            features: names, units, categories, and groups of columns that count together.
            classes: names of the outputs.
            output: which of several outputs, by key or position.

        Raises:
            ShapeError: X is no table.
        """
        call = {
            "background": background,
            "target": target,
            "features": features,
            "classes": classes,
            "output": output,
        }
        self._columns(read(model, X, features=features, output=output))
        return self._finished(self.gather(model, X, call), current())


class InteractionMethod(TableMethod, abstract=True):
    """Measures how far columns act together and not each for itself."""

    def measure(self, t: Table, among: tuple[int, ...]) -> Joint:
        """The formula, among some of the columns."""
        raise NotImplementedError

    def __call__(
        self,
        model: Any,
        X: Any,
        *,
        columns: Any = None,
        target: Any = None,
        features: Features | None = None,
        classes: Sequence[str] = (),
        output: str | int | None = None,
    ) -> Interactions:
        """Measure on rows of `X`.

        Args:
            model: anything that predicts.
            X: rows, (n, columns), an array or a frame.
            columns: a list of columns by name or number; None takes every column that varies.
            target: a class; None takes every output together, and of two classes the second.
            features: names, units, categories.
            classes: names of the outputs.
            output: which of several outputs, by key or position.

        Raises:
            ShapeError: X is no table.
            DataError: fewer than two columns vary.
        """
        said = {"features": features, "classes": classes, "output": output, "target": target}
        e = self._answered(model, X, said, lambda s: self._joint(s, columns, target))
        return self._finished(e, current())

    def _joint(self, s: Subject, columns: Any, target: Any) -> Interactions:
        y = s.first(FIRST_ROWS)
        goals = s.aims(target, y)
        t = s.table(goals, targets=tuple(g.labels(s.classes, 1)[0] for g in goals))
        among = tuple(dict.fromkeys(c for place in places(t, columns, {}) for c in place))
        if len(among) < 2 or len(t.X) < 2:
            raise DataError(
                "Interactions need two columns that vary.", got=len(among), fix="Pass more columns."
            )
        found = self.measure(t, among)
        t.notes.half_width = found.half_width
        space = goals[0].counts_in(space_of(y, s.data.model.facts.space))
        return Interactions(
            values=found.shares,
            strength=found.strength,
            measured=found.measured,
            names=tuple(s.columns.names[c] for c in among),
            targets=t.targets,
            rows=found.rows,
            **self.facts(
                s, t, f"{self.title}: share of the variance that is interaction, {found.rows} rows", space
            ),
        )


class SurrogateMethod(TableMethod, abstract=True):
    """Puts a simple model in place of a complex one, and says how faithful it is."""

    local: ClassVar[bool] = False

    def around(self, t: Table, row: int) -> NpArray:
        """Rows like one row; for methods that are local."""
        return t.X

    def imitate(self, t: Table, terms: Callable[[NpArray], NpArray], y: NpArray, decides: bool) -> Imitation:
        """The formula: a simple model of the terms of the rows, fitted to y."""
        raise NotImplementedError

    def judged(self, t: Table, said: NpArray, y: NpArray, decides: bool) -> tuple[float, float]:
        """Its fidelity on the rows it was not fitted to, and the half-width of that."""
        raise NotImplementedError

    def __call__(
        self,
        model: Any,
        X: Any,
        *,
        row: int = 0,
        target: Any = None,
        features: Features | None = None,
        classes: Sequence[str] = (),
        output: str | int | None = None,
    ) -> Surrogate:
        """Imitate the model on rows of `X`.

        Args:
            model: anything that predicts.
            X: rows, (n, columns), an array or a frame.
            row: for methods that are local, the row around which the model is imitated.
            target: a class or output whose number is imitated; None takes what a classifier decides, and all numbers of
                any other model.
            features: names, units, categories.
            classes: names of the outputs.
            output: which of several outputs, by key or position.

        Raises:
            ShapeError: X is no table.
            DataError: there are fewer than four rows, or the model says the same of all.
            ParameterError: a row that is not there, or a row where none is asked for.
        """
        said = {"features": features, "classes": classes, "output": output, "target": target}
        e = self._answered(model, X, said, lambda s: imitated(self, s, target, row))
        return self._finished(e, current())
