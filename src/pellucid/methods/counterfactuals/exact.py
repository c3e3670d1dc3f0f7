"""The nearest row there is, and the proof: for sums over columns and for trees, by mixed-integer programming."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.core.errors import CapabilityError, ParameterError
from pellucid.core.forest import Forest
from pellucid.core.run import stop_if_cancelled, tracking
from pellucid.core.types import NpArray
from pellucid.core.views import Query

from .conditions import Alternatives, linear
from .distance import Distance
from .effects_of_columns import Additive, additive
from .family import Answers
from .leaf_marks import Split, marked, reachable
from .programme import GAP, Affine, Programme, Solution

NEARER = 1e-6
"""By this share a row that is looked for may be dearer than the one that is known."""
BEYOND = 1e-5
"""How far beyond the boundary an exact answer lies, as a share of the scores: more than the solver misses."""


@dataclass(frozen=True, eq=False)
class Exact:
    """A row and how near any can be.

    Attributes:
        z: (columns,) the row; None where none was found in time.
        bound: no row that keeps to the constraints is nearer.
        is_impossible: whether there is proven to be none.
    """

    z: NpArray | None
    bound: float
    is_impossible: bool


@dataclass(frozen=True, eq=False)
class Exactly:
    """The programmes of one query.

    Attributes:
        q: the view.
        distance: what is smallest.
        model: the trees, or the sum over columns.
        seconds: for one row, at most.
    """

    q: Query
    distance: Distance
    model: Forest | Additive
    seconds: float

    @classmethod
    def of(cls, q: Query, distance: Distance, seconds: float) -> Exactly:
        """Find out what the model is.

        Raises:
            ParameterError: the distance does not add up.
            CapabilityError: the model is neither a sum over columns nor of trees that can be read.
        """
        if not distance.is_sum:
            raise ParameterError("exact=True needs a distance that adds up.", fix="Use mad_l1, l1 or gower.")
        if q.forest is not None and (not len(q.X) or linear(q, q.forest, 0) is not None):
            return cls(q, distance, q.forest, seconds)
        found = additive(q)
        if found is None:
            raise CapabilityError(
                "Exact answers are for models that are linear, or sums of trees that can be read.",
                fix="Leave exact out.",
            )
        return cls(q, distance, found, seconds)

    def row(self, row: int, known: float = np.inf) -> Exact:
        """The nearest row: the best of the alternatives by which the wanted answer can be reached.

        Args:
            row: its number.
            known: the distance of a row that is known; only nearer ones are looked for.
        """
        best, bound, impossible = None, known, True
        for alternative in self._alternatives(row):
            problem = _Row(self, row, known)
            problem.wanted(alternative)
            solution = problem.programme.solved(self.seconds)
            impossible &= solution.is_impossible
            bound = min(bound, solution.bound)
            z = problem.values(solution)
            if z is not None:
                cost = float(self.distance(self.q.X[row][None], z[None])[0])
                best = (cost, z) if best is None or cost < best[0] else best
        return Exact(None if best is None else best[1], bound, impossible and not np.isfinite(known))

    def _alternatives(self, row: int) -> Alternatives:
        if isinstance(self.model, Forest):
            return linear(self.q, self.model, row) or []
        return self.q.conditions(row, self.model.is_log)


def proven(found: Answers, rows: NpArray, exactly: Exactly, count: int) -> Answers:
    """What was found, with the nearest row there is before it, and a bound for each.

    Args:
        found: by the search.
        rows: numbers of the rows that may have an answer.
        exactly: the programmes.
        count: answers for each row.
    """
    s, q = found.search, exactly.q
    pool, bound, impossible = found.pool, np.full(len(q.X), np.nan), list[int]()
    known = np.full(len(q.X), np.inf)
    np.minimum.at(known, pool.own, s.distance(q.X[pool.own], pool.Z))
    with tracking(q.run, "proofs", len(rows)) as advance:
        for row in rows.tolist():
            stop_if_cancelled(q.run)
            answer = exactly.row(row, float(known[row]))
            bound[row] = max(0.0, answer.bound)
            impossible += [row] if answer.is_impossible else []
            if answer.z is not None:
                pool = pool + s.ask(answer.z[None], np.array([row]))
            advance(1)
    pool = s.best(pool, count)
    distance = s.distance(q.X[pool.own], pool.Z)
    certain = distance <= bound[pool.own] * (1 + 10 * GAP) + 1e-9
    q.notes.certify(kind="exact", exact=bool(certain.all()) and count == 1)
    return Answers(pool, s, np.minimum(bound[pool.own], distance), tuple(impossible))


class _Row:
    """The programme of one row: its cells as expressions, their cost, the constraints on them."""

    def __init__(self, e: Exactly, row: int, limit: float) -> None:
        self.e, self.row, self.programme, self.limit = e, row, Programme(), limit * (1 + NEARER) + NEARER
        limits = e.q.limits
        self.x = e.q.X[row]
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(
                limits.word, np.inf, np.nan_to_num(self.limit / e.distance.unit, nan=np.inf, posinf=np.inf)
            )
        self.low = np.maximum(limits.low[row], self.x - reach)
        self.high = np.minimum(limits.high[row], self.x + reach)
        self.cell = [Affine() for _ in self.x]
        self.columns: dict[int, Split] = {}
        self.changed = list[Affine]()
        grouped = set[int]()
        for group, known in zip(limits.groups, limits.known, strict=True):
            grouped |= set(group.tolist())
            self._choices(group, known)
        for j in range(len(self.x)):
            if j in grouped or np.isnan(self.x[j]):
                continue
            if j in limits.allowed:
                self._choices(np.array([j]), limits.allowed[j][:, None])
            else:
                self._number(j)
        for weights, least, most in zip(limits.weights, limits.least, limits.most, strict=True):
            self.programme.condition(self._sum(weights), least, most)
        if limits.most_changes < len(self.changed):
            self.programme.condition(sum(self.changed, Affine()), most=limits.most_changes)

    def _choices(self, columns: NpArray, known: NpArray) -> None:
        """Columns that take one of several sets of values together."""
        x = self.x[columns]
        fits = ((known >= self.low[columns]) & (known <= self.high[columns])).all(1)
        options = (
            np.unique(np.concatenate([known[fits], x[None]]), axis=0) if len(columns) > 1 else known[fits]
        )
        marks = [self.programme.variable(0, 1, whole=True) for _ in options]
        self.programme.condition(sum(marks, Affine()), 1, 1)
        own, price = Affine(1.0), np.zeros(len(options))
        for k, (values, mark) in enumerate(zip(options, marks, strict=True)):
            parts = self.e.distance.parts(self.x[None], self._with(columns, values)[None])[0]
            price[k] = parts[columns].sum()
            self.programme.cost += mark * float(price[k])
            own = own + mark * -1.0 if (values == x).all() else own
            for j, v in zip(columns.tolist(), values.tolist(), strict=True):
                self.cell[j] += mark * v
        for place, j in enumerate(columns.tolist()):
            pairs = tuple(zip(options[:, place].tolist(), marks, strict=True))
            free = price if len(columns) == 1 else np.zeros(len(options))
            self.columns[j] = Split((-np.inf, np.inf), float(self.x[j]), options=pairs, price=free)
        self.changed.append(own)

    def _with(self, columns: NpArray, values: NpArray) -> NpArray:
        z = self.x.copy()
        z[columns] = values
        return z

    def _number(self, j: int) -> None:
        """A number that moves up or down, in steps where trees split it."""
        x, low, high = float(self.x[j]), float(self.low[j]), float(self.high[j])
        whole = bool(self.e.q.limits.whole[j])
        low, high = (float(np.ceil(low)), float(np.floor(high))) if whole else (low, high)
        up = self.programme.variable(0.0, max(0.0, high - x))
        down = self.programme.variable(0.0, max(0.0, x - low))
        z = Affine(x) + up + down * -1.0
        if low == high:
            self.programme.condition(z, low, high)
        else:
            self.programme.condition(z, low, high)
            if whole:
                self.programme.condition(z + self.programme.variable(low, high, whole=True) * -1.0, 0, 0)
        self.cell[j] = z
        self.programme.cost += (up + down) * float(self.e.distance.unit[j])
        if self.e.q.limits.most_changes < len(self.x):
            changed = self.programme.variable(0, 1, whole=True)
            self.programme.condition(up + changed * -max(0.0, high - x), most=0)
            self.programme.condition(down + changed * -max(0.0, x - low), most=0)
            self.changed.append(changed)
        if isinstance(self.e.model, Forest):
            self._splits(j, x, (low, high), (up, down), whole)

    def _splits(
        self, j: int, x: float, box: tuple[float, float], moves: tuple[Affine, Affine], whole: bool
    ) -> None:
        """Marks of `cell <= threshold`, in order, and how far the cell must move for them."""
        (low, high), forest = box, self.e.model
        inner = (forest.feature == j) & (forest.words == 0)  # type: ignore[union-attr]  # a Forest, as _number saw
        marks = list[tuple[float, Affine]]()
        before: Affine | None = None
        rise, fall = Affine(), Affine()
        reach_up, steps_down = max(x, low), list[tuple[float, Affine]]()
        for t in np.unique(forest.threshold[inner]).tolist():  # type: ignore[union-attr]
            over = np.floor(t) + 1 if whole else np.nextafter(t, np.inf)
            under = np.floor(t) if whole else t
            if high < over or under < low:  # the same for all that the column can be
                continue
            mark = self.programme.variable(0, 1, whole=True)
            if before is not None:
                self.programme.condition(before + mark * -1.0, most=0)
            before = mark
            marks.append((t, mark))
            if t >= x:  # past it only by rising
                rise += (Affine(1.0) + mark * -1.0) * (max(over, reach_up) - reach_up)
                reach_up = max(over, reach_up)
            else:
                steps_down.append((under, mark))
        reach_down = min(x, high)
        for under, mark in reversed(steps_down):
            fall += mark * (reach_down - min(under, reach_down))
            reach_down = min(under, reach_down)
        self.programme.condition(moves[0] + rise * -1.0, least=max(0.0, low - x) if low > x else 0.0)
        self.programme.condition(moves[1] + fall * -1.0, least=max(0.0, x - high) if high < x else 0.0)
        self._ends(j, marks, (low, high), whole)
        price = np.array([self.e.distance.unit[j]])
        self.columns[j] = Split((low, high), x, marks=dict(marks), price=price)

    def _ends(self, j: int, marks: list[tuple[float, Affine]], box: tuple[float, float], whole: bool) -> None:
        """Where the cell lies between the splits that it passes; only couplings need it."""
        if not len(self.e.q.limits.weights) and not whole:
            return
        (low, high), floor, ceiling = box, Affine(box[0]), Affine(box[1])
        at = low
        for t, mark in marks:
            over = min(max(np.floor(t) + 1 if whole else np.nextafter(t, np.inf), at), high)
            floor += (Affine(1.0) + mark * -1.0) * (over - at)
            at = over
        at = high
        for t, mark in reversed(marks):
            under = max(min(np.floor(t) if whole else t, at), low)
            ceiling += mark * -(at - under)
            at = under
        self.programme.condition(self.cell[j] + floor * -1.0, least=0)
        self.programme.condition(self.cell[j] + ceiling * -1.0, most=0)

    def _sum(self, weights: NpArray) -> Affine:
        total = Affine()
        for j in np.flatnonzero(weights):
            total += self.cell[j] * float(weights[j])
        return total

    # -- the wanted answer ------------------------------------------------------------------------------------------

    def wanted(self, conditions: list[tuple[NpArray, float]]) -> None:
        """Conditions on the scores of the outputs: factors of each, and the least that they add up to."""
        scores = self._scores()
        for factors, least in conditions:
            total, size = Affine(), 1.0
            for k, factor in enumerate(factors.tolist()):
                total += scores[k] * factor if factor else Affine()
            size = max(1.0, abs(total.constant), *(abs(f) for f in total.terms.values()))
            self.programme.condition(total, least + BEYOND * min(size, 10.0))

    def _scores(self) -> list[Affine]:
        model = self.e.model
        if isinstance(model, Forest):
            return self._trees(model)
        out = list[Affine]()
        for k in range(len(model.constant)):
            score = Affine(float(model.constant[k])) + self._sum(model.weight[:, k])
            for j, effects in model.effect.items():
                codes = self.e.q.limits.allowed[j].tolist()
                for v, mark in self.columns[j].options if j in self.columns else ():
                    if v in codes:
                        score += mark * float(effects[codes.index(v), k])
            out.append(score)
        return out

    def _trees(self, forest: Forest) -> list[Affine]:
        """The sums of the leaves that the row reaches."""
        out = [Affine(float(b)) for b in forest.base]
        for root, feeds in zip(forest.roots.tolist(), forest.feeds.tolist(), strict=True):
            leaves = reachable(forest, root, self.columns, self.x, self.limit)
            for leaf, mark in zip(leaves, marked(self.programme, leaves, self.columns), strict=True):
                values = forest.value[leaf.node]
                for k in range(len(out)):
                    if feeds in (-1, k):
                        out[k] += mark * float(values[k] if feeds == -1 else values[0])
        return out

    def values(self, solution: Solution) -> NpArray | None:
        """The row that a solution stands for."""
        if solution.at is None:
            return None
        at = solution.at
        z = np.array([c.at(at) for c in self.cell])
        for j, split in self.columns.items():
            if split.options:
                z[j] = max(split.options, key=lambda option: option[1].at(at))[0]
            else:  # to the bit beside the splits that are passed
                z[j] = self._placed(j, float(z[j]), [(t, m.at(at) > 0.5) for t, m in split.marks.items()])
        z = np.where(np.isnan(self.x), np.nan, z)
        near = np.abs(z - self.x) <= 1e-9 * np.maximum(1.0, np.abs(self.x))
        numbers = ~np.isin(np.arange(len(z)), list(self.columns))
        return self.e.q.limits.nearest(np.where(near & numbers, self.x, z)[None], np.array([self.row]))[0]

    def _placed(self, j: int, z: float, marks: list[tuple[float, bool]]) -> float:
        """A number between the splits that say so, as near to the row's own as the solution put it."""
        floor = max((t for t, below in marks if not below), default=-np.inf)
        ceiling = min((t for t, below in marks if below), default=np.inf)
        x = float(self.x[j])
        z = x if floor < x <= ceiling and abs(z - x) < 1e-6 * max(1.0, abs(x)) else z
        return float(np.clip(z, np.nextafter(floor, np.inf), ceiling))
