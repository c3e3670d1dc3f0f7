"""Methods: frozen values, one file each; a family sees one view and gives one kind of result."""

from typing import Any

from pellucid.core.callable_module import make_callable


def __call_target__(data: str | None = None) -> Any:
    """`pellucid.methods()`, also once this package is imported."""
    from .registry import methods

    return methods(data)


make_callable(__name__)
