"""TreeSHAP beside shap, the boosters' own contributions, woodelf and shapiq: CPU time of one thread, in one run.

    python -m benchmarks.tree_shap [part of a name ...]

Ours is the whole call. From 1,000 rows on tables and plan are built anew each time; below, they are kept, as the peers
keep their explainers. The reading of the model, done once per model, is left out. Peers that take long are timed on
fewer rows and scaled where their cost is proportional to the rows, or timed once. shap hands path-dependent values of
XGBoost and LightGBM over to these libraries, so its own code is timed ("shap, own code"), and it takes 100 rows of a
larger background unless it is told not to. The table of the last run is in `tree_shap.txt`.
"""

from __future__ import annotations

import os
import platform
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.measure import interleaved, one_thread, ratio, table

one_thread()

import numpy as np

import pellucid
from pellucid.methods.trees import plan

COLUMNS, TRAINED, ROUNDS, MANY = 20, 10_000, 3, 1_000
Run = Callable[[], object]


@cache
def data() -> tuple[np.ndarray, np.ndarray]:
    """A table of 20 columns, float32 values, and a target with interactions."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(TRAINED, COLUMNS)).astype(np.float32).astype(np.float64)
    y = X[:, 0] * X[:, 1] + X[:, 2] ** 2 + np.sin(2 * X[:, 3]) + X[:, 4:10].sum(1) * 0.3
    return X, y + 0.3 * rng.normal(size=TRAINED)


@cache
def model(name: str) -> Any:
    """The models of the comparison, fitted on one thread."""
    from lightgbm import LGBMRegressor
    from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
    from xgboost import XGBRegressor

    made = {
        "XGBoost 500 x depth 6": lambda: XGBRegressor(n_estimators=500, max_depth=6, n_jobs=1),
        "XGBoost 200 x depth 10": lambda: XGBRegressor(n_estimators=200, max_depth=10, n_jobs=1),
        "LightGBM 500 x 31 leaves": lambda: LGBMRegressor(n_estimators=500, n_jobs=1, verbose=-1),
        "hist gradient boosting 500 x 31": lambda: HistGradientBoostingRegressor(max_iter=500),
        "random forest 100, full depth": lambda: RandomForestRegressor(100, random_state=0),
    }
    return made[name]().fit(*data())


def ours(m: Any, x: np.ndarray, **how: Any) -> Run:
    """The whole call; of many rows with nothing prepared but the forest."""
    method, wrapped = pellucid.TreeShap(interactions=how.pop("interactions", False)), pellucid.wrap(m)

    def run() -> object:
        if len(x) >= MANY:
            plan._plans.clear()
        return method(wrapped, x, **how)

    return run


def own_code(m: Any, **how: Any) -> Any:
    """A shap explainer that does not hand over to the model's library."""
    import shap

    if "data" in how:  # handed over as an array, 100 of its rows would be taken
        how["data"] = shap.maskers.Independent(how["data"], max_samples=len(how["data"]))
    explainer = shap.TreeExplainer(m, **how)
    explainer.model.model_type = "internal"
    return explainer


def peers(name: str, x: np.ndarray, background: np.ndarray | None, pairs: bool) -> dict[str, tuple[Run, int]]:
    """Each peer that can, with the rows it is timed on."""
    m, n = model(name), len(x)
    few = min(n, 2 if background is not None or pairs or "forest" in name else 100)
    explainer = own_code(m) if background is None else own_code(m, data=background)
    shap_call = explainer.shap_interaction_values if pairs else explainer.shap_values
    how = {} if pairs else {"check_additivity": False}
    out: dict[str, tuple[Run, int]] = {"shap, own code": (lambda: shap_call(x[:few], **how), few)}
    if background is None and "XGBoost" in name:
        import xgboost

        booster = m.get_booster()
        key = "pred_interactions" if pairs else "pred_contribs"
        part = min(n, 4 if pairs else 200)
        matrix = xgboost.DMatrix(x[:part])
        out[f"XGBoost {key}"] = (lambda: booster.predict(matrix, **{key: True}), part)
    if background is None and "LightGBM" in name and not pairs:
        out["LightGBM pred_contrib"] = (lambda: m.predict(x[: min(n, 200)], pred_contrib=True), min(n, 200))
    return out


def slow_peers(
    name: str, x: np.ndarray, background: np.ndarray | None, pairs: bool
) -> dict[str, tuple[Run, int]]:
    """Peers that take seconds whatever the rows: timed once."""
    if pairs or "forest" in name or "hist" in name:
        return {}
    return _others(model(name), x, background)


def _others(m: Any, x: np.ndarray, background: np.ndarray | None) -> dict[str, tuple[Run, int]]:
    import pandas as pd
    import woodelf

    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])
    rows = None if background is None else pd.DataFrame(background, columns=frame.columns)
    explainer = woodelf.WoodelfExplainer(m, rows) if rows is not None else woodelf.WoodelfExplainer(m)
    out: dict[str, tuple[Run, int]] = {"woodelf": (lambda: explainer.shap_values(frame), len(x))}
    if background is None:
        import shapiq

        few = 1
        with suppress(TypeError):  # its reader of XGBoost models does not go with pandas 3
            tree = shapiq.TreeExplainer(m, max_order=1, index="SV")
            out["shapiq"] = (lambda: [tree.explain(row) for row in x[:few]], few)
    return out


CASES = [
    *(("XGBoost 500 x depth 6", n, 0, False) for n in (1, 100, 1_000, 10_000)),
    ("XGBoost 200 x depth 10", 10_000, 0, False),
    ("LightGBM 500 x 31 leaves", 1, 0, False),
    ("LightGBM 500 x 31 leaves", 10_000, 0, False),
    ("hist gradient boosting 500 x 31", 10_000, 0, False),
    ("random forest 100, full depth", 128, 0, False),
    ("XGBoost 500 x depth 6", 1, 100, False),
    ("XGBoost 500 x depth 6", 100, 100, False),
    ("XGBoost 500 x depth 6", 1_000, 100, False),
    ("XGBoost 500 x depth 6", 10_000, 1_000, False),
    ("random forest 100, full depth", 200, 100, False),
    ("XGBoost 500 x depth 6", 1_000, 0, True),
    ("LightGBM 500 x 31 leaves", 1_000, 0, True),
]


def quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` without what the peers write to standard error and output while they run."""

    def run(*given: Any) -> Any:
        with Path(os.devnull).open("w") as sink, redirect_stderr(sink), redirect_stdout(sink):
            return function(*given)

    return run


def compare(name: str, n: int, m: int, pairs: bool) -> list[list[str]]:
    """One case: microseconds a row of each, and how often ours goes into it."""
    X, _ = data()
    x, background = X[:n], X[:m] if m else None
    how: dict[str, Any] = {"background": background} if m else {}
    others = peers(name, x, background, pairs)
    times = quiet(interleaved)(
        {
            "pellucid": ours(model(name), x, interactions=pairs, **how),
            **{k: run for k, (run, _) in others.items()},
        },
        ROUNDS,
    )
    mine = times.pop("pellucid") / n
    for peer, (run, timed) in slow_peers(name, x, background, pairs).items():
        others[peer] = run, timed
        start = process_time()
        quiet(run)()
        times[peer] = np.full(ROUNDS, process_time() - start)
    kind = ("pairs, " if pairs else "") + (f"background {m}" if m else "path-dependent")
    rows = [[name, kind, str(n), "pellucid", f"{1e6 * np.median(mine):.1f}", ""]]
    for peer, spent in times.items():
        per_row = spent / others[peer][1]
        middle, low, high = ratio(per_row, mine)
        rows.append(
            ["", "", "", peer, f"{1e6 * np.median(per_row):.1f}", f"{middle:.1f} ({low:.1f}-{high:.1f})"]
        )
    return rows


def main(wanted: list[str]) -> None:
    warnings.filterwarnings("ignore")
    names = ("numba", "shap", "xgboost-cpu", "lightgbm", "scikit-learn", "woodelf_explainer", "shapiq")
    head = ["model", "values", "rows", "by", "us a row", "times ours"]
    title = f"TreeSHAP, one thread, {platform.processor() or platform.machine()}, Python {platform.python_version()}; "
    print(title + ", ".join(f"{n} {_version(n)}" for n in names))
    for name, n, m, pairs in CASES:
        label = f"{name} {n} {m or 'path'} {'pairs' if pairs else ''}"
        if all(w in label for w in wanted):
            print(table("", head, compare(name, n, m, pairs)), flush=True)


def _version(name: str) -> str:
    try:
        return version(name)
    except ModuleNotFoundError:
        return version(name.removesuffix("-cpu"))


if __name__ == "__main__":
    main(sys.argv[1:])
