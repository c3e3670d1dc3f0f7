"""Optional packages: imported where they are needed, asked for in one sentence where they are missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import MissingDependency


def need(module: str, *, what: str, extra: str) -> Any:
    """Import `module`, or say which `pip install` brings it.

    >>> need("json", what="Reading JSON", extra="all").__name__
    'json'
    """
    try:
        return import_module(module)
    except ImportError as error:
        root = module.partition(".")[0]
        if error.name and error.name.partition(".")[0] != root:
            raise  # the package is there and its own import fails: that message is the useful one
        raise MissingDependency(
            f"{what} needs {root}.", fix=f"Run: pip install 'pellucid[{extra}]'"
        ) from error
