"""Players in groups: those of any masker, hidden and shown together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .errors import ParameterError, nearest
from .features import Features
from .hierarchy import clusters
from .masker import Hidden, Masker
from .types import NpArray

NAMED = 3
"""Members of a group that its name lists; more are counted."""


@dataclass(frozen=True, eq=False)
class Grouped:
    """The players of another masker in groups that come and go together.

    Attributes:
        groups: how many groups are made of players that belong together (columns that correlate in the background,
            regions that lie together, words and windows that follow each other), or the groups themselves, each a list
            of players by name or number; who is in none stays alone.
        of: the masker whose players are grouped; None is the one that is taken where none is given.
    """

    groups: int | Sequence[Sequence[int | str]]
    of: Masker | None = None

    def bind(self, x: NpArray, features: Features) -> Hidden:
        hidden = self._of.bind(x, features)
        group = self._group(hidden)
        members = [np.flatnonzero(group == k) for k in range(int(group.max()) + 1)]
        names = tuple(_name([hidden.players[i] for i in some]) for some in members)
        label = None if hidden.label is None else group[hidden.label]
        member = None if hidden.member is None else np.stack([hidden.member[m].any(0) for m in members])
        return Hidden(names, lambda S: hidden.fill(S[:, group]), label, member, hidden.weight)

    def describe(self) -> str:
        return f"{self._of.describe()}, in groups"

    @property
    def _of(self) -> Masker:
        if self.of is None:
            raise ParameterError("These groups have no masker yet.", fix="Pass Grouped(groups, of=...).")
        return self.of

    def _group(self, hidden: Hidden) -> NpArray:
        """(players,) the group of each, numbered in the order of their first members."""
        if isinstance(self.groups, int | np.integer):
            if self.groups < 1:
                raise ParameterError("There must be at least one group.", got=self.groups)
            return clusters(hidden, int(self.groups))
        group = -1 - np.arange(len(hidden.players))  # everyone alone
        for number, members in enumerate(self.groups):
            for member in members:
                place = _place(member, hidden.players)
                if group[place] >= 0:
                    raise ParameterError(
                        f"Player {member!r} is in two groups.", fix="Give each player one group."
                    )
                group[place] = number
        _, first, of = np.unique(group, return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[of]


def _place(player: int | str, players: tuple[str, ...]) -> int:
    if isinstance(player, str):
        if player not in players:
            raise ParameterError(f"There is no player {player!r}.", fix=nearest(player, players))
        if players.count(player) > 1:
            raise ParameterError(f"Several players are called {player!r}.", fix="Name it by number.")
        return players.index(player)
    if not 0 <= player < len(players):
        raise ParameterError(f"There is no player {player}.", fix=f"Choose 0..{len(players) - 1}.")
    return int(player)


def _name(players: list[str]) -> str:
    """What a group is called: its members, where they are few."""
    shown = " + ".join(players[:NAMED])
    return shown if len(players) <= NAMED else f"{shown} + {len(players) - NAMED} more"
