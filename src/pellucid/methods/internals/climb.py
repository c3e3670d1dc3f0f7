"""One climb of many objectives at once: where each begins, the walk, and the numbers of what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.errors import LayerError
from pellucid.core.network import Network
from pellucid.core.run import tracking
from pellucid.core.types import NpArray

from . import judged
from .ascent import Ascent
from .lying import Lying
from .objectives import Answers, Wanted, before_activation
from .priors import TINY, Prior
from .warps import Moves

LOOKS = 8
"""Small moves under which an input is judged."""
NOISE = 0.03
"""Noise under which it is judged, as a share of the data's spread."""
ROWS, NUMBERS = 1024, 2**26
"""Rows of the data, and numbers in them, that a prior is fitted to and inputs are held against, at most."""


@dataclass(frozen=True, eq=False)
class Climb:
    """Objectives of a network, data, and a prior.

    Attributes:
        n: the network.
        asked: the objectives.
        lying: how inputs lie.
        few: (rows,) which rows of the data a prior is fitted to.
        data: these, channels first.
        excited: (objectives, all rows) the objectives on the data.
        prior: where inputs are sought.
        pictures: how many of each.
    """

    n: Network
    asked: tuple[Wanted, ...]
    lying: Lying
    few: NpArray
    data: NpArray
    excited: NpArray
    prior: Prior
    pictures: int

    @property
    def of(self) -> NpArray:
        """(count,) the objective of each input."""
        return np.repeat(np.arange(len(self.asked)), self.pictures)

    def ask(self, asked: tuple[Wanted, ...]) -> Callable[[NpArray], tuple[NpArray, NpArray]]:
        """Values and gradients of inputs, channels first."""
        answers, of = Answers(self.n, asked), self.of

        def climbed(x: NpArray) -> tuple[NpArray, NpArray]:
            values, slope = answers.slopes(self.lying.back(x), of)
            return values, self.lying.first(slope)

        return climbed

    def begin(self, start: str) -> tuple[NpArray, tuple[Wanted, ...], tuple[str, ...]]:
        """Where the walk begins, what it climbs, and how each objective was started.

        An objective without a gradient at noise begins at its best rows of the data; without one there either, what
        goes into its activation function is climbed in its stead.
        """
        z = self.prior.start(self.pictures, self.n.run.generator(0))
        z = np.tile(z, (len(self.asked), *[1] * (z.ndim - 1)))
        climbed, started = list(self.asked), ["noise"] * len(self.asked)
        silent = np.ones(len(self.asked), bool) if start == "example" else self._silent(z)
        if silent.any():
            mine = silent[self.of]
            z[mine] = self.prior.at(self._examples(np.flatnonzero(silent)))
            for k in np.flatnonzero(silent):
                started[k] = "example"
            silent = self._silent(z)
        for k in np.flatnonzero(silent):
            before = before_activation(self.n, self.asked[k])
            if before is not None and self._reached(before):
                climbed[k], started[k] = before, "before"
        return z, tuple(climbed), tuple(started)

    def walk(self, ascent: Ascent, z: NpArray, climbed: tuple[Wanted, ...]) -> NpArray:
        """(count, *features) where the walk ends, channels first."""
        with tracking(self.n.run, "steps", ascent.steps) as advance:
            rng = self.n.run.generator(1)
            z = ascent.walk(self.ask(climbed), self.prior, z, self.pictures, rng, advance)
        return self.prior.picture(z)

    def judge(self, x: NpArray, ascent: Ascent) -> dict[str, Any]:
        """What is known of the inputs found; arrays (objectives, pictures) each."""
        shape = (len(self.asked), self.pictures)
        rng, plain = (
            self.n.run.generator(2),
            Ascent(0, 0.0, Moves(), NOISE, ascent.pull, self.data, ascent.unit),
        )
        steady = np.mean([self._values(plain.seen(x, self.pictures, rng)[0]) for _ in range(LOOKS)], 0)
        spectrum, usual = np.full(len(x), np.nan), float("nan")
        if x.ndim > 2 and min(x.shape[2:]) > 1:
            spectrum, usual = judged.unlike(x, self.data)
        across = (0,) if x.ndim == 2 else None
        scale = np.maximum(self.data.std(across), TINY)
        mean = self.data.mean(0)
        grouped = x.reshape(*shape, *x.shape[1:])
        near = judged.ranked(x, self.data, self.excited[:, self.few][self.of])
        return {
            "reached": self._values(x).reshape(shape),
            "steady": steady.reshape(shape),
            "spectrum": np.reshape(spectrum, shape),
            "usual_spectrum": usual,
            "neighbours": near.reshape(shape),
            "agreement": np.array([judged.agreement(some, mean, scale) for some in grouped]),
        }

    def _values(self, x: NpArray) -> NpArray:
        """(count,) the objective of each input."""
        return Answers(self.n, self.asked).values(self.lying.back(x))[self.of, np.arange(len(x))]

    def _silent(self, z: NpArray) -> NpArray:
        """(objectives,) whether no gradient leads on from any of the pictures of an objective."""
        _, slope = self.ask(self.asked)(self.prior.picture(z))
        return np.asarray(~slope.reshape(len(self.asked), -1).any(1))

    def _examples(self, which: NpArray) -> NpArray:
        """The best rows of some objectives, as many as there are pictures, channels first."""
        order = np.argsort(-self.excited[which], axis=1, kind="stable")
        rows = order[:, np.arange(self.pictures) % self.n.n].ravel()
        return self.lying.first(self.n.x[rows])

    def _reached(self, one: Wanted) -> bool:
        """Whether the network has these places."""
        try:
            for place in one.weights:
                self.n.model.check(place, self.n.at_rows(slice(0, 1)))
        except LayerError:
            return False
        return True


def fitted_to(n: Network) -> NpArray:
    """The rows that a prior is fitted to, spread over the data."""
    most = max(1, min(n.n, ROWS, NUMBERS // max(1, n.x[0].size)))
    return np.unique(np.linspace(0, n.n - 1, most).round().astype(int))
