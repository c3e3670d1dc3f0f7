"""The front door: what it loads, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner, Result

import pellucid
from pellucid.cli import main

Run = Callable[..., Result]


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_nothing_heavy(option: str) -> None:
    said = python(
        "import sys\n"
        "from pellucid.cli import main\n"
        "try:\n"
        f"    main([{option!r}])\n"
        "except SystemExit as end:\n"
        "    print('exit', end.code)\n"
        "heavy = 'numpy scipy torch matplotlib sklearn pandas rich numba'.split()\n"
        "print('loaded', sorted(set(heavy) & set(sys.modules)))"
    )
    assert said.endswith("exit 0\nloaded []\n")


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pellucid.cli", "explain"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "error: Missing option '--model'.\n"


def test_help_lists_the_commands(run: Run) -> None:
    for args in (("--help",), ("-h",)):
        done = run(*args)
        assert done.exit_code == 0
        assert all(name in done.stdout for name in ("demo", "explain", "methods"))
    assert CliRunner().invoke(main, []).exit_code == 0


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"pellucid {pellucid.__version__}\n"


def test_methods_as_json(run: Run) -> None:
    from pellucid.methods.registry import methods

    found = json.loads(run("methods", "--json").stdout)
    assert [m["name"] for m in found] == [m.name for m in methods()]
    noise = next(m for m in found if m["name"] == "noise_tunnel")
    knobs = {k["name"]: k for k in noise["knobs"]}
    assert knobs["samples"]["default"] == 25 and knobs["samples"]["min"] == 2
    assert knobs["reduce"]["choices"] == ["mean", "square", "variance"]
    assert "1706.03825" in noise["paper"] and noise["summary"] and noise["data"]


def test_methods_for_one_kind_of_data(run: Run) -> None:
    assert "permutation_importance" in run("methods", "--for", "table").stdout
    assert "permutation_importance" not in run("methods", "--for", "image").stdout


@pytest.mark.parametrize("columns", ["80", "160"])
def test_the_list_of_methods_cuts_nothing_off(
    run: Run, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    said = run("methods").stdout
    assert "…" not in said and "integrated_gradients" in said and "perturbation" in said


def test_help_of_explain_shows_every_knob(run: Run) -> None:
    from pellucid.methods.registry import methods

    said = run("explain", "--help").stdout
    for m in methods():
        assert m.name in said
        assert all(f"{p.name}=" in said for p in m.params)


@pytest.mark.parametrize(
    "args", [["methods", "--for", "sound"], ["nothing"], ["explain", "--nothing"], ["--nothing"]]
)
def test_a_wrong_word_is_one_line(run: Run, args: list[str]) -> None:
    done = CliRunner().invoke(main, args)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and not done.stdout


def broken(error: BaseException) -> click.Command:
    @click.command("methods")
    @click.option("--debug", is_flag=True, expose_value=False)
    def command() -> None:
        raise error

    return command


def test_an_unexpected_error_is_told_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("mat1 and mat2 cannot be multiplied")
    error.add_note("pellucid: the model was given [(1, 3)].")
    monkeypatch.setitem(main.commands, "methods", broken(error))
    done = CliRunner().invoke(main, ["methods"])
    assert done.exit_code == 1
    assert "RuntimeError: mat1 and mat2" in done.stderr and "given [(1, 3)]" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in CliRunner().invoke(main, ["methods", "--debug"]).stderr


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(main.commands, "methods", broken(KeyboardInterrupt()))
    done = CliRunner().invoke(main, ["methods"])
    assert done.exit_code == 130 and done.stderr.strip() == "stopped"


def test_a_warning_is_one_line_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import warnings

    @click.command("methods")
    def command() -> None:
        for _ in range(3):
            warnings.warn("Raise\nsamples.", pellucid.PellucidWarning, stacklevel=1)

    monkeypatch.setitem(main.commands, "methods", command)
    done = CliRunner().invoke(main, ["methods"])
    assert done.exit_code == 0 and done.stderr == "caution: Raise samples.\n"
