"""BoundaryInstances: rows on either side of the boundary, as near to it as a smooth model allows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from pellucid import BoundaryInstances, Constraints

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")

TABLE = np.random.default_rng(0).uniform(-1, 1, (300, 4))


def curved(rows: np.ndarray) -> np.ndarray:
    p = 1 / (1 + np.exp(-(3 * rows[:, 0] * rows[:, 1] + rows[:, 2])))
    return np.stack([1 - p, p], 1)


def test_both_sides_of_a_smooth_boundary():
    e = BoundaryInstances(n=6)(curved, TABLE[:20], background=TABLE)
    now = curved(TABLE[:20]).argmax(1)[e.of]
    assert [len(e.of_row(row)) for row in range(20)] == [6] * 20
    assert (curved(e.values).argmax(1) != now).all()
    assert (curved(e.inside).argmax(1) == now).all()
    for side in (e.values, e.inside):
        assert (np.abs(curved(side)[:, 1] - 0.5) <= 1e-3).all()
    assert np.abs(e.values - e.inside).max() < 1e-3
    for row in range(20):
        pairs = e.values[list(e.of_row(row))]
        assert len(np.unique(pairs, axis=0)) == 6


def test_the_way_shows_the_turn():
    e = BoundaryInstances(n=3)(curved, TABLE[:2], background=TABLE)
    for number in range(3):
        lead = e.path_lead[e.of_row(0)[number]]
        assert lead[0] < 0
        assert lead.max() >= 0
        for kind in ("way", "boundary", "changes"):
            assert e.plot(kind, row=0, number=number) is not None


def test_new_rows_are_made_and_real_ones_alone_do_too():
    both = BoundaryInstances(n=40)(curved, TABLE[:3], background=TABLE)
    real = BoundaryInstances(n=40, fresh=False)(curved, TABLE[:3], background=TABLE)
    assert len(both) == len(real) == 120
    assert (both.values[:40] != real.values[:40]).any()


def test_constraints_hold_and_jumps_are_passed():
    labels = (TABLE[:, 0] > TABLE[:, 1]).astype(int)
    forest = RandomForestClassifier(10, random_state=0).fit(TABLE, labels)
    asked = Constraints(immutable=[3], increase_only=[0])
    rows = TABLE[labels == 0][:10]
    e = BoundaryInstances(n=4)(forest, rows, background=TABLE, constraints=asked)
    assert len(e)
    assert (forest.predict(e.values) == 1).all()
    assert (e.values[:, 3] == rows[e.of, 3]).all()
    assert (e.values[:, 0] >= rows[e.of, 0]).all()


def test_no_row_of_another_answer():
    never = lambda rows: np.stack([np.ones(len(rows)), np.zeros(len(rows))], 1)  # noqa: E731
    e = BoundaryInstances(n=2)(never, TABLE[:2], background=TABLE)
    assert e.status == ("not_found",) * 2
    assert e.narrate()
    assert e.plot() is not None
