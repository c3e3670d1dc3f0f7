"""Class activation maps: their slow twins in double precision, what must hold for any network, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid
from pellucid.core.errors import CapabilityError, LayerError, ParameterError
from pellucid.core.features import Pixels
from pellucid.methods.gradient.enlarge import hats
from tests import nets
from tests.twins import cams as twin

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")

TARGETS = [4, 0, 3]
BY_GRADIENT: dict[type, Any] = {
    pellucid.GradCAM: twin.grad_cam,
    pellucid.GradCAMPlusPlus: twin.grad_cam_plus_plus,
    pellucid.HiResCAM: twin.hires_cam,
    pellucid.XGradCAM: twin.x_grad_cam,
    pellucid.LayerCAM: twin.layer_cam,
    pellucid.EigenCAM: twin.eigen_cam,
}
BY_PASSES: dict[type, Any] = {pellucid.ScoreCAM: twin.score_cam, pellucid.AblationCAM: twin.ablation_cam}
ALL = [*BY_GRADIENT, *BY_PASSES]
every = pytest.mark.parametrize("cls", ALL, ids=lambda c: c.__name__)


@pytest.fixture(scope="module")
def net() -> nn.Module:
    return nets.seeded(nets.Residual, dtype=torch.float64)


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return nets.rows(3, 2, 8, 8, dtype=torch.float64)


def close(ours: np.ndarray, theirs: np.ndarray, limit: float = 1e-10) -> None:
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= limit * np.abs(theirs).max()


def theirs(cls: type, net: nn.Module, layer: str, x: torch.Tensor, targets: Any) -> np.ndarray:
    place = net.get_submodule(layer)
    if cls in BY_PASSES:
        return BY_PASSES[cls](net, place, x, targets)
    return twin.each(net, place, x, targets, BY_GRADIENT[cls])


# -- the papers' formulas -------------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("layer", ["stem", "conv2", "head"])
@pytest.mark.parametrize("batch_size", [None, 2])
def test_the_twin_gives_the_same(cls, net, x, layer, batch_size):
    """On activations of both signs, with a skip beside `conv2`, with and without the ReLU."""
    expected = theirs(cls, net, layer, x, TARGETS)
    with pellucid.options(batch_size=batch_size):
        signed = cls(relu=False)(net, x, target=TARGETS, at=layer)
        kept = cls()(net, x, target=TARGETS, at=layer)
    close(signed.values, expected)
    close(kept.values, np.maximum(expected, 0))
    assert signed.quality.exact
    assert signed.at == layer


@every
def test_the_twin_gives_the_same_after_a_relu(cls):
    """On activations that are not negative, dead channels among them."""
    net, x = nets.seeded(nets.Pooled, dtype=torch.float64), nets.rows(3, 1, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        net.conv2.bias[:3] = -9.0
    e = cls(relu=False)(net, x, target=TARGETS)
    assert e.at == "relu2"
    assert isinstance(e.features, Pixels)
    close(e.values, theirs(cls, net, "relu2", x, TARGETS))


def test_eigen_cam_without_centring(net, x):
    e = pellucid.EigenCAM(centred=False, relu=False)(net, x, target=TARGETS, at="head")
    formula = lambda a, g: twin.eigen_cam(a, g, centred=False)  # noqa: E731
    close(e.values, twin.each(net, net.head, x, TARGETS, formula))


def test_eigen_cam_is_blind_to_the_class_and_says_so(net, x):
    e, other = (pellucid.EigenCAM()(net, x, target=t) for t in (0, 1))
    np.testing.assert_array_equal(e.values, other.values)
    assert any("knows no class" in note for note in e.provenance.notes)
    assert "evidence" not in e.narrate()


def test_eigen_cam_says_where_two_patterns_are_as_strong():
    """Two channels, alike but for their place: the first component is as good as the second."""
    net = nets.seeded(lambda: nn.Sequential(nn.Conv2d(2, 2, 1, bias=False), nn.Flatten(), nn.Linear(32, 2)))
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(2)[:, :, None, None])
    x = torch.zeros(1, 2, 4, 4)
    x[0, 0, 0] = 1.0
    for second, status, value in ((1.01, "warn", 1 / 1.01), (0.5, "ok", 0.5), (0.0, "ok", 0.0)):
        x[0, 1, 2] = second
        e = pellucid.EigenCAM(centred=False)(net, x, target=1)
        check = next(c for c in e.quality.checks if c.name == "second_pattern")
        assert (check.status, check.value) == (status, pytest.approx(value, abs=1e-5))


def test_only_weights_that_count_are_held_against_grad_cam_plus_plus():
    """After a ReLU a denominator is small only where the gradient is negative, and the weight there is zero."""
    net, x = nets.seeded(nets.Pooled), nets.rows(6, 1, 8, 8)
    with torch.no_grad():
        net.fc.weight *= 1e3
    e = pellucid.GradCAMPlusPlus()(net, x)
    assert next(c for c in e.quality.checks if c.name == "denominator").status == "ok"


def test_cam_in_half_precision():
    """Rounding of the weights is no sign of another network."""
    net = nets.seeded(nets.Pooled, dtype=torch.bfloat16)
    e = pellucid.CAM()(net, nets.rows(2, 1, 8, 8), target=1)
    whole = pellucid.CAM()(nets.seeded(nets.Pooled), nets.rows(2, 1, 8, 8), target=1)
    close(e.values, whole.values, 0.1)


@pytest.mark.parametrize(("cells", "size"), [(4, 8), (3, 8), (7, 224), (5, 5), (1, 6), (8, 3)])
def test_maps_are_enlarged_between_the_centres_of_cells(cells, size):
    values = nets.rows(1, cells, dtype=torch.float64)
    by_torch = nn.functional.interpolate(values[None], size=size, mode="linear", align_corners=False)[0, 0]
    np.testing.assert_allclose(hats(cells, size) @ values[0].numpy(), by_torch.numpy(), atol=1e-12)


# -- what must hold -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_hires_cam_adds_up_where_one_dense_layer_follows(seed):
    """Without biases behind the layer the values are the output, to rounding."""
    made = lambda: nn.Sequential(  # noqa: E731
        nn.Conv2d(1, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 36, 3, bias=False)
    )
    net, x = nets.seeded(made, seed, torch.float64), nets.rows(4, 1, 8, 8, seed=seed, dtype=torch.float64)
    e = pellucid.HiResCAM(relu=False)(net, x, target=1)
    assert e.at == "1"
    np.testing.assert_allclose(e.values.sum((1, 2)), e.output, atol=1e-12)


def test_x_grad_cam_adds_up_like_hires_cam(net, x):
    ours, hires = (c(relu=False)(net, x, target=2) for c in (pellucid.XGradCAM, pellucid.HiResCAM))
    np.testing.assert_allclose(ours.values.sum((1, 2)), hires.values.sum((1, 2)), rtol=1e-9)


@every
def test_a_channel_that_the_network_ignores_counts_for_nothing(cls):
    """Its activations may be anything: but for the maps that look at activations alone."""
    if cls in (pellucid.EigenCAM, pellucid.ScoreCAM):
        pytest.skip("weighs by the activation itself")
    net, x = nets.seeded(nets.Pooled, dtype=torch.float64), nets.rows(2, 1, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        net.fc.weight[:, 4] = 0
    before = cls()(net, x, target=1).values
    with torch.no_grad():
        net.conv2.weight[4] *= 7
    close(cls()(net, x, target=1).values, before, 1e-9)


def test_cam_equals_hires_cam_and_grad_cam():
    """Where CAM is defined they are one map, whose values are the logit less its bias."""
    net, x = nets.seeded(nets.Pooled, dtype=torch.float64), nets.rows(4, 1, 8, 8, dtype=torch.float64)
    cam = pellucid.CAM(relu=False)(net, x, target=[3, 1, 0, 9])
    assert cam.at == "relu2"
    for cls in (pellucid.HiResCAM, pellucid.GradCAM, pellucid.XGradCAM):
        close(cls(relu=False)(net, x, target=[3, 1, 0, 9]).values, cam.values, 1e-12)
    bias = net.fc.bias.detach().numpy()[[3, 1, 0, 9]]
    np.testing.assert_allclose(cam.values.sum((1, 2)), cam.output - bias, atol=1e-12)
    maps = net.relu2(net.conv2(net.relu1(net.conv1(x))))
    by_weights = torch.einsum("nkhw,nk->nhw", maps, net.fc.weight[[3, 1, 0, 9]]) / 64
    close(cam.values, by_weights.detach().numpy())


@every
def test_series_and_tokens(cls):
    """A layer of two axes: channels first for series, last for tokens, and then nothing is laid out on a grid."""
    net = nets.seeded(lambda: nn.Sequential(nn.Conv1d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2)))
    x = nets.rows(2, 3, 10)
    e = cls(channels="first")(net, x, target=1)
    assert e.values.shape == (2, 8)
    assert e.at == "1"


def test_guided_grad_cam_is_the_product_of_both():
    """The guided gradient at the input, times the map enlarged between the centres of its cells."""
    net, x = nets.seeded(nets.Pooled, dtype=torch.float64), nets.rows(3, 1, 8, 8, dtype=torch.float64)
    e = pellucid.GuidedGradCAM()(net, x, target=TARGETS)
    cam = torch.relu(torch.from_numpy(twin.each(net, net.relu2, x, TARGETS, twin.grad_cam)))
    wide = nn.functional.interpolate(cam[:, None], size=(8, 8), mode="bilinear", align_corners=False)
    guided = pellucid.GuidedBackprop()(net, x, target=TARGETS).values
    close(e.values, guided * wide.numpy())
    assert (e.at, e.values.shape) == ("", (3, 1, 8, 8))
    assert "The map was taken at layer relu2." in e.provenance.notes
    coarse = pellucid.GuidedGradCAM()(*nets.trained("pool_cnn"), at="conv2")
    assert coarse.values.shape[1:] == (1, 8, 8)


# -- token grids ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vit() -> nn.Module:
    return nets.seeded(nets.Patches, dtype=torch.float64)


@pytest.fixture(scope="module")
def scans() -> torch.Tensor:
    return nets.rows(3, 1, 8, 12, dtype=torch.float64)


@pytest.mark.parametrize("cls", list(BY_GRADIENT), ids=lambda c: c.__name__)
def test_tokens_are_laid_out_on_the_image(cls, vit, scans):
    """(n, 1 + 6, 16) at a layer of a transformer is the 2 x 3 patches of a 8 x 12 image, the class token left out."""
    formula = BY_GRADIENT[cls]

    def on_grid(a: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        a, g = (t[1:].T.reshape(16, 2, 3) for t in (a, g))
        return formula(a, g)

    at = "encoder.layers.1.norm1"
    e = cls(relu=False)(vit, scans, target=1, at=at)
    close(e.values, twin.each(vit, vit.get_submodule(at), scans, [1] * 3, on_grid))
    assert isinstance(e.features, Pixels)
    assert f"The tokens of layer {at} were read as a grid of 2 x 3 behind 1 other." in e.provenance.notes
    given = cls(relu=False, grid=(2, 3), channels="last")(vit, scans, target=1, at=at)
    np.testing.assert_array_equal(given.values, e.values)
    assert e.plot() is not None


@pytest.mark.parametrize("cls", list(BY_PASSES), ids=lambda c: c.__name__)
def test_tokens_by_forward_passes(cls, vit, scans):
    """Ablation takes a channel of all tokens; its own loop gives the same."""
    at = "encoder.layers.1.norm1"
    e = cls(relu=False)(vit, scans, target=1, at=at)
    assert e.values.shape == (3, 2, 3)
    if cls is pellucid.ScoreCAM:
        return
    below = pellucid.wrap(vit)[:at]
    a = below.predict(scans)
    above, cam = pellucid.wrap(vit)[at:], torch.zeros(3, 2, 3, dtype=torch.float64)
    whole = above.predict(a, scans)[:, 1]
    for k in range(16):
        gone = a.clone()
        gone[..., k] = 0
        lost = whole - above.predict(gone, scans)[:, 1]
        cam += lost[:, None, None] * a[:, 1:, k].reshape(3, 2, 3)
    close(e.values, cam.numpy())


def test_the_default_of_a_transformer_is_its_last_layer_of_tokens():
    net = nets.seeded(lambda: nets.Patches(class_token=False))
    e = pellucid.HiResCAM()(net, nets.rows(2, 1, 8, 12), target=0)
    assert e.at == "encoder.layers.1.dropout2" or e.at.startswith("encoder")
    assert e.values.shape == (2, 2, 3)


def test_a_layer_that_only_the_class_token_leaves_is_named(vit, scans):
    e = pellucid.HiResCAM()(vit, scans, target=0, at="encoder")
    found = next(c for c in e.quality.checks if c.name == "class_token")
    assert found.status == "warn"
    assert "attention still reads" in found.advice


def test_text_tokens_have_no_grid():
    net = nets.seeded(nets.Ids)
    ids = torch.tensor([[1, 4, 3, 2, 5], [7, 7, 0, 1, 2]])
    assert pellucid.HiResCAM(channels="last")(net, ids, target=1, at="embedding").values.shape == (2, 5)


# -- what is refused ------------------------------------------------------------------------------------------------

MAPS = pytest.mark.parametrize("cls", [*ALL, pellucid.CAM, pellucid.GuidedGradCAM], ids=lambda c: c.__name__)


@MAPS
def test_a_layer_without_places(cls, net, x):
    with pytest.raises(LayerError, match=r"Layer 'fc1' has no places, only \(16,\) units"):
        cls()(net, x, target=1, at="fc1")


@MAPS
def test_a_network_without_feature_maps(cls):
    with pytest.raises(LayerError, match="No layer of the network has feature maps"):
        cls()(nets.seeded(nets.TABLE_NETS["gelu_mlp"]), nets.rows(2, 6), target=1)


@MAPS
def test_channels_on_either_axis(cls):
    net = nets.seeded(lambda: nn.Sequential(nn.Conv1d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2)))
    with pytest.raises(ParameterError, match="its channels may be either axis"):
        cls()(net, nets.rows(2, 3, 10), target=1)


@MAPS
def test_no_baseline(cls, net, x):
    with pytest.raises(ParameterError, match="compares with nothing"):
        cls()(net, x, target=1, baseline="zeros")


@pytest.mark.parametrize("grid", [(2,), (2, 0), "2x3", (2.0, 3), (1, 2, 3)])
def test_a_grid_that_is_none(grid):
    with pytest.raises(ParameterError, match="grid must be"):
        pellucid.GradCAM(grid=grid)


def test_a_grid_with_too_many_cells(vit, scans):
    with pytest.raises(ParameterError, match=r"A grid of \(3, 3\) has more cells than layer"):
        pellucid.GradCAM(grid=(3, 3))(vit, scans, target=1, at="encoder.layers.1.norm1")


@pytest.mark.parametrize("at", ["conv1", "conv2", "relu1"])
def test_cam_refuses_what_is_more_than_an_average(at):
    net, x = nets.seeded(nets.Pooled), nets.rows(2, 1, 8, 8)
    with pytest.raises(CapabilityError, match=f"after '{at}'"):
        pellucid.CAM()(net, x, target=1, at=at)


@pytest.mark.parametrize("target", [pellucid.LogProb(1), lambda y: y.softmax(1)[:, 1]])
def test_cam_refuses_a_softmax(target):
    with pytest.raises(CapabilityError, match="before any softmax"):
        pellucid.CAM()(nets.seeded(nets.Pooled), nets.rows(2, 1, 8, 8), target=target)


def test_cam_refuses_flattened_maps():
    net = nets.seeded(lambda: nn.Sequential(nn.Conv2d(1, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(180, 3)))
    with pytest.raises(CapabilityError, match="CAM needs a global average"):
        pellucid.CAM()(net, nets.rows(2, 1, 8, 8), target=1)


def test_activations_of_both_signs_are_said():
    net, x = nets.trained("pool_cnn")
    for cls, check in ((pellucid.XGradCAM, "cancelling"), (pellucid.GradCAMPlusPlus, "denominator")):
        assert next(c for c in cls()(net, x[:20]).quality.checks if c.name == check).status == "warn"
