"""Each algorithm against every coalition asked: path-dependent and interventional, on forests that have everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pellucid.core.views import Trees
from pellucid.methods.trees import descent, engine, groups, one_row, passes, quadrature, tables
from pellucid.methods.trees.layout import expected, laid, leaf_sums
from pellucid.methods.trees.pairs import squared
from pellucid.methods.trees.plan import plan
from tests.trees import grown
from tests.twins import trees as twin

LIMIT = 1e-10
forests = st.builds(
    grown.forest,
    st.integers(0, 10**6),
    columns=st.integers(1, 7),
    trees=st.integers(1, 4),
    depth=st.integers(0, 7),
    outputs=st.integers(1, 3),
    wide=st.booleans(),
)
some = settings(
    max_examples=20, deadline=None, phases=[Phase.explicit, Phase.generate]
)  # shrinking is slow here


def by(algorithm, f, x, background=None):
    """(n, columns, outputs) of one algorithm."""
    p = plan(f)
    out = np.zeros((p.fewer, len(x), f.columns + 1))
    if algorithm in ("quadrature", "one row"):
        walks = one_row if algorithm == "one row" else quadrature
        walks.shapley(p.laid, p.walk, x, out)
    elif algorithm == "descent":
        descent.shapley(p.laid, x, background, np.full(len(background), 1 / len(background)), out)
    else:
        counts = None if background is None else tables.histograms(p.laid, p.groups, background)
        for j in range(p.width):
            table = tables.tables(p.laid, p.groups, counts, j, 0, len(p.groups.group))
            tables.look_up(p.laid, p.groups, table, (0, len(p.laid.output)), j, x, out)
    return np.einsum("ok,knc->nco", p.spread, out[:, :, :-1])


def truth(f, x, background=None):
    return np.stack([twin.shapley(f, row, background) for row in x])


@some
@given(forests)
def test_path_dependent_values(f):
    x = grown.rows(1, 3, f.columns)
    expected_values = truth(f, x)
    for algorithm in ("quadrature", "one row", "tables"):
        np.testing.assert_allclose(
            by(algorithm, f, x), expected_values, rtol=0, atol=LIMIT, err_msg=algorithm
        )


@some
@given(forests)
def test_interventional_values(f):
    x, background = grown.rows(1, 3, f.columns), grown.rows(2, 6, f.columns)
    expected_values = truth(f, x, background)
    for algorithm in ("descent", "tables"):
        np.testing.assert_allclose(
            by(algorithm, f, x, background), expected_values, rtol=0, atol=LIMIT, err_msg=algorithm
        )


def pairs_by(algorithm, f, x, background=None):
    """(n, columns, columns, outputs) interactions of one algorithm."""
    p, size = plan(f), passes.values(f.columns, True)
    run = {
        "tables": lambda: passes._look_ups(p, x, background, True),
        "descent": lambda: passes._descend(p, x, background),
        "conditioned": lambda: passes._condition(p, x),
    }[algorithm]()
    out = np.zeros((p.fewer, len(x), size + 1))
    for work in run:
        work(slice(0, len(x)), out)
    found = np.einsum("ok,knc->onc", p.spread, out[:, :, :-1])
    return np.stack([squared(one, f.columns) for one in found], axis=-1)


@settings(some, max_examples=12)
@given(forests)
def test_interactions(f):
    x, background = grown.rows(1, 2, f.columns), grown.rows(2, 5, f.columns)
    for algorithms, rows in ((("tables", "conditioned"), None), (("tables", "descent"), background)):
        expected_values = np.stack([twin.interactions(f, row, rows) for row in x])
        for algorithm in algorithms:
            np.testing.assert_allclose(
                pairs_by(algorithm, f, x, rows), expected_values, rtol=0, atol=LIMIT, err_msg=algorithm
            )


@pytest.mark.parametrize("background", [None, 9])
def test_interactions_in_deep_trees_and_many_rows(background):
    """The algorithms agree on more rows than a block holds, with the values on the diagonal's rows."""
    f = grown.forest(5, columns=9, trees=2, depth=12)
    x = grown.rows(1, 300, 9)
    rows = None if background is None else grown.rows(2, background, 9)
    first = pairs_by("tables", f, x, rows)
    second = pairs_by("conditioned" if rows is None else "descent", f, x, rows)
    np.testing.assert_allclose(first, second, rtol=0, atol=LIMIT)
    np.testing.assert_allclose(first.sum(2), by("tables", f, x, rows), rtol=0, atol=LIMIT)


@some
@given(forests)
def test_predictions_and_what_they_are_with_everything_hidden(f):
    x = grown.rows(3, 40, f.columns)
    sums = np.zeros((len(x), f.outputs))
    leaf_sums(laid(f), x, sums)
    np.testing.assert_allclose(laid(f).base + sums, f.predict(x), rtol=0, atol=1e-12)
    nobody = twin.value(f, x[0], frozenset(), None)
    np.testing.assert_allclose(laid(f).base + expected(laid(f)), nobody, rtol=0, atol=1e-12)


@pytest.mark.parametrize("background", [None, 9])
def test_twelve_columns_deep_trees_and_many_rows(background):
    """The four algorithms agree on more rows than a block holds, and with every coalition on one row."""
    f = grown.forest(5, columns=12, trees=2, depth=14)
    x = grown.rows(1, 300, 12)
    rows = None if background is None else grown.rows(2, background, 12)
    one, other = ("quadrature", "tables") if rows is None else ("descent", "tables")
    first, second = by(one, f, x, rows), by(other, f, x, rows)
    np.testing.assert_allclose(first, second, rtol=0, atol=LIMIT)
    np.testing.assert_allclose(first[:1], truth(f, x[:1], rows), rtol=0, atol=LIMIT)


def test_descent_in_blocks_is_the_same(monkeypatch):
    """A tree with many splits takes fewer rows at a time."""
    f = grown.forest(6, columns=6, trees=3, depth=6)
    x, background = grown.rows(1, 70, 6), grown.rows(2, 30, 6)
    whole = by("descent", f, x, background)
    monkeypatch.setattr(descent, "WAYS", 600)
    np.testing.assert_allclose(by("descent", f, x, background), whole, rtol=0, atol=1e-14)


def test_lists_of_the_background_grow_where_they_are_short(monkeypatch):
    f = grown.forest(7, columns=6, trees=2, depth=6)
    x, background = grown.rows(1, 20, 6), grown.rows(2, 12, 6)
    scale = np.full(12, 1 / 12)
    p = plan(f)
    out, room = np.zeros((1, 20, 7)), np.zeros((1, 20, 7))
    descent.shapley(p.laid, x, background, scale, out)
    many = np.tile(background, (9000, 1))  # 108,000 rows, more than the lists hold at first
    descent.shapley(p.laid, x, many, np.full(len(many), 1 / len(many)), room)
    np.testing.assert_allclose(out, room, rtol=0, atol=1e-9)


def test_shares_of_classes_take_one_walk_less():
    f = grown.forest(8, outputs=3, wide=True)
    value = np.where(f.feature[:, None] < 0, np.abs(f.value), 0)
    value /= np.maximum(value.sum(1, keepdims=True), 1e-300)
    shares = type(f)(**{**vars(f), "value": value, "base": np.zeros(3)})
    assert (plan(f).fewer, plan(shares).fewer) == (3, 2)
    x = grown.rows(1, 3, 5)
    np.testing.assert_allclose(by("quadrature", shares, x), truth(shares, x), rtol=0, atol=LIMIT)


@pytest.mark.parametrize("background", [None, 5])
@pytest.mark.parametrize("n", [1, 3000])
def test_the_engine_adds_up_and_does_not_depend_on_threads(background, n, monkeypatch):
    f = grown.forest(9, columns=6, trees=6, depth=5, outputs=3)
    x = grown.rows(1, n, 6)
    rows = None if background is None else grown.rows(2, background, 6)
    view = Trees(forest=f, x=x, background=rows)

    def predicted(raw):
        return np.eye(3)[raw.argmax(1)]

    a = engine.explain(view, predicted, "values")
    np.testing.assert_allclose(a.raw, f.predict(x), rtol=0, atol=1e-12)
    np.testing.assert_allclose(a.values.sum(1), a.output - a.hidden, rtol=0, atol=1e-12)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    np.testing.assert_array_equal(engine.explain(view, predicted, "values").values, a.values)


def test_tables_are_built_in_portions(monkeypatch):
    f = grown.forest(10, columns=6, trees=8, depth=6)
    x, background = grown.rows(1, 500, 6), grown.rows(2, 20, 6)
    whole = engine.explain(Trees(forest=f, x=x, background=background), np.ones_like, "values")
    monkeypatch.setattr(passes, "KEPT", 4096)
    assert len(passes.portions(plan(f).groups)) > 2
    parts = engine.explain(Trees(forest=f, x=x, background=background), np.ones_like, "values")
    np.testing.assert_allclose(parts.values, whole.values, rtol=0, atol=1e-13)


def test_groups_cover_every_leaf_once():
    f = grown.forest(11, columns=5, trees=5, depth=7)
    t = laid(f)
    g = groups.grouped(t)
    leaves = sum(int(w["splits"]) + 1 if w["side"] < 0 else 1 for w in g.group)
    assert leaves == len(t.splits) + len(t.output)


def test_a_forest_of_leaves_alone():
    f = grown.forest(12, columns=2, trees=3, depth=0)
    a = engine.explain(Trees(forest=f, x=np.zeros((4, 2))), np.ones_like, "values")
    assert not a.values.any()
    np.testing.assert_allclose(a.output, f.predict(np.zeros((4, 2)))[:, 0])
