"""The wanted answer as linear conditions on the sums of a forest's leaves."""

from __future__ import annotations

from pellucid.core.forest import Forest
from pellucid.core.types import NpArray
from pellucid.core.views import Query

Alternatives = list[list[tuple[NpArray, float]]]
"""Ways to the wanted answer: in each, factors of the sums and the least that they add up to."""


def linear(q: Query, forest: Forest, row: int) -> Alternatives | None:
    """What the sums of the leaves must keep to for the wanted answer of a row; None where it is not linear."""
    logs = forest.link in ("logistic", "softmax")
    if forest.link not in ("logistic", "softmax", "identity"):
        return None
    found = q.conditions(row, logs)
    if forest.link == "logistic":  # the first class's score is 0
        found = [[(factors[1:], least) for factors, least in way] for way in found]
    fits = all(len(factors) == forest.outputs for way in found for factors, _ in way)
    return found if fits else None
