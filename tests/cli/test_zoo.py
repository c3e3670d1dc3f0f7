"""Networks of torchvision and timm by name. Where neither is installed, packages of their shape stand in for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pellucid.cli import main
from pellucid.cli.loading import models
from pellucid.core.errors import FileError, MissingDependency

ROOT = Path(__file__).resolve().parents[2]
NET = """
import torch
class Net(torch.nn.Sequential):
    num_classes = 3
    pretrained_cfg = {"label_names": ["cat", "dog", "emu"]}
    def __init__(self):
        super().__init__(torch.nn.Conv2d(3, 2, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(72, 3))
"""
TORCHVISION = (
    NET
    + """
from types import SimpleNamespace as Names
weights = Names(
    transforms=lambda: Names(crop_size=[8], mean=[0.5, 0.4, 0.3], std=[0.2, 0.2, 0.2]),
    meta={"categories": ["cat", "dog", "emu"]},
)
list_models = lambda: ["resnet18", "vgg16"]
get_model_weights = lambda name: Names(DEFAULT=weights)
def get_model(name, weights=None):
    net = Net()
    if weights is not None:
        if name == "vgg16":
            raise OSError("no connection")
        torch.nn.init.constant_(net[3].weight, 0.25)
    return net
"""
)
TIMM = (
    NET
    + """
list_models = lambda: ["resnet18"]
list_pretrained = lambda: ["resnet18.a1_in1k"]
def create_model(name, pretrained=False):
    if pretrained and name == "resnet18":
        raise ConnectionError("no connection")
    return Net()
from . import data
"""
)
DATA = """
resolve_model_data_config = lambda model: {"input_size": (3, 8, 8), "mean": (0.5, 0.4, 0.3), "std": (0.2,) * 3}
"""


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    for name, text in (
        ("torchvision/__init__", ""),
        ("torchvision/models", TORCHVISION),
        ("timm/__init__", TIMM),
        ("timm/data", DATA),
    ):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def ran(code: str, place: Path) -> str:
    path = os.pathsep.join(map(str, (place, ROOT / "src")))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_names_weights_preparation_and_classes(stand_ins):
    code = """
from pellucid.cli.loading.models import load
for source in ("torchvision:resnet18", "torchvision:vgg16", "timm:resnet18", "timm:resnet18.a1_in1k"):
    found = load(source)
    again = load(source)
    same = all((a == b).all() for a, b in zip(found.model.parameters(), again.model.parameters()))
    print(source, found.model.training, found.look.size, found.look.mean, found.classes, found.note, same)
"""
    random = "its weights could not be had ({}): they are random"
    look = "False (8, 8) (0.5, 0.4, 0.3) ('cat', 'dog', 'emu')"
    lines = ran(code, stand_ins).splitlines()
    assert lines[0].startswith(f"torchvision:resnet18 {look}  ")
    assert lines[1] == f"torchvision:vgg16 {look} {random.format('OSError')} True"
    assert lines[2] == f"timm:resnet18 {look} {random.format('ConnectionError')} True"
    assert lines[3].startswith(f"timm:resnet18.a1_in1k {look}  ")


def test_weights_of_a_file_instead(stand_ins):
    code = f"""
import torch
from pellucid.cli.loading.models import load
path = {str(stand_ins / "own.pt")!r}
torch.save({{k: torch.full_like(v, 0.5) for k, v in load("timm:resnet18").model.state_dict().items()}}, path)
found = load("torchvision:vgg16", path)
print(all((p == 0.5).all() for p in found.model.parameters()), found.classes, repr(found.note))
"""
    assert ran(code, stand_ins).strip() == "True ('cat', 'dog', 'emu') ''"


def test_a_picture_is_prepared_as_the_network_was_trained(stand_ins):
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(stand_ins / "cat.png")
    code = f"""
import pellucid, numpy as np
from click.testing import CliRunner
from pellucid.cli import main
out = {str(stand_ins / "out")!r}
options = ["--data", {str(stand_ins / "cat.png")!r}, "--method", "saliency", "--out", out]
done = CliRunner().invoke(main, ["explain", "--model", "torchvision:vgg16", *options])
print(done.output, done.exception or "")
e = pellucid.load(out + "/explanation.npz")
print(e.x.shape, e.classes, round(float(e.x[0, 0].mean()), 3))
"""
    printed = ran(code, stand_ins)
    assert "they are random" in printed
    resized = np.asarray(Image.fromarray(pixels).resize((8, 8), Image.Resampling.BILINEAR), float) / 255
    mean = round(float((resized[..., 0].mean() - 0.5) / 0.2), 3)
    assert printed.splitlines()[-1] == f"(1, 3, 8, 8) ('cat', 'dog', 'emu') {mean}"


def test_a_name_that_the_library_does_not_have(stand_ins):
    code = """
from pellucid.cli.loading.models import load
try:
    load("torchvision:resnet81")
except OSError as error:
    print(type(error).__name__, error)
"""
    assert ran(code, stand_ins).strip() == (
        "FileError torchvision has no network 'resnet81'. Did you mean 'resnet18'?"
    )


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_a_library_that_is_not_installed(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        MissingDependency, match=rf"{library}:resnet18 needs {library}.*Run: pip install {library}"
    ):
        models.load(f"{library}:resnet18")
    done = CliRunner().invoke(main, ["explain", "--model", f"{library}:resnet18", "--data", "cat.png"])
    assert f"pip install {library}" in done.output
    assert done.exit_code != 0


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_the_libraries_themselves(library):
    pytest.importorskip(library, exc_type=ImportError)
    found = models.load(f"{library}:resnet18")
    assert len(found.classes) == 1000
    assert (found.look.size, len(found.look.mean)) == ((224, 224), 3)
    with pytest.raises(FileError, match="Did you mean"):
        models.load(f"{library}:resnet81")
