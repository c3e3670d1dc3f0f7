"""Every code block of both READMEs runs, in order, in an empty folder."""

from __future__ import annotations

import re
import shlex
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.S | re.M)


def blocks(name: str) -> list[tuple[str, str]]:
    return BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))


def run_lines(text: str, invoke) -> None:
    """The lines of a shell block: ours are run, installing is not."""
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        assert words[0] in ("pellucid", "pip"), f"a line that this test does not run: {line}"
        if words[0] == "pellucid" and words[1] != "demo":  # the demo has its own test
            result = invoke(words[1:])
            assert result.exit_code == 0, result.output


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_every_block_runs(name, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from pellucid.cli import main

    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    found = blocks(name)
    assert {language for language, _ in found} == {"python", "sh"}
    for language, text in found:
        if language == "python":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(compile(text, name, "exec"), namespace)
        else:
            run_lines(text, lambda words: CliRunner().invoke(main, words))
    assert (tmp_path / "why.png").stat().st_size > 10_000
    assert (tmp_path / "why" / "explanation.npz").exists()


def test_both_show_the_same_code():
    """The two READMEs differ in words only: without comments their code is the same, but for the language."""
    plain = []
    for name in ("README.md", "README.zh.md"):
        text = "\n".join(t for _, t in blocks(name))
        text = re.sub(r"\s*#.*", "", text).replace('narrate("zh")', "narrate()").replace(" --lang zh", "")
        plain.append(text)
    assert plain[0] == plain[1]
