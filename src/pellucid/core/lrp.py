"""Layer-wise relevance propagation as values: a rule for a layer, and a composite of rules for a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .errors import ParameterError
from .rules import Rule

TINY = 1e-6
"""What is added to a denominator, with its sign, where a rule has no epsilon of its own."""


def _doc(text: str) -> dict[str, Any]:
    """What a field is for, as saved settings and tables read it."""
    return {"doc": text, "min": None, "max": None, "choices": ()}


def _at_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise ParameterError(f"{name} must be at least {least}.", got=value)


@dataclass(frozen=True)
class LayerRule:
    """How the relevance of a layer's outputs is shared among its inputs, z_k = sum_j x_j w_jk + b_k.

    Attributes:
        at_input: whether it gives relevance to inputs that are zero, so that it is for a network's first layer only.
    """

    at_input: ClassVar[bool] = False


@dataclass(frozen=True)
class Epsilon(LayerRule):
    """In proportion to x_j w_jk; `epsilon` absorbs relevance where contributions cancel."""

    epsilon: float = field(default=TINY, metadata=_doc("added to |z|"))

    def __post_init__(self) -> None:
        _at_least("epsilon", self.epsilon, 0)


@dataclass(frozen=True)
class ZPlus(LayerRule):
    """In proportion to the positive x_j w_jk alone."""


@dataclass(frozen=True)
class Gamma(LayerRule):
    """In proportion to x_j w_jk, with what agrees with the sign of z weighed 1 + gamma times."""

    gamma: float = field(default=0.25, metadata=_doc("extra weight of what agrees with the output"))

    def __post_init__(self) -> None:
        _at_least("gamma", self.gamma, 0)


@dataclass(frozen=True)
class AlphaBeta(LayerRule):
    """`alpha` times by the positive x_j w_jk, less `beta` times by the negative ones; alpha - beta = 1."""

    alpha: float = field(default=2.0, metadata=_doc("weight of what speaks for the output"))
    beta: float = field(default=1.0, metadata=_doc("weight of what speaks against it"))

    def __post_init__(self) -> None:
        _at_least("alpha", self.alpha, 0)
        _at_least("beta", self.beta, 0)
        if abs(self.alpha - self.beta - 1) > 1e-9:
            raise ParameterError(
                "AlphaBeta keeps the sum of relevance only with alpha - beta = 1.",
                got=f"alpha={self.alpha}, beta={self.beta}",
            )


@dataclass(frozen=True)
class Flat(LayerRule):
    """In equal parts to all inputs of a unit, whatever they are: for the first layer."""

    at_input: ClassVar[bool] = True


@dataclass(frozen=True)
class WSquare(LayerRule):
    """In proportion to w_jk squared, whatever the inputs are: for the first layer."""

    at_input: ClassVar[bool] = True


@dataclass(frozen=True)
class ZBox(LayerRule):
    """For a first layer whose inputs lie between `low` and `high`: numbers, or one per channel."""

    at_input: ClassVar[bool] = True
    low: float | tuple[float, ...] = field(
        default=0.0, metadata=_doc("least value of the first layer's input")
    )
    high: float | tuple[float, ...] = field(
        default=1.0, metadata=_doc("largest value of the first layer's input")
    )

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            given = getattr(self, name)
            if isinstance(given, Sequence) or hasattr(given, "__len__"):
                object.__setattr__(self, name, tuple(float(v) for v in given))
        low, high = self._pairs()
        if any(a >= b for a, b in zip(low, high, strict=True)):
            raise ParameterError("ZBox needs low below high.", got=f"low={self.low}, high={self.high}")

    def _pairs(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        low = self.low if isinstance(self.low, tuple) else (self.low,)
        high = self.high if isinstance(self.high, tuple) else (self.high,)
        size = max(len(low), len(high))
        low, high = (v * size if len(v) == 1 else v for v in (low, high))
        if len(low) != len(high):
            raise ParameterError(
                "ZBox needs as many low values as high ones.", got=f"{len(low)} and {len(high)}"
            )
        return low, high


@dataclass
class Ledger:
    """Where a pass writes down what became of the relevance, one number per row.

    Attributes:
        start: relevance that the output began with.
        received: what the input got.
        constant: what biases and other constants got by the rules.
        absolute: the sum of the input's relevance without signs.
        by_row: False where a constant's rows could not be told apart; only the sums over rows hold then.
        outside: whether an input left the limits of a z-box.
        unruled: operations that have no rule, and what was done the gradient's way instead.
    """

    start: list[float] = field(default_factory=list[float])
    received: list[float] = field(default_factory=list[float])
    constant: list[float] = field(default_factory=list[float])
    absolute: list[float] = field(default_factory=list[float])
    by_row: bool = True
    outside: bool = False
    unruled: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, kw_only=True)
class Composite(Rule):
    """Layer-wise relevance propagation with one rule per kind of layer.

    All other operations are treated the same in every composite: activations pass relevance on, sums and poolings
    share it by what each input contributed, a maximum gives it to the winner, products share it equally, a softmax is
    expanded at its input, and the scale of a normalisation counts as a constant. Batch normalisation is merged into
    the convolution or dense layer before it.

    Attributes:
        conv, dense: the rule for convolutions, and for dense layers.
        first: the rule for the first layer where it is a convolution; None is `conv`.
        first_dense: the same where it is dense; None is `dense`. (A flat rule would give all features the same.)
        strict: see `Rule`.
        ledger: where the pass keeps account; not part of the value.
    """

    kind: ClassVar[str] = "lrp"
    strict: bool = field(default=True, metadata=_doc("refuse what has no rule"))
    conv: LayerRule = field(default=ZPlus(), metadata=_doc("rule for convolutions"))
    dense: LayerRule = field(default=Epsilon(), metadata=_doc("rule for dense layers"))
    first: LayerRule | None = field(default=None, metadata=_doc("rule for the first layer, a convolution"))
    first_dense: LayerRule | None = field(
        default=None, metadata=_doc("rule for the first layer, a dense one")
    )
    ledger: Ledger | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("conv", "dense", "first", "first_dense"):
            rule, first = getattr(self, name), name.startswith("first")
            if not isinstance(rule, LayerRule) and not (first and rule is None):
                raise ParameterError(
                    f"Composite({name}=...) must be a rule, such as Epsilon().", got=repr(rule)
                )
            if isinstance(rule, LayerRule) and rule.at_input and not first:
                raise ParameterError(
                    f"{type(rule).__name__} is for the first layer only.",
                    got=f"{name}={rule}",
                    fix="Pass it as first=.",
                )


def EpsilonRule(epsilon: float = TINY) -> Composite:
    """The epsilon rule everywhere: the one for transformers and recurrent networks."""
    return Composite(conv=Epsilon(epsilon), dense=Epsilon(epsilon))


def EpsilonPlus(epsilon: float = TINY) -> Composite:
    """Z-plus for convolutions, epsilon for dense layers."""
    return Composite(conv=ZPlus(), dense=Epsilon(epsilon))


def EpsilonPlusFlat(epsilon: float = TINY) -> Composite:
    """Z-plus for convolutions, epsilon for dense layers, flat for a convolution that comes first."""
    return Composite(conv=ZPlus(), dense=Epsilon(epsilon), first=Flat())


def EpsilonAlpha2Beta1(epsilon: float = TINY) -> Composite:
    """Alpha 2, beta 1 for convolutions, epsilon for dense layers."""
    return Composite(conv=AlphaBeta(2.0, 1.0), dense=Epsilon(epsilon))


def EpsilonGammaBox(
    low: float | tuple[float, ...],
    high: float | tuple[float, ...],
    gamma: float = 0.25,
    epsilon: float = TINY,
) -> Composite:
    """Gamma for convolutions, epsilon for dense layers, z-box for the first layer.

    Args:
        low: least value that the first layer's input may take, one number or one per channel.
        high: the largest.
        gamma: extra weight of what agrees with a unit's output.
        epsilon: added to the denominators of dense layers.
    """
    box = ZBox(low, high)
    return Composite(conv=Gamma(gamma), dense=Epsilon(epsilon), first=box, first_dense=box)


NAMED = {
    "epsilon_plus_flat": EpsilonPlusFlat,
    "epsilon_plus": EpsilonPlus,
    "epsilon_alpha2_beta1": EpsilonAlpha2Beta1,
    "epsilon": EpsilonRule,
}
"""Composites that need nothing but an epsilon, by name."""
