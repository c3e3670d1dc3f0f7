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


def test_sampled_pairs_are_nearer_than_those_of_shapiq():
    """At the same budget on a game with interactions of every order up to four."""
    players, budget = 12, 1000
    f, (x, background) = tangled(players), data(players)
    exact = pellucid.ShapleyInteractions(budget=5000)(f, x, background=background).values
    ours, theirs = [], {}
    for seed in range(4):
        with pellucid.options(seed=seed):
            method = pellucid.ShapleyInteractions(budget=budget)
            ours.append(method(f, x, background=background).values - exact)
        for kind in ("KernelSHAPIQ", "SVARMIQ", "SHAPIQ", "PermutationSamplingSII"):
            approximator = getattr(shapiq.approximator, kind)
            for row, wanted in zip(x, exact, strict=True):
                found = approximator(n=players, max_order=2, index="k-SII", random_state=seed).approximate(
                    budget=method.calls(players), game=asked(f, row, background)
                )
                theirs.setdefault(kind, []).append(matrix(found, players) - wanted)
    mine = float(np.sqrt(np.mean(np.square(ours))))
    for kind, off in theirs.items():
        assert mine < 0.8 * float(np.sqrt(np.mean(np.square(off)))), kind


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
