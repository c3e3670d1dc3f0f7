"""What holds for the source as a whole: imports, sizes, names, and the parts every method must have."""

from __future__ import annotations

import ast
import doctest
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid
from pellucid.methods.base import METHODS

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "pellucid"
FILES = sorted(SRC.rglob("*.py"))
INFOS = pellucid.methods()
LINES, FUNCTION_LINES = 400, 60
FORBIDDEN = ("utils", "util", "common", "helpers", "helper", "misc")

every_file = pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SRC)))
every_method = pytest.mark.parametrize("info", INFOS, ids=lambda i: i.name)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imported(path: Path) -> Iterator[str]:
    """Root packages that a file imports, wherever in it; those for type checking only left out."""
    module = tree(path)
    checking = {
        id(node)
        for branch in ast.walk(module)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.dump(branch.test)
        for statement in branch.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(module):
        if id(node) in checking:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


# -- imports --------------------------------------------------------------------------------------------------------


def fresh(code: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(SRC.parent)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_loads_nothing_but_the_standard_library():
    code = """
import sys
before = set(sys.modules)
import pellucid
new = {name.partition('.')[0] for name in set(sys.modules) - before} - {'pellucid'}
print(*sorted(new - set(sys.stdlib_module_names)))
"""
    assert fresh(code) == ""


def test_names_come_when_they_are_used_and_torch_does_not_come_with_them():
    code = """
import sys, pellucid
for name in pellucid.__all__:
    getattr(pellucid, name)
pellucid.methods()
print(*[m for m in ('torch', 'matplotlib', 'pandas', 'polars', 'keras', 'rich', 'numba') if m in sys.modules])
"""
    assert fresh(code) == ""


def test_a_function_is_explained_without_torch():
    code = """
import sys, numpy as np, pellucid
sys.modules['torch'] = sys.modules['matplotlib'] = sys.modules['pandas'] = None
e = pellucid.explain(lambda r: r.sum(1), np.ones((2, 3)))
print(e.values.sum(), bool(e.narrate()))
"""
    assert fresh(code) == "6.0 True"


HOMES = {
    "matplotlib": ("plots", "cli"),
    "torch": ("adapters/torch", "adapters/keras/backends/torch.py", "cli"),
    "click": ("cli",),
    "numba": ("methods/trees",),
}


@pytest.mark.parametrize("package", HOMES)
def test_optional_packages_have_one_home(package):
    strangers = [
        str(path.relative_to(SRC))
        for path in FILES
        if package in set(imported(path)) and not str(path.relative_to(SRC)).startswith(HOMES[package])
    ]
    assert not strangers


@pytest.mark.parametrize(
    "package",
    ["pandas", "polars", "keras", "xgboost", "lightgbm", "catboost", "onnx", "jax", "captum", "shap"],
)
def test_other_packages_are_imported_through_need_only(package):
    allowed = ("adapters", "cli")
    assert not [
        str(path.relative_to(SRC))
        for path in FILES
        if package in set(imported(path)) and not str(path.relative_to(SRC)).startswith(allowed)
    ]


# -- sizes and names ------------------------------------------------------------------------------------------------


@every_file
def test_files_are_short(path):
    assert len(path.read_text("utf-8").splitlines()) <= LINES


@every_file
def test_functions_are_short(path):
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    ]
    assert not long


@every_file
def test_no_assert_no_bare_except_no_silent_keywords_no_todo(path):
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Assert):
            found.append(f"line {node.lineno}: assert")
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            found.append(f"line {node.lineno}: bare except")
        if isinstance(node, ast.FunctionDef) and node.args.kwarg:
            name = node.args.kwarg.arg
            used = any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node))
            if not used and not name.startswith("_"):  # `**_` says that it is not used
                found.append(f"line {node.lineno}: **{name} is swallowed")
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("print", "eval", "exec")
            and not str(path.relative_to(SRC)).startswith("cli")
        ):
            found.append(f"line {node.lineno}: {node.func.id}()")
    text = path.read_text("utf-8")
    found += [word for word in ("TODO", "FIXME", "XXX") if word in text]
    assert not found


@every_file
def test_no_pickle(path):
    """Files are loaded by pickle only where the command line was told to trust them."""
    if str(path.relative_to(SRC)).startswith("cli"):
        return
    assert not {"pickle", "joblib", "dill", "cloudpickle", "shelve"} & set(imported(path))
    assert "allow_pickle=True" not in path.read_text("utf-8")


def test_no_file_is_called_after_nothing():
    assert not [str(p.relative_to(SRC)) for p in SRC.rglob("*") if p.stem.lower().strip("_") in FORBIDDEN]


@every_file
def test_every_file_says_what_it_is(path):
    assert ast.get_docstring(tree(path)), path


# -- public names ---------------------------------------------------------------------------------------------------


def test_public_names_are_written_three_times_and_are_the_same():
    checking: dict[str, str] = {}
    for node in ast.walk(tree(SRC / "__init__.py")):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for statement in node.body:
                if isinstance(statement, ast.ImportFrom) and statement.module:
                    for alias in statement.names:
                        checking[alias.name] = statement.module.removeprefix("pellucid.")
    assert list(pellucid.__all__) == sorted(pellucid._HOMES)
    assert checking == pellucid._HOMES


@pytest.mark.parametrize("name", pellucid.__all__)
def test_public_names_are_there_and_say_what_they_are(name):
    value = getattr(pellucid, name)
    assert (value.__doc__ or "").strip()
    assert value.__module__.startswith("pellucid.")
    assert name in dir(pellucid)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match=r"module 'pellucid' has no attribute 'Occlusio'"):
        _ = pellucid.Occlusio


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert pellucid.__version__.count(".") == 2


# -- methods --------------------------------------------------------------------------------------------------------


def home(info: Any) -> Path:
    return Path(import_module(info.cls.__module__).__file__ or "")


def test_every_file_in_a_family_that_has_a_method_is_registered():
    found = set()
    for family in ("gradient", "perturbation", "effects", "trees", "internals", "counterfactuals"):
        for path in (SRC / "methods" / family).glob("*.py"):
            for node in tree(path).body:
                bases = [b.id for b in getattr(node, "bases", []) if isinstance(b, ast.Name)]
                abstract = any(k.arg == "abstract" for k in getattr(node, "keywords", []))
                if any(b.endswith("Method") for b in bases) and not abstract:
                    found.add(path.stem)
    assert found == {info.name for info in INFOS}


@every_method
def test_a_method_has_its_own_file_and_is_exported(info):
    family, name = info.cls.__module__.rsplit(".", 2)[-2:]
    cls = info.cls.__name__
    assert name == info.name == home(info).stem
    package = import_module(f"pellucid.methods.{family}")
    assert getattr(package, cls, None) is info.cls, (
        f"add to methods/{family}/__init__.py:\nfrom .{name} import {cls} as {cls}"
    )
    assert cls in pellucid.__all__, (
        f'add to src/pellucid/__init__.py:\n    "{cls}": "methods.{family}",  (in _HOMES)\n    "{cls}",  (in __all__)'
    )
    assert sum(k.__module__ == info.cls.__module__ for k in METHODS.values()) == 1


@every_method
def test_a_method_is_short(info):
    assert len(home(info).read_text("utf-8").splitlines()) <= 150


@every_method
def test_a_docstring_has_all_its_parts(info):
    text = info.cls.__doc__ or ""
    lines = [line.strip() for line in text.strip().splitlines()]
    assert lines[0].endswith("."), "one summary line"
    assert lines[1] == "", "the summary is one line"
    for part in (".. math::", "Shapes:", "Cost:", "Raises:", ">>> "):
        assert part in text, f"{info.name} lacks {part}"
    meaning = text.split(".. math::")[1].split("Shapes:")[0]
    assert len(meaning.split()) > 25, "meaning and pitfalls"
    assert "Error" in text.split("Raises:")[1].split(">>>")[0]


@every_method
def test_a_method_names_its_paper(info):
    assert any(c.isdigit() for c in info.paper), info.name
    assert "arXiv" in info.paper or "doi" in info.paper.lower() or "http" in info.paper
    assert set(info.data) <= {"table", "image", "text", "series"}
    assert info.data
    assert info.family


@every_method
def test_knobs_are_described(info):
    for knob in info.params:
        assert knob.doc, knob.name
        assert knob.name.islower()


@every_method
def test_a_method_is_told_in_both_languages(info):
    """Its name at least has words in every language that the narratives speak."""
    for lang in ("en", "zh"):
        text = (SRC / "narratives" / f"{lang}.toml").read_text("utf-8")
        assert info.name in text, f"{lang}.toml does not know {info.name}"


@every_method
def test_a_method_has_tests(info):
    tests = [
        p
        for p in (ROOT / "tests").rglob("test_*.py")
        if p.name not in ("test_architecture.py", "test_sweep.py")
    ]
    cls = info.cls.__name__
    assert any(cls in p.read_text("utf-8") for p in tests), f"no test mentions {cls}"


# -- examples -------------------------------------------------------------------------------------------------------

PLAIN = sorted(
    {
        f"pellucid.{str(p.relative_to(SRC).with_suffix('')).replace('/', '.').removesuffix('.__init__')}"
        for p in FILES
        if ">>>" in p.read_text("utf-8")
        and not str(p.relative_to(SRC)).startswith(("methods", "explain", "__main__"))
    }
)


def run_examples(found: list[doctest.DocTest]) -> str:
    """The reports of those that fail."""
    reports: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False)
    for test in found:
        runner.run(test, out=reports.append)
    return "".join(reports)


@pytest.mark.parametrize("module", PLAIN)
def test_examples_of_modules(module):
    found = [t for t in doctest.DocTestFinder().find(import_module(module)) if t.examples]
    assert found
    assert not run_examples(found)


@pytest.fixture(scope="module")
def things() -> dict[str, Any]:
    """What the examples of the methods speak of."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier
    from torch import nn

    from tests import nets

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for i, (a, b) in enumerate([(1, 4), (4, 8), (8, 8)], 1):
                setattr(self, f"conv{i}", nn.Conv2d(a, b, 3, padding=1))
            self.fc = nn.Linear(8 * 16, 10)

        def forward(self, x: Any) -> Any:
            for i in (1, 2):
                x = nn.functional.max_pool2d(getattr(self, f"conv{i}")(x).relu(), 2)
            return self.fc(nn.functional.avg_pool2d(self.conv3(x).relu(), 2).flatten(1))

    X, y = load_breast_cancer(return_X_y=True)
    names = {name: getattr(pellucid, name) for name in pellucid.__all__}
    forest = RandomForestClassifier(5, random_state=0).fit(X, y)
    images = nets.rows(4, 1, 32, 32)
    return {
        **names,
        "net": nets.seeded(Net),
        "pooled_net": nets.seeded(nets.Pooled),
        "transformer": nets.seeded(nets.Transformer),
        "digits": nets.rows(4, 1, 8, 8),
        "images": images,
        "forest": forest,
        "X": X[:60],
        "y": y[:60],
        "np": np,
    }


@pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
@pytest.mark.parametrize("name", [*(i.cls.__name__ for i in INFOS), "explain"])
def test_examples_of_methods(name, things):
    thing = getattr(pellucid, name)
    found = [
        t for t in doctest.DocTestFinder(recurse=False).find(thing, name, globs=dict(things)) if t.examples
    ]
    assert found
    assert not run_examples(found)
