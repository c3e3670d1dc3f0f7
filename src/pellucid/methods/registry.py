"""All methods there are: ours, and those of other packages that declare an entry point."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points

from .base import METHODS, Method, summary
from .params import Param, describe

FAMILIES = ("gradient", "perturbation", "effects", "internals", "trees", "counterfactuals")
GROUP = "pellucid.methods"
"""Entry point group by which other packages add methods: name -> module to import."""


@dataclass(frozen=True)
class MethodInfo:
    """A method as tables, forms and the command line show it."""

    name: str
    title: str
    family: str
    data: tuple[str, ...]
    summary: str
    paper: str
    caution: str
    params: tuple[Param, ...]
    cls: type[Method]


def load() -> dict[str, type[Method]]:
    """Import every family and every entry point; name -> class."""
    for family in FAMILIES:
        import_module(f"pellucid.methods.{family}")
    for point in entry_points(group=GROUP):
        point.load()
    return dict(sorted(METHODS.items()))


def methods(data: str | None = None) -> tuple[MethodInfo, ...]:
    """The methods there are, those for one kind of data where it is named: "table", "image", "text", "series"."""
    from pellucid.core.errors import ParameterError, nearest

    kinds = ("table", "image", "text", "series")
    if data is not None and data not in kinds:
        raise ParameterError(f"There is no kind of data {data!r}.", fix=nearest(data, kinds))
    return tuple(
        MethodInfo(
            name, cls.title, cls.family, cls.data, summary(cls), cls.paper, cls.caution, describe(cls), cls
        )
        for name, cls in load().items()
        if data is None or data in cls.data
    )
