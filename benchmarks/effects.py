"""Effects against scikit-learn and PyALE in one run.

Run: python benchmarks/effects.py
"""

from __future__ import annotations

from measure import interleaved, one_thread, ratio, table

one_thread()

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import make_friedman1
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.neural_network import MLPRegressor

import pellucid

warnings.simplefilter("ignore")
ROWS, COLUMNS, POINTS, ALL = 3000, 20, 50, 10**9
X, y = make_friedman1(ROWS, COLUMNS, random_state=0)
NAMES = [f"x{j}" for j in range(COLUMNS)]
FRAME = pd.DataFrame(X, columns=NAMES)
MODELS: dict[str, Any] = {
    "boosted trees": HistGradientBoostingRegressor(random_state=0),
    "full-depth forest": RandomForestRegressor(50, random_state=0),
    "neural network": MLPRegressor(hidden_layer_sizes=(64, 64), max_iter=60, random_state=0),
}


def ours(method: Any, model: Any, rows: Any, *more: Any, **call: Any) -> Any:
    with pellucid.options(progress=False):
        return method(model, rows, *more, **call)


def dependence(model: Any) -> dict[str, Callable[[], object]]:
    """Of all columns."""
    method = pellucid.PartialDependence(points=POINTS, ice=0)

    def peer() -> None:
        for j in range(COLUMNS):
            partial_dependence(model, X, [j], kind="average", method="brute", grid_resolution=POINTS)

    return {"pellucid": lambda: ours(method, model, X), "peer": peer}


def own_curves(model: Any) -> dict[str, Callable[[], object]]:
    """Of two columns, every row's own."""
    method = pellucid.PartialDependence(points=POINTS, ice=ALL)

    def peer() -> None:
        for j in range(2):
            partial_dependence(model, X, [j], kind="individual", method="brute", grid_resolution=POINTS)

    return {"pellucid": lambda: ours(method, model, X, columns=[0, 1]), "peer": peer}


def local_effects(model: Any) -> dict[str, Callable[[], object]]:
    """Of all columns; PyALE asks models of frames."""
    from PyALE import ale

    class Framed:
        def predict(self, rows: pd.DataFrame) -> np.ndarray:
            return model.predict(rows.to_numpy())

    def peer() -> None:
        for name in NAMES:
            ale(FRAME, Framed(), [name], feature_type="continuous", grid_size=20, plot=False)

    return {"pellucid": lambda: ours(pellucid.AccumulatedLocalEffects(), model, X), "peer": peer}


def shuffles(model: Any) -> dict[str, Callable[[], object]]:
    """Of all columns, three each."""
    method = pellucid.PermutationImportance(repeats=3)
    return {
        "pellucid": lambda: ours(method, model, X, y, score="r2"),
        "peer": lambda: permutation_importance(model, X, y, scoring="r2", n_repeats=3, random_state=0),
    }


QUESTIONS = {
    "partial dependence, 20 columns": (dependence, 2),
    "own curves (ICE), 2 columns": (own_curves, 3),
    "accumulated local effects, 20 columns": (local_effects, 3),
    "permutation importance, 3 repeats": (shuffles, 3),
}


def compare() -> list[list[str]]:
    rows = list[list[str]]()
    for label, (question, rounds) in QUESTIONS.items():
        for name, model in MODELS.items():
            times = interleaved(
                question(model), rounds, warm=("pellucid",)
            )  # a peer's run takes up to a minute
            middle, low, high = ratio(times["peer"], times["pellucid"])
            mine, theirs = (float(np.median(times[k])) for k in ("pellucid", "peer"))
            rows.append([label, name, f"{mine:.3f}", f"{theirs:.3f}", f"{middle:.2f} ({low:.2f}-{high:.2f})"])
            print("  ".join(rows[-1]), flush=True)
    return rows


if __name__ == "__main__":
    import sklearn
    from PyALE import __name__ as peer

    for model in MODELS.values():
        model.fit(X, y)
    head = ["", "model", "pellucid s", "peer s", "times faster (quartiles)"]
    print(
        table(f"{ROWS} rows, {COLUMNS} columns; scikit-learn {sklearn.__version__}, {peer}", head, compare())
    )
