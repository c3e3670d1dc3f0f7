"""Black-box methods on problems whose attribution is known by construction: it is found again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

import pellucid
from pellucid import Background, Conditional, Grouped, Segments

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")

SHAPLEY = [
    pellucid.KernelShap(budget=600),
    pellucid.PermutationShap(budget=1000),
    pellucid.GaussianShap(budget=300),
]
ADDING_UP = [*SHAPLEY, pellucid.PartitionShap(), pellucid.LIME(top=20, budget=2000)]
SINGLE = [pellucid.Ablation(), pellucid.Occlusion()]
everyone = pytest.mark.parametrize("method", [*ADDING_UP, *SINGLE], ids=lambda m: m.name)
by_shapley = pytest.mark.parametrize("method", SHAPLEY, ids=lambda m: m.name)

PLAYERS, ROWS = 16, 4


def table(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(ROWS, PLAYERS)), rng.normal(size=(60, PLAYERS))


def ranks(found: np.ndarray, known: np.ndarray) -> float:
    """The smallest rank correlation of a row."""
    return min(float(spearmanr(a, b).statistic) for a, b in zip(found, known, strict=True))


# -- tables ---------------------------------------------------------------------------------------------------------


@everyone
def test_an_additive_problem(method):
    """Known: w_j (x_j - mean of the background)."""
    x, background = table()
    w = np.linspace(-2, 2, PLAYERS)
    e = method(lambda r: r @ w, x, background=background)
    known = w * (x - background.mean(0))
    assert ranks(e.values, known) >= 0.95
    if method.name != "lime":
        np.testing.assert_allclose(e.values, known, atol=0.02 * np.abs(known).max())


@by_shapley
def test_an_interaction_problem(method):
    """Known: of a product behind zero each factor has half, of three factors a third; the others their own."""
    x, _ = table(1)
    f = lambda r: r[:, 0] * r[:, 1] + 2 * r[:, 2] * r[:, 3] * r[:, 4] + r[:, 5:] @ np.linspace(0.1, 1, 11)  # noqa: E731
    known = np.zeros_like(x)
    known[:, :2] = (x[:, 0] * x[:, 1])[:, None] / 2
    known[:, 2:5] = 2 * x[:, 2:5].prod(1, keepdims=True) / 3
    known[:, 5:] = x[:, 5:] * np.linspace(0.1, 1, 11)
    e = method(f, x, baseline=0.0)
    assert ranks(e.values, known) >= 0.95


def test_an_interaction_problem_by_pairs():
    """The pairs themselves: of three factors each pair has half of the whole, as everyone's share of it asks."""
    x = np.array([[1.5, -2.0, 0.5, 3.0, 1.0, 2.0]])
    e = pellucid.ShapleyInteractions()(
        lambda r: r[:, 0] * r[:, 1] + r[:, 2] * r[:, 3] * r[:, 4], x, baseline=0.0
    )
    assert e.names[e.pairs[0][0]] == "x0"
    assert 2 * e.values[0, 0, 1] == pytest.approx(-3.0)
    for i, j in ((2, 3), (2, 4), (3, 4)):
        assert 2 * e.values[0, i, j] == pytest.approx(1.5 / 2)
    assert not e.values[0, 5].any()


@by_shapley
def test_correlated_columns(method):
    """Known for a Gaussian table and a line: what each column does by itself, and given the others.

    The background's rows follow the correlation; behind independent rows a column has w_j (x_j - mean), behind its
    neighbours the mean over orders of the conditional expectations, worked out here from the covariance.
    """
    rng = np.random.default_rng(2)
    players = 6
    chol = np.tril(rng.uniform(-0.2, 0.7, (players, players)), -1) + np.eye(players)
    cov = chol @ chol.T
    known_rows = rng.normal(size=(6000, players)) @ chol.T
    x, w = known_rows[:3] * 1.5, np.array([2.0, -1.0, 0.0, 1.0, 0.5, 0.0])
    f = lambda r: r @ w  # noqa: E731
    apart = method(f, x, masker=Background(known_rows[:200]))
    assert ranks(apart.values, w * (x - known_rows[:200].mean(0))) >= 0.95
    near = method(f, x, masker=Conditional(known_rows, 40))
    exact = np.stack([conditional(w, cov, row) for row in x])
    together = np.array([spearmanr(a, b).statistic for a, b in zip(near.values, exact, strict=True)])
    assert np.corrcoef(near.values.ravel(), exact.ravel())[0, 1] > 0.95
    assert np.median(together) >= 0.9
    assert apart.values[:, [2, 5]] == pytest.approx(0, abs=1e-9), "what the model does not read"


def conditional(w: np.ndarray, cov: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Shapley values of E[w x | x_S] for a Gaussian of mean zero."""
    from tests.twins.shapley import by_subsets

    def value(coalition: frozenset[int]) -> float:
        s = sorted(coalition)
        if not s:
            return 0.0
        return float(w @ (cov[:, s] @ np.linalg.solve(cov[np.ix_(s, s)], row[s])))

    return by_subsets(len(row), value)


def test_correlated_columns_in_a_hierarchy():
    """Owen values: two copies share what they do, and their group has what one of them would have alone."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 80))
    known = np.stack([a, a + 0.01 * rng.normal(size=80), b], 1)
    x = np.array([[2.0, 2.0, 1.0]])
    e = pellucid.PartitionShap()(lambda r: np.maximum(r[:, 0], r[:, 1]) + r[:, 2], x, background=known)
    whole = pellucid.ExactShapley()(
        lambda r: np.maximum(r[:, 0], r[:, 1]) + r[:, 2], x, masker=Grouped([[0, 1]], Background(known))
    )
    assert e.values[0, :2].sum() == pytest.approx(whole.player_values[0, 0], abs=1e-9)
    assert e.values[0, 0] == pytest.approx(e.values[0, 1], abs=0.05)


# -- texts ----------------------------------------------------------------------------------------------------------

FILLER = "the of and to in is it you that he was for on are with as his they be at".split()  # noqa: SIM905
PLANTED = {"superb": 3.0, "dreadful": -2.0, "fine": 1.0}


def planted_texts(count: int, seed: int = 0) -> tuple[list[str], list[np.ndarray]]:
    """Texts of twelve fillers with two to four words of known worth among them, some of them twice."""
    rng = np.random.default_rng(seed)
    texts, known = [], []
    for _ in range(count):
        words = [*rng.choice(FILLER, 12), *rng.choice(list(PLANTED), rng.integers(2, 5))]
        words = [words[i] for i in rng.permutation(len(words))]
        texts.append(" ".join(words))
        known.append(np.array([PLANTED.get(w, 0.0) for w in words]))
    return texts, known


def worth(texts: list[str]) -> np.ndarray:
    return np.array([float(sum(PLANTED.get(w, 0.0) for w in t.split())) for t in texts])


@pytest.mark.parametrize(
    "method", [*SHAPLEY, pellucid.PartitionShap(), pellucid.LIME(top=20), *SINGLE], ids=lambda m: m.name
)
def test_planted_words(method):
    texts, known = planted_texts(4)
    e = method(worth, texts)
    for row, values in enumerate(known):
        mine = e.values[row, : len(values)]
        assert spearmanr(np.round(mine, 1), values).statistic >= 0.95
        np.testing.assert_allclose(mine, values, atol=0.05)


@pytest.mark.parametrize(
    "method",
    [pellucid.ExactShapley(), pellucid.PermutationShap(), pellucid.PartitionShap(), *SINGLE],
    ids=lambda m: m.name,
)
def test_a_null_word_has_exactly_nothing_and_each_occurrence_its_own(method):
    """Of two "bad" the first, in the first half of the text, counts double, though they are one word."""

    def placed(texts: list[str]) -> np.ndarray:
        out = []
        for text in texts:
            front = text.split(",")[0].split()
            out.append(-2.0 * front.count("bad") - text.split(",")[1].split().count("bad"))
        return np.array(out)

    e = method(placed, "a bad start , then bad again")
    assert e.features.row(0) == ("a", "bad", "start", "then", "bad", "again")
    assert (e.values[0, [0, 2, 3, 5]] == 0).all()
    np.testing.assert_allclose(e.values[0, [1, 4]], [-2, -1], atol=1e-12)


# -- images ---------------------------------------------------------------------------------------------------------

SIDE, PATCH = 32, 8


def planted_images(count: int, seed: int = 0) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Noise with one bright checked patch, on the grid of the segments."""
    rng = np.random.default_rng(seed)
    images = 0.3 * rng.random((count, 1, SIDE, SIDE))
    places = [tuple(int(v) * PATCH for v in rng.integers(0, SIDE // PATCH, 2)) for _ in range(count)]
    check = np.indices((PATCH, PATCH)).sum(0) % 2
    for image, (y, x) in zip(images, places, strict=True):
        image[0, y : y + PATCH, x : x + PATCH] += 0.7 * check
    return images, places


def checked(images: np.ndarray) -> np.ndarray:
    """How much the image holds of a checked pattern, wherever it is: the best of all windows."""
    check = 2.0 * (np.indices((PATCH, PATCH)).sum(0) % 2) - 1
    windows = np.lib.stride_tricks.sliding_window_view(images[:, 0], (PATCH, PATCH), axis=(1, 2))[:, ::2, ::2]
    return np.tensordot(windows, check, axes=2).max((1, 2)) / PATCH**2


CASES = [
    *(
        (m, "mean")
        for m in (*SHAPLEY, pellucid.PartitionShap(), pellucid.LIME(budget=300), pellucid.Ablation())
    ),
    *(
        (m, fill)
        for m in (pellucid.KernelShap(budget=150), pellucid.Ablation())
        for fill in ("blur", "inpaint")
    ),
]


@pytest.mark.parametrize(("method", "fill"), CASES, ids=[f"{m.name}-{fill}" for m, fill in CASES])
def test_a_planted_patch_is_the_top_segment(method, fill):
    """In at least 95 % of images; which regions there are is known, where the patch is is not."""
    images, places = planted_images(20)
    e = method(checked, images, masker=Segments("grid", count=16, fill=fill))
    hits = [int(e.player_values[k].argmax()) == e.regions[k, y, x] for k, (y, x) in enumerate(places)]
    assert np.mean(hits) >= 0.95


def bright(images: np.ndarray) -> np.ndarray:
    """How bright the brightest window is."""
    windows = np.lib.stride_tricks.sliding_window_view(images[:, 0], (PATCH, PATCH), axis=(1, 2))[:, ::2, ::2]
    return windows.mean((3, 4)).max((1, 2))


def test_a_planted_patch_in_superpixels_that_know_nothing_of_it():
    """Default regions follow colours: the top one lies on the patch in at least 95 % of images."""
    rng = np.random.default_rng(1)
    images, places = 0.2 * rng.random((20, 1, SIDE, SIDE)), rng.integers(0, SIDE - PATCH, (20, 2))
    for image, (y, x) in zip(images, places, strict=True):
        image[0, y : y + PATCH, x : x + PATCH] += 0.7
    e = pellucid.PartitionShap()(bright, images)
    hits = []
    for k, (y, x) in enumerate(places):
        top = e.regions[k] == int(np.nanargmax(e.player_values[k]))
        hits.append(top[y : y + PATCH, x : x + PATCH].sum() > 0.5 * top.sum())
    assert np.mean(hits) >= 0.95


def test_a_planted_patch_by_soft_masks():
    images, places = planted_images(10, seed=2)
    e = pellucid.RISE(budget=1500, cells=4)(checked, images, baseline="mean")
    hits = []
    for values, (y, x) in zip(e.values[:, 0], places, strict=True):
        peak = np.unravel_index(int(values.argmax()), values.shape)
        hits.append(abs(peak[0] - y - PATCH / 2) <= PATCH and abs(peak[1] - x - PATCH / 2) <= PATCH)
    assert np.mean(hits) >= 0.9


# -- series ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [*SHAPLEY, pellucid.LIME(top=20, budget=500)], ids=lambda m: m.name)
def test_a_planted_window(method: Any):
    rng = np.random.default_rng(4)
    x = 0.2 * rng.normal(size=(10, 2, 60))
    start = rng.integers(0, 15, 10) * 4
    for row, a in zip(x, start, strict=True):
        row[0, a : a + 4] += 2
    f = lambda s: s[:, 0].reshape(len(s), 15, 4).mean(2).max(1)  # noqa: E731
    e = method(f, x, masker=pellucid.Stretches(15, "mean"), features=pellucid.Steps())
    assert (e.player_values.argmax(1) == start // 4).all()
