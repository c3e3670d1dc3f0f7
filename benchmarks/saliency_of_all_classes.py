"""Saliency of all ten classes of a small convolutional network, against one gradient, and against captum's loop.

The row is passed once per class, each with its own target, so one batch answers all. Run:
python benchmarks/saliency_of_all_classes.py
"""

from __future__ import annotations

from measure import interleaved, one_thread, ratio, table

one_thread()

import warnings

import torch
from torch import nn

import pellucid

warnings.simplefilter("ignore")


def network() -> nn.Module:
    """A network for 32x32 images, ten classes."""
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(64, 10),
        ),
    ).eval()


def captum_loop(net: nn.Module, x: torch.Tensor) -> None:
    from captum.attr import Saliency

    for target in range(10):
        Saliency(net).attribute(x, target=target, abs=False)


if __name__ == "__main__":
    net, x = network(), torch.randn(1, 3, 32, 32)
    method, classes = pellucid.Saliency(), torch.arange(10)
    seconds = interleaved(
        {
            "ten": lambda: method(net, x.expand(10, -1, -1, -1), target=classes),
            "one": lambda: method(net, x, target=0),
            "captum": lambda: captum_loop(net, x),
        },
        40,
    )
    rows = []
    for rival, label in (("one", "to one gradient"), ("captum", "to captum, class by class")):
        middle, low, high = ratio(seconds["ten"], seconds[rival])
        rows.append([label, f"{middle:.2f} ({low:.2f}-{high:.2f})"])
    print(
        table("Saliency of ten classes, 3x32x32: median ratio of CPU time (quartiles)", ["", "ratio"], rows)
    )
