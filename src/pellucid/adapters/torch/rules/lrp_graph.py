"""What leads where in an autograd graph: which edges come from the input, and which operations come first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

import torch
from torch.autograd.function import BackwardCFunction


class Graph:
    """The nodes between an output and the leaves.

    Attributes:
        order: every node, each after those that it depends on.
        reaching: nodes with a way to a leaf.
        uses: how many edges lead to a node.
    """

    def __init__(self, y: torch.Tensor, leaves: Collection[torch.Tensor], cut: Collection[Any]) -> None:
        """Walk from `y`; nodes in `cut` count as constants."""
        self.order: list[Any] = []
        self._below: dict[Any, tuple[Any, ...]] = {}
        for node, edges in _ordered(y.grad_fn):
            self.order.append(node)
            self._below[node] = edges
        self.reaching: set[Any] = set()
        self.uses: Counter[Any] = Counter()
        for node in self.order:
            variable = getattr(node, "variable", None)
            if variable is not None:
                if any(variable is leaf for leaf in leaves):
                    self.reaching.add(node)
                continue
            below = [n for n, _ in self._below[node] if n is not None]
            self.uses.update(below)
            if node not in cut and any(n in self.reaching for n in below):
                self.reaching.add(node)

    def depends(self, node: Any) -> tuple[bool, ...]:
        """Which of a node's edges come from a leaf."""
        edges = self._below.get(node) or node.next_functions  # it may lead to no output
        return tuple([n is not None and n in self.reaching for n, _ in edges])

    def above(self, nodes: Collection[Any]) -> set[Any]:
        """The nodes that depend on one of `nodes`."""
        found: set[Any] = set()
        for node in self.order:
            if any(n in nodes or n in found for n, _ in self._below[node] if n is not None):
                found.add(node)
        return found

    def customs(self) -> list[str]:
        """Names of the caller's own autograd functions among them."""
        return [
            type(n).__name__ for n in self.order if isinstance(n, BackwardCFunction) and n in self.reaching
        ]


def _ordered(root: Any) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Nodes with their edges, in postorder, without recursion: networks are deeper than Python's stack."""
    edges = root.next_functions
    seen, stack = {root}, [(root, edges, iter(edges))]
    while stack:
        node, edges, left = stack[-1]
        for child, _ in left:
            if child is not None and child not in seen:
                seen.add(child)
                below = child.next_functions
                stack.append((child, below, iter(below)))
                break
        else:
            stack.pop()
            yield node, edges
