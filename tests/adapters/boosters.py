"""Random tables with gaps and categories, and boosters of every library grown on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

TASKS = ("regression", "binary", "classes", "ranking")


def table(seed: int = 0, rows: int = 150) -> Any:
    """Numbers with gaps, whole numbers, and two columns of categories, the second with gaps."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 10, rows),
            "city": pd.Categorical(rng.choice(["Lima", "Oslo", "Rome"], rows)),
            "visits": rng.integers(0, 9, rows),
            "income": np.where(rng.random(rows) < 0.2, np.nan, rng.lognormal(3, 1, rows)),
            "size": pd.Categorical(rng.choice(list("abcdefghij"), rows)),
        }
    )
    frame.loc[frame.index[::7], "size"] = np.nan
    frame.loc[frame.index[::11], "age"] = np.nan
    return frame


def wanted(frame: Any, task: str, seed: int = 0) -> np.ndarray:
    """True values for a task."""
    rng = np.random.default_rng(seed + 1)
    score = frame["age"].fillna(30) / 10 + 2.0 * (frame["city"] == "Oslo") - 0.3 * frame["visits"]
    score = score + frame["size"].isin(list("bdf")) + rng.normal(0, 0.5, len(frame))
    if task == "regression":
        return score.to_numpy()
    cuts = [np.median(score)] if task == "binary" else np.quantile(score, [0.3, 0.6])
    return np.searchsorted(cuts, score).astype(int)


def words(frame: Any) -> Any:
    """The frame as CatBoost takes it: words, none of them missing."""
    return frame.assign(
        city=frame["city"].astype(object), size=frame["size"].astype(object).where(frame["size"].notna(), "?")
    )


def unseen(frame: Any) -> Any:
    """Rows with a category that no training row had."""
    return frame.assign(city=pd.Categorical(["Oslo", *["Paris"] * (len(frame) - 1)]))


def xgboost(task: str, seed: int = 0, rounds: int = 8, **knobs: Any) -> Any:
    import xgboost as library

    frame = table(seed)
    y = wanted(frame, task, seed)
    data = library.DMatrix(frame, y, enable_categorical=True)
    objective = {"regression": "reg:squarederror", "binary": "binary:logistic", "ranking": "rank:ndcg"}
    known: dict[str, Any] = {"objective": objective.get(task, "multi:softprob"), "seed": seed, "nthread": 1}
    if task == "classes":
        known["num_class"] = 3
    if task == "ranking":
        data.set_group([50] * 3)
    return library.train({**known, "max_depth": 4, "max_cat_to_onehot": 4, **knobs}, data, rounds)


def lightgbm(task: str, seed: int = 0, rounds: int = 8, **knobs: Any) -> Any:
    import lightgbm as library

    frame = table(seed)
    y = wanted(frame, task, seed)
    objective = {"regression": "regression", "binary": "binary", "ranking": "lambdarank"}
    known: dict[str, Any] = {"objective": objective.get(task, "multiclass"), "seed": seed, "verbose": -1}
    known |= {"num_threads": 1, "min_data_in_leaf": 5, "min_data_per_group": 5, "num_leaves": 8, **knobs}
    if task == "classes":
        known["num_class"] = 3
    data = library.Dataset(frame, y, group=[50] * 3 if task == "ranking" else None)
    return library.train(known, data, rounds)


def catboost(task: str, seed: int = 0, rounds: int = 8, **knobs: Any) -> Any:
    import catboost as library

    frame = table(seed)
    y = wanted(frame, task, seed)
    loss = {"regression": "RMSE", "binary": "Logloss", "ranking": "YetiRank"}
    known = {"loss_function": loss.get(task, "MultiClass"), "random_seed": seed, "iterations": rounds}
    known |= {"verbose": False, "allow_writing_files": False, "thread_count": 1, "depth": 4, **knobs}
    groups = np.repeat(range(3), 50) if task == "ranking" else None
    pool = library.Pool(words(frame), y, cat_features=["city", "size"], group_id=groups)
    return library.CatBoost(known).fit(pool)
