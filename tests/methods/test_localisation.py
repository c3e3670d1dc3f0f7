"""On a trained network, maps lie on the digit they are asked about, and do not outlive the network's head.

Mosaics of four digits, asked about the class of each tile in turn: chance is a quarter. The head is drawn anew as in
Adebayo et al. (2018), Sanity Checks for Saliency Maps, and the maps compared by Spearman's rank correlation.
"""

from __future__ import annotations

import pickle
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import rankdata
from torch import nn

import pellucid
from tests import nets
from tests.mosaics import mosaics, share

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")

METHODS: dict[str, Any] = {
    "grad-cam": pellucid.GradCAM(),
    "hires-cam": pellucid.HiResCAM(),
    "lrp": pellucid.LRP(composite="epsilon_plus_flat"),
}
HEADS = 20


class Quarters(nn.Sequential):
    """Which digits are in a mosaic: (n, 1, 32, 32) -> (n, 10).

    The head reads the mean of each quarter with weights of its own, so that the gradient differs between places and
    Grad-CAM from HiResCAM. After a global mean the two are one map, and a global maximum leaves HiResCAM places that
    are the same under any head.
    """

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        for a, b, stride in ((1, 16, 2), (16, 32, 1), (32, 48, 1), (48, 48, 1)):
            layers += [nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
            layers += [nn.MaxPool2d(2)] if stride == 2 else []
        super().__init__(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * 48, 10))


class Seen(NamedTuple):
    """The trained network, and rows of mosaics it has not seen: every tile of each is asked about once."""

    net: nn.Module
    images: torch.Tensor
    tile: np.ndarray
    target: torch.Tensor
    accuracy: float


def drawn(digits: torch.Tensor, labels: torch.Tensor, n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mosaics of tiles of 16 x 16, every pixel of a digit doubled."""
    images, classes = mosaics(digits, labels, n, seed)
    return images.repeat_interleave(2, 2).repeat_interleave(2, 3), classes


@pytest.fixture(scope="module")
def seen() -> Seen:
    x, y = nets.digits()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    fit, held = order[:1400], order[1400:]
    images, classes = drawn(x[fit], y[fit], 1500, seed=1)
    truth = torch.zeros(len(images), 10).scatter_(1, classes, 1.0)
    net = nets.seeded(Quarters).train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
        for _ in range(10):
            for part in torch.randperm(len(images)).split(50):
                optimiser.zero_grad()
                F.binary_cross_entropy_with_logits(net(images[part]), truth[part]).backward()
                optimiser.step()
    optimiser.zero_grad()
    net.eval()
    images, classes = drawn(x[held], y[held], 50, seed=5)
    with torch.no_grad():
        found = net(images).topk(4).indices
    accuracy = (found[:, :, None] == classes[:, None]).any(2).double().mean().item()
    return Seen(net, images.repeat_interleave(4, 0), np.tile(np.arange(4), 50), classes.flatten(), accuracy)


def alike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of each row's two maps; NaN where one of them is constant."""
    ranks = [rankdata(v.reshape(len(v), -1), axis=1) for v in (a, b)]
    p, q = (r - r.mean(1, keepdims=True) for r in ranks)
    size = np.sqrt((p**2).sum(1) * (q**2).sum(1))
    return np.divide((p * q).sum(1), size, out=np.full(len(p), np.nan), where=size > 0)


def test_the_network_sees_the_digits(seen):
    assert seen.accuracy >= 0.9


@pytest.mark.parametrize("name", METHODS)
def test_the_map_lies_on_the_digit_asked_about(name, seen):
    values = METHODS[name](seen.net, seen.images, target=seen.target).values
    assert share(values, seen.tile) >= 0.65


@pytest.mark.parametrize("name", METHODS)
def test_the_map_does_not_outlive_the_head(name, seen):
    values = METHODS[name](seen.net, seen.images, target=seen.target).values
    correlations = []
    for seed in range(HEADS):
        other = pickle.loads(pickle.dumps(seen.net))
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            other[-1].reset_parameters()
        correlations.append(alike(values, METHODS[name](other, seen.images, target=seen.target).values))
    assert np.isnan(correlations).mean() <= 0.05  # a map of nothing resembles nothing, but it must be rare
    assert abs(np.nanmean(correlations)) <= 0.15


def test_the_three_are_three_maps(seen):
    """What one of them shows is not simply what another shows: each of the bars above is a bar of its own."""
    grad, hires = (
        METHODS[n](seen.net, seen.images, target=seen.target).values for n in ("grad-cam", "hires-cam")
    )
    assert np.abs(grad - hires).max() > 0.01 * np.abs(hires).max()
