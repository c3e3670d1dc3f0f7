"""Columns that move together, and rows that are alike in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Table

CORRELATED = 0.7
"""From this |rank correlation| on, shuffling one column alone makes rows that do not occur."""
SAMPLE = 10_000
"""Rows that correlations are taken over."""
NAMED = 4
"""Columns of a group that are named."""
LEAST = 20
"""Rows among which a column is shuffled at least, where it is shuffled conditionally."""
STRATA = 30
"""Groups of alike rows at most."""


def rank_correlation(X: NpArray) -> NpArray:
    """(columns, columns) Spearman's, 0 for a column that does not vary; of many rows some, spread over the table."""
    from scipy.stats import rankdata

    look = np.linspace(0, len(X) - 1, min(len(X), SAMPLE)).astype(int)
    ranks = rankdata(np.nan_to_num(X[look]), axis=0)
    spread = ranks.std(0)
    ranks = (ranks - ranks.mean(0)) / np.where(spread > 0, spread, 1)
    return ranks.T @ ranks / len(ranks)


def clusters(t: Table) -> NpArray:
    """(players,) the cluster of each: players joined, one by one, by columns that are correlated."""
    together = np.abs(rank_correlation(t.X)) >= CORRELATED
    cluster = np.arange(len(t.players))
    for i, j in np.argwhere(np.triu(together, 1)):
        a, b = cluster[t.label[i]], cluster[t.label[j]]
        cluster[cluster == max(a, b)] = min(a, b)
    return cluster


def groups_offered(t: Table) -> str:
    """Groups to shuffle together, as they would be written; at most three."""
    cluster = clusters(t)
    found = list[str]()
    for k in np.unique(cluster):
        members = np.flatnonzero(cluster == k)
        if len(members) > 1:
            columns = [t.columns.names[c] for c in range(len(t.label)) if t.label[c] in members]
            shown = ", ".join(map(repr, columns[:NAMED])) + (", ..." if len(columns) > NAMED else "")
            found.append(f"'group {len(found) + 1}': ({shown})")
    more = ", ..." if len(found) > 3 else ""
    return "{" + ", ".join(found[:3]) + more + "}" if found else "{...}"


@dataclass(frozen=True)
class Strata:
    """Rows in groups within which a column is shuffled.

    Attributes:
        group: (rows,) the group of each; all zero where any row may be swapped with any other.
    """

    group: NpArray

    def shuffled(self, rng: np.random.Generator) -> NpArray:
        """(rows,) which row each takes its values from."""
        if not self.group.any():
            return rng.permutation(len(self.group))
        order = np.empty(len(self.group), int)
        place = np.argsort(self.group, kind="stable")
        shaken = np.lexsort((rng.random(len(self.group)), self.group))
        order[place] = shaken
        return order


def strata_of(t: Table, player: int, conditional: bool) -> Strata:
    """Groups of rows alike in the columns that a player moves with: the leaves of a tree that predicts it from them."""
    nobody = Strata(np.broadcast_to(np.int64(0), len(t.X)))  # takes no memory
    if not conditional:
        return nobody
    cluster = clusters(t)
    others = [
        c for c in range(len(t.label)) if t.label[c] != player and cluster[t.label[c]] == cluster[player]
    ]
    if not others or len(t.X) < 2 * LEAST:
        return nobody
    from sklearn.tree import DecisionTreeRegressor

    own = np.nan_to_num(t.X[:, t.label == player])
    spread = own.std(0)
    X = np.nan_to_num(t.X[:, others])
    tree = DecisionTreeRegressor(min_samples_leaf=LEAST, max_leaf_nodes=STRATA, random_state=0)
    return Strata(tree.fit(X, own / np.where(spread > 0, spread, 1)).apply(X))
