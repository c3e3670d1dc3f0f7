"""A generator of images, given by the caller: where a changed image may lie, in few numbers instead of many pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .types import NpArray


@dataclass(frozen=True, eq=False)
class Generator:
    """Images as a generator draws them from codes of a few numbers: what is changed is the code.

    Attributes:
        decode: codes (n, numbers) -> images shaped like those explained: a model of any framework, or a function.
        codes: (n, numbers) one code for each image that is explained.
        usual: (b, numbers) codes of usual images, which say how far a code may go; None draws normal numbers.
    """

    decode: Any
    codes: NpArray
    usual: NpArray | None = None
