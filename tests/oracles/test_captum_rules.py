"""DeepLIFT, Deep SHAP, guided backpropagation and deconvolution equal captum's where captum is right.

captum hooks modules, so it is right where every activation is a module of its own that is called once, and, with
max pooling behind a ReLU, where the baseline makes constant feature maps. Relative differences are against the
largest value of the answer: 1e-6 in float32, 1e-12 in float64; a smooth activation subtracts two near values, which
costs both libraries digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid
from tests import nets

captum = pytest.importorskip("captum.attr")
pytestmark = [
    pytest.mark.oracle,
    pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning"),
    pytest.mark.filterwarnings("ignore:Setting forward, backward hooks"),
    pytest.mark.filterwarnings("ignore:Setting backward hooks"),
    pytest.mark.filterwarnings("ignore:Input Tensor"),
]

N = 9
TARGETS = torch.tensor([2, 0, 3, 1, 2, 2, 0, 3, 1])


def conv(*middle: nn.Module, width: int) -> nn.Module:
    head = [nn.Flatten(), nn.Linear(width, 16), nn.ReLU(), nn.Linear(16, 4)]
    return nn.Sequential(nn.Conv2d(2, 6, 3), nn.ReLU(), *middle, *head)


class Residual(nn.Module):
    """A skip connection over modules of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(2 if i == 0 else 4, 4, 3, padding=1) for i in range(3))
        self.r1, self.r2, self.r3 = nn.ReLU(), nn.ReLU(), nn.ReLU()
        self.norm, self.fc = nn.BatchNorm2d(4), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.r1(self.norm(self.a(x)))
        h = self.r3(h + self.c(self.r2(self.b(h))))
        return self.fc(h.mean((2, 3)))


NETS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "mlp": (
        lambda: nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 7), nn.ReLU(), nn.Linear(7, 4)),
        (6,),
    ),
    "cnn": (lambda: conv(nn.Conv2d(6, 4, 3), nn.ReLU(), width=64), (2, 8, 8)),
    "averaged": (lambda: conv(nn.AvgPool2d(2), nn.Conv2d(6, 4, 2), nn.ReLU(), width=16), (2, 8, 8)),
    "residual": (Residual, (2, 8, 8)),
}
POOLED = lambda: conv(nn.MaxPool2d(2), nn.Conv2d(6, 4, 2), nn.ReLU(), width=16)  # noqa: E731
SMOOTH = lambda act: nn.Sequential(nn.Linear(6, 9), act(), nn.Linear(9, 7), act(), nn.Linear(7, 4))  # noqa: E731


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    return request.param


def equal(e: pellucid.Attribution, theirs: torch.Tensor, limit: float = 1e-6) -> None:
    theirs = theirs.detach()
    difference = np.abs(e.values - theirs.numpy()).max() / theirs.abs().max().item()
    assert difference <= (limit if theirs.dtype == torch.float32 else 1e-6 * limit)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("start", ["zeros", "a row for each"])
def test_deep_lift(name, start, dtype):
    make, shape = NETS[name]
    net, x = nets.seeded(make, dtype=dtype), nets.rows(N, *shape, dtype=dtype)
    baseline = torch.zeros_like(x) if start == "zeros" else nets.rows(N, *shape, seed=5, dtype=dtype)
    e = pellucid.DeepLift()(net, x, target=TARGETS, baseline=baseline)
    equal(e, captum.DeepLift(net).attribute(x, baseline, target=TARGETS))


@pytest.mark.parametrize("act", [nn.Tanh, nn.Sigmoid, nn.ELU, nn.Softplus, nn.LeakyReLU])
def test_deep_lift_of_smooth_activations(act, dtype):
    net, x = nets.seeded(lambda: SMOOTH(act), dtype=dtype), nets.rows(N, 6, dtype=dtype)
    baseline = nets.rows(N, 6, seed=5, dtype=dtype)
    e = pellucid.DeepLift()(net, x, target=TARGETS, baseline=baseline)
    equal(e, captum.DeepLift(net).attribute(x, baseline, target=TARGETS), limit=5e-5)


@pytest.mark.parametrize("constant", [0.0, 0.5, -1.0])
def test_deep_lift_through_max_pooling_from_a_constant(constant, dtype):
    net, x = nets.seeded(POOLED, dtype=dtype), nets.rows(N, 2, 8, 8, dtype=dtype)
    baseline = torch.full_like(x, constant)
    e = pellucid.DeepLift()(net, x, target=TARGETS, baseline=baseline)
    equal(e, captum.DeepLift(net).attribute(x, baseline, target=TARGETS))


@pytest.mark.parametrize("name", NETS)
def test_deep_shap(name, dtype):
    make, shape = NETS[name]
    net, x = nets.seeded(make, dtype=dtype), nets.rows(N, *shape, dtype=dtype)
    background = nets.rows(7, *shape, seed=5, dtype=dtype)
    e = pellucid.DeepShap()(net, x, target=TARGETS, background=background)
    equal(e, captum.DeepLiftShap(net).attribute(x, background, target=TARGETS))


@pytest.mark.parametrize("name", [*NETS, "pooled"])
@pytest.mark.parametrize("method", ["GuidedBackprop", "Deconvolution"])
@pytest.mark.parametrize("batch", [1, 4, None], ids=["by 1", "by 4", "automatic"])
def test_guided_backpropagation_and_deconvolution(name, method, batch, dtype):
    make, shape = NETS.get(name, (POOLED, (2, 8, 8)))
    net, x = nets.seeded(make, dtype=dtype), nets.rows(N, *shape, dtype=dtype)
    with pellucid.options(batch_size=batch):
        e = getattr(pellucid, method)()(net, x, target=TARGETS)
    equal(e, getattr(captum, method)(net).attribute(x.clone().requires_grad_(), target=TARGETS))


def test_where_captum_is_wrong():
    """The same network, once with functions for its activations: captum changes its answer, we do not."""

    class Functional(nn.Module):
        def __init__(self, net: nn.Sequential) -> None:
            super().__init__()
            self.a, self.b, self.c = net[0], net[2], net[4]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.c(torch.relu(self.b(torch.relu(self.a(x)))))

    net = nets.seeded(NETS["mlp"][0], dtype=torch.float64)
    x, baseline = nets.rows(N, 6, dtype=torch.float64), nets.rows(N, 6, seed=5, dtype=torch.float64)
    ours = pellucid.DeepLift()(net, x, target=1, baseline=baseline)
    again = pellucid.DeepLift()(Functional(net), x, target=1, baseline=baseline)
    np.testing.assert_allclose(again.values, ours.values, atol=1e-14)
    theirs = captum.DeepLift(Functional(net)).attribute(x, baseline, target=1).detach().numpy()
    assert np.abs(theirs - ours.values).max() > 0.01 * np.abs(ours.values).max()
