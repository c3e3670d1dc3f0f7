"""LRP equals zennit's composites on convolutional networks, within 1e-5 of the largest relevance.

zennit knows modules, and needs what it cannot see written as modules: batch normalisation merged beforehand, sums in a
module of its own. It starts with a relevance of 1, pellucid with the output.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid
from tests import nets

pytest.importorskip("zennit.composites", exc_type=ImportError)  # it imports torchvision
from zennit import canonizers, composites
from zennit.attribution import Gradient
from zennit.layer import Sum

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")]

TARGETS = torch.tensor([1, 2, 3])


def plain() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(12 * 16, 20),
        nn.ReLU(),
        nn.Linear(20, 5),
    )


def vgg() -> nn.Module:
    layers: list[nn.Module] = []
    for a, b in ((3, 8), (8, 12), (12, 12)):
        norm = nn.BatchNorm2d(b)
        nn.init.normal_(norm.running_mean, 0, 0.2)
        nn.init.uniform_(norm.running_var, 0.5, 1.5)
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, 0, 0.1)
        layers += [nn.Conv2d(a, b, 3, padding=1), norm, nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(12 * 4, 5))


class Skips(nn.Module):
    """Two residual blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.convs = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(4))
        self.relus = nn.ModuleList(nn.ReLU() for _ in range(5))
        self.sums = nn.ModuleList(Sum() for _ in range(2))
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relus[0](self.stem(x))
        for i in range(2):
            out = self.convs[2 * i + 1](self.relus[2 * i + 1](self.convs[2 * i](x)))
            x = self.relus[2 * i + 2](self.sums[i](torch.stack([x, out], dim=-1)))
        return self.fc(self.pool(x).flatten(1))


def strong(make: Callable[[], nn.Module]) -> nn.Module:
    """With as much signal as a trained network has: what zennit adds to the denominators of sums must not show."""
    net = nets.seeded(make, dtype=torch.float64)
    with torch.no_grad():
        for m in net.modules():
            if isinstance(m, nn.Conv2d | nn.Linear):
                m.weight *= 6
                m.bias *= 6
    return net


NETS: dict[str, tuple[Callable[[], nn.Module], list[Any]]] = {
    "plain": (plain, []),
    "vgg_bn": (vgg, [canonizers.SequentialMergeBatchNorm()]),
    "skips": (Skips, []),
}
COMPOSITES = {
    "EpsilonPlus": (composites.EpsilonPlus, {}, "epsilon_plus"),
    "EpsilonPlusFlat": (composites.EpsilonPlusFlat, {}, "epsilon_plus_flat"),
    "EpsilonAlpha2Beta1": (composites.EpsilonAlpha2Beta1, {}, "epsilon_alpha2_beta1"),
    "EpsilonGammaBox": (
        composites.EpsilonGammaBox,
        {"low": -3.0, "high": 3.0},
        pellucid.EpsilonGammaBox(low=-3, high=3),
    ),
}


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("name", COMPOSITES)
def test_composites(kind, name):
    make, canon = NETS[kind]
    net, x = strong(make), nets.rows(3, 3, 16, 16, seed=1, dtype=torch.float64)
    theirs, how, ours = COMPOSITES[name]
    e = pellucid.LRP(composite=ours)(net, x, target=TARGETS)
    hot = torch.nn.functional.one_hot(TARGETS, 5).to(x)
    with Gradient(net, theirs(canonizers=canon, **how)) as attributor:
        _, relevance = attributor(x.clone(), hot)
    mine = e.values / e.output[:, None, None, None]
    assert np.abs(mine - relevance.detach().numpy()).max() <= 1e-5 * relevance.abs().max()
