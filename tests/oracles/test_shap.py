"""Kernel SHAP beside captum's and shap's at the same number of evaluations; importance beside scikit-learn's."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine, make_friedman1
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor

import pellucid

shap = pytest.importorskip("shap")
pytestmark = [
    pytest.mark.oracle,
    pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

PLAYERS, BUDGET, SEEDS, ROWS = 12, 300, 5, 4
GAMES = ("friedman mlp", "cancer mlp", "cancer forest", "wine forest")


@lru_cache
def game(name: str) -> tuple[Any, np.ndarray, np.ndarray]:
    """A function of 12 columns with one output, rows to explain, and a background of five rows."""
    if name == "friedman mlp":
        X, y = make_friedman1(500, PLAYERS, random_state=0)
        f = MLPRegressor(hidden_layer_sizes=(24, 24), max_iter=400, random_state=0).fit(X, y).predict
    elif name == "wine forest":
        X, y = load_wine(return_X_y=True)
        X = X[:, :PLAYERS]
        forest = RandomForestClassifier(10, max_depth=5, random_state=0).fit(X, y)
        f = lambda r: forest.predict_proba(r)[:, 1]  # noqa: E731
    else:
        X, y = load_breast_cancer(return_X_y=True)
        X = ((X - X.mean(0)) / X.std(0))[:, 8 : 8 + PLAYERS]
        kind: Any = (
            MLPClassifier(hidden_layer_sizes=(24,), max_iter=300, random_state=0)
            if name == "cancer mlp"
            else RandomForestClassifier(10, max_depth=5, random_state=0)
        )
        model = kind.fit(X, y)
        f = lambda r: model.predict_proba(r)[:, 1]  # noqa: E731
    order = np.random.default_rng(0).permutation(len(X))
    return f, X[order[:ROWS]], X[order[10:15]]


@lru_cache
def exact(name: str) -> np.ndarray:
    f, x, background = game(name)
    e = pellucid.KernelShap(budget=2**PLAYERS)(f, x, background=background)
    assert e.quality.exact
    return e.values


def error(values: np.ndarray, name: str) -> np.ndarray:
    """(rows,) relative L2 distance to the exact values."""
    return np.linalg.norm(values - exact(name), axis=1) / np.linalg.norm(exact(name), axis=1)


@lru_cache
def ours(name: str) -> float:
    f, x, background = game(name)
    errors = []
    for seed in range(SEEDS):
        with pellucid.options(seed=seed):
            e = pellucid.KernelShap(budget=BUDGET)(f, x, background=background)
        assert e.quality.evals <= len(x) * (BUDGET * len(background) + 1)
        errors.append(error(e.values, name))
    return float(np.median(errors))


def theirs_of_shap(name: str) -> float:
    f, x, background = game(name)
    errors = []
    for seed in range(SEEDS):
        explainer = shap.KernelExplainer(f, background, seed=seed)
        np.random.seed(seed)  # noqa: NPY002
        values = explainer.shap_values(x, nsamples=BUDGET, l1_reg=0, silent=True)
        errors.append(error(np.asarray(values), name))
    return float(np.median(errors))


def theirs_of_captum(name: str) -> float:
    """Captum knows one baseline at a time: its game is given as a function of the coalition."""
    captum, torch = pytest.importorskip("captum.attr"), pytest.importorskip("torch")
    f, x, background = game(name)
    errors = np.empty((SEEDS, len(x)))
    for i, row in enumerate(x):

        def play(present: Any, row: np.ndarray = row) -> Any:
            filled = np.where(present.numpy()[:, None] > 0.5, row, background)
            v = f(filled.reshape(-1, PLAYERS)).reshape(len(present), -1).mean(1)
            return torch.from_numpy(v)

        for seed in range(SEEDS):
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                np.random.seed(seed)  # noqa: NPY002
                values = captum.KernelShap(play).attribute(
                    torch.ones(1, PLAYERS, dtype=torch.float64),
                    n_samples=BUDGET,
                    perturbations_per_eval=BUDGET,
                )
            wanted = exact(name)[i]
            errors[seed, i] = np.linalg.norm(values.numpy()[0] - wanted) / np.linalg.norm(wanted)
    return float(np.median(errors))


@pytest.mark.parametrize("name", GAMES)
def test_kernel_shap_is_at_most_half_as_wrong_as_captums(name):
    assert ours(name) <= theirs_of_captum(name) / 2


@pytest.mark.parametrize("name", GAMES)
def test_kernel_shap_is_not_more_wrong_than_shaps(name):
    assert ours(name) <= theirs_of_shap(name)


def test_exact_values_equal_shaps_exact_explainer():
    for name in ("friedman mlp", "cancer forest"):
        f, x, background = game(name)
        explainer = shap.ExactExplainer(f, shap.maskers.Independent(background, max_samples=len(background)))
        theirs = explainer(x)
        np.testing.assert_allclose(exact(name), theirs.values, rtol=0, atol=1e-8)
        e = pellucid.KernelShap(budget=2**PLAYERS)(f, x, background=background)
        np.testing.assert_allclose(e.base, theirs.base_values, atol=1e-8)


def test_to_shap_gives_what_shap_draws():
    f, x, background = game("cancer forest")
    e = pellucid.KernelShap(budget=BUDGET)(f, x, background=background)
    theirs = e.to_shap()
    np.testing.assert_array_equal(theirs.values, e.values)
    np.testing.assert_array_equal(theirs.data, x)
    assert theirs.feature_names == list(e.features.names)


@pytest.mark.parametrize("kind", ["classifier", "regressor", "logistic"])
def test_permutation_importance_equals_scikit_learns(kind):
    """Same model, same score, many repeats: the means agree within five of their standard errors."""
    if kind == "regressor":
        X, y = load_diabetes(return_X_y=True)
        model: Any = GradientBoostingRegressor(n_estimators=30, random_state=0).fit(X, y)
    else:
        X, y = load_breast_cancer(return_X_y=True)
        X = X[:, :8]
        maker: Any = (
            LogisticRegression(max_iter=5000)
            if kind == "logistic"
            else RandomForestClassifier(8, max_depth=5)
        )
        model = maker.set_params(random_state=0).fit(X, y)
    X, y = X[:250], y[:250]
    repeats = 60
    mine = pellucid.PermutationImportance(repeats=repeats)(model, X, y)
    theirs: Any = permutation_importance(model, X, y, n_repeats=repeats, random_state=0)
    noise = np.sqrt((mine.spread**2 + theirs.importances_std**2) / repeats)
    assert np.all(np.abs(mine.values - theirs.importances_mean) <= 5 * noise + 1e-9)
    assert abs(mine.intact - model.score(X, y)) <= 1e-12
    np.testing.assert_allclose(mine.spread, theirs.importances_std, rtol=0.6, atol=2e-3)


def test_permutation_importance_by_each_score_equals_scikit_learns():
    X, y = load_diabetes(return_X_y=True)
    model = RandomForestRegressor(8, max_depth=4, random_state=0).fit(X, y)
    repeats = 40
    for ours_name, theirs_name in (("r2", "r2"), ("neg_mse", "neg_mean_squared_error")):
        mine = pellucid.PermutationImportance(repeats=repeats)(model, X, y, score=ours_name)
        theirs: Any = permutation_importance(
            model, X, y, n_repeats=repeats, random_state=1, scoring=theirs_name
        )
        noise = np.sqrt((mine.spread**2 + theirs.importances_std**2) / repeats)
        assert np.all(np.abs(mine.values - theirs.importances_mean) <= 5 * noise + 1e-9), ours_name


def test_log_loss_equals_scikit_learns():
    X, y = load_wine(return_X_y=True)
    model = RandomForestClassifier(10, max_depth=4, random_state=0).fit(X, y)
    mine = pellucid.PermutationImportance(repeats=40)(model, X, y, score="neg_log_loss")
    theirs: Any = permutation_importance(model, X, y, n_repeats=40, random_state=1, scoring="neg_log_loss")
    noise = np.sqrt((mine.spread**2 + theirs.importances_std**2) / 40)
    assert np.all(np.abs(mine.values - theirs.importances_mean) <= 5 * noise + 1e-9)
