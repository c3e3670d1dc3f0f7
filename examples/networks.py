"""The two networks that the other examples look into: digits, and patches of photographs in CIFAR-10's shape."""

import numpy as np
import torch
from sklearn.datasets import load_sample_images
from torch import nn
from torch.nn import functional as F

from pellucid.cli.demo.train import digits


class PatchNet(nn.Module):
    """Three convolutions and two dense layers for 3 x 32 x 32 images."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 24, 5, padding=2)
        self.conv2 = nn.Conv2d(24, 32, 3, padding=1)
        self.conv3 = nn.Conv2d(32, 48, 3, padding=1)
        self.fc1 = nn.Linear(48 * 16, 64)
        self.fc2 = nn.Linear(64, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for conv in (self.conv1, self.conv2, self.conv3):
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def patches(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Patches of two photographs, and in which of eight regions of them they lie."""
    rng = np.random.default_rng(seed)
    photos = np.stack(load_sample_images().images).astype(np.float32)[:, :416] / 255
    photo, row, column = (rng.integers(0, k, count) for k in (2, 385, 609))
    x = np.stack([photos[p, r : r + 32, c : c + 32] for p, r, c in zip(photo, row, column, strict=True)])
    return x.transpose(0, 3, 1, 2).copy(), photo * 4 + (row > 192) * 2 + (column > 304)


def patch_network(steps: int = 300) -> PatchNet:
    """Trained to tell the regions apart."""
    torch.manual_seed(0)
    net, (x, y) = PatchNet(), map(torch.tensor, patches(4000))
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(steps):
        rows = torch.randint(0, len(x), (64,))
        optimiser.zero_grad()
        F.cross_entropy(net(x[rows] - 0.5), y[rows]).backward()
        optimiser.step()
    return net.eval()


def digit_network():
    """The demo's network and the digits it never saw: (network, images, classes)."""
    trained = digits(seed=0)
    return trained.model, trained.X, trained.y
