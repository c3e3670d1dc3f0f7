"""Layer-wise relevance propagation: what goes back is the relevance itself, shaped like the inputs.

Relevance is carried as r = x g through autograd's own graph. Hooks on the nodes of the recorded operations replace
the derivative by what the rules say, so that modules, functions, attention and recurrent layers are all the same.
Rules that give relevance to inputs that are zero (flat, z-box, w-square) have no such g: at a first layer their
relevance is taken out, and carried on to the network's input by a second pass that only routes it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from pellucid.adapters.torch.tape import Op, recording
from pellucid.core.errors import CapabilityError
from pellucid.core.lrp import Composite, LayerRule, Ledger

from .backward import in_region, leaves_of
from .lrp_affine import Affine, affine, is_affine, outside, propagate
from .lrp_graph import Graph
from .lrp_passes import CUTS, PLAIN, RULES, Step, canonised


def vjp(
    model: Any,
    inputs: tuple[Tensor, ...],
    cotangent: Callable[[Tensor], Tensor],
    wrt: tuple[int, ...],
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The output y, and the relevance y * cotangent(y) carried back to `inputs[i]` for i in `wrt`.

    Raises:
        CapabilityError: nothing leads from the output to the input; or an operation has no rule, and the composite
            is strict.
    """
    leaves = leaves_of(inputs, wrt)
    chosen = [leaves[i] for i in wrt]
    with recording(model.module, lambda packet: packet not in PLAIN) as tape:
        y = model.run(*leaves)
    if not y.requires_grad:
        raise CapabilityError(
            f"No gradient leads from the output of {model.facts.name} to its input.",
            fix="A step detaches it (no_grad, argmax, rounding); use a perturbation method, such as Occlusion.",
        )
    seed = cotangent(y.detach())
    back = Backward(model.rule, y, chosen, tape.ops, first=model.start is None)
    tape.clear()
    try:
        back.attach()
        relevance = back.run(y, seed)
    finally:
        back.close()
    back.account(_per_row(y.detach() * seed, len(y)), relevance)
    return y.detach(), relevance


class Backward:
    """The hooks of one pass, and what they write down.

    Attributes:
        routing: whether relevance that was taken out is only carried along.
        taken: where relevance was taken out, and how much.
    """

    def __init__(
        self, rule: Composite, y: Tensor, leaves: list[Tensor], ops: list[Op], *, first: bool
    ) -> None:
        self.rule, self.leaves, self.first = rule, leaves, first
        self.rows, self.routing = len(leaves[0]), False
        self.taken: list[tuple[Any, Tensor]] = []
        self.constant = torch.zeros(self.rows, dtype=_wide(leaves[0]), device=leaves[0].device)
        self.by_row, self.outside = True, False
        self.handles: list[Any] = []
        ops = [op for op in ops if op.node is not None]
        self.graph = Graph(y, leaves, {op.node for op in ops if op.packet in CUTS})
        ops = [op for op in ops if any(self.graph.depends(op.node))]
        self.unruled = self._unruled(ops)
        self.ops = ops

    def attach(self) -> None:
        """Hook what has a rule."""
        maps = self._maps(self.ops)
        merged = self._merged(self.ops, maps)
        later = self.graph.above(maps)
        for op in self.ops:
            if op.node in maps:
                hook: Any = partial(self._through_map, maps[op.node], op.node, op.node not in later)
            elif op.node in merged:
                hook = partial(self._unchanged, op)
            elif op.packet in RULES:
                hook = partial(self._through, op)
            else:
                continue
            self.handles.append(op.node.register_hook(in_region(self._hook(hook, op.node), op.view)))

    # -- what is done where ---------------------------------------------------------------------------------------

    def _unruled(self, ops: list[Op]) -> list[str]:
        found = [
            f"{op.packet.__name__}{f' in {op.module}' if op.module else ''}"
            for op in ops
            if op.packet not in RULES
        ]
        found = list(dict.fromkeys([*found, *self.graph.customs()]))
        if found and self.rule.strict:
            raise CapabilityError(
                "Layer-wise relevance propagation has no rule for an operation of the model.",
                got=", ".join(found),
                fix="Pass strict=False to expand it to first order, or use IntegratedGradients.",
            )
        return found

    def _maps(self, ops: list[Op]) -> dict[Any, Affine]:
        made = {op.node: affine(op, self.graph.depends(op.node)) for op in ops if is_affine(op.packet)}
        return {node: m for node, m in made.items() if m is not None}

    def _merged(self, ops: list[Op], maps: dict[Any, Affine]) -> set[Any]:
        """Merge what only scales or shifts a map's outputs into the map before it; gives the nodes merged."""
        root: dict[Any, Any] = {}
        for op in ops:
            depends = self.graph.depends(op.node)
            before = op.node.next_functions[depends.index(True)][0]
            m = maps.get(root.get(before, before))
            if m is None or self.graph.uses[before] > 1 or op.view is not None:
                continue
            changed = canonised(m, op, depends)
            if changed is not None:
                root[op.node] = root.get(before, before)
                maps[root[op.node]] = changed
        return set(root)

    # -- hooks ----------------------------------------------------------------------------------------------------

    def _hook(self, inner: Callable[[Any, Tensor], Any], node: Any) -> Callable[[Any, Any], Any]:
        depends = self.graph.depends(node)

        def hook(grads: tuple[Any, ...], outputs: tuple[Any, ...]) -> Any:
            if outputs[0] is None:
                return grads
            made = _routed(grads, outputs[0], depends) if self.routing else inner(grads, outputs[0])
            return tuple(None if old is None else new for old, new in zip(grads, made, strict=True))

        return hook

    def _unchanged(self, op: Op, grads: tuple[Any, ...], g: Tensor) -> Any:
        """A batch normalisation or a bias that is part of the layer before it."""
        depends = self.graph.depends(op.node)
        return [g if d or t is None else torch.zeros_like(t) for t, d in zip(grads, depends, strict=True)]

    def _through(self, op: Op, grads: tuple[Any, ...], g: Tensor) -> Any:
        step = Step(op, self.graph.depends(op.node), list(grads), self._book)
        return RULES[op.packet](step, g)

    def _through_map(self, m: Affine, node: Any, first: bool, grads: tuple[Any, ...], g: Tensor) -> Any:
        rule = self._rule_of(m, first and self.first)
        pulled = propagate(rule, m, g)
        self.outside |= outside(rule, m)
        if pulled.bias is not None:
            self._book(pulled.bias)
        made = [None if t is None else torch.zeros_like(t) for t in grads]
        if pulled.direct:
            self.taken.append((node.next_functions[m.which], pulled.grad))
        else:
            made[m.which] = pulled.grad
        return made

    def _rule_of(self, m: Affine, first: bool) -> LayerRule:
        usual, at_input = (
            (self.rule.conv, self.rule.first) if m.conv else (self.rule.dense, self.rule.first_dense)
        )
        return at_input if first and at_input is not None else usual

    # -- the pass ---------------------------------------------------------------------------------------------------

    def run(self, y: Tensor, seed: Tensor) -> tuple[Tensor, ...]:
        """The relevance of each leaf."""
        again = self.first and (self.rule.first or self.rule.first_dense) is not None
        grads = torch.autograd.grad(y, self.leaves, seed, allow_unused=True, retain_graph=again)
        total = [
            torch.zeros_like(leaf) if g is None else leaf.detach() * g
            for leaf, g in zip(self.leaves, grads, strict=True)
        ]
        self.routing = True
        for (node, number), relevance in self.taken:
            edge = GradientEdge(node, number)
            more = torch.autograd.grad(
                (edge,), self.leaves, (relevance,), allow_unused=True, retain_graph=True
            )
            total = [t if r is None else t + r for t, r in zip(total, more, strict=True)]
        return tuple(total)

    def close(self) -> None:
        """Take the hooks off."""
        for handle in self.handles:
            handle.remove()
        self.ops.clear()

    # -- the account --------------------------------------------------------------------------------------------------

    def _book(self, relevance: Tensor) -> None:
        """Relevance of constants; rows are told apart where one axis alone can be theirs."""
        axes = [i for i, size in enumerate(relevance.shape) if size == self.rows]
        if self.rows > 1 and axes != [0]:
            self.by_row = False
            self.constant += relevance.sum(dtype=_wide(relevance)) / self.rows
        else:
            self.constant += relevance.reshape(self.rows, -1).sum(1, dtype=_wide(relevance))

    def account(self, start: Tensor, relevance: tuple[Tensor, ...]) -> None:
        """Write this batch into the rule's ledger."""
        ledger: Ledger | None = self.rule.ledger
        if ledger is None:
            return
        ledger.start += start.tolist()
        flat = torch.cat([r.detach().reshape(self.rows, -1).to(_wide(r)) for r in relevance], 1)
        ledger.received += flat.sum(1).tolist()
        ledger.absolute += flat.abs().sum(1).tolist()
        ledger.constant += self.constant.tolist()
        ledger.by_row &= self.by_row
        ledger.outside |= self.outside
        ledger.unruled += [name for name in self.unruled if name not in ledger.unruled]


def _routed(grads: tuple[Any, ...], r: Tensor, depends: tuple[bool, ...]) -> list[Any]:
    """Relevance itself, handed on: unchanged where shapes allow, shared equally where there are several ways."""
    ways = sum(depends)
    made: list[Any] = []
    for old, d in zip(grads, depends, strict=True):
        if old is None or not d:
            made.append(old if old is None else torch.zeros_like(old))
        elif old.shape == r.shape:
            made.append(r / ways)
        else:
            made.append(old)
    return made


def _per_row(t: Tensor, rows: int) -> Tensor:
    return t.detach().reshape(rows, -1).sum(1, dtype=_wide(t))


def _wide(t: Tensor) -> torch.dtype:
    """The type to add up in: double, where the device has it."""
    return torch.float32 if t.device.type == "mps" else torch.float64
