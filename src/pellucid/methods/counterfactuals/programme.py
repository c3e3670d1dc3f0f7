"""A mixed-integer programme: variables, linear conditions, a linear cost, solved by HiGHS with its proven bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from pellucid.core.types import NpArray

GAP = 1e-5
"""Share of the cost to which the optimum is proven."""


@dataclass(frozen=True)
class Affine:
    """A constant and multiples of variables.

    >>> (Affine(1.0, {0: 2.0}) + Affine(0.5, {0: 1.0}) * 2).terms
    {0: 4.0}
    """

    constant: float = 0.0
    terms: Mapping[int, float] = field(default_factory=dict[int, float])

    def __add__(self, other: Affine) -> Affine:
        terms = dict(self.terms)
        for variable, factor in other.terms.items():
            terms[variable] = terms.get(variable, 0.0) + factor
        return Affine(self.constant + other.constant, terms)

    def __mul__(self, factor: float) -> Affine:
        return Affine(self.constant * factor, {v: f * factor for v, f in self.terms.items()})

    def at(self, solution: NpArray) -> float:
        """Its value where the variables have these."""
        return self.constant + sum(f * float(solution[v]) for v, f in self.terms.items())


@dataclass(frozen=True)
class Solution:
    """What the solver found.

    Attributes:
        at: values of the variables; None where none were found.
        bound: no solution costs less; infinite where there is proven to be none.
        is_impossible: whether there is proven to be none.
    """

    at: NpArray | None
    bound: float
    is_impossible: bool


class Programme:
    """Variables and conditions, one after another."""

    def __init__(self) -> None:
        self.low, self.high, self.whole = list[float](), list[float](), list[bool]()
        self.rows, self.least, self.most = (list[Mapping[int, float]](), list[float](), list[float]())
        self.cost = Affine()

    def variable(self, low: float, high: float, *, whole: bool = False) -> Affine:
        """A new variable between two values."""
        self.low.append(low)
        self.high.append(high)
        self.whole.append(whole)
        return Affine(0.0, {len(self.low) - 1: 1.0})

    def condition(self, what: Affine, least: float = -np.inf, most: float = np.inf) -> None:
        """`least <= what <= most`."""
        self.rows.append(what.terms)
        self.least.append(least - what.constant)
        self.most.append(most - what.constant)

    def solved(self, seconds: float) -> Solution:
        """The cheapest values that keep to all conditions, or what is known of them after some seconds."""
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_matrix

        count = len(self.low)
        c = np.zeros(count)
        c[list(self.cost.terms)] = list(self.cost.terms.values())
        places = [(k, v, f) for k, row in enumerate(self.rows) for v, f in row.items()]
        which, what, factor = zip(*places, strict=True) if places else ((), (), ())
        A = csr_matrix((factor, (which, what)), shape=(len(self.rows), count))
        found = milp(
            c,
            integrality=np.array(self.whole, int),
            bounds=Bounds(np.array(self.low), np.array(self.high)),  # type: ignore[arg-type]  # the stubs know single bounds
            constraints=LinearConstraint(A, np.array(self.least), np.array(self.most)),  # type: ignore[arg-type]
            options={"time_limit": seconds, "mip_rel_gap": GAP},
        )
        bound = -np.inf if found.mip_dual_bound is None else float(found.mip_dual_bound)
        if found.status == 0 and not np.isfinite(bound):
            bound = float(found.fun)
        impossible = found.status == 2
        return Solution(found.x, np.inf if impossible else bound + self.cost.constant, impossible)
