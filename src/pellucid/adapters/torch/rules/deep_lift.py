"""DeepLIFT (rescale) on recorded operations: each one's derivative is replaced by its exact multiplier.

Both passes are recorded and aligned operation by operation; one backward pass from the output at x does the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from pellucid.adapters.torch.tape import Op, Tape, recording, taken_apart
from pellucid.core.errors import CapabilityError

from . import operations
from .backward import Hook, grads_to, in_region, leaves_of
from .multipliers import Rule, Step

BRANCH = "The model takes another path at the baseline than at the input, so the two cannot be compared."
NEARER = "Choose a baseline that takes the same path, or use IntegratedGradients."


def vjp(
    model: Any,
    inputs: tuple[torch.Tensor, ...],
    cotangent: Callable[[torch.Tensor], torch.Tensor],
    wrt: tuple[int, ...],
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """The output at x, and the multipliers of its cotangent for the inputs at `wrt`.

    Args:
        model: a model whose rule compares two passes.
        inputs: those at x, and as many at the reference.
        cotangent: of the output at x.
        wrt: which inputs of the first half.

    Raises:
        CapabilityError: the passes differ in their operations, or, if the rule is strict, one has no rule.
    """
    with taken_apart(model.module):
        return _vjp(model, inputs, cotangent, wrt)


def _vjp(
    model: Any,
    inputs: tuple[torch.Tensor, ...],
    cotangent: Callable[[torch.Tensor], torch.Tensor],
    wrt: tuple[int, ...],
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    half = len(inputs) // 2
    leaves = leaves_of(inputs[:half], wrt)
    tape, y0, y, reference = _both(model, leaves_of(inputs[half:], wrt), leaves)
    try:
        ops = tape.ops[len(reference) :]
        hooks, missing = _planned(ops, reference)
        missing += _hidden(ops, y)
        if missing and model.rule.strict:
            raise CapabilityError(
                f"DeepLIFT has no rule for {', '.join(missing)}.",
                fix="Pass strict=False to go on with its plain gradient, or use IntegratedGradients.",
            )
        handles = [op.node.register_hook(hook) for op, hook in hooks]
        multipliers = grads_to(model, y, [leaves[i] for i in wrt], cotangent, handles)
    finally:
        tape.clear()
    model.rule.seen.references.append(y0.detach())
    model.rule.seen.missing.update(dict.fromkeys(missing))
    return y.detach(), multipliers


def _both(
    model: Any, at_reference: list[torch.Tensor], at_x: list[torch.Tensor]
) -> tuple[Tape, torch.Tensor, torch.Tensor, list[Op]]:
    """Both forward passes on one tape, and the operations of the first.

    Both have gradients, since some operations run otherwise without.
    """
    with recording(
        model.module, operations.recorded, operations.SLIM, places=operations.doubtful, apart=True
    ) as tape:
        y0 = model.run(*at_reference)
        tape.flush()
        reference = list(tape.ops)
        y = model.run(*at_x)
    return tape, y0, y, reference


def _planned(ops: list[Op], reference: list[Op]) -> tuple[list[tuple[Op, Hook]], list[str]]:
    """A hook for each operation that needs one, and what has no rule."""
    if len(ops) != len(reference):
        raise CapabilityError(BRANCH, got=f"{len(ops)} and {len(reference)} operations", fix=NEARER)
    hooks: list[tuple[Op, Hook]] = []
    missing: dict[str, None] = {}
    for op, ref in zip(ops, reference, strict=True):
        if op.packet is not ref.packet or op.output.shape != ref.output.shape:
            raise CapabilityError(BRANCH, got=f"{op.packet} at x, {ref.packet} at the baseline", fix=NEARER)
        if op.node is None:
            continue
        step = Step.of(op, ref)
        rule, lacks = operations.rule_of(step)
        if lacks:
            missing[f"{lacks} in {op.module!r}" if op.module else lacks] = None
        if rule is not None:
            hooks.append((op, in_region(as_hook(rule, step), op.view)))
    return hooks, list(missing)


def as_hook(rule: Rule, step: Step) -> Hook:
    """A rule as what autograd calls."""

    def hook(gi: tuple[Any, ...], go: tuple[Any, ...]) -> tuple[Any, ...]:
        return gi if go[0] is None else tuple(rule(step, go[0], list(gi)))

    return hook


def _hidden(ops: list[Op], y: torch.Tensor) -> list[str]:
    """Functions with a backward of their own, where operations ran out of autograd's sight: they may be theirs."""
    if all(op.node is not None for op in ops):
        return []
    found: dict[str, None] = {}
    waiting, seen = [y.grad_fn], set[Any]()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, torch.autograd.function.BackwardCFunction):
            found[f"{type(node).__name__.removesuffix('Backward')}, which has a backward of its own"] = None
        waiting.extend(following for following, _ in node.next_functions)
    return list(found)
