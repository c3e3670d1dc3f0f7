"""Backward rules as values: the same forward pass, another way back. An adapter knows how to follow them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from .types import Array


@dataclass
class Seen:
    """What an adapter learned while it followed a rule.

    Attributes:
        references: the outputs at the reference, batch by batch.
        missing: operations without a rule, with their modules, in order.
        rescaled: operations that RevealCancel does not cover and that followed Rescale, in order.
    """

    references: list[Array] = field(default_factory=list[Any])
    missing: dict[str, None] = field(default_factory=dict[str, None])
    rescaled: dict[str, None] = field(default_factory=dict[str, None])


@dataclass(frozen=True)
class Rule:
    """The base of all rules.

    Attributes:
        kind: the adapter's module that follows it.
        paired: whether it compares two forward passes; the ruled model then takes its inputs twice, at x and at the
            reference, and its output is that at x.
        passes: how many passes' activations it holds at once.
        strict: refuse an operation that changes values and has no rule, instead of naming it in a check.
        seen: what was learned on the way.
    """

    kind: ClassVar[str] = ""
    paired: ClassVar[bool] = False
    passes: ClassVar[int] = 1
    strict: bool = True
    seen: Seen = field(default_factory=lambda: Seen(), compare=False, repr=False)


@dataclass(frozen=True)
class GuidedReLU(Rule):
    """Guided backpropagation: a ReLU passes back what is positive, both in the gradient and in its input."""

    kind: ClassVar[str] = "relu"
    strict: bool = False


@dataclass(frozen=True)
class DeconvolutionReLU(Rule):
    """Deconvolution: a ReLU passes back what is positive in the gradient, whatever its input was."""

    kind: ClassVar[str] = "relu"
    strict: bool = False


@dataclass(frozen=True)
class Rescale(Rule):
    """DeepLIFT's rescale rule: each operation's multiplier is its change of output over its change of input."""

    kind: ClassVar[str] = "deep_lift"
    paired: ClassVar[bool] = True
    passes: ClassVar[int] = 2


@dataclass(frozen=True)
class RevealCancel(Rule):
    """DeepLIFT's RevealCancel rule: the positive and the negative part of a change have multipliers of their own."""

    kind: ClassVar[str] = "reveal_cancel"
    paired: ClassVar[bool] = True
    passes: ClassVar[int] = 4
