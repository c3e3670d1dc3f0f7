"""Files that would run code, or crash, are refused without trust."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pellucid.cli.loading import models
from pellucid.core.errors import FileError, TrustError


class Harmful:
    """A pickle that leaves a mark when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def changed(source: Path, target: Path, **records: Any) -> Path:
    """A copy of a .pt2 archive with some records changed or added."""
    import torch

    reader = torch._C.PyTorchFileReader(str(source))
    writer = torch._C.PyTorchFileWriter(str(target))
    content = {
        name: reader.get_record(name) for name in reader.get_all_records() if not name.startswith(".data")
    }
    content |= {name.replace("__", "/"): change for name, change in records.items()}
    for name, data in content.items():
        data = data(reader.get_record(name)) if callable(data) else data
        writer.write_record(name, data, len(data))
    writer.write_end_of_file()
    return target


def test_an_expression_in_an_exported_program_is_not_evaluated(shelf: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    def worse(model: bytes) -> bytes:
        text = model.decode()
        assert "Symbol('s" in text
        before = text.index("\"Symbol('s")
        after = text.index('"', before + 1) + 1
        return (text[:before] + json.dumps(f"__import__('os').mkdir('{mark}')") + text[after:]).encode()

    bad = changed(shelf / "any.pt2", tmp_path / "bad.pt2", **{"models/model.json": worse})
    with pytest.raises(TrustError, match="shape expression"):
        models.load(str(bad))
    assert not mark.exists()


def test_pickled_objects_in_an_exported_program_are_not_opened(shelf: Path, tmp_path: Path) -> None:
    bad = changed(shelf / "any.pt2", tmp_path / "bad.pt2", **{"data/constants/opaque_obj_0": b"harm"})
    with pytest.raises(TrustError, match="pickled objects"):
        models.load(str(bad))


def test_a_pickle_where_tensors_should_be_is_not_opened(shelf: Path, tmp_path: Path) -> None:
    import torch

    mark = tmp_path / "mark"
    buffer = io.BytesIO()
    torch.save((Harmful(mark),), buffer)
    bad = changed(
        shelf / "any.pt2", tmp_path / "bad.pt2", **{"data/sample_inputs/model.pt": buffer.getvalue()}
    )
    with pytest.raises((TrustError, FileError)):
        models.load(str(bad))
    assert not mark.exists()
    assert os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD") is None


@pytest.mark.parametrize("ending", [".pkl", ".pickle", ".joblib", ".pt", ".pth"])
def test_pickles_are_not_opened(tmp_path: Path, ending: str) -> None:
    mark, path = tmp_path / "mark", tmp_path / f"model{ending}"
    path.write_bytes(pickle.dumps(Harmful(mark)))
    with pytest.raises(TrustError, match="--trust"):
        models.load(str(path))
    assert not mark.exists()


def test_weights_are_read_without_their_code(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.chdir(shelf)
    mark = tmp_path / "mark"
    torch.save({"0.weight": Harmful(mark)}, tmp_path / "harm.pt")
    with pytest.raises(FileError):
        models.load("pellucid_test_nets:make", str(tmp_path / "harm.pt"))
    assert not mark.exists()


def test_an_unknown_type_in_skops_needs_trust(tmp_path: Path) -> None:
    import skops.io
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    skops.io.dump(make_pipeline(FunctionTransformer(os.path.join)), tmp_path / "odd.skops")
    with pytest.raises(TrustError, match="join"):
        models.load(str(tmp_path / "odd.skops"))


def test_a_tree_that_points_outside_is_refused(shelf: Path, tmp_path: Path) -> None:
    import numpy as np

    damaged = tmp_path / "damaged.skops"
    done = False
    with zipfile.ZipFile(shelf / "forest.skops") as whole, zipfile.ZipFile(damaged, "w") as copy:
        for name in whole.namelist():
            data = whole.read(name)
            if name.endswith(".npy") and not done:
                nodes = np.load(io.BytesIO(data), allow_pickle=False)
                if nodes.dtype.names and "left_child" in nodes.dtype.names:
                    nodes["left_child"][0] = 10**6
                    buffer = io.BytesIO()
                    np.save(buffer, nodes)
                    data, done = buffer.getvalue(), True
            copy.writestr(name, data)
    assert done
    with pytest.raises(FileError, match="damaged"):
        models.load(str(damaged))
