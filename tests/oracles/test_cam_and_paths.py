"""Class activation maps equal pytorch-grad-cam's, where it is installed; path methods at layers equal captum's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import pellucid
from tests import nets

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning"),
    pytest.mark.filterwarnings("ignore:Setting forward, backward hooks"),
]

TARGETS = [4, 0, 3, 1]


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    return nets.seeded(nets.Residual, dtype=torch.float64)


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return nets.rows(4, 2, 8, 8, dtype=torch.float64)


@pytest.fixture(scope="module")
def baseline() -> torch.Tensor:
    return nets.rows(4, 2, 8, 8, seed=5, dtype=torch.float64)


def equal(ours: np.ndarray, theirs: Any, limit: float) -> None:
    theirs = np.asarray(theirs.detach() if hasattr(theirs, "detach") else theirs)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= limit * np.abs(theirs).max()


# -- captum ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["stem", "conv2", "head", "fc1"])
def test_internal_influence(net, x, baseline, layer):
    captum = pytest.importorskip("captum.attr")
    e = pellucid.InternalInfluence(steps=32)(net, x, target=TARGETS, baseline=baseline, at=layer)
    theirs = captum.InternalInfluence(net, net.get_submodule(layer)).attribute(
        x, baseline, target=torch.tensor(TARGETS), n_steps=32, method="riemann_middle"
    )
    equal(e.values, theirs, 1e-10)


@pytest.mark.parametrize("layer", ["stem", "conv2", "head", "fc1"])
def test_conductance(net, x, baseline, layer):
    """captum's rule takes the gradient at one end of each interval: with 2000 of them it comes within 0.2 %."""
    captum = pytest.importorskip("captum.attr")
    e = pellucid.Conductance(steps=256)(net, x, target=TARGETS, baseline=baseline, at=layer)
    theirs = captum.LayerConductance(net, net.get_submodule(layer)).attribute(
        x, baseline, target=torch.tensor(TARGETS), n_steps=2000, method="riemann_trapezoid"
    )
    equal(e.values, theirs, 2e-3)


def test_expected_gradients(net, x):
    """captum draws other rows and places (and adds no noise here): the averages differ by what both errors allow."""
    captum = pytest.importorskip("captum.attr")
    background = nets.rows(6, 2, 8, 8, seed=3, dtype=torch.float64)
    e = pellucid.ExpectedGradients(samples=800)(net, x, target=TARGETS, background=background)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        state = np.random.get_state()  # noqa: NPY002  # captum draws its background rows from the global stream
        np.random.seed(3)  # noqa: NPY002
        theirs = captum.GradientShap(net).attribute(
            x, background, n_samples=800, stdevs=0.0, target=torch.tensor(TARGETS)
        )
        np.random.set_state(state)  # noqa: NPY002
    inside = np.abs(e.values - theirs.detach().numpy()) <= 2**0.5 * e.quality.half_width
    assert inside.mean() >= 0.9


@pytest.mark.parametrize("layer", ["relu1", "conv2", "relu2"])
def test_guided_grad_cam(layer):
    captum = pytest.importorskip("captum.attr")
    net, x = nets.seeded(nets.Pooled, dtype=torch.float64), nets.rows(4, 1, 8, 8, dtype=torch.float64)
    e = pellucid.GuidedGradCAM()(net, x, target=TARGETS, at=layer)
    theirs = captum.GuidedGradCam(net, net.get_submodule(layer)).attribute(
        x.clone().requires_grad_(True), target=torch.tensor(TARGETS), interpolate_mode="bilinear"
    )
    equal(e.values, theirs, 1e-10)


# -- pytorch-grad-cam -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "GradCAM",
        "GradCAMPlusPlus",
        "HiResCAM",
        "XGradCAM",
        "LayerCAM",
        "EigenCAM",
        "ScoreCAM",
        "AblationCAM",
    ],
)
def test_class_activation_maps(name, monkeypatch):
    """The maps before its scaling to 0..1, on a layer of the input's size after a ReLU, within 1e-5.

    It leaves Eigen-CAM's sign to the decomposition, divides Ablation-CAM's weights by the score, and adds 1e-6 to
    Grad-CAM++'s denominators, which is nothing only where gradients are large (here they are made so).
    """
    peer = pytest.importorskip("pytorch_grad_cam")
    outputs = pytest.importorskip("pytorch_grad_cam.utils.model_targets")
    net, x = nets.seeded(nets.Pooled, dtype=torch.float64), nets.rows(4, 1, 8, 8, dtype=torch.float64)
    if name == "GradCAMPlusPlus":
        with torch.no_grad():
            net.fc.weight *= 1e4
    kept: list[np.ndarray] = []
    with getattr(peer, name)(model=net, target_layers=[net.relu2]) as cam:
        plain = cam.get_cam_image
        monkeypatch.setattr(cam, "get_cam_image", lambda *a, **k: kept.append(plain(*a, **k)) or kept[-1])
        cam(input_tensor=x, targets=[outputs.ClassifierOutputTarget(t) for t in TARGETS])
    e = getattr(pellucid, name)(relu=False)(net, x, target=TARGETS, at="relu2")
    ours, theirs = e.values, np.asarray(kept[0]).reshape(e.values.shape)
    if name == "EigenCAM":
        theirs = theirs * np.sign((ours * theirs).sum((1, 2), keepdims=True))
    if name == "AblationCAM":
        theirs = theirs * e.output[:, None, None]
    equal(ours, theirs, 1e-5)
