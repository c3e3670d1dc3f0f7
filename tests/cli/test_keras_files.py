"""Keras models from files: saved on one backend, explained on another, and refused where they hold code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pellucid

ROOT = Path(__file__).resolve().parents[2]

SAVE = """
import sys, numpy as np, keras
from keras import layers as L
place = sys.argv[1]
keras.utils.set_random_seed(0)
conv = L.Conv2D(4, 3, activation="relu", name="conv")
net = keras.Sequential([keras.Input((8, 8, 1)), conv, L.Flatten(), L.Dense(3)])
net.save(place + "/net.keras")
net.save(place + "/net.h5")
x = np.random.default_rng(0).standard_normal((4, 8, 8, 1)).astype("float32")
np.save(place + "/rows.npy", x)
np.save(place + "/said.npy", net.predict(x, verbose=0))
own = keras.Sequential([keras.Input((8, 8, 1)), L.Lambda(lambda t: 2 * t), L.Flatten(), L.Dense(3)])
own.save(place + "/own.keras")
own.save(place + "/own.h5")
"""

PREPARED = """
import numpy as np, keras
from pellucid.cli.loading.keras_files import application
model, size = application("MobileNetV2", None, None)
x = np.random.default_rng(0).random((1, *size, 3)).astype("float32")
net, home = model.keras.layers[-1], keras.applications.mobilenet_v2
own = net(home.preprocess_input(255 * x.copy()), training=False)
print(np.abs(model.predict(x) - keras.ops.convert_to_numpy(own)).max() < 1e-6, size, *model.facts.notes)
"""


def python(backend: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A process with Keras on `backend`; it is told so by the environment only where `backend` is not empty."""
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    env.pop("KERAS_BACKEND", None)
    env |= {"KERAS_BACKEND": backend} if backend else {}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, env=env, cwd=ROOT
    )


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("keras")
    done = python("jax", "-c", SAVE, str(place))
    assert done.returncode == 0, done.stderr[-2000:]
    return place


def explained(place: Path, file: str, *more: str) -> subprocess.CompletedProcess[str]:
    asked = ["--model", str(place / file), "--data", str(place / "rows.npy"), "--method", "saliency"]
    out = str(place / f"out-{file}")
    return python(
        "",
        "-m",
        "pellucid.cli",
        "explain",
        *asked,
        "--target",
        "1",
        "--backend",
        "torch",
        "--out",
        out,
        *more,
    )


ALSO_H5 = pytest.mark.oracle


@pytest.mark.parametrize("file", ["net.keras", pytest.param("net.h5", marks=ALSO_H5)])
def test_a_file_saved_on_jax_is_explained_on_torch(shelf, file):
    done = explained(shelf, file, "--at", "conv")
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    saved = next((shelf / f"out-{file}").rglob("*.npz"))
    e = pellucid.load(saved)
    assert e.values.shape == (4, 6, 6, 4)
    assert np.allclose(e.output, np.load(shelf / "said.npy")[:, 1], atol=1e-5)


@pytest.mark.parametrize("file", ["own.keras", pytest.param("own.h5", marks=ALSO_H5)])
def test_a_file_with_code_of_its_own_is_opened_only_where_it_is_trusted(shelf, file):
    refused = explained(shelf, file)
    assert refused.returncode != 0
    assert "holds code of its own" in refused.stdout + refused.stderr
    if file.endswith(".h5"):
        trusted = explained(shelf, file, "--trust")
        assert trusted.returncode == 0, trusted.stdout + trusted.stderr[-2000:]


def test_a_saved_model_is_not_opened_untrusted(tmp_path):
    from pellucid.cli.loading.models import load
    from pellucid.core.errors import TrustError

    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(TrustError, match="SavedModel"):
        load(str(tmp_path))


@pytest.mark.oracle
def test_a_saved_model_is_a_function(tmp_path):
    code = """
import sys, numpy as np, keras
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
net.export(sys.argv[1], verbose=False)
from pellucid.cli.loading.models import load
x = np.ones((2, 4), "float32")
print(np.allclose(load(sys.argv[1], trust=True).model(x), net.predict(x, verbose=0), atol=1e-6))
"""
    done = python("tensorflow", "-c", code, str(tmp_path / "exported"))
    assert done.stdout.strip().endswith("True"), done.stderr[-2000:]


@pytest.mark.oracle
def test_an_application_prepares_pictures_itself_and_says_that_its_weights_are_random():
    done = python("torch", "-c", PREPARED)
    assert "True (224, 224)" in done.stdout, done.stderr[-2000:]


@pytest.mark.oracle
def test_a_network_of_no_such_name():
    code = "from pellucid.cli.loading.models import load\nload('app:VGG61')"
    assert "Did you mean 'VGG19' or 'VGG16'" in python("torch", "-c", code).stderr
