"""Surrogate: a simple model that stands in for a complex one, and how faithfully it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.core.errors import CapabilityError
from pellucid.core.features import Columns, plain
from pellucid.core.types import NpArray

from .base import Explanation


@dataclass(frozen=True)
class Rule:
    """Where a rule holds, and what it says.

    Attributes:
        conditions: (column, what it must be: "> 3", "≤ 5", "is cook", "is not cook").
        output: (outputs,) what the surrogate says there.
        share: of the rows it was fitted to.
    """

    conditions: tuple[tuple[str, str], ...]
    output: NpArray
    share: float


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Surrogate(Explanation):
    """A decision tree, a list of rules or a sparse linear model that imitates a model's outputs.

    Attributes:
        values: (columns,) how much each column matters to the surrogate, adding up to one.
        form: "tree", "rules" or "linear".
        targets: names of the outputs it imitates.
        decides: whether it imitates the class decided on, and not the number.
        fidelity: on rows it was not fitted to: the share of equal classes, or R².
        fidelity_half_width: 95 % half-width of that, over these rows.
        held_out: the numbers of these rows.
        rows: how many rows it was fitted to.
        term_column: (terms,) the column of each thing it looks at.
        term_code: (terms,) the category whose presence is the thing, NaN for the column's number.
        feature: (nodes,) the term split on, -1 at leaves; a list of rules goes on to the next where one fails.
        threshold: (nodes,) go left where the term <= threshold.
        left: (nodes,) node numbers, -1 at leaves.
        right: (nodes,) node numbers, -1 at leaves.
        output: (nodes, outputs) what it says there.
        share: (nodes,) of the rows.
        rule_of: (nodes,) the rule that a node of a list belongs to.
        coefficients: (terms, outputs) of a linear model.
        intercept: (outputs,) of a linear model.
        row: the row it stands around; -1 for the whole table.
        said: (outputs,) what the model says of that row.
        own: (columns,) that row.
    """

    form: str
    targets: tuple[str, ...]
    decides: bool
    fidelity: float
    fidelity_half_width: float
    held_out: NpArray
    rows: int
    term_column: NpArray
    term_code: NpArray
    feature: NpArray = field(default_factory=lambda: np.zeros(0, int))
    threshold: NpArray = field(default_factory=lambda: np.zeros(0))
    left: NpArray = field(default_factory=lambda: np.zeros(0, int))
    right: NpArray = field(default_factory=lambda: np.zeros(0, int))
    output: NpArray = field(default_factory=lambda: np.zeros((0, 1)))
    share: NpArray = field(default_factory=lambda: np.zeros(0))
    rule_of: NpArray = field(default_factory=lambda: np.zeros(0, int))
    coefficients: NpArray = field(default_factory=lambda: np.zeros((0, 1)))
    intercept: NpArray = field(default_factory=lambda: np.zeros(1))
    row: int = -1
    said: NpArray = field(default_factory=lambda: np.zeros(0))
    own: NpArray = field(default_factory=lambda: np.zeros(0))

    def terms(self, X: Any) -> NpArray:
        """(n, terms): rows of numbers as the things that the surrogate looks at."""
        chosen = np.asarray(X, float)[:, self.term_column]
        return np.where(np.isnan(self.term_code), np.nan_to_num(chosen), chosen == self.term_code)

    def predict(self, X: Any) -> NpArray:
        """What the surrogate says of rows of numbers: (n, columns) -> (n, outputs); categories by their codes."""
        Z = self.terms(X)
        if self.form == "linear":
            return Z @ self.coefficients + self.intercept
        at = np.zeros(len(Z), int)
        while (inner := self.feature[at] >= 0).any():
            left = Z[np.arange(len(Z)), self.feature[at]] <= self.threshold[at]
            at = np.where(inner, np.where(left, self.left[at], self.right[at]), at)
        return self.output[at]

    def decide(self, X: Any) -> NpArray:
        """(n,) the number of the output that is largest for each row."""
        return self.predict(X).argmax(1)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The leaves as rules: those of a tree exclude each other, those of a list are asked in this order."""
        if self.form == "linear":
            raise CapabilityError("A linear model has no rules.", fix="Read its coefficients.")
        if self.form == "tree":
            return tuple(self._walk(0, ()))
        return tuple(self._listed(k) for k in range(int(self.rule_of.max()) + 1))

    def _walk(self, node: int, path: tuple[tuple[str, str], ...]) -> list[Rule]:
        if self.feature[node] < 0:
            return [Rule(_tightest(path), self.output[node], float(self.share[node]))]
        sides = ((int(self.left[node]), True), (int(self.right[node]), False))
        return [
            r for child, left in sides for r in self._walk(child, (*path, self.condition(node, left=left)))
        ]

    def _listed(self, k: int) -> Rule:
        """Rule number k of a list: its nodes follow each other, each on the side that stays within the rule."""
        nodes = np.flatnonzero(self.rule_of == k)
        inner, leaf = nodes[self.feature[nodes] >= 0], nodes[self.feature[nodes] < 0][0]
        path = tuple(self.condition(int(n), left=bool(self.rule_of[self.left[n]] == k)) for n in inner)
        return Rule(_tightest(path), self.output[leaf], float(self.share[leaf]))

    def condition(self, node: int, *, left: bool) -> tuple[str, str]:
        """The column of a split, and what a row must be to go to one side of it."""
        term = int(self.feature[node])
        column, code = int(self.term_column[term]), self.term_code[term]
        name = self.features.name((column,))
        if not np.isnan(code):
            word = (
                self.features.show(column, float(code)) if isinstance(self.features, Columns) else str(code)
            )
            return name, f"{'≠' if left else '='} {word}"
        return name, f"{'≤' if left else '>'} {self._shown(column, float(self.threshold[node]))}"

    def _shown(self, column: int, value: float) -> str:
        if not isinstance(self.features, Columns):
            return plain(value)
        unit = self.features.units.get(self.features.names[column], "")
        return plain(value) + (f" {unit}" if unit else "")

    @property
    def measure(self) -> str:
        """What fidelity counts: "agreement" or "R²"."""
        return "agreement" if self.decides else "R²"

    @property
    def order(self) -> NpArray:
        """(columns,) numbers of the columns, those that matter most first."""
        return np.argsort(-self.values, kind="stable")

    def to_frame(self) -> Any:
        """One row per column: how much it matters, and its coefficient for each output where the model is linear."""
        from pellucid.core.extras import need

        pandas = need("pandas", what="A frame", extra="frames")
        names = [self.features.name((k,)) for k in range(len(self.values))]
        data: dict[str, Any] = {"weight": self.values}
        if self.form == "linear":
            plain = np.isnan(self.term_code)
            for k, target in enumerate(self.targets):
                column = np.full(len(names), np.nan)
                column[self.term_column[plain]] = self.coefficients[plain, k]
                data[f"coefficient for {target}"] = column
        return pandas.DataFrame(data, index=names)


def _tightest(path: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Conditions without those that a later one on the same side of the same column makes needless."""
    last = {(column, what if what[0] in "=≠" else what[0]): (column, what) for column, what in path}
    return tuple(last.values())
