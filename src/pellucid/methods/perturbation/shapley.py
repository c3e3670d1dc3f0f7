"""What the Shapley estimators share: the definition over all coalitions, and how they say how far they are off."""

from __future__ import annotations

from math import factorial

import numpy as np

from pellucid.core.types import Bools, NpArray
from pellucid.core.views import Game


def every_coalition(players: int) -> Bools:
    """All coalitions, (2**players, players); number c holds player i where bit i of c is set."""
    numbers = np.arange(1 << players, dtype="<u4").view(np.uint8).reshape(-1, 4)
    return np.unpackbits(numbers, axis=1, count=players, bitorder="little").astype(bool)


def by_definition(game: Game) -> NpArray:
    """Exact values, from every coalition, each asked once."""
    v = game(game.once("every coalition", lambda: every_coalition(game.players)))
    game.know(v[:, 0], v[:, -1])
    game.notes.certify(half_width=np.zeros((len(game), game.players)), kind="exact", exact=True)
    return exact_values(v)


def exact_values(v: NpArray) -> NpArray:
    r"""Shapley values by their definition, from v of every coalition in the order of `every_coalition`.

    .. math:: \phi_i = \sum_{S \not\ni i} \frac{|S|! (n - |S| - 1)!}{n!} \bigl(v(S \cup i) - v(S)\bigr)

    A player that changes nothing gets exactly 0, since only differences are added.

    Args:
        v: (rows, 2**players).
    """
    rows, count = v.shape
    players = count.bit_length() - 1
    size = every_coalition(players - 1).sum(1)
    weight = np.array(
        [factorial(s) * factorial(players - s - 1) / factorial(players) for s in range(players)]
    )
    weight = weight[size] if players else weight
    values = np.empty((rows, players))
    for player in range(players):
        with_and_without = v.reshape(rows, -1, 2, 1 << player)
        gain = (with_and_without[:, :, 1] - with_and_without[:, :, 0]).reshape(rows, -1)
        values[:, player] = [float(g @ weight) for g in gain]
    return values


def judge(game: Game, values: NpArray, half_width: NpArray, advice: str) -> None:
    """Certify sampled values, and check their error against the largest of them."""
    game.notes.certify(half_width=half_width, kind="sampling")
    largest = np.abs(values).max(1)
    game.notes.check(
        "half_width",
        np.where(largest > 1e-12, half_width.max(1) / np.maximum(largest, 1e-30), 0.0),
        warn=0.10,
        fail=1.0,
        meaning="The error is more than a tenth of the largest value.",
        advice=advice,
    )


def rounding(answers: NpArray) -> NpArray:
    """(rows, 1) what rounding leaves of answers (rows, ...): all that is wrong with a perfect fit."""
    return 1e3 * np.finfo(float).eps * np.abs(answers).reshape(len(answers), -1).max(1, initial=0)[:, None]
