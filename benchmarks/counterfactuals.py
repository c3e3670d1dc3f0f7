"""Counterfactuals against DiCE (random, genetic, kd-tree): distance, validity, constraints kept, time.

Breast cancer with a random forest, and a mixed table with hist gradient boosting, the same rows for all, in one run.
The distance is in median absolute deviations of the training rows, a change of category counts 1. It is that of rows
whose answer is valid and within the constraints, and two are compared over the rows where both are. Each call is
measured once, in CPU time: DiCE takes minutes. Kernels are compiled before.
Run: python benchmarks/counterfactuals.py [rows]
"""

from __future__ import annotations

from measure import one_thread, table

one_thread()

import sys
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

import pellucid

warnings.simplefilter("ignore")
ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
MANY = 1000
HOW = ("random", "genetic", "kdtree")


def cancer() -> tuple[Any, pd.DataFrame, pd.DataFrame, list[str], pellucid.Constraints]:
    """A forest of 100 trees over 30 numbers: model, training rows, rows to change, words, constraints."""
    data = load_breast_cancer(as_frame=True)
    held = np.arange(len(data.data)) % 3 == 0
    model = RandomForestClassifier(100, random_state=0).fit(data.data[~held], data.target[~held])
    rows = data.data[held]
    return model, data.data[~held], rows[model.predict(rows) == 0], [], pellucid.Constraints()


def mixed() -> tuple[Any, pd.DataFrame, pd.DataFrame, list[str], pellucid.Constraints]:
    """Boosting over three numbers and three words; one word stays, age only rises."""
    r = np.random.default_rng(0)
    n = 3000
    X = pd.DataFrame(
        {
            "income": r.lognormal(10.6, 0.4, n).round(-2),
            "age": r.integers(18, 80, n).astype(float),
            "debt": r.gamma(2, 4000, n).round(),
            "sex": r.choice(["f", "m"], n),
            "job": r.choice(["clerk", "nurse", "engineer", "none"], n, p=[0.4, 0.2, 0.25, 0.15]),
            "home": r.choice(["own", "rent"], n),
        }
    )
    job = X.job.map({"clerk": 0.0, "nurse": 0.4, "engineer": 0.8, "none": -1.5})
    score = 3 * (np.log(X.income) - 10.6) - 1.2 * (X.debt / 8000 - 1) + job + 0.5 * (X.home == "own")
    y = (score + r.normal(0, 0.5, n) > 0).astype(int)
    words = ["sex", "job", "home"]
    coded = make_column_transformer((OrdinalEncoder(), words), remainder="passthrough")
    model = make_pipeline(coded, HistGradientBoostingClassifier(categorical_features=[0, 1, 2])).fit(
        X[::2], y[::2]
    )
    rows = X[1::2]
    asked = pellucid.Constraints(immutable=["sex"], increase_only=["age"])
    return model, X[::2], rows[model.predict(rows) == 0], words, asked


def distance(train: pd.DataFrame, words: list[str], x: pd.DataFrame, z: pd.DataFrame) -> np.ndarray:
    """Sum over columns of |change| over the median absolute deviation; 1 for each other word."""
    total = np.zeros(len(x))
    for c in train:
        if c in words:
            total += (x[c].to_numpy() != z[c].to_numpy()).astype(float)
        else:
            spread = float(np.median(np.abs(train[c] - train[c].median()))) or float(train[c].std())
            total += np.abs(x[c].to_numpy(float) - z[c].to_numpy(float)) / spread
    return total


def dice(
    model: Any, train: pd.DataFrame, rows: pd.DataFrame, words: list[str], how: str, asked: Any
) -> pd.DataFrame:
    """DiCE's nearest of one answer per row, with its own means to keep columns as they are."""
    import dice_ml

    y = model.predict(train)
    frame = train.assign(y=y)
    data = dice_ml.Data(
        dataframe=frame, continuous_features=[c for c in train if c not in words], outcome_name="y"
    )
    engine = dice_ml.Dice(data, dice_ml.Model(model=model, backend="sklearn"), method=how)
    vary = [c for c in train if c not in asked.immutable]
    found = list[Any]()
    for k in range(len(rows)):
        row = rows.iloc[k : k + 1]
        extra: dict[str, Any] = {"random_seed": 0} if how == "random" else {}
        if asked.increase_only:
            top = {c: float(train[c].max()) for c in asked.increase_only}
            extra["permitted_range"] = {
                c: [float(row[c].iloc[0]), max(top[c], float(row[c].iloc[0]))] for c in asked.increase_only
            }
        if asked.immutable:
            extra["features_to_vary"] = vary
        try:
            answer = (
                engine.generate_counterfactuals(
                    row, total_CFs=1, desired_class="opposite", verbose=False, **extra
                )
                .cf_examples_list[0]
                .final_cfs_df
            )
        except Exception:  # noqa: BLE001  # it raises plain exceptions where it finds nothing
            answer = None
        empty = answer is None or not len(answer)
        found.append([np.nan] * len(train.columns) if empty else answer[train.columns].iloc[0].tolist())
    return pd.DataFrame(found, columns=train.columns, index=rows.index)


def judged(
    name: str, case: Any, rows: pd.DataFrame, z: pd.DataFrame, seconds: float
) -> tuple[list[str], np.ndarray]:
    """One line of the table, and the distance of each row, NaN where there is no valid answer."""
    model, train, _, words, asked = case
    has = z.notna().all(axis=1).to_numpy()
    x, z = rows[has], z[has].astype(train.dtypes.to_dict())
    valid = model.predict(z) == 1 if len(z) else np.zeros(0, bool)
    kept = np.ones(len(z), bool)
    for c in asked.immutable:
        kept &= (x[c] == z[c]).to_numpy()
    for c in asked.increase_only:
        kept &= (x[c] <= z[c]).to_numpy()
    far = np.full(len(rows), np.nan)
    far[has] = np.where(valid & kept, distance(train, words, x, z), np.nan)
    shares = [f"{share.mean():.2f}" if len(share) else "-" for share in (valid, kept)]
    mean = f"{np.nanmean(far):.2f}" if np.isfinite(far).any() else "-"
    return [name, f"{has.sum()}/{len(rows)}", *shares, mean, f"{seconds / len(rows):.3f}"], far


def restored(e: pellucid.Counterfactuals, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows found, with words for codes; missing where none was."""
    table, known = (
        pd.DataFrame(np.nan, index=rows.index, columns=rows.columns, dtype=object),
        e.features.categories,
    )
    for m, of in enumerate(e.of):
        found = zip(rows.columns, e.values[m], strict=True)
        table.iloc[of] = [known[c][int(v)] if c in known else v for c, v in found]
    return table


def main() -> None:
    """Print a table for each case."""
    try:
        import dice_ml  # noqa: F401
    except ImportError:
        print("dice_ml is not installed: nothing to compare with.")
        return
    compare("breast cancer, random forest", cancer())
    compare("mixed table, boosting", mixed())


def compare(title: str, case: Any) -> None:
    """One table."""
    head = ["", "found", "valid", "constraints", "distance", "CPU s / row"]
    model, train, every, words, asked = case
    rows, lines, far, times = every.iloc[:ROWS], list[list[str]](), {}, {}
    for how in HOW:
        start = time.process_time()
        z = dice(model, train, rows, words, how, asked)
        times[how] = time.process_time() - start
        line, far[how] = judged(f"DiCE {how}", case, rows, z, times[how])
        lines.append(line)

    def ask(some: pd.DataFrame) -> tuple[pellucid.Counterfactuals, float]:
        start = time.process_time()
        e = pellucid.Counterfactual()(model, some, target=1, background=train, constraints=asked)
        return e, time.process_time() - start

    ask(rows.iloc[:1])
    e, took = ask(rows)
    line, own = judged("pellucid", case, rows, restored(e, rows), took)
    print(table(title, head, [*lines, line]))
    ratio = {how: over(own, far[how]) for how in HOW if np.isfinite(far[how]).any()}
    best = max(ratio, key=lambda how: ratio[how])
    print(
        f"distance over DiCE's best ({best}): {ratio[best]:.2f}; time over its: {took / times[best]:.2f}, "
        f"over that of its fastest: {took / min(times.values()):.2f}"
    )
    e, took = ask(every.iloc[np.arange(MANY) % len(every)])
    each = took / MANY / (times[best] / len(rows))
    print(f"{MANY} rows in one call: {took:.1f} CPU s, {e.status.count('found')} found")
    print(f"time a row over its: {each:.2f}\n")


def over(own: np.ndarray, theirs: np.ndarray) -> float:
    """Mean distance over theirs, over the rows where both have a valid answer."""
    both = np.isfinite(own) & np.isfinite(theirs)
    return float(own[both].mean() / theirs[both].mean()) if both.any() else 0.0


if __name__ == "__main__":
    main()
