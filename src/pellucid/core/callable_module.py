"""A module that can be called: where a public function and the module of its name share one place."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class CallableModule(ModuleType):
    """Calls the function that its module calls `__call_target__`.

    Importing `pellucid.methods` (a package) sets the attribute `methods` of `pellucid`, where the function of that
    name was; so the package itself answers the call.
    """

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self.__call_target__(*args, **named)


def make_callable(name: str) -> None:
    """Let the module `name` be called."""
    sys.modules[name].__class__ = CallableModule
