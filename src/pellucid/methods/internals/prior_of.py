"""The prior for the data at hand: what the caller named, or what fits their kind."""

from __future__ import annotations

import numpy as np

from pellucid.core.errors import CapabilityError, DataError, ParameterError
from pellucid.core.features import Columns
from pellucid.core.intake import read
from pellucid.core.network import Network
from pellucid.core.types import NpArray

from .generated import Generated, checked
from .lying import Lying
from .priors import Components, Prior, Values
from .valid import Valid
from .waves import Waves

PRIORS = {"fourier": Waves, "components": Components, "values": Values}


def prior_of(n: Network, name: str, data: NpArray, lying: Lying) -> Prior:
    """Where inputs are sought.

    Args:
        n: the network; a generator and its codes are among what the caller gave.
        name: "auto" or one of `PRIORS`.
        data: (rows, ...) channels first.
        lying: how inputs lie.

    Raises:
        ParameterError: waves for what has no places, or a generator without codes.
        DataError: rows that do not differ.
    """
    if n.given.get("generator") is not None or n.given.get("codes") is not None:
        return _generated(n, data, lying)
    kind = name if name != "auto" else "fourier" if lying.channels else "components"
    if kind == "fourier" and not lying.channels:
        raise ParameterError("Waves are for pictures and series.", fix="Choose prior='components'.")
    if kind != "values" and not np.ptp(data, axis=0).any():
        raise DataError(
            f"The prior {kind!r} is fitted to rows that differ.",
            got=f"{len(data)} row" if len(data) == 1 else f"{len(data)} rows, all alike",
            fix="Pass more rows of data, or choose prior='values'.",
        )
    prior = PRIORS[kind](data)
    return Valid(prior, data, n.features) if isinstance(n.features, Columns) else prior


def climbable(n: Network) -> None:
    """Refuse inputs that cannot be climbed."""
    if len(n.inputs) != 1:
        raise CapabilityError(
            "A network with one input is climbed.",
            got=f"{len(n.inputs)} inputs",
            fix="Fix the others inside it.",
        )
    if n.x.dtype.kind != "f":
        raise CapabilityError(
            "Whole numbers have no gradient to climb.",
            got=f"dtype {n.x.dtype}",
            fix="Pass the part of the network behind them, and what goes into it.",
        )


def _generated(n: Network, data: NpArray, lying: Lying) -> Prior:
    generator, codes = n.given.get("generator"), n.given.get("codes")
    if generator is None:
        raise ParameterError(
            "Codes are for a generator.", fix="Pass generator= with them, or leave them out."
        )
    if codes is None:
        raise ParameterError("A generator needs codes to begin at.", fix="Pass codes=, rows that it takes.")
    source = read(generator, codes)
    prior = Generated(source.model, source.x, n.pace, lying)
    checked(lying.back(prior.picture(prior.start(1, np.random.default_rng(0)))), n.x.shape[1:])
    return prior
