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
        self.order: list[Any] = list(_ordered(y.grad_fn))
        self.reaching: set[Any] = set()
        self.uses: Counter[Any] = Counter()
        for node in self.order:
            variable = getattr(node, "variable", None)
            if variable is not None:
                if any(variable is leaf for leaf in leaves):
                    self.reaching.add(node)
                continue
            below = [n for n, _ in node.next_functions if n is not None]
            self.uses.update(below)
            if node not in cut and any(n in self.reaching for n in below):
                self.reaching.add(node)

    def depends(self, node: Any) -> tuple[bool, ...]:
        """Which of a node's edges come from a leaf."""
        return tuple(n is not None and n in self.reaching for n, _ in node.next_functions)

    def above(self, nodes: Collection[Any]) -> set[Any]:
        """The nodes that depend on one of `nodes`."""
        found: set[Any] = set()
        for node in self.order:
            if any(n in nodes or n in found for n, _ in node.next_functions if n is not None):
                found.add(node)
        return found

    def customs(self) -> list[str]:
        """Names of the caller's own autograd functions among them."""
        return [
            type(n).__name__ for n in self.order if isinstance(n, BackwardCFunction) and n in self.reaching
        ]


def _ordered(root: Any) -> Iterator[Any]:
    """Postorder, without recursion: networks are deeper than Python's stack."""
    seen, stack = {root}, [(root, iter(root.next_functions))]
    while stack:
        node, edges = stack[-1]
        for child, _ in edges:
            if child is not None and child not in seen:
                seen.add(child)
                stack.append((child, iter(child.next_functions)))
                break
        else:
            stack.pop()
            yield node
