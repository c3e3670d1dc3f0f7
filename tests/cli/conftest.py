"""Models and rows as files, made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

FACTORY = """
from torch import nn

def make():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(), nn.Flatten(),
        nn.Linear(6 * 64, 3),
    )

def scored(rows):
    return rows.sum(1)
"""


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one file of every kind the command line reads."""
    place = tmp_path_factory.mktemp("shelf")
    _tables(place)
    _networks(place)
    return place


def _tables(place: Path) -> None:
    import joblib
    import skops.io
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data = load_breast_cancer(as_frame=True)
    X, names = data.data.iloc[:, :6], np.asarray(data.target_names)[data.target]
    forest = RandomForestClassifier(10, random_state=0).fit(X[:400], names[:400])
    line = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[:400], names[:400])
    skops.io.dump(forest, place / "forest.skops")
    skops.io.dump(line, place / "line.skops")
    joblib.dump(line, place / "line.joblib")
    rows = X[400:412]
    rows.to_csv(place / "rows.csv", index=False)
    rows.iloc[:, ::-1].to_csv(place / "reversed.csv")  # with an index, and in another order
    rows.assign(label=names[400:412]).to_parquet(place / "labelled.parquet")
    rows.iloc[:, :4].to_csv(place / "narrow.csv", index=False)
    rows.assign(**{"mean area": [np.nan, *rows["mean area"][1:]]}).to_csv(place / "holes.csv", index=False)
    (place / "broken.skops").write_bytes(b"no zip file at all")
    (place / "empty.csv").write_text("")


def _networks(place: Path) -> None:
    import torch
    from PIL import Image
    from safetensors.torch import save_file

    (place / "pellucid_test_nets.py").write_text(FACTORY)
    scope: dict[str, Callable[[], torch.nn.Module]] = {}
    exec(FACTORY, scope)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = scope["make"]().eval()
    save_file(net.state_dict(), place / "net.safetensors")
    torch.save(net.state_dict(), place / "net.pt")
    torch.save({"other": torch.zeros(2)}, place / "other.pt")
    two = torch.rand(2, 1, 8, 8)
    for name, rows, how in (
        ("any", two, ({0: torch.export.Dim.AUTO},)),
        ("one", two[:1], None),
        ("two", two, None),
    ):
        torch.export.save(torch.export.export(net, (rows,), dynamic_shapes=how), place / f"{name}.pt2")
    rng = np.random.default_rng(0)
    images = rng.random((3, 1, 8, 8)).astype(np.float32)
    np.save(place / "images.npy", images)
    np.save(place / "holes.npy", np.where(np.arange(3).reshape(3, 1, 1, 1) == 1, np.float32("nan"), images))
    np.savez(place / "several.npz", images=images, other=images[:1])
    (place / "pictures").mkdir()
    for i in range(2):
        pixels = rng.integers(0, 256, (8, 8)).astype(np.uint8)
        Image.fromarray(pixels).save(place / "pictures" / f"scan-{i}.png")
    Image.fromarray(rng.integers(0, 256, (20, 30, 3)).astype(np.uint8)).save(place / "photo.jpg")


@pytest.fixture
def run(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `pellucid ...` among the files; results go to `tmp_path / "out"`."""
    from pellucid.cli import main

    monkeypatch.chdir(shelf)

    def call(*args: str) -> Result:
        out = ["--out", str(tmp_path / "out")] if args[0] == "explain" and "--out" not in args else []
        return CliRunner().invoke(main, [*args, *out])

    return call
