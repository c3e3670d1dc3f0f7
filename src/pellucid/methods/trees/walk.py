"""The walk through a forest's trees, the same for every row, with the quadrature and the coefficients along it."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from pellucid.core.types import NpArray

from .compiled import kernel
from .layout import Laid, Records

ENTER, TURN, LEAVE, BOTTOM = 0, 1, 2, 3
"""What happens at a split: going down left, going down right, coming back; all at once where both are leaves."""


class Walk(NamedTuple):
    """The walk through all trees, the same for every row.

    Attributes:
        event: split times four plus what happens there.
        start: (trees + 1,) the first event of each tree.
        order: (trees,) quadrature nodes of each tree.
        nodes, weights: (order + 1, order) of each rule.
        again: (splits,) row of `ratio` for a feature that comes again, else -1.
        ratio: (again, side, 4, order) coefficients: of the factor (2) and of the derivative (2) beyond the share.
    """

    event: NpArray
    start: NpArray
    order: NpArray
    nodes: NpArray
    weights: NpArray
    again: NpArray
    ratio: NpArray


@cache
def rules(most: int) -> tuple[NpArray, NpArray]:
    """Gauss and Legendre's rules on [0, 1] with up to `most` nodes: nodes and weights, (most + 1, most)."""
    nodes, weights = np.zeros((most + 1, most)), np.zeros((most + 1, most))
    for order in range(1, most + 1):
        x, w = np.polynomial.legendre.leggauss(order)
        nodes[order, :order], weights[order, :order] = (x + 1) / 2, w / 2
    return nodes, weights


def orders(laid: Laid) -> NpArray:
    """(trees,) how many quadrature nodes each tree takes: half of the most distinct features on a path."""
    most = np.maximum.reduceat(laid.splits["distinct"], laid.start[:-1]) if len(laid.output) else np.zeros(0)
    return np.maximum(1, (most + 1) // 2).astype(np.int64)


def walk(laid: Laid) -> Walk:
    """Plan the walk."""
    order = orders(laid)
    nodes, weights = rules(int(order.max(initial=1)))
    event, start = _events(laid.splits, laid.start)
    again, ratio = _ratios(laid.splits, laid.start, order, nodes)
    return Walk(event, start, order, nodes, weights, again, ratio)


@kernel
def _events(p: Records, starts: NpArray) -> tuple[NpArray, NpArray]:
    event = np.empty(3 * len(p), np.int64)
    start = np.zeros(len(starts), np.int64)
    stack = np.empty((len(p) + 1, 2), np.int64)
    n = 0
    for tree in range(len(starts) - 1):
        stack[0, 0], stack[0, 1] = starts[tree], ENTER
        top = 1
        while top > 0:
            v, phase = stack[top - 1, 0], stack[top - 1, 1]
            s = p[v]
            if phase == LEAVE or (s.leaf_left and s.leaf_right):
                event[n] = 4 * v + (LEAVE if phase == LEAVE else BOTTOM)
                n += 1
                top -= 1
                continue
            stack[top - 1, 1] = phase + 1
            leaf = s.leaf_left if phase == ENTER else s.leaf_right
            if phase == ENTER or not leaf:
                event[n] = 4 * v + phase
                n += 1
            if not leaf:
                stack[top, 0], stack[top, 1] = v + 1 if phase == ENTER else s.right, ENTER
                top += 1
        start[tree + 1] = n
    return event[:n].copy(), start


@kernel
def _ratios(p: Records, start: NpArray, order: NpArray, nodes: NpArray) -> tuple[NpArray, NpArray]:
    """Coefficients for features that come again: factor = share + S_old a + S_new b, derivative = S_old c + S_new d."""
    again = np.full(len(p), -1, np.int64)
    count = 0
    for v in range(len(p)):
        if p[v].above >= 0:
            again[v] = count
            count += 1
    ratio = np.zeros((max(count, 1), 2, 4, nodes.shape[1]))
    for tree in range(len(order)):
        for v in range(start[tree], start[tree + 1]):
            if again[v] < 0:
                continue
            for side in range(2):
                w, old = p[v].share_left if side == 0 else p[v].share_right, p[v].held
                new = old * w
                for q in range(order[tree]):
                    t = nodes[order[tree], q]
                    factor = old * (1 - t) + t
                    off = new * (1 - t) / factor
                    on = (new * (1 - t) + t) / factor
                    slope = -new / factor - off * (1 - old) / factor
                    ratio[again[v], side, 0, q] = off - w
                    ratio[again[v], side, 1, q] = on - off
                    ratio[again[v], side, 2, q] = slope
                    ratio[again[v], side, 3, q] = (1 - new) / factor - on * (1 - old) / factor - slope
    return again, ratio
