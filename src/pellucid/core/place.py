"""Places in a network, as the caller writes them: a layer, one of its calls, its input or its output."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import LayerError

_GRAMMAR = re.compile(
    r"^(?P<layer>[^#\[\]:]+)(#(?P<call>\d+))?(\[(?P<item>\d+)\])?(:(?P<side>input|output))?$"
)


@dataclass(frozen=True)
class Place:
    """One value in a forward pass.

    Written ``layer``, ``layer#2`` (its second call), ``layer[1]`` (the second value of a tuple it gives),
    ``layer:input`` (what goes into it), or all together ``layer#2[1]:input``. A function that runs between the layers
    is written with an F, ``F.relu#2``, after the block that calls it, ``encoder.0.F.relu``.

    Attributes:
        layer: the path of the layer.
        call: which call of it, from 1; None where it is called once.
        item: which value of a tuple; None where it gives one.
        input: the layer's input instead of its output.
    """

    layer: str
    call: int | None = None
    item: int | None = None
    input: bool = False

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read a place.

        >>> Place.parse("encoder.0#2:input")
        Place(layer='encoder.0', call=2, item=None, input=True)
        """
        found = _GRAMMAR.match(text)
        if found is None:
            raise LayerError(
                "This is no place in a network.",
                got=repr(text),
                fix="Write 'conv1', 'relu#2', 'lstm[1]' or 'fc:input'.",
            )
        call, item = found["call"], found["item"]
        if call is not None and int(call) == 0:
            raise LayerError("Calls are counted from 1.", got=repr(text))
        return cls(
            found["layer"], int(call) if call else None, int(item) if item else None, found["side"] == "input"
        )

    @property
    def function(self) -> bool:
        """Whether it is written as a function between the layers."""
        return self.layer.split(".")[-2:-1] == ["F"]

    def __str__(self) -> str:
        call = f"#{self.call}" if self.call else ""
        item = "" if self.item is None else f"[{self.item}]"
        return f"{self.layer}{call}{item}{':input' if self.input else ''}"
