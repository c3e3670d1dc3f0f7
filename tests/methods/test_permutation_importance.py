"""Permutation importance: the drop of a score, or the mean squared change of the prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

import pellucid
from pellucid.core.errors import DataError, ParameterError, ShapeError

quiet = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
few = settings(max_examples=15, deadline=None)
SHUFFLES = 4


@pytest.fixture(scope="module")
def iris() -> tuple[np.ndarray, np.ndarray, Any]:
    X, y = load_iris(return_X_y=True)
    return X, y, RandomForestClassifier(10, max_depth=4, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def line() -> tuple[np.ndarray, np.ndarray, Any]:
    """Three columns of which the model uses two, and y with noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = 2 * X[:, 0] - X[:, 1] + 0.1 * rng.normal(size=300)
    return X, y, LinearRegression().fit(X, y)


def shuffled(X: np.ndarray, columns: list[int], player: int, repeat: int) -> np.ndarray:
    """The table as the method shuffles it: by a stream of the player and the repeat."""
    rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(player, repeat)))
    out = X.copy()
    out[:, columns] = X[rng.permutation(len(X))][:, columns]
    return out


# -- with y ---------------------------------------------------------------------------------------------------------


def measured(y: np.ndarray, outputs: np.ndarray, score: str) -> float:
    """Each named score, from scikit-learn."""
    from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, r2_score

    if score == "accuracy":
        return float(accuracy_score(y, outputs.argmax(1)))
    if score == "neg_log_loss":
        return -float(log_loss(y, outputs, labels=[0, 1, 2]))
    return float(r2_score(y, outputs)) if score == "r2" else -float(mean_squared_error(y, outputs))


@quiet
@pytest.mark.parametrize("score", ["accuracy", "neg_log_loss"])
def test_named_scores_of_classes(iris, score):
    X, y, model = iris
    e = pellucid.PermutationImportance(repeats=SHUFFLES)(model, X, y, score=score)
    # Probabilities of exactly 0 are clipped, at 1e-15 here and at the smallest float there.
    clipped = lambda rows: np.clip(model.predict_proba(rows), 1e-15, 1)  # noqa: E731
    intact = measured(y, clipped(X), score)
    assert e.intact == pytest.approx(intact, abs=1e-9)
    for player, repeat in np.ndindex(4, SHUFFLES):
        wanted = intact - measured(y, clipped(shuffled(X, [player], player, repeat)), score)
        assert e.repeats[player, repeat] == pytest.approx(wanted, rel=1e-6, abs=1e-9)
    np.testing.assert_allclose(e.values, e.repeats.mean(1))


@quiet
@pytest.mark.parametrize("score", ["r2", "neg_mse"])
def test_named_scores_of_numbers(line, score):
    X, y, model = line
    e = pellucid.PermutationImportance(repeats=SHUFFLES)(model, X, y, score=score)
    intact = measured(y, model.predict(X), score)
    assert e.intact == pytest.approx(intact)
    for player, repeat in np.ndindex(3, SHUFFLES):
        wanted = intact - measured(y, model.predict(shuffled(X, [player], player, repeat)), score)
        assert e.repeats[player, repeat] == pytest.approx(wanted, abs=1e-9)


@quiet
def test_the_score_is_chosen_by_the_outputs(iris, line):
    X, y, model = iris
    assert pellucid.PermutationImportance(repeats=1)(model, X, y).score == "accuracy"
    X, y, model = line
    assert pellucid.PermutationImportance(repeats=1)(model, X, y).score == "R²"


@quiet
def test_a_score_of_ones_own(line):
    X, y, model = line

    def median(y: np.ndarray, outputs: np.ndarray) -> float:
        return -float(np.median(np.abs(y - outputs)))

    e = pellucid.PermutationImportance(repeats=3)(model, X, y, score=median)
    assert e.score == "median"
    assert e.intact == pytest.approx(median(y, model.predict(X)))
    assert e.values[0] > e.values[1] > e.values[2]


@quiet
def test_class_names_as_y():
    X, y = load_breast_cancer(return_X_y=True)
    X, names = X[:200, :5], np.array(["malignant", "benign"])[y[:200]]
    model = LogisticRegression(max_iter=5000).fit(X, names)
    by_name = pellucid.PermutationImportance(repeats=3)(model, X, names)
    assert by_name.intact == pytest.approx(model.score(X, names))
    numbers = (names == "malignant").astype(int)  # classes in sorted order: benign, malignant
    given = pellucid.PermutationImportance(repeats=3)(
        model.predict_proba, X, names, classes=["benign", "malignant"]
    )
    np.testing.assert_allclose(by_name.repeats, given.repeats)
    np.testing.assert_allclose(
        pellucid.PermutationImportance(repeats=3)(model.predict_proba, X, numbers).repeats, given.repeats
    )


@quiet
def test_labels_that_are_numbers_but_no_positions():
    """A classifier of the classes 3, 5 and 8 is scored by their values, not as if they were positions."""
    X, y = load_iris(return_X_y=True)
    labels = np.array([3, 5, 8])[y]
    model = RandomForestClassifier(5, random_state=0).fit(X, labels)
    e = pellucid.PermutationImportance(repeats=2)(model, X, labels)
    assert e.intact == pytest.approx(model.score(X, labels))


@quiet
def test_boolean_labels():
    X, y = load_iris(return_X_y=True)
    model = RandomForestClassifier(5, random_state=0).fit(X, y == 1)
    e = pellucid.PermutationImportance(repeats=2)(model, X, y == 1)
    assert e.intact == pytest.approx(model.score(X, y == 1))


@quiet
def test_log_loss_of_logits_is_not_taken_for_that_of_probabilities(iris):
    """Either refused, or passed through a softmax: a logit is no probability to clip."""
    X, y, model = iris
    logits = lambda rows: np.log(np.clip(model.predict_proba(rows), 1e-6, 1)) + 3  # noqa: E731
    p = np.exp(logits(X))
    p /= p.sum(1, keepdims=True)
    try:
        e = pellucid.PermutationImportance(repeats=1)(logits, X, y, score="neg_log_loss")
    except ParameterError:
        return
    assert e.intact == pytest.approx(float(np.mean(np.log(p[np.arange(len(y)), y]))), abs=1e-3)


# -- without y ------------------------------------------------------------------------------------------------------


@quiet
def test_without_y_it_is_the_mean_squared_change(iris):
    """(1/N) sum_i (f(x_i) - f(x_i^(j)))^2 with the same shuffles, of each row's predicted class."""
    X, _, model = iris
    e = pellucid.PermutationImportance(repeats=SHUFFLES)(model, X)
    first = model.predict_proba(X)
    winner = first.argmax(1)
    f = lambda rows: model.predict_proba(rows)[np.arange(len(X)), winner]  # noqa: E731
    for player, repeat in np.ndindex(4, SHUFFLES):
        change = np.mean((f(X) - f(shuffled(X, [player], player, repeat))) ** 2)
        assert e.repeats[player, repeat] == pytest.approx(change, abs=1e-12)
    assert np.isnan(e.intact)
    assert e.space == "probability"


@quiet
def test_without_y_a_linear_model_gives_twice_the_variance(line):
    """Over all shuffles the mean of w^2 (x_i - x_i')^2 is 2 w^2 var(x); exact in expectation but for i = i'."""
    X, _, _ = line
    w = np.array([2.0, -1.0, 0.0])
    e = pellucid.PermutationImportance(repeats=200)(lambda rows: rows @ w, X)
    expected = 2 * w**2 * X.var(0)
    assert np.all(np.abs(e.values - expected) <= 4 * e.spread / 200**0.5 + 1e-12)
    np.testing.assert_allclose(e.values, expected, rtol=0.03, atol=1e-12)


@quiet
def test_without_y_a_target_says_which_output_moves(iris):
    X, _, model = iris
    e = pellucid.PermutationImportance(repeats=2)(model, X, target=2)
    change = [
        np.mean((model.predict_proba(X)[:, 2] - model.predict_proba(shuffled(X, [3], 3, r))[:, 2]) ** 2)
        for r in range(2)
    ]
    np.testing.assert_allclose(e.repeats[3], change, atol=1e-12)


@quiet
@few
@given(w=st.lists(st.floats(-5, 5), min_size=2, max_size=6), seed=st.integers(0, 1000))
def test_dummy(w, seed):
    """A column that the model does not use gets exactly nothing, with and without y."""
    w = np.array([*w, 0.0])
    X = np.random.default_rng(seed).normal(size=(40, len(w)))
    f = lambda rows: rows[:, :-1] @ w[:-1]  # noqa: E731
    assert pellucid.PermutationImportance(repeats=2)(f, X).values[-1] == 0
    assert pellucid.PermutationImportance(repeats=2)(f, X, X.sum(1)).values[-1] == 0


# -- what it warns of -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", ["accuracy", "neg_log_loss"])
def test_a_classifier_at_chance_fails_the_check(score):
    """A model that knows only how often each class occurs has learned nothing: no better than chance."""
    X, y = np.random.default_rng(0).normal(size=(90, 3)), np.repeat([0, 1, 1], 30)
    model = DummyClassifier(strategy="prior").fit(X, y)
    with pytest.warns(pellucid.PellucidWarning, match=r"no better than knowing nothing"):
        e = pellucid.PermutationImportance(repeats=2)(model, X, y, score=score)
    assert e.quality.check("chance").status == "fail"
    assert e.quality.verdict == "unreliable"


@pytest.mark.parametrize("score", ["r2", "neg_mse"])
def test_a_regressor_at_chance_fails_the_check(score):
    X, y = np.random.default_rng(0).normal(size=(90, 3)), np.linspace(0, 1, 90)
    model = DummyRegressor().fit(X, y)
    with pytest.warns(pellucid.PellucidWarning, match=r"no better than knowing nothing"):
        e = pellucid.PermutationImportance(repeats=2)(model, X, y, score=score)
    assert e.quality.verdict == "unreliable"


def test_a_model_below_chance_fails_the_check_and_strict_raises():
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = X[:, 0]
    with pytest.warns(pellucid.PellucidWarning, match=r"no better than knowing nothing"):
        e = pellucid.PermutationImportance(repeats=2)(lambda r: -r[:, 0], X, y)
    assert e.quality.check("chance").status == "fail"
    with pellucid.options(strict=True), pytest.raises(RuntimeError, match=r"no better"):
        pellucid.PermutationImportance(repeats=2)(lambda r: -r[:, 0], X, y)


def test_correlated_columns_warn_and_name_the_pair():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    X[:, 2] = X[:, 0] + 0.1 * rng.normal(size=200)
    features = pellucid.Columns(("height", "age", "length"))
    with pytest.warns(pellucid.PellucidWarning, match=r"height and length.*groups="):
        e = pellucid.PermutationImportance(repeats=2)(lambda r: r.sum(1), X, X.sum(1), features=features)
    assert e.quality.check("correlated").status == "warn"
    assert e.quality.verdict == "caution"


def test_correlated_columns_in_one_group_do_not_warn(recwarn):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    X[:, 2] = X[:, 0] + 0.1 * rng.normal(size=200)
    features = pellucid.Columns(("height", "age", "length"), groups={"size": ("height", "length")})
    e = pellucid.PermutationImportance(repeats=2)(lambda r: r.sum(1), X, X.sum(1), features=features)
    assert e.quality.verdict == "ok"
    assert not recwarn.list


def test_a_good_model_warns_of_nothing(line, recwarn):
    X, y, model = line
    e = pellucid.PermutationImportance()(model, X, y)
    assert e.quality.verdict == "ok"
    assert not recwarn.list


# -- groups, single columns, repeats --------------------------------------------------------------------------------


@quiet
def test_groups_are_shuffled_together(line):
    X, y, model = line
    features = pellucid.Columns(("a", "b", "c"), groups={"both": ("a", "b")})
    e = pellucid.PermutationImportance(repeats=SHUFFLES)(model, X, y, features=features, score="neg_mse")
    assert e.names == ("both", "c")
    for repeat in range(SHUFFLES):
        moved = measured(y, model.predict(shuffled(X, [0, 1], 0, repeat)), "neg_mse")
        assert e.repeats[0, repeat] == pytest.approx(e.intact - moved, abs=1e-9)


@quiet
def test_a_single_column():
    X = np.linspace(-1, 1, 50)[:, None]
    e = pellucid.PermutationImportance(repeats=3)(lambda r: r[:, 0], X, X[:, 0])
    assert e.values.shape == (1,)
    assert e.intact == 1
    assert e.values[0] > 0.5


@quiet
def test_a_single_repeat_has_no_half_width(line):
    X, y, model = line
    e = pellucid.PermutationImportance(repeats=1)(model, X, y)
    assert e.repeats.shape == (3, 1)
    assert e.quality.half_width is None
    assert e.quality.error_kind == "unknown"
    assert not e.spread.any()
    assert e.to_frame()["half_width"].isna().all()


@quiet
def test_half_widths_cover_the_mean_over_many_repeats(line):
    """The 95 % half-width of ten repeats holds the mean of a thousand in 90 to 99 % of trials."""
    X, y, model = line
    truth = pellucid.PermutationImportance(repeats=1000)(model, X[:80], y[:80]).values
    inside = []
    for seed in range(1, 101):
        with pellucid.options(seed=seed):
            e = pellucid.PermutationImportance(repeats=10)(model, X[:80], y[:80])
        inside.append((np.abs(e.values - truth) <= e.quality.half_width)[:2])
    assert 0.90 <= np.mean(inside) <= 0.99


@quiet
def test_same_seed_same_bits_whatever_the_batch(iris):
    X, y, model = iris
    method = pellucid.PermutationImportance(repeats=2)
    whole = method(model, X, y)
    np.testing.assert_array_equal(method(model, X, y).repeats, whole.repeats)
    with pellucid.options(batch_size=7):
        np.testing.assert_array_equal(method(model, X, y).repeats, whole.repeats)
    with pellucid.options(seed=1):
        assert (method(model, X, y).repeats != whole.repeats).any()


@quiet
def test_cost_is_one_and_players_times_repeats_predictions_of_the_table(line):
    X, y, model = line
    assert pellucid.PermutationImportance(repeats=4)(model, X, y).quality.evals == (1 + 3 * 4) * len(X)


@quiet
def test_the_callers_table_is_left_as_it_was(line):
    X, y, model = line
    before = X.copy()
    pellucid.PermutationImportance(repeats=2)(model, X, y)
    np.testing.assert_array_equal(X, before)


@quiet
def test_the_frame_is_most_important_first(line):
    X, y, model = line
    frame = pellucid.PermutationImportance(repeats=3)(model, X, y).to_frame()
    assert list(frame.index) == ["x0", "x1", "x2"]
    assert list(frame.columns) == ["importance", "spread", "half_width"]
    assert frame["importance"].is_monotonic_decreasing


# -- refused --------------------------------------------------------------------------------------------------------


def refused(*args: Any, **how: Any) -> pytest.ExceptionInfo[BaseException]:
    with pytest.raises((DataError, ParameterError, ShapeError)) as caught:
        pellucid.PermutationImportance(repeats=1)(*args, **how)
    assert len(caught.value.__notes__) == 1
    return caught


def test_bad_calls_are_refused(iris, line):
    X, y, model = iris
    assert "X has 150 rows and y 149" in str(refused(model, X, y[:-1]).value)
    assert "'accuracy'" in str(refused(model, X, y, score="accuracyy").value)
    assert "Pass y" in str(refused(model, X, score="accuracy").value)
    assert "Leave target or y out" in str(refused(model, X, y, target=1).value)
    assert "'accuracy'" in str(refused(model, X, y, score="r2").value)
    assert "'r2'" in str(refused(line[2], line[0], line[1], score="accuracy").value)
    assert "classes that the model does not know" in str(refused(model, X, y + 7).value)
    assert "needs numbers as y" in str(refused(line[2], line[0], line[1].astype(str)).value)
    assert "is for tables" in str(refused(lambda r: r.sum((1, 2, 3)), np.ones((2, 1, 8, 8))).value)


@pytest.mark.parametrize("repeats", [0, -1, 2.5, "3"])
def test_a_number_of_repeats_that_is_none_is_refused(repeats):
    with pytest.raises(ParameterError, match=r"repeats"):
        pellucid.PermutationImportance(repeats=repeats)


# -- several scores, scikit-learn's scores --------------------------------------------------------------------------


@quiet
def test_several_scores_from_the_same_shuffles(iris):
    X, y, model = iris
    e = pellucid.PermutationImportance(repeats=3)(model, X, y, score=["accuracy", "neg_log_loss"])
    assert e.scores == ("accuracy", "negative log loss")
    for name, score in zip(e.scores, ("accuracy", "neg_log_loss"), strict=True):
        alone = pellucid.PermutationImportance(repeats=3)(model, X, y, score=score)
        of = e.of(name)
        np.testing.assert_array_equal(of.repeats, alone.repeats)
        np.testing.assert_allclose(of.quality.half_width, alone.quality.half_width)
        assert of.intact == alone.intact
    with pytest.raises(ParameterError, match="no score 'r2'"):
        e.of("r2")


@quiet
@pytest.mark.parametrize("score", ["balanced_accuracy", "roc_auc_ovr", "f1_macro", "neg_log_loss"])
def test_scores_by_scikit_learns_names(iris, score):
    from sklearn.metrics import get_scorer

    X, y, model = iris
    e = pellucid.PermutationImportance(repeats=2)(model, X, y, score=score)
    scorer = get_scorer(score)
    assert e.intact == pytest.approx(scorer(model, X, y), abs=1e-9)
    if score == "neg_log_loss":
        return
    for player, repeat in np.ndindex(4, 2):
        wanted = scorer(model, X, y) - scorer(model, shuffled(X, [player], player, repeat), y)
        assert e.repeats[player, repeat] == pytest.approx(wanted, abs=1e-9)


@quiet
def test_scikit_learns_scores_of_numbers_and_their_chance(line):
    X, y, model = line
    e = pellucid.PermutationImportance(repeats=2)(model, X, y, score="neg_mean_absolute_error")
    assert e.intact == pytest.approx(-np.mean(np.abs(y - model.predict(X))))
    bad = pellucid.PermutationImportance(repeats=2)(
        DummyRegressor().fit(X, y), X, y, score="explained_variance"
    )
    assert bad.quality.check("chance").status == "fail"


def test_scores_that_there_are_not(iris):
    X, y, model = iris
    for score, match in (
        ("accuracys", "Did you mean 'accuracy'"),
        ([], "no score"),
        (3, "name or a function"),
    ):
        with pytest.raises(ParameterError, match=match):
            pellucid.PermutationImportance()(model, X, y, score=score)
    with pytest.raises(ParameterError, match="asked for twice"):
        pellucid.PermutationImportance()(model, X, y, score=["accuracy", "accuracy"])
    with pytest.raises(ParameterError, match="cannot be taken of these outputs"):
        pellucid.PermutationImportance()(model, X, y, score="neg_mean_gamma_deviance")


# -- columns that move together -------------------------------------------------------------------------------------


def twins(n: int = 600) -> np.ndarray:
    """Two columns correlated at 0.9, and one apart."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(n, 3))
    X[:, 1] = 0.9 * X[:, 0] + np.sqrt(1 - 0.81) * X[:, 1]
    return X


def test_two_columns_correlated_at_09_warn_and_the_group_is_offered():
    X = twins()
    model = LinearRegression().fit(X, X[:, 0] + X[:, 2])
    with pytest.warns(pellucid.PellucidWarning, match=r"'group 1': \('x0', 'x1'\)"):
        pellucid.PermutationImportance(repeats=2)(model, X, X[:, 0] + X[:, 2])


def test_conditional_shuffles_stay_among_rows_that_are_alike():
    """A column that is nearly known from another tells little beyond it; shuffled freely it counts fully."""
    X = twins()
    y = X[:, 0] + X[:, 2]
    model = LinearRegression().fit(X, y)
    e = pellucid.PermutationImportance(conditional=True)(model, X, y)
    with pytest.warns(pellucid.PellucidWarning):
        free = pellucid.PermutationImportance()(model, X, y)
    assert free.values[0] == pytest.approx(1, abs=0.1)  # 2 Var(x0) / Var(y)
    # within rows alike in x1 the variance of x0 is 1 - 0.81, and a little more for the width of the groups
    assert 0.19 <= e.values[0] <= 0.3
    assert e.values[2] == pytest.approx(free.values[2], rel=0.15)
    assert e.quality.check("correlated").status == "ok"


def test_the_shuffled_table_is_never_held_whole():
    import tracemalloc

    X = np.random.default_rng(0).normal(size=(200_000, 20))
    pellucid.PermutationImportance(repeats=1)(lambda r: r[:, 0], X[:50])  # what is imported is imported
    tracemalloc.start()
    pellucid.PermutationImportance(repeats=1)(lambda r: r[:, 0], X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * X.nbytes  # batches of outputs, ranks of a sample, blocks; two tables would be more
