"""`pellucid methods`: what there is to choose from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from .options import debug

if TYPE_CHECKING:
    from pellucid.methods.params import Param
    from pellucid.methods.registry import MethodInfo


@click.command()
@click.option(
    "--for",
    "data",
    type=click.Choice(["table", "image", "text", "series"]),
    help="Only methods for this kind of data.",
)
@click.option("--json", "as_json", is_flag=True, help="Everything about them, knobs and papers, as JSON.")
@debug
def methods(data: str | None, as_json: bool) -> None:
    """List the methods: what they show, on which data."""
    from pellucid.methods.registry import methods as registered

    found = registered(data)
    if as_json:
        click.echo(json.dumps([_record(m) for m in found], ensure_ascii=False, indent=2))
        return
    from .terminal import show_methods

    show_methods(found)


def _record(m: MethodInfo) -> dict[str, Any]:
    return {
        "name": m.name,
        "title": m.title,
        "summary": m.summary,
        "family": m.family,
        "data": list(m.data),
        "paper": m.paper,
        "caution": m.caution,
        "knobs": [_knob(p) for p in m.params],
    }


def _knob(p: Param) -> dict[str, Any]:
    plain = p.default if isinstance(p.default, str | int | float | bool | None) else repr(p.default)
    return {
        "name": p.name,
        "default": plain,
        "doc": p.doc,
        "min": p.min,
        "max": p.max,
        "choices": list(p.choices),
    }
