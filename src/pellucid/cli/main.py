"""The command `pellucid`: its subcommands, and how it ends: one clear line and an exit code, never a traceback.

Nothing here, nor at the top of a command's own file, imports more than click: help must answer at once.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from pellucid import __version__
from pellucid.core.errors import PellucidError, PellucidWarning

from .demo import demo
from .explain import explain
from .methods import methods

BAD_INPUT, FAILED, STOPPED = 2, 1, 130
"""Exit codes: what was given cannot be used; something else failed; the user pressed Ctrl-C."""


class FrontDoor(click.Group):
    """A group that turns every error into one line on stderr and an exit code."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> NoReturn:
        given = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        try:
            with _cautions():
                done = super().main(given, *rest, **extra)
        except Exception as error:  # noqa: BLE001 (the last resort, so that no user meets a traceback)
            if "--debug" in given and not isinstance(error, click.ClickException | click.Abort):
                click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
            sys.exit(_told(error))
        sys.exit(done if isinstance(done, int) else 0)


def _told(error: Exception) -> int:
    """Say what went wrong; the exit code."""
    if isinstance(error, click.Abort):
        click.echo("stopped", err=True)
        return STOPPED
    if isinstance(error, click.ClickException):
        _complain(error.format_message())
        return BAD_INPUT
    if isinstance(error, PellucidError):
        _complain(str(error))
        return BAD_INPUT
    _complain(f"{type(error).__name__}: {error}")
    for note in getattr(error, "__notes__", ()):
        click.echo(_one_line(note), err=True)
    click.echo("This was not expected; --debug shows where it happened.", err=True)
    return FAILED


def _complain(problem: str) -> None:
    click.echo(f"{click.style('error:', fg='red', bold=True)} {_one_line(problem)}", err=True)


def _one_line(text: str) -> str:
    return " ".join(text.split())


@contextmanager
def _cautions() -> Iterator[None]:
    """While open, each warning is one line on stderr, said once."""
    said = set[str]()

    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        text = _one_line(str(message))
        if text not in said:
            said.add(text)
            word = "caution:" if issubclass(category, PellucidWarning) else "warning:"
            click.echo(f"{click.style(word, fg='yellow', bold=True)} {text}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", FutureWarning
        )  # for those who write the packages, not for those who run them
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("always", PellucidWarning)
        warnings.showwarning = show
        yield


@click.group(
    cls=FrontDoor,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="pellucid", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Shows what a model does and why, and says how far that answer can be trusted."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _command in (explain, methods, demo):
    main.add_command(_command)
