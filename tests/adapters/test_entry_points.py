"""Adapters of other packages, found because they are installed: the example of CONTRIBUTING.md, as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCORECARDS = """
class Card:
    columns = ("age", "debts")

    def points(self, row):
        return (row[0] > 30) * 2.0 - row[1]

class Stricter(Card):
    def points(self, row):
        return super().points(row) - 1
"""


def example() -> str:
    """The adapter as CONTRIBUTING.md prints it."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (found,) = re.findall(r'```python\n("""Scorecards as pellucid models.*?)```', text, re.DOTALL)
    return found


def declared() -> str:
    """The entry point as CONTRIBUTING.md prints it, in the form it has once installed."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (found,) = re.findall(r'entry-points."pellucid.adapters"\]\n(\w+ = "\w+")', text)
    return f"[pellucid.adapters]\n{found.replace(chr(34), '')}\n"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A place where two distributions are installed: a framework, and its adapter."""
    (tmp_path / "scorecards").mkdir()
    (tmp_path / "scorecards" / "__init__.py").write_text(SCORECARDS)
    (tmp_path / "pellucid_scorecards.py").write_text(example())
    about = tmp_path / "pellucid_scorecards-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: pellucid-scorecards\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(declared())
    (about / "RECORD").write_text("pellucid_scorecards.py,,\n")
    return tmp_path


def ran(code: str, *places: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (ROOT / "src", *places)))
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )


def test_the_example_is_thirty_lines():
    assert 20 <= len(example().splitlines()) <= 32


def test_an_installed_adapter_is_found(installed):
    """For a class of the package, one that inherits from it elsewhere, and with an output chosen by name."""
    code = """
import numpy as np, pellucid
from scorecards import Card, Stricter
class Mine(Stricter):
    pass
x = np.array([[40.0, 1.0], [20.0, 3.0]])
for kind in (Card, Stricter, Mine):
    model = pellucid.wrap(kind())
    print(model.facts.name, model.facts.columns, model.predict(x).tolist())
e = pellucid.Occlusion()(Card(), x, baseline=np.zeros(2), output="points")
print(e.values.tolist(), e.features.names, round(float(pellucid.wrap(Card(), output="chance").predict(x)[0]), 4))
try:
    pellucid.wrap(Card(), output="x")
except pellucid.PellucidError as error:
    print(error)
"""
    done = ran(code, installed)
    assert done.stdout.splitlines() == [
        "Card (scorecards) ('age', 'debts') [1.0, -3.0]",
        "Stricter (scorecards) ('age', 'debts') [0.0, -4.0]",
        "Mine (scorecards) ('age', 'debts') [0.0, -4.0]",
        "[[2.0, -1.0], [0.0, -3.0]] ('age', 'debts') 0.7311",
        "A scorecard has no output 'x'. Choose points or chance.",
    ], done.stderr


def test_without_the_package_the_model_is_not_known(installed):
    (installed / "pellucid_scorecards-1.0.dist-info" / "entry_points.txt").unlink()
    done = ran("import pellucid, scorecards; pellucid.wrap(scorecards.Card())", installed)
    assert "CapabilityError: This is no model pellucid knows. Got Card." in done.stderr


def test_an_adapter_that_cannot_be_imported(installed):
    (installed / "pellucid_scorecards.py").write_text("import nothing_of_that_name\n")
    done = ran("import pellucid, scorecards; pellucid.wrap(scorecards.Card())", installed)
    assert "No module named 'nothing_of_that_name'" in done.stderr
    assert "pellucid: the adapter 'pellucid_scorecards' is declared for 'scorecards'" in done.stderr


def test_our_own_adapters_are_not_replaced(installed):
    """What another package declares for scikit-learn is for classes that ours does not know, which are none."""
    (installed / "pellucid_scorecards-1.0.dist-info" / "entry_points.txt").write_text(
        "[pellucid.adapters]\nsklearn = pellucid_scorecards\n"
    )
    code = """
import numpy as np, pellucid
from sklearn.linear_model import LinearRegression
print(pellucid.wrap(LinearRegression().fit(np.eye(2), [0, 1])).facts.name)
"""
    assert ran(code, installed).stdout.strip() == "LinearRegression (scikit-learn)"
