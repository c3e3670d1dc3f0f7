"""What remains of the games of a call when they are played, put together in the order of the rows; and its checks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pellucid.core.features import Columns, Features, Pixels, Steps
from pellucid.core.notes import Notes, merged
from pellucid.core.types import NpArray
from pellucid.core.views import Game

DRIFT = 1e-3
"""How far two answers about the same row may differ, as a share of their size, before it is said."""


@dataclass(frozen=True, eq=False)
class Played:
    """What remains of a game when its rows are explained.

    Attributes:
        rows: (n,) the caller's row numbers.
        values, half_width: (n, *features); of pairs (n, players, players).
        player_values: (n, players).
        names: what each row's players are called.
        labels: the player of each feature, per row; None where players share features.
        ends: v of nobody and of everybody, (n,) each; NaN where the method never asked.
        notes: the method's account.
    """

    rows: NpArray
    values: NpArray
    half_width: NpArray | None
    player_values: NpArray
    names: tuple[tuple[str, ...], ...]
    labels: tuple[NpArray | None, ...]
    ends: tuple[NpArray, NpArray]
    notes: Notes

    @classmethod
    def of(cls, game: Game, values: NpArray, share: bool) -> Played:
        """Put the players' values back on the features."""

        def spread(what: NpArray) -> NpArray:
            if what.ndim > 2:
                return what
            return np.stack([h.spread(v, share=share) for h, v in zip(game.hidden, what, strict=True)])

        half, unknown = game.notes.half_width, np.full(len(game), np.nan)
        return cls(
            rows=game.rows,
            values=spread(values),
            half_width=None if half is None else spread(np.asarray(half)),
            player_values=values,
            names=tuple(h.players for h in game.hidden),
            labels=tuple(h.label for h in game.hidden),
            ends=game.__dict__.get("ends", (unknown, unknown)),
            notes=game.notes,
        )


class Whole:
    """All games of a call, in the order of the rows that were finished."""

    def __init__(self, played: list[Played]) -> None:
        self.played = played
        every = np.concatenate([p.rows for p in played])
        self.order, self.rows = np.argsort(every), np.sort(every)

    @cached_property
    def notes(self) -> Notes:
        """One account of all rows."""
        return merged(
            [p.notes for p in self.played], [np.searchsorted(self.rows, p.rows) for p in self.played]
        )

    @property
    def ends(self) -> tuple[NpArray, NpArray]:
        """V of nobody and of everybody, (n,) each."""
        nobody, everybody = (np.concatenate([p.ends[k] for p in self.played])[self.order] for k in (0, 1))
        return nobody, everybody

    @property
    def values(self) -> NpArray:
        """(n, *features), or of pairs (n, players, players), NaN where a row has fewer."""
        return joined([p.values for p in self.played])[self.order]

    @property
    def half_width(self) -> NpArray | None:
        """Shaped like the values; None where a game has none."""
        halves = [p.half_width for p in self.played if p.half_width is not None]
        return joined(halves)[self.order] if len(halves) == len(self.played) else None

    @property
    def player_values(self) -> NpArray:
        """(n, players), NaN where a row has fewer."""
        return joined([p.player_values for p in self.played])[self.order]

    @cached_property
    def players(self) -> tuple[tuple[str, ...], ...]:
        """What each row's players are called."""
        names = [n for p in self.played for n in p.names]
        return tuple(names[i] for i in self.order)

    def are_columns(self, features: Features) -> bool:
        """Whether the players are simply the columns, whose names the features know already."""
        return isinstance(features, Columns) and self.players[0] == features.names

    def regions(self, features: Features) -> NpArray | None:
        """(n, H, W) or (n, *steps) the player of each pixel or step, where players hold several of them."""
        labels = [label for p in self.played for label in p.labels]
        if not isinstance(features, Pixels | Steps) or any(label is None for label in labels):
            return None
        axis = features.axis if isinstance(features, Pixels) else None
        planes = np.stack(
            [label if axis is None else label.take(0, axis) for label in labels if label is not None]
        )
        counts = [len(names) for names in self.players]
        return planes[self.order] if max(counts) < planes[0].size else None


def joined(blocks: list[NpArray]) -> NpArray:
    """Rows of different numbers of players as one array, NaN where a row has fewer."""
    shape = tuple(max(b.shape[a] for b in blocks) for a in range(1, blocks[0].ndim))
    if all(b.shape[1:] == shape for b in blocks):
        return np.concatenate(blocks)
    out = np.full((sum(map(len, blocks)), *shape), np.nan)
    start = 0
    for block in blocks:
        out[(slice(start, start + len(block)), *map(slice, block.shape[1:]))] = block
        start += len(block)
    return out


def repeatable(notes: Notes, first: NpArray, again: NpArray, nobody: NpArray) -> None:
    """Say so where the model, asked twice about the same row, gave two answers.

    Args:
        notes: where it is said.
        first: (n,) what it gave.
        again: (n,) what it gave again; NaN where it was not asked twice.
        nobody: (n,) what it gives with everything hidden, for the scale; NaN where that was not asked.
    """
    off = np.abs(again - first) / np.maximum(
        np.maximum(np.abs(first), np.abs(np.nan_to_num(first - nobody))), 1e-30
    )
    if (off > DRIFT).any():
        notes.check(
            "repeatable",
            np.nan_to_num(off),
            warn=DRIFT,
            fail=0.1,
            meaning="The model gives another output when it is asked about the same row again.",
            advice="Take out what is random in it, or put it into evaluation mode.",
        )


def neutral(notes: Notes, output: NpArray, spaced: NpArray, nobody: NpArray) -> None:
    """Check that more space between words, which says nothing, changes nothing: else hiding words says too much.

    Args:
        notes: where it is said.
        output: (n,) what the model gives.
        spaced: (n,) what it gives when a space is put before every word.
        nobody: (n,) what it gives without any word, for the scale; NaN where that was not asked.
    """
    notes.check(
        "neutral_token",
        np.abs(spaced - output) / np.maximum(np.abs(output - np.nan_to_num(nobody)), 1e-30),
        warn=0.01,
        fail=0.5,
        meaning="The model reads spaces: hiding a word also changes how its neighbours are read.",
        advice="Replace absent words: features=Words(absent='[MASK]').",
    )
