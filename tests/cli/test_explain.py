"""`pellucid explain`, from files to files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import pellucid

Run = Callable[..., Result]

NET = ("explain", "--model", "pellucid_test_nets:make", "--weights", "net.safetensors")
LINE = ("explain", "--model", "line.skops", "--data", "rows.csv")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def good(done: Result) -> Result:
    assert done.exit_code == 0, done.output
    return done


def names(out: Path) -> list[str]:
    return sorted(p.name for p in out.iterdir())


def test_a_forest_and_one_row_of_a_table(run: Run, out: Path) -> None:
    done = good(run("explain", "--model", "forest.skops", "--data", "rows.csv", "--row", "3"))
    assert names(out) == ["explanation.npz", "explanation.txt", "row-0003.png"]
    e = pellucid.load(out / "explanation.npz")
    assert e.provenance.method == "tree_shap" and e.shape == (1, 6) and e.index == (3,)
    told = " ".join(e.narrate().split())
    assert told in " ".join(done.stdout.split()) and told in (out / "explanation.txt").read_text()
    assert "█" in done.stdout and "mean area = " in done.stdout
    assert "12 rows of rows.csv" in done.stdout  # the background that was chosen, said
    assert "12 background rows" in e.quality.estimand


def test_several_rows_in_chinese_by_a_method_with_a_knob(run: Run, out: Path) -> None:
    done = good(
        run(
            *LINE,
            "--row",
            "1,4:6",
            "--lang",
            "zh",
            "--method",
            "kernel-shap",
            "--set",
            "cubic=false",
            "--seed",
            "7",
        )
    )
    e = pellucid.load(out / "explanation.npz")
    assert e.provenance.params["cubic"] is False and e.provenance.seed == 7
    assert e.index == (1, 4, 5)
    assert names(out)[-3:] == ["row-0001.png", "row-0004.png", "row-0005.png"] and "overall.png" in names(out)
    assert "已写入" in done.stdout
    assert (out / "explanation.txt").read_text(encoding="utf-8").count("[") >= 3


def test_what_has_rows_is_drawn_row_by_row_and_what_has_none_once(run: Run, out: Path) -> None:
    good(
        run(
            "explain",
            "--model",
            "forest.skops",
            "--data",
            "rows.csv",
            "--row",
            "1,4",
            "--method",
            "sensitivity-analysis",
        )
    )
    assert names(out) == ["explanation.npz", "explanation.txt", "row-0001.png", "row-0004.png"]
    assert (out / "explanation.txt").read_text("utf-8").count("moves most") == 2
    good(run(*LINE, "--row", "1,4", "--method", "shapley-interactions"))
    assert "overall.png" in names(out)


def test_columns_in_another_order_and_an_index_are_read_the_same(run: Run, out: Path) -> None:
    good(run(*LINE, "--row", "0", "--method", "occlusion", "--target", "benign"))
    first = pellucid.load(out / "explanation.npz")
    good(
        run(
            "explain",
            "--model",
            "line.skops",
            "--data",
            "reversed.csv",
            "--row",
            "0",
            "--method",
            "occlusion",
            "--target",
            "benign",
        )
    )
    second = pellucid.load(out / "explanation.npz")
    assert np.allclose(first.values, second.values) and second.target == ("benign",)


def test_true_values_ask_what_the_model_relies_on(run: Run, out: Path) -> None:
    done = good(
        run("explain", "--model", "line.skops", "--data", "labelled.parquet", "--y", "label", "--seed", "1")
    )
    e = pellucid.load(out / "explanation.npz")
    assert isinstance(e, pellucid.Importance) and e.score == "accuracy" and e.rows == 12
    assert names(out) == ["explanation.npz", "explanation.txt", "overall.png"]
    assert "caution: " in done.stderr  # the columns are correlated


def test_a_column_that_is_no_input_is_dropped(run: Run) -> None:
    common = ("explain", "--model", "line.skops", "--data", "labelled.parquet", "--row", "0")
    assert "--drop 'label'" in run(*common).stderr
    good(run(*common, "--drop", "label"))


def test_a_factory_with_weights_and_an_array(run: Run, out: Path, shelf: Path) -> None:
    done = good(run(*NET, "--data", "images.npy", "--target", "1"))
    e = pellucid.load(out / "explanation.npz")
    assert (
        e.shape == (3, 1, 8, 8) and e.provenance.method == "integrated_gradients" and set(e.target) == {"1"}
    )
    assert "overall.png" in names(out)
    sys.path.insert(0, str(shelf))
    import torch
    from pellucid_test_nets import make  # type: ignore[import-not-found]  # written by the fixture

    net = make()
    net.load_state_dict(torch.load(shelf / "net.pt", weights_only=True))
    same = pellucid.IntegratedGradients()(net.eval(), np.load(shelf / "images.npy"), target=1)
    assert np.array_equal(e.values, same.values)
    assert "training mode" not in done.stdout


def test_weights_as_a_state_dict_need_no_trust(run: Run) -> None:
    good(
        run(
            "explain",
            "--model",
            "pellucid_test_nets:make",
            "--weights",
            "net.pt",
            "--data",
            "several.npz:other",
        )
    )


def test_a_function_of_rows(run: Run, out: Path) -> None:
    np.save("plain.npy", np.arange(12.0).reshape(4, 3))
    good(
        run(
            "explain",
            "--model",
            "pellucid_test_nets:scored",
            "--data",
            "plain.npy",
            "--method",
            "occlusion",
            "--baseline",
            "0",
            "--row",
            "-1",
        )
    )
    assert np.array_equal(pellucid.load(out / "explanation.npz").values, [[9, 10, 11]])


def test_knobs_of_a_method_inside_another(run: Run, out: Path) -> None:
    good(
        run(
            *NET,
            "--data",
            "images.npy",
            "--row",
            "0",
            "--method",
            "noise_tunnel",
            "--set",
            "of=saliency",
            "--set",
            "of.absolute=true",
            "--set",
            "samples=3",
        )
    )
    params = pellucid.load(out / "explanation.npz").provenance.params
    assert params["samples"] == 3 and params["of"] == {"method": "saliency", "absolute": True}


def test_a_window_is_a_tuple(run: Run, out: Path) -> None:
    good(run(*NET, "--data", "images.npy", "--row", "0", "--method", "occlusion", "--set", "window=1,4,4"))
    assert pellucid.load(out / "explanation.npz").provenance.params["window"] == [1, 4, 4]


@pytest.mark.parametrize("model", ["any.pt2", "one.pt2"])
def test_an_exported_program_says_what_the_module_says(run: Run, out: Path, model: str) -> None:
    good(run("explain", "--model", model, "--data", "images.npy", "--method", "saliency"))
    exported = pellucid.load(out / "explanation.npz")
    good(run(*NET, "--data", "images.npy", "--method", "saliency"))
    assert np.allclose(exported.values, pellucid.load(out / "explanation.npz").values, atol=1e-6)


def test_an_exported_program_of_a_fixed_batch_is_refused(run: Run) -> None:
    done = run("explain", "--model", "two.pt2", "--data", "images.npy")
    assert done.exit_code == 2 and "exactly 2 rows" in done.stderr and "dynamic_shapes" in done.stderr


def test_a_folder_of_pictures(run: Run, out: Path) -> None:
    good(run(*NET, "--data", "pictures", "--method", "grad_cam", "--at", "2"))
    e = pellucid.load(out / "explanation.npz")
    assert e.index == ("scan-0.png", "scan-1.png") and e.x.shape == (2, 1, 8, 8)
    assert "row-scan-0.png" in names(out)


def test_a_photo_is_prepared_as_the_model_was_trained(run: Run, out: Path) -> None:
    good(run(*NET, "--data", "photo.jpg", "--gray", "--size", "8", "--mean", "0.5", "--std", "0.25"))
    e = pellucid.load(out / "explanation.npz")
    assert e.x.shape == (1, 1, 8, 8) and e.features.mean == (0.5,) and e.x.min() < 0


def test_a_pickle_is_opened_only_with_trust(run: Run) -> None:
    common = ("explain", "--model", "line.joblib", "--data", "rows.csv", "--row", "0")
    done = run(*common)
    assert done.exit_code == 2 and "--trust" in done.stderr and done.stderr.count("\n") == 1
    good(run(*common, "--trust"))


BAD = {
    "missing model": (
        ("explain", "--model", "lime.skops", "--data", "rows.csv"),
        "Did you mean 'line.skops'",
    ),
    "missing data": (("explain", "--model", "line.skops", "--data", "rows.cvs"), "There is no file rows.cvs"),
    "unreadable model": (("explain", "--model", "broken.skops", "--data", "rows.csv"), "cannot be read"),
    "unreadable data": (
        ("explain", "--model", "line.skops", "--data", "empty.csv"),
        "empty.csv cannot be read",
    ),
    "unknown kind of model": (("explain", "--model", "rows.csv", "--data", "rows.csv"), "no model file"),
    "unknown kind of data": (
        ("explain", "--model", "line.skops", "--data", "net.safetensors"),
        "no data file",
    ),
    "weights alone": (("explain", "--model", "net.safetensors", "--data", "images.npy"), "module:factory"),
    "weights of another": ((*NET[:4], "other.pt", "--data", "images.npy"), "does not fit Sequential"),
    "no such module": (("explain", "--model", "nowhere:make", "--data", "images.npy"), "no module 'nowhere'"),
    "no such factory": (("explain", "--model", "pellucid_test_nets:mak", "--data", "images.npy"), "'make'"),
    "several arrays": ((*NET, "--data", "several.npz"), "several.npz:images"),
    "no such array": ((*NET, "--data", "several.npz:imagse"), "no array 'imagse'"),
    "unknown method": ((*LINE, "--method", "kernel_shop"), "Did you mean 'kernel_shap'"),
    "unknown class": ((*LINE, "--target", "beningn"), "Did you mean 'benign'"),
    "class outside": ((*LINE, "--target", "12"), "Choose 0..1"),
    "columns missing": (
        ("explain", "--model", "line.skops", "--data", "narrow.csv"),
        "4 columns, the model takes 6",
    ),
    "NaN in a row": (("explain", "--model", "line.skops", "--data", "holes.csv"), "Row 0 holds NaN"),
    "unknown layer": (
        (*NET, "--data", "images.npy", "--method", "saliency", "--at", "conv9"),
        "no layer 'conv9'",
    ),
    "no gradients": ((*LINE, "--method", "saliency"), "needs gradients"),
    "row outside": ((*LINE, "--row", "40"), "Choose 0..11"),
    "row misspelt": ((*LINE, "--row", "1;2"), "Write 3, 0:8 or 1,4"),
    "row of none": ((*LINE, "--row", "5:5"), "takes none"),
    "set without a method": ((*LINE, "--set", "steps=5"), "--method"),
    "set without a value": ((*LINE, "--method", "occlusion", "--set", "window"), "knob=value"),
    "set of no knob": ((*LINE, "--method", "kernel_shap", "--set", "buget=5"), "Did you mean 'budget'"),
    "set of a wrong kind": ((*LINE, "--method", "kernel_shap", "--set", "budget=many"), "whole number"),
    "set outside": ((*LINE, "--method", "kernel_shap", "--set", "budget=1"), "at least 2"),
    "argument not taken": ((*LINE, "--method", "kernel_shap", "--at", "dense"), "takes no 'at'"),
    "baseline unknown": ((*LINE, "--baseline", "blurx"), "no baseline 'blurx'"),
    "baseline of another shape": (
        (*NET, "--data", "images.npy", "--baseline", "several.npz:none"),
        "no array",
    ),
    "no such column": ((*LINE, "--drop", "mean aera"), "Did you mean 'mean area'"),
    "pictures only": ((*LINE, "--size", "8"), "are for pictures"),
    "size misspelt": ((*NET, "--data", "pictures", "--size", "big"), "Write 224"),
    "language": ((*LINE, "--lang", "fr"), "'fr' is not one of"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_line(run: Run, out: Path, name: str) -> None:
    args, told = BAD[name]
    done = run(*args)
    assert done.exit_code == 2, done.output
    assert told in done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert not out.exists()


def test_an_output_place_below_a_file_is_refused_before_the_work(run: Run) -> None:
    done = run(*LINE, "--row", "0", "--out", "rows.csv/results")
    assert done.exit_code == 2 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert "cannot be written" in done.stderr


def test_strict_stops_where_a_check_fails(run: Run, out: Path) -> None:
    knobs = ("--method", "integrated_gradients", "--set", "max_steps=9", "--set", "tolerance=1e-6")
    loose = good(run(*NET, "--data", "images.npy", *knobs))
    assert loose.stderr.startswith("caution: ") and loose.stderr.count("\n") == 1
    strict = run(*NET, "--data", "images.npy", *knobs, "--strict", "--out", str(out / "strict"))
    assert strict.exit_code == 2 and strict.stderr.count("\n") == 1 and not (out / "strict").exists()


def test_pictures_are_limited_and_said(run: Run, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.cli import writing

    monkeypatch.setattr(writing, "PICTURES", 2)
    done = good(run(*LINE, "--method", "occlusion"))
    assert len([n for n in names(out) if n.startswith("row-")]) == 2
    assert "first 2 of 12 rows" in done.stdout
