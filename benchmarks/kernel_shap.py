"""Kernel SHAP against captum and shap: error at 300 evaluations on 12 players, coverage of its intervals, time.

The exact values come from all 4,096 coalitions. Run: python benchmarks/kernel_shap.py
"""

from __future__ import annotations

from measure import interleaved, one_thread, ratio, table

one_thread()

import itertools
import logging
import math
import warnings
from collections.abc import Callable

import numpy as np
from sklearn.datasets import load_breast_cancer, load_wine, make_friedman1
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pellucid

warnings.simplefilter("ignore")
logging.getLogger("shap").setLevel(logging.ERROR)

PLAYERS, BUDGET, ROWS, SEEDS = 12, 300, 4, 8
Predict = Callable[[np.ndarray], np.ndarray]


def games() -> dict[str, tuple[Predict, np.ndarray]]:
    """Name -> (prediction of one number, rows)."""
    X, y = make_friedman1(600, PLAYERS, random_state=0)
    mlp = make_pipeline(
        StandardScaler(), MLPRegressor(hidden_layer_sizes=(64, 64), max_iter=600, random_state=0)
    ).fit(X, y)
    boosting = GradientBoostingRegressor(random_state=0).fit(X, y)
    cancer = load_breast_cancer()
    C = cancer.data[:, :PLAYERS]
    forest = RandomForestClassifier(60, random_state=0).fit(C, cancer.target)
    wine = load_wine()
    W = StandardScaler().fit_transform(wine.data)[:, :PLAYERS]
    near = KNeighborsClassifier(9).fit(W, wine.target)
    return {
        "neural network": (mlp.predict, X),
        "boosted trees": (boosting.predict, X),
        "forest, probability": (lambda Z: forest.predict_proba(Z)[:, 1], C),
        "nearest neighbours": (lambda Z: near.predict_proba(Z)[:, 1], W),
    }


def exact(predict: Predict, x: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Shapley values by their definition, over all coalitions."""
    coalitions = np.array(list(itertools.product([False, True], repeat=PLAYERS)))
    rows = np.where(coalitions[:, None], x, background).reshape(-1, PLAYERS)
    v = predict(rows).reshape(len(coalitions), -1).mean(1)
    number = coalitions @ (1 << np.arange(PLAYERS)[::-1])
    v = v[np.argsort(number)]
    size = coalitions[np.argsort(number)].sum(1)
    weight = np.array(
        [
            math.factorial(s) * math.factorial(PLAYERS - s - 1) / math.factorial(PLAYERS)
            for s in range(PLAYERS)
        ]
    )
    values = np.empty(PLAYERS)
    for i in range(PLAYERS):
        bit = 1 << (PLAYERS - 1 - i)
        without = np.flatnonzero(np.arange(len(v)) & bit == 0)
        values[i] = np.sum(weight[size[without]] * (v[without + bit] - v[without]))
    return values


def by_pellucid(predict: Predict, x: np.ndarray, background: np.ndarray, seed: int) -> pellucid.Attribution:
    with pellucid.options(seed=seed, progress=False):
        return pellucid.KernelShap(budget=BUDGET)(predict, x[None], background=background)


def by_shap(predict: Predict, x: np.ndarray, background: np.ndarray, seed: int) -> np.ndarray:
    import shap

    np.random.seed(seed)  # noqa: NPY002 (shap draws from the global stream)
    return shap.KernelExplainer(predict, background).shap_values(x, nsamples=BUDGET, silent=True)


def by_captum(predict: Predict, x: np.ndarray, background: np.ndarray, seed: int) -> np.ndarray:
    """Captum hides behind one row only, so the average over the background is taken inside the model."""
    import torch
    from captum.attr import KernelShap

    torch.manual_seed(seed)

    def game(mask: torch.Tensor) -> torch.Tensor:
        keep = mask.numpy() > 0.5
        rows = np.where(keep[:, None], x, background).reshape(-1, PLAYERS)
        return torch.tensor(predict(rows).reshape(len(keep), -1).mean(1))

    method = KernelShap(game)
    ones = torch.ones(1, PLAYERS)
    return method.attribute(ones, torch.zeros(1, PLAYERS), n_samples=BUDGET, perturbations_per_eval=BUDGET)[
        0
    ].numpy()


def compare(name: str, predict: Predict, X: np.ndarray, background_rows: int) -> tuple[list[str], list[str]]:
    errors: dict[str, list[float]] = {"pellucid": [], "captum": [], "shap": []}
    covered: list[bool] = []
    background = X[-background_rows:]
    for x in X[:ROWS]:
        truth = exact(predict, x, background)
        scale = np.linalg.norm(truth)
        for seed in range(SEEDS):
            e = by_pellucid(predict, x, background, seed)
            errors["pellucid"].append(np.linalg.norm(e.values[0] - truth) / scale)
            covered += list(np.abs(e.values[0] - truth) <= e.quality.half_width[0])
            errors["captum"].append(np.linalg.norm(by_captum(predict, x, background, seed) - truth) / scale)
            errors["shap"].append(np.linalg.norm(by_shap(predict, x, background, seed) - truth) / scale)
    ours, captum, shap = (float(np.median(errors[k])) for k in ("pellucid", "captum", "shap"))
    label = f"{name}, {background_rows} background row{'s' * (background_rows > 1)}"
    accuracy = [label, f"{ours:.4f}", f"{ours / captum:.2f}", f"{ours / shap:.2f}", f"{np.mean(covered):.3f}"]
    x, rivals = X[0], {"pellucid": by_pellucid, "captum": by_captum, "shap": by_shap}
    seconds = interleaved({k: lambda f=f: f(predict, x, background, 0) for k, f in rivals.items()}, 5)
    time = [label]
    for rival in ("captum", "shap"):
        middle, low, high = ratio(seconds["pellucid"], seconds[rival])
        time.append(f"{middle:.2f} ({low:.2f}-{high:.2f})")
    return accuracy, time


if __name__ == "__main__":
    accuracy, times = [], []
    for name, (predict, X) in games().items():
        for background_rows in (1, 20):
            a, t = compare(name, predict, X, background_rows)
            accuracy.append(a)
            times.append(t)
    head = ["", "relative error", "to captum", "to shap", "95 % intervals cover"]
    print(
        table(f"Median error against exact values, {PLAYERS} players, {BUDGET} evaluations", head, accuracy)
    )
    print(table("CPU time of one row: median ratio (quartiles)", ["", "to captum", "to shap"], times))
