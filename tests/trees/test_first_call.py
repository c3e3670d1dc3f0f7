"""Kernels are compiled once: with a message on a terminal, and not again in the next process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pty = pytest.importorskip("pty")
pytest.importorskip("numba")
SCRIPT = """
import numpy as np
from sklearn.tree import DecisionTreeRegressor
import pellucid
X = np.random.default_rng(0).normal(size=(60, 3))
model = DecisionTreeRegressor(max_depth=3).fit(X, X[:, 0] * X[:, 1])
e = pellucid.TreeShap()(model, X[:1])
print(abs(e.residual).max() < 1e-12)
"""


def told(cache: str) -> str:
    """What a process writes to its terminal."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", 0) as terminal:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            env={**os.environ, "NUMBA_CACHE_DIR": cache},
        )
        out, _ = process.communicate()
        assert out.strip() == "True"
        os.set_blocking(ours, False)
        text = (terminal.read(4096) or b"").decode()
        os.close(theirs)
    return text


def test_kernels_are_compiled_once_with_a_message(tmp_path):
    first = told(str(tmp_path))
    assert "compiling the kernels that walk trees, once after installation" in first
    machine_code = sorted(p.name for p in tmp_path.rglob("*.nbc"))
    assert machine_code
    assert "compiling" not in told(str(tmp_path))
    assert sorted(p.name for p in tmp_path.rglob("*.nbc")) == machine_code
