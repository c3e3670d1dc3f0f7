"""Gradient methods and occlusion equal slow re-implementations from their papers, in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pellucid
from tests import nets
from tests.twins import gradients as twin
from tests.twins.occlusion import occlusion

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")

TARGETS = [4, 0, 3, 1, 2]


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    return nets.seeded(nets.Residual, dtype=torch.float64)


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return nets.rows(5, 2, 8, 8, dtype=torch.float64)


def close(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    assert np.abs(ours - theirs).max() <= 1e-10 * np.abs(theirs).max()


@pytest.mark.parametrize("batch_size", [None, 1, 2])
def test_saliency(net, x, batch_size):
    """Signed and absolute."""
    with pellucid.options(batch_size=batch_size):
        signed = pellucid.Saliency()(net, x, target=TARGETS)
        absolute = pellucid.Saliency(absolute=True)(net, x, target=TARGETS)
    theirs = twin.saliency(net, x, TARGETS)
    close(signed.values, theirs)
    close(absolute.values, np.abs(theirs))
    assert signed.quality.exact


def test_predicted_class_is_the_default(net, x):
    """Without a target each row's predicted class is explained, and named."""
    predicted = net(x).argmax(1)
    e = pellucid.Saliency()(net, x)
    close(e.values, twin.saliency(net, x, predicted))
    assert e.target == tuple(str(int(c)) for c in predicted)


def test_input_x_gradient(net, x):
    close(pellucid.InputXGradient()(net, x, target=TARGETS).values, twin.input_x_gradient(net, x, TARGETS))


@pytest.mark.parametrize("steps", [1, 2, 7, 32])
def test_integrated_gradients(net, x, steps):
    """A fixed number of steps is the midpoint rule."""
    baseline = nets.rows(5, 2, 8, 8, seed=3, dtype=torch.float64)
    e = pellucid.IntegratedGradients(steps=steps)(net, x, target=TARGETS, baseline=baseline)
    close(e.values, twin.integrated_gradients(net, x, baseline, TARGETS, steps))


@pytest.mark.parametrize("reduce", ["mean", "square", "variance"])
@pytest.mark.parametrize("batch_size", [None, 3])
def test_noise_tunnel(net, x, reduce, batch_size):
    """SmoothGrad, SmoothGrad² and VarGrad on the very noise that the seed and the row's number give."""
    with pellucid.options(seed=11, batch_size=batch_size) as run:
        method = pellucid.NoiseTunnel(samples=6, noise=0.2, reduce=reduce)
        e = method(net, x, target=TARGETS)
        extent = (x.flatten(1).amax(1) - x.flatten(1).amin(1)).numpy()
        draws = [
            run.generator(row).standard_normal((6, 2, 8, 8)) * (0.2 * extent[row]) for row in range(len(x))
        ]
    close(e.values, twin.smooth_grad(net, x, TARGETS, np.stack(draws, 1), reduce))


@pytest.mark.parametrize("layer", ["stem", "conv2", "head"])
@pytest.mark.parametrize("relu", [True, False])
def test_grad_cam(net, x, layer, relu):
    ours = pellucid.GradCAM(relu=relu)(net, x, target=TARGETS, at=layer)
    theirs = twin.grad_cam(net, getattr(net, layer), x, TARGETS, relu)
    close(ours.values, theirs)
    assert ours.at == layer


def test_grad_cam_takes_the_last_convolution(net, x):
    e = pellucid.GradCAM()(net, x, target=TARGETS)
    assert e.at == "head"
    close(e.values, twin.grad_cam(net, net.head, x, TARGETS))


@pytest.mark.parametrize(
    ("window", "strides"),
    [((2, 2, 2), (2, 2, 2)), ((1, 3, 3), (1, 2, 2)), ((2, 4, 3), (2, 1, 2)), ((1, 8, 8), (1, 8, 8))],
)
def test_occlusion(net, x, window, strides):
    """Windows that tile, that overlap, and that hang over the edge."""
    ours = pellucid.Occlusion(window=window, strides=strides)(net, x[:2], target=TARGETS[:2], baseline=0.5)
    close(ours.values, occlusion(net, x[:2], TARGETS[:2], window, strides, 0.5))
