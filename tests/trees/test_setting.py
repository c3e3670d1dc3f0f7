"""Exact partial dependence of forests: rows counted once, against the mean prediction with the column set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pellucid.core.errors import CapabilityError
from pellucid.methods.trees.setting import partial_dependence
from tests.trees import grown

forests = st.builds(
    grown.forest,
    st.integers(0, 10**6),
    columns=st.integers(1, 5),
    trees=st.integers(1, 5),
    depth=st.integers(0, 7),
    outputs=st.integers(1, 3),
    wide=st.booleans(),
)


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(forests)
def test_it_is_the_mean_prediction_with_the_column_set(f):
    x = grown.rows(1, 30, f.columns)
    grid = np.array([-1.0, 0.0, 0.5, 1, 2.25, 3, 60, 99, np.nan])
    found = partial_dependence(f, x, dict.fromkeys(range(f.columns), grid))
    for column, curve in found.items():
        for value, mean in zip(grid, curve, strict=True):
            rows = x.copy()
            rows[:, column] = value
            np.testing.assert_allclose(mean, f.predict(rows).mean(0), rtol=0, atol=1e-12)


def test_no_rows_are_refused():
    with pytest.raises(CapabilityError, match="no rows to average over"):
        partial_dependence(grown.forest(1), np.zeros((0, 5)), {0: np.zeros(1)})
