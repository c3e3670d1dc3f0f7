"""Filling coalitions in: bit by bit the same in one pass as by the definition, in memory that models may write to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid
from pellucid.core import mixing
from pellucid.core.features import Columns
from pellucid.core.masker import Background
from pellucid.core.mixing import Mixed, Overlay, averaged, repeated, shared

COLUMNS = Columns(tuple("abcde"), groups={"pair": ("b", "d")})


def by_definition(mixed: Mixed, coalitions: np.ndarray) -> np.ndarray:
    """(b, m, features), one number after another."""
    out = np.empty((len(mixed.behind), len(coalitions), len(mixed.x)), mixed.behind.dtype)
    for k, c, j in np.ndindex(out.shape):
        out[k, c, j] = mixed.x[j] if coalitions[c, mixed.label[j]] else mixed.behind[k, j]
    return out


def bits(array: np.ndarray) -> bytes:
    return np.ascontiguousarray(array).tobytes()


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from([np.float64, np.float32, np.float16, np.int64, np.int8]),
    background=st.integers(2, 12),
    count=st.integers(1, 9),
    long=st.sampled_from([1, 20, 4096]),
    seed=st.integers(0, 99),
)
def test_rows_laid_over_a_background_are_what_the_definition_says_to_the_bit(
    kind, background, count, long, seed
):
    rng = np.random.default_rng(seed)
    behind = (rng.normal(size=(background, 5)) * 9).astype(kind)
    if behind.dtype.kind == "f":
        behind[0, :4] = [-0.0, np.nan, np.inf, 0.0]
    X = (rng.normal(size=(3, 5)) * 9).astype(kind)
    masker = Background(behind)
    fills = shared([masker.bind(x, COLUMNS).fill for x in X])
    assert fills is not None
    coalitions = rng.random((count, 4)) < 0.5
    before, mixing.LONG = mixing.LONG, long
    try:
        found = Overlay(fills[0], coalitions, repeated(fills[0], count + seed % 3)).over(fills)
    finally:
        mixing.LONG = before
    wanted = np.stack([by_definition(fill, coalitions) for fill in fills])
    assert found.dtype == kind and bits(found) == bits(wanted)
    assert bits(fills[0](coalitions)) == bits(wanted[0].swapaxes(0, 1))


def test_only_rows_over_the_same_several_rows_are_laid_over_them_together():
    X, rows = np.arange(10.0).reshape(2, 5), np.ones((3, 5))
    first, other = Background(rows), Background(rows + 1)
    assert shared([first.bind(x, COLUMNS).fill for x in X]) is not None
    assert shared([m.bind(x, COLUMNS).fill for m, x in zip((first, other), X, strict=True)]) is None
    assert shared([Background(rows[:1]).bind(x, COLUMNS).fill for x in X]) is None
    assert shared([lambda S: S]) is None
    assert shared([first.bind(X[0], COLUMNS).fill, first.bind(X[1], Columns(COLUMNS.names)).fill]) is None


@pytest.mark.parametrize("background", [2, 7, 100])
def test_a_mean_over_the_background_has_the_same_bits_whatever_stands_beside_it(background):
    answers = np.random.default_rng(0).normal(size=(4, background, 9))
    together = averaged(answers)
    np.testing.assert_allclose(together, answers.mean(1), rtol=1e-12)
    for row in range(4):
        for m in range(9):
            alone = averaged(np.ascontiguousarray(answers[row : row + 1, :, m : m + 1]))
            assert alone[0, 0] == together[row, m]


@pytest.mark.parametrize("method", [pellucid.KernelShap(budget=80), pellucid.PermutationShap(budget=90)])
def test_values_have_the_same_bits_for_every_batch_size(method):
    rng = np.random.default_rng(1)
    X, B = rng.normal(size=(5, 8)), rng.normal(size=(13, 8))
    f = lambda r: np.sin(r[:, 0]) * r[:, 1] + r[:, 2]  # noqa: E731
    whole = method(f, X, background=B).values
    for size in (1, 13, 50, 1000):
        with pellucid.options(batch_size=size):
            np.testing.assert_array_equal(method(f, X, background=B).values, whole)


def test_a_model_may_write_to_what_it_is_given_and_keep_it():
    rng = np.random.default_rng(2)
    X, B = rng.normal(size=(3, 6)), rng.normal(size=(20, 6))
    kept = list[np.ndarray]()

    def writes(rows: np.ndarray) -> np.ndarray:
        kept.append(rows)
        out = rows[:, 0] * rows[:, 1] + rows[:, 2]
        rows[:] = len(kept)
        return out

    wanted = pellucid.KernelShap(budget=40)(lambda r: r[:, 0] * r[:, 1] + r[:, 2], X, background=B).values
    before = X.copy(), B.copy()
    with pellucid.options(batch_size=400):
        found = pellucid.KernelShap(budget=40)(writes, X, background=B).values
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(B, before[1])
    assert all((rows == k + 1).all() for k, rows in enumerate(kept))


def test_what_a_model_wrote_before_it_ran_out_of_memory_is_made_anew():
    rng = np.random.default_rng(3)
    X, B = rng.normal(size=(2, 6)), rng.normal(size=(10, 6))

    def small(rows: np.ndarray) -> np.ndarray:
        out = rows[:, 0] * rows[:, 1] + rows[:, 2]
        rows[:] = 0
        if len(rows) > 150:
            raise MemoryError
        return out

    wanted = pellucid.KernelShap(budget=40)(lambda r: r[:, 0] * r[:, 1] + r[:, 2], X, background=B).values
    found = pellucid.KernelShap(budget=40)(small, X, background=B)
    np.testing.assert_array_equal(found.values, wanted)


def test_calls_hold_what_fits_into_the_cache_but_not_too_few_rows():
    sizes = set[int]()

    def counts(rows: np.ndarray) -> np.ndarray:
        sizes.add(len(rows))
        return rows[:, 0]

    rng = np.random.default_rng(4)
    for columns, largest in ((16, 2**21 // 128), (400, 2048)):
        sizes.clear()
        X, B = rng.normal(size=(3, columns)), rng.normal(size=(30, columns))
        pellucid.KernelShap(budget=2000, cubic=False)(counts, X, background=B)
        assert largest * 0.8 < max(sizes) <= largest
