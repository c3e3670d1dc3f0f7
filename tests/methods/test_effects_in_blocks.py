"""A whole table in blocks: memory, questions and progress of the methods that go through every column of many rows."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import pellucid
from pellucid.core.errors import Cancelled
from pellucid.core.run import CACHED
from pellucid.core.views import STACKED_ROWS

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
COLUMNS = 30
METHODS = [
    pellucid.AccumulatedLocalEffects(bins=5),
    pellucid.PartialDependence(points=5, ice=20),
    pellucid.PermutationImportance(repeats=1),
]
named = pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)


def table(rows: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, COLUMNS))


def cheap(rows: np.ndarray) -> np.ndarray:
    return np.tanh(rows[:, 0]) * rows[:, 1] + rows[:, 2]


def peak(method: Any, X: np.ndarray) -> int:
    """Bytes taken beyond the table's own."""
    tracemalloc.start()
    try:
        method(cheap, X)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@named
def test_memory_grows_by_a_few_numbers_per_row_and_not_by_copies_of_the_table(method):
    few, many = table(10_000), table(40_000)
    method(cheap, few[:100])  # what is imported is imported
    grown = peak(method, many) - peak(method, few)
    assert (
        grown < (many.nbytes - few.nbytes) / 5
    )  # a copy of the rows would be all of it, one per point five times


@named
def test_no_question_is_larger_than_a_block_and_every_column_is_answered(method):
    sizes = list[int]()

    def asked(rows: np.ndarray) -> np.ndarray:
        sizes.append(len(rows))
        return cheap(rows)

    X = table(4 * STACKED_ROWS)
    e = method(asked, X)
    names = {c for place in e.columns for c in place} if isinstance(e, pellucid.Curve) else set(e.names)
    assert len(names) == COLUMNS
    assert max(sizes) <= max(STACKED_ROWS, CACHED // X[0].nbytes)  # blocks, and the table as it is


@named
def test_progress_is_told_along_the_way_and_ends_at_the_whole(method):
    told = list[tuple[int, int]]()
    with pellucid.options(progress=lambda label, done, total: told.append((done, total))):
        method(cheap, table(2000))
    done = [d for d, _ in told]
    assert done == sorted(done)
    assert len(told) >= COLUMNS
    assert told[-1] == (told[0][1], told[0][1])


@named
def test_a_long_run_can_be_cancelled(method):
    calls = list[int]()

    def asked(rows: np.ndarray) -> np.ndarray:
        calls.append(len(rows))
        return cheap(rows)

    with pellucid.options(cancel=lambda: len(calls) > 5), pytest.raises(Cancelled):
        method(asked, table(2 * STACKED_ROWS))
    assert len(calls) <= 8


@pytest.mark.parametrize("rows", [40, STACKED_ROWS + 100])
@pytest.mark.parametrize("fails", [False, True])
def test_a_model_may_write_to_its_rows_and_run_out_of_memory(rows, fails):
    """Rows are made anew for each question, and once more where one has failed after the model wrote to them."""
    failed = list[int]()

    def writes(given: np.ndarray) -> np.ndarray:
        y = cheap(given)
        given[:] = np.nan
        if fails and len(given) > 500:
            failed.append(len(given))
            raise MemoryError
        return y

    X = table(rows)
    e = pellucid.PartialDependence(points=20, ice=5)(writes, X, columns=["x0", ("x0", "x2"), "x1"])
    assert bool(failed) == fails
    for k, place in enumerate(e.columns):
        here = e.of == k
        for point, value in zip(e.grid[here], e.values[here, 0], strict=True):
            set_to = X.copy()
            for name, v in zip(place, point, strict=False):
                set_to[:, int(name[1:])] = v
            assert value == pytest.approx(cheap(set_to).mean(), abs=1e-12)
