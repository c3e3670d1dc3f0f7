"""Options that several commands share."""

from __future__ import annotations

import click

debug = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
"""Read by the front door, wherever it stands on the line."""

lang = click.option(
    "--lang",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="Language of words and pictures.",
)
