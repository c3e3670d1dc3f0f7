"""Interactions of pairs beside shapiq's, exact and at the same number of evaluations; ablation beside captum's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid
from tests.methods.test_kernel_shap import data, tangled

shapiq = pytest.importorskip("shapiq")
pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]


def asked(f: Any, row: np.ndarray, background: np.ndarray) -> Any:
    """The interventional game as shapiq asks it."""

    def game(coalitions: np.ndarray) -> np.ndarray:
        present = np.atleast_2d(coalitions).astype(bool)
        rows = np.where(present[:, None], row, background)
        return f(rows.reshape(-1, len(row))).reshape(len(present), -1).mean(1)

    return game


def matrix(found: Any, players: int) -> np.ndarray:
    out = np.zeros((players, players))
    for i in range(players):
        out[i, i] = found[(i,)]
        for j in range(i):
            out[i, j] = out[j, i] = found[(j, i)] / 2
    return out


@pytest.mark.parametrize("players", [4, 8])
def test_exact_pairs_are_those_of_shapiq(players):
    f, (x, background) = tangled(players), data(players)
    e = pellucid.ShapleyInteractions()(f, x, background=background)
    for row, values in zip(x, e.values, strict=True):
        computer = shapiq.ExactComputer(game=asked(f, row, background), n_players=players)
        np.testing.assert_allclose(values, matrix(computer("k-SII", order=2), players), atol=1e-9)


def test_ablation_is_that_of_captum():
    captum = pytest.importorskip("captum.attr")
    torch = pytest.importorskip("torch")
    from tests import nets

    net = nets.seeded(nets.PoolCNN)
    net.eval()
    images = nets.rows(3, 1, 8, 8)
    labels = np.kron(np.arange(4).reshape(2, 2), np.ones((4, 4), int))
    with torch.no_grad():
        theirs = captum.FeatureAblation(net).attribute(
            images, target=1, feature_mask=torch.from_numpy(labels)[None, None], baselines=0.3
        )
    ours = pellucid.Ablation()(net, images, target=1, masker=pellucid.Segments(labels, fill=0.3))
    np.testing.assert_allclose(ours.values, theirs.numpy(), atol=1e-5)
