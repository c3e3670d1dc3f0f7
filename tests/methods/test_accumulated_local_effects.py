"""Accumulated local effects: known functions, the twin, and columns of every kind."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid
from pellucid import AccumulatedLocalEffects, PartialDependence
from pellucid.core.errors import DataError, ParameterError
from pellucid.methods.effects.accumulate import accumulated_pair
from tests.twins import effects as twin

quiet = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")


def normal(rho: float, n: int = 20_000, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    X[:, 1] = rho * X[:, 0] + np.sqrt(1 - rho**2) * X[:, 1]
    return X


def off(e: pellucid.Curve, truth: np.ndarray, size: float) -> float:
    """The largest gap to the shape of the true effect, as a share of its range, where 95 % of the rows are."""
    z = e.grid[:, 0]
    inside = (z > np.quantile(e.data[:, 0], 0.025)) & (z < np.quantile(e.data[:, 0], 0.975))
    gap = e.values[inside, 0] - truth[inside]
    return float(np.abs(gap - gap.mean()).max() / size)


# -- known effects --------------------------------------------------------------------------------------------------


@quiet
def test_an_additive_function():
    X = normal(0.9)
    f = lambda r: r[:, 0] ** 2 + np.sin(3 * r[:, 1])  # noqa: E731
    e = AccumulatedLocalEffects(bins=50)(f, X, columns=[0, 1])
    np.testing.assert_allclose(np.diff(e[0].values[:, 0]), np.diff(e[0].grid[:, 0] ** 2), atol=1e-12)
    np.testing.assert_allclose(np.diff(e[1].values[:, 0]), np.diff(np.sin(3 * e[1].grid[:, 0])), atol=1e-12)
    both = AccumulatedLocalEffects()(f, X, columns=(0, 1))
    np.testing.assert_allclose(both.values, 0, atol=1e-12)


@quiet
def test_a_product_has_no_effect_of_either_and_all_of_it_is_interaction():
    X = normal(0.0)
    e = AccumulatedLocalEffects(bins=40, cells=12)(lambda r: r[:, 0] * r[:, 1], X, columns=[0, (0, 1)])
    size = 16.0  # of x0 x1 between -2 and 2 on both
    assert off(e[0], np.zeros(len(e[0].grid)), size) < 0.02
    z = e[1].grid
    inside = (np.abs(z) < 2).all(1)
    gap = e[1].values[inside, 0] - z[inside].prod(1)
    assert np.abs(gap - gap.mean()).max() / size < 0.02


@quiet
def test_a_product_of_columns_that_move_together():
    """With E[x1 | x0] = 0.9 x0 the effect of x0 is 0.45 x0²; partial dependence sees E[x1] = 0 and nothing."""
    X = normal(0.9)
    f = lambda r: r[:, 0] * r[:, 1]  # noqa: E731
    e = AccumulatedLocalEffects(bins=50)(f, X, columns=0)
    p = PartialDependence(ice=0)(f, X, columns=0)
    size = 0.45 * 1.96**2
    assert off(e, 0.45 * e.grid[:, 0] ** 2, size) < 0.02
    assert off(p, 0.45 * p.grid[:, 0] ** 2, size) > 0.4


@quiet
def test_a_model_that_goes_wild_where_there_are_no_data():
    """Within the data it is x0; partial dependence shows what it does elsewhere."""
    X = normal(0.95)
    f = lambda r: r[:, 0] + np.where(np.abs(r[:, 0] - r[:, 1]) > 1.5, 8 * r[:, 1], 0)  # noqa: E731
    e = AccumulatedLocalEffects(bins=50)(f, X, columns=0)
    p = PartialDependence(ice=0)(f, X, columns=0)
    assert off(e, e.grid[:, 0], 4) < 0.02
    assert off(p, p.grid[:, 0], 4) > 0.2


@quiet
def test_the_interval_covers_the_effect_between_the_ends():
    ends, f = {"x0": np.linspace(-2, 2, 6)}, lambda r: r[:, 0] * np.exp(r[:, 1] / 2)
    steps = np.diff(AccumulatedLocalEffects()(f, normal(0.5, 400_000), columns=0, grid=ends).values[:, 0])
    inside, count = 0, 0
    for seed in range(1, 200):
        e = AccumulatedLocalEffects()(f, normal(0.5, 300, seed), columns=0, grid=ends)
        truth = np.concatenate([[0], steps.cumsum()])
        truth -= e.count[1:] @ ((truth[1:] + truth[:-1]) / 2) / e.count.sum()  # centred as the curve is
        inside += (np.abs(e.values[:, 0] - truth) <= e.quality.half_width[:, 0]).sum()
        count += len(truth)
    assert 0.92 <= inside / count <= 0.98


@quiet
def test_the_interval_of_two_columns_covers_their_interaction():
    """Of x0 x1 exp(x2 / 2), whose differences in a cell vary by x2 alone, about their mean exp(1 / 8)."""
    ends = np.linspace(-1.5, 1.5, 4)
    step, inside = np.diff(ends) / (ends[-1] - ends[0]), list[float]()
    mean = np.outer(np.diff(ends), np.diff(ends))[:, :, None] * np.exp(1 / 8)
    for seed in range(150):
        X = np.random.default_rng(seed).normal(size=(400, 3))
        e = AccumulatedLocalEffects()(
            lambda r: r[:, 0] * r[:, 1] * np.exp(r[:, 2] / 2),
            X,
            columns=(0, 1),
            grid={"x0": ends, "x1": ends},
        )
        count = e.count.reshape(4, 4)[1:, 1:].astype(float)
        scaled = np.concatenate([[0], step.cumsum()])
        truth, _ = accumulated_pair(count, mean, (scaled, scaled))  # with the rows there are in each cell
        width = e.quality.half_width
        assert width is not None and np.isfinite(width).all()
        inside.append(float((np.abs(e.values - truth) <= width).mean()))
    assert 0.92 <= np.mean(inside) <= 0.98


@quiet
def test_the_interval_of_two_columns_is_that_of_a_sum_of_means():
    """Each cell's mean moved by its standard error in turn, the squares of what that does added up."""
    X = normal(0.8, 300)
    f = lambda r: np.tanh(3 * r[:, 0] * r[:, 1])  # noqa: E731
    e = AccumulatedLocalEffects(cells=4)(f, X, columns=(0, 1))
    z = e.grid.reshape(5, 5, 2)
    axes = z[:, 0, 0], z[0, :, 1]
    at = [np.clip(np.searchsorted(a, X[:, k]) - 1, 0, 3) for k, a in enumerate(axes)]
    corner = lambda i, j: f(np.stack([axes[0][at[0] + i], axes[1][at[1] + j]], 1))  # noqa: E731
    delta = corner(1, 1) - corner(1, 0) - corner(0, 1) + corner(0, 0)
    cells = [[delta[(at[0] == i) & (at[1] == j)] for j in range(4)] for i in range(4)]
    count = np.array([[len(c) for c in row] for row in cells], float)
    mean = np.array([[c.mean() if len(c) else 0.0 for c in row] for row in cells])[:, :, None]
    known = [c for row in cells for c in row if len(c) > 1]
    pooled = sum(len(c) * c.var(ddof=1) for c in known) / sum(map(len, known))
    scaled = tuple((a - a[0]) / (a[-1] - a[0]) for a in axes)
    whole, total = accumulated_pair(count, mean, scaled)[0], 0.0
    for i, j in zip(*np.nonzero(count), strict=True):
        own = cells[i][j]
        moved = mean.copy()
        moved[i, j] += np.sqrt((own.var(ddof=1) if len(own) > 1 else pooled) / len(own))
        total = total + (accumulated_pair(count, moved, scaled)[0] - whole) ** 2
    np.testing.assert_allclose(e.values, whole, atol=1e-12)
    np.testing.assert_allclose(e.quality.half_width, 1.959963984540054 * np.sqrt(total), atol=1e-12)


# -- the definition -------------------------------------------------------------------------------------------------


@quiet
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_it_is_its_twin(seed):
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(int(rng.integers(60, 120)), 3)), rng.normal(size=(3, 3))

    def f(rows: np.ndarray) -> np.ndarray:
        return np.tanh(rows @ w).sum(1)

    e = AccumulatedLocalEffects(bins=4)(f, X, columns=1)
    wanted = twin.accumulated_local_effects(f, X, 1, e.grid[:, 0])
    np.testing.assert_allclose(e.values[:, 0], wanted, atol=1e-12)
    assert e.count.sum() == len(X)


@quiet
def test_blocks_do_not_show():
    X = normal(0.5, 200)
    f = lambda r: np.tanh(r).prod(1)  # noqa: E731
    whole = AccumulatedLocalEffects()(f, X, columns=[0, (0, 1)])
    for size in (1, 7, 1000):
        with pellucid.options(batch_size=size):
            e = AccumulatedLocalEffects()(f, X, columns=[0, (0, 1)])
        np.testing.assert_allclose(e.values, whole.values, atol=1e-12)
        np.testing.assert_allclose(e.quality.half_width, whole.quality.half_width, atol=1e-12)


@quiet
def test_own_ends_leave_the_rows_beyond_them_out():
    X = normal(0.0, 400)
    e = AccumulatedLocalEffects()(lambda r: r[:, 0], X, columns=0, grid={"x0": [-1, 0, 1]})
    np.testing.assert_array_equal(e.grid[:, 0], [-1, 0, 1])
    assert e.count.sum() == (np.abs(X[:, 0]) <= 1).sum()
    np.testing.assert_allclose(np.diff(e.values[:, 0]), 1)


# -- categories -----------------------------------------------------------------------------------------------------


def jobs() -> pd.DataFrame:
    """Four jobs; pay tells that cook is like waiter, and physician like surgeon."""
    rng = np.random.default_rng(0)
    job = rng.choice(["cook", "physician", "surgeon", "waiter"], 400)
    pay = (
        pd.Series(job).map({"cook": 1.0, "waiter": 1.2, "physician": 5.0, "surgeon": 6.0})
        + rng.normal(size=400) / 2
    )
    return pd.DataFrame({"job": job, "pay": pay})


def earns(d: pd.DataFrame) -> np.ndarray:
    return (
        d.job.map({"cook": 0.0, "waiter": 1.0, "physician": 2.0, "surgeon": 4.0}).to_numpy()
        + d.pay.to_numpy()
    )


def test_categories_stand_beside_those_that_are_like_them():
    e = AccumulatedLocalEffects()(earns, jobs(), columns="job")
    order = e.shown("job", e.grid[:, 0])
    assert {*order[:2]} in ({"cook", "waiter"}, {"physician", "surgeon"})
    assert {*order} == {"cook", "waiter", "physician", "surgeon"}
    value = dict(zip(order, e.values[:, 0], strict=True))
    for job, step in (("waiter", 1), ("physician", 2), ("surgeon", 4)):
        assert value[job] - value["cook"] == pytest.approx(step)
    assert dict(zip(order, e.count, strict=True)) == jobs().job.value_counts().to_dict()
    np.testing.assert_allclose(e.values[:, 0] @ e.count, 0, atol=1e-9)


def test_ordered_categories_keep_their_order():
    d = jobs()
    levels = ["waiter", "surgeon", "cook", "physician"]
    d["job"] = pd.Categorical(d.job, levels, ordered=True)
    e = AccumulatedLocalEffects()(lambda r: earns(r.assign(job=r.job.astype(str))), d, columns="job")
    assert e.shown("job", e.grid[:, 0]) == levels


# -- bad input ------------------------------------------------------------------------------------------------------


def test_a_constant_column_and_one_of_one_category():
    X = normal(0.0, 60)
    X[:, 1] = 3
    e = AccumulatedLocalEffects()(lambda r: r.sum(1), X)
    assert e.columns == (("x0",),)
    with pytest.raises(DataError, match="'x1' holds a single value"):
        AccumulatedLocalEffects()(lambda r: r.sum(1), X, columns=1)
    with pytest.raises(DataError, match="'job' holds a single value"):
        AccumulatedLocalEffects()(earns, jobs().assign(job="cook"), columns="job")


def test_few_rows_are_said():
    with pytest.warns(pellucid.PellucidWarning, match="fewer than 5 rows"):
        AccumulatedLocalEffects()(lambda r: r.sum(1), np.arange(8.0).reshape(4, 2))


def test_missing_values_are_left_out():
    X = normal(0.0, 300)
    X[::10, 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        e = AccumulatedLocalEffects()(
            lambda d: np.nan_to_num(d.a.to_numpy()), pd.DataFrame(X, columns=["a", "b"]), columns="a"
        )
    assert e.count.sum() == 270
    np.testing.assert_allclose(np.diff(e.values[:, 0]), np.diff(e.grid[:, 0]))


def test_an_unknown_column():
    with pytest.raises(ParameterError, match="no column 'z'"):
        AccumulatedLocalEffects()(lambda r: r.sum(1), normal(0.0, 30), columns="z")
