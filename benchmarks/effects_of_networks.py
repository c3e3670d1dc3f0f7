"""Partial dependence and own curves of two small networks, beside scikit-learn in one run: a model that costs little.

Run: python benchmarks/effects_of_networks.py
"""

from __future__ import annotations

from measure import interleaved, one_thread, ratio, table

one_thread()

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn
import torch
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import make_friedman1
from sklearn.inspection import partial_dependence
from sklearn.neural_network import MLPRegressor

import pellucid

warnings.simplefilter("ignore")
ROWS, COLUMNS, POINTS, ROUNDS, ALL = 3000, 20, 50, 9, 10**9
TRACED = [0, 1, 2, 3]
X, y = make_friedman1(ROWS, COLUMNS, random_state=0)


class Estimator(RegressorMixin, BaseEstimator):
    """A torch network as scikit-learn asks one."""

    def __init__(self, net: Any = None) -> None:
        self.net = net

    def fit(self, X: Any, y: Any) -> Any:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return self.net(torch.as_tensor(rows, dtype=torch.float32)).numpy()[:, 0]


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    first, second, last = torch.nn.Linear(COLUMNS, 64), torch.nn.Linear(64, 64), torch.nn.Linear(64, 1)
    return torch.nn.Sequential(first, torch.nn.ReLU(), second, torch.nn.ReLU(), last).eval()


def rivals(mine: Any, theirs: Any, kind: str) -> dict[str, Callable[[], object]]:
    method = pellucid.PartialDependence(points=POINTS, ice=ALL if kind == "individual" else 0)

    def ours() -> object:
        with pellucid.options(progress=False):
            return method(mine, X, columns=TRACED)

    def peer() -> None:
        for j in TRACED:
            partial_dependence(theirs, X, [j], kind=kind, method="brute", grid_resolution=POINTS)

    return {"pellucid": ours, "peer": peer}


def main() -> None:
    net, fitted = network(), MLPRegressor(hidden_layer_sizes=(64, 64), max_iter=20, random_state=0).fit(X, y)
    rows = list[list[str]]()
    for name, mine, theirs in (("torch", net, Estimator(net)), ("MLPRegressor", fitted, fitted)):
        for label, kind in (("partial dependence", "average"), ("own curves (ICE)", "individual")):
            times = interleaved(rivals(mine, theirs, kind), ROUNDS)
            middle, low, high = ratio(times["peer"], times["pellucid"])
            mean = [f"{float(np.median(times[k])):.3f}" for k in ("pellucid", "peer")]
            rows.append([label, name, *mean, f"{middle:.2f} ({low:.2f}-{high:.2f})"])
    head = ["", "network", "pellucid s", "peer s", "times faster (quartiles)"]
    versions = f"scikit-learn {sklearn.__version__}, torch {torch.__version__}"
    print(table(f"{ROWS} rows, {len(TRACED)} of {COLUMNS} columns; {versions}", head, rows))


if __name__ == "__main__":
    main()
