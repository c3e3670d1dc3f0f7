"""Counterfactuals of images: a digits network, in regions and by a generator; valid, and as small as can be shown."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

import pellucid
from pellucid import Constraints, Counterfactual, Generator, Pixels, Segments
from pellucid.core.errors import ParameterError, ShapeError
from tests import nets

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")

IMAGES = (load_digits().images / 16).astype(np.float32)[:, None]
LABELS = load_digits().target
BY_PIXEL = Segments(labels=np.arange(64).reshape(8, 8), fill=0.0)


@lru_cache
def digits() -> nn.Module:
    """A small network that knows nine digits in ten and more."""

    def make() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(256, 10),
        )  # fmt: skip

    net = nets.seeded(make)
    x, y = torch.tensor(IMAGES[:1200]), torch.tensor(LABELS[:1200])
    optimiser = torch.optim.Adam(net.parameters(), 5e-3)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimiser.step()
    assert (said(net, IMAGES[1200:]) == LABELS[1200:]).mean() > 0.9
    return net


def said(net: nn.Module, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return net(torch.tensor(images)).argmax(1).numpy()


ROWS = np.arange(1200, 1207)


def test_regions_of_real_images_of_the_wanted_class():
    net, x = digits(), IMAGES[ROWS]
    wanted = (said(net, x) + 3) % 10
    segments = Segments(labels="grid", count=16)
    e = Counterfactual()(net, x, target=wanted, background=IMAGES[:300], space=segments)
    assert set(e.status) == {"found"}
    assert (said(net, e.values) == wanted[e.of]).all()
    assert e.quality.grads > 0
    # what is returned is the image, its changed regions on the way to one real image, and the distance is that
    np.testing.assert_allclose(e.distance, np.abs(e.difference).reshape(len(e), -1).mean(1), atol=1e-6)
    assert ((e.amounts >= 0) & (e.amounts <= 1)).all()
    for m in range(len(e)):
        still = np.isin(e.regions[m], np.flatnonzero(e.amounts[m] == 0))
        assert not e.difference[m][0][still].any()
    # nearer than the nearest real image of that class
    real = IMAGES[:300]
    for m, of in enumerate(e.of):
        fits = real[said(net, real) == wanted[of]]
        assert e.distance[m] < 0.7 * np.abs(fits - x[of]).mean((1, 2, 3)).min()


@pytest.mark.parametrize("fill", [0.0, "blur", "mean"])
def test_found_wherever_a_set_of_regions_turns_the_answer(fill):
    net, x = digits(), IMAGES[ROWS]
    segments = Segments(labels="grid", count=9, fill=fill)
    e = Counterfactual()(net, x, space=segments)
    assert (said(net, e.values) != said(net, x)[e.of]).all()
    regions = segments.regions(x[0], Pixels("first"))
    sets = (np.arange(2**9)[:, None] >> np.arange(9)) & 1
    for row, image in enumerate(x):
        filled = segments.filled(image, Pixels("first"))
        every = np.where(sets[:, regions][:, None] == 1, filled, image).astype(np.float32)
        turned = said(net, every) != said(net, image[None])
        if turned.any():
            assert e.status[row] == "found"
            best = np.abs(every - image).mean((1, 2, 3))[turned].min()
            assert e.distance[e.of_row(row)[0]] <= best * 1.01


def test_a_linear_network_in_pixels_is_at_the_known_optimum():
    net = nets.seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 2)))
    x = IMAGES[:8]
    e = Counterfactual(distance="l1")(net, x, space=BY_PIXEL)
    weight = (net[1].weight[1] - net[1].weight[0]).detach().numpy().astype(float)
    bias = float((net[1].bias[1] - net[1].bias[0]).detach())
    assert "found" in e.status
    for m, of in enumerate(e.of):
        flat = x[of].ravel().astype(float)
        lead = flat @ weight + bias
        gain = np.sign(lead) * weight * flat  # what setting a pixel to 0 takes from the lead
        order, need, cost = (
            np.argsort(-np.where(flat > 0, gain / np.maximum(flat, 1e-9), -np.inf)),
            abs(lead),
            0.0,
        )
        for j in order:
            if need <= 0 or gain[j] <= 0:
                break
            share = min(1.0, need / gain[j])
            need, cost = need - share * gain[j], cost + share * flat[j] / 64
        assert need <= 1e-6
        assert e.distance[m] == pytest.approx(cost, rel=0.05)
        assert e.distance[m] >= cost * (1 - 1e-3)


def test_a_generator_changes_its_code():
    net, x = digits(), IMAGES[ROWS]
    flat = IMAGES[:1200].reshape(1200, -1)
    mean = flat.mean(0)
    axes = np.linalg.svd(flat - mean, full_matrices=False)[2][:20]
    spread = ((flat - mean) @ axes.T).std(0)
    decoder = nn.Sequential(nn.Linear(20, 64), nn.Unflatten(1, (1, 8, 8)))
    with torch.no_grad():
        decoder[0].weight[:] = torch.tensor((axes * spread[:, None]).T)
        decoder[0].bias[:] = torch.tensor(mean)
    codes = ((x.reshape(len(x), -1) - mean) @ axes.T / spread).astype(np.float32)
    usual = ((flat[:200] - mean) @ axes.T / spread).astype(np.float32)
    e = Counterfactual(distance="l2")(net, x, space=Generator(decoder, codes, usual))
    assert set(e.status) == {"found"}
    assert e.is_drawn
    assert (said(net, e.values) != said(net, e.x)[e.of]).all()
    with torch.no_grad():
        again = decoder(torch.tensor(codes[e.of] + e.amounts.astype(np.float32))).numpy()
    np.testing.assert_allclose(again, e.values, atol=1e-4)
    np.testing.assert_allclose(e.distance, np.sqrt((e.amounts**2).sum(1)), rtol=1e-4)
    # by questions alone it comes out much the same
    plain = lambda z: (z @ (axes * spread[:, None]) + mean).reshape(-1, 1, 8, 8)  # noqa: E731
    asked = Counterfactual(distance="l2")(net, x[:3], space=Generator(plain, codes[:3], usual))
    assert (asked.distance <= e.distance[:3] * 1.3).all()
    assert "generator" in e.narrate()


def test_constraints_and_several_answers():
    net, x = digits(), IMAGES[ROWS[:4]]
    segments = Segments(labels="grid", count=16, fill=0.0)
    e = Counterfactual(k=2)(
        net, x, background=IMAGES[:200], space=segments,
        constraints=Constraints(immutable=["region 5", "region 6"], most_changes=6),
    )  # fmt: skip
    assert len(e) > 4
    assert (e.counts <= 6).all()
    assert not e.amounts[:, [5, 6]].any()
    assert (said(net, e.values) != said(net, x)[e.of]).all()


def test_what_is_there_already_and_what_is_not_found():
    net, x = digits(), IMAGES[ROWS[:2]]
    assert set(Counterfactual()(net, x, target=said(net, x)).status) == {"already"}
    never = lambda images: np.stack([np.ones(len(images)), np.zeros(len(images))], 1)  # noqa: E731
    e = Counterfactual(budget=200)(never, x, target=1)
    assert e.status == ("not_found",) * 2
    for lang in ("en", "zh"):
        assert e.narrate(lang)
        assert e.plot(lang=lang) is not None


@pytest.mark.parametrize(
    ("knobs", "call", "text"),
    [
        ({"noise": 0.1}, {}, "for tables"),
        ({"exact": True}, {}, "for tables"),
        ({"distance": "gower"}, {}, "l1 or l2"),
        ({}, {"space": "regions"}, "regions or by a generator"),
        ({}, {"space": Segments(fill="inpaint")}, "depends on what is absent"),
        ({}, {"constraints": Constraints(immutable=["region 99"])}, "region 99"),
    ],
)
def test_bad_input(knobs, call, text):
    with pytest.raises(ParameterError, match=text):
        Counterfactual(**knobs)(digits(), IMAGES[:2], **call)


def test_a_generator_of_other_shapes():
    with pytest.raises(ShapeError, match="one code for each"):
        Counterfactual()(digits(), IMAGES[:2], space=Generator(lambda z: z, np.zeros((3, 4))))
    with pytest.raises(ShapeError, match="must draw images"):
        Counterfactual()(digits(), IMAGES[:2], space=Generator(lambda z: z, np.zeros((2, 4))))
    with pytest.raises(ParameterError, match="for images"):
        Counterfactual()(lambda r: r, np.eye(3), space=Segments())


def test_told_drawn_and_kept(tmp_path):
    net, x = digits(), IMAGES[ROWS[:2]]
    e = Counterfactual()(
        net, x, background=IMAGES[:200], space=Segments(labels="grid", count=16), features=Pixels("first")
    )
    text, chinese = e.narrate(), e.narrate("zh")
    assert "of 16 regions" in text
    assert "the model would have said" in text
    assert "区域" in chinese
    for word in ("because", "cause", "led to", "should"):
        assert word not in text
    for lang in ("en", "zh"):
        ax = e.plot("before_after", lang=lang, row=1)
        ax.figure.canvas.draw()
        assert len(ax.child_axes) >= 3
    again = pellucid.load(e.save(tmp_path / "e"))
    np.testing.assert_array_equal(again.values, e.values)
    assert list(e.to_frame()["changes"]) == e.counts.tolist()
    with pytest.raises(ParameterError, match="no answer"):
        e.plot("before_after", row=1, number=5)
