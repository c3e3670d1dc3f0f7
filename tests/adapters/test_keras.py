"""Keras on its three backends. Keras takes one for a whole process, so each has one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = "tests/adapters/keras"
SUITE = tuple(f"{HERE}/{part}on_a_backend.py" for part in ("", "rules_", "attention_"))
SWEEP = (f"{HERE}/sweep_on_a_backend.py",)
BACKENDS = ("tensorflow", "jax", "torch")
QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
"""JAX compiles quicker so, and these models are tiny."""

every_backend = pytest.mark.parametrize("backend", BACKENDS)


def environment(backend: str) -> dict[str, str]:
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "XLA_FLAGS": QUICK}
    path = os.pathsep.join(p for p in (str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    return {**os.environ, **quiet, "KERAS_BACKEND": backend, "PYTHONPATH": path}


def fresh(backend: str, code: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment(backend)
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


def suite(backend: str, marks: str, values: Path, files: tuple[str, ...] = SUITE) -> None:
    """Run the files on a backend; a failure shows what pytest said inside."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--tb=short", "-m", marks, *files]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**environment(backend), "PELLUCID_VALUES": str(values / f"{backend}-.npz")},
    )
    assert done.returncode == 0, f"on {backend}:\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    if (written := values / f"{backend}-.npz").exists():
        written.replace(values / f"{backend}.npz")


def agree(values: Path) -> None:
    """Compare the backends that are done: whichever is last is compared with all others."""
    done = {path.stem: dict(np.load(path)) for path in values.glob("*.npz") if not path.stem.endswith("-")}
    for one, other in combinations(sorted(done), 2):
        assert set(done[one]) == set(done[other])
        for key, a in done[one].items():
            b = done[other][key]
            away, largest = np.abs(a - b).max(), np.abs(b).max()
            assert away <= 1e-5 * largest, f"{key}: {one} and {other} are {away / largest:.1e} apart"


@pytest.fixture
def values(tmp_path_factory, request) -> Path:
    """A folder for the values of the backends, the same for all workers."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = base / request.function.__name__
    folder.mkdir(exist_ok=True)
    return folder


@every_backend
def test_suite(backend, values):
    suite(backend, "not oracle", values)
    agree(values)


@pytest.mark.oracle
@every_backend
def test_rest_of_the_suite(backend, values):
    suite(backend, "oracle", values)
    agree(values)


@every_backend
def test_every_method(backend, values):
    suite(backend, "not oracle", values, SWEEP)
    agree(values)


@pytest.mark.oracle
@every_backend
def test_rest_of_the_methods(backend, values):
    suite(backend, "oracle", values, SWEEP)


NO_STRANGERS = """
import sys
import keras, numpy as np
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, "relu", name="a"), keras.layers.Dense(3)])
x = np.ones((2, 4), "float32")
model.predict(x, verbose=0)
frameworks = {"tensorflow", "jax", "torch"}
before = frameworks & set(sys.modules)
import pellucid
pellucid.IntegratedGradients(steps=4)(model, x, target=0)
pellucid.Saliency()(model, x, target=0, at="a")
pellucid.explain(model, x).narrate()
print(*sorted(frameworks & set(sys.modules) - before))
"""


@every_backend
def test_no_other_framework_is_imported(backend):
    assert fresh(backend, NO_STRANGERS) == ""


def test_a_backend_without_gradients_is_refused():
    code = """
import keras, pellucid, numpy as np
from pellucid.core.errors import CapabilityError
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
try:
    pellucid.Saliency()(model, np.ones((2, 4), "float32"), target=0)
except CapabilityError as error:
    print(error)
"""
    assert "Keras runs on numpy here, which has no gradients." in fresh("numpy", code)
