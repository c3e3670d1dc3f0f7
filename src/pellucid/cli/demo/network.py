"""The demo's network, in PyTorch; imported only where torch is known to be there."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import cross_entropy, max_pool2d, relu

from pellucid.core.types import NpArray


class DigitNet(nn.Module):
    """Three convolutions, two dense layers; functional activations, as people write them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.conv3 = nn.Conv2d(24, 32, 3, padding=1)
        self.dense1 = nn.Linear(32 * 4 * 4, 64)
        self.dense2 = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 1, 32, 32) -> (n, 10) logits."""
        x = max_pool2d(relu(self.conv1(x)), 2)
        x = max_pool2d(relu(self.conv2(x)), 2)
        x = max_pool2d(relu(self.conv3(x)), 2)
        return self.dense2(relu(self.dense1(x.flatten(1))))


def train(x: NpArray, y: NpArray, *, seed: int, epochs: int, batch: int) -> DigitNet:
    """A network trained by Adam, with decay and smoothed labels, so that classes lie apart within it.

    The caller's random numbers are left where they were.
    """
    images, labels = torch.from_numpy(x), torch.from_numpy(y).long()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = DigitNet()
        optimiser = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=0.1)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
        for _ in range(epochs):
            for rows in torch.randperm(len(images)).split(batch):
                optimiser.zero_grad()
                cross_entropy(net(images[rows]), labels[rows], label_smoothing=0.1).backward()
                optimiser.step()
            schedule.step()
    return net.eval()


def probabilities(net: DigitNet, x: NpArray) -> NpArray:
    """(n, 1, 32, 32) -> (n, 10) probabilities."""
    with torch.no_grad():
        return net(torch.from_numpy(x)).softmax(1).numpy()
