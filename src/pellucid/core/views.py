"""Views: what a method sees of (model, data, target). Methods never see a framework, a batch or a device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np

from . import target as targets
from .constraints import Limits
from .errors import DataError, TargetError
from .features import Columns
from .forest import Forest
from .masker import Hidden
from .mixing import Overlay, averaged, repeated, shared
from .notes import Notes
from .run import Pace, Part, Run, batches, current, even, stop_if_cancelled, tracking
from .stack import Stack
from .target import Target
from .types import Array, Bools, NpArray

T = TypeVar("T")

STACKED_ROWS = 3072
"""Rows of copies of a table that are asked about at once: more fall out of the processor's cache."""
ANSWERS = 2**18
"""Answers about one block of rows, at all points, that are kept until they are told."""


@dataclass(frozen=True)
class Aim:
    """What the caller wants explained, before any output is known.

    Attributes:
        spec: see `pellucid.core.target.Spec`.
        classes: names of the outputs.
        space: what the outputs count in; "" where they tell it themselves.
        differentiate: how the framework differentiates a target function.
        classifier: False where several outputs are numbers and no classes, so that none is predicted.
        layer: the layer whose unit `spec` is an index of (a `Neuron`); "" for the network's output.
    """

    spec: Any = None
    classes: tuple[str, ...] = ()
    space: str = ""
    differentiate: targets.Differentiate | None = None
    classifier: bool | None = None
    layer: str = ""

    def at(self, y: Array, rows: slice = slice(None)) -> Target:
        """The target for the outputs `y` of the rows in `rows`."""
        if self.layer:
            return targets.neuron_output(self.spec, y, self.layer)
        spec = targets.scalar(self.spec)
        if spec is None and self.classifier is False and y.ndim == 2 and y.shape[1] > 1:
            raise TargetError(
                f"The model gives {y.shape[1]} numbers, none of them a predicted class.",
                fix=f"Pass target=0 to {y.shape[1] - 1}.",
            )
        if spec is not None and hasattr(spec, "__len__") and not isinstance(spec, str | tuple | np.str_):
            spec = spec[rows]
        return targets.resolve(
            spec,
            y,
            classes=self.classes,
            space=self.space,
            differentiate=self.differentiate,
        )


@dataclass(frozen=True, eq=False)
class View:
    """What all views carry: how to run, and where a method writes down how good its answer is."""

    run: Run = field(default_factory=current)
    notes: Notes = field(default_factory=Notes)


@dataclass(frozen=True, eq=False, kw_only=True)
class Game(View):
    """v(S): the explained number of each row when only the players in S keep their values.

    The rows have equally many players, share batches, and share the coalitions that are asked, so that a model is
    called as seldom as it can be and what an estimator computes of its coalitions is computed once.

    Attributes:
        f: variants of rows (m, *features), and the caller's number of the row that each is one of (m,) -> (m,).
        hidden: how players are hidden in each row.
        rows: (n,) the caller's numbers of the rows.
        pace: variants per call of f.
        advance: told how many coalitions were answered.
        alike: (n,) equal numbers where f is the same function for two rows: they share answers at points of nobody's.
        shared: what `once` keeps for all rows of the same call.
    """

    f: Callable[[NpArray, NpArray], NpArray]
    hidden: tuple[Hidden, ...]
    rows: NpArray
    pace: Pace
    advance: Callable[[int], None] = lambda answered: None
    alike: NpArray | None = None
    shared: dict[str, Any] = field(default_factory=dict[str, Any])

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def players(self) -> int:
        """How many players each row has."""
        return len(self.hidden[0].players)

    @property
    def rng(self) -> np.random.Generator:
        """The random numbers that all rows share, from the start: coalitions are drawn once for all of them."""
        return self.run.generator()

    @cached_property
    def ends(self) -> tuple[NpArray, NpArray]:
        """V of nobody and v of everybody, (n,) each."""
        both = self(np.array([[False], [True]]).repeat(self.players, 1))
        return both[:, 0], both[:, 1]

    def know(self, nobody: NpArray, everybody: NpArray) -> None:
        """Take over v of nobody and of everybody, (n,) each, where they were among the coalitions asked."""
        self.__dict__["ends"] = nobody, everybody

    def once(self, name: str, build: Callable[[], T]) -> T:
        """What is the same for all rows of the call (a design, a factorisation), built by the first that needs it."""
        if name not in self.shared:
            self.shared[name] = build()
        return self.shared[name]

    def only(self, kept: NpArray) -> Game:
        """The game of some of the rows, by their place in this view."""
        if len(kept) == len(self):
            return self
        some = replace(self, hidden=tuple(self.hidden[k] for k in kept), rows=self.rows[kept])
        some = some if self.alike is None else replace(some, alike=self.alike[kept])
        some.know(self.ends[0][kept], self.ends[1][kept])
        return some

    def __call__(self, coalitions: Bools) -> NpArray:
        """V of each coalition in each row: (m, players), or one set per row (n, m, players) -> (n, m).

        The fillings of a coalition are averaged.
        """
        asked, fillings = coalitions.shape[-2], self.hidden[0].fillings
        out = np.empty((len(self), asked))
        each = max(1, self.pace.size // fillings)
        size = even(asked, each)
        for some in batches(asked, size):
            filled, count = self._filling(coalitions[..., some, :], size), some.stop - some.start
            for rows in batches(len(self), max(1, each // count)):
                which = np.broadcast_to(self.rows[rows, None], (rows.stop - rows.start, fillings * count))
                v = self._asked(partial(filled, rows), which.reshape(-1))
                out[rows, some] = averaged(self._weighed(v.reshape(-1, fillings, count), rows))
                self.advance((rows.stop - rows.start) * count)
        return out

    def _weighed(self, answers: NpArray, rows: slice) -> NpArray:
        """Answers (rows, b, m), times how much their fillings count, so that their mean is the weighted one."""
        if all(h.weight is None for h in self.hidden[rows]):
            return answers
        even = np.full(answers.shape[1], 1 / answers.shape[1])
        weight = np.stack([even if h.weight is None else h.weight for h in self.hidden[rows]])
        return answers * (weight[..., None] * answers.shape[1])

    def at(self, points: NpArray) -> NpArray:
        """F of points that are no variants of any row, (m, *features) -> (n, m); asked once where rows are alike."""
        alike = self.rows if self.alike is None else self.alike
        answers: dict[int, NpArray] = {}
        for kind, row in zip(alike.tolist(), self.rows.tolist(), strict=True):
            if kind not in answers:
                answers[kind] = self.once(f"at {kind}", lambda row=row: self._at(points, row))
        return np.stack([answers[kind] for kind in alike.tolist()])

    def _at(self, points: NpArray, row: int) -> NpArray:
        out = np.empty(len(points))
        for part in batches(len(points), self.pace.size):
            out[part] = self._asked(points[part].copy, np.full(part.stop - part.start, row))
            self.advance(part.stop - part.start)
        return out

    def points(self, variants: NpArray) -> NpArray:
        """F of variants of each row that no masker makes, (n, m, *features) -> (n, m)."""
        n, m = variants.shape[:2]
        flat, which = variants.reshape(n * m, *variants.shape[2:]), np.repeat(self.rows, m)
        out = np.empty(n * m)
        for part in batches(n * m, self.pace.size):
            out[part] = self._asked(flat[part].copy, which[part])
            self.advance(part.stop - part.start)
        return out.reshape(n, m)

    def _filling(self, coalitions: Bools, size: int) -> Callable[[slice], NpArray]:
        """Some rows -> (rows * b * m, *features), their at most `size` coalitions filled in."""
        mixed = shared([h.fill for h in self.hidden]) if coalitions.ndim == 2 else None
        if mixed is not None:
            behind = self.once(f"{size} times {id(mixed[0].behind)}", partial(repeated, mixed[0], size))
            overlay = Overlay(mixed[0], coalitions, behind)
            return lambda rows: overlay.over(mixed[rows])

        def filled(rows: slice) -> NpArray:
            own = coalitions[rows] if coalitions.ndim == 3 else [coalitions] * (rows.stop - rows.start)
            each = [h.fill(c).swapaxes(0, 1) for h, c in zip(self.hidden[rows], own, strict=True)]
            flat = [one.reshape(-1, *one.shape[2:]) for one in each]
            return flat[0] if len(flat) == 1 else np.concatenate(flat)

        return filled

    def _asked(self, filled: Callable[[], NpArray], which: NpArray) -> NpArray:
        """F of variants of the rows numbered `which` (m,) -> (m,).

        The model may write to what it is given: where it fails for want of memory, variants are `filled` anew.
        """
        rows, found = list[NpArray](), list[NpArray]()

        def ask(part: slice) -> None:
            if not rows:
                rows.append(filled())
            try:
                found.append(np.asarray(self.f(rows[0][part], which[part]), float))
            except Exception as error:
                rows.clear()
                note = f"pellucid: the model was asked about row {which[part][0]} with features hidden"
                if note not in getattr(error, "__notes__", ()):
                    error.add_note(note)
                raise

        self.pace.over(len(which), ask)
        self.run.meter.count(len(which), grad=False)
        v = found[0] if len(found) == 1 else np.concatenate([np.zeros(0), *found])
        if not np.isfinite(v.sum()) and not (finite := np.isfinite(v)).all():
            raise DataError(
                f"The model returns NaN or infinity for row {which[finite.argmin()]} with features hidden.",
                fix="Choose another masker or background, whose rows the model can take.",
            )
        return v


Blocks = Callable[[slice], NpArray]
"""A table that is made block by block, so that it is never held whole: which rows -> (rows, columns)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Table(View):
    """A model and a table: what global, model-agnostic methods see.

    Attributes:
        X: (n, columns).
        columns: their names, units, categories and groups.
        ask: rows (m, columns), and for each the number of the row of X that it stands for -> (m, targets).
        spend: the same of rows that are made for it, and may be written to; made anew where memory runs out.
        targets: names of the explained numbers.
        score: rows (n, columns) -> one number per score, where higher means that the model does better; rows as in X.
        predict: rows (n, columns) -> (n,) the explained number; rows as in X.
        in_blocks: the same two, scores where there are some and else the numbers, of a table given block by block.
        players: names of the columns or groups.
        label: (columns,) the player of each column.
        scored: whether there is a score.
        chance: the scores of a model that knows nothing, or NaN.
        intact: the scores of X as it is, or NaN.
        ordered: per column, whether its values have an order.
        size: rows of one stacked question.
        spends: whether the model gets the very rows that are made for it, and may write to them.
        walk: the model's trees, where it is a sum of them and a method may walk them instead of asking.
    """

    X: NpArray
    columns: Columns
    ask: Callable[[NpArray, NpArray], NpArray]
    spend: Callable[[Callable[[], NpArray], NpArray], NpArray]
    targets: tuple[str, ...] = ()
    score: Callable[[NpArray], NpArray] = lambda rows: np.full(1, np.nan)
    predict: Callable[[NpArray], NpArray] = lambda rows: np.full(len(rows), np.nan)
    in_blocks: Callable[[Blocks], NpArray] = lambda blocks: np.zeros(0)
    players: tuple[str, ...] = ()
    label: NpArray = field(default_factory=lambda: np.zeros(0, int))
    scored: bool = True
    chance: NpArray = field(default_factory=lambda: np.full(1, np.nan))
    intact: NpArray = field(default_factory=lambda: np.full(1, np.nan))
    ordered: tuple[bool, ...] = ()
    size: int = STACKED_ROWS
    spends: bool = True
    walk: Any = None

    def rng(self, *key: int) -> np.random.Generator:
        """Random numbers for one player, one repeat, ...: by key, so the order of work does not matter."""
        return self.run.generator(*key)

    def track(self, items: Sequence[Any]) -> Iterator[Any]:
        """Go through `items` with progress, stopping where the caller cancels."""
        with tracking(self.run, "scores", len(items)) as advance:
            for item in items:
                stop_if_cancelled(self.run)
                yield item
                advance(1)

    def varied(
        self, places: Sequence[tuple[int, ...]], asked: Sequence[Callable[[slice], NpArray]]
    ) -> Iterator[tuple[slice, int, NpArray]]:
        """What the model says with columns set to other values, in blocks of rows and with progress.

        As many points are asked about at once as stack up to `size` rows, or one of a block of that many rows: columns
        are set in place, in one stack. Memory does not grow with the table.

        Args:
            places: the columns that are set together, for each question.
            asked: for a block of rows, what they are set to: (points, rows or 1, columns set together).

        Yields:
            Which rows, the number of the question, and (points, rows, targets) of outputs.
        """
        most, n = max(len(ask(slice(0, 1))) for ask in asked), len(self.X)
        size = even(n, min(self.size, max(1, ANSWERS // most)))
        with tracking(self.run, "effects", n * len(asked)) as advance:
            for part in batches(n, size):
                stack = Stack(self.X[part], even(most, max(1, self.size // size)), whole=self.spends)
                owner = np.arange(part.start, part.stop)
                for k, (columns, ask) in enumerate(zip(places, asked, strict=True)):
                    values = ask(part)
                    told = Part(advance, worth=len(owner), steps=len(values))
                    yield part, k, stack.answers(self.spend, owner, columns, values, told)


@dataclass(frozen=True, eq=False, kw_only=True)
class Trees(View):
    """A tree ensemble and rows as its trees compare them: what the methods that walk trees see.

    Attributes:
        forest: the ensemble as flat arrays.
        x: (n, columns) float64, the rows to explain, as the trees compare them (see `Forested.tree_inputs`).
        background: (b, columns) rows that stand in for hidden columns, in the same form; None for none.
    """

    forest: Forest
    x: NpArray
    background: NpArray | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Query(View):
    """A wanted answer to rows of a table: what the methods see that change rows until a model answers otherwise.

    Attributes:
        f: rows (m, columns), and for each the number of the row of X it is a change of -> (m,) the lead: how far the
            answer is beyond the wanted one, at least 0 where it is reached; in log-odds where the model gives
            probabilities.
        X: (n, columns) the rows to change.
        columns: their names, units, categories.
        background: (b, columns) real rows.
        real: (goals, b) which of them the model answers as wanted.
        goal: (n,) the number of the goal of each row.
        limits: what a changed row may look like.
        outputs: rows (m, columns) -> (m, *outputs) as the model gives them.
        conditions: the number of a row, and whether scores are logarithms -> ways to reach the wanted answer, each a
            list of (factors of the outputs' scores, the least that they add up to).
        is_probability: whether the outputs are probabilities.
        slope: rows, and which row each is a change of -> (m, columns) the gradient of the lead; None without gradients.
        forest: the model's trees, where it has some, over the same columns.
        open: (n,) rows that have not the wanted answer yet, and whose constraints do not contradict each other.
        asked: (n,) how often the model was asked about changes of each row.
    """

    f: Callable[[NpArray, NpArray], NpArray]
    X: NpArray
    columns: Columns
    background: NpArray
    real: NpArray
    goal: NpArray
    limits: Limits
    outputs: Callable[[NpArray], NpArray]
    conditions: Callable[[int, bool], list[list[tuple[NpArray, float]]]]
    is_probability: bool
    open: NpArray
    forest: Forest | None = None
    slope: Callable[[NpArray, NpArray], NpArray] | None = None
    asked: NpArray = field(default_factory=lambda: np.zeros(0, int))

    def __call__(self, rows: NpArray, own: NpArray) -> NpArray:
        """The lead of changed rows, below 0 also where a coupling is missed: (m, columns), (m,) -> (m,)."""
        if not len(rows):
            return np.zeros(0)
        np.add.at(self.asked, own, 1)
        lead, missed = self.f(rows, own), self.limits.missed(rows)
        return np.where(missed > 0, np.minimum(lead, 0.0) - 10 * missed, lead)
