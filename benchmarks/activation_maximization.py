"""What activation maximisation costs beside the bare forward and backward passes that it asks for.

A network of ResNet-18's size at 224 x 224, four pictures climbed at once. The bare passes are those that the climb
counts: as many gradients with respect to the input, and as many forward passes, on the same rows and in equal batches.

Run: python benchmarks/activation_maximization.py
"""

from __future__ import annotations

from measure import interleaved, one_thread, ratio, table

one_thread()

import warnings

import torch
from torch import nn
from torch.nn import functional as F

import pellucid

warnings.simplefilter("ignore")

STEPS, TARGETS, ROWS, SIDE = 20, (3, 7), 16, 224


class Block(nn.Module):
    """Two convolutions with a way past them."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out)
        self.past = nn.Sequential()
        if stride > 1 or channels != out:
            self.past = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.past(x))


def resnet18() -> nn.Module:
    """A network of the shape and size of ResNet-18, 11.7 million numbers."""
    widths = ((64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1))
    widths += ((128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1))
    stem = (nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))
    return nn.Sequential(*stem, *(Block(*w) for w in widths), *head).eval()


def main() -> None:
    torch.manual_seed(0)
    net, data = resnet18(), torch.rand(ROWS, 3, SIDE, SIDE)
    method = pellucid.ActivationMaximization(steps=STEPS, pictures=2)
    targets = [*TARGETS]
    counted = method(net, data, target=targets).quality
    rows = torch.rand(len(targets) * method.pictures, 3, SIDE, SIDE)

    def bare() -> None:
        for _ in range(counted.grads // len(rows)):
            x = rows.clone().requires_grad_(True)
            torch.autograd.grad(net(x)[:, 3].sum(), x)
        with torch.no_grad():
            for _ in range(counted.evals // len(rows)):
                net(rows)

    times = interleaved({"bare": bare, "climb": lambda: method(net, data, target=targets)}, rounds=5)
    middle, low, high = ratio(times["climb"], times["bare"])
    line = [
        f"{counted.grads} gradients, {counted.evals} passes",
        f"{times['bare'].min():.2f} s",
        f"{times['climb'].min():.2f} s",
        f"{middle:.2f} ({low:.2f}-{high:.2f})",
    ]
    head = ["what was asked", "bare passes", "ActivationMaximization", "times the bare passes"]
    print(
        table(f"ResNet-18 at {SIDE} x {SIDE}, {len(rows)} pictures; torch {torch.__version__}", head, [line])
    )


if __name__ == "__main__":
    main()
