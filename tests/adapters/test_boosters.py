"""XGBoost, LightGBM and CatBoost are asked as their users ask them: the numbers are theirs to the last bit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid
from pellucid.cli.loading import data, models
from pellucid.core.errors import CapabilityError, DataError, FileError, ShapeError
from tests.adapters import boosters

pandas = pytest.importorskip("pandas")
xgb, lgb, cat = (pytest.importorskip(name) for name in ("xgboost", "lightgbm", "catboost"))

FRAME = boosters.table(5, 40)
UNSEEN = boosters.unseen(FRAME)
LIBRARIES = ("xgboost", "lightgbm", "catboost")
every_library = pytest.mark.parametrize("library", LIBRARIES)
every_task = pytest.mark.parametrize("task", boosters.TASKS)


def grown(library: str, task: str, **knobs: Any) -> Any:
    return getattr(boosters, library)(task, **knobs)


def rows_for(library: str, frame: Any) -> Any:
    return boosters.words(frame) if library == "catboost" else frame


def said(library: str, model: Any, rows: Any, task: str, *, margin: bool) -> np.ndarray:
    """What the library itself says, with its own words."""
    if library == "xgboost":
        return model.predict(xgb.DMatrix(rows, enable_categorical=True), output_margin=margin)
    if library == "lightgbm":
        return model.predict(rows, raw_score=margin)
    usual = "Probability" if task in ("binary", "classes") else "RawFormulaVal"
    return model.predict(rows, prediction_type="RawFormulaVal" if margin else usual)


# -- the numbers ----------------------------------------------------------------------------------------------------


@every_library
@every_task
@pytest.mark.parametrize("margin", [False, True], ids=["usual", "margin"])
@pytest.mark.parametrize("frame", [FRAME, UNSEEN], ids=["known", "unseen"])
def test_a_booster_says_what_it_says_itself(library, task, margin, frame):
    """Missing values, known and unseen categories; two classes have a column each, the second is the booster's."""
    model, rows = grown(library, task), rows_for(library, frame)
    wrapped = pellucid.wrap(model, output="margin" if margin else None)
    own, ours = said(library, model, rows, task, margin=margin), wrapped.predict(rows)
    if task == "binary":
        assert ours.shape == (len(rows), 2)
        np.testing.assert_array_equal(ours[:, 0], -ours[:, 1] if margin else 1 - ours[:, 1])
        ours, own = ours[:, 1], own if own.ndim == 1 else own[:, 1]
    np.testing.assert_array_equal(ours, own)
    assert ours.dtype == own.dtype


SPACES = {
    ("binary", False): "probability",
    ("binary", True): "log-odds",
    ("classes", False): "probability",
    ("classes", True): "logit",
}


@every_library
@every_task
def test_what_is_known_of_a_booster(library, task):
    model = grown(library, task)
    for margin, word in ((False, None), (True, "margin"), (True, "raw")):
        facts = pellucid.wrap(model, output=word).facts
        classes = {"binary": ("0", "1"), "classes": ("0", "1", "2")}.get(task, ())
        assert facts.name == f"{type(model).__name__} ({library})"
        assert facts.columns == ("age", "city", "visits", "income", "size")
        assert (facts.width, facts.missing, facts.frames) == (5, True, True)
        assert (facts.classes, facts.classifier) == (classes, bool(classes))
        assert facts.space == SPACES.get((task, margin), "raw")


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_table_of_codes_is_the_frame(library):
    """Categories as the numbers of the codes, gaps as NaN (CatBoost knows words, and no codes for them)."""
    codes = FRAME.assign(**{n: FRAME[n].cat.codes.replace(-1, np.nan) for n in ("city", "size")})
    wrapped = pellucid.wrap(grown(library, "classes"))
    np.testing.assert_array_equal(wrapped.predict(codes.to_numpy(float)), wrapped.predict(FRAME))


@every_library
def test_words_as_a_file_of_rows_has_them(library, tmp_path):
    """A csv knows no categories: its words are taken as such, by a model from its own file."""
    model, rows = grown(library, "binary"), rows_for(library, FRAME)
    ending = {"xgboost": "ubj", "lightgbm": "txt", "catboost": "cbm"}[library]
    model.save_model(str(tmp_path / f"model.{ending}"))
    rows.to_csv(tmp_path / "rows.csv", index=False)
    loaded = models.load(str(tmp_path / f"model.{ending}")).model
    read = data.read([str(tmp_path / "rows.csv")]).x
    np.testing.assert_allclose(
        pellucid.wrap(loaded).predict(read), pellucid.wrap(model).predict(rows), rtol=1e-6
    )


def test_whole_numbers_as_categories_of_catboost_in_an_array_of_floats():
    x = np.random.default_rng(0).normal(size=(100, 3))
    x[:, 1] = np.arange(100) % 4
    whole = pandas.DataFrame(x).astype({1: int})
    model = cat.CatBoostRegressor(iterations=5, verbose=False, allow_writing_files=False, cat_features=[1])
    model.fit(whole, x[:, 0] + (x[:, 1] == 2))
    np.testing.assert_array_equal(pellucid.wrap(model).predict(x), model.predict(whole))


@every_library
def test_columns_are_matched_by_name(library):
    rows = rows_for(library, FRAME)
    wrapped = pellucid.wrap(grown(library, "regression"))
    np.testing.assert_array_equal(wrapped.predict(rows[rows.columns[::-1]]), wrapped.predict(rows))
    with pytest.raises(ShapeError, match=r"The rows lack the column 'age' that the model was trained on"):
        wrapped.predict(rows.rename(columns={"age": "years"}))


def test_spaces_in_names_that_lightgbm_rewrites():
    frame = pandas.DataFrame({"a b": np.arange(60.0), "c d": np.arange(60.0)[::-1] % 7, "e": 0.0})
    model = lgb.LGBMRegressor(n_estimators=3, verbose=-1).fit(frame, np.arange(60.0))
    turned = frame[["e", "c d", "a b"]]
    np.testing.assert_array_equal(pellucid.wrap(model).predict(turned), model.predict(frame))
    e = pellucid.Occlusion()(model, turned.iloc[:5])
    np.testing.assert_array_equal(e.output, model.predict(frame.iloc[:5]))
    assert e.features.names == ("a b", "c d", "e")


# -- estimators -----------------------------------------------------------------------------------------------------

NAMES = np.array(["low", "middle", "high"])


def estimators(task: str) -> list[Any]:
    frame = boosters.table()
    y = boosters.wanted(frame, task)
    trees = {"n_estimators": 5, "random_state": 0, "n_jobs": 1}
    light = dict(trees, verbose=-1, min_child_samples=5)
    kitty = {
        "iterations": 5,
        "verbose": False,
        "allow_writing_files": False,
        "cat_features": ["city", "size"],
    }
    if task == "ranking":
        groups = np.repeat(range(3), 50)
        return [
            xgb.XGBRanker(**trees, enable_categorical=True).fit(frame, y, qid=groups),
            lgb.LGBMRanker(**light).fit(frame, y, group=[50] * 3),
            cat.CatBoostRanker(**kitty).fit(boosters.words(frame), y, group_id=groups),
        ]
    if task == "regression":
        return [
            xgb.XGBRegressor(**trees, enable_categorical=True).fit(frame, y),
            xgb.XGBRegressor(**trees, enable_categorical=True, booster="dart").fit(frame, y),
            xgb.XGBRegressor(**trees, enable_categorical=True, objective="count:poisson").fit(frame, abs(y)),
            lgb.LGBMRegressor(**light).fit(frame, y),
            lgb.LGBMRegressor(**light, objective="poisson").fit(frame, abs(y)),
            cat.CatBoostRegressor(**kitty).fit(boosters.words(frame), y),
            cat.CatBoostRegressor(**kitty, loss_function="Poisson").fit(boosters.words(frame), abs(y)),
        ]
    return [
        xgb.XGBClassifier(**trees, enable_categorical=True).fit(frame, y),
        xgb.XGBRFClassifier(**trees, enable_categorical=True).fit(frame, y),
        lgb.LGBMClassifier(**light).fit(frame, NAMES[y]),
        cat.CatBoostClassifier(**kitty).fit(boosters.words(frame), NAMES[y]),
    ]


@every_task
@pytest.mark.parametrize("frame", [FRAME, UNSEEN], ids=["known", "unseen"])
def test_an_estimator_says_what_it_says_itself(task, frame):
    for model in estimators(task):
        rows = rows_for(type(model).__module__.partition(".")[0], frame)
        wrapped = pellucid.wrap(model)
        own = (model.predict_proba if hasattr(model, "predict_proba") else model.predict)(rows)
        np.testing.assert_array_equal(wrapped.predict(rows), own)
        assert wrapped.facts.space == ("probability" if task in ("binary", "classes") else "raw")
        if hasattr(model, "classes_") and task != "ranking":
            assert wrapped.facts.classes == tuple(map(str, model.classes_))


@pytest.mark.parametrize("task", ["binary", "classes"])
def test_margins_of_estimators(task):
    for model in estimators(task):
        library = type(model).__module__.partition(".")[0]
        rows = rows_for(library, FRAME)
        own = {
            "xgboost": lambda m, r: m.predict(r, output_margin=True),
            "lightgbm": lambda m, r: m.predict(r, raw_score=True),
            "catboost": lambda m, r: m.predict(r, prediction_type="RawFormulaVal"),
        }[library](model, rows)
        ours = pellucid.wrap(model, output="margin").predict(rows)
        np.testing.assert_array_equal(ours[:, 1] if task == "binary" else ours, own)


def test_the_best_iteration_is_that_of_the_library():
    """An estimator stops at its best round, XGBoost's booster does not, LightGBM's does: as they do themselves."""
    frame = boosters.table()
    y = np.random.default_rng(0).normal(size=len(frame))  # nothing to learn: the best round is an early one
    held = [(boosters.table(9), np.zeros(len(frame)))]
    knobs: dict[str, Any] = {"n_estimators": 30, "learning_rate": 0.9, "n_jobs": 1}
    stopped = xgb.XGBRegressor(**knobs, enable_categorical=True, early_stopping_rounds=5)
    stopped.fit(frame, y, eval_set=held, verbose=False)
    light = lgb.LGBMRegressor(**knobs, verbose=-1, min_child_samples=5)
    light.fit(
        frame, y, eval_X=held[0][0], eval_y=held[0][1], callbacks=[lgb.early_stopping(5, verbose=False)]
    )
    for model in (stopped, light):
        np.testing.assert_array_equal(pellucid.wrap(model).predict(FRAME), model.predict(FRAME))
    booster = stopped.get_booster()
    whole = booster.predict(xgb.DMatrix(FRAME, enable_categorical=True))
    assert booster.best_iteration < booster.num_boosted_rounds() - 1
    np.testing.assert_array_equal(pellucid.wrap(booster).predict(FRAME), whole)


def test_objectives_that_predict_labels():
    """multi:softmax and binary:hinge say which class and not how sure they are: their scores are explained."""
    soft = boosters.xgboost("classes", objective="multi:softmax")
    margin = pellucid.wrap(soft, output="margin").predict(FRAME)
    p = pellucid.wrap(soft).predict(FRAME)
    np.testing.assert_allclose(p, np.exp(margin) / np.exp(margin).sum(1, keepdims=True), rtol=1e-5)
    np.testing.assert_array_equal(p.argmax(1), soft.predict(xgb.DMatrix(FRAME, enable_categorical=True)))
    hinge = pellucid.wrap(boosters.xgboost("binary", objective="binary:hinge"))
    assert hinge.facts.notes == ("binary:hinge predicts labels; its margin was explained.",)
    own = boosters.xgboost("binary", objective="binary:hinge").predict(
        xgb.DMatrix(FRAME, enable_categorical=True)
    )
    np.testing.assert_array_equal(hinge.predict(FRAME)[:, 1] > 0, own == 1)


def test_several_targets_are_numbers():
    x = np.random.default_rng(0).normal(size=(60, 3))
    model = xgb.XGBRegressor(n_estimators=3, n_jobs=1).fit(x, x[:, :2])
    wrapped = pellucid.wrap(model)
    np.testing.assert_array_equal(wrapped.predict(x), model.predict(x))
    assert (wrapped.facts.classifier, wrapped.facts.classes) == (False, ())


def test_an_objective_of_the_callers_own_gives_margins():
    def squares(y: Any, p: Any) -> Any:
        return p - y, np.ones_like(y)

    x = np.random.default_rng(0).normal(size=(80, 3))
    y = (x[:, 0] > 0).astype(int)
    model = lgb.LGBMClassifier(n_estimators=3, verbose=-1, objective=squares).fit(x, y)
    wrapped = pellucid.wrap(model)
    np.testing.assert_array_equal(wrapped.predict(x)[:, 1], model.predict(x, raw_score=True))
    assert (wrapped.facts.space, wrapped.facts.classes) == ("raw", ("0", "1"))


# -- explained ------------------------------------------------------------------------------------------------------


@every_library
@pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
def test_a_booster_is_explained_on_its_frame(library):
    model, rows = grown(library, "classes"), rows_for(library, FRAME)
    e = pellucid.KernelShap()(model, rows.iloc[:3], background=rows.iloc[10:20], target=2)
    np.testing.assert_array_equal(e.output, pellucid.wrap(model).predict(rows.iloc[:3])[:, 2])
    np.testing.assert_allclose(e.residual, 0, atol=1e-6)
    assert e.features.categories["city"] == ("Lima", "Oslo", "Rome")
    assert (e.space, e.target) == ("probability", ("2",) * 3)
    margin = pellucid.Occlusion()(
        model, rows.iloc[:3], background=rows.iloc[10:20], target=2, output="margin"
    )
    assert margin.space == "logit"


@every_library
def test_a_new_category_is_explained(library):
    model, rows = grown(library, "regression"), rows_for(library, UNSEEN)
    e = pellucid.Occlusion()(model, rows.iloc[1:3], background=rows_for(library, FRAME).iloc[:5])
    np.testing.assert_array_equal(
        e.output, said(library, model, rows.iloc[1:3], "regression", margin=False).ravel()
    )


# -- files ----------------------------------------------------------------------------------------------------------


@every_library
@every_task
def test_a_booster_from_its_own_file(library, task, tmp_path):
    model, rows = grown(library, task), rows_for(library, FRAME)
    for ending in {"xgboost": ("json", "ubj"), "lightgbm": ("txt",), "catboost": ("cbm",)}[library]:
        path = str(tmp_path / f"model.{ending}")
        model.save_model(path)
        loaded = models.load(path).model
        for word in (None, "margin"):
            ours, whole = pellucid.wrap(loaded, output=word), pellucid.wrap(model, output=word)
            np.testing.assert_array_equal(ours.predict(rows), whole.predict(rows))
            assert (ours.facts.classes, ours.facts.space) == (whole.facts.classes, whole.facts.space)
            assert ours.facts.columns == whole.facts.columns


def test_catboost_as_json(tmp_path):
    model = boosters.catboost("binary", one_hot_max_size=20)
    pool = cat.Pool(boosters.words(FRAME), cat_features=["city", "size"])
    model.save_model(str(tmp_path / "model.json"), format="json", pool=pool)
    loaded = models.load(str(tmp_path / "model.json")).model
    np.testing.assert_allclose(
        pellucid.wrap(loaded, output="margin").predict(boosters.words(FRAME)),
        pellucid.wrap(model, output="margin").predict(boosters.words(FRAME)),
        rtol=1e-6,
    )


def test_an_estimators_file(tmp_path):
    model = next(m for m in estimators("binary") if isinstance(m, xgb.XGBClassifier))
    model.save_model(str(tmp_path / "model.ubj"))
    loaded = models.load(str(tmp_path / "model.ubj")).model
    np.testing.assert_array_equal(pellucid.wrap(loaded).predict(FRAME), model.predict_proba(FRAME))


# -- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["json", "ubj", "txt", "cbm"])
@pytest.mark.parametrize("content", [b"", b"no model at all", b"[1, 2]", b"{}", b"tree\nnothing"])
def test_a_file_that_is_no_model(ending, content, tmp_path):
    path: Path = tmp_path / f"model.{ending}"
    path.write_bytes(content)
    with pytest.raises(FileError, match=rf"model\.{ending}"):
        models.load(str(path))


@every_library
def test_a_frame_for_a_booster_without_names(library):
    """Columns are taken in their order, as the library does; as many as there should be."""
    x = np.random.default_rng(0).normal(size=(60, 3))
    model = {
        "xgboost": xgb.XGBRegressor(n_estimators=3, n_jobs=1),
        "lightgbm": lgb.LGBMRegressor(n_estimators=3, verbose=-1),
        "catboost": cat.CatBoostRegressor(iterations=3, verbose=False, allow_writing_files=False),
    }[library].fit(x, x[:, 0])
    frame = pandas.DataFrame(x, columns=["p", "q", "r"])
    assert pellucid.wrap(model).facts.columns == ()
    e = pellucid.Occlusion()(model, frame.iloc[:3])
    np.testing.assert_array_equal(e.output, model.predict(x[:3]))
    with pytest.raises(ShapeError, match=r"The model takes 3 columns. Got 2"):
        pellucid.Occlusion()(model, frame[["p", "q"]])


@every_library
def test_the_wrong_number_of_columns_and_infinity(library):
    model, rows = grown(library, "regression"), rows_for(library, FRAME)
    with pytest.raises(ShapeError, match=r"The frame lacks columns size"):
        pellucid.Occlusion()(model, rows[rows.columns[:4]])
    with pytest.raises(ShapeError, match=r"The model takes 5 columns. Got 4"):
        pellucid.Occlusion()(model, np.zeros((2, 4)))
    with pytest.raises(DataError, match=r"Row 0 holds infinity in column 'age'"):
        pellucid.Occlusion()(model, rows.assign(age=np.inf))
    with pytest.raises(CapabilityError, match=r"The model has no output 'margins'. Did you mean 'margin'"):
        pellucid.wrap(model, output="margins")


@pytest.mark.parametrize(
    "model", [xgb.XGBClassifier(), lgb.LGBMClassifier(), cat.CatBoostClassifier()], ids=LIBRARIES
)
def test_what_is_not_fitted(model):
    with pytest.raises(CapabilityError, match=f"{type(model).__name__} is not fitted. Call fit first."):
        pellucid.wrap(model)


@pytest.mark.parametrize(
    ("ending", "library", "content"),
    [("ubj", "xgboost", "{"), ("txt", "lightgbm", "tree"), ("cbm", "catboost", "CBM1")],
)
def test_a_library_that_is_not_installed(ending, library, content, tmp_path):
    (tmp_path / f"model.{ending}").write_text(content)
    code = f"""
import sys
sys.modules[{library!r}] = None
from pellucid.cli.loading.models import load
try:
    load({str(tmp_path / f"model.{ending}")!r})
except ImportError as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    expected = f"MissingDependency A .{ending} model needs {library}. Run: pip install 'pellucid[trees]'"
    assert done.stdout.strip() == expected, done.stderr
