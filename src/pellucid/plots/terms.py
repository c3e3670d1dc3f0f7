"""One row's values as a list of named terms, largest first, the small ones as one sum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pellucid.core.features import Columns, Tokens
from pellucid.core.types import NpArray
from pellucid.results import Attribution

from . import theme
from .captions import fold, shortened
from .labels import Words


@dataclass(frozen=True)
class Terms:
    """What a bar chart of one row draws.

    Attributes:
        labels: "name = value", folded to the room beside an axis.
        values: one per label.
        half: their 95 % half-widths, NaN where not known.
        rest: whether the last term is the sum of what is not listed.
    """

    labels: tuple[str, ...]
    values: NpArray
    half: NpArray
    rest: bool

    @property
    def lines(self) -> int:
        """Lines of the tallest label."""
        return max(1 + label.count("\n") for label in self.labels)


def terms(e: Attribution, row: int, top: int, words: Words) -> Terms:
    """The `top` largest |values| of a row, and the sum of the others; a single other is listed as itself."""
    name, values, half = _named(e, row)
    order = np.argsort(-np.abs(values), kind="stable")
    shown = order if len(order) <= top + 1 else order[:top]
    left = order[len(shown) :]
    texts = [fold(shortened(name(int(i))), theme.LABEL, theme.BODY) for i in shown]
    listed, spread = values[shown], half[shown]
    if len(left):
        texts.append(words.more.format(n=len(left)))
        listed = np.append(listed, values[left].sum())
        spread = np.append(spread, np.nan)  # how errors combine in a sum is not known
    return Terms(tuple(texts), listed, spread, bool(len(left)))


def _named(e: Attribution, row: int) -> tuple[Callable[[int], str], NpArray, NpArray]:
    """What to call each term, the values, the half-widths: of players where parts were hidden, else of features."""
    features = e.features
    players = _players(e, row)
    if players and e.player_values is not None:
        values = np.asarray(e.player_values[row][: len(players)], float)
        return players.__getitem__, np.nan_to_num(values), _group_half(e, row, len(values))
    values = np.nan_to_num(np.asarray(e.values[row], float))
    half = e.quality.half_width
    spread = np.full(values.shape, np.nan) if half is None else np.asarray(half[row], float)
    if isinstance(features, Tokens):
        tokens = features.row(row)
        values = values.reshape(len(values), -1).sum(1)[: len(tokens)]
        spread = (
            spread.reshape(-1)[: len(tokens)] if spread.size == len(spread) else np.full(len(tokens), np.nan)
        )
        return (lambda i: f"{tokens[i]} [{i}]"), values, spread
    if isinstance(features, Columns):
        table, x = features, e.x[row]
        return (lambda i: f"{table.names[i]} = {table.show(i, float(x[i]))}"), values, spread
    shape = values.shape
    return (
        (lambda i: features.name(tuple(int(k) for k in np.unravel_index(i, shape)))),
        values.ravel(),
        spread.ravel(),
    )


def _group_half(e: Attribution, row: int, count: int) -> NpArray:
    """Half-widths of groups of columns: a group's is divided among its columns just as its value is.

    They are not known for parts of an image, whose pixels the result does not list, nor where each column shows the
    whole value of its group.
    """
    half = e.quality.half_width
    if half is None or e.base is None or not isinstance(e.features, Columns):
        return np.full(count, np.nan)
    return np.bincount(e.features.players()[1], half[row], count)


def _players(e: Attribution, row: int) -> tuple[str, ...]:
    """Names of the row's players, where they are not simply the columns."""
    if isinstance(e.features, Columns):
        names = e.features.players()[0] if e.features.groups else ()
    else:
        names = e.players[row] if e.players else ()
    fits = e.player_values is not None and e.player_values.shape[1] >= len(names)
    return names if fits else ()
