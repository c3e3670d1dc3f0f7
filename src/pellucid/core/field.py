"""Field: a network as the scalar function f and its gradient, which is all that gradient methods see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np

from .errors import CapabilityError, DataError
from .notes import Notes
from .rows import Rows
from .rules import Rule
from .run import batches, tracking
from .target import Target
from .types import Array, NpArray
from .views import Aim

SMALL = 16
"""Where this many times as much would fit into a batch, a model's pass costs more than the rows in it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Field(Rows):
    """The scalar function f(x) = target(model(x)) and its gradient, around the rows `x`.

    Attributes:
        model: a (slice of a) model with gradients.
        aim: what is explained.
        baseline: (n, *features) the reference, or None for methods without one.
        background: (b, *input) rows of the model's input that show what is usual, for methods that average over them.
        rows: (n,) the caller's row number of each row; random streams and per-row targets go by it.
        at: the layer where x is, "" for the input.
        fixed: the target, once it is known.
        below: for a slice that starts at a layer: the inputs, and the slice that leads from them to x.
        whole: for a slice that starts at a layer: the model from its inputs on.
        inside: for a field over the inputs that watches a layer: the slices up to the layer, and from it on.
    """

    aim: Aim
    baseline: Array | None = None
    background: Array | None = None
    rows: NpArray
    at: str = ""
    below: tuple[tuple[Array, ...], Any] | None = None
    fixed: Target | None = None
    whole: Any = None
    inside: tuple[Any, Any] | None = None

    # -- what the model says ------------------------------------------------------------------------------------

    @property
    def channels(self) -> str:
        """Where the model's feature maps have their channels: "first" or "last"."""
        return str(self.model.facts.channels)

    @cached_property
    def extent(self) -> NpArray:
        """(n, 1, ..., 1) range of each row where noise goes: largest minus smallest value."""
        rows = self.model.numpy(self.source).reshape(self.n, -1)
        return (rows.max(1) - rows.min(1)).reshape((self.n,) + (1,) * (self.source.ndim - 1))

    @cached_property
    def y(self) -> Array:
        """The whole output at x, (n, *outputs); where there is a baseline, it is asked for in the same pass."""
        if self.baseline is None or self.model.facts.mixes_rows:
            return self._sound(self.through(self.model), "the model")
        self._take_ends(self._outputs(self.xp.concat([self.x, self.baseline]), self.model))
        return self.__dict__["y"]

    @cached_property
    def target(self) -> Target:
        """The scalar explained; None was resolved to each row's predicted class."""
        return self.fixed or self.aim.at(self.y)

    @cached_property
    def output(self) -> Array:
        """f(x), (n,)."""
        return self.target.value(self.y, self.rows if self.fixed else np.arange(self.n))

    @cached_property
    def base(self) -> Array:
        """f(baseline), (n,)."""
        target, known = self.target, self.__dict__.get("there")
        there = self(self.baseline) if known is None else target.value(known, self._order)
        return self._sound(there, "the model at the baseline")

    def __call__(self, points: Array) -> Array:
        """F at `points`: (..., n, *features) -> (..., n)."""
        target, order = self.target, self._order
        return self._rowwise(
            points,
            lambda x, rows: target.value(self.model.predict(x, *self._carry(rows)), order[rows]),
            grad=False,
        )

    def grad(self, points: Array) -> Array:
        """df/dx at `points`, same shape."""
        if points is self.x and "y" not in self.__dict__ and self.fixed is None:
            return self._first_grad()
        target, order = self.target, self._order

        def pull(x: Array, rows: NpArray) -> Array:
            cotangent: Callable[[Array], Array] = lambda y: target.cotangent(y, order[rows])  # noqa: E731
            return self.model.vjp((x, *self._carry(rows)), cotangent)[1][0]

        return self._rowwise(points, pull, grad=True)

    def mean_grad(self, points: Callable[[Array], Array], nodes: NpArray, weights: NpArray) -> Array:
        """Weighted sums of gradients over many points, in memory that does not grow with their number.

        Args:
            points: nodes (k, 1, ..., 1) -> points (k, n, *features); asked for as many at once as a batch holds.
            nodes: (m,) one per point.
            weights: (m,) for one sum, or (m, sums).

        Returns:
            (n, *features), or (sums, n, *features).
        """
        total: Any = None
        rule = self.like(np.column_stack([nodes, weights]))
        with tracking(self.run, "gradients", len(nodes) * self.n) as advance:
            for block in batches(len(nodes), max(1, self.rows_per_batch(len(nodes)) // self.n)):
                at = points(rule[block, 0].reshape((-1,) + (1,) * self.x.ndim))
                grads = self._grad_and_ends(at) if self._ends_are_due(len(nodes)) else self.grad(at)
                part = rule[block, 1:].T @ grads.reshape((grads.shape[0], -1))
                total = part if total is None else total + part
                advance((block.stop - block.start) * self.n)
        return total.reshape((*weights.shape[1:], *self.x.shape))

    def inner(self, points: Array) -> tuple[Array, Array]:
        """The watched layer's value at `points` of the input, and df/d(layer) there: (..., n, *layer) each."""
        if self.inside is None:
            raise CapabilityError("This field watches no layer.", fix="Take it from `entrance`.")
        (below, above), target, order = self.inside, self.target, self._order

        def step(x: Array, rows: NpArray) -> Array:
            cotangent: Callable[[Array], Array] = lambda y: target.cotangent(y, order[rows])  # noqa: E731
            value = below.predict(x, *self._carry(rows))
            self.run.meter.count(len(rows), grad=False)
            gradient = above.vjp((value, x, *self._carry(rows)), cotangent)[1][0]
            return self.xp.stack([value, gradient], axis=1)

        both = self._rowwise(points, step, grad=True)
        axis = points.ndim - self.x.ndim + 1
        at = (slice(None),) * axis
        return both[(*at, 0)], both[(*at, 1)]

    # -- other fields ---------------------------------------------------------------------------------------------

    def around(self, x: Array) -> Field:
        """The same field, centred on other rows: (n, *features)."""
        return replace(self, x=x, fixed=self.target, rows=self._order, notes=Notes())

    def entrance(self) -> Field:
        """The same function as a field over the model's own inputs that watches the layer where this one starts."""
        if self.below is None:
            return self
        (first, *carried), below = self.below
        return replace(
            self,
            model=self.whole,
            x=first,
            carried=tuple(carried),
            below=None,
            inside=(below, self.model),
            fixed=self.target,
            rows=self._order,
            notes=Notes(),
        )

    def ruled(self, rule: Rule) -> Field:
        """The same field with another way back: its `grad` follows `rule`.

        A rule that compares two passes is given the baseline, with the same other inputs, beside the rows.

        Raises:
            CapabilityError: the model knows no rules.
        """
        if not hasattr(self.model, "ruled"):
            raise CapabilityError("This model has no backward rules.", got=self.model.facts.name)
        carried = (*self.carried, self.baseline, *self.carried) if rule.paired else self.carried
        ruled = replace(self, model=self.model.ruled(rule), carried=carried)
        known = "y" in self.__dict__ or self.fixed is not None
        return replace(ruled, fixed=self.target, rows=self._order) if known else ruled

    def multipliers(self, rule: Rule) -> Array:
        """What `rule` carries back to x; the outputs at x, and at the baseline, are read off the same passes."""
        ruled = self.ruled(rule)
        found = ruled.grad(ruled.x)
        if "y" in ruled.__dict__:
            self.__dict__["y"] = ruled.y
        if rule.seen.references:
            y = self._sound(self.xp.concat(rule.seen.references), "the model at the baseline")
            self.take(base=self.target.value(y, self._order))
            self.run.meter.count(self.n, grad=False)
        return found

    def take(self, *, base: Array) -> None:
        """Take over what f gives at the baseline, (n,), where a method came by it on its way."""
        self.__dict__["base"] = base

    def against(self, references: Array) -> Field:
        """Every row beside each of its references, (k, n, *features): a field of (k * n) rows, copy by copy."""
        copies = int(references.shape[0])
        return replace(
            self,
            x=self._tiled(self.x, copies),
            carried=tuple(self._tiled(a, copies) for a in self.carried),
            rows=np.tile(self._order, copies),
            baseline=references.reshape((-1, *self.x.shape[1:])),
            below=self._below_tiled(copies),
            fixed=self.target,
            notes=Notes(memory=self.notes.memory),
        )

    def only(self, kept: NpArray) -> Field:
        """The same field on some of its rows, by number."""
        return replace(
            self,
            x=self.x[kept],
            baseline=None if self.baseline is None else self.baseline[kept],
            carried=tuple(c[kept] for c in self.carried),
            rows=self._order[kept],
            below=self.below and (tuple(i[kept] for i in self.below[0]), self.below[1]),
            fixed=self.target,
            notes=Notes(),
        )

    def noisy(self, sigma: NpArray, copies: int) -> Field:
        """`copies` of every row with normal noise on the model's first input, one after another: (copies * n) rows.

        Where that input holds whole numbers (token ids), the noise goes on the layer's value.

        Args:
            sigma: (n, 1, ..., 1) standard deviation per row.
            copies: how many noisy copies of each row.
        """
        noise = np.stack([r.standard_normal((copies, *self.source.shape[1:])) for r in self._streams], axis=1)
        first = self._tiled(self.source, copies)
        first = first + self.like((sigma * noise).reshape(tuple(first.shape)))
        if self.source is self.x:
            carried, below = tuple(self._tiled(a, copies) for a in self.carried), self._below_tiled(copies)
        else:
            carried = tuple(self._tiled(a, copies) for a in self.carried[1:])
            below = ((first, *carried), self.below[1]) if self.below else None
        copy = replace(
            self,
            x=first,
            carried=carried,
            rows=np.tile(self._order, copies),
            baseline=None if self.baseline is None else self._tiled(self.baseline, copies),
            below=below,
            fixed=self.target,
            notes=Notes(),
        )
        if self.source is self.x or below is None:
            return copy
        return replace(copy, x=copy.through(below[1]), carried=below[0], notes=Notes())

    @property
    def source(self) -> Array:
        """Where noise goes: the model's first input, or the layer's value where that holds whole numbers."""
        first = self.below[0][0] if self.below else self.x
        return self.x if "int" in str(first.dtype) else first

    def through(self, model: Any) -> Array:
        """The value that another slice gives at x and the carried inputs, (n, *its outputs)."""
        view = self if model is self.model else replace(self, model=model)
        return view._outputs(self.x, model)

    def lifted(self, points: Array) -> Array:
        """Points of the model's own input, (..., n, *input), carried up to where x is."""
        if self.below is None:
            return points
        (first, *carried), below = self.below
        up = replace(self, x=first, carried=tuple(carried), model=below, below=None, notes=Notes())
        return up._rowwise(points, lambda x, rows: below.predict(x, *up._carry(rows)), grad=False)

    def references(self, chosen: NpArray) -> Array:
        """Background rows by number, (k, n), where x is: (k, n, *features); the baseline where there are none."""
        if self.background is None:
            return self.xp.broadcast_to(self.baseline, (len(chosen), *self.x.shape))
        return self.lifted(self.background[chosen])

    @cached_property
    def _streams(self) -> list[np.random.Generator]:
        """One random stream per row, by its number and not by its place in a batch."""
        return [self.run.generator(int(row)) for row in self.rows]

    # -- batches --------------------------------------------------------------------------------------------------

    @property
    def _order(self) -> NpArray:
        """Which entry of a per-row target belongs to each row."""
        return self.rows if self.fixed else np.arange(self.n)

    def _ends_are_due(self, copies: int) -> bool:
        """Whether the outputs at x and the baseline are wanted, and cost least beside `copies` of the rows.

        So it is where all of it is a small part of a batch: a pass then costs more than the rows in it.
        """
        if (
            self.baseline is None
            or self.fixed is not None
            or "y" in self.__dict__
            or self.model.facts.mixes_rows
        ):
            return False
        return (copies + 2) * self.n * SMALL <= self.rows_per_batch(copies)

    def _grad_and_ends(self, points: Array) -> Array:
        """`grad` at points that follow x and the baseline in the same passes, off which the outputs there are read."""

        def pull(x: Array, rows: NpArray) -> Array:
            def cotangent(y: Array) -> Array:
                if (
                    "y" not in self.__dict__ and y.shape[0] >= 2 * self.n
                ):  # else the target asks for them by itself
                    self._take_ends(y)
                return self.target.cotangent(y, np.arange(self.n)[rows])

            return self.model.vjp((x, *self._carry(rows)), cotangent)[1][0]

        ends = self.xp.stack([self.x, self.baseline])
        found = self._rowwise(self.xp.concat([ends, points]), pull, grad=True)
        self.run.meter.count(-2 * self.n, grad=True)  # two of them were only asked for their outputs
        self.run.meter.count(2 * self.n, grad=False)
        return found[2:]

    def _take_ends(self, y: Array) -> None:
        """Keep the outputs at x and at the baseline, which come first in `y`."""
        self.__dict__["there"] = y[self.n : 2 * self.n]
        self.__dict__["y"] = self._sound(y[: self.n], "the model")

    def _first_grad(self) -> Array:
        """The gradient at x, with output and target read off the same passes."""
        seen: list[Array] = []

        def pull(x: Array, rows: NpArray) -> Array:
            def cotangent(y: Array) -> Array:
                part = self.aim.at(
                    self._sound(y, "the model", int(rows[0])), slice(int(rows[0]), int(rows[-1]) + 1)
                )
                return part.cotangent(y, np.arange(len(rows)))

            y, (gradient,) = self.model.vjp((x, *self._carry(rows)), cotangent)
            seen.append(y)
            return gradient

        gradient = self._rowwise(self.x, pull, grad=True)
        self.__dict__["y"] = seen[0] if len(seen) == 1 else self.xp.concat(seen)
        return gradient

    def _below_tiled(self, copies: int) -> Any:
        return self.below and (tuple(self._tiled(a, copies) for a in self.below[0]), self.below[1])

    def _sound(self, y: Array, what: str, first: int = 0) -> Array:
        if "float" not in str(y.dtype) or isfinite(self.xp.sum(y)):  # a sum that is finite has finite parts
            return y
        finite = self.xp.isfinite(y)
        if not bool(self.xp.all(finite)):
            bad = self.model.numpy(self.xp.astype(finite.reshape((y.shape[0], -1)), self.xp.float32))
            row = int(np.flatnonzero(bad.min(1) == 0)[0]) + first
            number = self.rows[row] if len(self.rows) > row else row
            raise DataError(
                f"The output of {what} holds NaN or infinity for row {number}.",
                fix="Check the model on this row, and its input for values far outside what it was trained on.",
            )
        return y
