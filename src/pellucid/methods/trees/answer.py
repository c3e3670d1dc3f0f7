"""What a tree method hands back: values, with what they add up to."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.core.types import NpArray


@dataclass(frozen=True, eq=False)
class Answer:
    """Values of a scalar made of a forest's raw outputs.

    Attributes:
        values: (n, columns), or (n, columns, columns) for pairs.
        raw: (n, outputs) the raw prediction.
        output: (n,) the explained number.
        hidden: (n,) it with every column hidden.
        said: how it was calculated, in words.
        space: what the explained number counts in.
    """

    values: NpArray
    raw: NpArray
    output: NpArray
    hidden: NpArray
    said: str
    space: str = "raw"
