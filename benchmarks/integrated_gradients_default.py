"""The default of integrated gradients: how many gradients it takes, and what its error bar covers.

Small networks trained on scikit-learn's digits; 40 rows each, zero baseline, explained row by row. The reference is
a midpoint sum of 2,000 steps in float64. Run: python benchmarks/integrated_gradients_default.py
"""

from __future__ import annotations

import sys
from pathlib import Path

from measure import one_thread, table

one_thread()

import warnings

import numpy as np
import torch

import pellucid

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests import nets

warnings.simplefilter("ignore")
KINDS = ("gelu_mlp", "tanh_mlp", "relu_mlp", "pool_cnn", "transformer", "transformer_prenorm")


def reference(net: torch.nn.Module, x: torch.Tensor, target: int, steps: int = 2000) -> np.ndarray:
    """A midpoint sum in float64."""
    total = torch.zeros_like(x)
    for nodes in ((torch.arange(steps, dtype=x.dtype) + 0.5) / steps).split(250):
        points = (nodes.reshape(-1, *(1,) * (x.ndim - 1)) * x).requires_grad_()
        total += torch.autograd.grad(net(points)[:, target].sum(), points)[0].sum(0, keepdim=True)
    return (total / steps * x).numpy()


def measured(kind: str) -> list[str]:
    net, rows = nets.trained(kind)
    net = net.double()
    taken, gaps, by_row, by_element = [], [], [], []
    for x in rows[:40].double().split(1):
        e = pellucid.IntegratedGradients()(net, x)
        truth = reference(net, x, int(e.target[0]))
        error, half = np.abs(e.values - truth), e.quality.half_width
        taken.append(e.quality.grads)
        gaps.append(abs(e.residual[0] / (e.output[0] - e.base[0])))
        by_row.append(np.linalg.norm(error) <= np.linalg.norm(half))
        by_element.append(np.mean(error <= half))
    return [
        kind,
        f"{np.median(taken):.0f} / {max(taken)}",
        f"{np.mean(np.array(taken) <= 20):.2f}",
        f"{100 * max(gaps):.2f} %",
        f"{np.mean(by_row):.2f}",
        f"{np.mean(by_element):.3f}",
    ]


if __name__ == "__main__":
    head = [
        "",
        "gradients: median / most",
        "share <= 20",
        "worst completeness error",
        "rows covered",
        "elements covered",
    ]
    print(
        table("Integrated gradients by default, 40 rows a network", head, [measured(kind) for kind in KINDS])
    )
