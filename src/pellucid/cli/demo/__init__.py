"""`pellucid demo`: trains two small models, explains them, and writes a page that shows why they say what they say."""

from __future__ import annotations

import click

from pellucid.cli.options import debug, lang


@click.command()
@lang
@click.option("--out", default="pellucid-demo", show_default=True, metavar="DIR", help="Where it is written.")
@click.option("--seed", default=0, show_default=True, help="Same seed, same values.")
@debug
def demo(lang: str, out: str, seed: int) -> None:
    """Train two small models, explain them, and write a page to read: index.html."""
    from pellucid.cli.writing import folder

    from .show import run

    with folder(out) as place:
        run(place, lang, seed)
