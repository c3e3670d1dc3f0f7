"""Boosters from the files of their own libraries, which hold data and no code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pellucid.core.errors import FileError
from pellucid.core.extras import need

EXTRA = "trees"


def booster(path: Path) -> Any:
    """The model in an XGBoost (.json, .ubj), LightGBM (.txt) or CatBoost (.cbm, .json) file.

    Raises:
        FileError: it is none of these.
    """
    return _READERS[_library(path)](path)


def _library(path: Path) -> str:
    """Who wrote a file, by what it begins with."""
    ending = path.suffix.lower()
    with path.open("rb") as opened:
        start = opened.read(4)
    if ending == ".ubj" and start.startswith(b"{"):
        return "xgboost"
    if ending == ".txt" and start == b"tree":
        return "lightgbm"
    if ending == ".cbm" and start == b"CBM1":
        return "catboost"
    if ending == ".json":
        keys = json.loads(path.read_text("utf-8"))
        keys = keys if isinstance(keys, dict) else {}
        if "learner" in keys:
            return "xgboost"
        if "oblivious_trees" in keys or "trees" in keys:
            return "catboost"
    raise FileError(
        f"{path.name} is no model of XGBoost, LightGBM or CatBoost.",
        fix="Save it with save_model(), or explain it from a factory: package.module:factory.",
    )


def _xgboost(path: Path) -> Any:
    return need("xgboost", what=f"A {path.suffix} model", extra=EXTRA).Booster(model_file=str(path))


def _lightgbm(path: Path) -> Any:
    return need("lightgbm", what=f"A {path.suffix} model", extra=EXTRA).Booster(model_file=str(path))


def _catboost(path: Path) -> Any:
    library = need("catboost", what=f"A {path.suffix} model", extra=EXTRA)
    return library.CatBoost().load_model(str(path), format=path.suffix.lower().removeprefix("."))


_READERS = {"xgboost": _xgboost, "lightgbm": _lightgbm, "catboost": _catboost}
