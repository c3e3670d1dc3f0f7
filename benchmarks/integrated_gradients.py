"""Integrated gradients against captum: time and peak memory, on one image through a ResNet-18 and on an MLP.

Run: python benchmarks/integrated_gradients.py
"""

from __future__ import annotations

from measure import interleaved, one_thread, peak_memory, ratio, table

one_thread()

import warnings

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import pellucid

warnings.simplefilter("ignore")


class Block(nn.Module):
    """Two 3x3 convolutions and a skip connection."""

    def __init__(self, inside: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.norm2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        same = stride == 1 and inside == out
        self.skip = nn.Identity() if same else nn.Conv2d(inside, out, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(h)) + self.skip(x))


def resnet18() -> nn.Module:
    """A network of ResNet-18's size, 11 million parameters."""
    torch.manual_seed(0)
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    plan = [
        (64, 64, 1),
        (64, 64, 1),
        (64, 128, 2),
        (128, 128, 1),
        (128, 256, 2),
        (256, 256, 1),
        (256, 512, 2),
    ]
    blocks = [Block(*sizes) for sizes in [*plan, (512, 512, 1)]]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000)).eval()


def mlp() -> nn.Module:
    """A table's network, 30-128-128-3."""
    torch.manual_seed(0)
    sizes = [nn.Linear(30, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 3)]
    return nn.Sequential(*sizes).eval()


def ours(net: nn.Module, x: torch.Tensor, steps: int | None = 50):
    return lambda: pellucid.IntegratedGradients(steps=steps)(net, x, target=0)


def theirs(net: nn.Module, x: torch.Tensor, steps: int = 50):
    from captum.attr import IntegratedGradients

    return lambda: IntegratedGradients(net).attribute(x, target=0, n_steps=steps)


def bare(net: nn.Module, x: torch.Tensor, steps: int = 50):
    """The gradients themselves, in one batch, without any library."""

    def run() -> torch.Tensor:
        nodes = (torch.arange(steps) + 0.5) / steps
        points = (nodes.reshape(-1, *(1,) * x.ndim) * x).flatten(0, 1).requires_grad_()
        return torch.autograd.grad(net(points)[:, 0].sum(), points)[0].unflatten(0, (steps, -1)).mean(0) * x

    return run


def memory() -> str:
    image = torch.randn(1, 3, 224, 224)
    rows = []
    reference = peak_memory(lambda: theirs(resnet18(), image))
    for name, build in {
        "captum, 50 steps (its default)": lambda: theirs(resnet18(), image),
        "pellucid, 50 steps": lambda: ours(resnet18(), image),
        "pellucid, 200 steps": lambda: ours(resnet18(), image, 200),
        "pellucid, 800 steps": lambda: ours(resnet18(), image, 800),
        "pellucid, to tolerance (its default)": lambda: ours(resnet18(), image, None),
    }.items():
        peak = reference if name.startswith("captum") else peak_memory(build)
        rows.append([name, f"{peak:.0f}", f"{peak / reference:.2f}"])
    return table("Peak memory, one 3x224x224 image, ResNet-18-sized", ["", "MiB", "to captum"], rows)


def times() -> str:
    rows = []
    for name, net, x, rounds in (
        ("ResNet-18, one image", resnet18(), torch.randn(1, 3, 224, 224), 5),
        ("MLP, one row", mlp(), torch.randn(1, 30), 300),
        ("MLP, 256 rows", mlp(), torch.randn(256, 30), 15),
    ):
        rivals = {
            "pellucid": ours(net, x),
            "default": ours(net, x, None),
            "captum": theirs(net, x),
            "bare": bare(net, x),
        }
        if x.ndim == 4:
            rivals.pop("default")
        seconds = interleaved(rivals, rounds)
        pairs = [("pellucid", "captum"), ("pellucid", "bare"), ("default", "captum")]
        row = [name, f"{1e3 * np.median(seconds['captum']):.2f}"]
        for ours_, to in pairs:
            found = ratio(seconds[ours_], seconds[to]) if ours_ in seconds else None
            row.append("" if found is None else f"{found[0]:.2f} ({found[1]:.2f}-{found[2]:.2f})")
        rows.append(row)
    head = ["", "captum, ms", "to captum", "to bare torch", "to tolerance, to captum"]
    return table("CPU time of 50 steps: median ratio (quartiles)", head, rows)


if __name__ == "__main__":
    print(memory())
    print(times())
