"""How a computation runs: options, seeds, batches, memory, progress, cancelling."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid
from pellucid.core.errors import Cancelled, ParameterError
from pellucid.core.run import LARGEST, Pace, Run, batches, current, tracking

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
X = np.random.default_rng(0).normal(size=(6, 4))
NET = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)).eval()
METHODS = {
    "kernel_shap": lambda: pellucid.KernelShap()(lambda r: r.sum(1), X, background=X),
    "occlusion": lambda: pellucid.Occlusion()(lambda r: r.sum(1), X),
    "permutation_importance": lambda: pellucid.PermutationImportance(repeats=3)(
        lambda r: r.sum(1), X, X.sum(1)
    ),
    "integrated_gradients": lambda: pellucid.IntegratedGradients()(NET, X),
    "integrated_gradients_steps": lambda: pellucid.IntegratedGradients(steps=40)(NET, X),
}
every = pytest.mark.parametrize("call", METHODS.values(), ids=METHODS)


# -- options --------------------------------------------------------------------------------------------------------


def test_defaults():
    assert (current().seed, current().batch_size, current().strict, current().cancel) == (
        0,
        None,
        False,
        None,
    )


def test_options_nest_and_end():
    with pellucid.options(seed=7, batch_size=32) as outer:
        assert current() is outer
        with pellucid.options(seed=8, strict=True):
            assert (current().seed, current().batch_size, current().strict) == (8, 32, True)
        assert (current().seed, current().strict) == (7, False)
    assert (current().seed, current().batch_size) == (0, None)


def test_options_end_with_an_exception():
    with pytest.raises(KeyError), pellucid.options(seed=7):
        raise KeyError
    assert current().seed == 0


def test_options_of_one_thread_are_not_anothers():
    seen: list[int] = []
    with pellucid.options(seed=9):
        thread = threading.Thread(target=lambda: seen.append(current().seed))
        thread.start()
        thread.join()
    assert seen == [0]


def test_falsy_options_are_options():
    with pellucid.options(seed=3, strict=True, progress=False), pellucid.options(seed=0, strict=False):
        assert (current().seed, current().strict, current().progress) == (0, False, False)


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_has_a_row(size):
    with (
        pytest.raises(ParameterError, match=f"batch_size must be at least 1. Got {size}"),
        pellucid.options(batch_size=size),
    ):
        pass


@pytest.mark.parametrize(
    "wrong", [{"batch_size": "4"}, {"batch_size": 2.5}, {"seed": -1}, {"seed": "a"}], ids=str
)
def test_options_that_are_none_are_refused_at_once(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))), pellucid.options(**wrong):
        pass


def test_each_result_counts_its_own_passes():
    with pellucid.options(seed=1):
        first = METHODS["occlusion"]().quality.evals
        assert METHODS["occlusion"]().quality.evals == first


# -- seeds ----------------------------------------------------------------------------------------------------------


def test_streams_by_key():
    run = Run(seed=5)
    assert run.generator(3).random() == run.generator(3).random()
    draws = {run.generator(*key).random() for key in [(), (0,), (1,), (0, 0), (0, 1), (1, 0)]}
    assert len(draws) == 6
    assert Run(seed=6).generator(3).random() != run.generator(3).random()


@every
def test_global_streams_are_left_alone(call):
    np.random.seed(3)  # noqa: NPY002
    torch.manual_seed(3)
    before, torch_before = np.random.get_state()[1].copy(), torch.random.get_rng_state()  # noqa: NPY002
    call()
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    assert torch.equal(torch_before, torch.random.get_rng_state())


@every
def test_global_streams_do_not_matter(call):
    np.random.seed(3)  # noqa: NPY002
    once = call().values
    np.random.seed(4)  # noqa: NPY002
    np.testing.assert_array_equal(call().values, once)


def test_the_seed_is_in_the_provenance():
    with pellucid.options(seed=11):
        assert METHODS["kernel_shap"]().provenance.seed == 11


# -- batches --------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(1, 50))
def test_batches_cover_all_rows_once(total, size):
    parts = list(batches(total, size))
    assert [i for s in parts for i in range(s.start, s.stop)] == list(range(total))
    assert all(1 <= s.stop - s.start <= size for s in parts)


def test_automatic_sizes():
    assert Run(batch_size=5).size(1e12) == 5
    assert Run().size(1e12) == 1
    assert Run().size(0.0) == LARGEST
    assert 1 < Run().size(2**20) < LARGEST


def out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError)


def limited(most: int, log: list[slice]) -> Callable[[slice], None]:
    """A step that runs out of memory above `most` rows."""

    def step(rows: slice) -> None:
        if rows.stop - rows.start > most:
            raise MemoryError
        log.append(rows)

    return step


@settings(deadline=None)
@given(st.integers(1, 100), st.integers(1, 64), st.integers(1, 64))
def test_halving_covers_all_rows_once(total, size, most):
    log: list[slice] = []
    pace = Pace(Run(), size, out_of_memory)
    pace.over(total, limited(most, log))
    assert [i for s in log for i in range(s.start, s.stop)] == list(range(total))
    assert pace.size <= size
    assert all(s.stop - s.start <= most for s in log)


def test_a_halved_batch_stays_halved():
    tried: list[int] = []

    def step(rows: slice) -> None:
        tried.append(rows.stop - rows.start)
        if tried[-1] > 3:
            raise MemoryError

    pace = Pace(Run(), 16, out_of_memory)
    pace.over(16, step)
    assert tried[:3] == [16, 8, 4]
    assert max(tried[3:]) <= 2
    pace.over(16, step)
    assert max(tried[3:]) <= 2


def test_one_row_that_does_not_fit_raises_the_error_itself():
    with pytest.raises(MemoryError):
        Pace(Run(), 8, out_of_memory).over(8, limited(0, []))


def test_another_error_is_not_tried_again():
    tried: list[slice] = []

    def step(rows: slice) -> None:
        tried.append(rows)
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"mine"):
        Pace(Run(), 8, out_of_memory).over(8, step)
    assert len(tried) == 1


@pytest.mark.parametrize("kind", ["kernel_shap", "occlusion", "permutation_importance"])
def test_a_model_short_of_memory_is_asked_in_smaller_batches_from_then_on(kind):
    """The values are the same, and the batch that failed is not tried again and again."""
    failures = 0

    def tight(rows: np.ndarray) -> np.ndarray:
        nonlocal failures
        if len(rows) > 6:  # the rows themselves fit, what is asked of each does not
            failures += 1
            raise MemoryError
        return np.tanh(rows).sum(1)

    def whole(rows: np.ndarray) -> np.ndarray:
        return np.tanh(rows).sum(1)

    calls: dict[str, Any] = {
        "kernel_shap": lambda f: pellucid.KernelShap()(f, X, baseline=0.0),
        "occlusion": lambda f: pellucid.Occlusion()(f, np.repeat(X, 2, 1)),
        "permutation_importance": lambda f: pellucid.PermutationImportance(repeats=3)(f, X, X.sum(1)),
    }
    np.testing.assert_allclose(calls[kind](tight).values, calls[kind](whole).values, atol=1e-12)
    assert failures <= 4, f"{failures} times out of memory"


def test_background_rows_are_halved_too():
    """A coalition behind 20 background rows is 20 rows of a batch: they too are asked in parts."""

    def tight(rows: np.ndarray) -> np.ndarray:
        if len(rows) > 5:
            raise MemoryError
        return np.tanh(rows).sum(1)

    background = np.random.default_rng(1).normal(size=(20, 4))
    e = pellucid.KernelShap()(tight, X[:2], background=background)
    np.testing.assert_allclose(e.residual, 0, atol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 2, 3])
@every
def test_batch_size_is_rows_per_call_and_does_not_matter(call, batch_size):
    with pellucid.options(batch_size=batch_size):
        small = call()
    np.testing.assert_allclose(small.values, call().values, rtol=1e-5, atol=1e-6)


# -- progress and cancelling ----------------------------------------------------------------------------------------


@every
def test_progress_is_told_in_growing_numbers(call):
    told: list[tuple[str, int, int]] = []
    with pellucid.options(progress=lambda *args: told.append(args)):
        call()
    assert told
    for label in {t[0] for t in told}:
        numbers = [t[1] for t in told if t[0] == label]
        totals = {t[2] for t in told if t[0] == label}
        assert all(isinstance(t[0], str) and t[0] for t in told)
        assert all(1 <= done <= max(totals) for done in numbers)
        if label != "gradients":  # refining starts again with each level
            assert numbers == sorted(numbers)
            assert numbers[-1] == max(totals)


def test_tracking_never_passes_the_total():
    told: list[tuple[int, int]] = []
    run = Run(progress=lambda label, done, total: told.append((done, total)))
    with tracking(run, "work", 5) as advance:
        advance(3)
        advance(4)
    assert told == [(3, 5), (5, 5)]


def test_silence_where_nobody_watches(capfd):
    for call in METHODS.values():
        call()
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


def test_an_error_in_the_progress_callback_arrives():
    def angry(label: str, done: int, total: int) -> None:
        raise RuntimeError("stop it")

    with pellucid.options(progress=angry), pytest.raises(RuntimeError, match=r"stop it"):
        METHODS["occlusion"]()


@every
def test_cancelling_stops_the_run_and_leaves_nothing_behind(call):
    state = {k: v.clone() for k, v in NET.state_dict().items()}
    asked = 0

    def cancel() -> bool:
        nonlocal asked
        asked += 1
        return asked > 2

    before = call().values
    with (
        pellucid.options(cancel=cancel, batch_size=8),
        pytest.raises(Cancelled, match=r"The run was cancelled"),
    ):
        call()
    assert current().cancel is None
    assert not NET.training
    assert all(p.requires_grad and p.grad is None for p in NET.parameters())
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in NET.modules())
    assert all(torch.equal(v, state[k]) for k, v in NET.state_dict().items())
    np.testing.assert_array_equal(call().values, before)


def test_cancelling_before_anything_runs():
    def never(rows: np.ndarray) -> np.ndarray:
        raise AssertionError("asked")

    with pellucid.options(cancel=lambda: True), pytest.raises(Cancelled):
        pellucid.Occlusion()(never, X)


def test_a_cancelled_run_is_noted_once():
    with pellucid.options(cancel=lambda: True), pytest.raises(Cancelled) as caught:
        METHODS["occlusion"]()
    assert len([n for n in caught.value.__notes__ if n.startswith("pellucid:")]) == 1
