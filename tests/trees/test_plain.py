"""The values in NumPy against every coalition asked, and in a process that has no numba."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
from hypothesis import given, settings

from pellucid.core.run import Run
from pellucid.methods.trees import plain
from pellucid.methods.trees.pairs import squared
from tests.trees import grown
from tests.trees.test_engine import LIMIT, forests, some
from tests.twins import trees as twin


@settings(some, max_examples=15)
@given(forests)
def test_values_and_interactions(f):
    x, background = grown.rows(1, 2, f.columns), grown.rows(2, 4, f.columns)
    weights = np.random.default_rng(0).normal(size=(2, f.outputs))
    for rows in (None, background):
        found = plain.values(f, x, rows, weights, Run(), label="", pairs=True)
        alone = plain.values(f, x, rows, weights, Run(), label="", pairs=False)
        for r in range(2):
            one, two = twin.shapley(f, x[r], rows) @ weights[r], twin.interactions(f, x[r], rows) @ weights[r]
            np.testing.assert_allclose(alone[r], one, rtol=0, atol=LIMIT)
            np.testing.assert_allclose(squared(found[r : r + 1], f.columns)[0], two, rtol=0, atol=LIMIT)
    np.testing.assert_allclose(plain.expected(f), twin.value(f, x[0], frozenset(), None), rtol=0, atol=1e-12)


SCRIPT = """
import json, sys
if sys.argv[1] == "without":
    sys.modules["numba"] = None
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
import pellucid
rng = np.random.default_rng(0)
X = rng.normal(size=(200, 4))
model = HistGradientBoostingClassifier(max_iter=5).fit(X, X[:, 0] * X[:, 1] > 0)
out = []
beside = {"background": X[50:60]}
kinds = [({"interactions": pairs}, how) for pairs in (False, True) for how in ({}, beside)]
for knobs, how in (*kinds, ({"output": "probability"}, beside)):
        e = pellucid.TreeShap(**knobs)(model, X[:4], **how)
        out.append([e.values.tolist(), e.base.tolist(), list(e.provenance.notes)])
print(json.dumps(out))
"""


def answers(how: str) -> list:
    run = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def test_without_numba():
    """Same numbers, and a note that says why it took long."""
    for (values, base, notes), (expected, expected_base, _) in zip(
        answers("without"), answers("with"), strict=True
    ):
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(base, expected_base, rtol=0, atol=1e-12)
        assert any("numba is not installed" in note or "scaled to probabilities" in note for note in notes)
