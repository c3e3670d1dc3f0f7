"""How a layer groups the digits, and their shadows: held against scikit-learn and the true classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, silhouette_score
from torch import nn

import pellucid
from pellucid import ActivationClusters, Projection, plots
from pellucid.cli.demo.train import digits as trained_digits
from pellucid.core.errors import CapabilityError, DataError, LayerError, ParameterError
from tests import nets

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")


@pytest.fixture(scope="module")
def digits():
    """A small CNN trained on digits, with smoothed labels and decay as networks are today, and 600 it never saw."""
    X, y = load_digits(return_X_y=True)
    x = torch.tensor(X.reshape(-1, 1, 8, 8) / 16, dtype=torch.float32)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nets.PoolCNN()
        net.conv1, net.conv2 = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
        net.fc1, net.fc2 = nn.Linear(128, 64), nn.Linear(64, 10)
        optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.2)
        labels = torch.tensor(y)
        for _ in range(25):
            for rows in torch.randperm(1197).split(32):
                optimiser.zero_grad()
                F.cross_entropy(net(x[rows]), labels[rows], label_smoothing=0.2).backward()
                optimiser.step()
    return net.eval(), x[1197:].numpy(), y[1197:]


def hidden(net, x):
    with torch.no_grad():
        t = torch.tensor(x)
        t = net.pool(net.conv1(t).relu())
        t = net.pool(net.conv2(t).relu())
        return net.fc1(t.flatten(1)).relu().double().numpy()


def test_the_last_hidden_layer_groups_the_digits(digits):
    net, x, y = digits
    e = ActivationClusters()(net, x, y=y)
    assert e.at == "F.relu#3"
    assert e.tried == tuple(range(2, 13))
    assert len(e.values) == e.tried[int(np.argmax(e.scores))]
    a = hidden(net, x)
    assert e.agreement == pytest.approx(adjusted_rand_score(y, e.labels))
    b = a / np.linalg.norm(a, axis=1, keepdims=True)
    best = silhouette_score(b, e.labels)
    assert np.nanmean(e.silhouette) == pytest.approx(best, abs=1e-6)
    assert e.agreement >= 0.9
    for c in range(len(e.values)):
        mine = e.labels == c
        np.testing.assert_allclose(e.values[c], a[mine].mean(0), atol=1e-5)
        distances = np.sqrt(((b - b[mine].mean(0)) ** 2).sum(1))
        rows = e.nearest[c]
        assert (e.labels[rows] == c).all()
        np.testing.assert_allclose(distances[rows], np.sort(distances[mine])[: len(rows)], rtol=1e-4)
        np.testing.assert_array_equal(e.nearest_x[c], x[rows])
        classes, counts = np.unique(y[mine], return_counts=True)
        assert e.majority[c] == str(classes[counts.argmax()])
        assert e.purity[c] == pytest.approx(counts.max() / counts.sum())
        unit = e.telling[c, 0]
        pooled = np.sqrt((a[mine].var(0) * mine.sum() + a[~mine].var(0) * (~mine).sum()) / len(a))[unit]
        assert e.apart[c, 0] == pytest.approx((a[mine].mean(0) - a[~mine].mean(0))[unit] / pooled, rel=1e-3)
    assert (np.diff(e.sizes) <= 0).all()
    assert len(e.to_frame()) == len(x)


def test_the_demos_network_groups_the_digits_that_it_never_saw():
    """With the number of groups found, not told."""
    t = trained_digits(seed=0)
    e = ActivationClusters()(t.model, t.X, y=t.y)
    assert len(e.values) == 10
    assert e.agreement == pytest.approx(adjusted_rand_score(t.y, e.labels))
    assert e.agreement >= 0.9


def test_hdbscan_leaves_rows_out(digits):
    net, x, y = digits
    e = ActivationClusters(by="hdbscan", smallest=15)(net, x, y=y)
    assert (e.labels == -1).any()
    assert np.isnan(e.silhouette[e.labels == -1]).all()
    inside = e.labels >= 0
    assert adjusted_rand_score(y[inside], e.labels[inside]) > 0.8


def test_where_there_are_no_groups_it_is_said():
    net = nets.seeded(lambda: nn.Sequential(nn.Linear(40, 40), nn.Linear(40, 2)))
    with pytest.warns(pellucid.PellucidWarning, match=r"hardly stand apart"):
        e = ActivationClusters()(net, nets.rows(200, 40))
    assert e.quality.verdict == "caution"
    assert "1e" not in e.narrate()


def test_maps_count_by_their_means(digits):
    net, x, _ = digits
    e = ActivationClusters(clusters=3)(net, x[:50], at="conv2")
    assert e.values.shape == (3, 32)
    assert any("each counts by its mean" in note for note in e.provenance.notes)


@pytest.mark.parametrize("at", ["input", "fc1", "F.relu#3"])
def test_components_equal_scikit_learns_to_sign(digits, at):
    net, x, y = digits
    e = Projection(components=4)(net, x, at=at, y=y)
    a = x.reshape(len(x), -1).astype(float)
    if at != "input":
        a = pellucid.FeatureMaps()(net, x, at=at).values.astype(float)
    reference = PCA(4, svd_solver="full").fit(a)
    signs = np.sign((e.axes * reference.components_).sum(1))
    np.testing.assert_allclose(e.values * signs, reference.transform(a), atol=1e-6 * np.abs(a).max() * 10)
    np.testing.assert_allclose(e.axes * signs[:, None], reference.components_, atol=1e-6)
    np.testing.assert_allclose(e.explained, reference.explained_variance_ratio_, rtol=1e-8)
    np.testing.assert_allclose(e.centre, a.mean(0), atol=1e-12)


def test_points_know_their_classes_and_rows(digits):
    net, x, y = digits
    e = Projection()(net, x[:100], y=y[:100])
    with torch.no_grad():
        predicted = net(torch.tensor(x[:100])).argmax(1).numpy()
    assert e.predicted == tuple(map(str, predicted))
    assert e.truth == tuple(map(str, y[:100]))
    np.testing.assert_array_equal(e.wrong, predicted != y[:100])
    assert e.to_frame()["truth"].tolist() == list(e.truth)
    for colour in ("truth", "predicted", "error"):
        plots.draw(e, colour=colour, mark=(3, 17)).figure.canvas.draw()
    texts = [t.get_text() for t in plots.draw(e, mark=(17,)).texts]
    assert "17" in texts
    unnamed = Projection()(net, x[:100])
    with pytest.raises(ParameterError, match=r"cannot be coloured by 'truth'. Choose predicted"):
        plots.draw(unnamed, colour="truth")


def test_neighbours_stay_neighbours_in_tsne(digits):
    net, x, y = digits
    e = Projection(by="tsne")(net, x[:250], y=y[:250])
    assert e.values.shape == (250, 2)
    assert e.explained.size == 0
    assert e.quality.check("neighbours").value < 0.1
    with pellucid.options(seed=0):
        np.testing.assert_array_equal(Projection(by="tsne")(net, x[:250]).values, e.values)
    nearest = ((e.values[:, None] - e.values[None]) ** 2).sum(-1) + np.eye(250) * 1e9
    assert np.mean(y[nearest.argmin(1)] == y[:250]) > 0.9


def test_bad_input(digits):
    net, x, _ = digits
    with pytest.raises(DataError, match=r"three rows or more"):
        ActivationClusters()(net, x[:2])
    with pytest.raises(DataError, match=r"three rows or more"):
        Projection()(net, x[:2])
    with pytest.raises(ParameterError, match=r"4 rows make no 9 clusters"):
        ActivationClusters(clusters=9)(net, x[:4])
    with pytest.raises(ParameterError, match=r"have 3 components at most"):
        Projection(components=9)(net, x[:4])
    with pytest.raises(LayerError, match=r"no layer 'inputs'"):
        Projection()(net, x[:4], at="inputs")
    with pytest.raises(pellucid.PellucidError, match=r"x has 4 rows and y 3"):
        Projection()(net, x[:4], y=[1, 2, 3])
    with pytest.raises(CapabilityError, match=r"has no layers"):
        ActivationClusters()(lambda rows: rows.sum(1), np.ones((5, 3)))
    with pytest.raises(ParameterError, match=r"by=.* must be one of kmeans, hdbscan"):
        ActivationClusters(by="means")
